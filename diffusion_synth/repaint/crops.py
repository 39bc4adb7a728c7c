"""A crop about each person: cut out at the model's size, and pasted back so that outside the mask every pixel stays.

A person who covers a hundredth of a picture has no place at all in the 8 × 8 layers of a UNet; in a crop of their own
they fill a third of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np


class CropError(ValueError):
    """A picture, mask or option from which nothing can be cut; the message says why."""


@dataclass(frozen=True)
class Box:
    """Rows top..bottom and columns left..right (exclusive) of a picture, px."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class CropSettings:
    """How a person is cut out."""

    margin: float = 0.4
    """Room around the person, as a share of the longer side of their box."""
    size: int = 512
    """Longer side of what the model is shown, px."""
    multiple: int = 64
    """Both sides of what the model is shown divide by it: its codec's factor times its UNet's."""
    smallest: int = 24
    """A person whose box has no side of so many px is left as they are: there is nothing to repaint."""
    largest: int | None = None
    """A person whose box has a side of more px is, too: a small model paints blotches there. None: nobody is."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 4:
            raise CropError(f"margin is {self.margin}; it must lie within 0..4")
        if self.multiple < 1 or self.size < self.multiple or self.size % self.multiple:
            raise CropError(f"size is {self.size}; it must be a multiple of {self.multiple}")
        if self.smallest < 1:
            raise CropError(f"smallest is {self.smallest}; it must be at least 1")
        if self.largest is not None and self.largest < self.smallest:
            raise CropError(
                f"largest is {self.largest}; it must be at least smallest, {self.smallest}"
            )


@dataclass(frozen=True)
class Crop:
    """A person at the model's size. image: uint8 (h, w, 3); mask: bool (h, w), the person; box: where it was cut."""

    image: np.ndarray
    mask: np.ndarray
    box: Box


def bounding_box(mask: np.ndarray) -> Box:
    """Of the true pixels of a mask (H, W). Raises CropError when there are none."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise CropError("the mask is empty: it has no person to cut out")
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def crop_box(person: Box, height: int, width: int, margin: float) -> Box:
    """A square about the person, moved into the picture; where the picture is too small for it, all that is there."""
    side = math.ceil(max(person.width, person.height) * (1 + 2 * margin))
    left, right = _span(person.left, person.right, side, width)
    top, bottom = _span(person.top, person.bottom, side, height)
    return Box(left, top, right, bottom)


def _span(low: int, high: int, side: int, limit: int) -> tuple[int, int]:
    side = min(side, limit)
    start = min(max(0, (low + high - side) // 2), limit - side)
    return start, start + side


def shown_size(box: Box, settings: CropSettings) -> tuple[int, int]:
    """(height, width) in px at which the model is shown a crop: its aspect ratio, to the next multiple."""
    longest = max(box.width, box.height)

    def fitted(side: int) -> int:
        whole = round(settings.size * side / longest / settings.multiple)
        return max(1, whole) * settings.multiple

    return fitted(box.height), fitted(box.width)


def is_too_small(person: Box, settings: CropSettings) -> bool:
    return max(person.width, person.height) < settings.smallest


def is_too_large(person: Box, settings: CropSettings) -> bool:
    return settings.largest is not None and max(person.width, person.height) > settings.largest


def cut(image: np.ndarray, mask: np.ndarray, settings: CropSettings) -> Crop:
    """The crop of the person whose pixels `mask` (H, W) marks in `image` (uint8, (H, W, 3)). Raises CropError."""
    check_pair(image, mask)
    whole_height, whole_width = mask.shape
    box = crop_box(bounding_box(mask), whole_height, whole_width, settings.margin)
    height, width = shown_size(box, settings)
    shrinks = height * width < box.height * box.width
    shown = cv2.resize(
        np.ascontiguousarray(image[box.slices]),
        (width, height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
    )
    covered = cv2.resize(
        mask[box.slices].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )  # INTER_NEAREST would lose thin arms
    return Crop(shown, covered >= 0.5, box)


def check_pair(image: np.ndarray, mask: np.ndarray) -> None:
    """Raises CropError unless `image` is uint8 (H, W, 3) and `mask` bool (H, W)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise CropError(f"the picture is {image.shape} {image.dtype}; uint8 (H, W, 3) was due")
    if mask.shape != image.shape[:2] or mask.dtype != bool:
        raise CropError(
            f"the mask is {mask.shape} {mask.dtype}; the picture needs bool {image.shape[:2]}"
        )


def paste_back(
    image: np.ndarray, mask: np.ndarray, crop: Crop, painted: np.ndarray, *, match: bool = True
) -> np.ndarray:
    """`image` with the person's pixels from `painted`, a repainted `crop.image`. Outside `mask` nothing changes.

    match: shift and stretch the painted colours so that the surroundings, which the model painted too, come out as they
    are in the photograph: what codec and model did to them they did to the person as well.
    """
    if painted.shape != crop.image.shape or painted.dtype != np.uint8:
        raise CropError(
            f"what was painted is {painted.shape} {painted.dtype}; uint8 {crop.image.shape} was due"
        )
    values = painted.astype(np.float32)
    if match:
        values = match_colours(values, crop.image.astype(np.float32), ~crop.mask)
    box = crop.box
    grows = box.height * box.width > crop.mask.size
    whole = cv2.resize(
        values, (box.width, box.height), interpolation=cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    )
    result = image.copy()
    inside = mask[box.slices]
    result[box.slices][inside] = whole.clip(0, 255).round().astype(np.uint8)[inside]
    return result


def match_colours(painted: np.ndarray, wanted: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`painted` (H, W, 3), each channel scaled and shifted so that it has `wanted`'s mean and spread on `where`.

    The scale stays within 0.8..1.25: a plain wall says little about contrast.
    """
    if where.sum() < 16:
        return painted
    given, aim = painted[where], wanted[where]
    scale = ((aim.std(0) + 1) / (given.std(0) + 1)).clip(0.8, 1.25)
    return (painted - given.mean(0)) * scale + aim.mean(0)
