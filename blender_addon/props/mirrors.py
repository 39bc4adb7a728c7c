"""Mirrors: a pane in a frame. See `sized`; scene.mirrors has the place of the pane."""

from __future__ import annotations

import numpy as np

from .primitives import SECOND, SURFACE, Builder, Size, Solid, box, join, picture


def bar_of(size: Size) -> float:
    """Width of the frame of a mirror of these extents, m."""
    return min(0.03, 0.1 * min(size[0], size[2]))


def _mirror(size: Size, rng: np.random.Generator) -> Solid:
    """A pane 1.5 cm before the middle of its depth, in a frame that stands out 5 mm."""
    x, y, z = size
    bar = bar_of(size)
    front = -0.3 * y
    board = box((0, (y / 2 + front) / 2 + 0.002, z / 2), (x, y / 2 - front - 0.004, z), SECOND)
    deep, middle = front - 0.1 * y, front - 0.05 * y
    sides = [
        box((s * (x - bar) / 2, (deep + y / 2) / 2, z / 2), (bar, y / 2 - deep, z), SECOND)
        for s in (-1, 1)
    ]
    across = [
        box((0, middle, h), (x - 2 * bar, 0.1 * y, bar), SECOND) for h in (bar / 2, z - bar / 2)
    ]
    return join([board, *sides, *across, picture((0, front, z / 2), (x, z), SURFACE)])


MIRRORS: dict[str, Builder] = {"mirror": _mirror}
