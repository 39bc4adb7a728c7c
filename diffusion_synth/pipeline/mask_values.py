"""Recognises what the numbers of a mask mean."""

from __future__ import annotations

import numpy as np

SMOOTHED_FROM = 250  # a smoothed mask of 0 and 255 has such values
MOST_CODES = 8  # a mask of fewer values than these, up to 255, may hold classes


def is_smoothed(mask: np.ndarray) -> bool:
    """Return whether a mask is 0 and 255 with values in between at its outlines."""
    values = np.unique(mask)
    if (
        mask.dtype != np.uint8
        or values[0] != 0
        or values[-1] < SMOOTHED_FROM
        or len(values) < MOST_CODES
    ):
        return False
    between = (mask > 8) & (mask < 247)
    return bool(between.sum() < (mask >= 128).sum())
