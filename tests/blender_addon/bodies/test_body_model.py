"""The forward pass against what can be worked out by hand, and the checks of a model's arrays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel, ShapeSamples
from blender_addon.bodies.rotations import rodrigues

FAMILIES = ["smpl", "smplh", "smplx"]


@pytest.mark.parametrize("family", FAMILIES)
def test_zero_betas_and_pose_give_the_template_and_its_regressed_joints(random_body, family):
    body = random_body(family)
    posed = body.pose()
    np.testing.assert_allclose(posed.vertices, body.v_template, atol=1e-6)
    np.testing.assert_allclose(posed.joints, body.J_regressor @ body.v_template, atol=1e-6)


def test_a_rotated_root_turns_the_whole_body_about_the_pelvis(random_body, rng):
    body = random_body(posedirs=np.zeros((60, 3, 0)))
    betas, pose, translation = rng.normal(size=10), np.zeros((24, 3)), rng.normal(size=3)
    pose[0] = rng.normal(size=3)
    pelvis = body.rest_joints(betas)[0]
    rest, _ = body.shape_blend(betas)
    expected = (rest - pelvis) @ rodrigues(pose[0]).T + pelvis + translation
    np.testing.assert_allclose(body.pose(betas, pose, translation).vertices, expected, atol=2e-6)


def test_a_vertex_tied_to_one_joint_moves_rigidly_with_its_frame(random_body, rng):
    weights = np.eye(24)[np.arange(60) % 24]
    body = random_body(weights=weights, posedirs=np.zeros((60, 3, 0)))
    betas, pose = rng.normal(size=10), rng.normal(size=(24, 3))
    posed = body.pose(betas, pose, (1.0, 2.0, 3.0))
    rest, J = body.shape_blend(betas)
    for vertex in range(60):
        joint = vertex % 24
        at = posed.transforms[joint] @ [*(rest[vertex] - J[joint]), 1]
        np.testing.assert_allclose(posed.vertices[vertex], at[:3], atol=1e-5)


def test_joint_frames_chain_along_the_parents_and_sit_in_the_joints(random_body, rng):
    body = random_body("smplx")
    pose = rng.normal(size=(55, 3))
    posed = body.pose(pose=pose, translation=(0.0, 0.0, 5.0))
    np.testing.assert_allclose(posed.transforms[:, :3, 3], posed.joints, atol=1e-6)
    R, J = rodrigues(pose), body.rest_joints()
    for k in range(1, 55):
        parent = posed.transforms[body.parents[k]]
        np.testing.assert_allclose(posed.transforms[k, :3, :3], parent[:3, :3] @ R[k], atol=1e-12)
        offset = parent[:3, :3] @ (J[k] - J[body.parents[k]])
        np.testing.assert_allclose(posed.transforms[k, :3, 3], parent[:3, 3] + offset, atol=1e-12)
    np.testing.assert_array_equal(posed.transforms[:, 3], np.tile([0, 0, 0, 1], (55, 1)))


def test_joints_follow_the_shaped_vertices(random_body, rng):
    body, betas = random_body(), rng.normal(size=10)
    shaped, J = body.shape_blend(betas)
    np.testing.assert_allclose(J, body.J_regressor @ shaped, atol=1e-6)
    assert np.abs(J - body.rest_joints()).max() > 1e-3


def test_pose_correctives_are_linear_in_the_rotations_of_all_joints_but_the_root(random_body, rng):
    body = random_body()
    pose = rng.normal(size=(24, 3))
    features = (rodrigues(pose[1:]) - np.eye(3)).ravel()
    np.testing.assert_allclose(
        body.pose_blend(rodrigues(pose)), body.posedirs @ features, atol=1e-6
    )


def test_offsets_move_the_skin_at_rest_and_no_joint(random_body, rng):
    body, D = random_body(), rng.normal(scale=0.05, size=(60, 3))
    plain, dressed = body.pose(), body.pose(offsets=D)
    np.testing.assert_allclose(dressed.vertices - plain.vertices, D, atol=1e-6)
    pose = rng.normal(size=(24, 3))
    np.testing.assert_array_equal(
        body.pose(pose=pose, offsets=D).joints, body.pose(pose=pose).joints
    )


def test_expression_acts_as_further_shape_directions(random_body, rng):
    E = rng.normal(scale=0.01, size=(60, 3, 4))
    face = random_body("smplx", exprdirs=E)
    joined = random_body("smplx", shapedirs=np.concatenate([face.shapedirs, E], axis=2))
    betas, expression, pose = rng.normal(size=10), rng.normal(size=4), rng.normal(size=(55, 3))
    a = face.pose(betas, pose, expression=expression)
    b = joined.pose([*betas, *expression], pose)
    np.testing.assert_allclose(a.vertices, b.vertices, atol=1e-5)
    np.testing.assert_allclose(a.joints, b.joints, atol=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 10), st.integers(0, 2**31))
def test_missing_betas_count_as_zero(random_body_for_hypothesis, count, seed):
    body, betas = random_body_for_hypothesis, np.random.default_rng(seed).normal(size=count)
    padded = np.pad(betas, (0, 10 - count))
    np.testing.assert_allclose(body.pose(betas).vertices, body.pose(padded).vertices, atol=1e-6)


@settings(max_examples=20)
@given(st.tuples(*[st.floats(-100, 100)] * 3), st.integers(0, 2**31))
def test_translation_moves_everything_and_turns_nothing(
    random_body_for_hypothesis, translation, seed
):
    body, pose = random_body_for_hypothesis, np.random.default_rng(seed).normal(size=(24, 3))
    still, moved = body.pose(pose=pose), body.pose(pose=pose, translation=translation)
    np.testing.assert_allclose(
        moved.vertices - still.vertices, np.tile(translation, (60, 1)), atol=5e-5
    )
    np.testing.assert_array_equal(moved.transforms[:, :3, :3], still.transforms[:, :3, :3])


@pytest.fixture(scope="module")
def random_body_for_hypothesis():
    from blender_addon.bodies.joints import FAMILIES
    from blender_addon.bodies.model import BodyModel

    rng = np.random.default_rng(3)
    weights = rng.random((60, 24))
    return BodyModel(
        name="chain",
        family="smpl",
        gender="female",
        v_template=rng.normal(size=(60, 3)),
        faces=np.arange(60).reshape(20, 3),
        shapedirs=rng.normal(scale=0.01, size=(60, 3, 10)),
        posedirs=rng.normal(scale=0.01, size=(60, 3, 207)),
        J_regressor=np.full((24, 60), 1 / 60),
        weights=weights / weights.sum(axis=1, keepdims=True),
        parents=np.arange(24) - 1,
        joint_names=FAMILIES["smpl"],
    )


def test_arrays_are_read_only_without_freezing_the_callers(random_body):
    template = np.zeros((60, 3), dtype=np.float32)
    body = random_body(v_template=template)
    with pytest.raises(ValueError, match="read-only"):
        body.v_template[0] = 1
    template[0] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"betas": np.zeros(11)}, r"betas: shape \(11,\), expected at most \(10,\)"),
        ({"betas": [np.nan]}, "betas: not all finite"),
        ({"expression": [1.0]}, r"expression: shape \(1,\), expected at most \(0,\)"),
        ({"pose": np.zeros((52, 3))}, r"pose: shape \(52, 3\), expected \(24, 3\).*fit_pose"),
        ({"pose": np.full((24, 3), np.inf)}, "pose: not all finite"),
        ({"translation": (1.0, 2.0)}, "translation: expected 3"),
        ({"offsets": np.zeros((59, 3))}, r"offsets: shape \(59, 3\), expected \(60, 3\)"),
    ],
)
def test_wrong_arguments_are_named(random_body, arguments, message):
    with pytest.raises(ValueError, match=message):
        random_body().pose(**arguments)


NAN = np.full((60, 3), np.nan)
LOOP = np.array([-1, 2, 1, *range(2, 23)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gender": "m"}, "gender: 'm'"),
        ({"v_template": np.zeros((60, 2))}, r"v_template: shape \(60, 2\), expected \(60, 3\)"),
        ({"v_template": NAN}, "v_template: not all finite"),
        ({"v_template": np.zeros((0, 3))}, "v_template: empty"),
        ({"faces": np.full((5, 3), 60)}, r"faces: indices 60\.\.60, expected 0\.\.59"),
        ({"faces": np.full((5, 3), -1)}, "faces: indices -1"),
        ({"shapedirs": np.zeros((59, 3, 10))}, r"shapedirs: shape .* expected \(60, 3, any\)"),
        ({"posedirs": np.zeros((60, 3, 206))}, "posedirs: 206 directions"),
        (
            {"J_regressor": np.zeros((60, 24))},
            r"J_regressor: shape \(60, 24\), expected \(24, 60\)",
        ),
        ({"weights": np.zeros((60, 23))}, "weights: shape"),
        ({"weights": np.zeros((60, 24))}, "weights: each vertex's weights"),
        ({"weights": np.array([["x"] * 24] * 60)}, "weights: holds"),
        ({"parents": np.arange(23) - 1}, "parents: 23 joints, a smpl body has 24"),
        ({"parents": LOOP}, "parents: no tree"),
        ({"parents": np.zeros(24, int)}, "parents: no tree"),
        ({"joint_names": ("pelvis",)}, "joint_names: 1 names for 24 joints"),
        ({"uv": np.zeros((60, 3, 2))}, r"uv: shape .* expected \(120, 3, 2\)"),
        ({"part_labels": np.full(60, 24)}, r"part_labels: indices 24\.\.24, expected 0\.\.23"),
        ({"hands_mean": np.zeros((15, 3))}, "hands_mean: shape"),
    ],
)
def test_models_that_cannot_be_posed_are_refused_by_array(random_body, changes, message):
    with pytest.raises(ValueError, match=message):
        random_body(**changes)


def test_an_unknown_family_is_refused(random_body):
    with pytest.raises(ValueError, match="family: 'mano', expected one of smpl, smplh, smplx"):
        dataclasses.replace(random_body(), family="mano")


def test_shape_samples_must_fit_the_shape_directions(random_body):
    samples = ShapeSamples(np.zeros((5, 9)), np.zeros(5), np.zeros(5), np.zeros(5))
    with pytest.raises(
        ValueError, match=r"shape_samples.betas: shape \(5, 9\), expected \(5, 10\)"
    ):
        random_body(shape_samples=samples)


def test_numbers_that_are_none_once_are_computed_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = default_body()
    expected = body.pose((1.0,)).vertices
    skin, results = BodyModel.skin, []

    def flaky(self: BodyModel, *given: Any) -> Any:
        results.append(skin(self, *given))
        return results[-1] * (np.nan if len(results) == 1 else 1.0)

    monkeypatch.setattr(BodyModel, "skin", flaky)
    np.testing.assert_array_equal(body.pose((1.0,)).vertices, expected)
    assert "computed again" in caplog.text and len(results) == 2
    monkeypatch.setattr(BodyModel, "skin", lambda *_: np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="not within"):
        body.pose()
