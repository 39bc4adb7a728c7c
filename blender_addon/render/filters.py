"""Filters of images (H, W, …) float32, row 0 on top. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def luminance(linear: Image) -> NDArray[np.float32]:
    """Luminance (H, W) of a linear image (H, W, 3)."""
    return linear @ LUMINANCE


def gaussian_taps(sigma: float) -> NDArray[np.float32]:
    """The weights of a Gaussian over three sigma (px) on either side."""
    radius = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return (taps / taps.sum()).astype(np.float32)


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Separable Gaussian, `sigma` in px, edges repeated."""
    taps = gaussian_taps(sigma)
    return along(along(image, taps, 0), taps, 1)


def along(image: Image, taps: NDArray[np.float32], axis: int) -> Image:
    """Correlate one axis of an image with an odd number of taps, edges repeated."""
    radius, length = len(taps) // 2, image.shape[axis]
    pad = [(0, 0)] * image.ndim
    pad[axis] = (radius, radius)
    # Each step reads one run of memory, and no number depends on how work is split.
    padded = np.moveaxis(np.pad(image, pad, mode="edge"), axis, 0)
    out = padded[:length] * taps[0]
    term = np.empty_like(out)
    for i, tap in enumerate(taps[1:], 1):
        out += np.multiply(padded[i : i + length], tap, out=term)
    return np.moveaxis(out, 0, axis)


def halved(image: Image) -> Image:
    """The means of 2 × 2 pixels; an odd last row or column is repeated."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        pad = [(0, height % 2), (0, width % 2), *[(0, 0)] * (image.ndim - 2)]
        image = np.pad(image, pad, mode="edge")
    rows = image[::2] + image[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def doubled(image: Image, height: int, width: int) -> Image:
    """An image of twice the size by linear interpolation, cut to (height, width); it undoes the
    shape of `halved`.
    """
    for axis in (0, 1):
        rows = np.moveaxis(image, axis, 0)
        padded = np.concatenate([rows[:1], rows, rows[-1:]])
        near = rows * np.float32(0.75)
        out = np.empty((2 * len(rows), *rows.shape[1:]), dtype=np.float32)
        np.add(near, padded[:-2] * np.float32(0.25), out=out[::2])
        np.add(near, padded[2:] * np.float32(0.25), out=out[1::2])
        image = np.moveaxis(out, 0, axis)
    return image[:height, :width]
