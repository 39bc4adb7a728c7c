"""Which outputs a person should check before publication, most likely faults first.

A segmenter that misses a person is seldom certain about it: mostly the person got some probability
below the threshold. And a second pass over the output may find a person that the first pass missed.
Both signals are measured here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

DOUBT = 0.5
"""A pixel that was not redacted is doubtful from this fraction of the threshold on."""

LEAST = 0.0005
"""Smallest area, as a fraction of the image, that asks for a check: 150 px of 640 × 480.

Smaller areas still count in the order of the list.
"""

RIM = 0.02
"""Width of the rim around the redacted area that is not measured, as a fraction of the diagonal.

Outlines are always uncertain, and a person's shape in one colour is itself taken for a person.
"""


@dataclass(frozen=True)
class ReviewSignals:
    """Evidence that a frame, or the worst frames of a file, still show a person.

    Areas are fractions 0..1 of the image. The names are keys of audit.json.

    Attributes:
        highest: Highest probability of a pixel that was not redacted.
        doubtful: Area that was not redacted, at a probability of `DOUBT` × threshold or above.
        left: Area outside the redaction that a second pass, over the output, finds.
    """

    highest: float = 0.0
    doubtful: float = 0.0
    left: float = 0.0

    def worst(self, other: ReviewSignals) -> ReviewSignals:
        """Combine two frames of one file: the maximum of each signal."""
        mine, others = self.as_record(), other.as_record()
        return ReviewSignals(**{name: max(mine[name], others[name]) for name in mine})

    def as_record(self) -> dict[str, float]:
        """Return the values as audit.json holds them."""
        return asdict(self)


def first_pass_signals(
    probability: np.ndarray, away: np.ndarray, threshold: float
) -> ReviewSignals:
    """Measure what the first pass did not redact.

    Args:
        probability: float32 (H, W), of the input.
        away: bool (H, W), see `away_from`.
        threshold: Probability from which on a pixel was redacted.
    """
    remaining = np.where(away, probability, np.float32(0))
    return ReviewSignals(
        highest=float(remaining.max(initial=0)),
        doubtful=float((remaining >= DOUBT * threshold).mean()),
    )


def second_pass_signals(
    probability: np.ndarray, away: np.ndarray, threshold: float
) -> ReviewSignals:
    """Measure what a second pass finds in the output, outside the redacted area.

    Args:
        probability: float32 (H, W), of the output.
        away: bool (H, W), see `away_from`. Finds elsewhere are our own redaction and do not count.
        threshold: Probability from which on a pixel is person.
    """
    found = (probability >= threshold) & away
    return ReviewSignals(left=float(found.mean()))


def away_from(redacted: np.ndarray) -> np.ndarray:
    """Return the pixels beyond the rim of the redacted area, bool (H, W), which are measured."""
    if not redacted.any():
        return ~redacted
    distance = cv2.distanceTransform((~redacted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return distance > RIM * math.hypot(*redacted.shape)


def risk(record: Mapping[str, Any]) -> float:
    """Return 0..1 for sorting records.

    1 if the second pass found a person, else the highest remaining probability as a fraction of the
    threshold.
    """
    signals = record["doubts"]
    if signals is None:
        return 0.0
    return 1.0 if signals["left"] >= LEAST else min(0.99, signals["highest"] / record["threshold"])


def still_shows_person(record: Mapping[str, Any]) -> bool:
    """Return whether a second pass over the output finds a person: what --verify asks."""
    return record["doubts"] is not None and record["doubts"]["left"] >= LEAST


def reasons(record: Mapping[str, Any]) -> list[str]:
    """Say in words why a person should check this output; empty if there is no reason."""
    signals, sentences = record["doubts"] or ReviewSignals().as_record(), []
    if still_shows_person(record):
        sentences.append(
            f"a second pass over the output finds a person on {signals['left']:.2%} of the image"
        )
    if signals["doubtful"] >= LEAST:
        sentences.append(
            f"{signals['doubtful']:.2%} of the image was not redacted at a probability up to "
            f"{signals['highest']:.2f}; the threshold is {record['threshold']:.2f}"
        )
    if heads := record.get("heads", 0):
        sentences.append(
            f"{heads} bodies were found without their heads, which were redacted where they must be"
        )
    sentences += [
        f"the detector {name} finds {count['missed']} places that the segmenter missed"
        for name, count in record.get("also", {}).items()
        if count["missed"] and record["threshold"] is not None
    ]
    return sentences + list(record.get("notes", ()))
