"""The table of things that a person wears besides garments, and the functions that build them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .outfit import Item
from .worn_part import Fitting, WornPart

Builder = Callable[[Fitting, Item], Sequence[WornPart]]

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
