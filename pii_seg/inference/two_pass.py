"""Decide where a second look pays: the whole image small first, then only some tiles at full size.

The first pass shows large persons whole and is one tile's work, whatever the size of the image. A
second pass at the image's own resolution can change something only

- where the first is in doubt: some probability, too little to count;
- where it found something small, whose outline it cannot resolve;
- where details are that it did not see at all (texture), if that is asked for.

Tiles are placed freely, each over as many of these places as it can cover, so that a few distant
persons cost a tile or two. Pure numpy and OpenCV: the caller predicts the tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.data.image_io import resize_array

Corner = tuple[int, int]
"""(y, x) of a tile's first pixel in the view."""

CELL = 8  # px of the first pass: places are chosen by cells of this side
RIM = 6  # px of the first pass around what it found large: outlines are always in doubt
LEAST_RAMP = 8  # px


@dataclass(frozen=True)
class Criteria:
    """Which places ask for the second pass. Lengths are px of the first pass.

    A promise is calibrated with these values: another value is another `tiles` setting.

    Attributes:
        doubt: Lowest logit, before calibration, that asks for a tile; -2 is a probability of .12.
        small: Longest side up to which a found piece asks for a tile.
        texture: Mean difference, 0..255, between a cell at full size and what the first pass saw of
            it, from which the cell asks for a tile; None: texture does not count.
    """

    doubt: float = -2.0
    small: int = 64
    texture: float | None = None


CRITERIA = Criteria()
"""The values of `tiles="two-pass"`; docs/results/performance.md says what each is worth."""


def settled_area(logits: np.ndarray, criteria: Criteria) -> np.ndarray:
    """Return what the first pass found large, bool (h, w): no second pass changes that.

    Args:
        logits: float32 (h, w) of the first pass.
        criteria: See `Criteria`.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (logits > 0).astype(np.uint8), connectivity=8
    )
    large = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) > criteria.small
    large[0] = False  # the background
    return large[labels]


def places_to_look(
    logits: np.ndarray, settled: np.ndarray, view: np.ndarray, criteria: Criteria
) -> np.ndarray:
    """Return the cells that ask for the second pass, bool (rows, columns).

    Args:
        logits: float32 (h, w) of the first pass.
        settled: bool (h, w), see `settled_area`.
        view: uint8 (H, W, 3), the image at the second pass's size.
        criteria: See `Criteria`.
    """
    disc = np.ones((2 * RIM + 1,) * 2, np.uint8)
    doubtful = (logits >= criteria.doubt) & ~cv2.dilate(settled.astype(np.uint8), disc).astype(bool)
    cells = _by_cells(doubtful)
    if criteria.texture is not None:
        unseen = unseen_detail(view, logits.shape, cells.shape) >= criteria.texture
        free = _by_cells(~settled)
        cells |= unseen & free
    return cells


def _by_cells(mask: np.ndarray) -> np.ndarray:
    """Return which cells hold a pixel of a mask."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % CELL), (0, -width % CELL)))
    rows, columns = padded.shape[0] // CELL, padded.shape[1] // CELL
    return np.asarray(padded.reshape(rows, CELL, columns, CELL).any(axis=(1, 3)))


