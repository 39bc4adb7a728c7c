from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.scene.camera import (
    extrinsics,
    in_sight,
    intrinsics,
    pixel_size,
    project,
    radius_in_pixels,
    rays,
)
from blender_addon.scene.lens import make_lens
from blender_addon.scene.spec import CameraSpec

# Published calibrations, as (fx, width, height, model, coefficients).
CALIBRATIONS = {
    "phone": (1355.98, 1224, 1632, "brown_conrady", (0.16821, -0.71656, 0.00264, 0.00018, 1.63055)),
    "webcam": (722.94, 640, 480, "brown_conrady", (0.1097, -0.55673, -0.00191, 0.00023, 0.0)),
    "action": (585.47, 720, 480, "brown_conrady", (-0.26956, 0.11219, 0.00005, -0.00152, -0.0116)),
    "narrow": (1780.0, 1920, 1080, "brown_conrady", (-0.255, -0.07, 0.0, 0.0, 0.3)),
    "drone": (921.17, 960, 720, "brown_conrady", (-0.03346, 0.10515, 0.00126, -0.00665, 0.0)),
    "industrial": (538.63, 800, 600, "brown_conrady", (-0.30678, 0.0825, 0.00288, -0.00016, 0.0)),
    "usb": (568.19, 640, 480, "brown_conrady", (-0.51301, 0.20375, -0.00011, 0.00126, 0.0)),
    "robot": (325.44, 640, 480, "brown_conrady", (-0.02961, 0.01916, 0.00354, -0.00376, 0.0)),
    "depth": (365.46, 512, 424, "brown_conrady", (0.09, -0.268, 0.0, 0.0, 0.095)),
    "surround": (926.98, 1600, 1200, "brown_conrady", (-0.34357, 0.1384, 1e-4, -3e-4, -0.0276)),
    "portrait": (1868.27, 1080, 1920, "brown_conrady", (0.0847, -0.19293, -0.0002, -0.00073)),
    "wide": (1099.53, 1920, 1080, "fisheye", (0.24389, -0.25222, 0.50282, -0.40134)),
    "module": (349.48, 640, 480, "fisheye", (-0.0534, 0.01929, -0.07597, 0.06691)),
    "tracking": (286.22, 848, 800, "fisheye", (-0.00435, 0.03713, -0.03554, 0.00577)),
}


def camera(name: str, **changes: Any) -> tuple[CameraSpec, int, int]:
    focal, width, height, model, coefficients = CALIBRATIONS[name]
    values: dict[str, Any] = {
        "location": (0.3, -2.0, 1.5),
        "yaw": 20.0,
        "pitch": -7.0,
        "roll": 4.0,
        "fov": make_lens(model, coefficients).fov(width / focal),
        "distortion": model,
        "coefficients": coefficients,
    } | changes
    return CameraSpec(**values), width, height


def by_opencv(points: np.ndarray, camera: CameraSpec, width: int, height: int) -> np.ndarray:
    R, t = extrinsics(camera)
    K, k = intrinsics(camera, width, height), np.array(camera.coefficients)
    rotation, points = cv2.Rodrigues(R)[0], points.reshape(-1, 1, 3)
    if camera.distortion == "fisheye":
        return cv2.fisheye.projectPoints(points, rotation, t[:, None], K, k)[0][:, 0]
    return cv2.projectPoints(points, rotation, t, K, k)[0][:, 0]


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_points_of_real_cameras_are_projected_as_opencv_does(name: str) -> None:
    cam, width, height = camera(name)
    assert intrinsics(cam, width, height)[0, 0] == pytest.approx(CALIBRATIONS[name][0], rel=1e-6)
    pixels = np.random.default_rng(0).uniform((0, 0), (width, height), (500, 2))
    ideal, shown = rays(pixels, cam, width, height)
    assert shown.mean() > 0.7 and np.isnan(ideal[~shown]).all()
    R, t = extrinsics(cam)
    depth = np.linspace(0.5, 20.0, 500)[:, None]
    points = ((np.column_stack([ideal, np.ones(500)]) * depth - t) @ R)[shown]

    found, z = project(points, cam, width, height)
    np.testing.assert_allclose(found, pixels[shown], atol=1e-6)
    np.testing.assert_allclose(found, by_opencv(points, cam, width, height), atol=1e-6)
    np.testing.assert_allclose(z, depth[shown, 0], rtol=1e-9)
    assert in_sight(points, cam).all()


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_what_a_lens_does_not_show_is_never_inside_the_image(name: str) -> None:
    cam, width, height = camera(name, yaw=0.0, pitch=0.0, roll=0.0)
    limit = make_lens(cam.distortion, cam.coefficients).limit
    rng = np.random.default_rng(1)
    turn, radius = rng.uniform(0, 2 * np.pi, 4000), limit * np.exp(rng.uniform(1e-6, 5, 4000))
    x, z = radius * np.cos(turn), radius * np.sin(turn)
    points = np.array(cam.location) + np.column_stack([x, np.ones(4000), z])

    pixels, depth = project(points, cam, width, height)
    inside = ((pixels >= 0) & (pixels <= (width, height))).all(axis=1)
    assert (depth > 0).all() and not inside.any()
    assert not in_sight(points, cam).any()


