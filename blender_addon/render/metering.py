"""Metering: how bright an image is to become, and what stands behind its people. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .filters import Image, luminance

MID_GREY = 0.18
BRIGHT_GREY = 0.55  # linear; upper limit for the brightest quarter of a metered image
BRIGHT_SKIN = 1.1  # linear; limit for the brightest twentieth of faces and hands
_FEWEST_SKIN = 8  # px


def metered_gain(linear: Image) -> float:
    """The factor of an automatic exposure: the log-average to mid grey (Reinhard et al. 2002, eq.
    1).

    Lamps and windows are left out of the average, and the factor is limited so that a quarter of
    the image stays clear of overexposure.
    """
    y = luminance(linear)
    upper_quarter = float(np.percentile(y, 75))
    # Pixels a stop and a half brighter than most of the image are lights, not things that are lit.
    lit = y[y <= max(3.0 * upper_quarter, 1e-4)]
    average = float(np.exp(np.log(np.maximum(lit, 1e-4)).mean()))
    return min(MID_GREY / average, BRIGHT_GREY / max(upper_quarter, 1e-4), 1e4)


def averaged_gain(linear: Image) -> float:
    """The factor of a simple automatic exposure: the mean to mid grey. Skies and lamps count fully,
    so that people before them become dark.
    """
    mean = float(np.minimum(luminance(linear), 1e4).mean(dtype=np.float64))
    return min(MID_GREY / max(mean, 1e-4), metered_gain(linear))


def spared_gain(skin: NDArray[np.float32], exposure: float) -> float:
    """The factor, at most 1, that keeps faces and hands from burning out.

    Args:
        skin: (N, 3) linear metered pixels of them; few pixels decide nothing.
        exposure: Stops that the sensor adds.
    """
    if len(skin) < _FEWEST_SKIN:
        return 1.0
    brightest = float(np.percentile(skin.max(axis=1), 95)) * 2.0**exposure
    return min(1.0, BRIGHT_SKIN / max(brightest, 1e-6))


def over(people: NDArray[np.float32], backdrop: Image, gain: float) -> Image:
    """People (H, W, 4; linear, premultiplied, shadows only in the alpha) times `gain`, over a
    linear backdrop.
    """
    return (people[..., :3] * gain + backdrop * (1.0 - people[..., 3:4])).astype(np.float32)


def white_of(backdrop: Image) -> float:
    """Likely linear value of a white surface in a photo, to which the people in it are exposed."""
    return float(np.clip(np.percentile(luminance(backdrop), 90), 0.15, 1.0))
