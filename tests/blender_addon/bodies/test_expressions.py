"""Faces and hands: what is drawn, and how each family of bodies shows it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blender_addon.bodies.expressions import (
    FACES,
    face_coefficients,
    face_joints,
    sample_face,
)
from blender_addon.bodies.hands import (
    HOLDING,
    HandShape,
    bent,
    finger_coefficients,
    finger_joints,
    hand_size,
    sample_hand,
)
from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.bodies.rotations import rodrigues


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return default_body()


def regions(body: BodyModel, name: str) -> np.ndarray:
    from blender_addon.bodies.library import DEFAULT_BODY_PATH

    with np.load(DEFAULT_BODY_PATH) as arrays:
        return np.flatnonzero(arrays["face_regions"] == arrays["region_names"].tolist().index(name))


def moved(body: BodyModel, **coefficients: float) -> np.ndarray:
    """(V, 3) m that the named coefficients move each vertex at rest."""
    values = np.zeros(body.num_expression)
    for name, value in coefficients.items():
        values[body.expression_names.index(name)] = value
    return body.shape_blend(expression=values)[0] - body.v_template


def test_every_face_movement_has_a_direction_in_the_default_body(body):
    assert set(FACES) <= set(body.expression_names)


def test_faces_are_drawn_within_what_people_do():
    rng = np.random.default_rng(0)
    faces = [sample_face(rng) for _ in range(400)]
    values = np.array([[face[name] for name in FACES] for face in faces])
    assert values.min() >= -1.2
    assert values.max() <= 1.2
    closed = values[:, FACES.index("blink_left")] == 1.0
    assert 0.01 < closed.mean() < 0.12, "few people blink"
    assert (values[:, FACES.index("mouth_open")] > 0.1).mean() > 0.1
    assert sample_face(np.random.default_rng(3)) == sample_face(np.random.default_rng(3))
    assert sample_face(rng, "grin")["teeth"] >= 0.5


def test_lids_close_over_the_eyes_and_lips_part(body):
    lids = moved(body, blink_left=1.0)
    assert lids[:, 1].min() < -0.006
    assert np.abs(lids[body.v_template[:, 0] < -0.02]).max() == 0.0, "only the left eye"
    lips = regions(body, "lips")
    down = moved(body, mouth_open=1.0)[lips, 1]
    assert down.min() < -0.008
    assert down.max() > -0.003


def test_eyes_turn_about_their_middles(body):
    for name, axis in (("look_left", 0), ("look_up", 1)):
        move = moved(body, **{name: 1.0})
        for side in ("eye_left", "eye_right"):
            ball = regions(body, side)
            pupil = ball[np.argmax(body.v_template[ball, 2])]
            assert move[pupil, axis] > 0.003
            assert np.abs(move[ball].mean(axis=0)).max() < 2e-4


def test_faces_do_not_move_the_joints(body):
    values = np.zeros(body.num_expression)
    values[: len(FACES)] = 1.0
    shift = body.rest_joints(expression=values) - body.rest_joints()
    assert np.abs(shift).max() < 1e-3


def test_a_fist_brings_the_fingertips_to_the_palm(body):
    fist = HandShape(1.0, 1.0, 1.0, 0.0)
    values = np.zeros(body.num_expression)
    for side in ("left", "right"):
        for k, value in finger_coefficients(body, side, fist).items():
            values[k] = value
    shaped, _ = body.shape_blend(expression=values)
    tip = int(np.argmax(body.v_template[:, 0]))
    wrist = body.rest_joints()[body.joint_names.index("left_wrist")]
    before, after = (np.linalg.norm(v[tip] - wrist) for v in (body.v_template, shaped))
    assert after < 0.65 * before
    mirrored = shaped * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(np.ptp(mirrored, axis=0), np.ptp(shaped, axis=0), atol=1e-6)


@pytest.mark.parametrize("bend", [0.17, 0.35, 0.5, 0.83, 1.0])
def test_a_finger_bent_halfway_keeps_its_length(body, bend):
    """The last bone of the index finger is as long as at rest."""
    values = np.zeros(body.num_expression)
    for k, value in finger_coefficients(body, "left", HandShape(bend, 0.0, 0.0, 0.0)).items():
        values[k] = value
    shaped, _ = body.shape_blend(expression=values)
    full = np.linalg.norm(moved(body, left_index_curl=1.0), axis=1)
    finger = full > 0.8 * full.max()
    before, after = (np.sqrt(np.trace(np.cov(v[finger].T))) for v in (body.v_template, shaped))
    assert 0.75 * before < after < 1.05 * before


def test_a_child_has_smaller_hands_and_smaller_coefficients(body):
    samples = body.shape_samples
    child = tuple(samples.betas[int(samples.age.argmin())].tolist())
    size = hand_size(body, child)
    assert 0.4 < size < 0.75
    shape = HandShape(1.0, 1.0, 1.0, 1.0)
    small, large = (finger_coefficients(body, "left", shape, s) for s in (size, 1.0))
    assert all(small[k] == pytest.approx(size * large[k], abs=1e-4) for k in large)


def test_fingers_of_jointed_hands_bend_towards_the_palm():
    for side, along in (("left", [1.0, 0.0, 0.0]), ("right", [-1.0, 0.0, 0.0])):
        turns = finger_joints(side, HandShape(1.0, 1.0, 1.0, 0.0))
        assert len(turns) == 15
        first, second = (rodrigues(turns[f"{side}_index{segment}"]) for segment in (1, 2))
        assert (first @ along)[1] < -0.9, "palms face the ground in the T-pose"
        assert (first @ second @ along) @ along < -0.9
        spread = finger_joints(side, HandShape(0.0, 0.0, 0.0, 1.0))
        towards_thumb = rodrigues(spread[f"{side}_index1"]) @ along
        assert towards_thumb[2] > 0.1


def test_hands_that_hold_are_bent_and_poses_without_fingers_are_heeded():
    rng = np.random.default_rng(0)
    for thing in HOLDING:
        shape = sample_hand(thing, rng)
        assert shape.fingers > 0.1
    assert bent(HandShape(0.0, 0.1, 0.0, 0.0), 0.6) == HandShape(0.6, 0.6, 0.0, 0.0)


def test_jaw_and_eyes_turn_where_a_body_has_them():
    face = dict.fromkeys(FACES, 0.0) | {"mouth_open": 1.0, "look_left": 1.0}
    turns = face_joints(face)
    chin = rodrigues(turns["jaw"]) @ [0.0, 0.0, 1.0]
    gaze = rodrigues(turns["left_eye"]) @ [0.0, 0.0, 1.0]
    assert chin[1] < -0.2
    assert gaze[0] > 0.2


def test_directions_without_names_are_drawn(body):
    nameless = dataclasses.replace(body, expression_names=())
    drawn = face_coefficients(nameless, sample_face(np.random.default_rng(0)),
                              np.random.default_rng(1))  # fmt: skip
    assert sorted(drawn) == list(range(10))
    assert np.abs(list(drawn.values())).max() <= 2.0


def test_names_must_be_as_many_as_directions(body):
    with pytest.raises(ValueError, match="expression_names"):
        dataclasses.replace(body, expression_names=("smile",))
