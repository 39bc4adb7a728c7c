"""Polygons of any number of corners as triangles, also where they are not convex."""

from __future__ import annotations

import numpy as np

from .obj_mesh import fan_triangles

Array = np.ndarray

_CLIPPED = 200  # corners of a polygon that is divided ear by ear, which takes their square
_WORK = 300_000  # of squares of corners in one mesh; beyond that, faces become fans


def triangles(vertices: Array, corners: Array, sizes: Array) -> tuple[Array, Array]:
    """Divide polygons into triangles.

    Args:
        vertices: (V, 3).
        corners: (L,) the vertex of each corner of each polygon.
        sizes: (P,) corners of each polygon.

    Returns:
        ((F, 3) indices into `corners`, (F,) the polygon of each).
    """
    faces, polygons = fan_triangles(sizes)
    work = 0
    first = np.cumsum(sizes) - sizes
    for size in np.unique(sizes[(sizes > 3) & (sizes <= _CLIPPED)]):
        of_size = np.flatnonzero(sizes == size)
        index = first[of_size][:, None] + np.arange(size)
        points = vertices[corners[index]]  # (N, size, 3)
        around = np.cross(points, np.roll(points, -1, axis=1)).sum(axis=1)  # Newell
        before, after = np.roll(points, 1, axis=1), np.roll(points, -1, axis=1)
        turn = np.einsum("nsk,nk->ns", np.cross(points - before, after - points), around)
        bent = (turn < -1e-9 * (around**2).sum(axis=1)[:, None]).any(axis=1)
        for polygon in np.flatnonzero(bent):
            work += int(size) ** 2
            if work > _WORK:
                return faces, polygons
            ears = _ears(_flat(points[polygon], around[polygon]))
            start = int(np.searchsorted(polygons, of_size[polygon]))
            faces[start : start + size - 2] = index[polygon][ears]
    return faces, polygons


def _flat(points: Array, normal: Array) -> Array:
    """(S, 2) the polygon seen along its normal, counter-clockwise."""
    main = int(np.abs(normal).argmax())
    flat = points[:, [(1, 2), (2, 0), (0, 1)][main]]
    return flat if normal[main] > 0 else flat * (1.0, -1.0)


def _ears(flat: Array) -> Array:
    """(S - 2, 3) triangles of a simple polygon; Meisters, "Polygons have ears", 1975."""
    left = list(range(len(flat)))
    out = []
    while len(left) > 3:
        ear = next((i for i in range(len(left)) if _is_ear(flat, left, i)), 0)
        n = len(left)
        out.append((left[ear - 1], left[ear], left[(ear + 1) % n]))
        del left[ear]
    return np.array([*out, tuple(left)])


def _is_ear(flat: Array, left: list[int], i: int) -> bool:
    n = len(left)
    a, b, c = flat[left[i - 1]], flat[left[i]], flat[left[(i + 1) % n]]
    if _turn(a, b, c) <= 0:
        return False
    others = flat[[k for k in left if k not in (left[i - 1], left[i], left[(i + 1) % n])]]
    inside = (
        (_turn(a, b, others) > 0) & (_turn(b, c, others) > 0) & (_turn(c, a, others) > 0)
    )  # fmt: skip
    return not inside.any()


def _turn(a: Array, b: Array, c: Array) -> Array:
    """Twice the area of a, b, c, above 0 when they turn left; `c` may be many."""
    return (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])
