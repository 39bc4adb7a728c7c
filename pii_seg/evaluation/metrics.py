"""Segmentation metrics: counts of one image, their sums over a data set, and the scores.

    count = count_image(logits, target, instances)     # numpy, at the image's own size
    totals = Totals(); totals.add(count)               # bounded memory for any number of images
    scores = totals.scores()                           # at one threshold; totals.curves() has all

Everything is computed from histograms of logits (`BINS` bins from −16 to 16), one for person
pixels, one for the rest and one for each person. One pass therefore gives every threshold, the
calibration and a new temperature, and a data set of any length needs a megabyte. torchmetrics keeps
every pixel for its calibration error, takes 650 ms per image of 640 × 480 px for a binned recall at
precision, and has no notion of persons; tests compare these sums with it. Thresholds are steps of
1/64 in logit (at most .004 in probability); `snap` rounds to the nearest.

Definitions. *Coverage* of a person: share of its pixels that are found. *Missed*: coverage < .5;
*untouched*: < .1; *uncovered*: < .9. A *head* (hair, hat, glasses, face) is *covered* from .9 on.
Target 255 is ignored throughout. *IoU* is that of person pixels: `iou` over all pixels of the data
set, `iou_per_picture` the mean over the images that show a person (which other tables call mIoU),
`miou` the mean of the IoUs of person and background over all pixels. *Boundary IoU*: Cheng et al.,
CVPR 2021, eq. 1, with d = 2 % of the diagonal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np

from pii_seg.evaluation.counting import (
    BIN_LOGITS,
    BINS,
    HEAD_COVERED_FROM,
    MISSED_BELOW,
    MOST_UNCOVERED,
    SIZES,
    THRESHOLDS,
    UNTOUCHED_BELOW,
    ImageCount,
    ratio,
    snap,
    threshold_index,
)

CALIBRATION_BINS = 15
MIN_PRECISION = 0.9  # of `recall_at_precision`
FALSE_PICTURE_SHARE = 0.001  # of its pixels: above it, a person-free image counts as wrong


@dataclass
class Totals:
    """Sums over images. Arrays of (…, BINS) hold one value for each of THRESHOLDS."""

    threshold: float = 0.5
    person: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    background: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    iou_sum: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    person_pictures: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    person_free_pictures: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    false_sum: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    false_pictures: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    boundary: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))
    boundary_iou_sum: np.ndarray = field(default_factory=lambda: np.zeros(()))
    boundary_pictures: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    persons: np.ndarray = field(default_factory=lambda: np.zeros(len(SIZES), np.int64))
    missed: np.ndarray = field(default_factory=lambda: np.zeros((len(SIZES), BINS), np.int64))
    untouched: np.ndarray = field(default_factory=lambda: np.zeros((len(SIZES), BINS), np.int64))
    uncovered_sum: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    pictures_of_persons: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    heads: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    head_pixels: np.ndarray = field(default_factory=lambda: np.zeros((), np.int64))
    head_found: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    heads_covered: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def __post_init__(self) -> None:
        self.threshold = snap(self.threshold)

    @property
    def pictures(self) -> int:
        return int(self.person_pictures + self.person_free_pictures)

    def add(self, count: ImageCount) -> None:
        """Add the counts of one image.

        Raises:
            ValueError: It was counted for another threshold.
        """
        if count.threshold_index != threshold_index(self.threshold):
            raise ValueError(
                f"expected counts for threshold {self.threshold}, got those for another threshold"
            )
        self.person += count.person
        self.background += count.background
        found, false = _at_least(count.person), _at_least(count.background)
        if count.has_person:
            self.person_pictures += 1
            self.iou_sum += found / (found[0] + false)
            if count.boundary is not None:
                self.boundary += count.boundary
                self.boundary_iou_sum += count.boundary[0] / count.boundary[1]
                self.boundary_pictures += 1
        elif false[0]:
            self.person_free_pictures += 1
            self.false_sum += false / false[0]
            self.false_pictures += false / false[0] > FALSE_PICTURE_SHARE
        for person in count.persons or ():
            self.persons[person.size] += 1
            self.missed[person.size] += person.found < MISSED_BELOW * person.area
            self.untouched[person.size] += person.found < UNTOUCHED_BELOW * person.area
        if count.persons:
            left = [p.area - p.found > MOST_UNCOVERED * p.area + 1e-6 for p in count.persons]
            self.uncovered_sum += np.mean(left, axis=0)
            self.pictures_of_persons += 1
        for found in count.heads:
            self.heads += 1
            self.head_pixels += found[0]
            self.head_found += found
            self.heads_covered += found >= HEAD_COVERED_FROM * found[0]

    def __add__(self, other: Totals) -> Totals:
        """Add the totals of two shards or data sets."""
        if self.threshold != other.threshold:
            raise ValueError(
                f"expected totals for threshold {self.threshold}, got {other.threshold}"
            )
        return Totals(self.threshold, **{n: getattr(self, n) + getattr(other, n) for n in SUMS})

    def curves(self) -> Curves:
        return Curves(
            threshold=THRESHOLDS,
            recall=_ratios(_at_least(self.person), self.person.sum()),
            precision=_ratios(
                _at_least(self.person), _at_least(self.person) + _at_least(self.background)
            ),
            iou=_ratios(_at_least(self.person), self.person.sum() + _at_least(self.background)),
            iou_per_picture=_ratios(self.iou_sum, self.person_pictures),
            missed=_ratios(self.missed.sum(axis=0), self.persons.sum()),
            missed_by_size=_ratios(self.missed, self.persons[:, None]),
            false_area=_ratios(self.false_sum, self.person_free_pictures),
        )

    def scores(
        self, threshold: float | None = None, *, min_precision: float = MIN_PRECISION
    ) -> Scores:
        """Compute the scores at one threshold.

        Args:
            threshold: Probability, 0..1; by default the one that the boundary IoU was counted at.
                At any other one the boundary IoU is nan.
            min_precision: Precision that `recall_at_precision` requires.
        """
        at = threshold_index(self.threshold if threshold is None else threshold)
        curves = self.curves()
        found, false = int(self.person[at:].sum()), int(self.background[at:].sum())
        person, background = int(self.person.sum()), int(self.background.sum())
        iou = float(curves.iou[at]) if person else math.nan
        background_iou = ratio(background - false, background + person - found)
        counted = at == threshold_index(self.threshold)
        precise = curves.precision >= min_precision
        return Scores(
            threshold=float(THRESHOLDS[at]),
            pictures=self.pictures,
            persons=int(self.persons.sum()),
            iou=iou,
            iou_per_picture=float(curves.iou_per_picture[at]),
            miou=(iou + background_iou) / 2,
            boundary_iou=ratio(*self.boundary) if counted else math.nan,
            boundary_iou_per_picture=ratio(self.boundary_iou_sum, self.boundary_pictures)
            if counted
            else math.nan,
            recall=float(curves.recall[at]),
            precision=float(curves.precision[at]) if person else math.nan,
            min_precision=min_precision,
            recall_at_precision=(float(curves.recall[precise].max()) if precise.any() else 0.0)
            if person
            else math.nan,
            missed=float(curves.missed[at]),
            missed_by_size=dict(zip(SIZES, map(float, curves.missed_by_size[:, at]), strict=True)),
            untouched=ratio(self.untouched[:, at].sum(), self.persons.sum()),
            untouched_by_size={
                s: ratio(self.untouched[i, at], self.persons[i]) for i, s in enumerate(SIZES)
            },
            uncovered=ratio(self.uncovered_sum[at], self.pictures_of_persons),
            persons_by_size=dict(zip(SIZES, map(int, self.persons), strict=True)),
            heads=int(self.heads),
            head_recall=ratio(self.head_found[at], self.head_pixels),
            heads_covered=ratio(self.heads_covered[at], self.heads),
            person_free_pictures=int(self.person_free_pictures),
            false_area=float(curves.false_area[at]),
            false_pictures=ratio(self.false_pictures[at], self.person_free_pictures),
            calibration_error=calibration_error(self.person, self.background),
            foreground=ratio(found + false, person + background),
            foreground_true=ratio(person, person + background),
        )


SUMS = tuple(f.name for f in fields(Totals) if f.name != "threshold")


@dataclass(frozen=True)
class Curves:
    """Scores at each of THRESHOLDS, float64 (BINS,); nan where nothing defines them."""

    threshold: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    iou: np.ndarray
    iou_per_picture: np.ndarray
    missed: np.ndarray
    missed_by_size: np.ndarray  # (len(SIZES), BINS)
    false_area: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Scores of a data set at one threshold; the module defines them.

    All shares are 0..1, and nan where no image or person defines them: IoU, recall and precision
    need person pixels.
    """

    threshold: float
    pictures: int
    persons: int
    iou: float
    iou_per_picture: float
    miou: float
    boundary_iou: float
    boundary_iou_per_picture: float
    recall: float
    precision: float
    min_precision: float
    recall_at_precision: float
    missed: float
    missed_by_size: dict[str, float]
    untouched: float
    untouched_by_size: dict[str, float]
    uncovered: float  # share of an image's persons with more than a tenth not found, mean of images
    persons_by_size: dict[str, int]
    heads: int
    head_recall: float  # share of the pixels of heads that are found
    heads_covered: float  # share of heads of which nine tenths or more are found
    person_free_pictures: int
    false_area: float  # mean share of person-free images taken for a person
    false_pictures: float  # share of them with more than .1 % of it
    calibration_error: float
    foreground: float  # share of pixels taken for persons, and …
    foreground_true: float  # … that are


