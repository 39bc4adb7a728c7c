"""Surfaces that loose cloth lies on: points of the posed body and of the clothes beneath, each with
the direction that is outwards there.

A point of cloth is pushed out of the tangent plane of the nearest of them. The points lie so close
to each other (`SPACING`) that the planes of a thigh stand off it by some millimetres at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

SPACING = 0.034  # rm between two points of the body that cloth is tested against
_FRICTION = 0.7  # share of the way that a point in contact would slide along, that it stays


@dataclass(frozen=True, eq=False)
class Contact:
    """The surfaces that cloth lies on.

    Attributes:
        points: (3, S) float32, m.
        normals: (3, S) float32, unit vectors outwards.
        up: (3,) unit vector against gravity.
        floor: Height of the ground along `up`, m; -inf for none.
    """

    points: Array
    normals: Array
    up: Array
    floor: float = -np.inf

    def nearest(self, p: Array) -> Array:
        """(N,) the point nearest to each of p (3, N)."""
        x, y, z = p.astype(np.float32)
        sx, sy, sz = self.points
        # |p - s|² without |p|², which is the same for all.
        squared = 0.5 * (sx * sx + sy * sy + sz * sz) - x[:, None] * sx
        squared -= y[:, None] * sy
        squared -= z[:, None] * sz
        return squared.argmin(axis=1)

    def pushed(self, p: Array, near: Array, gap: Array, before: Array | None = None) -> Array:
        """Move points p (3, N) out of the planes of the points `near` (N,), and above the ground.

        Args:
            p: m.
            near: Of `nearest`.
            gap: (N,) m that they keep from the planes.
            before: (3, N) m, where they were: those that touch a plane slide little along it.
        """
        at, out = self.points.take(near, axis=1), self.normals.take(near, axis=1)
        off = p - at
        deep = gap - (off * out).sum(axis=0)
        p = p + out * np.maximum(deep, 0.0)
        if before is not None:
            way = p - before
            along = way - out * (way * out).sum(axis=0)
            p -= along * (_FRICTION * (deep > 0))
        if np.isfinite(self.floor):
            p += self.up[:, None] * np.maximum(self.floor - self.up @ p, 0.0)
        return p

    def over(self, points: Array, normals: Array) -> Contact:
        """The same with more points (3, N)."""
        return Contact(
            np.concatenate([self.points, points.astype(np.float32)], axis=1),
            np.concatenate([self.normals, normals.astype(np.float32)], axis=1),
            self.up,
            self.floor,
        )


def body_contact(surface: Array, normals: Array, A: Array, samples: Array, up: Array) -> Contact:
    """The contact of a posed body.

    Args:
        surface: (V, 3) m, the posed body with what is worn beneath.
        normals: (V, 3) unit vectors outwards at rest.
        A: (12, V) rows of the transform of each vertex.
        samples: (S,) vertices that stand for all others.
        up: (3,) unit vector against gravity.
    """
    T, (x, y, z) = A[:, samples], normals[samples].T
    out = np.stack([T[4 * i] * x + T[4 * i + 1] * y + T[4 * i + 2] * z for i in range(3)])
    out /= np.maximum(np.sqrt((out * out).sum(axis=0)), 1e-6)
    height = surface[:, 0] * up[0] + surface[:, 1] * up[1] + surface[:, 2] * up[2]
    points = np.ascontiguousarray(surface[samples].T, dtype=np.float32)
    return Contact(points, out.astype(np.float32), up, float(height.min()))


def thinned(position: Array, among: Array, spacing: float = SPACING) -> Array:
    """Choose one vertex of each cell of a grid: those that stand for all others.

    Args:
        position: (V, 3) places of vertices.
        among: (M,) int, the vertices to choose from.
        spacing: Width of a cell.

    Returns:
        (S,) int, ascending.
    """
    at = position[among] / spacing
    cell = np.floor(at).astype(np.int64)
    off = np.abs(at - cell - 0.5).max(axis=1)
    cell -= cell.min(axis=0, initial=0)
    key = (cell[:, 0] * 4096 + cell[:, 1]) * 4096 + cell[:, 2]
    order = np.lexsort((off, key))
    first = np.diff(key[order], prepend=-1) != 0
    return np.sort(among[order[first]])


def grid_normals(grid: Array, closed: bool, middle: Array) -> Array:
    """(3, R, n) unit normals of a grid of points (3, R, n) that hangs around an axis; they face
    away from the places `middle` (3, R, 1).
    """
    if closed:
        along = np.roll(grid, -1, axis=2) - np.roll(grid, 1, axis=2)
    else:
        along = np.gradient(grid, axis=2)
    down = np.gradient(grid, axis=1)
    normal = np.cross(along, down, axis=0)
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=0)), 1e-9)
    return np.asarray(-normal if (normal * (grid - middle)).sum() < 0 else normal)
