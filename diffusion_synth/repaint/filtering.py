"""Which repainted persons are worth learning from: a segmenter looks again, and what does not fit its mask is left out.

More realistic generators stray further from their masks, and without a filter repainted pairs teach nothing (FreeMask,
Yang et al., NeurIPS 2023). A segmenter is any callable from a picture, uint8 (H, W, 3), to the probability of "person",
float (H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

Segment = Callable[[np.ndarray], np.ndarray]

ACCEPTED, LOW_IOU, NO_NUMBERS = "accepted", "low IoU", "no numbers"
LEAST_IOU = (
    0.5  # below it, a segmenter has not found a person, and its opinion of them says nothing
)
_LEAST = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True)
class FilterSettings:
    """What is kept, and which of its pixels are not to be learnt from."""

    min_iou: float = 0.85
    """Of the person that the segmenter finds with the mask that was painted."""
    iou_relative: float | None = None
    """Where the segmenter reaches less than `min_iou` on the picture as it was, this share of what it reached there
    will do (`bar`). None: `min_iou` for everybody."""
    threshold: float = 0.5
    """Probability from which on the segmenter's pixel is person."""
    band: int = 2
    """Pixels to either side of the mask's outline that are ignored: the painting's edge is nowhere exact."""
    loss_factor: float = 1.25
    """A pixel is ignored when its loss exceeds this multiple of its class's mean on real pictures."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_iou <= 1:
            raise ValueError(f"min_iou is {self.min_iou}; it must lie within 0..1")
        if self.iou_relative is not None and not 0 < self.iou_relative <= 1:
            raise ValueError(
                f"iou_relative is {self.iou_relative}; it must be above 0 and at most 1"
            )
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold}; it must lie between 0 and 1")
        if self.band < 0:
            raise ValueError(f"band is {self.band}; it must not be negative")
        if not self.loss_factor > 0:
            raise ValueError(f"loss_factor is {self.loss_factor}; it must be above 0")

    def bar(self, before: float | None) -> float:
        """The IoU that a repainted person must reach, whom the segmenter found with IoU `before` as they were.

        What a weak segmenter misses of a person before repainting says nothing against the painting. The bar never
        falls below LEAST_IOU: a segmenter that does not find the person cannot vouch for the painting.
        """
        if before is None or self.iou_relative is None:
            return self.min_iou
        return min(self.min_iou, max(LEAST_IOU, self.iou_relative * before))


@dataclass(frozen=True)
class ClassLoss:
    """Mean cross-entropy of a segmenter on pictures with true masks, by class, in nats."""

    background: float
    person: float


@dataclass(frozen=True)
class Verdict:
    """reason: accepted, or why not. ignore: bool (H, W), what not to learn from in an accepted picture."""

    iou: float
    reason: str
    ignore: np.ndarray

    @property
    def accepted(self) -> bool:
        return self.reason == ACCEPTED


def judge(
    probability: np.ndarray,
    mask: np.ndarray,
    settings: FilterSettings,
    *,
    where: np.ndarray | None = None,
    usual: ClassLoss | None = None,
    before: float | None = None,
) -> Verdict:
    """What the segmenter's `probability` (H, W) says of a painted `mask` (bool, (H, W)).

    where: bool (H, W), the pixels that count: around one of several persons, the others do not. usual: without it no
    pixel is ignored for its loss. before: IoU of the same mask before repainting (`FilterSettings.bar`).
    Raises ValueError for shapes that differ.
    """
    if probability.shape != mask.shape or mask.dtype != bool:
        raise ValueError(
            f"a probability of {probability.shape} for a mask of {mask.shape} {mask.dtype}"
        )
    ignore = outline_band(mask, settings.band)
    if not np.isfinite(probability).all():
        return Verdict(0.0, NO_NUMBERS, ignore)
    iou = overlap(probability, mask, settings.threshold, where)
    if usual is not None:
        ignore |= is_lossy(probability, mask, usual, settings.loss_factor)
    return Verdict(iou, ACCEPTED if iou >= settings.bar(before) else LOW_IOU, ignore)


def overlap(
    probability: np.ndarray, mask: np.ndarray, threshold: float, where: np.ndarray | None = None
) -> float:
    """IoU of what is found from `threshold` on with the mask, all (H, W), on the pixels `where`; 0 of nothing."""
    counts = np.ones(mask.shape, bool) if where is None else where
    found, wanted = (probability >= threshold) & counts, mask & counts
    union = int((found | wanted).sum())
    return float((found & wanted).sum() / union) if union else 0.0


def outline_band(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels no more than `width` from the outline of a mask (H, W), on either side. The frame is no outline."""
    if not width:
        return np.zeros(mask.shape, bool)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inside = mask.astype(np.uint8)
    grown = cv2.dilate(inside, disc, borderType=cv2.BORDER_REPLICATE)
    shrunk = cv2.erode(inside, disc, borderType=cv2.BORDER_REPLICATE)
    return grown > shrunk


def cross_entropy(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Of every pixel, nats, float32."""
    right = np.where(mask, probability, 1 - probability)
    return -np.log(right.clip(_LEAST, 1)).astype(np.float32)


def is_lossy(
    probability: np.ndarray, mask: np.ndarray, usual: ClassLoss, factor: float
) -> np.ndarray:
    """Where the loss exceeds `factor` times its class's mean on real pictures (FreeMask, section 3.3)."""
    limit = factor * np.where(mask, usual.person, usual.background)
    return cross_entropy(probability, mask) > limit


def measure_class_loss(
    segment: Segment, pairs: Iterable[tuple[np.ndarray, np.ndarray]]
) -> ClassLoss:
    """Mean losses of a segmenter on (picture, mask) with true masks. Raises ValueError when a class is not in them."""
    total, count = np.zeros(2), np.zeros(2)
    for image, mask in pairs:
        loss = cross_entropy(segment(image), mask)
        for kind, where in enumerate((~mask, mask)):
            total[kind] += float(loss[where].sum())
            count[kind] += int(where.sum())
    if not count.all():
        raise ValueError("pictures to measure the usual loss on need both persons and background")
    background, person = total / count
    return ClassLoss(float(background), float(person))
