"""Contrast as the processor of a camera changes it: tone curve, texture, sharpening. Pure numpy."""

from __future__ import annotations

import numpy as np

from ..scene.colour import to_display
from .filters import Image, gaussian_blur, luminance
from .metering import MID_GREY

_SHOULDER = 0.35  # linear value above which film rolls off; it is white at _TABLE_TOP["film"]
_TABLE_SIZE = 4096
# Linear values above this become white.
_TABLE_TOP = {"short": 4.0, "film": 8.0}
_FAINT = 0.06  # contrast of texture to its neighbourhood
_SHARPENED = 0.9  # px; sigma of the blur that the image is compared with
_LARGEST_HALO = 0.15  # display values


def tone(linear: Image, contrast: float, curve: str) -> Image:
    """Linear to display by a curve of the sensor, then contrast about mid grey.

    One table look-up: the curve is the same for every pixel and a power function is not cheap.
    """
    top = _TABLE_TOP[curve]
    x = np.linspace(0.0, 1.0, _TABLE_SIZE, dtype=np.float32) ** 2 * top
    display = _CURVES[curve](x)
    middle = float(to_display(np.array(MID_GREY)))
    table = middle + (display - middle) * contrast
    # Square root spacing puts the table's entries where the eye needs them: in the shadows.
    position = np.sqrt(np.clip(linear, 0.0, top) / top) * (_TABLE_SIZE - 1)
    return table.astype(np.float32)[(position + 0.5).astype(np.int32)]


def textured(linear: Image, left: float) -> Image:
    """A linear image with `left` (0..1) of its faint texture, as a denoiser that takes it for noise
    leaves it. Contrasts well above _FAINT stay as they are.
    """
    y = np.maximum(luminance(linear), np.float32(1e-3))
    smooth = gaussian_blur(y, 1.0)
    detail = (y - smooth) / smooth
    taken = (1.0 - left) * detail * np.exp(-((detail / np.float32(_FAINT)) ** 2))
    return linear * (np.float32(1.0) - taken * smooth / y)[..., None].astype(np.float32)


def sharpened(display: Image, amount: float) -> Image:
    """Unsharp masking of the luma by `amount`: edges get halos, dark and bright.

    Halos are limited, as cameras limit them.
    """
    y = luminance(display)
    detail = (y - gaussian_blur(y, _SHARPENED)) * np.float32(amount)
    limit = np.float32(_LARGEST_HALO)
    return display + (limit * np.tanh(detail / limit))[..., None]


def _short(x: Image) -> Image:
    """sRGB whose highlights roll off above .7 and are white at twice a white wall."""
    return to_display(np.where(x < 0.7, x, 0.7 + 0.3 * (1.0 - np.exp(-(x - 0.7) / 0.3))))


def _film(x: Image) -> Image:
    """sRGB with a long shoulder, as phones have it: above _SHOULDER the extended curve of Reinhard
    et al. 2002 (eq. 4) goes on with the same slope.
    """
    start = float(to_display(np.array(_SHOULDER)))
    slope = 1.055 / 2.4 * _SHOULDER ** (1 / 2.4 - 1) / (1.0 - start)
    u, white = slope * (x - _SHOULDER), slope * (_TABLE_TOP["film"] - _SHOULDER)
    rolled = start + (1.0 - start) * u * (1.0 + u / white**2) / (1.0 + np.maximum(u, 0.0))
    return np.where(x < _SHOULDER, to_display(np.minimum(x, 1.0)), rolled)


_CURVES = {"short": _short, "film": _film}
