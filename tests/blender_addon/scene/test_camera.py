import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.scene.camera import extrinsics, intrinsics, orientation, project, to_camera
from blender_addon.scene.spec import CameraSpec

angles = st.floats(-180, 180)
cameras = st.builds(
    CameraSpec,
    location=st.tuples(*[st.floats(-50, 50)] * 3),
    yaw=angles,
    pitch=st.floats(-89, 89),
    roll=angles,
    fov=st.floats(5, 120),
)


def camera(**changes):
    values = {
        "location": (0.0, 0.0, 1.5),
        "yaw": 0.0,
        "pitch": 0.0,
        "roll": 0.0,
        "fov": 90.0,
    } | changes
    return CameraSpec(**values)


@given(cameras)
def test_extrinsics_are_a_rotation_that_puts_the_camera_at_the_origin(cam):
    R, t = extrinsics(cam)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-12)
    np.testing.assert_allclose(R @ np.array(cam.location) + t, 0.0, atol=1e-10)


@given(cameras, st.floats(0.1, 100), st.integers(16, 2000), st.integers(16, 2000))
def test_what_is_straight_ahead_lands_in_the_middle(cam, distance, width, height):
    ahead = np.array(cam.location) + orientation(cam) @ np.array([0.0, distance, 0.0])
    pixel, depth = project(ahead, cam, width, height)
    np.testing.assert_allclose(pixel, (width / 2, height / 2), atol=1e-6 * max(width, height))
    np.testing.assert_allclose(depth, distance, rtol=1e-9)


def test_level_camera_sees_right_to_the_right_and_up_above():
    pixel, _ = project(np.array([[1.0, 5.0, 1.5], [0.0, 5.0, 2.5]]), camera(), 100, 100)
    assert pixel[0, 0] > 50
    assert abs(pixel[0, 1] - 50) < 1e-9
    assert pixel[1, 1] < 50


def test_signs_of_yaw_pitch_and_roll():
    right = np.array([1.0, 5.0, 1.5])
    assert (
        to_camera(right, camera(yaw=30))[0] > to_camera(right, camera())[0]
    )  # turned left, so it moves right
    assert project(right, camera(pitch=10), 100, 100)[0][1] > 50  # looking up moves things down
    assert (
        project(right, camera(roll=10), 100, 100)[0][1] < 50
    )  # rolled clockwise, the right side rises


@given(st.floats(5, 150), st.integers(16, 4000))
def test_field_of_view_spans_the_width(fov, width):
    half = np.tan(np.radians(fov / 2))
    pixel, _ = project(np.array([half, 1.0, 1.5]), camera(fov=fov), width, 100)
    np.testing.assert_allclose(pixel[0], width, rtol=1e-6)
    assert intrinsics(camera(fov=fov), width, 100)[0, 0] > 0


def test_points_behind_the_camera_have_no_positive_depth():
    _, depth = project(np.array([0.0, -1.0, 1.5]), camera(), 10, 10)
    assert depth < 0
