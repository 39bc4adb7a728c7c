"""What every layout is read into, and how what cannot be read is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BACKGROUND, PERSON, IGNORE = 0, 1, 255


@dataclass(frozen=True)
class Fault:
    """One picture that was left out, and why. `path` is the file at fault."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Sample:
    """One picture and what is known of it.

    name        of the picture within its source, without its ending: "000017", "street/a"
    image       (H, W, 3) uint8, RGB
    target      (H, W) uint8: 0 background, 1 person, 255 ignore (unknown: neither learnt nor scored)
    instances   (H, W) uint16: 0, or the id of the person whose pixel it is; None where persons were never told apart
    visibility  id → 0..1, the share of the person that nothing hides; ids that are not listed: unknown
    """

    name: str
    image: np.ndarray
    target: np.ndarray
    instances: np.ndarray | None = None
    visibility: Mapping[int, float] = field(default_factory=dict)


def complaint(what: str, faults: Sequence[Fault], *, shown: int = 5) -> str:
    """One line: `what`, then the first faults by name and how many more there are."""
    named = "; ".join(map(str, faults[:shown]))
    more = f"; and {len(faults) - shown} more" if len(faults) > shown else ""
    return f"{what}: {named}{more}" if faults else what
