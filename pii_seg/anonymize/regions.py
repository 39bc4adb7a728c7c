"""The area to redact: each person with a margin, and the regions that the user gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.errors import InputError
from pii_seg.inference.dilation import Component, components


@dataclass(frozen=True)
class Person:
    """A connected part of a mask.

    Two persons that touch count as one, and a person behind a post may count as two.

    Attributes:
        box: x, y, width, height in px.
        area: In px.
        mean: Mean probability of its pixels; None where the user gave a mask.
        highest: Highest probability of its pixels; None where the user gave a mask.
    """

    box: tuple[int, int, int, int]
    area: int
    mean: float | None
    highest: float | None


def persons(
    mask: np.ndarray | Sequence[Component], probability: np.ndarray | None = None
) -> tuple[Person, ...]:
    """List the persons of a mask, largest first.

    Args:
        mask: bool (H, W), or its components.
        probability: float32 (H, W); None if the mask was not predicted.
    """
    found = []
    parts = components(mask) if isinstance(mask, np.ndarray) else mask
    for rows, columns, pixels in parts:
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


@dataclass(frozen=True)
class Region:
    """A polygon that the user gives; corners (x, y) as fractions 0..1 of image width and height."""

    corners: tuple[tuple[float, float], ...]

    def mask(self, height: int, width: int) -> np.ndarray:
        """Return the pixels that the region touches, bool (height, width)."""
        points = np.array(self.corners) * (width, height)
        drawn = np.zeros((height, width), np.uint8)
        # Pixel k covers k … k+1. fillPoly includes the outline, so it is drawn through the pixels
        # that contain the corners.
        corners = np.minimum(np.maximum(np.ceil(points - 0.5), 0), (width - 1, height - 1)).astype(
            np.int32
        )
        cv2.fillPoly(drawn, [corners], 1)
        return drawn.astype(bool)


def read_region(text: str) -> Region:
    """Parse a region: 'x,y,width,height' or a polygon 'x,y x,y x,y …', as fractions of the image.

    Raises:
        InputError: The text is no region, or reaches beyond the image.
    """
    try:
        groups = [[float(number) for number in group.split(",")] for group in text.split()]
    except ValueError:
        groups = []
    if len(groups) == 1 and len(groups[0]) == 4:
        x, y, w, h = groups[0]
        groups = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    if len(groups) < 3 or any(len(group) != 2 for group in groups):
        raise InputError(
            f"region {text!r}: expected X,Y,WIDTH,HEIGHT, or three or more corners 'X,Y X,Y X,Y'"
        )
    if not all(-1e-9 <= value <= 1 + 1e-9 for group in groups for value in group):
        raise InputError(
            f"region {text!r}: reaches beyond the image; give fractions of it, from 0 to 1"
        )
    return Region(tuple((x, y) for x, y in groups))


def with_regions(
    mask: np.ndarray, include: Sequence[Region], exclude: Sequence[Region]
) -> np.ndarray:
    """Return `mask`, bool (H, W), with the regions `include` added and then `exclude` removed."""
    result = mask.copy()
    for region in include:
        result |= region.mask(*mask.shape)
    for region in exclude:
        result &= ~region.mask(*mask.shape)
    return result
