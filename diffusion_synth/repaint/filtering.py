"""Filter of repainted persons: a segmenter must find each of them inside the painted mask.

More realistic generators deviate more from their masks, and without a filter repainted pairs do not
improve training (FreeMask, Yang et al., NeurIPS 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from diffusion_synth.errors import ConfigError, DataError

Segment = Callable[[np.ndarray], np.ndarray]
"""A segmenter: an image, uint8 (H, W, 3) → probability of "person", float (H, W)."""

ACCEPTED, LOW_IOU, NO_NUMBERS, FLAT = "accepted", "low IoU", "no numbers", "flat colour"
FLAT_LEVELS, FLAT_PIXELS = 1, 64  # a painted person of as many pixels has more levels than this
LOWEST_BAR = 0.5  # a segmenter below this IoU has not found the person, so it cannot verify them
_EPSILON = 1e-6  # probabilities are clipped to this distance from 0 and 1


@dataclass(frozen=True)
class FilterSettings:
    """Settings that decide which painted persons are accepted and which pixels are ignored.

    Raises:
        ConfigError: A value is not valid.
    """

    min_iou: float = 0.85
    """Least IoU of the segmenter's person with the painted mask."""
    iou_relative: float | None = None
    """Where the segmenter reaches less than `min_iou` on the original image, accept this fraction
    of what it reached there (`required_iou`). None requires `min_iou` of every person."""
    threshold: float = 0.5
    """Least probability of a pixel to count as person."""
    band: int = 2
    """Width, px, of the band on either side of the mask's outline that is ignored: painted edges
    are not exact."""
    loss_factor: float = 1.25
    """A pixel is ignored when its loss exceeds this multiple of its class's mean on real images."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_iou <= 1:
            raise ConfigError(f"min_iou must be within 0..1, got {self.min_iou}")
        if self.iou_relative is not None and not 0 < self.iou_relative <= 1:
            raise ConfigError(
                f"iou_relative must be above 0 and at most 1, got {self.iou_relative}"
            )
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold must be between 0 and 1, got {self.threshold}")
        if self.band < 0:
            raise ConfigError(f"band must be at least 0, got {self.band}")
        if not self.loss_factor > 0:
            raise ConfigError(f"loss_factor must be above 0, got {self.loss_factor}")

    def required_iou(self, before: float | None) -> float:
        """Return the IoU that a repainted person must reach.

        A person that a weak segmenter misses in part on the original image may be missed in part
        after repainting too. The result never falls below LOWEST_BAR: a segmenter that does not
        find a person cannot verify them.

        Args:
            before: The segmenter's IoU for the person on the original image, or None.
        """
        if before is None or self.iou_relative is None:
            return self.min_iou
        return min(self.min_iou, max(LOWEST_BAR, self.iou_relative * before))


@dataclass(frozen=True)
class ClassLoss:
    """Mean cross-entropy of a segmenter on images with true masks, by class, in nats."""

    background: float
    person: float


@dataclass(frozen=True)
class Verdict:
    """The filter's verdict on a painted person.

    Attributes:
        iou: IoU of the segmenter's person with the mask.
        reason: ACCEPTED, or why not.
        ignore: bool (H, W), pixels to ignore in training when it is accepted.
    """

    iou: float
    reason: str
    ignore: np.ndarray

    @property
    def accepted(self) -> bool:
        """Whether the person is accepted."""
        return self.reason == ACCEPTED


def judge(
    probability: np.ndarray,
    mask: np.ndarray,
    settings: FilterSettings,
    *,
    where: np.ndarray | None = None,
    baseline: ClassLoss | None = None,
    before: float | None = None,
) -> Verdict:
    """Judge a painted person by a segmenter's output.

    Args:
        probability: The segmenter's output for the painted image, (H, W).
        mask: bool (H, W), the painted mask.
        settings: Thresholds.
        where: bool (H, W), the pixels that count: other persons do not. None counts all.
        baseline: The segmenter's mean losses; None ignores no pixel for its loss.
        before: IoU of the same mask in the original image (`FilterSettings.required_iou`).

    Raises:
        DataError: The shapes differ.
    """
    if probability.shape != mask.shape or mask.dtype != bool:
        raise DataError(
            f"expected a probability and a bool mask of one shape, "
            f"got {probability.shape} and {mask.shape} {mask.dtype}"
        )
    ignore = outline_band(mask, settings.band)
    if not np.isfinite(probability).all():
        return Verdict(0.0, NO_NUMBERS, ignore)
    iou = overlap(probability, mask, settings.threshold, where)
    if baseline is not None:
        ignore |= has_high_loss(probability, mask, baseline, settings.loss_factor)
    return Verdict(iou, ACCEPTED if iou >= settings.required_iou(before) else LOW_IOU, ignore)


def overlap(
    probability: np.ndarray, mask: np.ndarray, threshold: float, where: np.ndarray | None = None
) -> float:
    """Return the IoU of the pixels from `threshold` on with a mask; 0 where both are empty.

    Args:
        probability: (H, W).
        mask: bool (H, W).
        threshold: Least probability of a person's pixel.
        where: bool (H, W), the pixels that count; None for all.
    """
    counts = np.ones(mask.shape, bool) if where is None else where
    found, wanted = (probability >= threshold) & counts, mask & counts
    union = int((found | wanted).sum())
    return float((found & wanted).sum() / union) if union else 0.0


def is_flat(painted: np.ndarray, mask: np.ndarray) -> bool:
    """Return whether a painted person is one flat colour: what a model paints that overflowed.

    Args:
        painted: uint8 (h, w, 3).
        mask: bool (h, w), the person. A few pixels may well be of one colour, and are not judged.
    """
    inside = painted[mask]
    return len(inside) >= FLAT_PIXELS and bool((np.ptp(inside, axis=0) <= FLAT_LEVELS).all())


def outline_band(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels within `width` px of a mask's outline, on either side, bool (H, W).

    The border of the image is not an outline.
    """
    if not width:
        return np.zeros(mask.shape, bool)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inside = mask.astype(np.uint8)
    grown = cv2.dilate(inside, disc, borderType=cv2.BORDER_REPLICATE)
    shrunk = cv2.erode(inside, disc, borderType=cv2.BORDER_REPLICATE)
    return grown > shrunk


