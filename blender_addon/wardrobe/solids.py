"""The pieces of things that people wear: triangle meshes in numpy, in the axes of a body at rest
(metres, Y up).

Rows of a loft run counter-clockwise, seen from where the rows go: then faces look outwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from .vectors import cross, unit
from .worn_part import PartSurface

Array = np.ndarray

CLOTH = PartSurface("cloth", roughness=0.9, weave="canvas")
SOFT = PartSurface("cloth", roughness=0.95, weave="wool")
KNIT = PartSurface("cloth", roughness=1.0, weave="knit")
LEATHER = PartSurface("leather", roughness=0.45, weave="leather")
PLASTIC = PartSurface("plastic", roughness=0.35)
METAL = PartSurface("metal", roughness=0.25)
GLASS = PartSurface("glass", roughness=0.03)


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh whose faces belong to regions, each with a colour.

    Attributes:
        vertices: (N, 3) m.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        region: (F,) int32.
        uv: (F, 3, 2) m, where each corner of a face lies on the surface.
    """

    vertices: Array
    faces: Array
    region: Array
    uv: Array

    def moved(self, by: ArrayLike) -> Mesh:
        return replace(self, vertices=self.vertices + np.asarray(by))

    def placed(self, matrix: ArrayLike, by: ArrayLike = 0.0) -> Mesh:
        """vertices -> matrix · v + by. A mirroring matrix turns the faces over."""
        A = np.asarray(matrix, dtype=np.float64)
        faces = self.faces if np.linalg.det(A) > 0 else self.faces[:, ::-1]
        uv = self.uv if faces is self.faces else self.uv[:, ::-1]
        return Mesh(self.vertices @ A.T + np.asarray(by), faces, self.region, uv)

    def mirrored(self) -> Mesh:
        """The same on the other side of the body."""
        return self.placed(np.diag([-1.0, 1.0, 1.0]))

    def painted(self, region: int | Array) -> Mesh:
        return replace(self, region=np.broadcast_to(np.int32(region), len(self.faces)))


def join(*meshes: Mesh) -> Mesh:
    """Put meshes side by side into one."""
    first = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + n for mesh, n in zip(meshes, first, strict=False)]),
        np.concatenate([mesh.region for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
    )


@lru_cache(maxsize=256)
def _grid(rows: int, columns: int, closed: bool) -> Array:
    """(2 · quads, 3) faces between rows; the two halves of a quad follow each other."""
    r, i = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    j = (i + 1) % columns
    a, b, c, d = r * columns + i, r * columns + j, (r + 1) * columns + j, (r + 1) * columns + i
    quads = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3).astype(np.int32)
    quads.setflags(write=False)
    return quads


@lru_cache(maxsize=256)
def _corners(rows: int, columns: int, closed: bool) -> tuple[Array, Array]:
    """(2 · quads, 3) column and row of each corner of `_grid`; closed columns do not start anew."""
    r, i = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    column = np.stack([i, i + 1, i + 1, i, i + 1, i], axis=-1).reshape(-1, 3)
    row = np.stack([r, r, r + 1, r, r + 1, r + 1], axis=-1).reshape(-1, 3)
    return column, row


def _laid_out(rows: Array, closed: bool) -> Array:
    """(2 · quads, 3, 2) m: the surface through rows, laid flat as well as one number for each
    column and each row can.
    """
    R, n, _ = rows.shape
    ring = np.concatenate([rows, rows[:, :1]], axis=1) if closed else rows
    steps = []
    for axis in (1, 0):
        way = np.diff(ring, axis=axis)
        length = np.sqrt(np.einsum("...i,...i->...", way, way)).mean(axis=1 - axis)
        steps.append(np.concatenate([[0.0], np.cumsum(length)]))
    column, row = _corners(R, n, closed)
    return np.stack([steps[0][column], steps[1][row]], axis=-1)


def loft(
    rows: ArrayLike,
    region: int | Array = 0,
    *,
    closed: bool = True,
    first: bool = False,
    last: bool = False,
) -> Mesh:
    """A surface through curves of equally many points.

    Args:
        rows: (R, n, 3).
        region: Of all faces, or (R - 1, n) of each quad ((R - 1, n - 1) when open).
        closed: Whether the last point of a row meets the first.
        first, last: Whether the first, and the last row is filled.
    """
    rows = np.asarray(rows, dtype=np.float64)
    R, n, _ = rows.shape
    faces = [_grid(R, n, closed)]
    every = np.full(len(faces[0]), region) if np.size(region) == 1 else np.repeat(region, 2)
    regions = [every.astype(np.int32)]
    uv = [_laid_out(rows, closed)]
    vertices = [rows.reshape(-1, 3)]
    i = np.arange(n, dtype=np.int32)
    count = R * n
    for wanted, row in ((first, 0), (last, R - 1)):
        if wanted:
            ring = row * n + np.stack([i, (i + 1) % n], axis=1)
            ring = ring if row else ring[:, ::-1]
            faces.append(np.column_stack([ring, np.full(n, count)]).astype(np.int32))
            regions.append(np.full(n, every[0 if row == 0 else -1], np.int32))
            vertices.append(rows[row].mean(axis=0)[None])
            uv.append(np.zeros((n, 3, 2)))
            count += 1
    parts = (np.concatenate(part) for part in (vertices, faces, regions, uv))
    return Mesh(*parts)


