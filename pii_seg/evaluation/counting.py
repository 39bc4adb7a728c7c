"""Count one image: histograms of its logits for person pixels, the rest, each person and head."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pii_seg.data.sources.sample import IGNORE

BINS = 2048
LIMIT = 16.0  # logits are clipped to ± this
SIZES = ("small", "medium", "large")
SIZE_LIMITS = (
    32**2,
    96**2,
)  # px of a person's area: below the first small, below the second medium
MISSED_BELOW, UNTOUCHED_BELOW = 0.5, 0.1  # coverage
MOST_UNCOVERED = 0.1  # share of a covered person's pixels
HEAD_COVERED_FROM = 0.9  # coverage of a head that hides who it is
BOUNDARY_SHARE = 0.02  # of the diagonal

BIN_LOGITS = (np.arange(BINS) + 0.5) * (2 * LIMIT / BINS) - LIMIT  # of the bins' middles
THRESHOLDS = 1 / (
    1 + np.exp(LIMIT - np.arange(BINS) * (2 * LIMIT / BINS))
)  # lower edges of the bins, rising
THRESHOLDS[0] = 0.0  # the lowest bin holds everything below it: with this threshold all is person


def threshold_index(threshold: float) -> int:
    """Find the index into THRESHOLDS that is nearest to `threshold` in logit."""
    if not 0 < threshold < 1:
        raise ValueError(f"threshold: expected a number between 0 and 1, got {threshold}")
    logit = math.log(threshold / (1 - threshold))
    return int(np.clip(round((logit + LIMIT) * BINS / (2 * LIMIT)), 1, BINS - 1))


def snap(threshold: float) -> float:
    """Round `threshold` to the nearest one that is counted."""
    return float(THRESHOLDS[threshold_index(threshold)])


@dataclass(frozen=True)
class PersonCount:
    """Counts of one person in one image. `found[k]`: pixels found at THRESHOLDS[k]."""

    id: int
    area: int
    box: tuple[int, int, int, int]  # left, top, right, bottom in px, the last two exclusive
    found: np.ndarray

    @property
    def size(self) -> int:
        """Index into SIZES."""
        return int(np.searchsorted(SIZE_LIMITS, self.area, side="right"))

    def coverage(self, index: int) -> float:
        return float(self.found[index] / self.area)


@dataclass(frozen=True)
class ImageCount:
    """Counts of one image. Histograms are int64 (BINS,); `persons` is None without instances."""

    person: np.ndarray
    background: np.ndarray
    persons: tuple[PersonCount, ...] | None
    boundary: tuple[int, int] | None  # pixels of the intersection and of the union
    threshold_index: int
    heads: tuple[np.ndarray, ...] = ()  # of each head: pixels found at each of THRESHOLDS

    @property
    def has_person(self) -> bool:
        return bool(self.person.any())

    def iou(self, index: int | None = None) -> float:
        """Person IoU at THRESHOLDS[index]; nan without person pixels and detections."""
        at = self.threshold_index if index is None else index
        found, false = int(self.person[at:].sum()), int(self.background[at:].sum())
        return ratio(found, int(self.person.sum()) + false)

    def false_share(self, index: int | None = None) -> float:
        """Share of the scored pixels that are wrongly taken for a person."""
        at = self.threshold_index if index is None else index
        return ratio(
            int(self.background[at:].sum()), int(self.person.sum() + self.background.sum())
        )


def count_image(
    logits: np.ndarray,
    target: np.ndarray,
    instances: np.ndarray | None = None,
    *,
    heads: np.ndarray | None = None,
    threshold: float = 0.5,
    boundary: bool = True,
) -> ImageCount:
    """Count one image.

    Args:
        logits: float (H, W).
        target: uint8 (H, W): 0 background, 1 person, 255 ignored.
        instances: (H, W) ids of the persons, 0 for background; None if they are unknown.
        heads: bool (H, W), True on heads; None if they are unknown.
        threshold: Probability for the boundary IoU; the other counts hold for all thresholds.
        boundary: Count the boundary IoU.

    Raises:
        ValueError: The sizes differ, or a logit is NaN.
    """
    shapes = [a.shape for a in (logits, target, instances, heads) if a is not None]
    if len(set(shapes)) > 1:
        raise ValueError(f"logits, target, instances and heads differ in size: {shapes}")
    at = threshold_index(threshold)
    bins = bins_of(logits)
    scored = target != IGNORE
    is_person = (target == 1) & scored
    person = np.bincount(bins[is_person], minlength=BINS)
    background = np.bincount(bins[scored], minlength=BINS) - person
    pair = _boundary_pair(bins >= at, is_person, scored) if boundary else None
    persons = None if instances is None else _count_persons(bins, instances, scored)
    heads_found = () if heads is None else _count_heads(bins, heads & is_person, instances)
    return ImageCount(person, background, persons, pair, at, heads_found)


def bins_of(logits: np.ndarray) -> np.ndarray:
    """Compute the bin of each logit, int16: a pixel is found at THRESHOLDS[k] from bin k on."""
    place = (logits.astype(np.float32) + np.float32(LIMIT)) * np.float32(BINS / (2 * LIMIT))
    if np.isnan(place).any():
        raise ValueError("expected finite logits, got NaN")
    np.clip(place, 0, BINS - 1, out=place)
    return place.astype(np.int16)


def _count_persons(
    bins: np.ndarray, instances: np.ndarray, scored: np.ndarray
) -> tuple[PersonCount, ...]:
    persons = []
    areas = np.bincount(instances.ravel())
    for number in np.flatnonzero(areas[1:]) + 1 if len(areas) > 1 else ():
        whole = instances == number
        columns, rows = np.flatnonzero(whole.any(axis=0)), np.flatnonzero(whole.any(axis=1))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        inside = (slice(box[1], box[3]), slice(box[0], box[2]))
        histogram = np.bincount(bins[inside][whole[inside] & scored[inside]], minlength=BINS)
        if area := int(histogram.sum()):
            persons.append(PersonCount(int(number), area, box, np.cumsum(histogram[::-1])[::-1]))
    return tuple(persons)


def _count_heads(
    bins: np.ndarray, heads: np.ndarray, instances: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Pixels found of each head: one of each person, or one of the image without instances."""
    owners = np.ones(heads.shape, np.uint8) if instances is None else instances
    owner, place = owners[heads], bins[heads]
    numbers = np.unique(owner[owner > 0])
    histograms = (np.bincount(place[owner == number], minlength=BINS) for number in numbers)
    return tuple(np.cumsum(histogram[::-1])[::-1] for histogram in histograms)


def boundary_of(mask: np.ndarray, distance: int) -> np.ndarray:
    """Find the pixels of a mask near its boundary.

    Args:
        mask: bool (H, W).
        distance: Chebyshev distance, in px, to a pixel outside the mask or outside the image.

    Returns:
        bool (H, W).
    """
    padded = np.pad(mask.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    return mask & (depth <= distance)


def boundary_distance(height: int, width: int) -> int:
    """Compute d of the boundary IoU, in px."""
    return max(1, round(BOUNDARY_SHARE * math.hypot(height, width)))


def _boundary_pair(found: np.ndarray, is_person: np.ndarray, scored: np.ndarray) -> tuple[int, int]:
    # Cut out of both, an ignored region makes the same edge in both.
    d = boundary_distance(*is_person.shape)
    ours, theirs = boundary_of(found & scored, d), boundary_of(is_person, d)
    return int((ours & theirs).sum()), int((ours | theirs).sum())


def ratio(part: float | np.ndarray, whole: float | np.ndarray) -> float:
    return float(part / whole) if whole > 0 else math.nan
