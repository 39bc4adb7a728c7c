"""Motion of persons between the frames of a video, measured on thumbnails by block matching.

A person's part of one thumbnail is searched in another one, within `REACH` px of where it should be
if it moved on as before. Then the parts of the person are searched near that place: how far they
moved otherwise is how far the person's outline has to be grown to cover arms and legs.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 192
"""Longest side of a thumbnail in px."""

REACH = 16
"""px of a thumbnail that a person may move from one frame to the next: a twelfth of its side."""

PART_REACH = 4  # px of a thumbnail that a part of a person may move beside the whole
STILL = 3.0  # grey levels (root mean square): what stands still, with the noise of the video
ALIKE = 24.0  # grey levels (root mean square): above this it is another thing that was found
LEAST_PART = 12  # px of a thumbnail in a part of a person, to be searched by itself
BETTER = 0.8  # of the error where the whole is, to believe that a part moved otherwise

MOST_GROWTH = 0.25
"""Largest growth that is believed, as a fraction of the person's longer side."""

CUT = 0.1
"""Mean difference of two thumbnails, as a fraction of the grey scale, at which a scene begins."""

CUT_SIDE = 32  # px, longest side at which scenes are compared: small motions do not count


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Shrink a frame, uint8 (H, W, 3), to uint8 (h, w)."""
    return _shrunk(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), SIDE)


def _shrunk(grey: np.ndarray, side: int) -> np.ndarray:
    height, width = grey.shape
    factor = min(1.0, side / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether a scene begins between two thumbnails.

    A cut that was none costs time, and one that was not seen too: the masks of both scenes are
    united around it. Neither uncovers a person.
    """
    difference = cv2.absdiff(_shrunk(before, CUT_SIDE), _shrunk(after, CUT_SIDE))
    return float(difference.mean()) > CUT * 255


@dataclass(frozen=True)
class Move:
    """A measured motion, in px of the frame.

    Attributes:
        down: Rows.
        right: Columns.
        growth: Width by which the outline must be grown to cover all parts of the person.
        is_certain: Whether the person was found again, and `growth` is not at its bound.
    """

    down: int = 0
    right: int = 0
    growth: int = 0
    is_certain: bool = True


NOT_FOUND = Move(is_certain=False)


class Pattern:
    """A person's part of a thumbnail, which is searched in those of frames that follow, in order.

    The direction may be either: "follow" also means frames before.
    """

    def __init__(self, thumb: np.ndarray, mask: np.ndarray, top: int, left: int, scale: float):
        """Cut out a person.

        Args:
            thumb: uint8 (h, w), of the frame in which the person was found.
            mask: bool (H, W), the person's pixels in a box of the frame.
            top: First row of the box in the frame.
            left: First column of the box in the frame.
            scale: px of the frame for a pixel of the thumbnail.
        """
        self._scale, self._size = scale, max(mask.shape)
        rows, columns = thumb.shape
        y0, x0 = min(rows - 1, int(top / scale)), min(columns - 1, int(left / scale))
        y1 = min(rows, max(y0 + 1, math.ceil((top + mask.shape[0]) / scale)))
        x1 = min(columns, max(x0 + 1, math.ceil((left + mask.shape[1]) / scale)))
        small = cv2.resize(
            mask.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA
        )
        self._mask = small >= min(0.5, float(small.max()))
        self._top, self._left = y0, x0
        self._pixels = thumb[y0:y1, x0:x1].astype(np.float32)
        self._offset = self._speed = (0, 0)

    def find(self, thumb: np.ndarray) -> Move:
        """Search the person in the next thumbnail, uint8 (h, w)."""
        expected = (self._offset[0] + self._speed[0], self._offset[1] + self._speed[1])
        if self._offset == expected == (0, 0) and self._error_unmoved(thumb) <= STILL:
            return Move()
        errors = self._errors(thumb, self._mask, expected, REACH)
        place = np.unravel_index(int(errors.argmin()), errors.shape)
        offset = (expected[0] + int(place[0]) - REACH, expected[1] + int(place[1]) - REACH)
        self._speed = (offset[0] - self._offset[0], offset[1] - self._offset[1])
        self._offset = offset
        at_border = max(abs(int(place[0]) - REACH), abs(int(place[1]) - REACH)) == REACH
        spread = self._spread(thumb)
        growth = math.ceil(self._scale * (spread + 0.5))  # half a pixel of the thumbnail is unknown
        most = math.ceil(max(2 * self._scale, MOST_GROWTH * self._size))
        return Move(
            round(offset[0] * self._scale),
            round(offset[1] * self._scale),
            min(growth, most),
            is_certain=bool(
                errors.min() <= ALIKE
                and not at_border
                and growth <= most
                and spread < math.hypot(PART_REACH, PART_REACH)
            ),
        )

    def _error_unmoved(self, thumb: np.ndarray) -> float:
        rows, columns = self._mask.shape
        there = thumb[self._top : self._top + rows, self._left : self._left + columns]
        return float(np.sqrt(np.mean((there.astype(np.float32) - self._pixels)[self._mask] ** 2)))

    def _spread(self, thumb: np.ndarray) -> float:
        """Return how far a part moved otherwise than the whole, in px of the thumbnail."""
        rows, columns = self._mask.shape
        farthest = 0.0
        for down in _thirds(rows):
            for across in _thirds(columns):
                part = np.zeros_like(self._mask)
                part[down, across] = self._mask[down, across]
                if not LEAST_PART <= part.sum() < self._mask.sum():
                    continue
                errors = self._errors(thumb, part, self._offset, PART_REACH)
                whole = errors[PART_REACH, PART_REACH]
                if whole > STILL and errors.min() < BETTER * whole:
                    y, x = np.unravel_index(int(errors.argmin()), errors.shape)
                    farthest = max(farthest, math.hypot(y - PART_REACH, x - PART_REACH))
        return farthest

    def _errors(
        self, thumb: np.ndarray, mask: np.ndarray, offset: tuple[int, int], reach: int
    ) -> np.ndarray:
        """Return root mean square differences, float (2 reach + 1)², around an offset."""
        x, y, columns, rows = cv2.boundingRect(mask.astype(np.uint8))
        top, left = self._top + y + offset[0] - reach, self._left + x + offset[1] - reach
        area = _window(thumb, top, left, rows + 2 * reach, columns + 2 * reach)
        pattern = self._pixels[y : y + rows, x : x + columns]
        weights = mask[y : y + rows, x : x + columns].astype(np.float32)
        squares = cv2.matchTemplate(area, pattern, cv2.TM_SQDIFF, mask=weights)
        return np.sqrt(np.maximum(squares, 0) / weights.sum())


def _thirds(length: int) -> list[slice]:
    ends = [length * part // 3 for part in range(4)]
    return [slice(a, b) for a, b in itertools.pairwise(ends) if b > a]


def _window(thumb: np.ndarray, top: int, left: int, rows: int, columns: int) -> np.ndarray:
    """Cut out a window as float32; what lies beyond the frame repeats its border."""
    y = np.clip(np.arange(top, top + rows), 0, thumb.shape[0] - 1)
    x = np.clip(np.arange(left, left + columns), 0, thumb.shape[1] - 1)
    return thumb[np.ix_(y, x)].astype(np.float32)
