"""Which outputs a person should look at before they are published, the riskiest first.

A segmenter that misses somebody is seldom sure of it: where somebody was left in, it mostly gave them some
probability, below the threshold. And shown the output, it may find who stands out now. Both are counted here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

DOUBT = 0.5
"""From this share of the threshold on, a pixel that was left in is doubtful."""

LEAST = 0.0005
"""Share of a picture below which an area asks nobody to look, 150 px of 640 × 480; it still counts in the order."""

RIM = 0.02
"""Share of the diagonal, beside what was redacted, that counts for nothing: outlines are always in doubt, and the shape
of a person in plain paint is itself taken for one."""


@dataclass(frozen=True)
class Doubts:
    """What speaks against one frame, and by adding up, against one file. Areas are shares of the picture, 0..1.

    highest: probability of any pixel left in. doubtful: area left in at `DOUBT` × threshold or above.
    left: area outside what was redacted that a second look, at the output, takes for a person.
    """

    highest: float = 0.0
    doubtful: float = 0.0
    left: float = 0.0

    def worst(self, other: Doubts) -> Doubts:
        """Of two frames of one file."""
        mine, others = self.plain(), other.plain()
        return Doubts(**{name: max(mine[name], others[name]) for name in mine})

    def plain(self) -> dict[str, float]:
        """As a record holds it."""
        return asdict(self)


def doubts_before(probability: np.ndarray, redacted: np.ndarray, threshold: float) -> Doubts:
    """From the first look: probability float32 (H, W), redacted bool (H, W)."""
    left_in = np.where(_away_from(redacted), probability, np.float32(0))
    return Doubts(
        highest=float(left_in.max(initial=0)), doubtful=float((left_in >= DOUBT * threshold).mean())
    )


def doubts_after(probability: np.ndarray, redacted: np.ndarray, threshold: float) -> Doubts:
    """From the second look, at the output. What it sees within the redacted area is our own paint."""
    return Doubts(left=float(((probability >= threshold) & _away_from(redacted)).mean()))


def _away_from(redacted: np.ndarray) -> np.ndarray:
    """bool (H, W): beyond the rim of what was redacted."""
    if not redacted.any():
        return ~redacted
    distance = cv2.distanceTransform((~redacted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return distance > RIM * math.hypot(*redacted.shape)


def risk(record: Mapping[str, Any]) -> float:
    """0..1 for sorting: 1 when a second look finds somebody left in, else the share of the threshold reached."""
    doubts = record["doubts"]
    if doubts is None:
        return 0.0
    return 1.0 if doubts["left"] >= LEAST else min(0.99, doubts["highest"] / record["threshold"])


def reasons(record: Mapping[str, Any]) -> list[str]:
    """Why somebody should look at this output, in words; empty when nothing speaks against it."""
    doubts, why = record["doubts"] or Doubts().plain(), []
    if doubts["left"] >= LEAST:
        why.append(
            f"a second look takes {doubts['left']:.2%} of the picture, left in, for a person"
        )
    if doubts["doubtful"] >= LEAST:
        why.append(
            f"{doubts['doubtful']:.2%} of the picture was left in at a probability up to {doubts['highest']:.2f}, the "
            f"threshold is {record['threshold']:.2f}"
        )
    return why + list(record.get("notes", ()))
