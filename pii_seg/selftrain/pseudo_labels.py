"""From a teacher's probability to a label that a student learns from, and how far it is to be trusted.

A label has three values: person, background and *ignore*, which nothing is learnt from. Ignored are

- pixels of which the teacher is not sure: its confidence max(p, 1 − p) is below `least_confidence`;
- a thin band along the border between person and background, sure or not: there the teacher's outline is no better than
  its own resolution, and a student that follows it to the pixel learns its steps;
- specks, too small for a person.

Persons are told apart by connected components alone: two who touch are one instance. Nothing better is known without a
detector, and a student of "person or not" does not mind; whoever counts or measures persons in pseudo-labels must.

*Reliability* of a picture is that of ST++ (Yang et al., CVPR 2022, section 3.3): how well what earlier checkpoints of
the training said agrees with the last, as mean IoU, here of "person". A picture that was understood early and stayed so
is easy. Where both find nobody the IoU is 1: they agree. Two things follow. Pictures without persons come out as the
most reliable, so `most_reliable` chooses among them and among those with persons apart, or a student would begin with
empty streets alone. And a teacher that finds nobody anywhere is perfectly reliable, so reliability is no guard against
collapse: `gate` is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from diffusion_synth.repaint.filtering import outline_band

MOST_PERSONS = 65535  # ids of a 16-bit mask
NUMBERS = "pseudo"  # what a line of the index calls them


@dataclass(frozen=True)
class PseudoLabelSettings:
    """What of a probability becomes a label."""

    threshold: float = 0.5
    """Probability from which on a pixel is person."""
    least_confidence: float = 0.9
    """max(p, 1 − p) below which a pixel is ignored; .5: none is."""
    band: float = 0.003
    """Pixels this far from the border of a person are ignored, to either side; as a share of the picture's diagonal."""
    least_person: float = 1e-4
    """Smaller components are ignored; as a share of the picture's area."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold}; it must lie between 0 and 1")
        if not 0.5 <= self.least_confidence < 1:
            raise ValueError(
                f"least_confidence is {self.least_confidence}; it must be within .5..1, and not 1"
            )
        if not 0 <= self.band <= 0.1:
            raise ValueError(f"band is {self.band}; it must be within 0...1 of the diagonal")
        if not 0 <= self.least_person <= 0.1:
            raise ValueError(
                f"least_person is {self.least_person}; it must be within 0...1 of the picture"
            )


@dataclass(frozen=True)
class PseudoLabel:
    """instances: (H, W), 0 or a person's id, uint8 as long as that holds them, else uint16. ignore: bool (H, W).

    persons: of each id, in order, `id`, `bbox` (x, y, width, height in px) and `area` (px), as the contract has them.
    """

    instances: np.ndarray
    ignore: np.ndarray
    persons: tuple[dict[str, Any], ...]


def label(probability: np.ndarray, settings: PseudoLabelSettings) -> PseudoLabel:
    """What is learnt from `probability`, float (H, W) in 0..1. The largest component is person 1.

    Raises FloatingPointError when it holds what is no number.
    """
    if not np.isfinite(probability).all():
        raise FloatingPointError("the teacher's probabilities are not finite numbers")
    person = probability >= settings.threshold
    unsure = np.maximum(probability, 1 - probability) < settings.least_confidence
    ignore = unsure | outline_band(person, band_width(person.shape, settings.band))
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
    """Of the ignored band, in px to either side: `share` of the diagonal of a picture (H, W), and 1 at least."""
    return max(1, round(share * math.hypot(*shape))) if share > 0 else 0


def numbers_of(
    probability: np.ndarray, made: PseudoLabel, settings: PseudoLabelSettings
) -> dict[str, float]:
    """Shares of the picture's pixels, 0..1, and the mean entropy of a pixel, in bits, 0..1.

    confident: at least `least_confidence` sure (the weight of a picture in DACS, Tranheden et al., WACV 2021).
    known: not ignored. person: from the threshold on.
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
    """Of two masks, bool (H, W); 1 where both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def reliability(early: Sequence[np.ndarray], last: np.ndarray) -> float | None:
    """Mean IoU of the masks, bool (H, W), of earlier checkpoints with that of the last; None without any."""
    return math.fsum(iou(mask, last) for mask in early) / len(early) if early else None


def most_reliable(lines: Iterable[Mapping[str, Any]], share: float) -> list[int]:
    """The indices, rising, of the most reliable `share` of the pictures with persons, and of those without.

    `lines`: of the index. Of each kind at least one; among equals the first. Raises ValueError for lines that say
    nothing of reliability, and for a share outside 0..1.
    """
    if not 0 < share <= 1:
        raise ValueError(
            f"the share of reliable pictures is {share}; it must be above 0 and at most 1"
        )
    kinds: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for line in lines:
        value = line[NUMBERS]["reliability"]
        if value is None:
            raise ValueError(
                "the labels say nothing of reliability; label with earlier checkpoints too"
            )
        kinds[bool(line["persons"])].append((-value, line["index"]))
    return sorted(
        index
        for ranked in kinds.values()
        for _, index in sorted(ranked)[: math.ceil(share * len(ranked))]
    )