def tangents(path: Array, closed: bool = False) -> Array:
    """(n, 3) unit directions along a path."""
    if closed:
        return unit(np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0))
    return unit(np.gradient(path, axis=0))


def tube(
    path: ArrayLike,
    radius: ArrayLike,
    *,
    out: ArrayLike = (0.0, 1.0, 0.0),
    flat: float = 1.0,
    sides: int = 6,
    closed: bool = False,
    region: int = 0,
) -> Mesh:
    """A round bar along a path (n, 3).

    Args:
        path: Its middle line.
        radius: Of all of it, or (n,).
        out: A direction across the path, or (n, 3) of them.
        flat: Radius along `out` by the radius across it.
        sides: Corners of its cross-section.
        closed: Whether the path ends where it starts.
        region: Of its faces.
    """
    path = np.asarray(path, dtype=np.float64)
    along = tangents(path, closed)
    out = np.broadcast_to(np.asarray(out, dtype=np.float64), path.shape)
    out = unit(out - (out * along).sum(axis=1, keepdims=True) * along)
    across = cross(along, out)
    angle = 2 * np.pi * np.arange(sides) / sides
    r = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))[:, None, None]
    ring = flat * np.cos(angle)[None, :, None] * out[:, None] + (
        np.sin(angle)[None, :, None] * across[:, None]
    )
    rows = path[:, None] + r * ring
    if closed:
        rows = np.concatenate([rows, rows[:1]])
    return loft(rows, region, first=not closed, last=not closed)


def band(
    path: ArrayLike,
    out: ArrayLike,
    width: ArrayLike,
    thickness: float,
    *,
    closed: bool = False,
    region: int = 0,
) -> Mesh:
    """A strap that lies with its lower side on a path (n, 3); that side is left open.

    Args:
        path: Its middle line; (B, n, 3) makes B straps.
        out: Away from what it lies on; (3,), or of the path's shape.
        width: Of all of it, or (n,).
        thickness: How far it stands off.
        closed: Whether the path ends where it starts.
        region: Of its faces.
    """
    path = np.asarray(path, dtype=np.float64)
    path = path[None] if path.ndim == 2 else path
    if closed:
        along = unit(np.roll(path, -1, axis=1) - np.roll(path, 1, axis=1))
    else:
        ends = [
            path[:, 1:2] - path[:, :1],
            path[:, 2:] - path[:, :-2],
            path[:, -1:] - path[:, -2:-1],
        ]
        along = unit(np.concatenate(ends, axis=1))
    out = np.broadcast_to(np.asarray(out, dtype=np.float64), path.shape)
    out = unit(out - np.einsum("...i,...i->...", out, along)[..., None] * along)
    half = cross(along, out) * (np.asarray(width, dtype=np.float64) / 2).reshape(-1, 1)
    high = out * thickness
    rows = np.stack([path - half, path - half + high, path + half + high, path + half], axis=2)
    if closed:
        rows = np.concatenate([rows, rows[:, :1]], axis=1)
    B, n = rows.shape[:2]
    one = _grid(n, 4, False)
    faces = (one + 4 * n * np.arange(B, dtype=np.int32)[:, None, None]).reshape(-1, 3)
    uv = np.tile(_laid_out(rows[0], False), (B, 1, 1))
    return Mesh(rows.reshape(-1, 3), faces, np.full(len(faces), region, np.int32), uv)


def dome(rows: ArrayLike, region: int | Array = 0) -> Mesh:
    """A loft that closes at its last row, which shrinks to a point."""
    return loft(rows, region, last=True)


def box(size: ArrayLike, bevel: float, *, region: int = 0, corners: int = 2) -> Mesh:
    """A box with round edges, its middle at the origin.

    Args:
        size: (3,) m.
        bevel: Radius of the edges, m.
        region: Of its faces.
        corners: Points in each rounded corner, less one.
    """
    half = np.asarray(size, dtype=np.float64) / 2
    bevel = min(bevel, 0.98 * float(half.min()))
    turn = np.linspace(0, np.pi / 2, corners + 1)
    angle = np.concatenate([turn + k * np.pi / 2 for k in range(4)])
    inner = half - bevel
    cx = np.repeat(np.array([1, -1, -1, 1]) * inner[0], corners + 1)
    cz = np.repeat(np.array([1, 1, -1, -1]) * inner[2], corners + 1)
    rows = []
    for high, direction in ((-1, turn), (1, turn[::-1])):
        for t in direction:
            y = high * (inner[1] + bevel * np.cos(t))
            r = bevel * np.sin(t)
            rows.append(
                np.stack(
                    [cx + r * np.cos(angle), np.full_like(cx, y), cz + r * np.sin(angle)], axis=1
                )
            )
    return loft(np.array(rows)[:, ::-1], region, first=True, last=True)


def resampled(path: Array, count: int, closed: bool = False) -> tuple[Array, Array]:
    """Points at equal distances along a path (n, 3).

    Returns:
        (points (count, 3), places (count,) on the path: index of its points with fractions).
    """
    ring = np.concatenate([path, path[:1]]) if closed else path
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
    goal = np.linspace(0.0, along[-1], count + 1 if closed else count)[: count or None]
    place = np.interp(goal, along, np.arange(len(ring)))
    i = np.minimum(place.astype(int), len(ring) - 2)
    t = (place - i)[:, None]
    return ring[i] * (1 - t) + ring[i + 1] * t, place
