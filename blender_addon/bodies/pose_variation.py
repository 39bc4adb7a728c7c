"""Blends of poses, and poses as another person would hold them. Frame and angles are those of
`anatomy`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from . import anatomy
from .anatomy import JOINT, JOINT_NAMES, LIMITS
from .rotations import matrix_to_axis_angle, rodrigues


def flatten_feet(joints: np.ndarray, planted: Collection[str]) -> np.ndarray:
    """Turn the ankles of the planted feet, by the shortest way, until their soles are level."""
    rotations = rodrigues(joints)
    for foot in planted:
        side = foot.removesuffix("foot")
        hip, knee, ankle = (JOINT[side + name] for name in ("hip", "knee", "ankle"))
        shin = rotations[0] @ rotations[hip] @ rotations[knee]
        rotations[ankle] = shin.T @ _shortest_turn(shin[:, 1], np.array([0.0, 1.0, 0.0])) @ shin
    return matrix_to_axis_angle(rotations)


def _shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of the unit vector `start` onto the unit vector `end`, which must not be its
    opposite.
    """
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    angle = np.arctan2(sine, start @ end)
    return rodrigues(axis * (angle / sine if sine > 1e-12 else 0.0))


def blend(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The pose `t` of the way from `a` (0) to `b` (1), each joint along its shortest arc; (24, 3)
    rad.
    """
    start = rodrigues(a)
    way = matrix_to_axis_angle(np.swapaxes(start, -1, -2) @ rodrigues(b))
    return matrix_to_axis_angle(start @ rodrigues(t * way))


# Standard deviation of a person's own way of doing a pose, degrees at amount 1, by kind of joint
# and in the order of its ANGLES. Arms and head are free; what carries the weight is not.
_SPREAD = {
    "pelvis": (0.0, 0.0, 0.0),
    "spine": (2.0, 1.5, 1.5),
    "neck": (7.0, 4.0, 3.0),
    "hip": (2.5, 1.5, 3.0),
    "knee": (3.0, 0.0, 0.0),
    "ankle": (3.0, 1.5, 2.0),
    "foot": (3.0, 0.0, 0.0),
    "collar": (2.0, 2.0, 0.0),
    "shoulder": (7.0, 6.0, 8.0),
    "elbow": (10.0, 0.0, 5.0),
    "wrist": (5.0, 8.0, 4.0),
    "hand": (12.0, 2.0, 0.0),
}
_SPREADS = np.array([_SPREAD[anatomy.kind(joint)] for joint in JOINT_NAMES])
_RESTING = 0.2  # share of its freedom that an arm or leg in contact with something keeps

_ARM = ("collar", "shoulder", "elbow", "wrist", "hand")
_LEG = ("hip", "knee", "ankle", "foot")


def vary(
    joints: np.ndarray,
    rng: np.random.Generator,
    amount: float = 1.0,
    planted: Collection[str] = (),
    contacts: Collection[str] = (),
) -> np.ndarray:
    """The pose as another person would hold it; the root is unchanged.

    Each angle moves by a normal deviate of the size that its joint allows, times `amount`, cut at
    two standard deviations and at the joint's range (an angle out of range gets no worse). Legs
    that stand move together.

    Args:
        joints: (24, 3) rad.
        rng: Generator of the deviates.
        amount: 0 none, 1 natural.
        planted: Feet whose soles stay flat and at their heights.
        contacts: Hands and feet that rest on something, whose arms and legs hardly move.

    Returns:
        (24, 3) rad.
    """
    angles = anatomy.measure(joints)
    noise = np.clip(rng.standard_normal((24, 3)), -2.0, 2.0) * _SPREADS * amount
    if len(planted) == 2:
        for name in _LEG:  # both legs alike, but each foot pointing its own way
            noise[JOINT["right_" + name], :2] = noise[JOINT["left_" + name], :2]
    for limb in contacts:
        side, _, end = limb.partition("_")
        noise[[JOINT[f"{side}_{name}"] for name in (_ARM if end == "hand" else _LEG)]] *= _RESTING
    varied = _clipped(angles + noise, angles)
    if planted:
        varied = _clipped(_level_soles(varied, np.asarray(joints, dtype=float), planted), angles)
        flat = flatten_feet(anatomy.rebuild(varied), planted)
        varied = _clipped(anatomy.measure(flat), angles)
    result = anatomy.rebuild(varied)
    result[0] = joints[0]
    return result


def _clipped(angles: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Angles cut to the joints' ranges, widened to take in the original pose."""
    return np.clip(
        angles, np.minimum(LIMITS[..., 0], original), np.maximum(LIMITS[..., 1], original)
    )


# A grown-up's left leg at rest, m: hip from the root, knee from hip, ankle from knee, heel and toes
# from the ankle. Only differences between two nearly equal poses are taken with it, so that its
# exact lengths do not matter.
_HIP, _THIGH, _SHIN = np.array([[0.11, -0.02, 0.0], [0.02, -0.37, 0.02], [0.02, -0.41, -0.03]])
_SOLE = np.array([[0.0, -0.07, -0.05], [0.0, -0.07, 0.19]])


def _level_soles(angles: np.ndarray, original: np.ndarray, planted: Collection[str]) -> np.ndarray:
    """Bend or straighten one leg at hip and knee until the soles' heights differ as much as they
    did.

    angles: (24, 3) degrees, varied. original: (24, 3) rad, the pose before. The foot that has sunk
    against the other is raised; a planted foot is not raised for the sake of one in the air.
    """

    def left_over_right(trial: np.ndarray) -> float:
        left, right = _sole_heights(anatomy.rebuild(trial), planted)
        return left - right

    left, right = _sole_heights(original, planted)
    wanted = left - right
    error = left_over_right(angles) - wanted
    side, sign = ("left_", 1.0) if error < 0 else ("right_", -1.0)
    if abs(error) < 1e-3 or tuple(planted) == (side + "foot",):
        return angles
    hip, knee = JOINT[side + "hip"], JOINT[side + "knee"]

    def bent(degrees: float) -> np.ndarray:
        trial = angles.copy()
        trial[hip, 0] += degrees
        trial[knee, 0] += 2.0 * degrees  # the foot goes straight up under the hip
        return trial

    def rise(degrees: float) -> float:
        return sign * (left_over_right(bent(degrees)) - wanted)

    direction = (
        1.0 if rise(1.0) > rise(0.0) else -1.0
    )  # in a deep squat it is straightening that raises the foot
    low, high = 0.0, 15.0
    for _ in range(8):  # bisection, to a sixteenth of a degree
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rise(direction * middle) < 0 else (low, middle)
    return bent(direction * high)


def _sole_heights(joints: np.ndarray, planted: Collection[str]) -> tuple[float, float]:
    """Height over the root of the lowest point of the left and of the right sole, m, for a
    grown-up's legs.
    """
    rotations = rodrigues(joints)
    mirrored = np.array([-1.0, 1.0, 1.0])
    heights = []
    for side, sign in (("left_", np.ones(3)), ("right_", mirrored)):
        hip, knee, ankle = (rotations[JOINT[side + name]] for name in ("hip", "knee", "ankle"))
        thigh = rotations[0] @ hip
        shin = thigh @ knee
        foot = np.eye(3) if side + "foot" in planted else shin @ ankle
        at_ankle = rotations[0] @ (sign * _HIP) + thigh @ (sign * _THIGH) + shin @ (sign * _SHIN)
        heights.append(float((at_ankle + _SOLE @ foot.T)[:, 1].min()))
    return heights[0], heights[1]
