"""Kinds that are drawn for meshes alone: plausible, whole, and no change to painted outfits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from blender_addon.wardrobe.coverage import coverage
from blender_addon.wardrobe.garments import KINDS, kinds_of
from blender_addon.wardrobe.mesh_sampling import matched, with_mesh_garments
from blender_addon.wardrobe.outfit import Garment, Outfit
from blender_addon.wardrobe.sampling import sample_outfit

rng = np.random.default_rng


@pytest.fixture(scope="module")
def crowd() -> list[Outfit]:
    ages = rng(0).uniform(4, 85, 2500)
    return [
        matched(with_mesh_garments(rng([2, i]), Outfit(), age, float(i % 2)))
        for i, age in enumerate(ages)
    ]


def middle(name: str) -> Garment:
    k = KINDS[name]
    edges = ("hem", "waist", "sleeve", "neck", "opening", "depth")
    return Garment(name, slope=k.slope, **{n: sum(getattr(k, n)) / 2 for n in edges})


def test_there_are_many_kinds_and_all_are_worn(crowd):
    assert len([k for k in kinds_of("mesh") if KINDS[k].layer in ("top", "outer", "bottom")]) > 50
    seen = {garment.kind for outfit in crowd for garment in outfit.garments}
    rare = {"bikini bottom", "hi-vis trousers", "bikini top"}
    assert set(kinds_of("mesh")) - seen <= rare


def test_painted_outfits_have_none_of_them():
    for seed in range(200):
        kinds = {g.kind for g in sample_outfit(rng(seed)).garments}
        assert not any(KINDS[kind].mesh_only for kind in kinds)


def test_nobody_has_bare_hips(crowd, chart, part):
    for outfit in crowd[:150]:
        hips = np.zeros(len(chart["level"]), bool)
        for garment in outfit.garments:
            hips |= coverage(chart, garment) > 0
        low = part["pelvis"] & (np.abs(chart["level"]) < 0.05)
        assert hips[low].mean() > 0.6, [g.kind for g in outfit.garments]


def test_sets_are_of_one_cloth(crowd):
    suits = [o for o in crowd if {"suit jacket", "suit trousers"} <= {g.kind for g in o.garments}]
    assert len(suits) > 20
    for outfit in suits:
        worn = {g.kind: g.fabric for g in outfit.garments}
        assert worn["suit jacket"] == worn["suit trousers"]
    assert not any({"scrubs top", "jeans"} <= {g.kind for g in outfit.garments} for outfit in crowd)


def test_children_wear_no_uniforms_and_men_no_saris(crowd):
    def worn(outfits: list[Outfit]) -> Counter[str]:
        return Counter(g.kind for o in outfits for g in o.garments)

    ages = rng(0).uniform(4, 85, 2500)
    children = worn([o for o, age in zip(crowd, ages, strict=True) if age < 14])
    assert not children["uniform shirt"] and not children["suit jacket"]
    men = worn(crowd[1::2])
    assert not men["sari"] and not men["blouse"] and men["suit jacket"] > 20


@pytest.mark.parametrize("name", ["swimsuit", "bikini bottom", "bikini top"])
def test_swimwear_leaves_arms_and_legs_bare(chart, part, name):
    covered = coverage(chart, middle(name)) > 0
    assert covered.any()
    for bare in ("left_elbow", "right_knee", "left_hand", "head"):
        assert not covered[part[bare]].any(), bare


def test_dungarees_have_a_bib_and_leave_the_shoulders_free(chart):
    covered = coverage(chart, middle("dungarees")) > 0
    level, x = chart["level"], np.abs(chart["position"][:, 0])
    front = chart["front"] > 0.03
    assert covered[(np.abs(level - 0.5) < 0.05) & (x < 0.05) & front].all()
    assert not covered[(level > 0.75) & (x > 0.13)].any()
    assert covered[(level < -0.2) & (level > -0.9)].all()
