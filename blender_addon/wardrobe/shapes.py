"""Cuts of garments that levels, sleeves and necklines alone do not describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .chart import LEVEL_HEIGHT

Array = np.ndarray
Chart = Mapping[str, Any]


def _up(c: Chart, level: float) -> Array:
    """(V,) rm above a level."""
    return np.asarray((c["level"] - level) * LEVEL_HEIGHT)


def _either(*fields: Array) -> Array:
    out = fields[0]
    for field in fields[1:]:
        out = np.maximum(out, field)
    return out


def _both(*fields: Array) -> Array:
    out = fields[0]
    for field in fields[1:]:
        out = np.minimum(out, field)
    return out


def _straps(c: Chart, x: float, half: float, level: float) -> Array:
    """Two straps over the shoulders, above a level."""
    return _both(half - np.abs(np.abs(c["x"]) - x), _up(c, level))


def dungarees(c: Chart) -> Array:
    """Trousers with a bib, and straps over the shoulders."""
    x, front = np.abs(c["x"]), c["front"]
    bib = _both(0.13 - 0.12 * np.maximum(_up(c, 0.2), 0) - x, -_up(c, 0.66), front + 0.0)
    back = _both(0.12 - x - 0.25 * np.maximum(_up(c, 0.2), 0), -_up(c, 0.5), -front)
    return _either(-_up(c, 0.22), bib, back, _straps(c, 0.075, 0.02, 0.4))


def apron(c: Chart) -> Array:
    """A bib in front, wider below the waist, tied around waist and neck."""
    x, front = np.abs(c["x"]), c["front"]
    bib = _both(0.125 - x, -_up(c, 0.62), front)
    lower = _both(-_up(c, 0.24), front + 0.03)
    tie = 0.011 - np.abs(_up(c, 0.24))
    return _either(bib, lower, tie, _straps(c, 0.06, 0.013, 0.55))


def leg_openings(c: Chart) -> Array:
    """Swimsuits and briefs end in a slanted line over the hips."""
    return np.asarray(_up(c, 0.0) + 0.13 - 0.75 * np.abs(c["x"]))


def bikini(c: Chart) -> Array:
    """Two cups, a band around the chest and straps."""
    x = np.abs(c["x"])
    cups = _both(0.07 - np.hypot(x - 0.072, 1.1 * _up(c, 0.585)), c["front"])
    return _either(cups, 0.012 - np.abs(_up(c, 0.5)), _straps(c, 0.08, 0.009, 0.58))


SHAPES: Mapping[str, Callable[[Chart], Array]] = {
    "dungarees": dungarees,
    "apron": apron,
    "leg openings": leg_openings,
    "bikini": bikini,
}
