"""Filters of images (H, W, 3) float32, row 0 on top. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def luminance(linear: Image) -> NDArray[np.float32]:
    """Luminance (H, W) of a linear image (H, W, 3)."""
    return linear @ LUMINANCE


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Separable Gaussian, `sigma` in px, edges repeated."""
    radius = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        image = sum(
            tap * np.take(padded, np.arange(i, i + length), axis=axis) for i, tap in enumerate(taps)
        )
    return image
