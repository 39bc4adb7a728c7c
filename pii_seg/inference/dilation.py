"""The connected parts of a mask, and the margin around each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

MARGINS = tuple(percent / 100 for percent in range(51))
"""Margins that can be calibrated, as fractions of a component's size."""

LEAST_MARGIN = 2
"""Smallest margin, in px.

Pixels at an outline mix the person with the background: the lens blurs them, a JPEG halves the
resolution of colours, and the segmenter is uncertain there.
"""


class Component(NamedTuple):
    """A connected part of a mask: its box as slices, and its pixels in the box, bool (h, w)."""

    rows: slice
    columns: slice
    pixels: np.ndarray

    @property
    def size(self) -> int:
        """Longer side of the box in px; for a standing person, the height."""
        return max(self.pixels.shape)


def components(mask: np.ndarray) -> Iterator[Component]:
    """Yield the 8-connected parts of a bool (H, W) mask, also single pixels."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    for label in range(1, number):
        x, y, width, height, _ = stats[label]
        rows, columns = slice(y, y + height), slice(x, x + width)
        yield Component(rows, columns, labels[rows, columns] == label)


def margin_of(size: int, share: float) -> int:
    """Compute the margin, in px, of a component of `size` px for a `share` of it."""
    return max(LEAST_MARGIN, math.ceil(share * size))


def dilate(mask: np.ndarray, share: float, parts: Sequence[Component] | None = None) -> np.ndarray:
    """Grow each component of a mask by a disc, in proportion to its own size.

    One margin for all would be too large for distant persons or too small for near ones.

    Args:
        mask: bool (H, W).
        share: Radius of the disc as a fraction of the component's size; at least LEAST_MARGIN px.
        parts: The components of `mask`, if they are known.

    Returns:
        A new bool (H, W).
    """
    grown = mask.copy()
    for component in components(mask) if parts is None else parts:
        radius = margin_of(component.size, share)
        around, distance = _distances(component, radius, mask.shape)
        grown[around] |= distance <= radius
    return grown


def margins_needed(mask: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Find with which margin `dilate` covers each pixel.

    Args:
        mask: bool (H, W).
        wanted: bool (H, W), the pixels in question, outside `mask`.

    Returns:
        uint8 (H, W): index into MARGINS of the smallest margin that covers the pixel, len(MARGINS)
        if none does; 0 where not `wanted`.
    """
    needed = np.where(wanted, np.uint8(len(MARGINS)), np.uint8(0))
    for component in components(mask) if wanted.any() else ():
        radii = [margin_of(component.size, share) for share in MARGINS]
        around, distance = _distances(component, radii[-1], mask.shape)
        asked = wanted[around]
        place = needed[around]  # a view
        place[asked] = np.minimum(place[asked], np.searchsorted(radii, distance[asked]))
    return needed


def _distances(
    component: Component, radius: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Measure, in px, how far pixels are from a component, in the box that it has with a margin.

    Returns:
        The box, and the distances float32 in it.
    """
    top, left = max(0, component.rows.start - radius), max(0, component.columns.start - radius)
    bottom = min(shape[0], component.rows.stop + radius)
    right = min(shape[1], component.columns.stop + radius)
    outside = np.ones((bottom - top, right - left), np.uint8)
    y, x = component.rows.start - top, component.columns.start - left
    height, width = component.pixels.shape
    outside[y : y + height, x : x + width][component.pixels] = 0
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (slice(top, bottom), slice(left, right)), distance
