"""The worst cases of a data set as small images, with bounded memory."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from pii_seg.data.image_io import resize_array
from pii_seg.data.sources import IGNORE, PERSON, Sample
from pii_seg.evaluation.counting import MISSED_BELOW, ImageCount, PersonCount, threshold_index

FOUND_COLOUR = (70, 140, 255)  # pixels taken for a person
OUTLINE_COLOUR = (255, 190, 40)  # the person that was missed
FALSE_COLOUR = (255, 60, 80)
THUMBNAIL = 320  # px, longest side
LEAST_CONTEXT = 64  # px around a missed person, so that a tiny one is shown in its place


@dataclass(frozen=True)
class Example:
    """One case. `image`: uint8 (h, w, 3) RGB, at most THUMBNAIL px."""

    name: str
    caption: str
    image: np.ndarray


class Worst:
    """Keeps the `most` examples of the largest badness."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._heap: list[tuple[float, int, Example]] = []
        self._order = itertools.count(0, -1)  # among equals the first stays

    def offer(self, badness: float, make: Callable[[], Example]) -> None:
        """Add a case; `make` is called only if it is among the worst so far."""
        if self.most == 0 or (len(self._heap) == self.most and badness <= self._heap[0][0]):
            return
        push = heapq.heappush if len(self._heap) < self.most else heapq.heapreplace
        push(self._heap, (badness, next(self._order), make()))

    def sorted(self) -> list[Example]:
        return [
            example for *_, example in sorted(self._heap, key=lambda entry: (-entry[0], -entry[1]))
        ]


@dataclass(frozen=True)
class Examples:
    """Missed persons, largest first, and false areas, largest share of their image first."""

    missed: Worst
    false: Worst

    @classmethod
    def keep(cls, most: int) -> Examples:
        return cls(Worst(most), Worst(most))

    def offer(
        self, sample: Sample, logits: np.ndarray, count: ImageCount, threshold: float
    ) -> None:
        """Add the cases of one image. `logits` (H, W) are calibrated as `threshold` is."""
        at = threshold_index(threshold)
        found = logits >= np.log(threshold / (1 - threshold))
        for person in count.persons or ():
            if person.found[at] < MISSED_BELOW * person.area:
                self.missed.offer(
                    person.area - person.found[at], partial(_missed, sample, found, person, at)
                )
        if (share := count.false_share(at)) > 0:
            self.false.offer(share, partial(_false, sample, found, share))


def _missed(sample: Sample, found: np.ndarray, person: PersonCount, at: int) -> Example:
    caption = f"{person.area:,} px, {person.coverage(at):.0%} found"
    return Example(sample.name, caption, draw_missed(sample, found, person.id, person.box))


def _false(sample: Sample, found: np.ndarray, share: float) -> Example:
    return Example(sample.name, f"{share:.1%} of the image", draw_false(sample, found))


def draw_missed(
    sample: Sample, found: np.ndarray, person: int, box: tuple[int, int, int, int]
) -> np.ndarray:
    """Draw a person and its surroundings: the person outlined, found pixels tinted."""
    assert sample.instances is not None
    left, top, right, bottom = box
    margin = max(LEAST_CONTEXT, (right - left) // 3, (bottom - top) // 3)
    height, width = sample.target.shape
    window = (
        slice(max(0, top - margin), min(height, bottom + margin)),
        slice(max(0, left - margin), min(width, right + margin)),
    )
    whole = sample.instances[window] == person
    shown, (mask, tint) = _thumbnail(sample.image[window], whole, found[window])
    shown = _tinted(shown, tint, FOUND_COLOUR)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(shown, contours, -1, OUTLINE_COLOUR, 2, cv2.LINE_AA)


def draw_false(sample: Sample, found: np.ndarray) -> np.ndarray:
    """Draw the image with false positives in red and found person pixels in blue."""
    scored = sample.target != IGNORE
    person = sample.target == PERSON
    shown, (false, right) = _thumbnail(sample.image, found & scored & ~person, found & person)
    return _tinted(_tinted(shown, right, FOUND_COLOUR), false, FALSE_COLOUR)


def _thumbnail(image: np.ndarray, *masks: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Resize `image` and bool masks of its size to a longest side of THUMBNAIL px."""
    height, width = image.shape[:2]
    factor = THUMBNAIL / max(height, width)
    h, w = max(1, round(height * factor)), max(1, round(width * factor))
    small = [resize_array(mask.astype(np.float32), h, w) >= 0.5 for mask in masks]
    return resize_array(image, h, w).copy(), small


def _tinted(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    image[mask] = (0.45 * image[mask] + 0.55 * np.array(colour)).astype(np.uint8)
    return image
