"""Draws of lenses and of unsteady hands."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, parse_recipe
from blender_addon.scene.camera import rays
from blender_addon.scene.camera_sampling import sample_camera, sample_shake
from blender_addon.scene.sampling import streams
from blender_addon.scene.spec import BackgroundSpec, CameraSpec
from blender_addon.scene.surroundings import adapted


def recipe(text: str) -> Recipe:
    data = tomllib.loads("[camera]\n" + text)
    return parse_recipe(data, name="lens", folder=Path(), where="lens")


def drawn(recipe: Recipe, count: int = 60) -> list[CameraSpec]:
    return [sample_camera(recipe, streams(recipe, 5, index)) for index in range(count)]


def test_lenses_fill_the_frame_and_their_share_is_kept() -> None:
    wild = recipe("distortion = 0.5\nfov = [30, 95]\nbend = [-0.5, 0.5]\ndecentering = 0.01")
    cameras = drawn(wild, 200)
    bent = [camera for camera in cameras if camera.distortion != "none"]

    assert 70 < len(bent) < 130
    assert {camera.distortion for camera in bent} == {"brown_conrady"}
    corners = np.array([[0, 0], [256, 0], [0, 256], [256, 256]])
    for camera in bent:
        assert rays(corners, camera, 256, 256)[1].all()


def test_a_switched_off_lens_changes_nothing_else() -> None:
    straight, bent = drawn(recipe("distortion = 0")), drawn(recipe("distortion = 1"))

    assert {camera.distortion for camera in straight} == {"none"}
    assert {camera.distortion for camera in bent} == {"brown_conrady"}
    assert [(c.yaw, c.location, c.pitch, c.roll, c.fov) for c in straight] == [
        (c.yaw, c.location, c.pitch, c.roll, c.fov) for c in bent
    ]
    off = drawn(recipe("distortion = 1\nenabled = false"))
    assert {camera.distortion for camera in off} == {"none"}


@pytest.mark.parametrize(
    ("projection", "fov", "model"),
    [
        ("auto", 60, "brown_conrady"),
        ("auto", 120, "fisheye"),
        ("fisheye", 60, "fisheye"),
        ("rectilinear", 120, "brown_conrady"),
    ],
)
def test_projections(projection: str, fov: float, model: str) -> None:
    cameras = drawn(recipe(f'distortion = 1\nprojection = "{projection}"\nfov = {fov}'), 20)
    assert {camera.distortion for camera in cameras} == {model}


def test_presets_draw_what_their_cameras_have() -> None:
    surreal, street = load_preset("surreal"), load_preset("street")
    assert all(camera.distortion == "none" for camera in drawn(surreal))
    assert not any(sample_shake(surreal, np.random.default_rng(i))[0] for i in range(50))
    barrel = [camera.coefficients[0] for camera in drawn(street) if camera.coefficients]
    assert len(barrel) > 20 and np.mean(barrel) < -0.04


def test_photos_keep_their_own_lens_and_hand() -> None:
    on_photo = adapted(recipe("distortion = 1\nshake = 1"), "", BackgroundSpec("photo"))
    assert {camera.distortion for camera in drawn(on_photo)} == {"none"}
    assert sample_shake(on_photo, np.random.default_rng(0)) == (0.0, 0.0, 0.0)


def test_hands_shake_as_fast_as_the_recipe_says() -> None:
    shaken = recipe("shake = 0.5\nshake_speed = 4")
    speeds = [np.linalg.norm(sample_shake(shaken, np.random.default_rng(i))) for i in range(100)]
    assert 30 < np.count_nonzero(speeds) < 70
    np.testing.assert_allclose([speed for speed in speeds if speed], 4.0)
