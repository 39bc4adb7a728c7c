"""The sRGB transfer function and its inverse. Pure numpy."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def to_linear(display: NDArray[np.floating]) -> Image:
    """Inverse of the sRGB transfer function (IEC 61966-2-1), element by element."""
    x = np.asarray(display, dtype=np.float32)
    return np.where(
        x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4
    ).astype(np.float32)


def to_display(linear: NDArray[np.floating]) -> Image:
    """The sRGB transfer function (IEC 61966-2-1), element by element; values below 0 become 0."""
    x = np.maximum(np.asarray(linear, dtype=np.float32), 0.0)
    return np.where(
        x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055
    ).astype(np.float32)


def hsv(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """A colour in linear light, from display HSV as people pick it."""
    rgb = colorsys.hsv_to_rgb(
        float(hue) % 1.0, float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1))
    )
    r, g, b = (float(c) for c in to_linear(np.array(rgb)))
    return (r, g, b)
