"""The worst cases of a data set, kept as small pictures while it is gone through: memory does not grow with it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from pii_seg.data.sources import IGNORE, PERSON, Sample
from pii_seg.evaluation.metrics import MISSED_BELOW, ImageCount, PersonCount, threshold_index
from pii_seg.inference.tiling import resize

FOUND_COLOUR = (70, 140, 255)  # what the segmenter takes for a person
OUTLINE_COLOUR = (255, 190, 40)  # the person it should have found
FALSE_COLOUR = (255, 60, 80)
THUMBNAIL = 320  # px, longest side
LEAST_CONTEXT = 64  # px around a missed person, so that a tiny one is seen in its place


@dataclass(frozen=True)
class Example:
    """One case. `picture` uint8 (h, w, 3) RGB, at most THUMBNAIL px."""

    name: str
    caption: str
    picture: np.ndarray


class Worst:
    """The `most` examples of the largest badness."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._heap: list[tuple[float, int, Example]] = []
        self._order = itertools.count(0, -1)  # among equals the first stays

    def offer(self, badness: float, make: Callable[[], Example]) -> None:
        """`make` is called only when the case is among the worst so far."""
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
    """Persons missed (the largest first) and false areas (the largest share of their picture first)."""

    missed: Worst
    false: Worst

    @classmethod
    def keep(cls, most: int) -> Examples:
        return cls(Worst(most), Worst(most))

    def offer(
        self, sample: Sample, logits: np.ndarray, picture: ImageCount, threshold: float
    ) -> None:
        """`logits` (H, W): of the calibrated probability that `threshold` is for."""
        at = threshold_index(threshold)
        found = logits >= np.log(threshold / (1 - threshold))
        for person in picture.persons or ():
            if person.found[at] < MISSED_BELOW * person.area:
                self.missed.offer(
                    person.area - person.found[at], partial(_missed, sample, found, person, at)
                )
        if (share := picture.false_share(at)) > 0:
            self.false.offer(share, partial(_false, sample, found, share))


def _missed(sample: Sample, found: np.ndarray, person: PersonCount, at: int) -> Example:
    caption = f"{person.area:,} px, {person.coverage(at):.0%} found"
    return Example(sample.name, caption, draw_missed(sample, found, person.id, person.box))


def _false(sample: Sample, found: np.ndarray, share: float) -> Example:
    return Example(sample.name, f"{share:.1%} of the image", draw_false(sample, found))


def draw_missed(
    sample: Sample, found: np.ndarray, person: int, box: tuple[int, int, int, int]
) -> np.ndarray:
    """The surroundings of a person, outlined, and what was found there, tinted."""
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
    """The picture; what was found and is no person in red, persons found in blue."""
    scored = sample.target != IGNORE
    person = sample.target == PERSON
    shown, (false, right) = _thumbnail(sample.image, found & scored & ~person, found & person)
    return _tinted(_tinted(shown, right, FOUND_COLOUR), false, FALSE_COLOUR)


def _thumbnail(image: np.ndarray, *masks: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """`image` and bool masks of the same size, their longest side THUMBNAIL px."""
    height, width = image.shape[:2]
    factor = THUMBNAIL / max(height, width)
    h, w = max(1, round(height * factor)), max(1, round(width * factor))
    small = [resize(mask.astype(np.float32), h, w) >= 0.5 for mask in masks]
    return resize(image, h, w).copy(), small


def _tinted(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    image[mask] = (0.45 * image[mask] + 0.55 * np.array(colour)).astype(np.uint8)
    return image
