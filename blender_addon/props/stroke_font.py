"""Capital letters of strokes, for the text of drawn images. Pure numpy.

A glyph is a list of strokes on a grid of 4 × 6 steps; 'xy xy' are the corners of one, x to the
right and y downwards, and ';' begins the next.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float32]

ASPECT = 4 / 6  # width of a glyph to its height, without the space after it

_GLYPHS = {
    "A": "06 20 46;14 34",
    "B": "00 06 36 45 44 33 03;33 42 41 30 00",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 06 26 44 42 20 00",
    "E": "40 00 06 46;03 33",
    "F": "40 00 06;03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06;40 46;03 43",
    "I": "20 26",
    "J": "40 45 36 16 05",
    "K": "00 06;40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 01 05 16 36 45 41 30 10",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 01 05 16 36 45 41 30 10;34 46",
    "R": "06 00 30 41 42 33 03;23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40;20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46;40 06",
    "Y": "00 23 40;23 26",
    "Z": "00 40 06 46",
    "0": "10 01 05 16 36 45 41 30 10",
    "1": "11 20 26",
    "2": "01 10 30 41 42 06 46",
    "3": "00 40 23 33 44 45 36 16 05",
    "4": "36 30 04 44",
    "5": "40 00 03 33 44 45 36 06",
    "6": "40 10 02 05 16 36 45 44 33 03",
    "7": "00 40 16",
    "8": "10 01 02 13 33 44 45 36 16 05 04 13;33 42 41 30 10",
    "9": "43 13 02 01 10 30 41 44 36 06",
    "%": "06 40;00 01 11 10 00;35 36 46 45 35",
    "-": "13 33",
    "!": "20 24;26 26",
    ".": "26 26",
    ":": "22 22;25 25",
    "+": "13 33;22 24",
    " ": "",
}


@lru_cache(maxsize=2048)
def glyph(letter: str, height: int, weight: float) -> Mask:
    """Coverage (height + 2, width) of a letter, 0..1, with a px of space above and below.

    Args:
        letter: A letter; one that the font lacks is a space.
        height: Its height, px.
        weight: Width of a stroke as a share of the height.
    """
    line = max(1.0, weight * height)
    inner = max(height - line, 1.0)
    width = round(inner * ASPECT + line) + 2
    rows, columns = np.mgrid[0 : height + 2, 0:width].astype(np.float32) + 0.5
    strokes = [part.split() for part in _GLYPHS.get(letter.upper(), "").split(";") if part]
    ends = [(a, b) for corners in strokes for a, b in pairwise(corners)]
    if not ends:
        return np.zeros((height + 2, width), np.float32)
    grid = np.array([[[int(v) for v in corner] for corner in pair] for pair in ends], np.float32)
    points = grid * (inner / 6) + line / 2 + 1
    a, along = points[:, 0, :, None, None], (points[:, 1] - points[:, 0])[:, :, None, None]
    length = np.maximum((along**2).sum(axis=1), 1e-6)
    dx, dy = columns - a[:, 0], rows - a[:, 1]
    t = np.clip((dx * along[:, 0] + dy * along[:, 1]) / length, 0, 1)
    away = np.hypot(dx - t * along[:, 0], dy - t * along[:, 1]).min(axis=0)
    return np.clip(line / 2 + 0.5 - away, 0, 1).astype(np.float32)


@lru_cache(maxsize=512)
def line_of_text(text: str, height: int, weight: float) -> Mask:
    """Coverage of a line of text, 0..1, see `glyph`."""
    if not text:
        return np.zeros((height + 2, 1), np.float32)
    return np.concatenate([glyph(letter, height, round(weight, 2)) for letter in text], axis=1)
