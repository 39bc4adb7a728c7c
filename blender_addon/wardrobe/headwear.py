"""Hats, helmets and head coverings, and what hair shows beneath them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .outfit import Item

# The lower edge of what is worn on the head, on the chart's coordinate `hat` (head units above a
# hat's usual brim; it falls towards the back of the head). -NOTHING_SHOWS: all hair is covered.
NOTHING_SHOWS = 9.0
HEAD_LINES: Mapping[str, float] = {
    "cap": 0.0,
    "beanie": -0.16,
    "fedora": 0.02,
    "sun hat": -0.02,
    "bucket hat": -0.08,
    "hard hat": 0.08,
    "bicycle helmet": 0.08,
    "hijab": -NOTHING_SHOWS,
    "niqab": -NOTHING_SHOWS,
    "headscarf": -NOTHING_SHOWS,
    "turban": -NOTHING_SHOWS,
    "pack hat": 0.0,
}


VEILS = ("hijab", "niqab", "headscarf")  # whoever wears one covers arms and legs


def hair_line(items: Sequence[Item]) -> float:
    """The chart's coordinate `hat` above which what is worn on the head covers the hair.

    Hair that grows below it shows; hair above it is pressed onto the skull and cannot be seen.

    Args:
        items: The items of an outfit.

    Returns:
        NOTHING_SHOWS without anything on the head, -NOTHING_SHOWS where no hair shows at all.
    """
    return min((HEAD_LINES.get(item.kind, NOTHING_SHOWS) for item in items), default=NOTHING_SHOWS)
