"""Who wears glasses, hats and bags."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from blender_addon.wardrobe import item_sampling, items
from blender_addon.wardrobe.item_sampling import (
    at_rest,
    sample_items,
    wearer_of,
    without_accessories,
)
from blender_addon.wardrobe.items import BUILDERS, ITEM_KINDS, SLOTS, ItemKind
from blender_addon.wardrobe.outfit import Garment, Item, Outfit

SOME = {
    "glasses": ItemKind("face", lambda w: w.age / 50, (("#101012",), ())),
    "beanie": ItemKind("head", lambda w: 1.0),
    "scarf": ItemKind("neck", lambda w: w.cold),
    "backpack": ItemKind("bag", lambda w: 1.0, upright=True),
    "handbag": ItemKind("bag", lambda w: w.woman, carried=True),
    "clogs": ItemKind("shoes", lambda w: 1.0),
}
WOMAN = Outfit(garments=(Garment("coat"), Garment("cap"), Garment("sneakers")))


@pytest.fixture(autouse=True)
def few_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = {slot: lambda w: 1.0 for slot in ("face", "head", "neck", "bag", "shoes")}
    monkeypatch.setattr(item_sampling, "ITEM_KINDS", SOME)
    monkeypatch.setattr(item_sampling, "SLOTS", slots)


def drawn(seed: int, outfit: Outfit = WOMAN, age: float = 40, gender: float = 0.0) -> Outfit:
    return sample_items(np.random.default_rng(seed), outfit, wearer_of(outfit, age, gender))


def worn(outfit: Outfit, age: float, gender: float) -> Counter[str]:
    return Counter(
        item.kind for seed in range(200) for item in drawn(seed, outfit, age, gender).items
    )


def test_the_weights_decide_by_age_gender_and_season() -> None:
    assert set(worn(WOMAN, 40, 0.0)) == set(SOME)
    assert worn(WOMAN, 75, 1.0)["glasses"] > 1.5 * worn(WOMAN, 8, 1.0)["glasses"]
    assert worn(WOMAN, 40, 1.0)["handbag"] == 0
    summer = Outfit(garments=(Garment("shorts"),))
    assert worn(WOMAN, 40, 0.0)["scarf"] > 3 * worn(summer, 40, 0.0)["scarf"]


def test_clothes_of_meshes_tell_the_season_too() -> None:
    def warmth(kind: str) -> float:
        return wearer_of(Outfit(garments=(Garment(kind),)), None, None).warm

    assert warmth("parka") < warmth("turtleneck") < warmth("jeans") < warmth("swim shorts")


def test_barefoot_people_wear_no_shoes() -> None:
    assert worn(Outfit(garments=(Garment("jeans"),)), 40, 0.0)["clogs"] == 0


def test_a_new_kind_moves_no_other_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [drawn(seed) for seed in range(40)]
    monkeypatch.setattr(item_sampling, "ITEM_KINDS", {**SOME, "monocle": SOME["glasses"]})
    for outfit, again in zip(before, map(drawn, range(40)), strict=True):
        others = [item for item in outfit.items if item.kind != "glasses"]
        assert [item for item in again.items if item.kind not in ("glasses", "monocle")] == others


def test_regions_have_colours() -> None:
    glasses = [item for seed in range(40) for item in drawn(seed).items if item.kind == "glasses"]
    assert {len(item.colors) for item in glasses} == {2}
    assert (
        max(item.colors[0][0] for item in glasses)
        < 0.02
        < max(item.colors[1][0] for item in glasses)
    )


def test_one_thing_covers_the_head() -> None:
    for outfit in map(drawn, range(40)):
        covered = any(item.kind == "beanie" for item in outfit.items)
        assert (outfit.worn("hat") is None) == covered


def test_accessories_can_be_taken_off_and_backpacks_alone_when_seated() -> None:
    pack = Item("pack", "jacket.mhclo")
    outfit = Outfit(
        garments=(Garment("cap"), Garment("jeans")),
        items=(pack, Item("glasses"), Item("backpack"), Item("clogs")),
    )
    bare = without_accessories(outfit)
    assert bare.items == (pack, Item("clogs"))
    assert [garment.kind for garment in bare.garments] == ["jeans"]
    assert at_rest(outfit).items == (pack, Item("glasses"), Item("clogs"))


def test_every_kind_of_the_tables_can_be_built_and_worn() -> None:
    assert set(ITEM_KINDS) <= set(BUILDERS)
    assert {kind.slot for kind in ITEM_KINDS.values()} <= set(SLOTS)
    assert items.SLOTS is SLOTS
