"""The table of things that a person wears besides garments, and the functions that build them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .garment_kind import Wearer
from .outfit import Item
from .worn_part import Fitting, WornPart

Builder = Callable[[Fitting, Item], Sequence[WornPart]]


@dataclass(frozen=True)
class ItemKind:
    """How often an item is worn, and in which colours.

    Attributes:
        slot: Where it is worn; a person wears at most one item of each slot.
        weight: How often a person wears it, relative to the other items of the slot.
        colors: For each of its regions, the main one first, sRGB codes to choose from; an empty
            choice is any colour of cloth.
        carried: Whether it is a thing that is carried and not worn.
        upright: Whether it suits persons that stand or walk only.
    """

    slot: str
    weight: Callable[[Wearer], float]
    colors: tuple[tuple[str, ...], ...] = ((),)
    carried: bool = False
    upright: bool = False


# The weight of nothing in a slot, relative to the slot's items. Shoes stand for the garment of the
# layer "shoes", so that whoever wears one of those may wear one of these.
SLOTS: Mapping[str, Callable[[Wearer], float]] = {}

ITEM_KINDS: Mapping[str, ItemKind] = {}

# Kind of an item -> what builds it.
BUILDERS: Mapping[str, Builder] = {}


def parts_of(fitting: Fitting, items: Sequence[Item]) -> list[WornPart]:
    """Build all items of an outfit.

    Args:
        fitting: The person's body at rest.
        items: The outfit's items.

    Raises:
        KeyError: No builder has the kind of an item.
    """
    return [part for item in items for part in BUILDERS[item.kind](fitting, item)]
