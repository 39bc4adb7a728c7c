"""Grain, sharpness and compression of a photo, at the size at which it is shown. Pure numpy."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_BLOCK = 8  # px of the blocks that are taken for flat or not
_FLAT = 0.08  # share of the blocks, the smoothest
_FEWEST = 6  # blocks from which a grain is measured
_BURNT = (0.02, 0.98)  # display values beyond which the grain is cut off
_STRONGEST = 0.08  # standard deviation; more is texture
# Response to curvature in both directions: images have little, noise has much (Immerkær, "Fast
# noise variance estimation", CVIU 1996).
_MASK = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
_SIZES = np.linspace(0.0, 1.6, 33)  # sigmas of grain, px
_BLURS = np.concatenate([np.linspace(0.0, 1.0, 21), np.linspace(1.1, 4.0, 30)])  # sigmas of edges

# Table K.1 of ITU-T T.81, the luminance table that libjpeg scales by its quality.
_LUMINANCE_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_UNSEEN = 1.6  # pixels of the photo to one of the image, from which compression is not seen


@dataclass(frozen=True)
class Grain:
    """Noise of an image.

    Attributes:
        noise: Standard deviation of display values 0..1.
        size: Sigma of the Gaussian that white noise would have to be smoothed by, px.
    """

    noise: float
    size: float


def grain_of(grey: Array, where: NDArray[np.bool_] | None = None) -> Grain:
    """Measure the noise of an image in its flat areas.

    Args:
        grey: (H, W) display values 0..1.
        where: (H, W) the part to measure; all of it when None.
    """
    grey = np.asarray(grey, dtype=np.float64)
    flat = _flat_blocks(grey, where)
    if flat is None:
        return Grain(0.0, 0.0)
    fine, coarse = _curvature(grey, flat, 1), _curvature(grey, flat, 2)
    if fine <= 1e-6:
        return Grain(0.0, 0.0)
    one, two = _responses()
    size = float(np.interp(coarse / fine, two / one, _SIZES))
    noise = fine / float(np.interp(size, _SIZES, one))
    return Grain(min(noise, _STRONGEST), size)


def _flat_blocks(grey: Array, where: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """(rows, columns) of blocks: the smoothest of those that are not burnt; None for too few."""
    means, spread = _blocks(grey)
    usable = (means > _BURNT[0]) & (means < _BURNT[1])
    if where is not None:
        inside, _ = _blocks(where.astype(np.float64))
        usable &= inside > 0.999
    if usable.sum() < _FEWEST:
        return None
    # Smoothness is told by means of quarters of blocks, over which noise averages out.
    limit = np.sort(spread[usable])[max(_FEWEST, int(_FLAT * usable.sum())) - 1]
    return usable & (spread <= limit)


def _blocks(values: Array) -> tuple[Array, Array]:
    """Mean of each block, and standard deviation of the means of its quarters."""
    rows, columns = (n // _BLOCK for n in values.shape)
    half = _BLOCK // 2
    quarters = values[: rows * _BLOCK, : columns * _BLOCK]
    quarters = quarters.reshape(rows, 2, half, columns, 2, half).mean(axis=(2, 5))
    return quarters.mean(axis=(1, 3)), quarters.std(axis=(1, 3))


def _curvature(grey: Array, flat: NDArray[np.bool_], step: int) -> float:
    """Median over flat blocks of the response of `_MASK`, at a resolution reduced by `step`."""
    rows, columns = (n // _BLOCK * _BLOCK for n in grey.shape)
    small = grey[:rows, :columns]
    small = small.reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
    squares = np.zeros_like(small)
    h, w = small.shape
    squares[1:-1, 1:-1] = (
        sum(_MASK[i, j] * small[i : h - 2 + i, j : w - 2 + j] for i in range(3) for j in range(3))
        ** 2
    )
    side = _BLOCK // step
    means = squares.reshape(h // side, side, w // side, side).mean(axis=(1, 3))
    return float(np.sqrt(np.median(means[flat])))


@cache
def _responses() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Response of `_MASK` to Gaussian noise of deviation 1 for each of `_SIZES`, and to that noise
    averaged over 2 × 2 pixels.
    """
    doubled = np.kron(_MASK, np.full((2, 2), 0.25))
    answers = []
    for mask in (_MASK, doubled):
        n = len(mask)
        y, x = np.mgrid[:n, :n].reshape(2, -1)
        apart = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
        weights = mask.ravel()
        # White noise smoothed by a Gaussian is correlated as a Gaussian of twice its variance.
        answers.append(
            [
                np.sqrt(weights @ np.exp(-apart / np.maximum(4 * s * s, 1e-9)) @ weights)
                for s in _SIZES
            ]
        )
    one, two = np.array(answers)
    return one, two


