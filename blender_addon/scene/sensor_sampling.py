"""Draw the sensor of a camera: all between linear light and the saved image. Pure numpy."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..draws import log_uniform
from ..recipes.recipe import Recipe
from .people import Stream
from .sensor_spec import CompressionSpec, SensorSpec

GHOSTS = 0.04  # share of the light of burnt pixels, at most
# Earlier compressions: a phone's own is good, a messenger's is not.
EARLIER_QUALITY = (60, 92)
EARLIER_SCALE = (0.85, 1.5)


def sample_sensor(recipe: Recipe, stream: Stream) -> SensorSpec:
    """Draw the sensor: all between linear light and the JPEG."""
    s, rng = recipe.sensor, stream("sensor")
    if not s.enabled:
        return SensorSpec(metering=s.metering, tone=s.tone)
    spec = SensorSpec(
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
    return _misexposed(
        _in_low_light(_developed(spec, recipe, stream), recipe, stream), recipe, stream
    )


def _developed(spec: SensorSpec, recipe: Recipe, stream: Stream) -> SensorSpec:
    """Draw what lens, processor and messenger do; each from a stream of its own, so that a
    value that does not vary moves no other.
    """
    s = recipe.sensor
    flare, ghosts = stream("flare").random(2)
    rng = stream("generations")
    earlier = []
    for _ in range(s.generations.sample_int(rng) - 1):
        quality = int(rng.integers(*EARLIER_QUALITY, endpoint=True))
        scale = log_uniform(rng, *EARLIER_SCALE)
        earlier.append(CompressionSpec(quality, scale))
    return dataclasses.replace(
        spec,
        aberration=s.aberration.sample(stream("aberration")),
        glare=s.glare.sample(stream("glare")),
        bloom=s.bloom.sample(stream("bloom")),
        ghosts=float(GHOSTS * ghosts) if flare < s.flare else 0.0,
        noise_model=s.noise_model,
        denoising=s.denoising.sample(stream("denoising")),
        sharpening=s.sharpening.sample(stream("sharpening")),
        earlier=tuple(earlier),
    )


def _in_low_light(spec: SensorSpec, recipe: Recipe, stream: Stream) -> SensorSpec:
    """Draw whether little light was there, and what a camera makes of it."""
    rng = stream("low light")
    chosen, stops, gain, denoising, pale, blur, warm, reading = rng.random(8)
    if chosen >= recipe.sensor.low_light:
        return spec
    return dataclasses.replace(
        spec,
        exposure=float(spec.exposure - 0.2 - stops),
        temperature=float(np.clip(spec.temperature + 0.5 * warm, -1, 1)),
        saturation=float(spec.saturation * (0.6 + 0.35 * pale)),
        noise=float(min(spec.noise * (1.5 + 1.5 * gain), 0.5)),
        read_noise=float(0.2 + 0.3 * reading),
        denoising=float(max(spec.denoising, 0.5 + 0.5 * denoising)) if spec.denoising else 0.0,
        blur=float(spec.blur + 0.5 * blur),
        sharpening=float(0.5 * spec.sharpening),
    )


def _misexposed(spec: SensorSpec, recipe: Recipe, stream: Stream) -> SensorSpec:
    """Draw whether the metering fails: a bright background counts fully and people are dark, or
    there is too much light.
    """
    rng = stream("misexposed")
    chosen, backlit, stops = rng.random(3)
    if chosen >= recipe.sensor.misexposed:
        return spec
    if backlit < 0.5:
        return dataclasses.replace(spec, metering="average")
    return dataclasses.replace(
        spec, metering="scene", exposure=float(spec.exposure + 0.6 + 1.2 * stops)
    )
