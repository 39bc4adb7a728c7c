"""A sparse grid of the ground, in cells of 10 cm, that keeps people and things apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELL = 0.1  # m
# Two cell numbers are packed into one int64, each made positive first; 2³⁰ cells are a hundred
# thousand km.
_HALF = 1 << 30

Cells = NDArray[np.int64]  # sorted, unique


def cells_of(points: NDArray[np.floating], cell: float = CELL) -> Cells:
    """The cells below points (N, ≥ 2) in m."""
    ij = np.floor(np.asarray(points)[:, :2] / cell).astype(np.int64) + _HALF
    return sorted_unique((ij[:, 0] << 32) | ij[:, 1])


def sorted_unique(cells: NDArray[np.int64]) -> Cells:
    """Sort cells and leave out repeats.

    `np.unique` of numpy 2.3 and later hashes, and packed pairs of numbers collide: it took 100
    times as long.
    """
    ordered = np.sort(cells)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(cells) else ordered


def centers(cells: Cells, cell: float = CELL) -> NDArray[np.float64]:
    """Centres (N, 2) of cells, m."""
    return (np.stack([cells >> 32, cells & 0xFFFFFFFF], axis=1) - _HALF + 0.5) * cell


def box_cells(center: tuple[float, float], size: tuple[float, float], rotation: float) -> Cells:
    """The cells of a rectangle.

    Args:
        center: (x, y), m.
        size: (width, depth), m; the sign does not matter.
        rotation: Degrees about Z.
    """
    half = np.abs(size) / 2
    steps = [np.linspace(-h, h, max(2, int(np.ceil(4 * h / CELL)) + 1)) for h in half]
    x, y = (axis.ravel() for axis in np.meshgrid(*steps))
    c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    return cells_of(np.stack([c * x - s * y + center[0], s * x + c * y + center[1]], axis=1))


class Footprint:
    """The occupied cells, each grown by `margin` m on all sides."""

    def __init__(self, margin: float = 0.0) -> None:
        reach = int(np.ceil(margin / CELL))
        di, dj = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        near = np.hypot(di, dj) <= reach + 0.5
        self._around = (di[near].astype(np.int64) << 32) + dj[near]
        self._occupied: Cells = np.zeros(0, dtype=np.int64)

    def add(self, cells: Cells, *, grow: bool = True) -> None:
        """Occupy these cells, and with `grow` those within the margin."""
        new = sorted_unique((cells[:, None] + self._around).ravel()) if grow else cells
        new = new[~self._among(new)]
        # Two sorted runs: the stable sort merges them.
        self._occupied = np.sort(np.concatenate([self._occupied, new]), kind="stable")

    def places(self) -> NDArray[np.float64]:
        """(N, 2) centres of the occupied cells, m."""
        return centers(self._occupied)

    def hits(self, cells: Cells) -> bool:
        """Whether any of these cells is occupied."""
        return bool(self._among(cells).any())

    def _among(self, cells: Cells) -> NDArray[np.bool_]:
        """Whether each of the cells is occupied."""
        if len(self._occupied) == 0:
            return np.zeros(len(cells), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self._occupied, cells), len(self._occupied) - 1)
        return self._occupied[at] == cells
