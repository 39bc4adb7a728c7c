"""Arms that reach for a place: inverse kinematics of shoulder, elbow and forearm. Pure numpy.

The elbow bends as a hinge in the plane that the target and a pole span; the hand goes on straight
from the forearm, and its palm is turned towards a direction as far as a forearm turns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .model import BodyModel
from .posed_body import GROWN_UP_LEG, PALM, leg_length, unit
from .rotations import matrix_to_axis_angle, rodrigues

Array = NDArray[np.float64]

_FULL = 0.985  # share of its length to which an arm stretches
_TURN = np.radians(85.0)  # that a forearm turns to either side


def world_frames(
    model: BodyModel, betas: ArrayLike, pose: Array, translation: ArrayLike
) -> tuple[Array, Array]:
    """Rotations (J, 3, 3) and places (J, 3), m, of the joints of a posed body in the world."""
    G = model.kinematic_chain(rodrigues(pose), model.rest_joints(betas))
    return G[:, :3, :3], G[:, :3, 3] + np.asarray(translation)


def reach(
    model: BodyModel,
    betas: ArrayLike,
    pose: Array,
    translation: ArrayLike,
    side: str,
    target: Array,
    pole: Array,
    palm: Array,
) -> Array:
    """The pose (J, 3) with one palm at a target, or as near to it as the arm is long.

    Args:
        model: The body.
        betas: The shape.
        pose: (J, 3) axis-angle, rad, its root in the world.
        translation: (3,) m.
        side: "left" or "right".
        target: (3,) m in the world, for the middle of the palm.
        pole: (3,) direction in which the elbow points.
        palm: (3,) direction that the palm is to face.
    """
    row = {name: k for k, name in enumerate(model.joint_names)}
    collar, shoulder, elbow, wrist = (
        row[f"{side}_{name}"] for name in ("collar", "shoulder", "elbow", "wrist")
    )
    rest = model.rest_joints(betas)
    rotations, places = world_frames(model, betas, pose, translation)
    upper, fore = rest[elbow] - rest[shoulder], rest[wrist] - rest[elbow]
    size = leg_length(rest[:24]) / GROWN_UP_LEG
    lengths = np.linalg.norm(upper), np.linalg.norm(fore) + size * PALM
    start = places[shoulder]
    distance = float(np.linalg.norm(target - start))
    shortest = abs(lengths[0] - lengths[1]) + 0.06 * size
    distance = float(np.clip(distance, shortest, _FULL * sum(lengths)))
    towards = unit(target - start)
    aside = unit(pole - (pole @ towards) * towards)
    cosine = (lengths[0] ** 2 + distance**2 - lengths[1] ** 2) / (2 * lengths[0] * distance)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    first = np.cos(angle) * towards + np.sin(angle) * aside
    second = unit(start + distance * towards - (start + lengths[0] * first))
    bend = unit(second - (second @ first) * first)  # the inside of the elbow, across the upper arm
    inside = (second @ first) * bend - (second @ bend) * first
    front = np.array([0.0, 0.0, 1.0])  # at rest the inside of the elbow looks forwards
    global_upper = _frame(first, bend) @ _frame(upper, front).T
    straight = _frame(second, inside) @ _frame(fore, front).T
    turn = _turn_towards(second, straight @ [0.0, -1.0, 0.0], palm)
    half, whole = rodrigues(np.stack([0.5 * turn * second, turn * second]))
    result = pose.copy()
    result[[shoulder, elbow, wrist]] = matrix_to_axis_angle(
        np.stack(
            [
                rotations[collar].T @ global_upper,
                global_upper.T @ half @ straight,
                (half @ straight).T @ whole @ straight,
            ]
        )
    )
    return result


def _frame(along: Array, inside: Array) -> Array:
    """(3, 3) axes: along a bone, across it towards `inside`, and across both."""
    x = unit(along)
    y = unit(inside - (inside @ x) * x)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _turn_towards(axis: Array, present: Array, wanted: Array) -> float:
    """Angle about a unit axis that turns `present` to `wanted`, as far as a forearm turns."""
    wanted = unit(wanted - (wanted @ axis) * axis)
    present = unit(present - (present @ axis) * axis)
    angle = np.arctan2(np.cross(present, wanted) @ axis, present @ wanted)
    return float(np.clip(angle, -_TURN, _TURN))
