"""Weights of pixels in the loss: heads, outlines and small persons can count more than the rest.

What identifies a person is the head, which is a tenth of a person's pixels; a person far away is a
hundredth of those of one nearby. Without weights, neither is worth much to a loss per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pii_seg.data.sources import HEAD, IGNORE, PERSON, Sample
from pii_seg.data.sources.base import Wrapped

SMALL_AREA = 48**2  # px of a person, or of persons that touch, below which it counts as small


@dataclass(frozen=True)
class PixelWeights:
    """Weights relative to a pixel that is none of these; where several apply, they multiply.

    Attributes:
        head: Weight of the pixels of heads, where the data say which they are.
        boundary: Weight of the pixels on both sides of an outline, up to `boundary_width` px away.
        boundary_width: Distance in px.
        small: Largest weight of the pixels of a small person. It falls with the root of the
            person's area, to 1 at SMALL_AREA.
    """

    head: float = 1.0
    boundary: float = 1.0
    boundary_width: int = 3
    small: float = 1.0

    @property
    def all_equal(self) -> bool:
        return self.head == self.boundary == self.small == 1


def pixel_weights(target: np.ndarray, weights: PixelWeights) -> np.ndarray:
    """Compute the weight of each pixel of a view.

    Args:
        target: uint8 (H, W): 0 background, 1 person, 2 head, 255 ignore.
        weights: The weights.

    Returns:
        float32 (H, W); 1 where nothing applies.
    """
    head = target == HEAD
    person = head | (target == PERSON)
    result = np.ones(target.shape, np.float32)
    if weights.head != 1:
        result[head] = weights.head
    if weights.boundary != 1:
        result[near_outline(person, target == IGNORE, weights.boundary_width)] *= weights.boundary
    if weights.small != 1 and person.any():
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(person.astype(np.uint8))
        area = np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
        factor = np.clip(np.sqrt(SMALL_AREA / area), 1, weights.small).astype(np.float32)
        factor[0] = 1  # the background
        result *= factor[pieces]
    return result


def near_outline(person: np.ndarray, ignored: np.ndarray, distance: int) -> np.ndarray:
    """Find the pixels within a distance of an outline, inside and outside.

    Args:
        person: bool (H, W).
        ignored: bool (H, W), pixels that are neither; an edge with them is no outline.
        distance: Chebyshev distance, px.

    Returns:
        bool (H, W).
    """
    kernel = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    background = ~person & ~ignored
    grown = [cv2.dilate(part.astype(np.uint8), kernel) > 0 for part in (person, background)]
    return grown[0] & grown[1] & ~ignored


class HeadsMarked(Wrapped):
    """A source whose targets mark heads, where it knows them."""

    def load(self, i: int) -> Sample:
        sample = self._source.load(i)
        heads = self._source.heads(i, sample.image)
        if heads is None:
            return sample
        marked = np.where(heads & (sample.target == PERSON), np.uint8(HEAD), sample.target)
        return replace(sample, target=marked)

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        return self._source.heads(i, image)
