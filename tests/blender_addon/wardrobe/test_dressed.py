"""A dressed person as one mesh: layers outside each other, hidden skin gone, skirts that hang."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.wardrobe.cloth_layers import SKIRT_LEVEL, cloth_layers
from blender_addon.wardrobe.dressed import MATERIALS, SKIN, Wearable
from blender_addon.wardrobe.garments import KINDS
from blender_addon.wardrobe.outfit import Garment, Hair, Outfit
from blender_addon.wardrobe.sampling import sample_outfit

SHIRT = Garment("shirt", hem=-0.05, sleeve=0.95, neck=-0.03, depth=0.04, looseness=0.6)
JEANS = Garment("jeans", hem=-2.0, waist=0.15, looseness=0.5)
SKIRT = Garment("skirt", hem=-1.1, waist=0.2, looseness=0.6)
BALD = Hair("bald", volume=0.0)


def wear(body, chart, *garments: Garment, hair: Hair = BALD, betas=(0.0,)) -> Wearable:
    return Wearable(body, chart, betas, Outfit(hair=hair, garments=garments, style="mesh"))


def standing(body) -> np.ndarray:
    pose = np.zeros((body.num_joints, 3))
    pose[0] = [np.pi / 2, 0, 0]
    return pose


def striding(body, angle: float = 0.6) -> np.ndarray:
    pose = standing(body)
    pose[body.joint_names.index("left_hip"), 0] = -angle
    pose[body.joint_names.index("right_hip"), 0] = angle
    return pose


def rows(dressed, material: str) -> np.ndarray:
    return np.unique(dressed.faces[dressed.material == MATERIALS.index(material)])


def test_every_outfit_is_finite_and_complete(body, chart):
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(12):
        outfit = dataclasses.replace(sample_outfit(rng, age=30), style="mesh")
        dressed = Wearable(body, chart, rng.normal(0, 1, 3), outfit).posed(
            striding(body), (1, 2, 3)
        )
        assert np.isfinite(dressed.vertices).all()
        assert dressed.faces.max() == len(dressed.vertices) - 1
        assert len(dressed.faces) == len(dressed.material) == len(dressed.source)
        assert all(len(column) == len(dressed.vertices) for column in dressed.chart.values())
        worn = {MATERIALS[i] for i in np.unique(dressed.material) if i < len(MATERIALS)}
        assert worn >= {SKIN} | {g.layer for g in outfit.garments if g.layer not in ("socks",)}
        seen |= worn
    assert seen == set(MATERIALS)


def test_the_same_person_is_dressed_alike_each_time(body, chart):
    outfit = Outfit(hair=Hair("long", fall=0.8), garments=(SKIRT, SHIRT), style="mesh", seed=0.3)
    first, second = (
        Wearable(body, chart, [0.5], outfit).posed(striding(body), (0, 0, 0)) for _ in range(2)
    )
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.faces, second.faces)


def test_layers_lie_outside_each_other_at_rest(body, chart):
    coat = Garment("jacket", hem=-0.1, sleeve=1.0, neck=-0.02, opening=0.02, looseness=0.4)
    shaped, _ = body.shape_blend([])
    layers = {
        x.name: x
        for x in cloth_layers(chart, Outfit(hair=BALD, garments=(JEANS, SHIRT, coat)), shaped)
    }
    normal = chart["normal"]
    both = (layers["top"].field > 0) & (layers["outer"].field > 0)
    distance = ((layers["outer"].offset - layers["top"].offset) * normal)[both].sum(axis=1)
    assert both.sum() > 500
    assert distance.min() > 0.0015
    on_skin = (layers["top"].offset * normal)[layers["top"].field > 0].sum(axis=1)
    assert on_skin.min() > 0.001


def test_skin_deep_under_cloth_is_left_out_and_skin_at_the_hem_stays(body, chart):
    bare = wear(body, chart).posed(standing(body), (0, 0, 0))
    dressed = wear(body, chart, JEANS, SHIRT).posed(standing(body), (0, 0, 0))
    assert (bare.material == MATERIALS.index(SKIN)).sum() == len(body.faces)
    skin = dressed.source[dressed.material == MATERIALS.index(SKIN)]
    level, arm = chart["level"][body.faces[skin]], chart["arm"][body.faces[skin]]
    on_chest = (level > 0.4) & (level < 0.65) & (arm < -0.1)
    assert not on_chest.all(axis=1).any()
    assert ((arm > 1.0).all(axis=1)).any()  # hands
    assert ((chart["head"][:, 1])[body.faces[skin]] > 0).any()


def test_the_edge_of_a_garment_is_turned_in(body, chart):
    wearable = wear(body, chart, SHIRT)
    (worn,) = wearable._worn
    dressed = wearable.posed(standing(body), (0, 0, 0))
    count = len(worn.piece.ends)
    first = len(wearable._skin_vertices)
    outer = dressed.vertices[first : first + count][worn.rim]
    inner = dressed.vertices[first + count : first + count + len(worn.rim)]
    distance = np.linalg.norm(outer - inner, axis=1)
    assert 0.0005 < distance.min() <= distance.max() < 0.005


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.6])
def test_a_skirt_stays_whole_in_a_stride_and_outside_of_the_legs(body, chart, angle):
    dressed = wear(body, chart, SKIRT).posed(striding(body, angle), (0, 0, 0))
    bare = wear(body, chart).posed(striding(body, angle), (0, 0, 0))
    cloth = rows(dressed, "bottom")
    hanging = cloth[dressed.chart["level"][cloth] < SKIRT_LEVEL - 0.2]
    points = dressed.vertices[hanging]
    faces = dressed.faces[np.isin(dressed.faces, hanging).all(axis=1)]
    edges = np.linalg.norm(
        dressed.vertices[faces] - dressed.vertices[np.roll(faces, 1, 1)], axis=-1
    )
    assert edges.max() < 0.12  # no face is torn open between the legs
    # The legs are inside: around each point of a thigh there is cloth on every side.
    level, legs = chart["level"], bare.vertices[: body.num_vertices]
    for z in np.linspace(points[:, 2].max() - 0.1, points[:, 2].min() + 0.1, 5):
        ring = points[np.abs(points[:, 2] - z) < 0.03][:, :2]
        leg = legs[(np.abs(legs[:, 2] - z) < 0.02) & (level < -0.1) & (level > -1.1)][:, :2]
        if len(leg) == 0:
            continue
        middle = ring.mean(axis=0)
        around = np.arctan2(*(ring - middle).T)
        of_leg = np.arctan2(*(leg - middle).T)
        difference = np.abs((of_leg[:, None] - around[None] + np.pi) % (2 * np.pi) - np.pi)
        reach = np.linalg.norm(ring - middle, axis=1)[difference.argmin(axis=1)]
        inside = np.linalg.norm(leg - middle, axis=1) < reach + 0.012
        assert inside.mean() > 0.97


def test_all_kinds_of_garments_can_be_worn_as_a_mesh(body, chart):
    for name, kind in KINDS.items():
        middle = {
            key: sum(getattr(kind, key)) / 2
            for key in ("hem", "waist", "sleeve", "neck", "opening", "depth")
        }
        garment = Garment(name, slope=kind.slope, **middle)
        dressed = wear(body, chart, garment).posed(standing(body), (0, 0, 0))
        assert (dressed.material == MATERIALS.index(kind.layer)).sum() > 100, name
