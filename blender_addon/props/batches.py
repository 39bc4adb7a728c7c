"""Many pieces in one call: boxes, turned bodies, soft boxes and cloth. Pure numpy.

A bookcase has two hundred boxes: one array operation makes them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import pieces
from .colours import display
from .pieces import quad_mesh
from .primitives import SURFACE, Array, Solid, join

_THIN = 5e-4  # m; nothing is thinner


def shifted(points: Array, x: float, y: float, z: float) -> Array:
    """Points (N, 3) moved by (x, y, z)."""
    return points + np.array((x, y, z))


def boxes(
    centers: ArrayLike,
    sizes: ArrayLike,
    tones: ArrayLike = SURFACE,
    paints: ArrayLike = np.nan,
    turns: ArrayLike = 0.0,
) -> Solid:
    """Make boxes as `pieces.boxes` does, none thinner than half a millimetre; NaN is no colour."""
    return pieces.boxes(centers, np.maximum(sizes, _THIN), tones, paints, turns)


def turned(
    profile: ArrayLike,
    places: ArrayLike,
    scales: ArrayLike = 1.0,
    tone: int = SURFACE,
    paints: ArrayLike = np.nan,
    sides: int = 10,
) -> Solid:
    """Bodies of revolution: bottles, glasses, plates, lamp shades, pots.

    Args:
        profile: (K, 2) radius and height from the bottom up, m; open ends are closed by a radius
            of 0.
        places: (N, 3) m.
        scales: One for all, (N,) or (N, 2) for radius and height.
        tone: Of all faces.
        paints: (3,) or (N, 3).
        sides: Corners of a ring.
    """
    outline = _crisp(np.asarray(profile, dtype=np.float64))
    at = np.atleast_2d(np.asarray(places, dtype=np.float64))
    n, k = len(at), len(outline)
    by = np.asarray(scales, dtype=np.float64)
    by = np.broadcast_to(by[:, None] if by.ndim == 1 else by, (n, 2))
    angle = 2 * np.pi * np.arange(sides) / sides
    around = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    vertices = np.empty((n, k, sides, 3))
    radius = by[:, :1] * outline[:, 0]
    vertices[..., :2] = radius[..., None, None] * around + at[:, None, None, :2]
    vertices[..., 2] = (by[:, 1:] * outline[:, 1] + at[:, 2:])[..., None]
    long = np.flatnonzero(np.linalg.norm(np.diff(outline, axis=0), axis=1) > 0)
    i, j = (axis.ravel() for axis in np.meshgrid(long, np.arange(sides), indexing="ij"))
    after = (j + 1) % sides
    one = np.stack(
        [i * sides + j, i * sides + after, (i + 1) * sides + after, (i + 1) * sides + j], axis=-1
    )
    faces = (one + k * sides * np.arange(n)[:, None, None]).reshape(-1, 4)
    paint = np.broadcast_to(np.asarray(paints, dtype=np.float64), (n, 3))
    return quad_mesh(vertices.reshape(-1, 3), faces, tone, np.repeat(paint, len(one), axis=0), True)


def _crisp(outline: Array) -> Array:
    """The outline with its sharp corners twice: smooth shading does not run across them."""
    along = np.diff(outline, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    sharp = np.concatenate([[False], (along[1:] * along[:-1]).sum(axis=1) < 0.7, [False]])
    return np.repeat(outline, np.where(sharp, 2, 1), axis=0)


def soft_box(
    center: ArrayLike,
    size: ArrayLike,
    radius: float,
    tone: int = SURFACE,
    paint: ArrayLike = np.nan,
) -> Solid:
    """A box with round edges: a cushion, the seat of a sofa."""
    half = np.maximum(np.asarray(size, dtype=np.float64) / 2, 2 * _THIN)
    r = float(min(radius, 0.98 * half.min()))
    steps, faces = _soft_grid()
    table = np.stack([-half, r - half, half - r, half])
    every = np.take_along_axis(table, steps, axis=0)
    inner = np.clip(every, r - half, half - r)
    away = every - inner
    length = np.sqrt((away**2).sum(axis=1, keepdims=True))
    vertices = inner + r * away / length + np.asarray(center, dtype=np.float64)
    return quad_mesh(vertices, faces, tone, paint, True)


@cache
def _soft_grid() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points (56, 3) on the outside of a grid of 4 × 4 × 4, and the faces (54, 4) between them."""
    steps = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    outside = np.isin(steps, (0, 3)).any(axis=1)
    number = np.cumsum(outside) - 1
    faces = []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for side in (0, 3):
            for i in range(3):
                for j in range(3):
                    corners = np.zeros((4, 3), dtype=np.int64)
                    corners[:, axis] = side
                    corners[:, a] = (i, i + 1, i + 1, i)
                    corners[:, b] = (j, j, j + 1, j + 1)
                    face = number[corners @ (16, 4, 1)]
                    faces.append(face if side else face[::-1])
    return steps[outside], np.array(faces)


