"""Sampling outfits: deterministic, complete, plausible, plain data."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.recipes.recipe import Wardrobe
from blender_addon.scene.spec import from_plain
from blender_addon.wardrobe.garment_kind import LAYERS, PATTERNS, Kind, Wearer
from blender_addon.wardrobe.garments import KINDS, kinds_of
from blender_addon.wardrobe.hair import HAIR_STYLES
from blender_addon.wardrobe.outfit import Outfit, plain_outfit
from blender_addon.wardrobe.sampling import sample_outfit

rng = np.random.default_rng


@pytest.fixture(scope="module")
def crowd() -> list[Outfit]:
    ages = rng(0).uniform(3, 90, 1500)
    return [sample_outfit(rng([1, i]), age=age, gender=float(i % 2)) for i, age in enumerate(ages)]


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float | int):
        yield value


def test_the_same_generator_draws_the_same_outfit() -> None:
    assert sample_outfit(rng(5)) == sample_outfit(rng(5))
    assert sample_outfit(rng(5)) != sample_outfit(rng(6))


def test_an_outfit_survives_json() -> None:
    for seed in range(50):
        outfit = sample_outfit(rng(seed))
        assert from_plain(Outfit, json.loads(json.dumps(dataclasses.asdict(outfit)))) == outfit


def test_all_kinds_patterns_and_hair_styles_appear(crowd: list[Outfit]) -> None:
    assert {g.kind for o in crowd for g in o.garments} == set(kinds_of("painted"))
    assert {g.fabric.pattern for o in crowd for g in o.garments} == set(PATTERNS)
    assert {o.hair.style for o in crowd} == set(HAIR_STYLES)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_worn(name: str) -> None:
    clothes = [{"dress": KINDS["dress"]}, {"t-shirt": KINDS["t-shirt"]}]
    wearers = [
        Wearer(age, male, warm, chosen)
        for age, male, warm, chosen in itertools.product(
            (5.0, 15.0, 40.0), (0.0, 1.0), (0.0, 1.0), clothes
        )
    ]
    assert max(KINDS[name].weight(wearer) for wearer in wearers) > 0


@pytest.mark.parametrize("name", HAIR_STYLES)
def test_every_hair_style_is_worn(name: str) -> None:
    style = HAIR_STYLES[name]
    assert max(weight(loss) for weight in (style.man, style.woman) for loss in (0.0, 1.0)) > 0


def test_one_row_is_one_garment(monkeypatch: pytest.MonkeyPatch) -> None:
    clogs = Kind("shoes", lambda w: 1e6, hem=(0.05, 0.06), colors=("#ff0000",))
    monkeypatch.setitem(KINDS, "clogs", clogs)
    allowed = next(f for f in dataclasses.fields(Wardrobe) if f.name == "garments").metadata
    assert "clogs" in allowed["allowed"]()
    worn = [sample_outfit(rng(seed)).worn("shoes") for seed in range(10)]
    assert {shoes.kind for shoes in worn if shoes} == {"clogs"}
    assert all(s.fabric.color[0] > 10 * s.fabric.color[1] for s in worn if s)


def test_people_wear_one_garment_of_a_layer_and_never_none(crowd: list[Outfit]) -> None:
    for outfit in crowd:
        layers = [g.layer for g in outfit.garments]
        assert len(layers) == len(set(layers)) and set(layers) <= set(LAYERS)
        top = outfit.worn("top")
        assert top is not None
        assert outfit.worn("bottom") is not None or top.kind == "dress"


def test_numbers_are_plain_and_colours_within_range(crowd: list[Outfit]) -> None:
    for outfit in crowd[:200]:
        plain = dataclasses.asdict(outfit)
        assert all(type(n) in (bool, int, float) and np.isfinite(n) for n in numbers(plain))
        colors = [outfit.skin, outfit.hair.color, *(g.fabric.color for g in outfit.garments)]
        assert all(0.0 <= channel <= 1.0 for color in colors for channel in color)


def test_skin_spans_the_monk_scale_evenly(crowd: list[Outfit]) -> None:
    tones = Counter(o.tone for o in crowd)
    assert set(tones) == set(range(1, 11))
    assert min(tones.values()) > 0.5 * max(tones.values())
    lightness = [
        np.median([sum(o.skin) for o in crowd if o.tone == tone]) for tone in (1, 4, 6, 8, 10)
    ]
    assert lightness == sorted(lightness, reverse=True)


def test_tones_can_be_narrowed() -> None:
    assert {sample_outfit(rng(i), tones=(6, 7)).tone for i in range(60)} == {6, 7}


def test_clothes_are_mostly_dark_grey_or_white(crowd: list[Outfit]) -> None:
    colors = np.array([o.worn("top").fabric.color for o in crowd])  # type: ignore[union-attr]
    grey = (colors.max(axis=1) - colors.min(axis=1)) < 0.3 * colors.max(axis=1) + 0.02
    assert 0.4 < grey.mean() < 0.85  # and some are vivid


def test_hair_greys_with_age_and_children_have_no_beard() -> None:
    def grey(age: float) -> float:
        colors = np.array(
            [sample_outfit(rng(i), age=age, gender=1.0).hair.color for i in range(200)]
        )
        return float((np.ptp(colors, axis=1) < 0.12 * colors.max(axis=1)).mean())

    assert grey(75) > 0.6 > 0.2 > grey(20)
    assert all(sample_outfit(rng(i), age=9, gender=1.0).face.beard == 0 for i in range(100))
    assert any(sample_outfit(rng(i), age=40, gender=1.0).face.beard > 0 for i in range(100))


def test_winter_brings_coats_and_summer_bare_legs() -> None:
    def worn(warmth: float) -> Counter[str]:
        return Counter(
            g.kind for i in range(300) for g in sample_outfit(rng(i), warmth=warmth).garments
        )

    winter, summer = worn(0.0), worn(1.0)
    assert winter["coat"] + winter["down jacket"] > 50 > summer["coat"] + summer["down jacket"]
    assert summer["shorts"] > winter["shorts"]


def test_only_allowed_garments_and_patterns_are_used() -> None:
    allowed, patterns = ("t-shirt", "jeans", "sneakers"), ("plain", "stripes")
    for seed in range(100):
        outfit = sample_outfit(rng(seed), garments=allowed, patterns=patterns)
        assert {g.kind for g in outfit.garments} <= set(allowed)
        assert {"t-shirt", "jeans"} <= {g.kind for g in outfit.garments}
        assert {g.fabric.pattern for g in outfit.garments} <= set(patterns)


def test_forbidding_hats_changes_nothing_else() -> None:
    no_hats = tuple(kind for kind in KINDS if KINDS[kind].layer != "hat")
    for seed in range(40):
        free, bare = sample_outfit(rng(seed)), sample_outfit(rng(seed), garments=no_hats)
        assert (free.skin, free.hair, free.face) == (bare.skin, bare.hair, bare.face)
        kinds = [g.kind for g in free.garments if g.layer != "hat"]
        assert [g.kind for g in bare.garments] == kinds


def test_tight_clothes_have_no_looseness_and_flat_hair() -> None:
    outfit = sample_outfit(rng(3), loose=False)
    assert all(g.looseness == 0.0 for g in outfit.garments) and outfit.hair.volume == 0.0


def test_a_texture_is_picked_from_those_given() -> None:
    files = ("a.jpg", "b.jpg", "c.jpg")
    assert {sample_outfit(rng(i), textures=files).texture for i in range(40)} == set(files)
    assert sample_outfit(rng(0)).texture == ""


def test_plain_outfit_covers_torso_and_legs() -> None:
    assert {g.layer for g in plain_outfit().garments} == {"top", "bottom"}
    assert plain_outfit() == plain_outfit()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"garments": ("toga",)}, "unknown garment 'toga'"),
        ({"patterns": ("zebra",)}, "unknown pattern 'zebra'"),
        ({"tones": (0, 5)}, "from 1 to 10"),
        ({"tones": (7, 3)}, "from 1 to 10"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_outfit(rng(0), **arguments)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    age=st.floats(0, 100),
    gender=st.floats(0, 1),
    warmth=st.floats(0, 1),
    garments=st.sets(st.sampled_from(tuple(KINDS))),
    patterns=st.sets(st.sampled_from(PATTERNS)),
)
def test_any_arguments_give_a_valid_outfit(
    seed: int, age: float, gender: float, warmth: float, garments: set[str], patterns: set[str]
) -> None:
    outfit = sample_outfit(
        rng(seed),
        age=age,
        gender=gender,
        warmth=warmth,
        garments=sorted(garments),
        patterns=sorted(patterns),
    )
    assert all(0.0 <= g.looseness <= 1.0 and g.fabric.scale > 0 for g in outfit.garments)
    assert not garments or {g.kind for g in outfit.garments} <= garments


def test_a_coat_is_no_skirt() -> None:
    def wearer(*names: str) -> Wearer:
        return Wearer(40.0, 0.0, 0.0, {name: KINDS[name] for name in names})

    assert not wearer("sweater", "jeans", "coat").skirted
    assert wearer("dress", "coat").skirted and wearer("t-shirt", "skirt").skirted
