"""Calibrated probabilities, and the threshold that reaches a recall.

Both are computed from the histograms of `metrics.Totals` of validation data: no image is kept, and
nothing is predicted twice.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.counting import BIN_LOGITS, THRESHOLDS
from pii_seg.evaluation.metrics import Totals

LOWEST, HIGHEST = 0.05, 20.0  # temperatures tried


def negative_log_likelihood(
    person: np.ndarray, background: np.ndarray, temperature: float
) -> float:
    """Compute the mean over pixels, in nats, from histograms of logits (BINS,)."""
    scaled = BIN_LOGITS / temperature
    # −log σ(z) = log(1 + e^−z), −log(1 − σ(z)) = log(1 + e^z); logaddexp does not overflow.
    loss = (person * np.logaddexp(0, -scaled)).sum() + (background * np.logaddexp(0, scaled)).sum()
    return float(loss / (person.sum() + background.sum()))


def fit_temperature(totals: Totals) -> float:
    """Fit the temperature T of the probabilities σ(logit / T) (Guo et al., ICML 2017, §4.2).

    Args:
        totals: Counts of uncalibrated logits.

    Returns:
        The T with the least negative log-likelihood; T > 1 softens an overconfident network.

    Raises:
        CalibrationError: The counts lack pixels of persons or of background.
    """
    person, background = totals.person, totals.background
    if not person.any() or not background.any():
        raise CalibrationError("expected validation data with pixels of persons and of background")
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
    """Choose the highest threshold that reaches a recall.

    Args:
        totals: Counts of uncalibrated logits.
        wished: Share to find, 0..1.
        of: Unit of the share: pixels of persons, or persons that are found at least by half.

    Returns:
        The threshold on σ(logit).

    Raises:
        CalibrationError: The data hold no persons, or no threshold reaches the recall except the
            one that takes everything for a person.
    """
    if not 0 < wished <= 1:
        raise CalibrationError(f"expected a recall between 0 and 1, got {wished}")
    curves = totals.curves()
    reached = curves.recall if of == "pixels" else 1 - curves.missed
    if np.isnan(reached).all():
        lack = "pixels of persons" if of == "pixels" else "person instances"
        raise CalibrationError(f"the validation data hold no {lack} to choose a threshold by")
    best = int(np.flatnonzero(reached >= wished - 1e-12)[-1])
    if best == 0:
        raise CalibrationError(
            f"no threshold finds {wished:.1%} of the {of} except the one that takes everything for "
            "a person"
        )
    return float(THRESHOLDS[best])


def rescale_threshold(threshold: float, temperature: float) -> float:
    """Convert a threshold on σ(logit) to the one on σ(logit / T) that gives the same mask."""
    return 1 / (1 + math.exp(-math.log(threshold / (1 - threshold)) / temperature))
