"""Resizes images and their targets together, aligned to the pixel."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pii_seg.data.image_io import resize_array
from pii_seg.data.sources import HEAD, IGNORE, PERSON, Sample, Source
from pii_seg.data.sources.base import Wrapped


def resize_target(target: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize a target (h, w): each pixel gets the value of most of its area; ignore wins a tie."""
    if target.shape == (height, width):
        return target
    shrinks = height * width < target.size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR

    def mostly(pixels: np.ndarray) -> np.ndarray:
        """Where at least half of a pixel's area has been True."""
        share = cv2.resize(pixels.astype(np.uint8) * 254, (width, height), interpolation=how)
        return share >= 127

    head = target == HEAD
    resized = mostly((target == PERSON) | head).astype(np.uint8) * PERSON
    if head.any():
        resized[mostly(head)] = HEAD
    unknown = target == IGNORE
    if unknown.any():
        resized[mostly(unknown)] = IGNORE
    return resized


def empty_canvas(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a size × size image in the mean colour of `image`, and a target that is all ignore."""
    filled = np.empty((size, size, 3), np.uint8)
    filled[:] = np.array(cv2.mean(image)[:3]).astype(np.uint8)
    return filled, np.full((size, size), IGNORE, np.uint8)


def letterbox(sample: Sample, size: int) -> Sample:
    """Fit the whole image into size × size, centred; the rest is ignore. Instances are dropped."""
    height, width = sample.target.shape
    factor = size / max(height, width)
    inner = max(1, round(height * factor)), max(1, round(width * factor))
    image, target = empty_canvas(sample.image, size)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    where = np.s_[top : top + inner[0], left : left + inner[1]]
    image[where] = resize_array(sample.image, inner[0], inner[1])
    target[where] = resize_target(sample.target, inner[1], inner[0])
    return Sample(sample.name, image, target)


def shrink(sample: Sample, longest: int) -> Sample:
    """Shrink a sample so that its longer side is at most `longest` px.

    Instances are sampled at pixel centres, and stay only where the target is still person.
    """
    height, width = sample.target.shape
    if max(height, width) <= longest:
        return sample
    factor = longest / max(height, width)
    width, height = max(1, round(width * factor)), max(1, round(height * factor))
    target, instances = resize_target(sample.target, width, height), sample.instances
    if instances is not None:
        instances = cv2.resize(instances, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        shown = (target == PERSON) | (target == HEAD)
        instances = np.where(shown, instances, 0).astype(np.uint16)
    return replace(
        sample, image=resize_array(sample.image, height, width), target=target, instances=instances
    )


class Shrunk(Wrapped):
    """A source whose large images are shrunk as they are loaded.

    At its own resolution, a training view of a photo of 12 Mpx shows a patch of cloth, and the
    photo takes 36 MB of memory.
    """

    def __init__(self, source: Source, longest: int) -> None:
        super().__init__(source)
        self._longest = longest

    def load(self, i: int) -> Sample:
        return shrink(self._source.load(i), self._longest)
