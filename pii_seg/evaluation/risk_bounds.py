"""Upper bounds of a risk, the mean of a loss within 0..1, from the losses of some images.

The images are an independent sample; nothing else is assumed. Each bound is of each column of
losses, a column for each threshold or margin that could be chosen, by itself. If the risk is
monotone over the columns, and the column is chosen as the last one up to which all bounds are at
most α, the risk of the chosen column is at most α, although it was chosen by the same images (Bates
et al., Theorem 1; Angelopoulos et al., Theorem 1).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pii_seg.errors import CalibrationError

Confidence = float | Literal["expectation"]

HALVINGS = 30  # of 0..1 in the search for a bound: to 1e-9
BLOCK = 1 << 21  # losses in memory at the same time: 16 MB for each array


def check_confidence(confidence: Confidence) -> None:
    """Raise CalibrationError for an invalid confidence."""
    if confidence != "expectation" and not 0 < confidence < 1:
        raise CalibrationError(
            f"expected a confidence between 0 and 1 or 'expectation', got {confidence}"
        )


def expected_risk_bound(losses: np.ndarray) -> np.ndarray:
    """Compute the bound in expectation: Angelopoulos et al., Theorem 1, for losses up to B = 1.

    A threshold at which the bound is at most α has, on average over draws of the n images, a risk
    of at most α.

    Args:
        losses: (n, K) losses of n images at K thresholds.

    Returns:
        n/(n+1) R̂ + B/(n+1), float64 (K,).
    """
    n = len(losses)
    return (losses.sum(axis=0, dtype=np.float64) + 1) / (n + 1)


def confident_risk_bound(losses: np.ndarray, confidence: float) -> np.ndarray:
    """Compute the bound at a confidence: that of Waudby-Smith and Ramdas, as in Bates et al.

    Bets ν_i that the loss of image i is below R, sized by the images before it, win
    K_i(R) = Π_{j≤i} (1 − ν_j (L_j − R)), and R⁺ = inf {R: max_i K_i(R) > 1/δ}. Bad bets make the
    bound looser, never invalid.

    Args:
        losses: (n, K) losses of n images at K thresholds, in an order that is independent of them.
        confidence: 1 − δ, for each column by itself.

    Returns:
        R⁺, float64 (K,).
    """
    width = max(1, BLOCK // len(losses))
    blocks = [losses[:, start : start + width] for start in range(0, losses.shape[1], width)]
    return np.concatenate(
        [_betting_bound(block.astype(np.float64), 1 - confidence) for block in blocks]
    )


def risk_within(losses: np.ndarray, risk: float, confidence: Confidence) -> np.ndarray:
    """Decide for which columns the bound of `confidence` is at most `risk`.

    The bound itself is not searched for, which makes this thirty times quicker. A column whose
    mean loss is above `risk` is refused, whatever the bets have won.

    Args:
        losses: (n, K) losses of n images, in an order that is independent of them.
        risk: α, 0..1.
        confidence: 1 − δ, for each column by itself, or "expectation".

    Returns:
        bool (K,).
    """
    if confidence == "expectation":
        return expected_risk_bound(losses) <= risk + 1e-12
    width, delta = max(1, BLOCK // len(losses)), 1 - confidence
    blocks = [losses[:, start : start + width] for start in range(0, losses.shape[1], width)]
    wide = [block.astype(np.float64) for block in blocks]
    won = [_has_won(L, _bets(L, delta), risk, delta) for L in wide]
    return np.concatenate(won) & (losses.mean(axis=0, dtype=np.float64) <= risk + 1e-12)


def last_within(losses: np.ndarray, risk: float, confidence: Confidence) -> int:
    """Find the last column up to which the bounds of all columns are at most `risk`.

    Args:
        losses: (n, K), each row rising.
        risk: α, 0..1.
        confidence: See `risk_within`.

    Returns:
        Its index; −1 if there is none.
    """
    within = risk_within(losses, risk, confidence)
    return int(np.argmin(within)) - 1 if not within.all() else len(within) - 1


def _bets(L: np.ndarray, delta: float) -> np.ndarray:
    n = len(L)
    i = np.arange(1, n + 1)[:, None]
    mean = (0.5 + np.cumsum(L, axis=0)) / (1 + i)
    variance = (0.25 + np.cumsum((L - mean) ** 2, axis=0)) / (1 + i)
    before = np.concatenate(
        [np.full_like(L[:1], 0.25), variance[:-1]]
    )  # a bet must not depend on its own loss
    return np.minimum(1, np.sqrt(2 * math.log(1 / delta) / (n * before)))


def _has_won(L: np.ndarray, bet: np.ndarray, R: np.ndarray | float, delta: float) -> np.ndarray:
    return np.cumsum(np.log1p(bet * (R - L)), axis=0).max(axis=0) > math.log(1 / delta)


def _betting_bound(L: np.ndarray, delta: float) -> np.ndarray:
    bet = _bets(L, delta)
    low, high = np.zeros(L.shape[1]), np.ones(L.shape[1])
    for _ in range(HALVINGS):  # K_i rises with R
        R = (low + high) / 2
        won = _has_won(L, bet, R, delta)
        low, high = np.where(won, low, R), np.where(won, R, high)
    return high


def pictures_needed(recall: float, confidence: Confidence) -> int:
    """The fewest images that can promise `recall`: enough if nothing at all is missed."""
    alpha = 1 - recall
    # Without a loss the bounds are 1/(n+1) and, with all bets at their highest, (1 + R⁺)^n = 1/δ.
    if confidence == "expectation":
        return math.ceil(1 / alpha - 1 - 1e-9)
    return math.ceil(math.log(1 / (1 - confidence)) / math.log1p(alpha))
