"""Face and fingers of a person who holds a pose. Pure numpy.

Both draw from streams of their own, so that a recipe without them draws the same bodies and poses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..bodies.expressions import face_coefficients, face_joints, sample_face
from ..bodies.hands import (
    HandShape,
    bent,
    finger_coefficients,
    finger_joints,
    hand_size,
    sample_hand,
)
from ..bodies.model import BodyModel
from ..bodies.pose_library import Pose
from ..recipes.recipe import Recipe
from .physique import stooped

Array = NDArray[np.float64]
Acting = Callable[[BodyModel, tuple[float, ...], Pose, Array], tuple[Array, tuple[float, ...]]]
"""(body, betas, pose, joints) -> (joints with face and fingers, expression coefficients)."""

SIDES = ("left", "right")
_KNUCKLES = np.radians(90.0)  # that a pose without fingers bends them all for a fist


def as_posed(
    model: BodyModel, betas: tuple[float, ...], pose: Pose, joints: Array
) -> tuple[Array, tuple[float, ...]]:
    """Leave face and fingers as the pose has them."""
    return joints, ()


def acting(
    recipe: Recipe,
    face_rng: np.random.Generator,
    hands_rng: np.random.Generator,
    holding: Mapping[str, str] | None = None,
    stoop: float = 0.0,
) -> Acting:
    """Return the function that gives a person face and fingers.

    Args:
        recipe: What may vary.
        face_rng: Generator of the face.
        hands_rng: Generator of the hands.
        holding: Kinds of hands by side, in place of those of the pose. See `sample_hand`.
        stoop: Degrees by which the person stoops.
    """

    def act(
        model: BodyModel, betas: tuple[float, ...], pose: Pose, joints: Array
    ) -> tuple[Array, tuple[float, ...]]:
        joints = stooped(joints.copy(), stoop)
        coefficients: dict[int, float] = {}
        if recipe.bodies.enabled and face_rng.random() < recipe.bodies.expression:
            face = sample_face(face_rng)
            coefficients |= face_coefficients(model, face, face_rng)
            _turn(joints, model, face_joints(face))
        if recipe.poses.enabled and recipe.poses.fingers:
            coefficients |= _hands(model, betas, pose, joints, hands_rng, holding or {})
        used = {k: value for k, value in coefficients.items() if value}
        return joints, tuple(used.get(k, 0.0) for k in range(max(used, default=-1) + 1))

    return act


def _hands(
    model: BodyModel,
    betas: tuple[float, ...],
    pose: Pose,
    joints: Array,
    rng: np.random.Generator,
    holding: Mapping[str, str],
) -> dict[int, float]:
    """Turn the finger joints of both hands in place; return the coefficients of the hands."""
    kinds = {side: _held(pose, side, rng) for side in SIDES} | dict(holding)
    shapes = {side: sample_hand(kind, rng) for side, kind in kinds.items()}
    if "left_index1" in model.joint_names:
        if pose.category != "motion":  # which has fingers of its own, or relaxed ones
            for side, shape in shapes.items():
                _turn(joints, model, finger_joints(side, shape))
        return {}
    if "left_index_third" not in model.expression_names:
        return {}
    size = hand_size(model, betas)
    coefficients: dict[int, float] = {}
    for side, shape in shapes.items():
        row = model.joint_names.index(f"{side}_hand")
        coefficients |= finger_coefficients(model, side, _with_bend(shape, joints[row]), size)
        joints[row] = 0.0
    return coefficients


def _with_bend(shape: HandShape, knuckles: Array) -> HandShape:
    """The hand, bent at least as far as the pose bends all fingers as one."""
    return bent(shape, min(float(np.abs(knuckles[2])) / _KNUCKLES, 1.0))


def _held(pose: Pose, side: str, rng: np.random.Generator) -> str:
    """The kind of hand that a pose asks for; empty for a free one."""
    chance = rng.random()
    for prop in pose.props:
        thing, _, where = prop.partition("@")
        if where in ("hands", f"{side}_hand") and thing != "table":
            return thing
    if pose.support == "bike":
        return "bicycle"
    if f"{side}_hand" in pose.contacts:
        return "loose"
    if pose.category == "waving":
        return "open" if chance < 0.8 else "flat"
    if pose.category == "reaching":
        return "point" if chance < 0.3 else "loose"
    if pose.category == "running":
        return "fist" if chance < 0.5 else ""
    return ""


def _turn(joints: Array, model: BodyModel, turns: Mapping[str, Array]) -> None:
    rows = {name: k for k, name in enumerate(model.joint_names)}
    for name, turn in turns.items():
        if name in rows:
            joints[rows[name]] = turn