lenses = st.one_of(
    st.tuples(
        st.just("brown_conrady"),
        st.tuples(
            st.floats(-0.5, 0.5),
            st.floats(-0.5, 0.5),
            st.floats(-0.02, 0.02),
            st.floats(-0.02, 0.02),
            st.floats(-0.5, 0.5),
        ),
    ),
    st.tuples(st.just("fisheye"), st.tuples(*[st.floats(-0.2, 0.2)] * 4)),
)


@settings(max_examples=60)
@given(lenses, st.integers(0, 1 << 30))
def test_bending_is_undone_up_to_the_limit_of_any_lens(
    drawn: tuple[str, tuple[float, ...]], seed: int
) -> None:
    lens = make_lens(*drawn)
    rng = np.random.default_rng(seed)
    # Up to the limit in every direction, dense in the middle, as images are.
    radius, turn = lens.limit * rng.uniform(0, 1, 200) ** 2, rng.uniform(0, 2 * np.pi, 200)
    ideal = np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
    back, shown = lens.undistort(lens.distort(ideal))

    assert shown.mean() > 0.97
    bent = lens.distort(ideal[shown])
    error = np.abs(lens.distort(back[shown]) - bent).max(axis=1)
    assert (error <= 1e-9 * (1 + np.abs(bent).max(axis=1))).all()
    np.testing.assert_allclose(back[shown], ideal[shown], atol=1e-5, rtol=1e-5)


def test_a_lens_of_zeros_is_a_pinhole() -> None:
    straight = CameraSpec((0, 0, 1.5), 10, -5, 2, 60)
    zeros = CameraSpec(
        (0, 0, 1.5), 10, -5, 2, 60, distortion="brown_conrady", coefficients=(0.0,) * 5
    )
    points = np.random.default_rng(2).uniform((-3, 5, -1.5), (3, 11, 4.5), (100, 3))
    for a, b in zip(project(points, straight, 64, 48), project(points, zeros, 64, 48), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    assert pixel_size((0, 4, 1), zeros, 64) == pytest.approx(pixel_size((0, 4, 1), straight, 64))
    assert radius_in_pixels(points[0], 0.1, zeros, 64, 48) == pytest.approx(
        radius_in_pixels(points[0], 0.1, straight, 64, 48), rel=0.02
    )


@given(st.floats(20, 170), st.integers(16, 2000))
def test_the_field_of_view_is_that_of_the_bent_image(fov: float, width: int) -> None:
    cam = CameraSpec(
        (0, 0, 1.5), 0, 0, 0, fov, distortion="fisheye", coefficients=(0.02, -0.01, 0.0, 0.0)
    )
    edge = math.tan(math.radians(fov / 2))
    pixels, _ = project(np.array([[edge, 1.0, 1.5], [-edge, 1.0, 1.5]]), cam, width, 100)
    np.testing.assert_allclose(pixels[:, 0], [width, 0], atol=1e-6 * width)


def test_an_unfit_lens_is_an_error() -> None:
    def wrong(match: str, fov: float = 60.0, **changes: Any) -> None:
        with pytest.raises(ValueError, match=match):
            intrinsics(CameraSpec((0, 0, 1), 0, 0, 0, fov, **changes), 64, 64)

    wrong(r"distortion: 'mirror'.*fisheye", distortion="mirror", coefficients=(0.1,))
    wrong(r"brown_conrady takes 4 or 5", distortion="brown_conrady", coefficients=(0.1,))
    wrong(r"fisheye takes 4", distortion="fisheye", coefficients=(0.1, math.nan, 0.0, 0.0))
    wrong(r"none takes 0", coefficients=(0.1, 0.1))
    wrong(
        r"fov: 100 degrees.*folds beyond 84",
        100.0,
        distortion="brown_conrady",
        coefficients=(-0.4, 0.0, 0.0, 0.0, 0.0),
    )