def cloth(
    width: float, height: float, depth: float, folds: int, tone: int = SURFACE,
    paint: ArrayLike = np.nan, spread: float = 0.6,
) -> Solid:  # fmt: skip
    """A hanging cloth in folds, centred above the origin, its front towards -Y.

    Args:
        width, height, depth: Extents, m.
        folds: Number of folds.
        tone, paint: Of all faces.
        spread: Depth of the folds at the top, as a share of that at the bottom.
    """
    columns, rows = 6 * folds + 1, 4
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows), indexing="ij")
    swing = np.sin(2 * np.pi * folds * u + 1.3 * np.sin(2.1 * folds * u))
    deep = 0.5 * depth * (1 - (1 - spread) * v) * swing
    vertices = np.stack([width * (u - 0.5), deep, height * v], axis=-1).reshape(-1, 3)
    i, j = (
        axis.ravel()
        for axis in np.meshgrid(np.arange(columns - 1), np.arange(rows - 1), indexing="ij")
    )
    faces = np.stack(
        [i * rows + j, (i + 1) * rows + j, (i + 1) * rows + j + 1, i * rows + j + 1], axis=-1
    )
    return quad_mesh(vertices, faces, tone, paint, True)


def colors(
    rng: np.random.Generator,
    count: int,
    saturation: tuple[float, float] = (0.1, 0.9),
    value: tuple[float, float] = (0.1, 0.9),
    hue: tuple[float, float] = (0.0, 1.0),
) -> Array:
    """Linear colours (count, 3), drawn in display HSV."""
    h, s, v = (rng.uniform(*span, count) for span in (hue, saturation, value))
    if hue == (0.0, 1.0):  # things are red, brown, yellow, blue, white and grey, rarely violet
        kind = rng.random(count)
        h = np.select([kind < 0.42, kind < 0.6, kind < 0.72], [0.13 * h, 0.54 + 0.1 * h,
                      0.22 + 0.2 * h], h)  # fmt: skip
        s = np.where(kind > 0.8, 0.25 * s, s) * 0.85
    return np.asarray(display(h, s, v) ** 2.2)


def color(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.1, 0.9),
    value: tuple[float, float] = (0.1, 0.9),
    hue: tuple[float, float] = (0.0, 1.0),
) -> Array:
    """One of `colors`, (3,)."""
    return np.asarray(colors(rng, 1, saturation, value, hue)[0])


class Parts:
    """Pieces of one shape; boxes are made together at the end."""

    def __init__(self) -> None:
        self._boxes: list[tuple[Array, Array, int, Array, float]] = []
        self._solids: list[Solid] = []

    def box(
        self, center: ArrayLike, size: ArrayLike, tone: int = SURFACE, paint: ArrayLike = np.nan,
        turn: float = 0.0,
    ) -> None:  # fmt: skip
        """Add a box."""
        color_ = np.broadcast_to(np.asarray(paint, dtype=np.float64), (3,))
        self._boxes.append((np.asarray(center), np.asarray(size), tone, color_, turn))

    def add(self, *solids: Solid) -> None:
        """Add solids."""
        self._solids += solids

    def fitted(self, size: Sequence[float]) -> Solid:
        """All pieces in one, cut off at the extents (x, y, z) m of the shape."""
        solids = self._solids
        if self._boxes:
            c, s, t, p, a = zip(*self._boxes, strict=True)
            solids = [*solids, boxes(np.array(c), np.array(s), np.array(t), np.array(p), a)]
        whole = join(solids)
        x, y, z = (float(v) for v in size)
        np.clip(whole.vertices, (-x / 2, -y / 2, 0), (x / 2, y / 2, z), out=whole.vertices)
        return whole
