"""Nearest points, by brute force in blocks: a tree in Python would be slower."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_BLOCK = 1 << 22  # distances at once


def nearest(points: Array, among: Array) -> Array:
    """(P,) index of the nearest of `among` (A, 3) to each of `points` (P, 3)."""
    return nearest_few(points, among, 1)[:, 0]


def nearest_few(points: Array, among: Array, count: int) -> Array:
    """(P, count) indices of the nearest of `among`, the nearest one first."""
    at = np.asarray(among, dtype=np.float32)
    middle = at.mean(axis=0)
    at = at - middle
    squared = 0.5 * np.einsum("ai,ai->a", at, at)
    p = np.asarray(points, dtype=np.float32) - middle
    out = np.empty((len(p), count), np.int64)
    step = max(1, _BLOCK // len(at))
    for start in range(0, len(p), step):
        # |p - a|² / 2 without |p|² / 2, which is the same for all.
        apart = squared - p[start : start + step] @ at.T
        if count == 1:
            out[start : start + step, 0] = apart.argmin(axis=1)
            continue
        few = np.argpartition(apart, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(apart, few, axis=1), axis=1, kind="stable")
        out[start : start + step] = np.take_along_axis(few, order, axis=1)
    return out
