"""Who wears which things of packs, and with what."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.packs.pack import PackItem
from blender_addon.wardrobe.garment_kind import Wearer
from blender_addon.wardrobe.outfit import Garment, Hair, Item, Outfit
from blender_addon.wardrobe.pack_sampling import PackWardrobe, dress_from_packs
from blender_addon.wardrobe.pack_words import suits, suits_skin, words_of


def thing(kind: str, name: str, **more: Any) -> PackItem:
    return PackItem(name, kind, Path(f"/{name}.mhclo"), key=name, **more)


def clothes(name: str, layers: str, regions: str = "torso", **more: Any) -> PackItem:
    return thing(
        "clothes", name, layers=tuple(layers.split()), regions=tuple(regions.split()), **more
    )


SUIT = clothes("suit", "bottom top outer", "torso arms legs", gender="male", tags=("Elegant",))
DRESS = clothes("dress", "bottom top outer", "torso skirt")
TEE = clothes("tee", "top outer")
JEANS = clothes("Tightjeans", "bottom", "legs")
COAT = clothes("coat", "top outer", "torso arms")
SLEEVE = clothes("armsleeve", "", "arms")
BOOTS = thing("shoes", "boots", layers=("socks", "shoes"))
HAT = thing("hat", "fedora", layers=("hat",))
BOB = thing("hair", "bob", layers=("hair",), gender="female")
AFRO = thing("hair", "afro", layers=("hair",))
BROWS, LASHES = thing("eyebrows", "brow"), thing("eyelashes", "lash")
PALE = thing("skin", "young_caucasian_female", gender="female", image=Path("/pale.jpg"))
EVERY = (SUIT, DRESS, TEE, JEANS, COAT, SLEEVE, BOOTS, HAT, BOB, AFRO, BROWS, LASHES, PALE)

OUTFIT = Outfit(
    tone=4,
    hair=Hair(volume=0.02, color=(0.3, 0.2, 0.1)),
    garments=tuple(map(Garment, ("socks", "jeans", "shirt", "jacket", "sneakers"))),
)
WOMAN, MAN = Wearer(30, 0.0, 0.5), Wearer(30, 1.0, 0.5)


def dressed(
    seed: int,
    items: tuple[PackItem, ...] = EVERY,
    outfit: Outfit = OUTFIT,
    wearer: Wearer = WOMAN,
    share: float = 1.0,
    **more: Any,
) -> Outfit:
    rng = np.random.default_rng(seed)
    return dress_from_packs(rng, outfit, wearer, PackWardrobe.of(items), share=share, **more)


def names(outfit: Outfit) -> set[str]:
    return {Path(item.source).stem for item in outfit.items}


def kinds(outfit: Outfit) -> list[str]:
    return [garment.kind for garment in outfit.garments]


def crowd(count: int = 120, **more: Any) -> list[Outfit]:
    return [dressed(seed, **more) for seed in range(count)]


def test_the_share_decides_how_many_are_dressed_from_packs() -> None:
    assert all(outfit == OUTFIT for outfit in crowd(20, share=0.0))
    assert all(outfit.items for outfit in crowd(20))
    assert 40 < sum(bool(outfit.items) for outfit in crowd(share=0.5)) < 80


def test_a_garment_stands_for_the_layers_that_it_covers() -> None:
    worn = dressed(0, (SUIT,), wearer=MAN)
    assert names(worn) == {"suit"}
    assert kinds(worn) == ["socks", "sneakers"]


def test_what_a_garment_leaves_bare_stays_dressed() -> None:
    assert kinds(dressed(0, (TEE,))) == ["socks", "jeans", "sneakers"]
    assert kinds(dressed(0, (JEANS,))) == ["socks", "shirt", "jacket", "sneakers"]


def test_nobody_is_left_without_trousers_or_shirt() -> None:
    in_dress = dataclasses.replace(OUTFIT, garments=(Garment("dress"),))
    for seed in range(10):
        below = dressed(seed, (TEE,), in_dress)
        assert [garment.layer for garment in below.garments] == ["bottom"]
        above = dressed(seed, (JEANS,), in_dress)
        assert [garment.layer for garment in above.garments] == ["top"]
        assert above.garments[0].kind != "dress"


def test_women_wear_dresses_and_men_suits() -> None:
    women, men = crowd(), crowd(wearer=MAN)
    assert any("dress" in names(o) for o in women) and not any("suit" in names(o) for o in women)
    assert any("suit" in names(o) for o in men) and not any("dress" in names(o) for o in men)


def test_whole_outfits_and_single_parts_are_worn() -> None:
    worn = [frozenset(names(outfit) & {"dress", "tee", "Tightjeans", "coat"}) for outfit in crowd()]
    seen = Counter(worn)
    assert {frozenset({"dress"}), frozenset({"tee"}), frozenset({"tee", "Tightjeans"})} <= set(seen)
    assert not any({"dress", "tee"} <= some or {"dress", "Tightjeans"} <= some for some in seen)


def test_coats_are_worn_in_the_cold_and_over_nothing_that_they_would_cut() -> None:
    winter, summer = crowd(wearer=Wearer(30, 0.0, 0.1)), crowd(wearer=Wearer(30, 0.0, 0.9))
    coats = [outfit for outfit in winter if "coat" in names(outfit)]
    assert coats and not any("coat" in names(outfit) for outfit in summer)
    assert all(outfit.worn("top") is outfit.worn("outer") is None for outfit in coats)
    assert not any("tee" in names(outfit) for outfit in coats)


def test_infants_keep_their_own_clothes() -> None:
    infants = crowd(30, wearer=Wearer(1, 0.0, 0.5))
    assert all(outfit.garments == OUTFIT.garments[1:4] for outfit in infants)  # but for shoes
    assert not any({"dress", "tee", "bob"} & names(outfit) for outfit in infants)


def test_the_barefoot_get_no_shoes_and_pairs_are_not_worn_over_each_other() -> None:
    assert all(
        "boots" in names(outfit) and outfit.worn("shoes") is None
        for outfit in crowd(10, wearer=MAN)
    )
    barefoot = dataclasses.replace(OUTFIT, garments=OUTFIT.garments[:4])
    assert not any("boots" in names(outfit) for outfit in crowd(10, outfit=barefoot))
    mesh = dataclasses.replace(OUTFIT, items=(Item("sneaker"),))
    assert not any(i.kind == "sneaker" for o in crowd(10, outfit=mesh, wearer=MAN) for i in o.items)


def test_hair_has_the_person_s_colour_and_goes_under_no_hat() -> None:
    people = crowd(400)
    bobs = [o for o in people if "bob" in names(o)]
    hats = [o for o in people if "fedora" in names(o)]
    assert bobs and hats
    assert all("bob" not in names(outfit) for outfit in hats)
    assert {item.kind for o in hats for item in o.items if "fedora" in item.source} == {"pack hat"}
    (item,) = (item for item in bobs[0].items if "bob" in item.source)
    assert item.colors == (OUTFIT.hair.color,)
    for covered in (Item("hijab"), Item("beanie")):
        veiled = dataclasses.replace(OUTFIT, items=(covered,))
        assert not any({"bob", "fedora"} & names(o) for o in crowd(30, outfit=veiled))
    bald = dataclasses.replace(OUTFIT, hair=Hair(volume=0.0))
    assert not any("bob" in names(o) for o in crowd(30, outfit=bald))


def test_brows_and_lashes_are_worn_by_all() -> None:
    assert all({"brow", "lash"} <= names(outfit) for outfit in crowd(20))


def test_clothes_are_recoloured_or_as_their_image() -> None:
    colors = [item.colors for o in crowd() for item in o.items if "tee" in item.source]
    assert () in colors and len(set(colors)) > 5
    suits_worn = [i.colors for o in crowd(wearer=MAN) for i in o.items if "suit" in i.source]
    assert all(colors == () or colors[0] == colors[1] for colors in suits_worn)
    assert max(c[0][0] for c in suits_worn if c) < 0.9


@pytest.mark.parametrize("without", [BOOTS, HAT, BOB, BROWS, PALE, SUIT])
def test_a_pack_without_an_item_changes_no_other_kind(without: PackItem) -> None:
    rest = tuple(item for item in EVERY if item is not without)
    for seed in range(40):
        full, less = dressed(seed, accessories=True), dressed(seed, rest)
        if without is PALE:
            full, less = (dataclasses.replace(o, skin_image="") for o in (full, less))
        if without.name in names(full):
            left = [item for item in full.items if item.source != str(without.path)]
            assert set(left) <= set(less.items)
        else:
            assert full == less


def test_switches_take_away_their_own_part_alone() -> None:
    for seed in range(60):
        full, shaven = dressed(seed), dressed(seed, hair=False)
        hair = {str(BOB.path), str(AFRO.path)}
        assert shaven.items == tuple(item for item in full.items if item.source not in hair)
        plain = dressed(seed, accessories=False)
        assert not any(item.kind == "pack hat" for item in plain.items)
        if not any(item.kind == "pack hat" for item in full.items):
            assert plain == full


def test_skins_go_with_age_gender_and_tone() -> None:
    assert any(outfit.skin_image == "/pale.jpg" for outfit in crowd(20))
    assert not any(outfit.skin_image for outfit in crowd(20, wearer=MAN))
    assert suits_skin(PALE, 30, 0.0, 4) == 1
    assert suits_skin(PALE, 70, 0.0, 4) == suits_skin(PALE, 30, 0.0, 9) == 0
    dark = thing("skin", "old_african_male", gender="male")
    assert suits_skin(dark, 70, 1.0, 9) == 1
    assert suits_skin(dark, 70, 1.0, 3) == 0
    assert suits_skin(thing("skin", "young_caucasian_male_special_suit"), 30, 1.0, 3) == 0


@pytest.mark.parametrize(
    ("name", "tags", "age", "male", "suitable"),
    [
        ("F_One-piece_Swimsuit_01", (), 30, 0.0, False),
        ("shoes01", ("Shoes",), 30, 0.0, True),
        ("male_worksuit01", (), 8, 1.0, False),
        ("male_worksuit01", (), 40, 1.0, True),
        ("female_elegantsuit01", ("Elegant",), 6, 0.0, False),
        ("MiniSkirt", (), 30, 1.0, False),
        ("Knight_Armour", (), 30, 1.0, False),
    ],
)
def test_words_say_who_wears_it(
    name: str, tags: tuple[str, ...], age: float, male: float, suitable: bool
) -> None:
    assert (suits(thing("clothes", name, tags=tags), age, male) > 0) == suitable


def test_built_in_tops_are_tucked_into_the_waistbands_of_packs() -> None:
    top = dressed(0, (JEANS,)).worn("top")
    assert top is not None and top.hem > 0.1


def test_nobody_has_bare_arms_in_the_cold() -> None:
    winter = crowd(wearer=Wearer(30, 0.0, 0.05))
    assert not any({"tee", "dress"} & names(outfit) for outfit in winter)


def test_scarves_are_not_worn_over_tank_tops_nor_veils_over_short_dresses() -> None:
    outfit = dataclasses.replace(OUTFIT, items=(Item("scarf"),))
    people = crowd(outfit=outfit)
    bare = [o for o in people if {"tee", "dress"} & names(o)]
    assert bare and not any(item.kind == "scarf" for o in bare for item in o.items)
    veiled = dataclasses.replace(OUTFIT, items=(Item("hijab"),))
    assert not any({"tee", "dress"} & names(o) for o in crowd(outfit=veiled))


def test_words_are_split_at_capitals_and_marks() -> None:
    assert words_of(thing("shoes", "WinterBoots_01-a")) == {"winter", "boots", "a"}
