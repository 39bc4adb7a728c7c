"""Helpers that draw small images which repeat without a seam. Pure numpy, the same at every run.

A tile is (SIZE, SIZE), row 0 at the bottom, as Blender keeps images; `U` grows to the right and `V`
upwards, 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = np.ndarray  # of numbers or, as shares of 0 and 1, of truth values

SIZE = 256

_steps = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
U, V = np.meshgrid(_steps, _steps)
_FX, _FY = np.meshgrid(np.fft.rfftfreq(SIZE, 1 / SIZE), np.fft.fftfreq(SIZE, 1 / SIZE))


def noise(seed: int, across: float, up: float | None = None) -> Array:
    """Smooth noise with mean 0 and standard deviation 1.

    Args:
        seed: Another number gives another noise.
        across, up: About how many blobs lie side by side in a tile; `up` is `across` by default.
    """
    up = across if up is None else up
    white = np.random.default_rng(seed).standard_normal((SIZE, SIZE), dtype=np.float32)
    low_pass = np.exp(-0.5 * ((_FX / across) ** 2 + (_FY / up) ** 2))
    smooth = np.fft.irfft2(np.fft.rfft2(white) * low_pass, (SIZE, SIZE))
    smooth -= smooth.mean()
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


class Window:
    """A square part of a tile around a point, which is drawn on in place of all of it.

    Attributes:
        at: Index of the part in a tile, across the edges.
        x, y: Distances from the point.
    """

    def __init__(self, x: float, y: float, radius: float) -> None:
        reach = min(int(np.ceil(radius * SIZE)) + 1, SIZE // 2 - 1)
        column, row = int(x * SIZE), int(y * SIZE)
        steps = np.arange(-reach, reach + 1)
        self.at = np.ix_((row + steps) % SIZE, (column + steps) % SIZE)
        self.x, self.y = np.meshgrid(
            ((column + steps + 0.5) / SIZE - x).astype(np.float32),
            ((row + steps + 0.5) / SIZE - y).astype(np.float32),
        )


def cells(seed: int, across: int) -> tuple[Array, Array, NDArray[np.intp]]:
    """Distances to the nearest and to the second nearest of `across`² points, one somewhere in
    each square of a grid, and the number of the nearest.
    """
    jitter = np.random.default_rng(seed).random((2, across, across), dtype=np.float32)
    column, row = (U * across).astype(np.intp), (V * across).astype(np.intp)
    first = np.full((SIZE, SIZE), 9.0, np.float32)
    second, index = first.copy(), np.zeros((SIZE, SIZE), np.intp)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            i, j = (row + down) % across, (column + right) % across
            x = (column + right + jitter[0][i, j]) / np.float32(across) - U
            y = (row + down + jitter[1][i, j]) / np.float32(across) - V
            d = np.hypot(x, y)
            second = np.minimum(second, np.maximum(first, d))
            np.copyto(index, i * across + j, where=d < first)
            np.minimum(first, d, out=first)
    return first, second, index


def scattered(seed: int, count: int) -> NDArray[np.float64]:
    """(count, 2) points that keep apart: each is the best of several tries."""
    rng = np.random.default_rng(seed)
    points = np.empty((count, 2))
    points[0] = rng.random(2)
    for k, tries in enumerate(rng.random((count - 1, 6, 2)), start=1):
        gap = np.abs(tries[:, None] - points[None, :k])
        gap = np.minimum(gap, 1 - gap)
        points[k] = tries[(gap * gap).sum(axis=-1).min(axis=1).argmax()]
    return points


def wave(phase: Array | float) -> Array:
    """A cosine between 0 and 1; one period for each unit of `phase`."""
    return np.asarray(0.5 + 0.5 * np.cos(2 * np.pi * phase), dtype=np.float32)


def ramp(x: Array, low: Array | float, high: Array | float) -> Array:
    """0 at `low`, 1 at `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def pack(
    second: Array | float = 0.0,
    third: Array | float = 0.0,
    shade: Array | float = 0.5,
    height: Array | float = 0.5,
) -> Array:
    """Put the four channels of a tile together, (SIZE, SIZE, 4), 0..1.

    Args:
        second, third: Shares of the second and of the third colour over the first.
        shade: Half of the factor on the colour; 0.5 leaves it as it is.
        height: Height over the cloth.
    """
    channels = np.broadcast_arrays(second, third, shade, height, np.zeros((SIZE, SIZE)))[:4]
    return np.clip(np.stack(channels, axis=-1), 0.0, 1.0).astype(np.float32)


def strokes(segments: Sequence[tuple[float, float, float, float]], width: float) -> Array:
    """1 within `width` of one of the segments (x0, y0, x1, y1), 0 a little further on."""
    best = np.full((SIZE, SIZE), 9.0, np.float32)
    for x0, y0, x1, y1 in segments:
        dx, dy = (x1 - x0) / 2, (y1 - y0) / 2
        half = np.hypot(dx, dy)
        part = Window(x0 + dx, y0 + dy, half + 1.2 * width)
        t = np.clip((part.x * dx + part.y * dy) / max(half * half, 1e-9), -1.0, 1.0)
        distance = np.hypot(part.x - t * dx, part.y - t * dy)
        best[part.at] = np.minimum(best[part.at], distance)
    return 1.0 - ramp(best, width * 0.9, width * 1.15)
