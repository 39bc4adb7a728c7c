"""Geometry of triangle meshes: normals, smoothing, loose parts."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """(V, 3) unit normals, the faces' weighted by area. Zero where a vertex has no face."""
    v = np.asarray(vertices, dtype=np.float64)
    a, b, c = (v[faces[:, i]] for i in range(3))
    per_face = np.cross(b - a, c - a)
    out = np.zeros_like(v)
    for axis in range(3):
        for corner in range(3):
            out[:, axis] += np.bincount(faces[:, corner], per_face[:, axis], minlength=len(v))
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return out / np.where(length > 0, length, 1.0)


def smooth(values: Array, faces: Array, steps: int) -> Array:
    """Laplacian smoothing: `steps` times, every (V, …) value becomes the mean of itself and its
    neighbours' mean.
    """
    pairs = edges_of(faces)
    start, end = np.concatenate([pairs, pairs[:, ::-1]]).T
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    count = np.bincount(start, minlength=len(values))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    has = count > 0
    out = np.array(values, dtype=np.float64)
    flat = out.reshape(len(out), -1)
    for _ in range(steps):
        mean = np.add.reduceat(flat[end], first[has], axis=0) / count[has, None]
        flat[has] = 0.5 * (flat[has] + mean)
    return out


def edges_of(faces: Array) -> Array:
    """(E, 2): the two ends of each edge of a mesh, every edge once, sorted."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = np.sort(pairs.astype(np.int64), axis=1).T
    # One number an edge: np.unique of rows takes twelve times as long.
    count = int(high.max(initial=0)) + 1
    edges = np.sort(low * count + high)
    edges = edges[np.diff(edges, prepend=-1) > 0]
    return np.stack([edges // count, edges % count], axis=1).astype(faces.dtype)


def loose_parts(faces: Array, count: int) -> Array:
    """(V,) the same number for all vertices that faces (F, 3) or edges (F, 2) connect: the lowest
    index among them.
    """
    label = np.arange(count)
    while True:
        lowest = label.copy()
        per_face = label[faces].min(axis=1)
        for corner in range(faces.shape[1]):
            np.minimum.at(lowest, faces[:, corner], per_face)
        lowest = lowest[lowest]  # pointer jumping: a few rounds in place of one a ring of vertices
        if np.array_equal(lowest, label):
            return label
        label = lowest
