"""Which numbers of an image a person sees as black and as white.

Numbers of more than 8 bits have no one meaning: a camera of 12 bits writes 0..4095 into 16, a
thermal camera some hundred numbers far from 0, a laboratory fractions. `shown_range` is the one
rule, so that a segmenter searches what a person sees:

- Whole numbers are shown from 0 to the largest number of 8, 10, 12, 14 or 16 bits, the fewest that
  hold them.
- Fractions from 0 to 1 are shown from 0 to 1.
- What fills less than a sixteenth of that range is stretched from its darkest to its brightest, as
  a viewer with automatic contrast does; so are negative numbers and other fractions.

The outermost thousandth of the pixels at both ends does not count: one hot pixel would decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DEPTHS = (8, 10, 12, 14, 16)  # bits of cameras and files
OUTERMOST = 0.1  # per cent of the pixels at either end
NARROW = 1 / 16  # of the range: less is stretched
FEWEST = 16  # different whole numbers that are stretched; fewer are noise
SAMPLE = 1_000_000  # pixels that are measured

LEAST_CONTRAST = 16
"""Levels of 255 between the darkest and the brightest hundredth; below, nothing can be seen."""


@dataclass(frozen=True)
class Range:
    """The numbers that are shown as black and as white.

    Attributes:
        low: Black; smaller numbers too.
        high: White; larger numbers too.
        stretched: The numbers fill so little of their range that it was narrowed to them.
    """

    low: float
    high: float
    stretched: bool = False


FULL = Range(0, 65535)
"""All of 16 bits."""


def shown_range(numbers: np.ndarray) -> Range:
    """Choose the range of an image by the rule of this module.

    Args:
        numbers: (H, W, C) or (N,), whole numbers or fractions of any type; NaN and infinite ones
            do not count.
    """
    sample = _sample(numbers)
    if sample.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return FULL
    low, high = (float(each) for each in np.percentile(sample, (OUTERMOST, 100 - OUTERMOST)))
    if sample.dtype.kind == "f":
        if low >= 0 and high <= 1 and high - low >= NARROW:
            return Range(0, 1)
        return Range(low, high, stretched=True) if high > low else Range(low, low + 1)
    if low < 0 or high > FULL.high:
        return Range(low, high, stretched=True) if high > low else Range(low, low + 1)
    white = next(2**bits - 1 for bits in DEPTHS if high <= 2**bits - 1)
    if FEWEST <= high - low < white * NARROW:
        return Range(low, high, stretched=True)
    return Range(0, white)


def show(numbers: np.ndarray, shown: Range) -> np.ndarray:
    """Convert uint16 numbers to what is shown, uint8 of the same shape."""
    if shown.low == FULL.low and shown.high == FULL.high:
        return (numbers >> 8).astype(np.uint8)
    table = (np.arange(65536) - shown.low) * (255 / (shown.high - shown.low))
    return np.rint(table.clip(0, 255)).astype(np.uint8)[numbers]


def to_16_bits(numbers: np.ndarray, shown: Range) -> np.ndarray:
    """Stretch the range of any numbers to all of 16 bits; NaN becomes black."""
    scale = np.float64(65535 / (shown.high - shown.low))
    result = np.empty(numbers.shape, np.uint16)
    for row, target in zip(numbers, result, strict=True):  # row by row, to save memory
        scaled = np.nan_to_num((row.astype(np.float64) - shown.low) * scale, nan=0.0)
        target[:] = np.rint(scaled.clip(0, 65535))
    return result


def contrast(image: np.ndarray) -> int:
    """Measure the levels between the darkest and the brightest hundredth of an image.

    Args:
        image: uint8 (H, W, 3).

    Returns:
        0..255, of the channel that has the most. Below `LEAST_CONTRAST` a person sees nothing.
    """
    sample = image[:: _step(image), :: _step(image)].reshape(-1, image.shape[2])
    return max(_spread(np.bincount(sample[:, c], minlength=256)) for c in range(3))


def _spread(counts: np.ndarray) -> int:
    total = np.cumsum(counts)
    low, high = np.searchsorted(total, (0.01 * total[-1], 0.99 * total[-1]))
    return int(high - low)


def _sample(numbers: np.ndarray) -> np.ndarray:
    if numbers.ndim < 2:
        return numbers
    return numbers[:: _step(numbers), :: _step(numbers)].reshape(-1)


def _step(image: np.ndarray) -> int:
    return max(1, round((image.shape[0] * image.shape[1] / SAMPLE) ** 0.5))
