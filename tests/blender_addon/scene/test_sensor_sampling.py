"""Each factor of the sensor is drawn by itself and has a switch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from blender_addon.recipes.distributions import parse
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.sensor_section import Sensor
from blender_addon.scene.sampling import streams
from blender_addon.scene.sensor_sampling import sample_sensor
from blender_addon.scene.sensor_spec import SensorSpec

ALL_OFF: dict[str, Any] = {
    "misexposed": 0.0,
    "aberration": parse(0),
    "glare": parse(0),
    "bloom": parse(0),
    "flare": 0.0,
    "low_light": 0.0,
    "noise_model": "white",
    "denoising": parse(0),
    "sharpening": parse(0),
    "generations": parse(1),
}
BEFORE = (
    *("exposure", "temperature", "contrast", "saturation", "vignette", "noise", "blur"),
    *("jpeg_quality", "seed", "metering", "tone"),
)  # fields that were drawn before there were others


def drawn(count: int, **changes: Any) -> list[SensorSpec]:
    recipe = Recipe(sensor=dataclasses.replace(Sensor(), **changes))
    return [sample_sensor(recipe, streams(recipe, 0, index)) for index in range(count)]


def test_without_its_effects_a_camera_is_as_it_was() -> None:
    for spec in drawn(20, **ALL_OFF):
        old = SensorSpec(**{name: getattr(spec, name) for name in BEFORE})
        assert spec == old


def test_a_draw_is_of_its_index_alone() -> None:
    assert drawn(5) == drawn(5)
    assert len({spec.seed for spec in drawn(5)}) == 5


@pytest.mark.parametrize(
    ("key", "value", "field", "off"),
    [
        ("aberration", parse(0), "aberration", 0.0),
        ("glare", parse(0), "glare", 0.0),
        ("bloom", parse(0), "bloom", 0.0),
        ("flare", 0.0, "ghosts", 0.0),
        ("noise_model", "white", "noise_model", "white"),
        ("denoising", parse(0), "denoising", 0.0),
        ("sharpening", parse(0), "sharpening", 0.0),
        ("generations", parse(1), "earlier", ()),
    ],
)
def test_a_switch_takes_one_effect_away_and_moves_no_other(
    key: str, value: Any, field: str, off: Any
) -> None:
    with_it, without = drawn(60), drawn(60, **{key: value})
    assert any(getattr(spec, field) != off for spec in with_it)
    for one, other in zip(with_it, without, strict=True):
        assert getattr(other, field) == off
        assert dataclasses.replace(one, **{field: off}) == other


def test_shares_are_met() -> None:
    specs = drawn(600, flare=0.3, misexposed=0.4, low_light=0.0)
    shares = {
        "flare": np.mean([spec.ghosts > 0 for spec in specs]),
        "misexposed": np.mean([spec.metering != "people" for spec in specs]),
    }
    assert shares == pytest.approx({"flare": 0.3, "misexposed": 0.4}, abs=0.06)


def test_low_light_is_dark_noisy_and_denoised() -> None:
    light, dark = drawn(200, low_light=0.0), drawn(200, low_light=1.0)
    for bright, dim in zip(light, dark, strict=True):
        assert dim.exposure < bright.exposure
        assert dim.noise > bright.noise
        assert dim.denoising >= max(0.5, bright.denoising)
        assert dim.saturation < bright.saturation
        assert dim.seed == bright.seed
