from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.scene.spec import (
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    PropSpec,
    SceneSpec,
    SurfaceSpec,
)

WHITE = SurfaceSpec("plain", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, 1.0)
DOWN = CameraSpec((0.0, 0.0, 3.0), 0.0, -90.0, 0.0, 30.0)


@pytest.fixture
def ground_light(shoot: Any, scene: Callable[..., SceneSpec]) -> Callable[[LightSpec], float]:
    """Light that a half-white ground sends up, over its albedo."""

    def ground_light(light: LightSpec) -> float:
        spec = scene(
            width=16,
            height=16,
            samples=16,
            camera=DOWN,
            light=light,
            background=BackgroundSpec("hdri", ground=WHITE),
        )
        return float((shoot(spec)["image"][..., :3] @ [0.2126, 0.7152, 0.0722]).mean() / 0.5)

    return ground_light


@pytest.mark.parametrize("name", ["city", "night"])
def test_every_panorama_is_brought_to_one_level(ground_light: Any, name: str) -> None:
    assert ground_light(LightSpec("hdri", hdri=f"builtin:{name}")) == pytest.approx(1.0, abs=0.08)


def test_strength_scales_the_light(ground_light: Any) -> None:
    assert ground_light(LightSpec("hdri", strength=3.0, hdri="builtin:city")) == pytest.approx(
        3.0, rel=0.08
    )


def test_a_sun_adds_its_strength_times_its_height(ground_light: Any) -> None:
    city = LightSpec("hdri", hdri="builtin:city", sun_strength=2.0, sun_elevation=30.0)
    assert ground_light(city) == pytest.approx(1.0 + 2.0 * 0.5, abs=0.12)


def test_no_light_stays_for_the_next_image(ground_light: Any) -> None:
    plain = LightSpec("hdri", hdri="builtin:city")
    before = ground_light(plain)
    ground_light(LightSpec("sun_sky", sun_elevation=60, sun_strength=5.0, color=(1.0, 0.2, 0.2)))
    ground_light(LightSpec("spherical_harmonics", coefficients=(1.0,) * 9))
    ground_light(LightSpec("hdri", hdri="builtin:night", hdri_rotation=77.0, sun_strength=3.0))

    assert ground_light(plain) == before


