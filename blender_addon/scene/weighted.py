"""Draws by weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def pick(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    """Draw one key by weight."""
    names = list(weights)
    p = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=p / p.sum()))]
