"""Axis-angle vectors and rotation matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.bodies.rotations import matrix_to_axis_angle, rodrigues

coordinates = st.floats(-1, 1)
axes = (
    st.tuples(coordinates, coordinates, coordinates)
    .map(np.array)
    .filter(lambda axis: np.linalg.norm(axis) > 0.1)
    .map(lambda axis: axis / np.linalg.norm(axis))
)
# Whole range, and the two ends where naive formulas divide by zero.
angles = st.one_of(
    st.floats(0, np.pi),
    st.floats(-16, -1).map(lambda exponent: 10.0**exponent),
    st.floats(-16, -1).map(lambda exponent: np.pi - 10.0**exponent),
)


@given(axes, angles)
def test_rodrigues_gives_a_rotation_that_keeps_its_axis(axis, angle):
    R = rodrigues(axis * angle)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(R @ axis, axis, atol=1e-12)
    assert np.trace(R) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-12)


@given(axes, angles)
def test_the_matrix_of_an_axis_angle_gives_it_back(axis, angle):
    back = matrix_to_axis_angle(rodrigues(axis * angle))
    assert np.linalg.norm(back) <= np.pi + 1e-12
    if np.pi - angle < 1e-7:  # at half a turn both axes are right
        back = back * np.sign(back @ axis)
    np.testing.assert_allclose(back, axis * angle, atol=1e-7)


@given(axes, st.floats(0, 50))
def test_angles_beyond_half_a_turn_come_back_as_the_same_rotation(axis, angle):
    R = rodrigues(axis * angle)
    np.testing.assert_allclose(rodrigues(matrix_to_axis_angle(R)), R, atol=1e-9)


@given(axes, st.floats(-12, -6))
def test_tiny_rotations_keep_their_relative_precision(axis, exponent):
    w = axis * 10.0**exponent
    back = matrix_to_axis_angle(rodrigues(w))
    assert np.linalg.norm(back - w) < 1e-9 * np.linalg.norm(w)


def test_a_quarter_turn_about_x_takes_y_to_z():
    np.testing.assert_allclose(rodrigues([np.pi / 2, 0, 0]) @ [0, 1, 0], [0, 0, 1], atol=1e-15)


def test_half_turns_about_each_axis_are_read_back():
    for axis in np.eye(3):
        np.testing.assert_allclose(
            np.abs(matrix_to_axis_angle(2 * np.outer(axis, axis) - np.eye(3))), np.pi * axis
        )


def test_leading_dimensions_are_kept():
    w = np.random.default_rng(0).normal(size=(4, 5, 3))
    R = rodrigues(w)
    assert R.shape == (4, 5, 3, 3)
    np.testing.assert_array_equal(R[2, 3], rodrigues(w[2, 3]))
    np.testing.assert_allclose(matrix_to_axis_angle(R)[2, 3], matrix_to_axis_angle(R[2, 3]))


@pytest.mark.parametrize("function", [rodrigues, matrix_to_axis_angle])
def test_wrong_shapes_are_refused_with_the_shape_expected(function):
    with pytest.raises(ValueError, match=r"expected \(\.\.\., 3"):
        function(np.zeros((2, 4)))
