"""Draws by weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draw one of the keys by its weight."""
    p = np.array([float(weight) for weight in weights.values()])
    return tuple(weights)[int(rng.choice(len(p), p=p / p.sum()))]
