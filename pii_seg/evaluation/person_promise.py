"""A promise about persons who are not covered, and the threshold or the margin that keeps it.

    promise = PersonPromise(table, …)             # what each person of each image takes
    calibration = promise.plain()                 # for the slot of that name in a checkpoint
    promise.threshold(0.95, 0.1, …)               # any recall and share, without the images
    promise.margin(0.95, 0.1, threshold=…)        # or at a threshold that is given

A person is *covered* if at most a share X of the person's labelled pixels stays outside of the
redacted area. The *loss* of an image is the share of its persons who are not covered. It grows with
the threshold, and falls with the margin. The *risk* is the mean loss over all images with persons,
of which the calibration images are an independent sample; a person recall of R requires a risk of
at most α = 1 − R. The bounds of the risk are those of `risk_bounds`: at a confidence (Bates et al.,
"Distribution-free, risk-controlling prediction sets", J. ACM 2021), or in expectation (Angelopoulos
et al., "Conformal risk control", ICLR 2024). What is exactly promised:

- The unit is the image, because the persons of one image are not independent: they share light,
  distance and camera. Counted one by one, a hundred persons of two crowds would be a hundred
  witnesses. So the mean is over images, and within an image over its persons: a person in a crowd
  weighs less than one who is alone. The share of all persons, in which crowds weigh most, is
  measured (`share_of_persons`) and not promised.
- A person is what has an instance id and at least one labelled pixel, however small.
- With `threshold`, the redacted area is the mask without any margin; whatever is added to it covers
  more. With `margin`, the threshold is given, and the area is the mask grown by that margin as
  `inference.dilation.dilate` does it. That is the conformal dilation of Mossina and Friedrich
  ("Conformal prediction for image segmentation using morphological prediction sets", MICCAI 2025,
  arXiv 2503.05618), with three differences: the margin is a share of each component's size, the
  loss is of persons and not of the image's mask, and it holds at a confidence, too.
- A lower threshold gives a larger mask, whose components are larger, with larger margins: so a
  margin that was calibrated at a threshold holds at all lower ones.
- R, X and a given threshold must be chosen before looking at what they cost. Each promise holds by
  itself: two at 95 % hold together at 90 %.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.conformal import (
    REMEDY,
    deciding,
    describe_confidence,
    percent,
    require_same,
    threshold_below,
)
from pii_seg.evaluation.counting import BINS, LIMIT
from pii_seg.evaluation.person_counts import UNCOVERED, PersonTable
from pii_seg.evaluation.risk_bounds import (
    BLOCK,
    Confidence,
    confident_risk_bound,
    expected_risk_bound,
    last_within,
    pictures_needed,
)
from pii_seg.inference.dilation import MARGINS

SLOT = "person_promise"  # key in a checkpoint's `calibration`
NO_PERSONS = (
    "no image of the data tells persons apart, so that no promise per person can be made; give "
    "renders, COCO JSON, or numbered masks (instances/ beside masks/)"
)

STEP = 2 * LIMIT / BINS  # between two thresholds, in logit
CUTS_BELOW = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
"""Thresholds that margins are calibrated at: this far, in logit, below the checkpoint's own."""

MOST_IMAGES, MOST_PERSONS, MOST_CUTS = 100_000, 1_000_000, 16
"""More would be no calibration, and take long to read."""


def cuts_of(threshold: float, temperature: float) -> tuple[int, ...]:
    """Choose the indices of the thresholds to calibrate margins at, highest first.

    Args:
        threshold: The checkpoint's own, on σ(logit / temperature).
        temperature: That of the checkpoint.
    """
    wanted = [_raw(threshold, temperature) - below for below in CUTS_BELOW]
    at = [int(np.clip(math.ceil((logit + LIMIT) / STEP + 0.5), 1, BINS - 1)) for logit in wanted]
    return tuple(sorted(set(at), reverse=True))