def blur_of(grey: Array, noise: float = 0.0) -> float:
    """Sigma (px) of the Gaussian that blurs the sharpest edges of an image; 0 for edges as sharp as
    pixels allow.

    The ratio of gradients before and after a known blur tells it (Zhuo & Sim, "Defocus map
    estimation from a single image", Pattern Recognition 2011).

    Args:
        grey: (H, W) display values 0..1.
        noise: Its noise, whose own slopes are no edges.
    """
    grey = np.asarray(grey, dtype=np.float64)
    least = max(0.02, 5.0 * noise)
    if min(grey.shape) < 16:
        return 0.0
    (gy, gx), after = np.gradient(grey), _slope(_smoothed(_smoothed(grey, 0), 1))
    slope = np.hypot(gx, gy)
    inner = slope[4:-4, 4:-4]
    across = np.abs(gx) > np.abs(gy)
    rows, columns = np.indices(inner.shape) + 4
    step_y, step_x = (~across[4:-4, 4:-4]).astype(int), across[4:-4, 4:-4].astype(int)
    crest = (inner >= slope[rows - step_y, columns - step_x]) & (
        inner >= slope[rows + step_y, columns + step_x]
    )
    edges = inner[crest & (inner > least)]
    if len(edges) < 16:
        return 0.0
    strong = crest & (inner >= max(float(np.quantile(edges, 0.6)), least))
    ratio = float(np.median(inner[strong] / np.maximum(after[4:-4, 4:-4][strong], 1e-6)))
    known = _ratios()
    return float(np.interp(-ratio, -known, _BLURS))


def _slope(grey: Array) -> Array:
    gy, gx = np.gradient(grey)
    return np.hypot(gx, gy)


_TAPS = np.exp(-0.5 * np.arange(-4, 5) ** 2.0)
_TAPS /= _TAPS.sum()


def _smoothed(values: Array, axis: int) -> Array:
    """Blur along an axis by a Gaussian of sigma 1."""
    pad = [(0, 0)] * values.ndim
    pad[axis] = (4, 4)
    padded, n = np.pad(values, pad, mode="edge"), values.shape[axis]
    return sum(t * np.take(padded, np.arange(i, i + n), axis=axis) for i, t in enumerate(_TAPS))


@cache
def _ratios() -> NDArray[np.float64]:
    """The ratio of gradients at an edge for each of `_BLURS`, which sinks as the blur grows."""
    fine = 20  # samples of a pixel
    x = (np.arange(64 * fine) + 0.5) / fine - 32
    found = []
    for sigma in _BLURS:
        kernel = np.exp(
            -0.5 * ((np.arange(-16 * fine, 16 * fine + 1) / fine) / max(sigma, 1e-3)) ** 2
        )
        edge = np.convolve((x > 0).astype(float), kernel / kernel.sum(), mode="same")
        ratios = []
        for phase in range(0, fine, 4):
            pixels = np.roll(edge, phase).reshape(64, fine).mean(axis=1)[17:47]
            a, b = np.gradient(pixels), np.gradient(_smoothed(pixels, 0))
            ratios.append(a.max() / b[int(a.argmax())])
        found.append(np.mean(ratios))
    return np.minimum.accumulate(np.array(found))


def jpeg_quality(path: Path) -> int:
    """Quality 1..100 of a JPEG by its table for luminance, on the scale of libjpeg; 0 for others.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start.startswith(b"\xff\xd8"):
        return 0
    position = 2
    while position + 4 <= len(start) and start[position] == 0xFF:
        code, (length,) = start[position + 1], struct.unpack_from(">H", start, position + 2)
        if code == 0xDA:
            break
        if code == 0xDB and position + 2 + length <= len(start):
            table = start[position + 4 : position + 2 + length]
            if table[0] & 15 == 0:
                return _quality(table)
        position += 2 + length
    return 0


def _quality(table: bytes) -> int:
    wide = table[0] >> 4
    values = np.frombuffer(table, ">u2" if wide else "u1", 64, 1).astype(np.float64)
    # Both are sorted, so the order of the entries does not matter; they end at 255.
    values, usual = np.sort(values), np.sort(_LUMINANCE_TABLE)
    open_ = (values < 255) | (values[0] >= 255)
    percent = 100.0 * values[open_].sum() / usual[open_].sum()
    quality = 100 - percent / 2 if percent <= 100 else 5000 / percent
    return int(np.clip(round(quality), 1, 100))


def visible_quality(quality: int, scale: float) -> int:
    """The quality at which compression looks the same after a photo was made smaller.

    Args:
        quality: Of the file; 0 for a file without.
        scale: Pixels of the photo to one of the image.

    Returns:
        1..99, or 0 where nothing is seen.
    """
    if quality <= 0 or quality >= 98 or scale >= _UNSEEN:
        return 0
    lost = (100 - quality) * min(1.0, (_UNSEEN - scale) / (_UNSEEN - 1.0))
    return round(100 - lost) if lost >= 2 else 0
