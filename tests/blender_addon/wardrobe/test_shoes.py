"""Shoes stand on the ground, enclose feet, and fit every body."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.outfit import Garment, Hair, Item, Outfit
from blender_addon.wardrobe.shell import outfit_offsets
from blender_addon.wardrobe.shoe_forms import FORMS

SOCKS = Garment("socks", hem=-99.0, waist=-1.75)


def outfit_in(kind: str, *garments: Garment) -> Outfit:
    return Outfit(
        hair=Hair("bald", volume=0.0), garments=garments, items=(Item(kind),), style="mesh"
    )


@pytest.fixture(scope="module", params=["adult", "child", "heavy"])
def betas(request, body):
    samples = body.shape_samples
    age = {"adult": 35, "child": 4, "heavy": 50}[request.param]
    near = np.argsort(np.abs(samples.age - age))[:30]
    if request.param == "heavy":
        volumes = [np.ptp(body.shape_blend(samples.betas[i])[0][:, 2]) for i in near]
        return samples.betas[near[int(np.argmax(volumes))]]
    return samples.betas[near[0]]


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_shoes_stand_where_the_sampler_puts_the_ground(body, chart, betas, kind):
    """Neither sunk nor floating: their soles are as low as the surface that lifts the person."""
    outfit = outfit_in(kind)
    worn = Wearable(body, chart, betas, outfit)
    part = worn._items[0]
    shaped, _ = body.shape_blend(betas)
    ground = (shaped + outfit_offsets(chart, outfit, shaped))[:, 1].min()
    assert abs(part.vertices[:, 1].min() - ground) < 0.006
    assert worn.shaped[worn._skin_vertices, 1].min() > ground - 0.001


@pytest.mark.parametrize("kind", ["sneaker", "leather shoe", "boot", "tall boot", "pump"])
def test_toes_and_socks_are_hidden(body, chart, betas, kind):
    worn = Wearable(body, chart, betas, outfit_in(kind, SOCKS))
    toes = (chart["height"] < 0.05) & (chart["position"][:, 2] > 0.2)
    for name in ("skin", "socks"):
        faces = worn.source[worn.material == MATERIALS.index(name)]
        faces = faces[faces < len(body.faces)]
        assert not toes[body.faces[faces]].any()


def test_sandals_show_the_toes(body, chart):
    worn = Wearable(body, chart, (), outfit_in("sandal"))
    toes = (chart["height"] < 0.05) & (chart["position"][:, 2] > 0.16)
    skin = worn.source[worn.material == MATERIALS.index("skin")]
    assert toes[body.faces[skin]].sum() > 500


def test_a_pair_is_two_mirrored_shoes_that_enclose_the_feet(body, chart, betas):
    part = Wearable(body, chart, betas, outfit_in("sneaker"))._items[0]
    shaped, _ = body.shape_blend(betas)
    half = len(part.vertices) // 2
    left, right = part.vertices[:half], part.vertices[half:]
    assert np.allclose(left * [-1, 1, 1], right, atol=0.004)
    assert len(part.faces) <= 1500
    foot = shaped[(chart["height"] < 0.05) & (chart["position"][:, 0] > 0)]
    assert (left[:, [0, 2]].min(axis=0) < foot[:, [0, 2]].min(axis=0)).all()
    assert (left[:, [0, 2]].max(axis=0) > foot[:, [0, 2]].max(axis=0)).all()
    assert np.allclose(part.weights.sum(axis=1), 1, atol=1e-5)


def test_a_left_shoe_follows_the_left_foot_only(body, chart):
    part = Wearable(body, chart, (), outfit_in("boot"))._items[0]
    half = len(part.vertices) // 2
    left = [i for i, name in enumerate(body.joint_names) if name.startswith("left")]
    share = np.where(np.isin(part.joints, left), part.weights, 0).sum(axis=1)
    assert share[:half].min() > 0.95
    assert share[half:].max() < 0.05


def test_the_same_item_gives_the_same_shoes(body, chart):
    a, b = (Wearable(body, chart, (), outfit_in("loafer"))._items[0] for _ in range(2))
    assert np.array_equal(a.vertices, b.vertices)
    assert np.array_equal(a.color, b.color)
