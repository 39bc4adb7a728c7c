"""Smooth edges of cloth: a cut follows the triangles that it crosses, a seam does not."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_STEPS = 10
_IN, _OUT = 0.5, -0.52  # Taubin, "Curve and Surface Smoothing without Shrinkage", 1995
_BEND = 0.6  # share of the way that the next row of vertices goes along


def smoothing(points: Array, faces: Array, border: Array) -> Array:
    """Smooth the border of a piece along its loops, which also spaces its vertices evenly.

    Args:
        points: (N, 3) m, the piece at rest.
        faces: (F, 3) its faces.
        border: (E, 2) its directed border edges.

    Returns:
        (N, 3) m, how far to move each vertex; 0 away from the border.
    """
    shift = np.zeros((len(points), 3))
    if len(border) == 0:
        return shift
    rim, edges = np.unique(border, return_inverse=True)
    edges = edges.reshape(border.shape)
    before, after = (np.arange(len(rim)) for _ in range(2))
    after[edges[:, 0]], before[edges[:, 1]] = edges[:, 1], edges[:, 0]
    start = points[rim].astype(np.float64)
    inner = (before != np.arange(len(rim))) & (after != np.arange(len(rim)))
    now = start.copy()
    for _ in range(_STEPS):
        for share in (_IN, _OUT):
            mean = 0.5 * (now[before] + now[after])
            now[inner] += share * (mean - now)[inner]
    shift[rim] = now - start
    # The vertices beside it go along, so that no triangle at the edge is crushed.
    at_rim = np.zeros(len(points), bool)
    at_rim[rim] = True
    touching = faces[at_rim[faces].any(axis=1)]
    total, count = np.zeros((len(points), 3)), np.zeros(len(points))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        goes = ~at_rim[touching[:, a]] & at_rim[touching[:, b]]
        to, of = touching[goes, a], touching[goes, b]
        count += np.bincount(to, minlength=len(points))
        for axis in range(3):
            total[:, axis] += np.bincount(to, shift[of, axis], minlength=len(points))
    beside = count > 0
    shift[beside] = _BEND * total[beside] / count[beside, None]
    return shift