def test_few_samples_find_the_small_bright_lamps_of_a_panorama(shoot: Any, scene: Any) -> None:
    light = LightSpec("hdri", hdri="builtin:interior", hdri_rotation=123.4)
    spec = scene(width=32, height=32, samples=16, camera=DOWN, light=light)
    spec = dataclasses.replace(spec, background=BackgroundSpec("hdri", ground=WHITE))
    grey = shoot(spec)["image"][..., :3].mean(axis=-1)

    assert grey.std() / grey.mean() < 0.2  # about 2 without the copy that the light comes from


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 200.0])
def test_the_sun_stands_at_its_azimuth(shoot: Any, scene: Any, azimuth: float) -> None:
    pole = PropSpec("pole", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.2, 0.2, 1.0), WHITE)
    light = LightSpec("sun_sky", sun_elevation=45.0, sun_azimuth=azimuth, sun_strength=20.0)
    spec = scene(
        samples=4, camera=CameraSpec((0, 0, 6), 0, -90, 0, 40), light=light, props=(pole,),
        background=BackgroundSpec("hdri", ground=WHITE),
    )  # fmt: skip
    grey = shoot(spec)["image"][..., :3].mean(axis=-1)

    rows, columns = np.nonzero(grey < 0.5 * np.median(grey))
    shadow = np.array([columns.mean() - 31.5, 31.5 - rows.mean()])  # +x right, +y up in this view
    away = -np.array([-np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
    assert len(rows) > 10
    assert shadow @ away / np.linalg.norm(shadow) > 0.95


def harmonics(n: np.ndarray, c: tuple[float, ...]) -> float:
    """Ramamoorthi and Hanrahan's eq. 13 in SURREAL's axes, where up is -y."""
    x, y, z = n[0], -n[2], n[1]
    return float(
        0.429043 * c[8] * (x * x - y * y) + 0.743125 * c[6] * z * z
        + 0.886227 * c[0] - 0.247708 * c[6]
        + 2 * 0.429043 * (c[4] * x * y + c[7] * x * z + c[5] * y * z)
        + 2 * 0.511664 * (c[3] * x + c[1] * y + c[2] * z)
    )  # fmt: skip


def test_spherical_harmonics_shade_by_the_normal_alone(shoot: Any, scene: Any) -> None:
    coefficients = (1.0, -0.4, 0.2, 0.25, -0.15, 0.1, 0.2, 0.15, -0.2)
    thing = PropSpec("box", (0.0, 0.0, 0.0), (0.0, 0.0, 30.0), (1.0, 1.0, 1.0), WHITE)
    spec = scene(
        samples=1,
        camera=CameraSpec((0.0, -3.0, 2.5), 0.0, -35.0, 0.0, 30.0),
        light=LightSpec("spherical_harmonics", coefficients=coefficients),
        background=BackgroundSpec("plain"),
        props=(thing,),
    )
    image = shoot(spec)["image"]
    inside = image[..., 3] == 1.0
    shades = {round(float(v), 4) for v in image[inside][:, 0]}

    turn = np.radians(30.0)
    normals = [(0, 0, 1), (np.sin(turn), -np.cos(turn), 0), (-np.cos(turn), -np.sin(turn), 0)]
    expected = {round(0.5 * harmonics(np.array(n), coefficients), 4) for n in normals}
    assert len(shades) == 3
    np.testing.assert_allclose(sorted(shades), sorted(expected), atol=2e-3)


def test_surreal_light_comes_from_above() -> None:
    assert harmonics(np.array([0, 0, 1.0]), (1, -0.7, 0, 0, 0, 0, 0, 0, 0)) > harmonics(
        np.array([0, 0, -1.0]), (1, -0.7, 0, 0, 0, 0, 0, 0, 0)
    )


def test_a_room_is_lit_by_its_own_lamps_alike_in_all_panoramas(shoot: Any, scene: Any) -> None:
    room = BackgroundSpec("room", ground=WHITE, wall=WHITE, room_size=(5.0, 10.0, 2.6))
    images = [
        shoot(scene(background=room, light=LightSpec("hdri", hdri=f"builtin:{name}")))["image"]
        for name in ("city", "night")
    ]

    np.testing.assert_array_equal(images[0], images[1])
    assert 0.2 < np.median(images[0][..., :3]) < 3.0


def test_the_level_of_an_even_panorama_is_its_radiance(bpy: Any) -> None:
    from blender_addon.stage.light import level_on_ground

    assert level_on_ground(np.full((64, 128, 4), 2.5, np.float32)) == pytest.approx(2.5, rel=1e-3)
    below = np.full((64, 128, 4), 2.5, np.float32)
    below[32:] = 0.0  # rows run upwards: this is the sky
    assert level_on_ground(below) == pytest.approx(1e-6)


def test_a_low_sun_is_weaker_and_redder(bpy: Any) -> None:
    from blender_addon.stage.light import daylight_color

    high, low = daylight_color(80.0), daylight_color(4.0)
    assert all(a > b for a, b in zip(high, low, strict=True))
    assert low[0] > low[1] > low[2] > 0.0


def test_a_missing_panorama_is_named(stage: Any, scene: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.exr"):
        stage.apply(scene(light=LightSpec("hdri", hdri=str(tmp_path / "gone.exr"))))
    with pytest.raises(FileNotFoundError, match=r"atlantis.*city"):
        stage.apply(scene(light=LightSpec("hdri", hdri="builtin:atlantis")))


def test_wrong_lights_are_errors(stage: Any, scene: Any) -> None:
    with pytest.raises(ValueError, match=r"candle.*sun_sky"):
        stage.apply(scene(light=LightSpec("candle")))
    with pytest.raises(ValueError, match="4 coefficients"):
        stage.apply(scene(light=LightSpec("spherical_harmonics", coefficients=(1.0,) * 4)))
