"""How strictly self-attention stays within its region as sampling goes on (Park et al., WACV 2024, section 4.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

# "linear" takes tensors as well: training has a progress for each image of a batch.
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "hard": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "exponential": lambda progress: 0.95 ** (50 * progress),
    "cosine": lambda progress: math.cos(math.pi / 2 * progress),
    "none": lambda progress: 0.0,
}


def foreign_weight(schedule: str, step: int, steps: int) -> float:
    """Weight of keys in other regions at `step` of 0..steps-1: 0 is strict, 1 no mask. Raises ValueError."""
    if schedule not in SCHEDULES:
        raise ValueError(
            f"self_attention is {schedule!r}; it must be one of {', '.join(SCHEDULES)}"
        )
    return float(1.0 - SCHEDULES[schedule](step / max(1, steps)))
