"""The ground that a place takes, as rectangles: a test against all of them costs microseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..ground_grid import Footprint
from ..placement import Array


@dataclass(frozen=True)
class Rectangle:
    """A rectangle on the ground: its middle and extents, m, turned about Z by `turn` degrees."""

    x: float
    y: float
    width: float
    depth: float
    turn: float

    @property
    def row(self) -> tuple[float, ...]:
        """x, y, half width, half depth, cosine and sine."""
        c, s = math.cos(math.radians(self.turn)), math.sin(math.radians(self.turn))
        return (self.x, self.y, self.width / 2, self.depth / 2, c, s)


class Yard:
    """Cells that people take, and rectangles that things take."""

    def __init__(self, occupied: Footprint, gap: float = 0.05) -> None:
        """Take over the occupied cells; `gap` m is kept free between things."""
        self._people = occupied.places()
        self._rows: list[tuple[float, ...]] = []
        self._gap = gap

    def take(self, box: Rectangle) -> None:
        """Occupy a rectangle."""
        self._rows.append(box.row)

    def free(self, box: Rectangle) -> bool:
        """Whether no person and no thing is in a rectangle."""
        x, y, w, d, c, s = box.row
        if len(self._people):
            away = self._people - (x, y)
            inside = (abs(away @ (c, s)) < w) & (abs(away @ (-s, c)) < d)
            if inside.any():
                return False
        return not self._rows or not self._meets(np.array(self._rows), (x, y, w, d, c, s))

    def _meets(self, rows: Array, one: tuple[float, ...]) -> bool:
        """Whether any of the rectangles (N, 6) overlaps one: no axis of either separates them."""
        x, y, w, d, c, s = one
        ox, oy, ow, od, oc, os = rows.T
        dx, dy = ox - x, oy - y
        cos, sin = abs(c * oc + s * os), abs(c * os - s * oc)
        gap = self._gap
        apart = abs(dx * c + dy * s) > w + ow * cos + od * sin + gap
        apart |= abs(dy * c - dx * s) > d + ow * sin + od * cos + gap
        apart |= abs(dx * oc + dy * os) > ow + w * cos + d * sin + gap
        apart |= abs(dy * oc - dx * os) > od + w * sin + d * cos + gap
        return bool((~apart).any())