def cross_entropy(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of every pixel, (H, W), nats, float32."""
    right = np.where(mask, probability, 1 - probability)
    return -np.log(right.clip(_EPSILON, 1)).astype(np.float32)


def has_high_loss(
    probability: np.ndarray, mask: np.ndarray, baseline: ClassLoss, factor: float
) -> np.ndarray:
    """Return the pixels whose loss exceeds `factor` times their class's mean, bool (H, W).

    Source: FreeMask (Yang et al., NeurIPS 2023), section 3.3.
    """
    limit = factor * np.where(mask, baseline.person, baseline.background)
    return cross_entropy(probability, mask) > limit


def measure_class_loss(
    segment: Segment, pairs: Iterable[tuple[np.ndarray, np.ndarray]]
) -> ClassLoss:
    """Return a segmenter's mean losses on images with true masks.

    Args:
        segment: The segmenter.
        pairs: (image uint8 (H, W, 3), mask bool (H, W)).

    Raises:
        DataError: The images lack persons or background.
    """
    total, count = np.zeros(2), np.zeros(2)
    for image, mask in pairs:
        loss = cross_entropy(segment(image), mask)
        for kind, where in enumerate((~mask, mask)):
            total[kind] += float(loss[where].sum())
            count[kind] += int(where.sum())
    if not count.all():
        raise DataError("images for the baseline loss need both persons and background")
    background, person = total / count
    return ClassLoss(float(background), float(person))
