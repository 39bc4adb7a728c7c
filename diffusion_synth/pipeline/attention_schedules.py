"""Schedules of self-attention: how strictly it stays within a region as sampling proceeds.

Source: Park et al., WACV 2024, section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from diffusion_synth.errors import ConfigError

# Progress of sampling, 0..1, to strictness, 0..1. "linear" takes tensors as well: training has a
# progress for each image of a batch.
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "hard": lambda progress: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "exponential": lambda progress: 0.95 ** (50 * progress),
    "cosine": lambda progress: math.cos(math.pi / 2 * progress),
    "none": lambda progress: 0.0,
}


def cross_region_weight_at(schedule: str, step: int, steps: int) -> float:
    """Return the weight of keys in other regions at `step` of 0..steps-1.

    Args:
        schedule: A key of SCHEDULES.
        step: The step of sampling.
        steps: The number of steps.

    Returns:
        0 where regions ignore each other, 1 where attention is not masked.

    Raises:
        ConfigError: There is no such schedule.
    """
    if schedule not in SCHEDULES:
        raise ConfigError(f"self_attention must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    return float(1.0 - SCHEDULES[schedule](step / max(1, steps)))
