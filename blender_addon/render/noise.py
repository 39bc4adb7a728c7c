"""The noise of a sensor as it is left after demosaicing and denoising. Pure numpy."""

from __future__ import annotations

import numpy as np

from .filters import LUMINANCE, Image, along, doubled, gaussian_taps, luminance

# A change of linear light at mid grey changes the display value by this much (sRGB's slope).
_DISPLAY_SLOPE = 1.196
_MID_GREY = 0.18
# White balance amplifies red and blue of a mosaic (typical of daylight).
_GAINS = (1.9, 1.0, 1.6)
# Denoisers smooth shadows most. The variance is at most this many times that of shot noise alone,
# else the steep curve of the shadows would show the noise of reading as black and white specks.
_DARKEST = 2.0
_SHARP = 0.7  # share of the mosaic's own sharpness that demosaicing along edges keeps
_COLOUR = 1.0  # share of the noise of colour that every camera leaves


def white_noise(display: Image, strength: float, rng: np.random.Generator) -> Image:
    """An image with noise that is new in every pixel, `strength` at mid grey, display values."""
    height, width = display.shape[:2]
    # Shot noise grows with the root of the light; the square-root-like transfer curve evens
    # most of it out, so what is left is a little stronger in the shadows.
    sigma = np.float32(strength) * (1.3 - 0.6 * np.clip(luminance(display), 0, 1))[..., None]
    grain = rng.standard_normal((height, width, 4), dtype=np.float32)
    return display + sigma * (0.8 * grain[..., :1] + 0.6 * grain[..., 1:])


def mosaic_noise(
    linear: Image, strength: float, read: float, denoising: float, rng: np.random.Generator
) -> Image:
    """An image with the noise of a Bayer sensor, demosaiced and denoised.

    Light arrives in photons: the variance grows with it, and has a part of its own that reading
    adds (Foi et al. 2008). Each pixel measures one colour; interpolating the other two correlates
    neighbours. Denoising smooths luma a little and chroma over several pixels.

    Args:
        linear: (H, W, 3), exposed and balanced.
        strength: Standard deviation of the luma that is left at mid grey, display values 0..1.
        read: Share of the variance at mid grey that does not depend on the light.
        denoising: 0 none, 1 as strong as a phone's at night.
        rng: Generator of the noise.
    """
    mosaic = _mosaic(linear, read, rng)
    luma, tints = _luma(mosaic, denoising), _tints(mosaic, denoising)
    # `strength` is that of the luma: both are scaled by what is left of it.
    scale = np.float32(strength / _DISPLAY_SLOPE / _left_at_mid_grey(read, denoising))
    luma *= scale
    tints *= scale
    out = linear + luma[..., None]
    out[..., 0] += tints[..., 0]
    out[..., 2] += tints[..., 1]
    # Luma stays as it is: green gives what red and blue take.
    out[..., 1] -= (LUMINANCE[0] * tints[..., 0] + LUMINANCE[2] * tints[..., 1]) / LUMINANCE[1]
    return out


def _luma(mosaic: Image, denoising: float) -> Image:
    """Luma (H, W) of a mosaic's noise after demosaicing and denoising."""
    luma = np.float32(_SHARP) * mosaic + np.float32(1 - _SHARP) * _bilinear_luma(mosaic)
    if denoising > 0:
        taps = gaussian_taps(0.35 + 0.4 * denoising)
        luma = along(along(luma, taps, 0), taps, 1)
    return luma


def _tints(mosaic: Image, denoising: float) -> Image:
    """Red and blue less luma (H, W, 2) of a mosaic's noise, smoothed and interpolated at half the
    size, as denoisers do it.
    """
    height, width = mosaic.shape
    even = np.pad(mosaic, ((0, height % 2), (0, width % 2)), mode="edge")
    red, blue = even[::2, ::2], even[1::2, 1::2]
    green = (even[::2, 1::2] + even[1::2, ::2]) * np.float32(0.5)
    mean = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    tints = np.stack([red - mean, blue - mean], axis=-1)
    taps = gaussian_taps(0.3 + 1.2 * denoising)
    tints = along(along(tints, taps, 0), taps, 1)
    tints *= np.float32(_COLOUR * (1.0 - 0.3 * denoising))
    return doubled(tints, height, width)


def _bilinear_luma(mosaic: Image) -> Image:
    """Luma (H, W) of the three colours that bilinear interpolation makes of a mosaic."""
    others, green = np.zeros_like(mosaic), mosaic.copy()
    for (row, column), channel in _SITES:
        if channel != 1:
            part = (slice(row, None, 2), slice(column, None, 2))
            others[part] = mosaic[part] * LUMINANCE[channel]
            green[part] = 0.0
    padded = np.pad(green, 1, mode="reflect")
    near = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    near *= np.float32(0.25)
    near += green
    near *= LUMINANCE[1]
    return near + _roof(_roof(others, 0), 1)


def _left_at_mid_grey(read: float, denoising: float) -> float:
    """Standard deviation of the luma of mid grey when green's sites have deviation 1: the sum of
    squares of what one pixel of each kind spreads to.
    """
    impulses = np.zeros((64, 64), np.float32)
    for number, ((row, column), channel) in enumerate(_SITES):
        gain = _GAINS[channel]  # far enough from each other not to meet
        at = (16 + 32 * (number // 2) + row, 16 + 32 * (number % 2) + column)
        impulses[at] = np.sqrt((1 - read) * gain + read * gain * gain)
    spread = _luma(impulses, denoising)
    return float(np.sqrt((spread**2).sum() / len(_SITES)))


def _mosaic(linear: Image, read: float, rng: np.random.Generator) -> Image:
    """Noise of each pixel's own colour (H, W), deviation 1 for green at mid grey."""
    height, width = linear.shape[:2]
    noise = rng.standard_normal((height, width), dtype=np.float32)
    for (row, column), channel in _SITES:
        part = (slice(row, None, 2), slice(column, None, 2))
        light = np.maximum(linear[(*part, channel)] * np.float32(1 / _MID_GREY), 0.0)
        variance = np.float32((1 - read) * _GAINS[channel]) * light
        variance += np.float32(read * _GAINS[channel] ** 2)
        light *= np.float32(_DARKEST * _GAINS[channel])
        noise[part] *= np.sqrt(np.minimum(variance, light))
    return noise


_SITES = (((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 2))  # (row, column) of 2 × 2 → channel


def _roof(plane: Image, axis: int) -> Image:
    """Correlate an axis with ½ 1 ½, reflected at the edges, which keeps the mosaic's pattern."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (1, 1)
    rows = np.moveaxis(np.pad(plane, pad, mode="reflect"), axis, 0)
    return np.moveaxis(rows[1:-1] + np.float32(0.5) * (rows[:-2] + rows[2:]), 0, axis)
