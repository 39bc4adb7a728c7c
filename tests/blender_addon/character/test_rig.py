"""rig.py's conversions against the body model itself; numpy stands in for Blender's bones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.bodies.rotations import rodrigues
from blender_addon.character.rig import (
    ELEMENTS,
    Rig,
    bone_quaternions,
    corrective_formula,
    object_location,
    read_bones,
    rest_pelvis,
)

BODY = default_body()
RIG = Rig(BODY)
J = BODY.num_joints

angles = st.floats(-1.7, 1.7)
vectors = st.tuples(angles, angles, angles)
seeds = st.integers(0, 2**32 - 1)


def quaternion_matrix(q: np.ndarray) -> np.ndarray:
    """(3, 3) from w, x, y, z by the textbook's formula, independent of the one in rig.py."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def rigid(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = R, t
    return out


def blender(
    betas: np.ndarray, quaternions: np.ndarray, location: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(D (J, 4, 4), heads) of an armature with these rotations, multiplied as Blender does."""
    heads = RIG.heads(betas)
    rest = [rigid(axes, head) for axes, head in zip(RIG.axes, heads, strict=True)]
    posed: list[np.ndarray] = []
    for k, parent in enumerate(BODY.parents):
        own = rest[k] @ rigid(quaternion_matrix(quaternions[k]), np.zeros(3))
        posed.append(own if parent < 0 else posed[parent] @ np.linalg.inv(rest[parent]) @ own)
    obj = rigid(np.eye(3), location)
    return np.array([obj @ p @ np.linalg.inv(r) for p, r in zip(posed, rest, strict=True)]), heads


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1.5, 6), rng.normal(0, 0.8, (J, 3)), rng.normal(0, 3, 3)


@given(seeds)
@settings(max_examples=25)
def test_bones_move_the_rest_body_as_the_model_does(seed: int) -> None:
    betas, pose, translation = drawn(seed)
    location = object_location(translation, RIG.heads(betas)[0], RIG.lift)
    deforms, _ = blender(betas, bone_quaternions(pose, RIG.axes), location)
    shaped, _ = BODY.shape_blend(betas)
    blended = np.einsum("vk,kij->vij", BODY.weights.astype(float), deforms[:, :3])
    rest = RIG.to_rest(shaped)
    vertices = np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3]
    expected = BODY.pose(betas, pose, translation).vertices
    np.testing.assert_allclose(vertices, expected, atol=5e-6)


@given(seeds, vectors, vectors)
@settings(max_examples=25)
def test_a_pose_is_read_back_from_bones_and_object(
    seed: int, turn: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    betas, pose, translation = drawn(seed)
    location = object_location(translation, RIG.heads(betas)[0], RIG.lift)
    deforms, heads = blender(betas, bone_quaternions(pose, RIG.axes), location)
    # The artist turns and moves the object: the whole body follows, its own pose stays.
    carried = rigid(rodrigues(turn), np.array(shift)) @ deforms
    read, where = read_bones(carried, heads, BODY.parents, BODY.joint_names, RIG.lift)
    np.testing.assert_allclose(rodrigues(read[1:]), rodrigues(pose[1:]), atol=1e-9)
    np.testing.assert_allclose(rodrigues(read[0]), rodrigues(turn) @ rodrigues(pose[0]), atol=1e-9)
    pelvis = BODY.rest_joints(betas)[0]
    np.testing.assert_allclose(
        pelvis + where, rodrigues(turn) @ (pelvis + translation) + shift, atol=1e-9
    )


@given(vectors, vectors, st.sampled_from(ELEMENTS))
def test_formulas_are_the_elements_of_the_rotation_minus_identity(
    axes: tuple[float, float, float], turn: tuple[float, float, float], element: tuple[int, int]
) -> None:
    Q = rodrigues(axes)
    pose = np.zeros((2, 3))
    pose[1] = turn
    w, x, y, z = bone_quaternions(pose, np.stack([Q, Q]))[1]
    formula = corrective_formula(Q, *element)
    value = eval(formula, {"__builtins__": {}}, {"w": w, "x": x, "y": y, "z": z})
    assert value == pytest.approx((rodrigues(turn) - np.eye(3))[element], abs=1e-5)
    assert len(formula) < 256


def test_the_mean_body_stands_on_the_ground_and_looks_to_the_front() -> None:
    rest = RIG.to_rest(BODY.v_template)
    assert rest[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    heads = dict(zip(BODY.joint_names, RIG.heads(), strict=True))
    assert heads["head"][2] > heads["pelvis"][2] > heads["left_ankle"][2] > 0
    assert heads["left_wrist"][0] > 0.3  # its left is at +X when it looks to -Y
    assert heads["left_foot"][1] < heads["left_ankle"][1]
    np.testing.assert_allclose(
        rest_pelvis(RIG.heads()[0], RIG.lift), BODY.rest_joints()[0], atol=1e-9
    )


def test_bones_point_along_the_limbs() -> None:
    along = dict(zip(BODY.joint_names, RIG.axes[:, :, 1], strict=True))
    for name, way in {
        "pelvis": (0, 0, 1),
        "head": (0, 0, 1),
        "left_hip": (0, 0, -1),
        "left_elbow": (1, 0, 0),
        "right_elbow": (-1, 0, 0),
        "left_hand": (1, 0, 0),
        "left_foot": (0, -1, 0),
    }.items():
        assert along[name] @ way > 0.8, name


@pytest.mark.parametrize("family", ["smpl", "smplh", "smplx"])
def test_axes_are_right_handed_and_mirrored_bones_have_mirrored_axes(
    family: str, small_body: Callable[[str], BodyModel]
) -> None:
    model = small_body(family)
    axes = Rig(model).axes
    np.testing.assert_allclose(
        axes @ np.swapaxes(axes, 1, 2), np.broadcast_to(np.eye(3), axes.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    mirror = np.diag([-1.0, 1.0, 1.0])
    left, right = (model.joint_names.index(f"{side}_knee") for side in ("left", "right"))
    # Blender's X-mirror mirrors the bone and its front, and so the third axis is reversed.
    np.testing.assert_allclose(axes[right], mirror @ axes[left] @ mirror, atol=0.1)


def test_another_shape_moves_the_joints_and_turns_nothing() -> None:
    tall = np.array([2.0, -1.0])
    assert np.abs(RIG.heads(tall) - RIG.heads()).max() > 0.05
    np.testing.assert_array_equal(RIG.axes, Rig(BODY).axes)
    assert (RIG.lengths(tall) > 0.01).all()
    assert not np.allclose(RIG.lengths(tall), RIG.lengths())


def rest_pose() -> tuple[np.ndarray, np.ndarray]:
    return blender(np.zeros(0), np.tile([1.0, 0, 0, 0], (J, 1)), np.zeros(3))


@pytest.mark.parametrize("scale", [(1.1, 1.1, 1.1), (1.0, 1.0, 1.2), (-1.0, 1.0, 1.0)])
def test_a_scaled_object_is_no_body(scale: tuple[float, float, float]) -> None:
    deforms, heads = rest_pose()
    with pytest.raises(ValueError, match="object or the bone pelvis is scaled, set its scale to 1"):
        read_bones(
            np.diag([*scale, 1.0]) @ deforms, heads, BODY.parents, BODY.joint_names, RIG.lift
        )


def test_a_scaled_or_moved_bone_is_named() -> None:
    deforms, heads = rest_pose()
    wrist = BODY.joint_names.index("left_wrist")
    scaled = deforms.copy()
    scaled[wrist, :3, :3] *= 1.5
    with pytest.raises(ValueError, match="bone left_wrist is scaled"):
        read_bones(scaled, heads, BODY.parents, BODY.joint_names, RIG.lift)
    moved = deforms.copy()
    moved[wrist, 2, 3] += 0.05
    with pytest.raises(ValueError, match="bone left_wrist is moved out of its joint"):
        read_bones(moved, heads, BODY.parents, BODY.joint_names, RIG.lift)
