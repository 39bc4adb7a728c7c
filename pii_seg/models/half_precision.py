"""Weights that half precision holds, so that their file needs half the space and loses nothing.

Convolutions only: biases and the statistics of norms, of one dimension, are few, and small
variances would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def rounded_to_half(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round weights to values that half precision holds; they stay float32.

    Raises:
        FloatingPointError: A weight is too large for half precision.
    """
    rounded = {
        name: value.half().float() if _is_wide(value) else value for name, value in weights.items()
    }
    for name, value in rounded.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise FloatingPointError(f"weight {name} is too large for half precision")
    return rounded


def in_half(value: Tensor) -> Tensor:
    """Return a weight in half precision if that loses nothing, otherwise as it is."""
    if not _is_wide(value):
        return value
    half = value.half()
    return half if torch.equal(half.float(), value) else value


def _is_wide(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim > 1
