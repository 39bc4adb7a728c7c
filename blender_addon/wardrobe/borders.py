"""Smooth edges of cloth: a cut follows the triangles that it crosses, a seam does not."""

from __future__ import annotations

import numpy as np

from .numbering import numbered

Array = np.ndarray

_STEPS = 10
_IN, _OUT = 0.5, -0.52  # Taubin, "Curve and Surface Smoothing without Shrinkage", 1995
_TO, _OF = np.array([0, 1, 2, 1, 2, 0]), np.array([1, 2, 0, 0, 1, 2])  # corners of a face
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
    rim, edges = numbered(border, len(points))
    before, after = (np.arange(len(rim)) for _ in range(2))
    after[edges[:, 0]], before[edges[:, 1]] = edges[:, 1], edges[:, 0]
    start = points[rim].astype(np.float64)
    every = np.arange(len(rim))
    inner = ((before != every) & (after != every)).astype(np.float64)[:, None]
    now, mean, other = start.copy(), np.empty_like(start), np.empty_like(start)
    shares = 0.5 * _IN * inner, 0.5 * _OUT * inner
    for step in range(2 * _STEPS):
        now.take(before, axis=0, out=mean, mode="clip")
        now.take(after, axis=0, out=other, mode="clip")
        mean += other
        mean -= np.add(now, now, out=other)
        mean *= shares[step % 2]
        now += mean
    shift[rim] = now - start
    # The vertices beside it go along, so that no triangle at the edge is crushed.
    at_rim = np.zeros(len(points), bool)
    at_rim[rim] = True
    a, b, c = (faces[:, i] for i in range(3))
    touching = faces[at_rim.take(a) | at_rim.take(b) | at_rim.take(c)]
    to, of = touching[:, _TO].ravel(), touching[:, _OF].ravel()
    goes = ~at_rim[to] & at_rim[of]
    to, of = to[goes], of[goes]
    beside, to = numbered(to, len(points))
    count = np.bincount(to, minlength=len(beside))
    moved = shift[of]
    for axis in range(3):
        total = np.bincount(to, moved[:, axis], minlength=len(beside))
        shift[beside, axis] = _BEND * total / count
    return shift
