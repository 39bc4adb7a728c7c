"""Triangle meshes made fit for rendering: welded, reduced, and divided at sharp edges."""

from __future__ import annotations

import numpy as np

from ...bodies.mesh import loose_parts

Array = np.ndarray

SHARP = 40.0  # degrees between two faces: the edge between them is sharp
_WELD = 1e-5  # of the model's size: vertices nearer than that are one


def welded(vertices: Array, faces: Array) -> tuple[Array, Array]:
    """Join vertices in one place: (vertices (W, 3), faces (F, 3) that refer to them)."""
    size = float(np.ptp(vertices, axis=0).max()) or 1.0
    cell = np.round((vertices - vertices.min(axis=0)) / (size * _WELD)).astype(np.int64)
    keys = (cell[:, 0] << 42) | (cell[:, 1] << 21) | cell[:, 2]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return vertices[first], inverse.reshape(-1)[faces].astype(np.int32)


def whole_faces(vertices: Array, faces: Array) -> Array:
    """(F,) bool, whether a triangle has an area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    different = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2])
    different &= faces[:, 0] != faces[:, 2]
    return different & (np.linalg.norm(np.cross(b - a, c - a), axis=1) > 0)


def first_of_doubles(faces: Array, count: int) -> Array:
    """(N,) numbers of the faces without those that lie on an earlier one, whichever way they face:
    rays would hit the second one as soon as they leave the first.

    Args:
        faces: (F, 3).
        count: Number of vertices.
    """
    few = np.sort(faces.astype(np.int64), axis=1)
    _, first = np.unique((few[:, 0] * count + few[:, 1]) * count + few[:, 2], return_index=True)
    return np.sort(first)


def clustered(vertices: Array, faces: Array, most: int) -> tuple[Array, Array, Array]:
    """Reduce a mesh to about `most` triangles by joining the vertices of each cell of a grid.

    Rossignac and Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        most: Triangles to keep at most.

    Returns:
        (vertices (W, 3), faces (N, 3), (N,) index of each of them among `faces`).
    """
    size = float(np.ptp(vertices, axis=0).max()) or 1.0
    low, high = 4, 2048  # cells along the longest side
    best = _in_cells(vertices, faces, size / low)
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        tried = _in_cells(vertices, faces, size / middle)
        if len(tried[1]) <= most:
            low, best = middle, tried
        else:
            high = middle
    return best


def _in_cells(vertices: Array, faces: Array, cell: float) -> tuple[Array, Array, Array]:
    place = np.floor((vertices - vertices.min(axis=0)) / cell).astype(np.int64)
    keys = (place[:, 0] << 42) | (place[:, 1] << 21) | place[:, 2]
    _, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    means = np.stack(
        [np.bincount(inverse, vertices[:, i]) for i in range(3)], axis=1
    ) / count[:, None]  # fmt: skip
    joined = inverse[faces]
    kept = np.flatnonzero(
        (joined[:, 0] != joined[:, 1])
        & (joined[:, 1] != joined[:, 2])
        & (joined[:, 0] != joined[:, 2])
    )
    kept = kept[first_of_doubles(joined[kept], len(means))]
    return means, joined[kept].astype(np.int32), kept


def divided(vertices: Array, faces: Array, sharp: float = SHARP) -> tuple[Array, Array]:
    """Give faces vertices of their own along sharp edges, so that smooth shading ends there.

    Args:
        vertices: (V, 3), welded.
        faces: (F, 3) with areas.
        sharp: Angle between faces above which their edge is sharp, degrees.

    Returns:
        (vertices (W, 3), faces (F, 3)).
    """
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    F, V = len(faces), len(vertices)
    # Half-edge k of face f goes from its corner k to the next one.
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    low, high = np.minimum(start, end).astype(np.int64), np.maximum(start, end)
    order = np.argsort(low * V + high, kind="stable")
    key = (low * V + high)[order]
    same = np.flatnonzero(key[1:] == key[:-1])
    one, two = order[same], order[same + 1]
    flat = (normal[one // 3] * normal[two // 3]).sum(axis=1) > np.cos(np.radians(sharp))
    opposite = start[one] == end[two]  # else one of the faces is turned over
    one, two = one[flat & opposite], two[flat & opposite]
    following = np.roll(np.arange(3 * F).reshape(F, 3), -1, axis=1).reshape(-1)
    # Corners at both ends of a soft edge share a vertex.
    left = np.concatenate([one, following[one]])
    right = np.concatenate([following[two], two])
    label = loose_parts(np.stack([left, right], axis=1), 3 * F)
    kept, inverse = np.unique(label, return_inverse=True)
    return vertices[start[kept]], inverse.reshape(F, 3).astype(np.int32)