@dataclass(frozen=True, eq=False)
class PersonPromise:
    """Holds what each calibration person takes to be covered, and no pixel and no file name.

    Attributes:
        confidence: Probability that a promise holds, or "expectation".
        table: The persons, image by image, in an order that is independent of them.
        inference: The settings (InferenceSettings) that promises hold for, and no others.
        data_sha256: Hash of the calibration images and masks.
    """

    confidence: Confidence
    table: PersonTable
    inference: Mapping[str, Any]
    data_sha256: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "inference", deciding(self.inference))
        _check_confidence(self.confidence)
        _check_table(self.table)

    @property
    def images(self) -> int:
        """Number of calibration images with persons who are told apart."""
        return len(self.table.persons)

    def index(self, recall: float, uncovered: float) -> int:
        """Index of the highest of THRESHOLDS that keeps the promise, without a margin.

        Args:
            recall: R, 0..1: share of an image's persons who are covered, on average over images.
            uncovered: X, 0..1: accepted share of uncovered pixels of a covered person.

        Raises:
            CalibrationError: No threshold does.
        """
        lost_from = self.table.highest[:, _level(uncovered)].astype(np.int64)  # of columns 1, 2, …
        last = self._last_kept(lost_from, BINS - 1, recall)
        if last < 0:
            raise self._out_of_reach(recall, uncovered, lost_from, "")
        return last + 1

    def threshold(self, recall: float, uncovered: float, *, temperature: float) -> float:
        """The threshold on σ(logit / temperature) that keeps the promise; see `index`.

        Raises:
            CalibrationError: No threshold does.
        """
        return threshold_below(self.index(recall, uncovered), temperature, recall)

    def margin(
        self, recall: float, uncovered: float, *, threshold: float, temperature: float
    ) -> float:
        """The smallest of MARGINS that keeps the promise at a given threshold; see `index`.

        Args:
            recall: As in `index`.
            uncovered: As in `index`.
            threshold: On σ(logit / temperature).
            temperature: That of the checkpoint.

        Raises:
            CalibrationError: No margin does, or none was calibrated for this threshold.
        """
        # A mask at a lower threshold holds that at the cut; half a step is more than rounding.
        least = _raw(threshold, temperature) + STEP / 2 - 1e-6
        at = [n for n, cut in enumerate(self.table.cuts) if cut * STEP - LIMIT >= least]
        if not at:
            highest = threshold_below(max(self.table.cuts, default=1), temperature, recall)
            raise CalibrationError(
                f"the margin was calibrated for thresholds up to {highest:.3g}, got "
                f"{threshold:.3g}; give a lower --threshold, or calibrate again: {REMEDY}"
            )
        needed = self.table.needed[:, at[-1], _level(uncovered)].astype(np.int64)
        # Columns from the largest margin to none, so that the loss grows.
        lost_from = len(MARGINS) - needed
        last = self._last_kept(lost_from, len(MARGINS), recall)
        if last < 0:
            where = f" with any margin up to {MARGINS[-1]:.0%} at a threshold of {threshold:.3g}"
            raise self._out_of_reach(recall, uncovered, lost_from, where)
        return MARGINS[len(MARGINS) - 1 - last]

    def uncovered_at(self, index: int, uncovered: float) -> float:
        """Mean loss of the calibration images at THRESHOLDS[index], without a margin."""
        lost_from = self.table.highest[:, _level(uncovered)].astype(np.int64) + 1
        return float(self._losses(lost_from, index, index + 1).mean())

    def share_of_persons(self, index: int, uncovered: float) -> float:
        """Share of all calibration persons who are not covered at THRESHOLDS[index]."""
        return float((self.table.highest[:, _level(uncovered)] < index).mean())

    def statement(self, recall: float, uncovered: float, margin: float | None = None) -> str:
        """The promise in words that claim no more than the mathematics.

        Args:
            recall: R.
            uncovered: X.
            margin: The margin that keeps it; None if the threshold does.
        """
        n, persons = f"{self.images:,}", f"{len(self.table.highest):,}"
        area = "its mask" if margin is None else f"its mask with the margin of {margin:.0%}"
        share = (
            f"the share of an image's persons of whom more than {percent(uncovered)} of the pixels "
            f"are left out of {area}"
        )
        if self.confidence == "expectation":
            return (
                f"The expected share of uncovered persons is at most {percent(1 - recall)}: "
                f"{share}, on average over images with persons and over calibrations on {n} images "
                f"({persons} persons) drawn like them."
            )
        return (
            f"With {percent(self.confidence)} confidence the expected share of uncovered persons "
            f"is at most {percent(1 - recall)}: {share}, on average over images with persons, "
            f"drawn like the {n} calibration images ({persons} persons); the confidence is about "
            "their draw."
        )

    def require_inference(self, inference: Mapping[str, Any]) -> None:
        """Raise CalibrationError, naming the settings, if they are not those of the calibration."""
        require_same(self.inference, inference)

    def plain(self) -> dict[str, Any]:
        """Plain data for `Checkpoint.calibration`; tables are packed, as they have many numbers."""
        stored = {
            "confidence": self.confidence,
            "logits": [-LIMIT, LIMIT],
            "uncovered": list(UNCOVERED),
            "margins": len(MARGINS),
            "cuts": list(self.table.cuts),
            "persons": _packed(self.table.persons, "<u4"),
            "highest": _packed(self.table.highest, "<u2"),
            "needed": _packed(self.table.needed, "u1"),
            "inference": dict(self.inference),
            "data_sha256": self.data_sha256,
        }
        return {SLOT: stored}

    def _last_kept(self, lost_from: np.ndarray, columns: int, recall: float) -> int:
        """The last column up to which the bounds allow `recall`; −1 if there is none."""
        if not 0 < recall < 1:
            raise CalibrationError(f"expected a person recall between 0 and 1, got {recall}")
        width = max(1, BLOCK // self.images)
        for start in range(0, columns, width):
            losses = self._losses(lost_from, start, min(start + width, columns))
            last = last_within(losses, 1 - recall, self.confidence)
            if last < losses.shape[1] - 1:
                return start + last
        return columns - 1

    def _losses(self, lost_from: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Losses (n, stop − start), where each person is lost from a column on."""
        images = np.repeat(np.arange(self.images), self.table.persons)
        lost = np.zeros((self.images, stop - start + 1))
        np.add.at(lost, (images, np.clip(lost_from - start, 0, stop - start)), 1)
        return np.cumsum(lost[:, :-1], axis=1) / self.table.persons[:, None]

    def _out_of_reach(
        self, recall: float, uncovered: float, lost_from: np.ndarray, where: str
    ) -> CalibrationError:
        losses = self._losses(lost_from, 0, 1)
        bound = (
            expected_risk_bound(losses)
            if self.confidence == "expectation"
            else confident_risk_bound(losses, self.confidence)
        )
        best = math.floor(max(0.0, 1 - max(float(bound[0]), losses.mean())) * 10_000) / 100
        lower = ", give a lower --threshold" if where else ""
        return CalibrationError(
            f"a person recall of {percent(recall)} with at most {percent(uncovered)} of a person "
            f"uncovered cannot be promised {describe_confidence(self.confidence)} with "
            f"{self.images} images{where}: the highest possible is {best:.2f}%. Ask for less, "
            f"accept more with --uncovered{lower}, or calibrate on more images: at least "
            f"{pictures_needed(recall, self.confidence)}, and more the more is missed"
        )


def read_person_promise(calibration: Any) -> PersonPromise:
    """Read the promise from a checkpoint's `calibration`, which may come from an untrusted file.

    Raises:
        CalibrationError: There is none, or it is damaged.
    """
    stored = calibration.get(SLOT) if isinstance(calibration, Mapping) else None
    if stored is None:
        raise CalibrationError(
            "the checkpoint's calibration has no persons, so that nothing can be promised about "
            f"them; calibrate it on images whose masks tell persons apart: {REMEDY}"
        )
    try:
        return PersonPromise(
            stored["confidence"],
            _read_table(stored),
            dict(stored["inference"]),
            str(stored["data_sha256"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        why = f"{error} is absent" if isinstance(error, KeyError) else str(error)
        raise CalibrationError(
            f"the checkpoint's calibration of persons is damaged ({why}); calibrate again: {REMEDY}"
        ) from None


def _read_table(stored: Mapping[str, Any]) -> PersonTable:
    for name, known in (
        ("logits", [-LIMIT, LIMIT]),
        ("uncovered", list(UNCOVERED)),
        ("margins", len(MARGINS)),
    ):
        if stored[name] != known:
            raise ValueError(f"{name} are not those of this version")
    cuts = stored["cuts"]
    if not isinstance(cuts, list) or not all(type(cut) is int for cut in cuts):
        raise ValueError("cuts are not a list of whole numbers")
    if len(cuts) > MOST_CUTS:
        raise ValueError(f"more than {MOST_CUTS} cuts")
    levels = len(UNCOVERED)
    persons = _unpacked(stored, "persons", "<u4", MOST_IMAGES).astype(np.int64)
    highest = _unpacked(stored, "highest", "<u2", MOST_PERSONS * levels).reshape(-1, levels)
    needed = _unpacked(stored, "needed", "u1", MOST_PERSONS * MOST_CUTS * levels)
    return PersonTable(
        persons, highest, needed.reshape(len(highest), len(cuts), levels), tuple(cuts)
    )


def _packed(numbers: np.ndarray, dtype: str) -> str:
    return base64.b64encode(numbers.astype(dtype).tobytes()).decode()


def _unpacked(stored: Mapping[str, Any], name: str, dtype: str, most: int) -> np.ndarray:
    text = stored[name]
    if not isinstance(text, str) or len(text) > 2 * most * np.dtype(dtype).itemsize + 4:
        raise ValueError(f"{name} is no packed table")
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def _check_confidence(confidence: Confidence) -> None:
    if confidence != "expectation" and not (isinstance(confidence, float) and 0 < confidence < 1):
        raise ValueError(
            f"expected a confidence within 0..1 or 'expectation', got {confidence!r:.40}"
        )


def _check_table(table: PersonTable) -> None:
    """Raise ValueError for a table that no images could have given."""
    persons, highest, needed, cuts = table.persons, table.highest, table.needed, table.cuts
    if not len(persons) or persons.min() < 1 or persons.sum() != len(highest):
        raise ValueError("the numbers of persons do not fit together")
    if list(cuts) != sorted({cut for cut in cuts if 0 < cut < BINS}, reverse=True):
        raise ValueError("cuts are no falling thresholds")
    if highest.max() >= BINS or (np.diff(highest.astype(np.int64), axis=1) < 0).any():
        raise ValueError("highest is no table of rising thresholds")
    if needed.size and needed.max() > len(MARGINS):
        raise ValueError("needed is no table of margins")
    if (np.diff(needed.astype(np.int64), axis=2) > 0).any():
        raise ValueError("needed rises where more may be uncovered")
    without = highest[:, None, :] >= np.array(cuts, np.int64)[None, :, None]
    if needed[without].any():
        raise ValueError("a margin is needed where the mask covers")


def _level(uncovered: float) -> int:
    """Index of the largest of UNCOVERED that is at most `uncovered`, which promises no less."""
    if not 0 <= uncovered < 1:
        raise CalibrationError(f"expected a share of uncovered pixels in 0..1, got {uncovered}")
    return int(np.searchsorted(UNCOVERED, uncovered + 1e-9, side="right")) - 1


def _raw(threshold: float, temperature: float) -> float:
    """The logit of a threshold, before the temperature."""
    return math.log(threshold / (1 - threshold)) * temperature
