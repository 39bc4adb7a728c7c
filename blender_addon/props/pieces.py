"""Many simple pieces at once: boxes, rectangles, bars and leaves as one solid each.

A house front has hundreds of them; one call of numpy for all costs what a single one does.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .primitives import SURFACE, Array, Solid

_CORNERS = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]) / 2.0
_BOX = np.array(
    [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
)
_WHOLE_IMAGE = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)])


def by(x: float, y: float, z: float) -> Array:
    """A shift (3,) m."""
    return np.array((x, y, z), dtype=np.float64)


def quad_mesh(
    vertices: Array,
    faces: NDArray[np.integer],
    tone: ArrayLike = SURFACE,
    color: ArrayLike | None = None,
    smooth: bool = False,
) -> Solid:
    """Make a solid of faces of four corners.

    Args:
        vertices: (V, 3) m.
        faces: (F, 4) vertices of each face, counter-clockwise seen from outside.
        tone: One, or (F,).
        color: Linear colour (3,) or (F, 3); NaN keeps the tone's.
        smooth: Whether the faces are shaded as a curved surface.
    """
    n = len(faces)
    paint = None
    if color is not None and np.isfinite(color).any():
        paint = np.broadcast_to(np.asarray(color, dtype=np.float64), (n, 3)).copy()
    return Solid(
        vertices,
        faces.astype(np.int32).ravel(),
        np.arange(0, 4 * n, 4, dtype=np.int32),
        np.broadcast_to(np.asarray(tone, dtype=np.uint8), (n,)).copy(),
        np.full(n, smooth, np.bool_),
        paint,
    )


def _per_face(
    tone: ArrayLike, color: ArrayLike | None, count: int, each: int
) -> tuple[ArrayLike, ArrayLike | None]:
    """Tones and colours of `count` pieces for the `each` faces that each of them has."""
    tones = np.repeat(np.broadcast_to(np.asarray(tone, dtype=np.uint8), (count,)), each)
    if color is None:
        return tones, None
    colors = np.broadcast_to(np.asarray(color, dtype=np.float64), (count, 3))
    return tones, np.repeat(colors, each, axis=0)


def boxes(
    centers: ArrayLike,
    sizes: ArrayLike,
    tone: ArrayLike = SURFACE,
    color: ArrayLike | None = None,
    turns: ArrayLike = 0.0,
) -> Solid:
    """Boxes that stand upright.

    Args:
        centers, sizes: (N, 3) m, or (3,) for all.
        tone: One, or (N,).
        color: Linear colour (3,) or (N, 3); NaN keeps the tone's.
        turns: Degrees about Z, one or (N,).
    """
    at, extent = np.broadcast_arrays(
        np.atleast_2d(np.asarray(centers, dtype=np.float64)),
        np.atleast_2d(np.asarray(sizes, dtype=np.float64)),
    )
    n = len(at)
    corners = extent[:, None] * _CORNERS
    angle = np.radians(np.broadcast_to(np.asarray(turns, dtype=np.float64), (n,)))[:, None]
    if angle.any():
        c, s = np.cos(angle), np.sin(angle)
        x, y = corners[..., 0].copy(), corners[..., 1].copy()
        corners[..., 0], corners[..., 1] = c * x - s * y, s * x + c * y
    vertices = (at[:, None] + corners).reshape(-1, 3)
    faces = (8 * np.arange(n)[:, None, None] + _BOX).reshape(-1, 4)
    return quad_mesh(vertices, faces, *_per_face(tone, color, n, 6))


def span(
    low: ArrayLike, high: ArrayLike, tone: ArrayLike = SURFACE, color: ArrayLike | None = None
) -> Solid:
    """Boxes between their lowest and highest corners (N, 3) m."""
    a, b = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (low, high))
    return boxes((a + b) / 2, b - a, tone, color)


def quads(
    corners: ArrayLike,
    tone: ArrayLike = SURFACE,
    color: ArrayLike | None = None,
    *,
    image: bool = False,
    smooth: bool = False,
) -> Solid:
    """Flat faces of corners (N, 4, 3) m, counter-clockwise seen from outside; with `image` each
    shows an image once, its first corner at the lower left.
    """
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 4, 3)
    n = len(points)
    solid = quad_mesh(points.reshape(-1, 3), np.arange(4 * n).reshape(-1, 4), tone, color, smooth)
    return dataclasses.replace(solid, uv=np.tile(_WHOLE_IMAGE, (n, 1)) if image else None)


def upright(
    centers: ArrayLike,
    sizes: ArrayLike,
    tone: ArrayLike = SURFACE,
    color: ArrayLike | None = None,
    *,
    image: bool = False,
) -> Solid:
    """Rectangles (width, height) m that face -Y, at centres (N, 3) m."""
    at = np.atleast_2d(np.asarray(centers, dtype=np.float64))
    w, h = (0.5 * np.broadcast_to(np.asarray(sizes, dtype=np.float64), (len(at), 2))).T
    zero = np.zeros(len(at))
    around = [(-w, zero, -h), (w, zero, -h), (w, zero, h), (-w, zero, h)]
    corners = at[:, None] + np.stack([np.stack(c, axis=1) for c in around], axis=1)
    return quads(corners, tone, color, image=image)


def flat(
    centers: ArrayLike, sizes: ArrayLike, tone: ArrayLike = SURFACE, color: ArrayLike | None = None
) -> Solid:
    """Rectangles (x, y) m that face up, at centres (N, 3) m."""
    at = np.atleast_2d(np.asarray(centers, dtype=np.float64))
    w, d = (0.5 * np.broadcast_to(np.asarray(sizes, dtype=np.float64), (len(at), 2))).T
    zero = np.zeros(len(at))
    around = [(-w, -d, zero), (w, -d, zero), (w, d, zero), (-w, d, zero)]
    return quads(at[:, None] + np.stack([np.stack(c, axis=1) for c in around], axis=1), tone, color)


def bars(
    starts: ArrayLike,
    ends: ArrayLike,
    radii: ArrayLike,
    end_radii: ArrayLike | None = None,
    tone: ArrayLike = SURFACE,
    color: ArrayLike | None = None,
    *,
    sides: int = 6,
) -> Solid:
    """Round bars without ends between points (N, 3) m."""
    a, b = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (starts, ends))
    a, b = np.broadcast_arrays(a, b)
    n = len(a)
    r1 = np.broadcast_to(np.asarray(radii, dtype=np.float64), n)
    r2 = r1 if end_radii is None else np.broadcast_to(np.asarray(end_radii, dtype=np.float64), n)
    u, v = across(b - a)
    angle = 2 * np.pi * np.arange(sides) / sides
    out = np.cos(angle)[:, None] * u[:, None] + np.sin(angle)[:, None] * v[:, None]
    low = a[:, None] + r1[:, None, None] * out
    high = b[:, None] + r2[:, None, None] * out
    vertices = np.concatenate([low, high], axis=1).reshape(-1, 3)
    i = np.arange(sides)
    k = (i + 1) % sides
    walls = np.stack([i, k, sides + k, sides + i], axis=1)
    faces = (2 * sides * np.arange(n)[:, None, None] + walls).reshape(-1, 4)
    return quad_mesh(vertices, faces, *_per_face(tone, color, n, sides), smooth=True)


def across(axes: NDArray[np.float64]) -> tuple[Array, Array]:
    """Unit vectors u, v (N, 3) with u × v along `axes` (N, 3)."""
    w = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)
    steep = abs(w[:, 2:]) > 0.9
    u = np.cross(np.where(steep, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]), w)
    u /= np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-12)
    return u, np.cross(w, u)


def within(solid: Solid, size: tuple[float, float, float]) -> Solid:
    """The solid, held inside the extents of a sized shape: a detail that sticks out of a very small
    one is flattened.
    """
    x, y, z = size
    return dataclasses.replace(
        solid, vertices=np.clip(solid.vertices, (-x / 2, -y / 2, 0.0), (x / 2, y / 2, z))
    )


def copies(
    solid: Solid, centers: ArrayLike, scales: ArrayLike, color: ArrayLike | None = None
) -> Solid:
    """Copies of a solid without paint.

    Args:
        solid: The original.
        centers: (N, 3) m.
        scales: (N, 3), or (N, 1) for all axes.
        color: Linear colour (N, 3) of each copy, or (3,).
    """
    at, scale = np.asarray(centers, dtype=np.float64), np.asarray(scales, dtype=np.float64)
    n, v, c, f = len(at), len(solid.vertices), len(solid.loops), len(solid.starts)
    i = np.arange(n)[:, None]
    paint = None
    if color is not None:
        paint = np.repeat(np.broadcast_to(np.asarray(color, dtype=np.float64), (n, 3)), f, axis=0)
    return Solid(
        (solid.vertices * scale[:, None] + at[:, None]).reshape(-1, 3),
        (solid.loops + v * i).ravel().astype(np.int32),
        (solid.starts + c * i).ravel().astype(np.int32),
        np.tile(solid.tones, n),
        np.tile(solid.smooth, n),
        paint,
    )


def leaves(
    centers: Array, toward: Array, length: ArrayLike, width: float, rng: np.random.Generator
) -> Array:
    """Corners (N, 4, 3) of leaves for `quads`: rhombs that are bent along their middle.

    Args:
        centers: (N, 3) m.
        toward: (N, 3) directions of their tips; any length but 0.
        length: m, one or (N, 1).
        width: In lengths.
        rng: Generator of their turn about their own axis.
    """
    tip = toward / np.linalg.norm(toward, axis=1, keepdims=True)
    u, v = across(tip)
    angle = rng.uniform(0, np.pi, (len(centers), 1))
    side = np.cos(angle) * u + np.sin(angle) * v
    fold = 0.15 * np.cross(tip, side)
    half = 0.5 * np.asarray(length)
    return np.stack(
        [
            centers - half * tip,
            centers + half * (width * side + fold),
            centers + half * tip,
            centers + half * (fold - width * side),
        ],
        axis=1,
    )


def directions(count: int, rng: np.random.Generator) -> Array:
    """(N, 3) random unit vectors."""
    out = rng.normal(size=(count, 3))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
