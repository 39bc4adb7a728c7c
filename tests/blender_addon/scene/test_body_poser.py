import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.bodies.library import default_body
from blender_addon.scene.body_poser import BodyPoser
from blender_addon.scene.spec import BodySpec, MotionSpec, PersonSpec
from blender_addon.wardrobe.outfit import plain_outfit
from blender_addon.wardrobe.sampling import sample_outfit

POSER = BodyPoser({"default": default_body()})
small = st.floats(-1.5, 1.5)


def body(root=(0.0, 0.0, 0.0), translation=(0.0, 0.0, 0.0)) -> BodySpec:
    pose = np.random.default_rng(1).normal(0, 0.3, (24, 3))
    pose[0] = root
    return BodySpec("default", (0.5, -0.3), tuple(map(tuple, pose.tolist())), translation)


@given(st.tuples(small, small, small), st.tuples(small, small, small))
def test_a_placed_figure_is_the_body_model_s_own(root, translation):
    spec, outfit = body(root, translation), plain_outfit()
    posed = POSER.pose_body(spec, outfit)
    clothes = POSER.clothes(spec, outfit)
    direct = default_body().pose(spec.betas, np.array(spec.pose), translation, clothes)
    np.testing.assert_allclose(posed.vertices, direct.vertices, atol=3e-6)
    np.testing.assert_allclose(posed.joints, direct.joints, atol=3e-6)
    np.testing.assert_allclose(posed.transforms, direct.transforms, atol=3e-6)


def test_the_same_spec_gives_the_same_bytes_with_and_without_memory():
    outfit = sample_outfit(np.random.default_rng(0))
    warm = POSER.pose_body(body((0.1, 0.2, 0.3)), outfit)
    cold = BodyPoser({"default": default_body()}).pose_body(body((0.1, 0.2, 0.3)), outfit)
    assert (warm.vertices == cold.vertices).all()


def test_clothes_make_people_thicker_and_no_taller_by_much():
    outfits = [sample_outfit(np.random.default_rng(i)) for i in range(8)]
    bare = default_body().pose(body().betas, np.array(body().pose)).vertices
    for outfit in outfits:
        moved = np.linalg.norm(POSER.pose_body(body(), outfit).vertices - bare, axis=1)
        assert moved.max() > 0.002
        assert moved.max() < 0.3


def test_motion_moves_and_its_absence_is_said():
    spec = PersonSpec(1, body(), plain_outfit(), "x")
    with pytest.raises(ValueError, match="person 1 has no motion"):
        POSER.pose_later(spec)
    moving = dataclasses.replace(spec, motion=MotionSpec(spec.body.pose, (0.0, 0.5, 0.0), 0.1))
    shift = POSER.pose_later(moving).vertices - POSER.pose(moving).vertices
    np.testing.assert_allclose(shift, np.broadcast_to((0, 0.5, 0), shift.shape), atol=1e-5)


def test_an_unknown_model_is_a_key_error():
    with pytest.raises(KeyError):
        POSER.pose_body(dataclasses.replace(body(), model="nobody"), plain_outfit())
