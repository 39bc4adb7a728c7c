"""Things on the face lie in front of it, on every head."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.wardrobe.items import BUILDERS, ITEM_KINDS, SLOTS
from blender_addon.wardrobe.outfit import Item
from blender_addon.wardrobe.worn_part import Fitting

ON_FACE = ("glasses", "sunglasses", "face mask", "headphones", "earrings")


@pytest.fixture(scope="module", params=[4, 35, 75])
def fitting(request, body, chart):
    samples = body.shape_samples
    betas = samples.betas[np.argmin(np.abs(samples.age - request.param))]
    return Fitting(body, chart, *body.shape_blend(betas))


def test_every_kind_has_a_builder_and_a_slot():
    assert set(ITEM_KINDS) <= set(BUILDERS)  # a pack's items are no kinds that are drawn
    assert {kind.slot for kind in ITEM_KINDS.values()} == set(SLOTS)


@pytest.mark.parametrize("variant", [0.0, 0.3, 0.5, 0.7, 0.99])
def test_glasses_are_in_front_of_the_eyes_and_rest_on_the_ears(fitting, chart, variant):
    frame, lenses = BUILDERS["glasses"](fitting, Item("glasses", variant=variant))
    eyes = fitting.shaped[chart["white"] > 0.5]
    assert lenses.vertices[:, 2].min() > eyes[:, 2].max() - 0.012
    low, high = lenses.vertices[:, 1].min(), lenses.vertices[:, 1].max()
    assert low < eyes[:, 1].mean() < high
    assert np.abs(lenses.vertices[:, 0]).max() > np.abs(eyes[:, 0]).max() * 0.95
    ear = fitting.shaped[(chart["ear"] > 0) & (chart["position"][:, 0] > 0)]
    tips = frame.vertices[frame.vertices[:, 2] < ear[:, 2].max()]
    assert len(tips)
    assert np.abs(tips[:, 1] - ear[:, 1].max()).min() < 0.012
    assert len(frame.faces) + len(lenses.faces) <= 800


def test_a_mask_covers_nose_mouth_and_chin(fitting, chart):
    (mask,) = BUILDERS["face mask"](fitting, Item("face mask"))
    face = (chart["head"][:, 2] > 0.45) & (chart["level"] > 1.1)
    lips = fitting.shaped[(chart["lip"] > 0) & face]
    assert mask.vertices[:, 2].max() > fitting.shaped[face, 2].max()
    assert mask.vertices[:, 1].min() < lips[:, 1].min() - 0.02
    assert mask.vertices[:, 1].max() > lips[:, 1].max() + 0.015
    # No part of the lips is in front of the mask's middle.
    middle = mask.vertices[np.abs(mask.vertices[:, 0]) < 0.01]
    assert middle[:, 2].max() > lips[:, 2].max()


@pytest.mark.parametrize("kind", ON_FACE)
def test_parts_are_sound_and_repeatable(fitting, kind):
    once, again = (BUILDERS[kind](fitting, Item(kind, variant=0.4)) for _ in range(2))
    for part, same in zip(once, again, strict=True):
        assert np.array_equal(part.vertices, same.vertices)
        assert np.isfinite(part.vertices).all()
        assert part.faces.max() < len(part.vertices) == len(part.joints) == len(part.weights)
        assert len(part.faces) == len(part.color) == len(part.source) == len(part.uv)
        assert np.abs(part.vertices[:, 0]).max() < 0.2


@pytest.mark.parametrize("kind", sorted(ITEM_KINDS))
def test_faces_look_outwards(fitting, kind):
    """Gloss on a face that looks inwards is white."""
    for part in BUILDERS[kind](fitting, Item(kind, variant=0.3)):
        v = part.vertices.astype(np.float64) - part.vertices.mean(axis=0)
        a, b, c = (v[part.faces[:, i]] for i in range(3))
        assert np.einsum("fi,fi->", a, np.cross(b, c)) > 0
