"""Draw the sensor of a camera: all between linear light and the saved image. Pure numpy."""

from __future__ import annotations

from ..recipes.recipe import Recipe
from .people import Stream
from .spec import SensorSpec


def sample_sensor(recipe: Recipe, stream: Stream) -> SensorSpec:
    """Draw the sensor: all between linear light and the JPEG."""
    s, rng = recipe.sensor, stream("sensor")
    if not s.enabled:
        return SensorSpec(metering=s.metering, tone=s.tone)
    return SensorSpec(
        exposure=s.exposure.sample(rng),
        temperature=s.temperature.sample(rng),
        contrast=s.contrast.sample(rng),
        saturation=s.saturation.sample(rng),
        vignette=s.vignette.sample(rng),
        noise=s.noise.sample(rng),
        blur=s.blur.sample(rng),
        jpeg_quality=s.jpeg_quality.sample_int(rng),
        seed=int(rng.integers(1 << 31)),
        metering=s.metering,
        tone=s.tone,
    )
