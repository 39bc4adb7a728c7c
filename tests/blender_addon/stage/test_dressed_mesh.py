"""People whose garments are meshes, rendered: same place, mask and parts, whatever came before."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from blender_addon.wardrobe.outfit import Garment, Hair, Item, Outfit

OUTFIT = Outfit(
    hair=Hair("long", fall=0.8, volume=0.02),
    garments=(
        Garment("dress", hem=-0.9, sleeve=0.3, neck=0.02),
        Garment("shoes", hem=0.07),
        Garment("coat", hem=-0.7, sleeve=1.0, neck=-0.02, opening=0.04, depth=0.1),
    ),
    style="mesh",
    seed=0.4,
)


def test_a_dressed_mesh_renders_the_same_whatever_was_rendered_before(
    shoot: Any, scene: Any, person: Any
) -> None:
    painted, other = person(1, -0.7), person(2, 0.5)
    dressed = dataclasses.replace(person(2, 0.5), outfit=OUTFIT)
    first = shoot(scene(persons=(painted, dressed)))
    shoot(scene(persons=(dataclasses.replace(painted, outfit=OUTFIT), other)))
    last = shoot(scene(persons=(painted, dressed)))
    for name in ("image", "instances"):
        np.testing.assert_array_equal(first[name], last[name])
    assert set(np.unique(first["instances"])) == {0, 1, 2}


def test_clothes_and_hair_belong_to_the_person_and_to_its_parts(
    shoot: Any, scene: Any, person: Any
) -> None:
    passes = ("image", "instances", "parts")
    bare = shoot(scene(persons=(person(1),), width=96, height=96), passes)
    who = dataclasses.replace(person(1), outfit=OUTFIT)
    dressed = shoot(scene(persons=(who,), width=96, height=96), passes)
    masks = [shot["instances"] == 1 for shot in (bare, dressed)]
    assert masks[1].sum() > 1.15 * masks[0].sum()
    assert (masks[1] | ~masks[0]).mean() > 0.995  # a coat and a skirt only add to a silhouette
    assert (dressed["parts"][masks[1]] > 0).mean() > 0.99
    assert len(np.unique(dressed["parts"])) > 12


def test_what_is_worn_counts_as_the_person_and_what_is_carried_by_choice(
    shoot: Any, scene: Any, person: Any
) -> None:
    def in_mask(*items: Item) -> tuple[np.ndarray, dict[str, Any]]:
        who = dataclasses.replace(person(1), outfit=dataclasses.replace(OUTFIT, items=items))
        shot = shoot(scene(persons=(who,), width=96, height=96), ("image", "instances", "parts"))
        return shot["instances"] == 1, shot

    glasses, case = Item("glasses", variant=0.1), Item("suitcase", variant=0.3)
    without, _ = in_mask(glasses)
    with_case, shot = in_mask(glasses, case)
    apart, beside = in_mask(glasses, dataclasses.replace(case, apart=True))
    again, _ = in_mask(glasses)
    assert with_case.sum() > without.sum() + 10
    assert (shot["parts"][with_case] > 0).mean() > 0.99
    # A thing apart hides what is behind it, and looks the same.
    assert not (apart & ~without).any()
    np.testing.assert_array_equal(beside["image"], shot["image"])
    np.testing.assert_array_equal(without, again)
