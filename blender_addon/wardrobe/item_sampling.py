"""Draws of the items that a person wears besides garments: glasses, scarves, hats and bags."""

from __future__ import annotations

import dataclasses

import numpy as np

from . import palette
from .garment_kind import Wearer
from .garments import KINDS
from .headwear import HEAD_LINES
from .items import ITEM_KINDS, SLOTS
from .outfit import Item, Outfit

SHOES = "shoes"  # a layer of garments and a slot of items
AGE = 38.0  # of a person whose age is unknown
_COLD = {"coat": 0.9, "down jacket": 1.0, "boots": 0.3, "sweater": 0.4, "hoodie": 0.2}
_COLD |= {"beanie": 0.9, "tights": 0.3, "cardigan": 0.2, "jacket": 0.2}
_COLD |= {"parka": 1.0, "puffer": 1.0, "puffer vest": 0.6, "hooded jacket": 0.4, "turtleneck": 0.4}
_COLD |= {"sweatshirt": 0.2, "denim jacket": 0.2, "hi-vis jacket": 0.4}
_WARM = {"shorts": 0.8, "tank top": 0.6, "short-sleeved shirt": 0.5, "t-shirt": 0.3, "dress": 0.4}
_WARM |= {"cargo shorts": 0.8, "swim shorts": 1.0, "swimsuit": 1.0, "bikini top": 1.0}
_WARM |= {"bikini bottom": 1.0, "crop top": 0.7, "mini skirt": 0.4, "long dress": 0.3, "polo": 0.3}
_WARM |= {"sari": 0.4, "kaftan": 0.5}


def wearer_of(outfit: Outfit, age: float | None, gender: float | None) -> Wearer:
    """The person who wears an outfit; the season follows from the garments.

    Args:
        outfit: The garments.
        age: Years; None where unknown.
        gender: 0 female .. 1 male; None where unknown.
    """
    worn = {garment.kind: KINDS[garment.kind] for garment in outfit.garments}
    warm = 0.5 + 0.5 * max((_WARM.get(kind, 0.0) for kind in worn), default=0.0)
    warm -= 0.55 * max((_COLD.get(kind, 0.0) for kind in worn), default=0.0)
    return Wearer(
        AGE if age is None else age,
        0.5 if gender is None else gender,
        float(np.clip(warm, 0.0, 1.0)),
        worn,
    )


def sample_items(rng: np.random.Generator, outfit: Outfit, wearer: Wearer) -> Outfit:
    """Draw what is worn besides garments, from items.SLOTS and items.ITEM_KINDS.

    Args:
        rng: Generator of the items; each slot draws from a stream of its own.
        outfit: The garments.
        wearer: The person who wears it.

    Returns:
        The outfit with its items. Who wears a hat or a hijab wears no cap under it.
    """
    drawn = [
        _sample_slot(stream, slot, wearer)
        for slot, stream in zip(SLOTS, rng.spawn(len(SLOTS)), strict=True)
        if slot != SHOES or outfit.worn(SHOES) is not None
    ]
    items = tuple(item for item in drawn if item is not None)
    garments = outfit.garments
    if any(item.kind in HEAD_LINES for item in items):
        garments = tuple(garment for garment in garments if garment.layer != "hat")
    return dataclasses.replace(outfit, items=(*outfit.items, *items), garments=garments)


def without_accessories(outfit: Outfit) -> Outfit:
    """The outfit without glasses, hats and bags; shoes are none."""
    return dataclasses.replace(
        outfit,
        garments=tuple(garment for garment in outfit.garments if garment.layer != "hat"),
        items=tuple(item for item in outfit.items if slot_of(item) in ("", SHOES)),
    )


def with_things_apart(outfit: Outfit) -> Outfit:
    """The outfit whose bags, and what hands hold, do not count as the person in masks."""
    items = tuple(
        dataclasses.replace(item, apart=item.kind in ITEM_KINDS and ITEM_KINDS[item.kind].carried)
        for item in outfit.items
    )
    return dataclasses.replace(outfit, items=items)


def at_rest(outfit: Outfit) -> Outfit:
    """The outfit of a person who sits or lies: a backpack would sink into the seat."""
    items = tuple(
        item
        for item in outfit.items
        if item.kind not in ITEM_KINDS or not ITEM_KINDS[item.kind].upright
    )
    return outfit if items == outfit.items else dataclasses.replace(outfit, items=items)


def slot_of(item: Item) -> str:
    """The slot of a built-in item; '' for others, such as those of a pack."""
    return ITEM_KINDS[item.kind].slot if item.kind in ITEM_KINDS else ""


def _sample_slot(rng: np.random.Generator, slot: str, wearer: Wearer) -> Item | None:
    """One item for a slot, or None."""
    kinds = {name: kind for name, kind in ITEM_KINDS.items() if kind.slot == slot}
    weights = np.array([SLOTS[slot](wearer), *(kind.weight(wearer) for kind in kinds.values())])
    if weights.sum() <= 0:
        return None
    number = int(rng.choice(len(weights), p=weights / weights.sum()))
    if number == 0:
        return None
    name = list(kinds)[number - 1]
    colors = tuple(
        palette.pick(rng, codes, 0.15) if codes else palette.cloth(rng)
        for codes in kinds[name].colors
    )
    return Item(name, variant=float(rng.random()), colors=colors)
