"""The things of a pose are where the posed body touches them."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies import pose_props
from blender_addon.bodies.anatomy import JOINT
from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import Posed
from blender_addon.bodies.pose_library import COMPANIONS_PATH, PROPS, Pose, load_poses
from blender_addon.bodies.pose_props import (
    PropPlacement,
    ground_clearance,
    place_props,
    seat_height,
)
from blender_addon.bodies.posed_body import PosedBody, leg_length
from blender_addon.bodies.rotations import matrix_to_axis_angle, rodrigues
from blender_addon.props.catalogue import SHAPES

LIBRARY = {pose.name: pose for pose in (*load_poses(), *load_poses(COMPANIONS_PATH))}


def stand(pose: Pose, yaw: float = 0.0) -> Posed:
    """The mean default body in this pose on z = 0, facing -Y turned by `yaw` degrees."""
    body, theta = default_body(), pose.joints.copy()
    to_world = rodrigues(np.radians([0.0, 0.0, yaw])) @ rodrigues(np.array([np.pi / 2, 0.0, 0.0]))
    theta[0] = matrix_to_axis_angle(to_world @ rodrigues(theta[0]))
    posed = body.pose(pose=theta)
    lift = ground_clearance(pose, posed.joints) - posed.vertices[:, 2].min()
    middle = posed.joints[0]
    return body.pose(pose=theta, translation=(-middle[0], -middle[1], lift))


def place(pose: Pose, posed: Posed, seed: int = 0) -> list[PropPlacement]:
    return place_props(
        pose, posed.joints, posed.transforms, posed.vertices, np.random.default_rng(seed)
    )


def test_every_shape_is_one_that_the_stage_builds():
    placed = {
        prop.shape for pose in LIBRARY.values() if pose.props for prop in place(pose, stand(pose))
    }
    assert placed <= set(SHAPES)


def test_every_prop_word_is_used_by_a_pose():
    assert {prop.partition("@")[0] for pose in LIBRARY.values() for prop in pose.props} == set(
        PROPS
    )


@pytest.mark.parametrize(
    "name", ["sit_upright", "carry_backpack_walking", "phone_photo", "cycle_upright", "sit_read"]
)
def test_things_turn_with_the_body(name):
    pose, yaw = LIBRARY[name], 50.0
    turn = rodrigues(np.radians([0.0, 0.0, yaw]))
    for before, after in zip(place(pose, stand(pose)), place(pose, stand(pose, yaw)), strict=True):
        np.testing.assert_allclose(after.location, turn @ before.location, atol=2e-3)
        np.testing.assert_allclose(after.size, before.size, atol=2e-3)
        np.testing.assert_allclose(_axes(after), turn @ _axes(before), atol=2e-3)


def _axes(prop: PropPlacement) -> np.ndarray:
    x, y, z = (
        rodrigues(np.radians(angle) * axis)
        for angle, axis in zip(prop.rotation, np.eye(3), strict=True)
    )
    return z @ y @ x


def test_things_of_the_mirrored_pose_are_on_the_other_side():
    pose = LIBRARY["carry_umbrella_standing"]
    (right,) = place(pose, stand(pose))
    (left,) = place(pose.mirrored(), stand(pose.mirrored()))
    assert right.location[0] < -0.05
    np.testing.assert_allclose(left.location, np.multiply(right.location, (-1, 1, 1)), atol=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_seat_is_under_the_body_and_as_high_as_it_sits(seed):
    pose = LIBRARY["sit_upright"]
    posed = stand(pose)
    (seat,) = place(pose, posed, seed)
    surface = seat.size[2] * pose_props.SEAT_LEVEL[seat.shape]
    assert surface == pytest.approx(seat_height(posed.joints, posed.vertices))
    offset = posed.joints[0, :2] - seat.location[:2]
    assert abs(offset[0]) < seat.size[0] / 2
    assert abs(offset[1]) < seat.size[1] / 2


@pytest.mark.parametrize("name", ["cycle_upright", "cycle_lean_forward"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rider_holds_the_bars_and_stands_on_the_low_pedal(name, mirrored):
    pose = LIBRARY[name].mirrored() if mirrored else LIBRARY[name]
    posed = stand(pose)
    (bicycle,) = place(pose, posed)
    scale = bicycle.size[2] / pose_props.BICYCLE_SIZE[2]
    assert bicycle.location[2] == 0.0
    body = PosedBody(
        pose, posed.joints, posed.transforms[:, :3, :3], posed.vertices, np.random.default_rng(0)
    )
    for side in (1.0, -1.0):
        palm, _, _ = body.hand("left_" if side > 0 else "right_")
        grip = np.array(bicycle.location) + scale * np.array([side * 0.25, -0.265, 1.03])
        np.testing.assert_allclose(palm, grip, atol=0.08)
    low = "right_foot" if mirrored else "left_foot"
    assert abs(posed.vertices[:, 2].min() - scale * pose_props.LOW_PEDAL) < 0.03
    assert posed.joints[JOINT[low], 2] < 0.3
    assert (bicycle.size[0] < 0) == mirrored


def test_box_is_between_the_palms_and_in_front_of_the_belly():
    pose = LIBRARY["carry_box_standing"]
    posed = stand(pose)
    (box,) = place(pose, posed)
    wrists = posed.joints[[JOINT["left_wrist"], JOINT["right_wrist"]]]
    assert 0.2 < box.size[0] < np.linalg.norm(wrists[0] - wrists[1]) + 0.05
    assert box.location[1] + box.size[1] / 2 < posed.joints[0, 1]
    assert 0.5 < box.location[2] < 1.3


def test_phone_is_at_the_ear_and_bag_hangs_over_the_ground():
    call = LIBRARY["phone_call_standing"]
    posed = stand(call)
    (phone,) = place(call, posed)
    assert np.linalg.norm(phone.location - posed.joints[JOINT["head"]]) < 0.2
    for bag in place(LIBRARY["carry_two_bags_walking"], stand(LIBRARY["carry_two_bags_walking"])):
        assert bag.location[2] > 0.02


def test_lift_grows_with_the_legs():
    pose = LIBRARY["play_jump"]
    small = default_body().pose(pose=pose.joints)
    assert ground_clearance(pose, 0.5 * small.joints) == pytest.approx(
        0.5 * ground_clearance(pose, small.joints)
    )
    assert leg_length(small.joints) == pytest.approx(
        leg_length(default_body().pose().joints), abs=1e-5
    )
