"""Scenes in front of photos: drawn with a reader that needs no Blender."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.camera import project
from blender_addon.scene.photos.look import look_of
from blender_addon.scene.resampling import resample
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec


class Reader:
    """Reads with Pillow, as render.photos does with Blender."""

    def small(self, path: Path, longest: int) -> np.ndarray:
        image = Image.open(path).convert("RGB")
        image.thumbnail((longest, longest))
        return np.asarray(image)

    def backdrop(
        self, path: Path, crop: tuple, width: int, height: int, *, flip: bool
    ) -> np.ndarray:
        image = Image.open(path).convert("RGB").resize((width, height))
        return np.asarray(image)[:, ::-1] if flip else np.asarray(image)


READER = Reader()


def street(sun: bool) -> np.ndarray:
    """Sky over a grey road, with the shadow of something at its left edge."""
    image = np.zeros((240, 360, 3))
    image[:110] = (110, 160, 230) if sun else (225, 226, 228)
    image[110:140] = (120, 100, 80)
    image[140:] = (150, 148, 145)
    if sun:
        image[150:, :150] = (60, 62, 70)
    noise = np.random.default_rng(0).normal(0, 3, image.shape[:2])[..., None]
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(street(sun=True)).save(tmp_path / "street.jpg", quality=70)
    (tmp_path / "street.photo.toml").write_text("horizon = 0.45\nfocal_length_35mm = 26\n")
    mask = np.zeros((240, 360), np.uint8)
    mask[200:] = 255
    Image.fromarray(mask).save(tmp_path / "street.front.png")
    return tmp_path


def loaded(folder: Path, **background: Any) -> tuple[Recipe, Assets]:
    data = {
        "background": {"kinds": {"photo": 1}, "photos": str(folder), **background},
        "render": {"width": 96, "height": 72},
    }
    recipe = parse_recipe(data, name="photos", folder=Path(), where="test")
    return recipe, load_assets(recipe, READER)


@pytest.fixture
def drawn(folder: Path) -> list[SceneSpec]:
    recipe, assets = loaded(folder)
    return [sample_scene(recipe, assets, 0, i) for i in range(4)]


def test_the_spec_says_what_was_used_and_from_where(drawn: list[SceneSpec]) -> None:
    for spec in drawn:
        view, match = spec.background.photo_view, spec.background.photo_match
        assert view is not None and match is not None
        assert (view.focal_from, view.horizon_from) == ("side-car", "side-car")
        assert view.size == (360, 240)
        assert match.noise > 0.002 and min(match.gain) > 0
        assert spec.background.photo_front.endswith("street.front.png")
        assert spec.light.kind == "sun_sky" and spec.light.sun_strength > 1
        assert spec.sensor.noise == spec.sensor.blur == 0 and spec.sensor.jpeg_quality > 95
        assert SceneSpec.from_json(spec.to_json()) == spec
    assert len({spec.background.photo_crop for spec in drawn}) == 4


def test_feet_are_on_the_ground_of_the_photo(drawn: list[SceneSpec], folder: Path) -> None:
    _, assets = loaded(folder)
    for spec in drawn:
        view = spec.background.photo_view
        assert view is not None and spec.camera.location[2] == view.height
        yaw = np.radians(spec.camera.yaw)
        far = np.array([-np.sin(yaw) * 1e6, np.cos(yaw) * 1e6, view.height])
        horizon, _ = project(far, spec.camera, spec.width, spec.height)
        for person in spec.persons:
            joints = assets.poser.pose(person).joints
            pixels, _ = project(joints, spec.camera, spec.width, spec.height)
            slope = np.tan(np.radians(spec.camera.roll))
            lowest = pixels[joints[:24, 2].argmin()]
            assert lowest[1] > horizon[1] - abs(slope) * spec.width


@pytest.mark.parametrize(
    ("switch", "changes"),
    [
        ("photo_light", ("light", "background")),
        ("photo_exposure", ("background",)),
        ("photo_grain", ("background",)),
        ("photo_front", ("background",)),
    ],
)
def test_a_switch_changes_nothing_else(
    folder: Path, drawn: list[SceneSpec], switch: str, changes: tuple[str, ...]
) -> None:
    recipe, assets = loaded(folder, **{switch: False})
    for i, before in enumerate(drawn):
        after = sample_scene(recipe, assets, 0, i)
        same = {field: getattr(before, field) for field in changes}
        assert after != before
        assert dataclasses.replace(after, **same) == before


def test_without_its_camera_a_photo_counts_as_level(folder: Path) -> None:
    recipe, assets = loaded(folder, photo_camera=False, photo_exposure=False, photo_grain=False)
    spec = sample_scene(recipe, assets, 0, 0)
    assert spec.background.photo_view is None and spec.background.photo_match is None
    assert spec.camera.axis == (0.0, 0.0)


def test_a_photo_that_nobody_can_read_has_a_camera_all_the_same(folder: Path) -> None:
    recipe, assets = loaded(folder)
    spec = sample_scene(recipe, dataclasses.replace(assets, photo_reader=None), 0, 0)
    view = spec.background.photo_view
    assert view is not None and view.horizon_from == "side-car"
    assert spec.background.photo_match is None


@pytest.mark.parametrize("factor", ["camera", "light", "background"])
def test_redrawn_factors_fit_the_photo(folder: Path, drawn: list[SceneSpec], factor: str) -> None:
    recipe, assets = loaded(folder)
    again = resample(drawn[0], factor, recipe, assets, 9, 0)
    view = again.background.photo_view
    assert view is not None and again.background.photo_match is not None
    assert again.camera.location[2] == view.height
    assert again.camera.pitch == view.pitch


def test_sun_and_overcast_are_told_apart() -> None:
    sunny, dull = look_of(street(sun=True)), look_of(street(sun=False))
    assert sunny.sky_blue > 0.2 > abs(dull.sky_blue)
    assert sunny.contrast > 1.5 > dull.contrast
    assert sunny.sky_end == pytest.approx(110 / 240, abs=0.05)
    assert sunny.sideways < 0 and abs(dull.sideways) < 0.1
    assert dull.ground_top == pytest.approx(140 / 240, abs=0.06)
    assert look_of(np.zeros((3, 5, 3), np.uint8)).middle > 0