def reliability(
    person: np.ndarray,
    background: np.ndarray,
    *,
    temperature: float = 1.0,
    bins: int = CALIBRATION_BINS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the reliability of probabilities.

    Args:
        person: Histogram (BINS,) of the logits of person pixels.
        background: Histogram (BINS,) of the other logits.
        temperature: Divides the logits.
        bins: Number of equally wide bins of probability.

    Returns:
        (mean probability, share of person pixels, number of pixels), each (bins,). Empty bins hold
        nan.
    """
    probability = 1 / (1 + np.exp(-BIN_LOGITS / temperature))
    place = np.minimum((probability * bins).astype(int), bins - 1)
    pixels = np.bincount(place, weights=person + background, minlength=bins)
    confidence = np.bincount(place, weights=(person + background) * probability, minlength=bins)
    persons = np.bincount(place, weights=person, minlength=bins)
    return _ratios(confidence, pixels), _ratios(persons, pixels), pixels


def calibration_error(
    person: np.ndarray, background: np.ndarray, *, temperature: float = 1.0
) -> float:
    """Compute the expected calibration error (Guo et al., ICML 2017, eq. 3) over pixels."""
    confidence, share, pixels = reliability(person, background, temperature=temperature)
    if not pixels.sum():
        return math.nan
    there = pixels > 0
    return float((np.abs(confidence - share)[there] * pixels[there]).sum() / pixels.sum())


def _at_least(histogram: np.ndarray) -> np.ndarray:
    """Cumulate a histogram from above: [k] is the number of entries in bin k or a higher one."""
    return np.cumsum(histogram[::-1])[::-1]


def _ratios(part: np.ndarray, whole: np.ndarray | int) -> np.ndarray:
    whole = np.broadcast_to(whole, np.shape(part))
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
