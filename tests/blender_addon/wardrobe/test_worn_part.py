"""Parts that people wear: posed with the body, in place of layers, over skin that they hide."""

from __future__ import annotations

import numpy as np
import pytest

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
