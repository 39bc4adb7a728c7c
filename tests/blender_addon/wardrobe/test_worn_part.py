"""Parts that people wear: posed with the body, in place of layers, over skin that they hide."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.bodies.rotations import rodrigues
from blender_addon.bodies.skinning import moved
from blender_addon.wardrobe import items
from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.outfit import Garment, Hair, Item, Outfit
from blender_addon.wardrobe.worn_part import Fitting, PartSurface, WornPart

METAL = PartSurface("metal", roughness=0.2)
SHOES = Garment("shoes", hem=0.07)


def copy_of_the_body(fitting: Fitting, item: Item) -> list[WornPart]:
    """Every second face of the body as a part that stands for shoes and hides the rest."""
    faces = np.asarray(fitting.model.faces)[::2].astype(np.int32)
    joints, weights = fitting.follow(np.arange(len(fitting.shaped)), most=24)
    hides = np.zeros(len(fitting.model.faces), dtype=bool)
    hides[1::2] = True
    return [
        WornPart(
            "copy", np.asarray(fitting.shaped, np.float32), faces,
            np.zeros((len(faces), 3, 2), np.float32), np.full((len(faces), 3), 0.5, np.float32),
            joints, weights, np.arange(len(faces), dtype=np.int32) * 2, METAL, hides, ("shoes",),
        )
    ]  # fmt: skip


@pytest.fixture
def dressed(body, chart, monkeypatch):
    monkeypatch.setattr(items, "BUILDERS", {"copy": copy_of_the_body})
    outfit = Outfit(hair=Hair("bald", volume=0.0), garments=(SHOES,), items=(Item("copy"),))
    pose = np.random.default_rng(1).normal(0, 0.3, (body.num_joints, 3))
    return Wearable(body, chart, (0.5,), outfit).posed(pose, (1.0, 2.0, 3.0)), pose


def test_a_part_moves_with_the_body(body, dressed):
    dressed, pose = dressed
    posed = body.pose((0.5,), pose, (1.0, 2.0, 3.0)).vertices
    own = dressed.vertices[dressed.faces[dressed.part_faces]]
    # Pose correctives are the body's; a part has none.
    assert np.abs(own - posed[np.asarray(body.faces)[::2]]).max() < 0.03
    assert np.isfinite(own).all()


def test_a_part_replaces_layers_and_hides_skin(body, dressed):
    dressed, _ = dressed
    assert dressed.surfaces == (METAL,)
    assert set(dressed.material[dressed.part_faces]) == {len(MATERIALS)}
    assert MATERIALS.index("shoes") not in dressed.material
    skin = dressed.source[dressed.material == MATERIALS.index("skin")]
    assert not np.any(skin % 2)
    assert len(dressed.part_faces) == len(dressed.uv) == len(dressed.color)
    assert dressed.faces.max() == len(dressed.vertices) - 1


def test_a_rigid_part_follows_one_joint(body, chart):
    shaped, joints = body.shape_blend(())
    fitting = Fitting(body, chart, shaped, joints)
    with pytest.raises(ValueError):
        fitting.joint("tail")
    index, weights = fitting.rigid("head", 5)
    assert (index == body.joint_names.index("head")).all()
    assert weights.shape == (5, 1)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.3, 1.0, -0.4), (0, 0, np.pi / 2), (0, 0, -1.5)])
def test_a_hanging_part_points_down_in_every_pose(body, chart, turn):
    _, joints = body.shape_blend(())
    at, down = np.array([0.7, 0.2, 0.1]), np.array([1.0, 0.0, 0.0])
    ends = np.stack([at, at + 0.3 * down]).astype(np.float32)
    index, weights = Fitting(body, chart, *body.shape_blend(())).rigid("left_wrist", 2)
    none = np.zeros((0, 3), np.float32)
    part = WornPart(
        "bag", ends, none.astype(np.int32), none.reshape(0, 3, 2), none, index, weights,
        np.zeros(0, np.int32), hangs=np.stack([at, down]),
    )  # fmt: skip
    pose = np.zeros((body.num_joints, 3))
    pose[body.joint_names.index("left_shoulder")] = turn
    G_rel = body.relative_transforms(body.kinematic_chain(rodrigues(pose), joints), joints)
    held, end = moved(part.vertices, part.transforms(G_rel))
    wrist = G_rel[index[0, 0]]
    assert np.allclose(held, wrist[:3, :3] @ at + wrist[:3, 3], atol=1e-5)  # the hand holds it
    assert np.allclose(end - held, [0, 0, -0.3], atol=1e-5)


def test_covers_leaves_out_layers_beneath(body, chart, monkeypatch):
    """Hidden by the part, socks are left out as skin is."""

    def shoe(covers):
        def build(fitting: Fitting, item: Item) -> list[WornPart]:
            hides = np.asarray(fitting.chart["tread"])[fitting.model.faces].max(axis=1) < 0.05
            return [
                dataclasses.replace(copy_of_the_body(fitting, item)[0], hides=hides, covers=covers)
            ]

        return {"copy": build}

    outfit = Outfit(
        hair=Hair("bald", volume=0.0),
        garments=(Garment("socks", hem=-99.0, waist=-1.7),),
        items=(Item("copy"),),
    )
    count = {}
    for covers in ((), ("socks",)):
        monkeypatch.setattr(items, "BUILDERS", shoe(covers))
        worn = Wearable(body, chart, (), outfit)
        count[covers] = int((worn.material == MATERIALS.index("socks")).sum())
    assert 0 < count[("socks",)] < count[()] - 500


def test_parts_lie_on_the_clothes(body, chart, monkeypatch):
    """A builder is told where the outermost cloth is."""
    seen = []
    monkeypatch.setattr(items, "BUILDERS", {"copy": lambda f, i: seen.append(f) or []})
    coat = Garment("jacket", hem=0.0, sleeve=1.0, neck=-0.02)
    Wearable(body, chart, (), Outfit(garments=(coat,), items=(Item("copy"),)))
    out = np.linalg.norm(seen[0].surface - seen[0].shaped, axis=1)
    assert out[(chart["level"] > 0.4) & (chart["level"] < 0.6)].min() > 0.008
    assert out[chart["level"] < -1].max() == 0
