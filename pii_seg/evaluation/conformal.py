"""A promise about missed persons, its statistics, and the threshold that keeps it.

    promise = make_promise(losses, …)       # (n, BINS): `missed_shares` of each calibration image
    calibration = promise.plain()           # for the slot of that name in a checkpoint
    threshold_for(calibration, 0.99, …)     # any recall, at any later time, without the images

The *loss* of an image at a threshold is the share of its person pixels that are missed; it grows
with the threshold. The *risk* is the mean loss over all images with persons, of which the
calibration images are an independent sample. A recall of R requires a risk of at most α = 1 − R.
The promise stores an upper bound of the risk at each threshold of `metrics`; the threshold to use
is the highest one up to which all bounds are at most α. Two statements are possible:

- at a *confidence* 1 − δ (Bates et al., "Distribution-free, risk-controlling prediction sets",
  J. ACM 2021): with probability 1 − δ over the calibration images, the risk is at most α. The bound
  is that of Waudby-Smith and Ramdas, which is tighter the less the losses vary;
- in *expectation* (Angelopoulos et al., "Conformal risk control", ICLR 2024): the risk is at most α
  on average over calibrations. This is weaker, and so needs fewer images.

Neither assumes anything about the segmenter or depends on the temperature: the bounds are by raw
logit. Why they hold for redacted areas, and their limits:

- Images without persons are left out. Counted with their loss of 0, empty streets would pay for
  missed persons. Over all images, with and without persons, the mean can only be smaller.
- A mask that is grown (dilated, held over frames, merged with other detections) misses less, never
  more: calibrated without growth, the bound stays valid. A mask with regions taken away is not
  covered.
- It is a mean of shares of *pixels*: single images may exceed it, and a small person beside a large
  one may be missed entirely. Frames of one video, or images of one person, are not independent and
  count as fewer images than there are.
- R must be chosen before looking at the thresholds: whoever tries several values and takes the best
  uses the images twice. The same holds for images that the segmenter was trained on or chosen by.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.counting import BIN_LOGITS, BINS, LIMIT
from pii_seg.evaluation.risk_bounds import (
    Confidence,
    check_confidence,
    confident_risk_bound,
    expected_risk_bound,
    pictures_needed,
)

SLOT = "promise"  # key in a checkpoint's `calibration`
CURVES = ("missed", "bound", "false_area")  # the fields of a promise with BINS values
REMEDY = (
    "python -m pii_seg.calibrate --checkpoint CHECKPOINT --data DIR, with images like yours and "
    "their masks"
)

# σ in float32 has enough digits between these logits: it is 0 from −104 on and 1 from 17.
LOWEST_LOGIT, HIGHEST_LOGIT = -80.0, 10.0


def missed_shares(person: np.ndarray) -> np.ndarray:
    """Compute the loss of an image at each of THRESHOLDS.

    Args:
        person: Histogram (BINS,) of the logits of its person pixels.

    Returns:
        float32 (BINS,), rising from 0: at the lowest threshold everything is person.

    Raises:
        ValueError: The image has no person pixel.
    """
    total = person.sum()
    if not total:
        raise ValueError("the image has no person pixel, so that its loss is undefined")
    return ((np.cumsum(person) - person) / total).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Promise:
    """Bounds of the risk at each of THRESHOLDS. It contains no pixel and no file name.

    Attributes:
        confidence: Probability that the bounds hold, or "expectation".
        pictures: Number of calibration images with persons.
        missed: Mean loss of the calibration images, float64 (BINS,).
        bound: Upper bound of the risk, float64 (BINS,): the promise.
        false_area: Share of their background that is taken for a person, float64 (BINS,).
        inference: The settings (InferenceSettings) that the promise holds for, and no others.
        data_sha256: Hash of the calibration images and masks.
    """

    confidence: Confidence
    pictures: int
    missed: np.ndarray
    bound: np.ndarray
    false_area: np.ndarray
    inference: Mapping[str, Any]
    data_sha256: str

    def __post_init__(self) -> None:
        if self.confidence != "expectation" and not (
            isinstance(self.confidence, float) and 0 < self.confidence < 1
        ):
            raise ValueError(
                f"expected a confidence within 0..1 or 'expectation', got {self.confidence!r}"
            )
        if not isinstance(self.pictures, int) or self.pictures < 1:
            raise ValueError(f"expected a number of images, got {self.pictures!r}")
        for name in CURVES:
            curve, falls = getattr(self, name), name == "false_area"
            if curve.shape != (BINS,) or not ((curve >= 0) & (curve <= 1)).all():  # nan is neither
                raise ValueError(f"{name} is not {BINS} numbers from 0 to 1")
            if (np.diff(-curve if falls else curve) < 0).any():
                raise ValueError(f"{name} {'rises' if falls else 'falls'} with the threshold")
        if (self.bound < self.missed).any():
            raise ValueError("a bound is below what was measured")

    @property
    def best_recall(self) -> float:
        """The highest recall that can be promised without taking everything for a person."""
        return float(1 - self.bound[1])

    def index(self, recall: float) -> int:
        """Index of the highest of THRESHOLDS that keeps the promise of `recall`.

        Raises:
            CalibrationError: No threshold does.
        """
        if not 0 < recall < 1:
            raise CalibrationError(f"expected a recall between 0 and 1, got {recall}")
        kept = np.flatnonzero(self.bound[1:] <= 1 - recall + 1e-12)
        if not len(kept):
            best = math.floor(self.best_recall * 10_000) / 100
            raise CalibrationError(
                f"a recall of {percent(recall)} cannot be promised "
                f"{describe_confidence(self.confidence)} with {self.pictures} images: the "
                f"highest possible is {best:.2f}%. Ask for less, or "
                f"calibrate on more images: at least {pictures_needed(recall, self.confidence)}, "
                "and more the more is missed"
            )
        return int(kept[-1]) + 1

    def threshold(self, recall: float, temperature: float) -> float:
        """The threshold on σ(logit / temperature) that keeps the promise of `recall`.

        Raises:
            CalibrationError: No threshold does.
        """
        return threshold_below(self.index(recall), temperature, recall)

    def statement(self, recall: float) -> str:
        """The promise in words that claim no more than the mathematics."""
        n, risk = f"{self.pictures:,}", percent(1 - recall)
        share = "the share of an image's person pixels that are left out of its mask"
        if self.confidence == "expectation":
            return (
                f"The expected share of missed person pixels is at most {risk}: {share}, on "
                f"average over images with persons and over calibrations on {n} images drawn like "
                "them."
            )
        return (
            f"With {percent(self.confidence)} confidence the expected share of missed person "
            f"pixels is at most {risk}: {share}, on average over images with persons, drawn like "
            f"the {n} calibration images; the confidence is about their draw."
        )

    def require_inference(self, inference: Mapping[str, Any]) -> None:
        """Raise CalibrationError, naming the settings, if they are not those of the calibration."""
        require_same(self.inference, inference)

    def plain(self) -> dict[str, Any]:
        """Plain data for `Checkpoint.calibration`."""
        curves = {name: getattr(self, name).tolist() for name in CURVES}
        return {SLOT: {**asdict(self), **curves, "logits": [-LIMIT, LIMIT]}}


def make_promise(
    losses: np.ndarray,
    *,
    confidence: Confidence,
    false_area: np.ndarray,
    inference: Mapping[str, Any],
    data_sha256: str,
) -> Promise:
    """Compute the promise that the losses allow.

    Args:
        losses: (n, BINS), one row of `missed_shares` for each image with persons, in an order that
            is independent of the losses.
        confidence: Probability that the bounds hold, or "expectation".
        false_area: (BINS,) share of the background that is taken for a person.
        inference: asdict of the InferenceSettings that were used.
        data_sha256: Hash of the images and masks.

    Raises:
        CalibrationError: There are no images, or too few to promise anything.
    """
    check_confidence(confidence)
    if not len(losses):
        raise CalibrationError("the data show no person, so that missed persons cannot be measured")
    missed = losses.mean(axis=0, dtype=np.float64)
    bound = (
        expected_risk_bound(losses)
        if confidence == "expectation"
        else confident_risk_bound(losses, confidence)
    )
    # The highest bound of all lower thresholds; and no bound may be below the measured risk.
    bound = np.maximum.accumulate(np.maximum(bound, missed))
    promise = Promise(
        confidence, len(losses), missed, bound, false_area, deciding(inference), data_sha256
    )
    if promise.best_recall <= 0:
        raise CalibrationError(f"{len(losses)} images with persons are too few to promise anything")
    return promise


def read_promise(calibration: Any) -> Promise:
    """Read the promise from a checkpoint's `calibration`, which may come from an untrusted file.

    Raises:
        CalibrationError: There is no promise, or it is damaged.
    """
    stored = calibration.get(SLOT) if isinstance(calibration, Mapping) else None
    if stored is None:
        raise CalibrationError(
            "the checkpoint is not calibrated, so that no recall can be promised; calibrate it: "
            f"{REMEDY}"
        )
    try:
        if stored["logits"] != [-LIMIT, LIMIT]:
            raise ValueError(f"expected logits within ±{LIMIT}, got {stored['logits']}")
        curves = {name: np.array(stored[name], np.float64) for name in CURVES}
        return Promise(
            confidence=stored["confidence"],
            pictures=stored["pictures"],
            inference=dict(stored["inference"]),
            data_sha256=str(stored["data_sha256"]),
            **curves,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        why = f"{error} is absent" if isinstance(error, KeyError) else str(error)
        raise CalibrationError(
            f"the checkpoint's calibration is damaged ({why}); calibrate again: {REMEDY}"
        ) from None


def threshold_for(
    calibration: Any, recall: float, *, inference: Mapping[str, Any], temperature: float
) -> float:
    """Choose the threshold that promises a recall.

    Args:
        calibration: The field of that name of a checkpoint.
        recall: Share of person pixels to find, 0..1.
        inference: asdict of the InferenceSettings that will be used.
        temperature: That of the checkpoint.

    Returns:
        The threshold on σ(logit / temperature).

    Raises:
        CalibrationError: The checkpoint is not calibrated, was calibrated with other settings, or
            cannot promise this recall. The message says what to do.
    """
    promise = read_promise(calibration)
    promise.require_inference(inference)
    return promise.threshold(recall, temperature)


def threshold_below(index: int, temperature: float, recall: float) -> float:
    """The threshold on σ(logit / temperature) at which all pixels of THRESHOLDS[index] are found.

    Args:
        index: Index into THRESHOLDS, 1 or more.
        temperature: That of the checkpoint.
        recall: What is promised for it, for the error.

    Raises:
        CalibrationError: float32 cannot tell such probabilities apart.
    """
    # The middle of the bin below: half a bin is more than float32 rounding changes until the mask.
    logit = BIN_LOGITS[index - 1] / temperature
    if logit < LOWEST_LOGIT:
        raise CalibrationError(
            f"at a temperature of {temperature}, float32 has too few digits for a recall of "
            f"{percent(recall)}; calibrate again: {REMEDY}"
        )
    return 1 / (1 + math.exp(-min(logit, HIGHEST_LOGIT)))


def deciding(inference: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the logits depend on, with lists for tuples as JSON has them."""
    return {n: v for n, v in json.loads(json.dumps(dict(inference))).items() if n != "batch_pixels"}


def require_same(calibrated: Mapping[str, Any], inference: Mapping[str, Any]) -> None:
    """Raise CalibrationError, naming the settings, if they are not those `calibrated` with."""
    given = deciding(inference)
    if different := sorted(
        n for n in calibrated.keys() | given.keys() if calibrated.get(n) != given.get(n)
    ):
        was, now = (
            ", ".join(f"{n} {settings.get(n)}" for n in different)
            for settings in (calibrated, given)
        )
        raise CalibrationError(
            f"the promise was calibrated with {was}, and holds for no other settings; got "
            f"{now}. Use the former, or calibrate with the latter: {REMEDY}"
        )


def describe_confidence(confidence: Confidence) -> str:
    """Say how a promise is made: "at a confidence of 95%" or "in expectation"."""
    if confidence == "expectation":
        return "in expectation"
    return f"at a confidence of {percent(confidence)}"


def percent(share: float) -> str:
    """Format a share in percent, with as many digits as it has, up to six."""
    return f"{100 * share:.6g}%"
