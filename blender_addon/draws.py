"""Draws that numpy's generators do not have: by weight, and even over orders of magnitude."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draw one of the keys by its weight."""
    p = np.array([float(weight) for weight in weights.values()])
    return tuple(weights)[int(rng.choice(len(p), p=p / p.sum()))]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform between those of `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
