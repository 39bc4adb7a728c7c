"""The camera sensor: from linear light to the saved image. Pure numpy.

Images are (H, W, 3) float32, row 0 on top; "linear" is scene-referred Rec. 709, "display" is
sRGB-encoded 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.spec import SensorSpec
from .filters import Image, gaussian_blur, luminance
from .optics import vignette
from .tone import tone


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
        image *= vignette(height, width, sensor.vignette)[..., None]
    if sensor.blur > 0.05:
        image = gaussian_blur(image, sensor.blur)
    image = tone(image, sensor.contrast, sensor.tone)
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
