"""Turns a teacher's probabilities into labels for a student, and measures how reliable they are.

A label has three values: person, background and *ignore*, which does not contribute to the loss.
Ignored are

- pixels on which the teacher is not confident: max(p, 1 − p) is below `least_confidence`;
- a thin band along the border between person and background, confident or not: the teacher's
  outline is no better than its own resolution, and a student would learn its steps;
- components that are too small for a person.

Instances are connected components, so persons that touch are one instance. A detector could
separate them, but training on "person" against background does not need it. Code that counts or
measures persons in pseudo-labels must take it into account.

The *reliability* of an image is that of ST++ (Yang et al., CVPR 2022, section 3.3): the agreement
of earlier checkpoints of the training with the last one, as mean IoU, here of "person". An image
that is segmented correctly early, and stays so, is easy. Where both find no person the IoU is 1.
Two things follow. Images without persons are the most reliable ones, so
`data.reliability.most_reliable` chooses among them and among images with persons separately;
otherwise a student would start with empty streets only. And a teacher that never finds a person is
perfectly reliable, so reliability does not detect a collapse; the gate does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from diffusion_synth.repaint.filtering import outline_band
from pii_seg.errors import ConfigError
from pii_seg.number_checks import check_numbers

LARGEST_JPEG = 65500  # px, a limit of the format
MOST_PERSONS = 65535  # limit of a 16-bit mask


@dataclass(frozen=True)
class PseudoLabelSettings:
    """Rules that turn a teacher's probabilities into labels."""

    threshold: float = 0.5
    """Probability from which a pixel is labelled person; a larger value labels fewer pixels."""
    least_confidence: float = 0.9
    """Ignore pixels whose confidence max(p, 1 − p) is below this value; a larger value ignores
    more, 0.5 none."""
    band: float = 0.003
    """Width of the ignored band on each side of a person's border, as a share of the image's
    diagonal; a larger value ignores more, 0 none."""
    least_person: float = 1e-4
    """Ignore components smaller than this share of the image's area; a larger value ignores
    more."""

    def __post_init__(self) -> None:
        check_numbers(self, "labels", {})
        if not 0 < self.threshold < 1:
            raise ConfigError(
                f"labels.threshold is {self.threshold}; it must be above 0 and below 1"
            )
        if not 0.5 <= self.least_confidence < 1:
            raise ConfigError(
                f"labels.least_confidence is {self.least_confidence}; it must be at least 0.5 and "
                "below 1"
            )
        if not 0 <= self.band <= 0.1:
            raise ConfigError(f"labels.band is {self.band}; it must be within 0..0.1")
        if not 0 <= self.least_person <= 0.1:
            raise ConfigError(
                f"labels.least_person is {self.least_person}; it must be within 0..0.1"
            )


@dataclass(frozen=True)
class PseudoLabel:
    """Label of one image.

    Attributes:
        instances: (H, W), 0 or a person's id; uint8 if that holds them, else uint16.
        ignore: bool (H, W).
        persons: For each id, in order: `id`, `bbox` (x, y, width, height in px) and `area` (px), as
            in the dataset contract.
    """

    instances: np.ndarray
    ignore: np.ndarray
    persons: tuple[dict[str, Any], ...]


def label(probability: np.ndarray, settings: PseudoLabelSettings) -> PseudoLabel:
    """Turn probabilities of "person" into a label.

    Args:
        probability: Float (H, W), 0..1.
        settings: The rules.

    Returns:
        The label; the largest component is person 1.

    Raises:
        FloatingPointError: A probability is not finite.
    """
    if not np.isfinite(probability).all():
        raise FloatingPointError("the teacher's probabilities are not finite numbers")
    person = probability >= settings.threshold
    uncertain = np.maximum(probability, 1 - probability) < settings.least_confidence
    ignore = uncertain | outline_band(person, band_width(person.shape, settings.band))
    count, components, boxes, _ = cv2.connectedComponentsWithStats(
        person.astype(np.uint8), connectivity=8
    )
    areas = boxes[:, cv2.CC_STAT_AREA]
    by_size = 1 + np.argsort(-areas[1:], kind="stable")  # component 0 is the background
    large = by_size[areas[by_size] >= settings.least_person * person.size][:MOST_PERSONS]
    ids = np.zeros(count, np.uint8 if len(large) < 256 else np.uint16)
    ids[large] = np.arange(1, len(large) + 1)
    instances = ids[components]
    ignore |= person & (instances == 0)
    persons = [
        {"id": number, "bbox": boxes[component, :4].tolist(), "area": int(areas[component])}
        for number, component in enumerate(large, start=1)
    ]
    return PseudoLabel(instances, ignore, tuple(persons))


def band_width(shape: tuple[int, ...], share: float) -> int:
    """Width of the ignored band, px to each side: `share` of the image's diagonal, at least 1."""
    return max(1, round(share * math.hypot(*shape))) if share > 0 else 0


def numbers_of(
    probability: np.ndarray, made: PseudoLabel, settings: PseudoLabelSettings
) -> dict[str, float]:
    """Measure one label.

    Returns:
        Shares of the image's pixels, 0..1: `confident` (at least `least_confidence`; the weight of
        an image in DACS, Tranheden et al., WACV 2021), `known` (not ignored) and `person` (from the
        threshold on); and `entropy`, the mean entropy of a pixel in bits, 0..1.
    """
    p = probability.astype(np.float64).clip(1e-12, 1 - 1e-12)
    sure = np.maximum(probability, 1 - probability) >= settings.least_confidence
    return {
        "confident": float(sure.mean()),
        "known": float((~made.ignore).mean()),
        "person": float((probability >= settings.threshold).mean()),
        "entropy": float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()),
    }


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """IoU of two masks, bool (H, W); 1 where both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def reliability(early: Sequence[np.ndarray], last: np.ndarray) -> float | None:
    """Mean IoU of earlier checkpoints' masks, bool (H, W), with the last; None without any."""
    return math.fsum(iou(mask, last) for mask in early) / len(early) if early else None
