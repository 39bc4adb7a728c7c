"""Numbers of vertices and faces: which of them occur, and runs of them; numpy's `unique` sorts for
that, which a table of marks does not need.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def numbered(numbers: Array, count: int) -> tuple[Array, Array]:
    """Find the numbers that occur.

    Args:
        numbers: (...) int, 0 .. count - 1.
        count: One more than the largest number may be.

    Returns:
        ((n,) int64, those that occur, ascending, (...) int64, the place of each number in them).
    """
    marked = np.zeros(count, dtype=bool)
    marked[numbers.ravel()] = True
    found = np.flatnonzero(marked)
    return found, place_of(found, count).take(numbers)


def place_of(found: Array, count: int) -> Array:
    """(count,) int64, the place of each number of `found` (n,) in it; of others it is undefined."""
    place = np.empty(count, np.int64)
    place[found] = np.arange(len(found))
    return place


def distinct(codes: Array) -> tuple[Array, Array]:
    """The different values of `codes` (...) int, ascending, and (...) the place of each in them."""
    flat = codes.ravel()
    order = flat.argsort()
    ordered = flat[order]
    first = np.ones(len(flat), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    place = np.empty(len(flat), np.int64)
    place[order] = np.cumsum(first) - 1
    return ordered[first], place.reshape(codes.shape)


def runs(starts: Array, counts: Array) -> Array:
    """starts[0], starts[0] + 1, …, counts[0] of them, then those from starts[1], and so on."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - counts), counts) + np.arange(total)
