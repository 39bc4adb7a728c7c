"""Sofas, armchairs and office chairs, built to size."""

from __future__ import annotations

import numpy as np

from .batches import Parts, color, colors, soft_box
from .primitives import DARK, METAL, SECOND, SURFACE, Builder, Size, Solid, tube


def _sofa(size: Size, rng: np.random.Generator) -> Solid:
    """A sofa with a cushion for each 70 cm; one of less than 1.1 m is an armchair."""
    x, y, z = size
    parts = Parts()
    arm = min(float(rng.uniform(0.1, 0.22)), 0.2 * x)
    seat, foot = 0.42 * z / 0.82, 0.1 * z / 0.82
    inner = x - 2 * arm
    parts.add(soft_box((0, 0, (foot + 0.7 * seat) / 2), (x, y, 0.7 * seat - foot), 0.03))
    parts.add(soft_box((0, 0.38 * y, (z + foot) / 2), (x, 0.24 * y, z - foot), 0.07))
    high = float(rng.uniform(0.68, 0.85)) * z
    for side in (-1, 1):
        place = (side * (x - arm) / 2, -0.03 * y, (high + foot) / 2)
        parts.add(soft_box(place, (arm, 0.92 * y, high - foot), 0.06))
        for front in (-1, 1):
            leg = (side * (x / 2 - 0.08), front * (y / 2 - 0.08), foot / 2)
            parts.box(leg, (0.05, 0.05, foot), DARK)
    count = max(1, round(inner / 0.7))
    wide = inner / count
    for i in range(count):
        at = -inner / 2 + wide * (i + 0.5)
        low = 0.7 * seat
        parts.add(
            soft_box((at, -0.12 * y, (low + seat) / 2), (0.985 * wide, 0.72 * y, seat - low), 0.05)
        )
        back = (at, 0.2 * y, seat + 0.24 * z)
        parts.add(soft_box(back, (0.97 * wide, 0.22 * y, 0.44 * z), 0.09))
    for paint in colors(rng, int(rng.integers(0, count + 2)), (0.1, 0.9), (0.15, 0.9)):
        cushion = (float(rng.uniform(-0.4, 0.4)) * inner, 0.04 * y, seat + 0.2 * z)
        parts.add(soft_box(cushion, (0.42, 0.14, 0.38), 0.08, SURFACE, paint))
    if rng.random() < 0.3:  # a blanket over the back
        at = float(rng.uniform(-0.3, 0.3)) * inner
        parts.add(
            soft_box((at, 0.3 * y, 0.8 * z), (0.5, 0.42 * y, 0.4 * z), 0.05, SURFACE,
                     color(rng, (0.1, 0.7), (0.2, 0.9)))
        )  # fmt: skip
    return parts.fitted(size)


def _office_chair(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    seat = 0.46 * z
    for angle in 2 * np.pi * np.arange(5) / 5 + 0.3:
        out = 0.48 * min(x, y) * np.array([np.cos(angle), np.sin(angle)])
        parts.add(tube((0, 0, 0.09), (*out, 0.06), 0.022, 0.016, DARK, 6))
        parts.box((*(0.94 * out), 0.025), (0.05, 0.05, 0.05), DARK)
    parts.add(tube((0, 0, 0.07), (0, 0, seat - 0.04), 0.03, tone=METAL, sides=8))
    parts.add(soft_box((0, -0.02 * y, seat), (0.76 * x, 0.74 * y, 0.09), 0.04))
    parts.add(soft_box((0, 0.34 * y, seat + 0.3 * z), (0.7 * x, 0.08, z - seat - 0.06), 0.035))
    parts.box((0, 0.38 * y, seat + 0.07), (0.06, 0.03, 0.22), DARK)
    if rng.random() < 0.7:
        for side in (-1, 1):
            parts.box((side * 0.43 * x, 0, seat + 0.2), (0.05, 0.26, 0.03), DARK)
            parts.box((side * 0.43 * x, 0.02, seat + 0.09), (0.03, 0.05, 0.22), DARK)
    return parts.fitted(size)


def _dining_chair(size: Size, rng: np.random.Generator) -> Solid:
    """A chair for tables: with slats, a closed back, or upholstered."""
    x, y, z = size
    parts = Parts()
    seat, leg = 0.5 * z, 0.036
    kind = int(rng.integers(3))
    for side in (-1, 1):
        parts.box((side * (x - leg) / 2, -(y - leg) / 2, seat / 2), (leg, leg, seat))
        parts.box((side * (x - leg) / 2, (y - leg) / 2, z / 2), (leg, leg, z))
    tone = SECOND if kind else SURFACE
    parts.add(soft_box((0, 0, seat), (0.98 * x, 0.98 * y, 0.05 if kind else 0.03), 0.02, tone))
    back = y / 2 - leg / 2
    if kind == 0:
        for height in np.linspace(seat + 0.3 * (z - seat), z - 0.04, 3):
            parts.box((0, back, height), (x - leg, 0.018, 0.055))
    elif kind == 1:
        parts.box((0, back, seat + 0.68 * (z - seat)), (x - leg, 0.02, 0.6 * (z - seat)))
    else:
        middle = (0, back - 0.01, seat + 0.56 * (z - seat))
        parts.add(soft_box(middle, (x, 0.06, 0.86 * (z - seat)), 0.025, SECOND))
    return parts.fitted(size)


def _bar_stool(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    r = min(x, y) / 2
    parts.add(tube((0, 0, 0), (0, 0, 0.02), r, tone=METAL, sides=18))
    parts.add(tube((0, 0, 0.02), (0, 0, z - 0.06), 0.025, tone=METAL, sides=8))
    parts.add(soft_box((0, 0, z - 0.04), (1.7 * r, 1.7 * r, 0.08), 0.035, SECOND))
    if rng.random() < 0.5:
        parts.add(tube((-0.7 * r, 0, 0.3 * z), (0.7 * r, 0, 0.3 * z), 0.012, tone=METAL, sides=6))
    return parts.fitted(size)


SEATS: dict[str, Builder] = {
    "couch": _sofa,
    "office_chair": _office_chair,
    "dining_chair": _dining_chair,
    "bar_stool": _bar_stool,
}
