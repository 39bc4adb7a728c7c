"""A part of one image at the size of another. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Crop = tuple[float, float, float, float]  # x, y, width, height, each 0..1 of the image


def fill_frame(
    image: NDArray[np.float32], crop: Crop, width: int, height: int
) -> NDArray[np.float32]:
    """The largest piece of a crop with the proportions of a frame, at the size of that frame.

    Averages blocks of whole pixels first, then interpolates, so that a large photo does not alias.

    Args:
        image: (H, W, C) float32.
        crop: (x, y, width, height), each 0..1 of the image.
        width, height: Size of the frame, px.

    Returns:
        (height, width, C).
    """
    H, W = image.shape[:2]
    x, y, w, h = crop[0] * W, crop[1] * H, crop[2] * W, crop[3] * H
    scale = min(w / width, h / height)  # pixels of the image to one of the frame
    x, y = x + (w - scale * width) / 2, y + (h - scale * height) / 2
    block = max(1, int(scale))
    if block > 1:
        rows, columns = H // block * block, W // block * block
        blocks = image[:rows, :columns].reshape(rows // block, block, columns // block, block, -1)
        image = blocks.mean(axis=(1, 3), dtype=np.float32)
        x, y, scale = x / block, y / block, scale / block
    row, column = (
        start + (np.arange(n) + 0.5) * scale - 0.5 for start, n in ((y, height), (x, width))
    )
    return interpolate(interpolate(image, row, 0), column, 1)


def resized(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """An image (H, W, …) at another size by linear interpolation, both with the same edges."""
    for axis, n in ((0, height), (1, width)):
        scale = image.shape[axis] / n
        image = interpolate(image, (np.arange(n) + 0.5) * scale - 0.5, axis)
    return image


def interpolate(
    image: NDArray[np.float32], at: NDArray[np.float64], axis: int
) -> NDArray[np.float32]:
    """Values of an image at these positions of one axis, linearly; outside, those of its edge."""
    last = image.shape[axis] - 1
    at = np.clip(at, 0, last)
    below = np.minimum(at.astype(int), max(0, last - 1))
    shape = [1] * image.ndim
    shape[axis] = -1
    share = (at - below).astype(np.float32).reshape(shape)
    above = np.minimum(below + 1, last)
    return np.take(image, below, axis=axis) * (1 - share) + np.take(image, above, axis=axis) * share
