"""Crops around persons: cut out at the model's size, pasted back without change outside the mask.

A person who covers a hundredth of an image has no place at all in the 8 × 8 layers of a UNet; in a
crop of their own they fill a third of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from diffusion_synth.errors import ConfigError, DataError


@dataclass(frozen=True)
class Box:
    """Rows top..bottom and columns left..right (exclusive) of an image, px."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width, px."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height, px."""
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array (H, W, …)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class CropSettings:
    """Settings of cutting a person out.

    Raises:
        ConfigError: A value is not valid.
    """

    margin: float = 0.4
    """Room around the person, as a fraction of the longer side of the person's box."""
    size: int = 512
    """Longer side of the model's input, px."""
    multiple: int = 64
    """Number that both sides of the model's input divide by: factor of its codec times UNet."""
    smallest: int = 24
    """Persons whose box has no side of this many px are not repainted: they have no detail."""
    largest: int | None = None
    """Persons whose box has a longer side than this, px, are not repainted, since a small model
    would blur them. None repaints persons of any size."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 4:
            raise ConfigError(f"margin must be within 0..4, got {self.margin}")
        if self.multiple < 1 or self.size < self.multiple or self.size % self.multiple:
            raise ConfigError(f"size must be a multiple of {self.multiple}, got {self.size}")
        if self.smallest < 1:
            raise ConfigError(f"smallest must be at least 1, got {self.smallest}")
        if self.largest is not None and self.largest < self.smallest:
            raise ConfigError(
                f"largest must be at least smallest, {self.smallest}, got {self.largest}"
            )


@dataclass(frozen=True)
class Crop:
    """A person at the model's size.

    Attributes:
        image: uint8 (h, w, 3).
        mask: bool (h, w), the person.
        box: The place in the image.
    """

    image: np.ndarray
    mask: np.ndarray
    box: Box


def bounding_box(mask: np.ndarray) -> Box:
    """Return the box of the true pixels of a mask (H, W). Raises DataError when there are none."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise DataError("the mask is empty: it has no person to cut out")
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def crop_box(person: Box, height: int, width: int, margin: float) -> Box:
    """Return a square around the person, moved into the image.

    Where the image is too small for it, the box is as large as the image.

    Args:
        person: The person's box.
        height: Height of the image, px.
        width: Width of the image, px.
        margin: Room around the person, as a fraction of the longer side.
    """
    side = math.ceil(max(person.width, person.height) * (1 + 2 * margin))
    left, right = _span(person.left, person.right, side, width)
    top, bottom = _span(person.top, person.bottom, side, height)
    return Box(left, top, right, bottom)


def _span(low: int, high: int, side: int, limit: int) -> tuple[int, int]:
    side = min(side, limit)
    start = min(max(0, (low + high - side) // 2), limit - side)
    return start, start + side


def model_size(box: Box, settings: CropSettings) -> tuple[int, int]:
    """Return (height, width), px, of the model's input for a crop.

    It has the crop's aspect ratio, rounded to the nearest multiple.
    """
    longest = max(box.width, box.height)

    def fitted(side: int) -> int:
        whole = round(settings.size * side / longest / settings.multiple)
        return max(1, whole) * settings.multiple

    return fitted(box.height), fitted(box.width)


def is_too_small(person: Box, settings: CropSettings) -> bool:
    """Return whether a person is below `settings.smallest`."""
    return max(person.width, person.height) < settings.smallest


def is_too_large(person: Box, settings: CropSettings) -> bool:
    """Return whether a person is above `settings.largest`."""
    return settings.largest is not None and max(person.width, person.height) > settings.largest


def cut(image: np.ndarray, mask: np.ndarray, settings: CropSettings) -> Crop:
    """Cut out the person of a mask.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), the person.
        settings: Margin and size.

    Raises:
        DataError: Image and mask do not fit, or the mask is empty.
    """
    check_pair(image, mask)
    whole_height, whole_width = mask.shape
    box = crop_box(bounding_box(mask), whole_height, whole_width, settings.margin)
    height, width = model_size(box, settings)
    shrinks = height * width < box.height * box.width
    resized = cv2.resize(
        np.ascontiguousarray(image[box.slices]),
        (width, height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
    )
    covered = cv2.resize(
        mask[box.slices].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
    )  # INTER_NEAREST would lose thin arms
    return Crop(resized, covered >= 0.5, box)


def check_pair(image: np.ndarray, mask: np.ndarray) -> None:
    """Raise DataError unless `image` is uint8 (H, W, 3) and `mask` bool (H, W)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"expected an image uint8 (H, W, 3), got {image.shape} {image.dtype}")
    if mask.shape != image.shape[:2] or mask.dtype != bool:
        raise DataError(
            f"expected a mask bool {image.shape[:2]}, as its image, got {mask.shape} {mask.dtype}"
        )


def paste_back(
    image: np.ndarray, mask: np.ndarray, crop: Crop, painted: np.ndarray, *, match: bool = True
) -> np.ndarray:
    """Return `image` with the person's pixels from a repainted crop; the rest does not change.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), the person.
        crop: The crop that was painted.
        painted: uint8 (h, w, 3), its new pixels.
        match: Shift and scale the painted colours so that the surroundings, which the model
            painted too, come out as they are in the image. Codec and model changed the person's
            colours in the same way.

    Raises:
        DataError: `painted` does not have the shape of the crop.
    """
    if painted.shape != crop.image.shape or painted.dtype != np.uint8:
        raise DataError(
            f"expected a painted crop uint8 {crop.image.shape}, got {painted.shape} {painted.dtype}"
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
    """Scale and shift each channel so that it has the mean and spread of `wanted` on `where`.

    The scale stays within 0.8..1.25, since a plain wall holds little information on contrast.

    Args:
        painted: float32 (H, W, 3).
        wanted: float32 (H, W, 3).
        where: bool (H, W).
    """
    if where.sum() < 16:
        return painted
    given, aim = painted[where], wanted[where]
    scale = ((aim.std(0) + 1) / (given.std(0) + 1)).clip(0.8, 1.25)
    return (painted - given.mean(0)) * scale + aim.mean(0)