def unseen_detail(view: np.ndarray, seen: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Measure the detail of each cell that shrinking removes, float32 `cells`, 0..255."""
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, seen[::-1], interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(small, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lost = cv2.absdiff(grey, blurred)
    # Cells at the end may reach beyond the image; that much accuracy is not needed.
    return cv2.resize(lost.astype(np.float32), cells[::-1], interpolation=cv2.INTER_AREA)


def place_tiles(
    cells: np.ndarray,
    cell: tuple[float, float],
    view: tuple[int, int],
    tile: tuple[int, int],
    ramp: tuple[int, int],
    most: int,
) -> list[Corner] | None:
    """Cover cells with few tiles, each greedily where it covers most.

    Args:
        cells: bool (rows, columns), to be covered.
        cell: Height and width of a cell in px of the view.
        view: Height and width of the view.
        tile: Height and width of a tile.
        ramp: Width of a tile's rims, above and beside, which cover nothing but at the border of the
            image.
        most: Give up beyond this number of tiles.

    Returns:
        The corners of the tiles; None if `most` do not suffice.
    """
    left = cells.copy()
    corners: list[Corner] = []
    reach = [max(1, math.floor((t - 2 * r) / c)) for t, r, c in zip(tile, ramp, cell, strict=True)]
    while left.any():
        if len(corners) == most:
            return None
        rows, columns = _fullest_window(left, reach[0], reach[1])
        inside = np.argwhere(left[rows, columns])
        low, high = inside.min(axis=0), inside.max(axis=0) + 1
        spans = []
        for axis, (start, first, last) in enumerate(
            zip((rows.start, columns.start), low, high, strict=True)
        ):
            middle = (2 * start + first + last) / 2 * cell[axis]
            corner = round(middle - tile[axis] / 2)
            spans.append(max(0, min(corner, view[axis] - tile[axis])))
        corners.append((spans[0], spans[1]))
        covered = [
            _covered_cells(spans[k], cell[k], view[k], tile[k], ramp[k], cells.shape[k])
            for k in (0, 1)
        ]
        left[covered[0], covered[1]] = False
        left[rows.start + low[0] : rows.start + high[0], columns.start + low[1] :
             columns.start + high[1]] = False  # fmt: skip
    return corners


def _fullest_window(cells: np.ndarray, height: int, width: int) -> tuple[slice, slice]:
    """Return the window of (height, width) cells that holds most of `cells`, the first of these."""
    padded = np.pad(cells, ((0, height), (0, width))).astype(np.uint8)
    sums = cv2.integral(padded)
    counts = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )[: cells.shape[0], : cells.shape[1]]
    row, column = divmod(int(counts.argmax()), counts.shape[1])
    return slice(row, row + height), slice(column, column + width)


def _covered_cells(
    corner: int, cell: float, length: int, tile: int, ramp: int, count: int
) -> slice:
    """Return the cells of one side that lie within the flat part of a tile."""
    first = 0 if corner == 0 else math.ceil((corner + ramp) / cell)
    at_end = corner + tile >= length
    last = count if at_end else math.floor((corner + tile - ramp) / cell)
    return slice(first, max(first, last))


def ramp_of(tile: int, overlap: float) -> int:
    """Return the width, in px, of the rims of a tile where the first pass takes over."""
    return min(max(LEAST_RAMP, round(tile * overlap / 2)), max(1, tile // 4))


def blend_tiles(
    coarse: np.ndarray,
    corners: Sequence[Corner],
    tile: tuple[int, int],
    ramp: tuple[int, int],
    predict: Callable[[Sequence[Corner]], np.ndarray],
    batch: int,
) -> np.ndarray:
    """Replace parts of the first pass by tiles of the second, without seams.

    Args:
        coarse: float32 (H, W), logits of the first pass at the view's size.
        corners: Of the tiles.
        tile: Height and width of a tile.
        ramp: See `place_tiles`.
        predict: From corners to their logits, float32 (B, h, w).
        batch: Number of tiles to predict together.

    Returns:
        float32 (H, W).
    """
    total = np.zeros_like(coarse)
    weight = np.zeros_like(coarse)
    for start in range(0, len(corners), batch):
        some = corners[start : start + batch]
        for (y, x), logits in zip(some, predict(some), strict=True):
            window = np.outer(
                _window(y, tile[0], ramp[0], coarse.shape[0]),
                _window(x, tile[1], ramp[1], coarse.shape[1]),
            )
            box = (slice(y, y + tile[0]), slice(x, x + tile[1]))
            total[box] += logits * window
            weight[box] += window
    total += coarse * np.maximum(1 - weight, 0)
    total /= np.maximum(weight, 1)
    return total


def _window(corner: int, tile: int, ramp: int, length: int) -> np.ndarray:
    """Compute the weight (tile,) of a tile along one side: 1, falling to 0 within the image."""
    window = np.ones(tile, np.float32)
    rise = np.sin(np.pi / 2 * (np.arange(ramp) + 0.5) / ramp).astype(np.float32) ** 2
    if corner > 0:
        window[:ramp] = rise
    if corner + tile < length:
        window[-ramp:] = np.minimum(window[-ramp:], rise[::-1])
    return window


def keep_settled(logits: np.ndarray, coarse: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """Let tiles, which cut large persons, take nothing from what the first pass found large.

    Args:
        logits: float32 (H, W); changed.
        coarse: float32 (H, W), logits of the first pass at this size.
        settled: bool (h, w), see `settled_area`.
    """
    if settled.any():
        large = resize_array(settled.astype(np.uint8), *logits.shape).astype(bool)
        np.maximum(logits, coarse, out=logits, where=large)
    return logits
