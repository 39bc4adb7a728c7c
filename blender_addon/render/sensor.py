"""The camera: from linear light to the pixels that are saved. Pure numpy.

Images are (H, W, 3) float32, row 0 on top; "linear" is scene-referred Rec. 709, "display" is
sRGB-encoded 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.sensor_spec import SensorSpec
from . import jpeg, noise, optics
from .filters import Image, gaussian_blur, luminance
from .tone import sharpened, textured, tone

_LEAST_ABERRATION = 0.02  # thousandths of the diagonal; less cannot be seen at any size


def develop(linear: Image, sensor: SensorSpec) -> NDArray[np.uint8]:
    """Develop an exposed linear image, in the order of a camera: exposure and white balance, lens,
    noise and denoising, tone curve, sharpening, compressions before the last.

    Args:
        linear: (H, W, 3).
        sensor: The settings; the noise comes from `sensor.seed` alone.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    t = sensor.temperature
    gains = np.array([1 + 0.22 * t, 1.0, 1 - 0.28 * t], dtype=np.float32) * 2.0**sensor.exposure
    image = _through_lens(linear * gains, sensor)
    rng = np.random.default_rng(sensor.seed)
    mosaic = sensor.noise_model == "mosaic"
    if mosaic and sensor.denoising > 0:
        image = textured(image, 1.0 - sensor.denoising)
    if mosaic and sensor.noise > 0:
        image = noise.mosaic_noise(image, sensor.noise, sensor.read_noise, sensor.denoising, rng)
    image = tone(image, sensor.contrast, sensor.tone)
    if sensor.saturation != 1.0:
        grey = luminance(image)[..., None]
        image = grey + (image - grey) * np.float32(sensor.saturation)
    if not mosaic and sensor.noise > 0:
        image = noise.white_noise(image, sensor.noise, rng)
    if sensor.sharpening > 0:
        image = sharpened(image, sensor.sharpening)
    saved = (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    for compression in sensor.earlier:
        saved = jpeg.compressed(saved, compression.quality, compression.scale)
    return saved


def _through_lens(image: Image, sensor: SensorSpec) -> Image:
    """Linear light as the lens lets it reach the sensor; `image` may be changed."""
    height, width = image.shape[:2]
    if sensor.vignette > 0:
        image *= optics.vignette(height, width, sensor.vignette)[..., None]
    if sensor.aberration >= _LEAST_ABERRATION:
        image = optics.aberrated(image, sensor.aberration)
    if max(sensor.glare, sensor.bloom, sensor.ghosts) > 0:
        image = optics.glared(image, sensor.glare, sensor.bloom, sensor.ghosts)
    if sensor.blur > 0.05:
        image = gaussian_blur(image, sensor.blur)
    return image
