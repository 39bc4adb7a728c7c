"""Aids, toys and animals are where the posed body touches them."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies import companion_props
from blender_addon.bodies.companion_props import COMPANION_PLACERS
from blender_addon.bodies.pose_library import CARRIED, COMPANIONS_PATH, load_poses
from blender_addon.bodies.posed_body import PosedBody
from blender_addon.bodies.prop_placement import seat_height
from blender_addon.props.catalogue import SHAPES, unit_shape
from blender_addon.props.companions import COMPANIONS
from tests.blender_addon.bodies.test_pose_props import place, stand

POSES = {pose.name: pose for pose in load_poses(COMPANIONS_PATH) if pose.name != CARRIED}


def in_world(prop) -> np.ndarray:
    """(V, 3) m: the vertices of a placed prop."""
    from blender_addon.stage.arrays import euler_matrix

    vertices = unit_shape(prop.shape).vertices * np.array(prop.size)
    return vertices @ euler_matrix(prop.rotation).T + prop.location


def palm(pose, posed, side: str) -> np.ndarray:
    body = PosedBody(pose, posed.joints, posed.transforms[:, :3, :3], posed.vertices,
                     np.random.default_rng(0))  # fmt: skip
    return body.hand(side)[0]


@pytest.mark.parametrize("name", ["wheelchair", "rollator", "trolley", "scooter"])
def test_sizes_are_those_of_the_shapes(name):
    vertices = COMPANIONS[name]().vertices
    size = getattr(companion_props, f"{name.upper()}_SIZE")
    np.testing.assert_allclose(np.ptp(vertices, axis=0), size, atol=2e-3)


@pytest.mark.parametrize("name", POSES)
def test_what_is_held_is_at_the_palm(name):
    pose = POSES[name]
    posed = stand(pose)
    props = [prop for prop in place(pose, posed) if prop.shape in SHAPES]
    for word in pose.props:
        shape, _, where = word.partition("@")
        sides = {"hands": ("left_", "right_")}.get(where, (where.removesuffix("hand"),))
        if where in ("pelvis", "left_foot", "right_foot"):
            continue
        clouds = [in_world(p) for p in props if p.shape == ("pole" if shape == "dog" else shape)]
        cloud = np.concatenate(clouds)
        for side in sides:
            gap = np.linalg.norm(cloud - palm(pose, posed, side), axis=1).min()
            assert gap < 0.09, (name, side)


@pytest.mark.parametrize("name", POSES)
def test_what_rolls_or_stands_touches_the_ground(name):
    pose = POSES[name]
    for prop in place(pose, stand(pose)):
        if prop.shape in ("pole", "racket") or "ball@hands" in pose.props:
            continue
        assert abs(in_world(prop)[:, 2].min()) < 0.03, prop.shape


@pytest.mark.parametrize("name", ["wheelchair_rest", "wheelchair_push"])
def test_a_wheelchair_carries_its_user(name):
    pose = POSES[name]
    posed = stand(pose)
    (chair,) = place(pose, posed)
    height = seat_height(posed.joints, posed.vertices)
    assert chair.size[2] == pytest.approx(0.945 * height / 0.5)
    assert abs(chair.location[0] - posed.joints[0, 0]) < 0.03
    soles = posed.vertices[:, 2].min()
    assert 0.05 < soles < 0.14, "feet are on the rests"


def test_pushed_things_are_in_front_and_stood_on_things_below():
    for name, shape in (("push_trolley", "trolley"), ("rollator_walking", "rollator")):
        pose = POSES[name]
        posed = stand(pose)
        (prop,) = (p for p in place(pose, posed) if p.shape == shape)
        assert prop.location[1] < posed.joints[0, 1] - 0.1
    for name in ("scooter_ride", "skateboard_ride"):
        pose = POSES[name]
        posed = stand(pose)
        (prop,) = place(pose, posed)
        cloud = in_world(prop)
        feet = posed.joints[[7, 8], :2].mean(axis=0)
        low, high = cloud[:, :2].min(axis=0), cloud[:, :2].max(axis=0)
        assert (feet > low - 0.05).all()
        assert (feet < high + 0.05).all()


def test_every_companion_is_used_by_a_pose():
    used = {prop.partition("@")[0] for pose in POSES.values() for prop in pose.props}
    assert used == set(COMPANION_PLACERS)
