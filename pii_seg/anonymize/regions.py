"""From probabilities to what is redacted: each person, a margin around it, and the regions that somebody named."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

LEAST_MARGIN = 2
"""px. An outline mixes with what is behind it: in the lens, in a JPEG's halved colours, in the segmenter's doubt."""


class RegionError(ValueError):
    """A region that cannot be; the message shows it."""


@dataclass(frozen=True)
class Person:
    """A connected find. Two who touch are one, and one who is cut in two by a post is two: count with care.

    box: x, y, width, height in px. area: px. mean, highest: of the probability there; None where a mask was given.
    """

    box: tuple[int, int, int, int]
    area: int
    mean: float | None
    highest: float | None


class Component(NamedTuple):
    """Of a mask: its box as slices, and which pixels of the box belong to it, bool (h, w)."""

    rows: slice
    columns: slice
    pixels: np.ndarray

    @property
    def size(self) -> int:
        """Longer side of the box, px: a standing person's height."""
        return max(self.pixels.shape)


def components(mask: np.ndarray) -> Iterator[Component]:
    """The 8-connected parts of a bool (H, W) mask. None is too small to count."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    for label in range(1, number):
        x, y, width, height, _ = stats[label]
        rows, columns = slice(y, y + height), slice(x, x + width)
        yield Component(rows, columns, labels[rows, columns] == label)


def persons(mask: np.ndarray, probability: np.ndarray | None = None) -> tuple[Person, ...]:
    """Who is under `mask`, bool (H, W), the largest first; `probability`: float32 (H, W)."""
    found = []
    for rows, columns, pixels in components(mask):
        values = None if probability is None else probability[rows, columns][pixels]
        height, width = pixels.shape
        found.append(
            Person(
                (int(columns.start), int(rows.start), width, height),
                int(pixels.sum()),
                None if values is None else float(values.mean()),
                None if values is None else float(values.max()),
            )
        )
    return tuple(sorted(found, key=lambda person: -person.area))


def dilate(mask: np.ndarray, share: float) -> np.ndarray:
    """`mask`, bool (H, W), each component grown by a disc of `share` times its own size, at least LEAST_MARGIN px.

    By its own: a margin that befits who fills the picture would swallow who stands far off, and the reverse would leave
    a rim of the near one.
    """
    grown = mask.copy()
    for component in components(mask):
        radius = max(LEAST_MARGIN, math.ceil(share * component.size))
        top, left = max(0, component.rows.start - radius), max(0, component.columns.start - radius)
        bottom, right = component.rows.stop + radius, component.columns.stop + radius
        around = grown[top:bottom, left:right]  # ends with the picture, as slices do
        outside = np.ones(around.shape, np.uint8)
        y, x = component.rows.start - top, component.columns.start - left
        height, width = component.pixels.shape
        outside[y : y + height, x : x + width][component.pixels] = 0
        around |= cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius
    return grown


@dataclass(frozen=True)
class Region:
    """A polygon that somebody named; corners (x, y) as shares 0..1 of the picture's width and height."""

    corners: tuple[tuple[float, float], ...]

    def mask(self, height: int, width: int) -> np.ndarray:
        """bool (height, width): the pixels that the region touches."""
        points = np.array(self.corners) * (width, height)
        drawn = np.zeros((height, width), np.uint8)
        # Pixel k covers k … k+1: outlines are drawn through the pixels that corners lie in, which fillPoly includes.
        corners = np.minimum(np.maximum(np.ceil(points - 0.5), 0), (width - 1, height - 1)).astype(
            np.int32
        )
        cv2.fillPoly(drawn, [corners], 1)
        return drawn.astype(bool)


def read_region(text: str) -> Region:
    """'x,y,width,height', or a polygon 'x,y x,y x,y …', in shares of the picture. Raises RegionError."""
    try:
        groups = [[float(number) for number in group.split(",")] for group in text.split()]
    except ValueError:
        groups = []
    if len(groups) == 1 and len(groups[0]) == 4:
        x, y, w, h = groups[0]
        groups = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    if len(groups) < 3 or any(len(group) != 2 for group in groups):
        raise RegionError(
            f"region {text!r}: give X,Y,WIDTH,HEIGHT, or three corners or more as 'X,Y X,Y X,Y'"
        )
    if not all(-1e-9 <= value <= 1 + 1e-9 for group in groups for value in group):
        raise RegionError(
            f"region {text!r}: reaches beyond the picture; numbers are shares of it, from 0 to 1"
        )
    return Region(tuple((x, y) for x, y in groups))


def with_regions(
    mask: np.ndarray, include: Sequence[Region], exclude: Sequence[Region]
) -> np.ndarray:
    """`mask`, bool (H, W), with the regions of `include` and then without those of `exclude`."""
    result = mask.copy()
    for region in include:
        result |= region.mask(*mask.shape)
    for region in exclude:
        result &= ~region.mask(*mask.shape)
    return result
