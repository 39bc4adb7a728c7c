"""Honest probabilities, and the threshold that finds as much as is wished.

Both work on the histograms of `metrics.Totals`, gathered on validation data: nothing is kept of the pictures, and
nothing is run again.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.metrics import BIN_LOGITS, THRESHOLDS, Totals

LOWEST, HIGHEST = 0.05, 20.0  # temperatures tried


def negative_log_likelihood(
    person: np.ndarray, background: np.ndarray, temperature: float
) -> float:
    """Mean over pixels, in nats, from histograms of logits (BINS,)."""
    scaled = BIN_LOGITS / temperature
    # −log σ(z) = log(1 + e^−z), −log(1 − σ(z)) = log(1 + e^z); logaddexp does not overflow.
    loss = (person * np.logaddexp(0, -scaled)).sum() + (background * np.logaddexp(0, scaled)).sum()
    return float(loss / (person.sum() + background.sum()))


def fit_temperature(totals: Totals) -> float:
    """The T whose probabilities σ(logit / T) have the least negative log-likelihood (Guo et al., ICML 2017, §4.2).

    T > 1 softens a network that is too sure of itself. Raises CalibrationError without pixels of both kinds.
    """
    person, background = totals.person, totals.background
    if not person.any() or not background.any():
        raise CalibrationError("the validation data must hold pixels of persons and of background")
    # Convex in 1/T, so there is one minimum: golden-section search in log T, to .01 %.
    low, high = math.log(LOWEST), math.log(HIGHEST)
    shrink = (math.sqrt(5) - 1) / 2
    while high - low > 1e-4:
        left, right = high - shrink * (high - low), low + shrink * (high - low)
        if negative_log_likelihood(person, background, math.exp(left)) < negative_log_likelihood(
            person, background, math.exp(right)
        ):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def choose_threshold(
    totals: Totals, wished: float, *, of: Literal["pixels", "persons"] = "pixels"
) -> float:
    """The highest threshold that finds the share `wished` (0..1) of person pixels, or of persons (half covered).

    Raises CalibrationError when there are no persons to choose by, or only "everything is a person" would do.
    """
    if not 0 < wished <= 1:
        raise CalibrationError(f"the wished-for recall must lie between 0 and 1, not at {wished}")
    curves = totals.curves()
    reached = curves.recall if of == "pixels" else 1 - curves.missed
    if np.isnan(reached).all():
        lack = "pixels of persons" if of == "pixels" else "person instances"
        raise CalibrationError(f"the validation data hold no {lack} to choose a threshold by")
    best = int(np.flatnonzero(reached >= wished - 1e-12)[-1])
    if best == 0:
        raise CalibrationError(
            f"no threshold finds {wished:.1%} of the {of} but the one that takes all for a person"
        )
    return float(THRESHOLDS[best])


def rescale_threshold(threshold: float, temperature: float) -> float:
    """The threshold for σ(logit / T) that draws the same mask as `threshold` does for σ(logit)."""
    return 1 / (1 + math.exp(-math.log(threshold / (1 - threshold)) / temperature))
