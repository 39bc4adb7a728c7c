"""Each switch of [wardrobe] changes what it says, and nothing else that is drawn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import PersonSpec
from blender_addon.wardrobe import item_sampling
from blender_addon.wardrobe.items import ItemKind
from blender_addon.wardrobe.teeth import TEETH


def recipe(**wardrobe: Any) -> Recipe:
    sections = {"wardrobe": wardrobe, "people": {"count": [2, 3]}}
    return parse_recipe(sections, name="switches", folder=Path(), where="test")


def persons(chosen: Recipe) -> list[PersonSpec]:
    assets = load_assets(chosen)
    return [person for i in range(6) for person in sample_scene(chosen, assets, 5, i).persons]


@pytest.fixture(autouse=True)
def some_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"beanie": ItemKind("head", lambda w: 1.0), "bag": ItemKind("bag", lambda w: 1.0)}
    monkeypatch.setattr(item_sampling, "ITEM_KINDS", kinds)
    monkeypatch.setattr(item_sampling, "SLOTS", {"head": lambda w: 1.0, "bag": lambda w: 1.0})


def without(person: PersonSpec, **changes: Any) -> PersonSpec:
    return dataclasses.replace(person, outfit=dataclasses.replace(person.outfit, **changes))


def no_hat(person: PersonSpec) -> PersonSpec:
    garments = tuple(g for g in person.outfit.garments if g.layer != "hat")
    return without(person, garments=garments)


@pytest.mark.parametrize(("switch", "field"), [("drape", "drape"), ("skin_detail", "skin_detail")])
def test_a_switch_changes_its_own_field(switch: str, field: str) -> None:
    on, off = persons(recipe(style="mesh")), persons(recipe(style="mesh", **{switch: False}))
    assert not any(getattr(person.outfit, field) for person in off)
    assert [without(person, **{field: False}) for person in on] == off


def test_without_hair_heads_have_a_shell_and_the_rest_is_the_same() -> None:
    on, off = persons(recipe(style="mesh")), persons(recipe(style="mesh", hair=False))
    assert not any(person.outfit.locks for person in off)
    # The styles of locks are others, with beards to match.
    heads = [(person.outfit.hair, person.outfit.face) for person in off]
    assert [
        without(person, locks=False, hair=hair, face=face)
        for person, (hair, face) in zip(on, heads, strict=True)
    ] == off


def test_without_accessories_the_rest_is_the_same() -> None:
    on, off = persons(recipe(style="mesh")), persons(recipe(style="mesh", accessories=False))
    assert any(item.kind != TEETH for person in on for item in person.outfit.items)
    assert all(item.kind == TEETH for person in off for item in person.outfit.items)
    assert not any(person.outfit.worn("hat") for person in off)
    assert [no_hat(without(person, items=())) for person in on] == [
        no_hat(without(person, items=())) for person in off
    ]


def test_the_painted_style_has_nothing_of_it() -> None:
    switched = recipe(hair=False, drape=False, skin_detail=False, accessories=False)
    assert persons(recipe()) == persons(switched)
    assert not any(person.outfit.items for person in persons(recipe()))
