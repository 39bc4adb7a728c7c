"""Each kind of garment covers what it must, and never covers what it must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.wardrobe.coverage import coverage, fields
from blender_addon.wardrobe.garments import KINDS
from blender_addon.wardrobe.hair import HAIR_STYLES
from blender_addon.wardrobe.outfit import Face, Garment, Hair, Outfit
from blender_addon.wardrobe.sampling import sample_outfit

Chart = dict[str, np.ndarray]
Parts = dict[str, np.ndarray]


def garment(kind: str, **changes: float) -> Garment:
    """One of that kind with every edge in the middle of its range."""
    k = KINDS[kind]
    ranges = {n: getattr(k, n) for n in ("hem", "waist", "sleeve", "neck", "opening", "depth")}
    middle = {name: 0.5 * (low + high) for name, (low, high) in ranges.items()}
    return replace(Garment(kind, slope=k.slope, **middle), **changes)


def share(chart: Chart, part: Parts, kind: str, name: str, **changes: float) -> float:
    return float(coverage(chart, garment(kind, **changes))[part[name]].mean())


def test_t_shirt_covers_torso_and_upper_arms_and_nothing_else(chart: Chart, part: Parts) -> None:
    assert share(chart, part, "t-shirt", "spine2") == 1.0
    assert share(chart, part, "t-shirt", "spine1") > 0.95
    assert 0.2 < share(chart, part, "t-shirt", "left_shoulder") < 0.95
    for bare in ("head", "left_hand", "right_hand", "left_elbow", "right_knee", "left_foot"):
        assert share(chart, part, "t-shirt", bare) == 0.0, bare


def test_long_sleeves_reach_the_wrist_and_spare_the_hand(chart: Chart, part: Parts) -> None:
    for kind in ("shirt", "sweater", "hoodie", "blazer"):
        assert share(chart, part, kind, "left_elbow") > 0.75, kind
        assert share(chart, part, kind, "left_hand") < 0.05, kind


def test_trousers_cover_legs_and_hips_only(chart: Chart, part: Parts) -> None:
    for kind in ("trousers", "jeans"):
        for covered in ("left_hip", "right_hip", "left_knee", "right_knee"):
            assert share(chart, part, kind, covered) > 0.95, covered
        for bare in ("spine2", "spine3", "left_shoulder", "left_hand", "head", "left_foot"):
            assert share(chart, part, kind, bare) == 0.0, bare


def test_shorts_end_above_the_shin_and_skirts_below_the_hip(chart: Chart, part: Parts) -> None:
    for kind in ("shorts", "skirt"):
        assert share(chart, part, kind, "left_hip") > 0.4, kind
        assert share(chart, part, kind, "left_ankle") == 0.0, kind


def test_an_open_jacket_shows_a_strip_in_front_and_none_behind(chart: Chart) -> None:
    closed = coverage(chart, garment("jacket", opening=-99.0, depth=-99.0))
    opened = coverage(chart, garment("jacket", opening=0.06, depth=-99.0))
    strip = (closed > 0) & (opened == 0)
    assert strip.sum() > 50
    assert (np.abs(chart["position"][strip, 0]) <= 0.06).all()
    assert (chart["front"][strip] > 0).all()


@pytest.mark.parametrize("kind", [k for k, v in KINDS.items() if v.layer in ("top", "outer")])
def test_no_top_touches_face_or_hair(chart: Chart, kind: str) -> None:
    face = (chart["head"][:, 1] > -0.8) & (chart["arm"] < 0)
    for end in (0, 1):  # the ends of the ranges, not their middle
        k = KINDS[kind]
        worst = garment(kind, neck=k.neck[end], sleeve=k.sleeve[end], hem=k.hem[end])
        assert coverage(chart, worst)[face].max() == 0.0


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_covers_something_and_not_everything(chart: Chart, kind: str) -> None:
    assert 0.005 < coverage(chart, garment(kind)).mean() < 0.95


def test_shoes_cover_feet_and_boots_reach_higher(chart: Chart, part: Parts) -> None:
    assert share(chart, part, "sneakers", "left_foot") == 1.0
    assert share(chart, part, "sneakers", "left_knee") == 0.0
    assert coverage(chart, garment("boots")).sum() > coverage(chart, garment("shoes")).sum()


def test_hats_sit_above_the_eyes(chart: Chart) -> None:
    for kind in ("beanie", "cap"):
        on = coverage(chart, garment(kind)) > 0
        front = on & (chart["head"][:, 2] > 0.5)
        assert chart["head"][front, 1].min() > 0.25
        assert on[chart["position"][:, 1].argmax()]


def test_soft_coverage_is_zero_outside_and_one_well_inside(chart: Chart) -> None:
    soft, hard = coverage(chart, garment("t-shirt"), 0.02), coverage(chart, garment("t-shirt"))
    assert (soft[hard == 0] == 0).all()
    assert soft.max() == 1.0 and ((soft > 0.05) & (soft < 0.95)).any()


def test_hair_styles_differ_where_they_should(chart: Chart) -> None:
    def hair(style: str) -> np.ndarray:
        s = HAIR_STYLES[style]
        look = Outfit(hair=Hair(style, recede=sum(s.recede) / 2, top=s.top, fall=sum(s.fall) / 2))
        return fields(chart, look)["hair"] > 0

    top = chart["position"][:, 1].argmax()
    assert not hair("bald").any()
    assert hair("short")[top] and not hair("ring")[top]
    assert hair("receding").sum() < hair("short").sum() < hair("bob").sum() < hair("long").sum()
    for style in HAIR_STYLES:
        assert not hair(style)[(chart["lip"] > 0) | (chart["brow"] > 0)].any(), style


def test_fields_name_the_layers_that_are_worn(chart: Chart) -> None:
    outfit = sample_outfit(np.random.default_rng(2))
    layers = {g.layer for g in outfit.garments}
    assert set(fields(chart, outfit)) == layers | {"hair", "beard"}


def test_no_beard_no_field(chart: Chart) -> None:
    assert (fields(chart, Outfit(face=Face(beard=0.0)))["beard"] < 0).all()
    bearded = fields(chart, Outfit(face=Face(beard=0.5)))["beard"] > 0
    assert bearded.sum() > 50 and (chart["head"][bearded, 1] < 0.1).all()
