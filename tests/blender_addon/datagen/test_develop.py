"""A linear render becomes the image that the camera of its scene saves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from blender_addon.datagen.renderer import develop
from blender_addon.recipes.recipe import Recipe
from blender_addon.render.photos import PHOTOS
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.sensor_spec import SensorSpec
from blender_addon.scene.spec import BackgroundSpec


def test_the_photo_behind_burnt_skin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces that would burn out are exposed anew; the photo behind them stays as it is."""
    read: list[tuple[int, int]] = []

    def backdrop(path: Any, crop: Any, width: int, height: int, *, flip: bool) -> np.ndarray:
        read.append((width, height))
        return np.full((height, width, 3), 120, np.uint8)

    monkeypatch.setattr(PHOTOS, "backdrop", backdrop)
    spec = sample_scene(Recipe(), load_assets(Recipe()), 0, 0)
    photo = BackgroundSpec("photo", photo="wall.png")
    spec = dataclasses.replace(spec, background=photo, sensor=SensorSpec(metering="people"))
    rgba = np.zeros((8, 12, 4), np.float32)
    rgba[2:6, 3:7] = (60.0, 50.0, 40.0, 1.0)
    skin = rgba[..., 3] > 0

    spared, burnt = develop(spec, rgba, skin), develop(spec, rgba)

    assert read == [(12, 8), (12, 8)]
    assert spared[skin].mean() < burnt[skin].mean() - 5
    np.testing.assert_array_equal(spared[:, 9:], burnt[:, 9:])
