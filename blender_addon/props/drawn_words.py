"""Words for drawn posters, boards and labels: none is a name of anybody or anything."""

from __future__ import annotations

import numpy as np

_TITLES = (
    "NIGHT TRAIN", "RED RIVER", "LAST SUMMER", "GOLDEN HOUR", "OPEN AIR", "JAZZ NIGHT", "LOW TIDE",
    "SILVER MOON", "THE VISIT", "NORTH WIND", "BLUE ROOM", "PAPER CITY", "HOME AGAIN", "ECHO",
    "ROCK ON", "DANCE", "SOUL", "BIG SALE", "NEW", "SUMMER", "SPRING", "FRESH", "LOVE IT", "VOTE",
    "MUSEUM", "CIRCUS", "OPERA", "FESTIVAL", "MARKET", "RUN", "FLY AWAY", "STAR DUST",
)  # fmt: skip
_TRADES = (
    "BAKERY", "CAFE", "BOOKS", "SHOES", "OPTIC", "PHARMACY", "FLOWERS", "BAR", "PIZZA", "HAIR",
    "KIOSK", "BANK", "FASHION", "TOYS", "BIKES", "MARKET", "SUSHI", "KEBAB", "TEA", "HOTEL",
    "MOBILE", "NAILS", "LAUNDRY", "JEWELS", "DELI", "GRILL", "TATTOO", "SPORT", "MUSIC", "HOME",
)  # fmt: skip
_LINES = (
    "ONLY IN JUNE", "LIVE ON STAGE", "FREE ENTRY", "FROM 9.99", "NOW OPEN", "COMING SOON",
    "TICKETS", "20:30", "12. MAY", "TASTE IT", "FEEL GOOD", "MORE FOR YOU", "EVERY DAY", "NEW",
    "SAVE",
)  # fmt: skip
_SYLLABLES = ("LA", "MO", "RI", "TA", "NO", "VE", "KU", "SEL", "DOR", "PI", "BEN", "ZA", "LU", "GA")


def title(rng: np.random.Generator) -> str:
    """Draw the title of a poster."""
    return str(rng.choice(_TITLES))


def trade(rng: np.random.Generator) -> str:
    """Draw what a shop sells."""
    return str(rng.choice(_TRADES))


def line(rng: np.random.Generator) -> str:
    """Draw a short line of an advert."""
    return str(rng.choice(_LINES))


def brand(rng: np.random.Generator) -> str:
    """Draw an invented word."""
    return "".join(str(rng.choice(_SYLLABLES)) for _ in range(int(rng.integers(2, 4))))
