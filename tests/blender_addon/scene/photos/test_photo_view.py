"""A part of a photo, mirrored or not, is seen by the camera that took the whole photo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from blender_addon.recipes.distributions import parse
from blender_addon.recipes.recipe import Background
from blender_addon.render.resize import fill_frame
from blender_addon.scene.camera import project
from blender_addon.scene.photos.backdrop import nearer
from blender_addon.scene.photos.files import SideCar, parse_side_car
from blender_addon.scene.photos.lines import LineView
from blender_addon.scene.photos.spec import PhotoViewSpec
from blender_addon.scene.photos.view import (
    camera_of,
    horizon_of,
    reach_of,
    view_of,
    with_ground,
)
from blender_addon.scene.spec import CameraSpec

SIZE = (1200, 800)
VIEW = PhotoViewSpec(size=SIZE, focal=0.6, pitch=-7.0, roll=2.0, height=1.6)
ANY = CameraSpec((0.0, -6.0, 9.9), 20.0, 0.0, 0.0, 10.0)
WHOLE = (0.0, 0.0, 1.0, 1.0)
LINES = LineView(pitch=-11.0, roll=1.5, focal=0.8, spread=1.0, sure=True)


def ground_points() -> np.ndarray:
    rng = np.random.default_rng(0)
    ahead = np.array([-np.sin(np.radians(20)), np.cos(np.radians(20))])
    points = np.zeros((40, 3))
    points[:, :2] = np.array([0, -6]) + rng.uniform(3, 30, (40, 1)) * ahead
    points[:, :2] += rng.uniform(-1, 1, (40, 2))
    points[20:, 2] = 1.7
    return points


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("frame", [(300, 200), (256, 256), (200, 320)])
@pytest.mark.parametrize("crop", [WHOLE, (0.3, 0.1, 0.6, 0.6), (0.0, 0.45, 0.5, 0.5)])
def test_people_in_a_part_stand_where_they_stand_in_the_whole(
    crop: tuple, frame: tuple[int, int], flip: bool
) -> None:
    whole = camera_of(ANY, VIEW, WHOLE, SIZE, flip=False)
    assert whole.axis == (0.0, 0.0) and whole.location[2] == 1.6
    in_whole, _ = project(ground_points(), whole, *SIZE)
    # The pixels of the photo that a frame shows, as the resizing of photos has them.
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32) + np.float32(0.5)
    at = fill_frame(np.stack([x, y], axis=-1), crop, *frame)
    part = camera_of(ANY, VIEW, crop, frame, flip=False)
    in_part, _ = project(ground_points(), part, *frame)
    step_x, step_y = at[0, 1, 0] - at[0, 0, 0], at[1, 0, 1] - at[0, 0, 1]
    middle = np.array(frame) // 2
    corner = at[middle[1], middle[0]]
    expected = middle + 0.5 + (in_whole - corner) / (step_x, step_y)
    np.testing.assert_allclose(in_part, expected, atol=0.02)
    if flip:
        mirrored = camera_of(ANY, VIEW, crop, frame, flip=True)
        assert mirrored.axis[0] == -part.axis[0] and mirrored.roll == -part.roll
        # A world that is mirrored about the vertical plane of the view is seen mirrored.
        ahead = np.array([-np.sin(np.radians(20)), np.cos(np.radians(20)), 0])
        points = ground_points() - ANY.location
        points = 2 * np.outer(points @ ahead, ahead) - points + ANY.location
        points[:, 2] = ground_points()[:, 2]
        in_mirror, _ = project(points, mirrored, *frame)
        np.testing.assert_allclose(in_mirror[:, 0], frame[0] - in_part[:, 0], atol=0.02)
        np.testing.assert_allclose(in_mirror[:, 1], in_part[:, 1], atol=0.02)


def test_the_horizon_is_where_far_points_at_camera_height_are() -> None:
    level = PhotoViewSpec(size=SIZE, focal=0.6, pitch=-7.0, roll=0.0, height=1.6)
    camera = camera_of(ANY, level, WHOLE, SIZE, flip=False)
    ahead = np.array([-np.sin(np.radians(20)), np.cos(np.radians(20))])
    far = np.array([*(np.array([0, -6]) + 1e6 * ahead), 1.6])
    pixel, _ = project(far, camera, *SIZE)
    assert pixel[1] / SIZE[1] == pytest.approx(horizon_of(level), abs=1e-3)
    feet = np.array([*(np.array([0, -6]) + 5.0 * ahead), 0.0])
    pixel, _ = project(feet, camera, *SIZE)
    assert reach_of(level, pixel[1] / SIZE[1]) == pytest.approx(5.0, rel=1e-3)
    assert reach_of(level, 0.0) == math.inf


NOTHING = SideCar()


def chosen(side_car: SideCar = NOTHING, lines: LineView | None = None, **given: Any) -> Any:
    exif = given.pop("exif", None)
    fields = {key: parse(value) for key, value in given.items()}
    return view_of(
        SIZE,
        Background(**fields),
        np.random.default_rng(0),
        side_car=side_car,
        exif_focal=exif,
        lines=lambda focal: lines,
        look=None,
    )


def test_each_number_comes_from_its_best_source() -> None:
    view = chosen()
    assert (view.focal_from, view.horizon_from) == ("default", "default")
    view = chosen(lines=LINES)
    assert (view.focal_from, view.horizon_from) == ("lines", "lines")
    assert (view.focal, view.pitch) == (0.8, -11.0)
    view = chosen(lines=LINES, exif=1.0)
    assert (view.focal, view.focal_from) == (1.0, "exif")
    view = chosen(lines=LINES, exif=1.0, photo_focal=50, photo_horizon=0.5, photo_height=3)
    assert (view.focal_from, view.horizon_from, view.height) == ("recipe", "recipe", 3.0)
    assert view.pitch == 0.0
    said = parse_side_car(
        {"fov": 90, "horizon": 0.25, "roll": -4, "camera_height": 5, "ground_top": 0.6}
    )
    view = chosen(said, LINES, exif=1.0, photo_focal=50, photo_horizon=0.5)
    assert (view.focal_from, view.horizon_from, view.height_from) == ("side-car",) * 3
    assert view.focal == pytest.approx(600 / math.hypot(*SIZE), abs=1e-4)
    assert math.tan(math.radians(view.pitch)) == pytest.approx(-0.25 * 800 / 600, abs=1e-4)
    assert (view.roll, view.height, view.ground_top) == (-4.0, 5.0, 0.6)


def test_people_stand_below_the_horizon() -> None:
    view = chosen(parse_side_car({"horizon": 0.5, "ground_top": 0.2}))
    assert view.ground_top > 0.5
    x, y, w, h = with_ground((0.1, 0.0, 0.4, 0.4), view, 1.0)
    assert (x, w, h) == (0.1, 0.4, 0.4) and y + h > 0.5 and y + h <= 1.0
    assert with_ground((0.0, 0.4, 0.6, 0.6), view, 1.0)[1] == pytest.approx(0.4)


@pytest.mark.parametrize(
    "value",
    [3.0, 9.0, [2, 9], {"log": [2, 9]}, {"normal": [5, 2], "min": 1}, {"choice": [2, 9]}, [6, 9]],
)
def test_distances_end_where_the_ground_does(value: Any) -> None:
    drawn = nearer(parse(value), 4.0)
    rng = np.random.default_rng(0)
    draws = [drawn.sample(rng) for _ in range(100)]
    assert max(draws) <= max(4.0, 1.3 * parse(value).bounds[0]) + 1e-9
    assert min(draws) > 0
    assert nearer(parse(value), math.inf) == parse(value)
