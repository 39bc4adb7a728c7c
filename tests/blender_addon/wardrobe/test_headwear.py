"""Headwear covers the skull, leaves the face free, and says which hair it covers."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.wardrobe.dressed import MATERIALS, Wearable
from blender_addon.wardrobe.hats import HATS
from blender_addon.wardrobe.head_coverings import VEILS
from blender_addon.wardrobe.headwear import HEAD_LINES, NOTHING_SHOWS, hair_line
from blender_addon.wardrobe.items import BUILDERS, ITEM_KINDS
from blender_addon.wardrobe.outfit import Hair, Item, Outfit
from blender_addon.wardrobe.worn_part import Fitting, WornPart

HEADWEAR = sorted(kind for kind, row in ITEM_KINDS.items() if row.slot == "head")


@pytest.fixture(scope="module", params=[4, 35, 75])
def fitting(request, body, chart):
    samples = body.shape_samples
    betas = samples.betas[np.argmin(np.abs(samples.age - request.param))]
    return Fitting(body, chart, *body.shape_blend(betas), 0.3, None, 0.012)


def reach(part: WornPart, directions: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """How far out the part lies, about the given directions (n, 3) from a centre; 0 where it is
    not.
    """
    out = part.vertices[np.unique(part.faces)] - centre
    distance = np.linalg.norm(out, axis=1)
    near = (out / distance[:, None]) @ directions.T > 0.97
    return np.where(near, distance[:, None], 0.0).max(axis=0)


@pytest.mark.parametrize("kind", HEADWEAR)
def test_the_skull_above_the_line_is_inside(fitting, chart, kind):
    if kind == "kippah":
        pytest.skip("it covers a part of the crown")
    part = BUILDERS[kind](fitting, Item(kind, variant=0.4))[0]
    line = max(HEAD_LINES[kind], 0.0) + 0.25
    skull = fitting.shaped[(chart["hat"] > line) & (chart["level"] > 1.3)][::15]
    centre = skull.mean(axis=0) - [0, 0.03, 0]
    out = skull - centre
    distance = np.linalg.norm(out, axis=1)
    covered = reach(part, out / distance[:, None], centre)
    assert (covered > distance - 0.001).mean() > 0.97


@pytest.mark.parametrize("kind", [kind for kind in HEADWEAR if kind != "niqab"])
def test_the_face_stays_free(fitting, chart, kind):
    """Nothing lies right in front of eyes, nose and mouth."""
    part = BUILDERS[kind](fitting, Item(kind, variant=0.4))[0]
    x, y, z = chart["head"].T
    face = fitting.shaped[(np.abs(x) < 0.4) & (y > -0.75) & (y < 0.06) & (z > 0.6)]
    low, high = face.min(axis=0), face.max(axis=0)
    v = part.vertices
    inside = (v[:, :2] > low[:2]).all(axis=1) & (v[:, :2] < high[:2]).all(axis=1)
    assert not (inside & (v[:, 2] > low[2])).any()


def test_a_niqab_shows_the_eyes_only(fitting, chart):
    (part,) = BUILDERS["niqab"](fitting, Item("niqab"))
    eyes, mouth = (fitting.shaped[chart[name] > 0.2] for name in ("white", "lip"))
    front = part.vertices[np.abs(part.vertices[:, 0]) < 0.03]
    front = front[front[:, 2] > mouth[:, 2].mean()]
    assert not (np.abs(front[:, 1] - eyes[:, 1].mean()) < 0.01).any()
    assert front[:, 1].min() < mouth[:, 1].min()


@pytest.mark.parametrize("kind", sorted(VEILS))
def test_a_covering_leaves_no_hair(body, chart, kind):
    outfit = Outfit(hair=Hair("long", volume=0.02), items=(Item(kind),), style="mesh")
    worn = Wearable(body, chart, (), outfit)
    hair = worn.source[worn.material == MATERIALS.index("hair")]
    assert not (chart["head"][body.faces[hair], 1] > 0.5).any()  # brows stay
    assert hair_line(outfit.items) == -NOTHING_SHOWS


def test_hair_shows_below_a_hat_and_not_above():
    assert hair_line(()) == NOTHING_SHOWS
    assert hair_line((Item("glasses"), Item("cap"))) == HEAD_LINES["cap"]
    assert set(HEAD_LINES) <= set(BUILDERS)


def test_hats_go_with_the_head_and_scarves_with_the_neck(fitting, body):
    head = body.joint_names.index("head")
    for kind in HATS:
        (part,) = BUILDERS[kind](fitting, Item(kind))
        assert (part.joints == head).all()
        assert len(part.faces) <= 1000
    (part,) = BUILDERS["scarf"](fitting, Item("scarf", variant=0.8))
    follows = set(part.joints[part.weights > 0.3].ravel())
    assert {body.joint_names[i] for i in follows} & {"neck", "spine3"}


def test_a_cap_may_be_worn_backwards(fitting):
    front, back = (BUILDERS["cap"](fitting, Item("cap", variant=v))[0] for v in (0.2, 0.9))
    assert front.vertices[:, 2].max() > back.vertices[:, 2].max() + 0.03
    assert back.vertices[:, 2].min() < front.vertices[:, 2].min() - 0.03
