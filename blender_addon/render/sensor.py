"""The camera sensor: from linear light to the saved image. Pure numpy.

Images are (H, W, 3) float32, row 0 on top; "linear" is scene-referred Rec. 709, "display" is
sRGB-encoded 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.colour import to_display
from ..scene.spec import SensorSpec

Image = NDArray[np.float32]

MID_GREY = 0.18
BRIGHT_GREY = 0.55  # linear; upper limit for the brightest quarter of a metered image
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
BRIGHT_SKIN = 1.1  # linear; limit for the brightest twentieth of faces and hands
_SHOULDER = 0.35  # linear value above which film rolls off; it is white at _TABLE_TOP["film"]
_TABLE_SIZE = 4096
# Linear values above this become white.
_TABLE_TOP = {"short": 4.0, "film": 8.0}


def luminance(linear: Image) -> NDArray[np.float32]:
    """Luminance (H, W) of a linear image (H, W, 3)."""
    return linear @ LUMINANCE


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


_FEWEST_SKIN = 8  # px


def over(people: NDArray[np.float32], backdrop: Image, gain: float) -> Image:
    """People (H, W, 4; linear, premultiplied, shadows only in the alpha) times `gain`, over a
    linear backdrop.
    """
    return (people[..., :3] * gain + backdrop * (1.0 - people[..., 3:4])).astype(np.float32)


def white_of(backdrop: Image) -> float:
    """Likely linear value of a white surface in a photo, to which the people in it are exposed."""
    return float(np.clip(np.percentile(luminance(backdrop), 90), 0.15, 1.0))


def develop(linear: Image, sensor: SensorSpec) -> NDArray[np.uint8]:
    """Develop an exposed linear image, in the order of a camera: exposure and white balance, lens
    (vignette, blur), tone curve, noise.

    Args:
        linear: (H, W, 3).
        sensor: The settings; the noise comes from `sensor.seed` alone.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    height, width = linear.shape[:2]
    t = sensor.temperature
    gains = np.array([1 + 0.22 * t, 1.0, 1 - 0.28 * t], dtype=np.float32) * 2.0**sensor.exposure
    image = linear * gains
    if sensor.vignette > 0:
        image *= _vignette(height, width, sensor.vignette)[..., None]
    if sensor.blur > 0.05:
        image = gaussian_blur(image, sensor.blur)
    image = _tone(image, sensor.contrast, sensor.tone)
    if sensor.saturation != 1.0:
        grey = luminance(image)[..., None]
        image = grey + (image - grey) * np.float32(sensor.saturation)
    if sensor.noise > 0:
        rng = np.random.default_rng(sensor.seed)
        # Shot noise grows with the root of the light; the square-root-like transfer curve evens
        # most of it out, so what is left is a little stronger in the shadows.
        sigma = np.float32(sensor.noise) * (1.3 - 0.6 * np.clip(luminance(image), 0, 1))[..., None]
        grain = rng.standard_normal((height, width, 4), dtype=np.float32)
        image = image + sigma * (0.8 * grain[..., :1] + 0.6 * grain[..., 1:])
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


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


def _vignette(height: int, width: int, loss: float) -> NDArray[np.float32]:
    """cos⁴-like falloff that loses `loss` in the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return (1.0 - loss * ((x * x + y * y) / 2.0) ** 1.5).astype(np.float32)


def _tone(linear: Image, contrast: float, curve: str) -> Image:
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
