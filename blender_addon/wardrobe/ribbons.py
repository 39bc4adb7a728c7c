"""Meshes of hair: flat ribbons and round ropes along middle lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .vectors import cross, unit

Array = np.ndarray
Size = int | tuple[int, ...] | None

OF_HAIR, OF_BROWS = 0.0, 2.0  # added to a lock's random number: whose colour it has


@dataclass
class HairMesh:
    """Hair in the making; lengths are rm.

    Attributes:
        points: (N, 3).
        faces: (F, 3).
        values: (N, 4): place across the locks' streaks, share of the way from root to tip, another
            number 0..1 for each lock, and how light it is.
        weights: (N, 5), how much points follow each of scalp.JOINTS.
        source: (F,) the body's face that each belongs to.
    """

    points: list[Array]
    faces: list[Array]
    values: list[Array]
    weights: list[Array]
    source: list[Array]

    @classmethod
    def empty(cls) -> HairMesh:
        return cls([], [], [], [], [])

    def add(
        self, points: Array, faces: Array, values: Array, weights: Array, source: Array
    ) -> None:
        start = sum(map(len, self.points))
        self.points.append(points)
        self.faces.append(faces + start)
        self.values.append(values)
        self.weights.append(weights)
        self.source.append(source)


class Draws:
    """A generator of 32-bit numbers: half the memory, and twice as fast, as numpy's own."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def random(self, size: Size = None) -> Any:
        return self._rng.random(size, dtype=np.float32)

    def uniform(self, low: float, high: float, size: Size = None) -> Any:
        return self.random(size) * np.float32(high - low) + np.float32(low)

    def normal(self, mean: float = 0.0, spread: float = 1.0, size: Size = None) -> Any:
        drawn = self._rng.standard_normal(size, dtype=np.float32)
        return drawn * np.float32(spread) + np.float32(mean)

    def signs(self, size: Size) -> Any:
        """1 or -1."""
        return np.where(self.random(size) < 0.5, np.float32(1), np.float32(-1))

    def integers(self, low: int, high: int, size: Size = None) -> Any:
        return self._rng.integers(low, high, size)


def evenly(start: float, end: float, count: int) -> Array:
    """(count,) float32, evenly from `start` to `end`."""
    return np.linspace(start, end, count, dtype=np.float32)


def steps(place: Array, at: Sequence[float], values: Sequence[float]) -> Array:
    """numpy's interp in 32 bits."""
    return np.interp(place, at, values).astype(np.float32)


def vector(*values: float) -> Array:
    """Numbers as a float32 array: one of 64 bits would make all that it meets one too."""
    return np.array(values, dtype=np.float32)


def along(lines: Array) -> Array:
    """(S, n, 3) unit tangents of lines."""
    out = np.empty_like(lines)
    out[:, 1:-1] = lines[:, 2:] - lines[:, :-2]
    out[:, 0] = lines[:, 1] - lines[:, 0]
    out[:, -1] = lines[:, -1] - lines[:, -2]
    return unit(out)


def ribbons(lines: Array, outwards: Array, width: Array, tilt: Array) -> tuple[Array, Array]:
    """Flat ribbons: (S·n·2, 3) points, two of each cross-section, and (F, 3) faces.

    Args:
        lines: (S, n, 3).
        outwards: (S, n, 3) directions that they face.
        width: (S, n) half their width.
        tilt: (S,) rad by which they are turned about their line.
    """
    way = along(lines)
    side = unit(cross(way, outwards))
    up = cross(side, way)
    c, s = np.cos(tilt)[:, None, None], np.sin(tilt)[:, None, None]
    side = (side * c + up * s) * width[..., None]
    points = np.stack([lines - side, lines + side], axis=2).reshape(-1, 3)
    return points, ribbon_faces(*lines.shape[:2])


def ribbon_faces(count: int, points: int) -> Array:
    one = np.arange(points - 1)[:, None] * 2
    quads = one + np.array([[0, 2, 3, 1]])
    quads = (np.arange(count)[:, None, None] * points * 2 + quads[None]).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


def ropes(lines: Array, outwards: Array, radius: Array, sides: int = 3) -> tuple[Array, Array]:
    """Round ropes: (S·n·sides, 3) points and (F, 3) faces; arguments as for `ribbons`."""
    S, n = lines.shape[:2]
    way = along(lines)
    side = unit(cross(way, outwards))
    up = cross(side, way)
    angle = evenly(0, 2 * np.pi, sides + 1)[:-1] + np.float32(np.pi / 2)
    round_ = side[:, :, None] * np.cos(angle)[:, None] + up[:, :, None] * np.sin(angle)[:, None]
    points = lines[:, :, None] + round_ * radius[..., None, None]
    j = np.arange(sides)
    a = np.arange(n - 1)[:, None] * sides + j
    b = np.arange(n - 1)[:, None] * sides + (j + 1) % sides
    quads = np.stack([a, a + sides, b + sides, b], axis=-1).reshape(-1, 4)
    quads = (np.arange(S)[:, None, None] * n * sides + quads[None]).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return points.reshape(-1, 3), faces
