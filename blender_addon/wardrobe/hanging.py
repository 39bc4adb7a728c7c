"""Relaxation of hanging cloth: a grid of points falls, is held by the length of its threads, and is
pushed out of what it lies on.

Müller et al., "Position Based Dynamics" (2007), without velocities: cloth at rest. The number of
steps is fixed, so the same pose always gives the same cloth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .contact import Contact

Array = np.ndarray

STEPS = 16
GAP = 0.006  # m that cloth keeps from what is under it
_FALL = 0.012  # m that a point falls in the first step
_SEARCH_EVERY = 4  # steps after which the nearest points of the contact are looked up anew
_REACH = 0.06  # m from a point of the contact, within which its plane stands for the body
_REFINED = 0.02  # m that points between those of the coarse grid are pushed at most
_SMOOTHING = 2  # times that creases between neighbours are smoothed at the end


@dataclass(frozen=True)
class Threads:
    """Lengths at rest of the threads of a grid of R rows and n columns.

    Attributes:
        down: (R - 1, n) m, from each point to the one below.
        across: (R, n) m, from each point to the next in its row; the last one to the first.
        closed: Whether there is a thread from the last to the first.
    """

    down: Array
    across: Array
    closed: bool


def threads_of(grid: Array, closed: bool) -> Threads:
    """The threads of a grid (3, R, n) at rest."""
    down = np.sqrt((np.diff(grid, axis=1) ** 2).sum(axis=0))
    across = np.sqrt(((np.roll(grid, -1, axis=2) - grid) ** 2).sum(axis=0))
    return Threads(down, across, closed)


def settled(p: Array, threads: Threads, contact: Contact, weight: Array) -> tuple[Array, Array]:
    """Let a grid of points (3, R, n) come to rest. Its first row is held.

    Args:
        p: Where the points are let go, outside of the contact.
        threads: The grid's threads.
        contact: What it lies on.
        weight: (n,) 0..1, how much each column falls.

    Returns:
        (the points (3, R, n) at rest, (R, n) int, the points of the contact nearest to them).
    """
    shape = p.shape
    top = p[:, 0].copy()
    gap = GAP * np.minimum(np.arange(shape[1]) / 3, 1.0).repeat(shape[2])  # the border lies closer
    fall = contact.up[:, None, None] * weight
    flat = p.reshape(3, -1)
    near = contact.nearest(flat)
    p = contact.pushed(flat, near, gap).reshape(shape)
    p[:, 0] = top
    p = _laid_along(p, threads.down)
    for step in range(STEPS):
        before = p.reshape(3, -1)
        p = p - fall * (_FALL * (1 - step / STEPS) + 0.001)
        p[:, 0] = top
        _hold_columns(p, threads.down)
        _hold_rows(p, threads)
        flat = p.reshape(3, -1)
        if step % _SEARCH_EVERY == _SEARCH_EVERY - 1:
            near = contact.nearest(flat)
        p = contact.pushed(flat, near, gap, before).reshape(shape)
        p[:, 0] = top
    for _ in range(_SMOOTHING):
        p = _smoothed(p, threads.closed)
        p[:, 0] = top
    flat = p.reshape(3, -1)
    near = contact.nearest(flat)
    p = contact.pushed(flat, near, gap).reshape(shape)
    p[:, 0] = top
    return p, near.reshape(shape[1:])


def refined(p: Array, near: Array, row: Array, column: Array, contact: Contact) -> Array:
    """Push a finer grid of points (3, R, n) out of what the coarse one lies on.

    Args:
        p: The points.
        near: (r, c) int, of `settled`.
        row, column: (R,), (n,) places of the fine rows and columns in the coarse grid.
        contact: What it lies on.
    """
    r, c = near.shape
    i, j = np.floor(row).astype(int), np.floor(column).astype(int)
    candidates = np.stack(
        [near[np.minimum(i + k, r - 1)][:, (j + m) % c] for k in (0, 1) for m in (0, 1)]
    )
    off = p[:, None] - contact.points[:, candidates]
    distance = (off * off).sum(axis=0)
    best = distance.argmin(axis=0)[None]
    chosen = np.take_along_axis(candidates, best, 0)[0]
    lies = np.take_along_axis(distance, best, 0)[0] < _REACH**2
    out = contact.normals[:, chosen]
    height = ((p - contact.points[:, chosen]) * out).sum(axis=0)
    gap = 0.7 * GAP * np.minimum(row / 3, 1.0)[:, None]
    return p + out * np.where(lies, np.clip(gap - height, 0.0, _REFINED), 0.0)


def _laid_along(p: Array, length: Array) -> Array:
    """Slide the points of each column along it until its threads have their length."""
    step = np.sqrt((np.diff(p, axis=1) ** 2).sum(axis=0))
    R, n = p.shape[1:]
    at = np.concatenate([np.zeros((1, n)), np.cumsum(step, axis=0)])
    goal = np.concatenate([np.zeros((1, n)), np.cumsum(length, axis=0)])
    # The segment of each goal, counted over all columns at once; the last one goes on straight.
    span = at[-1].max() + goal[-1].max() + 1.0
    columns = np.arange(n) * span
    i = np.searchsorted((at + columns).T.ravel(), (goal + columns).T.ravel(), side="right")
    i = (i.reshape(n, R).T - 1 - np.arange(n) * R).clip(0, R - 2)
    start, end = np.take_along_axis(at, i, 0), np.take_along_axis(at, i + 1, 0)
    t = (goal - start) / np.maximum(end - start, 1e-9)
    first = np.take_along_axis(p, i[None], 1)
    return np.asarray(first + t * (np.take_along_axis(p, i[None] + 1, 1) - first))


def _hold_columns(p: Array, length: Array) -> None:
    for parity in (0, 1):
        a, b = p[:, parity:-1:2], p[:, parity + 1 :: 2]
        if a.shape[1] == 0:
            continue
        way = b - a
        distance = np.sqrt((way * way).sum(axis=0))
        # Cloth bends, so its threads may be shorter, but they do not vanish.
        way *= np.maximum(1 - length[parity::2] / np.maximum(distance, 1e-9), -0.3)
        if parity == 0:  # the border does not give
            way[:, 1:] *= 0.5
            a[:, 1:] += way[:, 1:]
        else:
            way *= 0.5
            a += way
        b -= way


def _hold_rows(p: Array, threads: Threads) -> None:
    """Shorten threads that are too long; in a closed row of even length those come in two sets."""
    n = p.shape[2]
    for parity in (0, 1):
        last = n if threads.closed or parity == 0 else n - 1
        a = p[:, :, parity:last:2]
        if parity == 1 and threads.closed:
            b = np.concatenate([p[:, :, 2::2], p[:, :, :1]], axis=2)
        else:
            b = p[:, :, parity + 1 : last + 1 : 2]
        a = a[:, :, : b.shape[2]]
        way = b - a
        distance = np.sqrt((way * way).sum(axis=0))
        length = threads.across[:, parity::2][:, : b.shape[2]]
        way *= 0.5 * np.maximum(1 - length / np.maximum(distance, 1e-9), 0.0)
        a += way
        if parity == 1 and threads.closed:
            p[:, :, 2::2] -= way[:, :, :-1]
            p[:, :, :1] -= way[:, :, -1:]
        else:
            b -= way


def _smoothed(p: Array, closed: bool) -> Array:
    out = p.copy()
    if closed:
        out += 0.25 * (np.roll(p, 1, axis=2) + np.roll(p, -1, axis=2) - 2 * p)
    else:
        out[:, :, 1:-1] += 0.25 * (p[:, :, 2:] + p[:, :, :-2] - 2 * p[:, :, 1:-1])
    out[:, 1:-1] += 0.125 * (out[:, 2:] + out[:, :-2] - 2 * out[:, 1:-1])
    return out


def resampled(grid: Array, row: Array, column: Array, closed: bool) -> Array:
    """Smooth samples (C, len(row), len(column)) of a grid (C, R, n) at fractional rows and columns
    (Catmull and Rom, "A Class of Local Interpolating Splines", 1974).
    """
    R, n = grid.shape[1:]
    i, weights = _spline(row, R, closed=False)
    rows = sum(weights[k][:, None] * grid.take(i[k], axis=1) for k in range(4))
    j, weights = _spline(column, n, closed)
    return np.asarray(sum(weights[k] * np.take(rows, j[k], axis=2) for k in range(4)))


def _spline(at: Array, count: int, closed: bool) -> tuple[list[Array], list[Array]]:
    first = np.floor(at).astype(int)
    if not closed:
        first = np.clip(first, 0, max(count - 2, 0))
    t = at - first
    index = [first + k for k in (-1, 0, 1, 2)]
    index = [i % count if closed else np.clip(i, 0, count - 1) for i in index]
    weights = [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]
    return index, weights
