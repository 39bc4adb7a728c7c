"""The sample that every layout is read into, and the fault that names an unusable image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pii_seg.data.target_values import BACKGROUND, HEAD, IGNORE, PERSON

__all__ = ["BACKGROUND", "HEAD", "IGNORE", "PERSON", "Fault", "Sample", "complaint"]


@dataclass(frozen=True)
class Fault:
    """One image that was left out, and why; `path` is the file at fault."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Sample:
    """One image and its labels.

    Attributes:
        name: Name of the image within its source, without its ending: "000017", "street/a".
        image: uint8 (H, W, 3), RGB.
        target: uint8 (H, W): 0 background, 1 person, 255 ignore (neither trained on nor scored);
            with `pixel_weights.HeadsMarked`, 2 where a person's head is.
        instances: uint16 (H, W): 0, or the id of the person; None where persons are not told apart.
        visibility: Visible share of each person, 0..1, by id; missing ids are unknown.
    """

    name: str
    image: np.ndarray
    target: np.ndarray
    instances: np.ndarray | None = None
    visibility: Mapping[int, float] = field(default_factory=dict)


def complaint(what: str, faults: Sequence[Fault], *, shown: int = 5) -> str:
    """Format one line: `what`, then the first faults by name and the number of further ones."""
    named = "; ".join(map(str, faults[:shown]))
    more = f"; and {len(faults) - shown} more" if len(faults) > shown else ""
    return f"{what}: {named}{more}" if faults else what
