"""Poses in anatomical words: which angle turns which joint which way, and how far a healthy adult
can turn it.

The body frame is SMPL's: Y up, facing +Z, the person's left towards +X, T-pose at rest. A *pose* is
(24, 3) axis-angle (rad); row 0, the root, is the orientation of the whole body relative to standing
upright.

Every joint but the root has three *angles* in degrees, each with a word ("flex", "abduct",
"twist"), a sign that is the same on both sides of the body, and a normal range. `measure` reads
them off a pose, `rebuild` is its inverse, and everything that must know about joint limits works on
them.

Most joints are three rotations about fixed axes. The shoulder is not: it can point almost anywhere,
and any three fixed axes lock in some everyday direction (arm hanging, forward or sideways). It is
described as a shortest swing from the arm held straight forward, in the middle of its reach:
`raise` (up +, hanging is -90) and `spread` (outwards +, the T-pose is 90), then `twist` about the
arm (outwards +). It locks only where no arm gets to: straight back. As an arm spreads it turns
inwards by itself, degree for degree (from hanging to the T-pose the thumb keeps pointing forward;
from straight forward it comes down from pointing up): `twist` is counted from there, so that 0 is
the natural turn and one range holds wherever the arm points.

Ranges are those of the American Academy of Orthopaedic Surgeons, *Joint Motion: Method of Measuring
and Recording* (1965), "AAOS" below. Where the AAOS measures an unloaded, isolated joint and
everyday postures go further (a deep squat, a body weight on the ankle, kneeling), the passive range
of I. A. Kapandji, *The Physiology of the Joints*, is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .joints import SMPL_JOINTS
from .rotations import matrix_to_axis_angle, rodrigues

JOINT_NAMES = SMPL_JOINTS
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}

# Row i of a mirrored pose comes from row SWAP[i].
SWAP = tuple(
    JOINT[
        name.replace("left_", "right_")
        if name.startswith("left_")
        else name.replace("right_", "left_")
    ]
    for name in JOINT_NAMES
)


@dataclass(frozen=True)
class Angle:
    """One angle of a joint.

    Attributes:
        word: Its name in pose files.
        axis: The body axis about which a positive angle of a left or middle joint turns, as "+x" or
            "-z"; the right side is its mirror image.
        low, high: The normal range, degrees.
    """

    word: str
    axis: str
    low: float
    high: float


def _joint(*angles: tuple[str, str, float, float]) -> tuple[Angle, Angle, Angle]:
    first, second, third = (Angle(*angle) for angle in angles)
    return first, second, third


# Kind of joint -> its angles, the outermost rotation (applied last) first. A range that is no
# anatomical motion (a hinge bent sideways) has the few degrees that fitted mocap shows.
ANGLES: dict[str, tuple[Angle, Angle, Angle]] = {
    # The root: an orientation, not a joint. Tilted to the left, then turned to the left, then
    # pitched forward.
    "pelvis": _joint(
        ("pitch", "+x", -180, 180), ("turn", "+y", -90, 90), ("tilt", "-z", -180, 180)
    ),
    # AAOS: thoracolumbar flexion 80 (Kapandji 105 with the pelvis held), extension 25-30, lateral
    # 35, rotation 45: a third for each of three joints.
    "spine": _joint(("twist", "+y", -16, 16), ("flex", "+x", -11, 35), ("side", "-z", -13, 13)),
    # AAOS: cervical flexion and extension 45, lateral 45, rotation 60; Kapandji 80 for rotation:
    # half for each.
    "neck": _joint(("twist", "+y", -40, 40), ("flex", "+x", -27, 27), ("side", "-z", -23, 23)),
    # AAOS: flexion 120, extension 30, abduction 45, adduction 30, rotation 45 both ways.
    # Kapandji: flexion 145 with the knee bent; rotation 60 outwards with the hip bent.
    "hip": _joint(("flex", "-x", -30, 145), ("abduct", "+z", -30, 45), ("twist", "+y", -45, 60)),
    # AAOS: flexion 135, hyperextension 10. Kapandji: 160 when sitting on the heels; rotation 30-40
    # when bent.
    "knee": _joint(("flex", "+x", -10, 160), ("side", "+z", -8, 8), ("twist", "+y", -30, 40)),
    # AAOS: flexion (toes up) 20, extension 50; inversion 35, eversion 15. Kapandji: 30 toes up
    # under load.
    "ankle": _joint(("flex", "-x", -50, 35), ("invert", "-z", -20, 35), ("twist", "+y", -30, 30)),
    # AAOS: great toe extension 70, flexion 45.
    "foot": _joint(("flex", "-x", -45, 70), ("side", "-z", -10, 10), ("twist", "+y", -10, 10)),
    # Kapandji: shoulder girdle elevation about 40, depression 10, protraction and retraction 30.
    "collar": _joint(
        ("raise", "+z", -15, 40), ("forward", "-y", -30, 30), ("twist", "+x", -15, 15)
    ),
    # AAOS: forward flexion 180, backward extension 60; abduction 180, horizontal extension 45,
    # horizontal flexion 135; rotation 70 inwards, 90 outwards. Here measured from the arm held
    # forward, see above.
    "shoulder": _joint(
        ("raise", "-x", -150, 95), ("spread", "+y", -50, 135), ("twist", "-z", -80, 90)
    ),
    # AAOS: flexion 150, hyperextension 10 in some; pronation and supination 80, half here, half at
    # the wrist.
    "elbow": _joint(("flex", "-y", -10, 150), ("side", "+z", -8, 8), ("pronate", "+x", -45, 45)),
    # AAOS: palmar flexion 80, dorsiflexion 70, radial deviation 20, ulnar 30.
    "wrist": _joint(
        ("pronate", "+x", -45, 45), ("flex", "-z", -70, 80), ("deviate", "-y", -30, 20)
    ),
    # SMPL's "hand" is all fingers as one: AAOS flexion 90, extension 45 at the knuckles.
    "hand": _joint(("flex", "-z", -45, 90), ("deviate", "-y", -15, 15), ("twist", "+x", -10, 10)),
}


def kind(joint: str) -> str:
    """The key of ANGLES for a joint: "left_hip" -> "hip", "spine2" -> "spine"."""
    if joint == "head":
        return "neck"
    return joint.removeprefix("left_").removeprefix("right_").rstrip("123")


LIMITS = np.array([[(a.low, a.high) for a in ANGLES[kind(joint)]] for joint in JOINT_NAMES])
"""(24, 3, 2) degrees: the normal range of every joint's three angles."""


def mirror(pose: np.ndarray) -> np.ndarray:
    """Exchange left and right of a pose (..., 24, 3). It is its own inverse."""
    return np.asarray(pose, dtype=float)[..., SWAP, :] * np.array([1.0, -1.0, -1.0])


# --- angles <-> rotations -------------------------------------------------------------------------

_JOINT_ANGLES = [ANGLES[kind(joint)] for joint in JOINT_NAMES]
_SHOULDERS = (JOINT["left_shoulder"], JOINT["right_shoulder"])
_MIRROR = np.diag([-1.0, 1.0, 1.0])
# The arm, from the left T-pose to straight forward with the thumb up.
_ARM_FORWARD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

# (24, 3): which body axis each angle turns about, and with which sign; meaningless for the
# shoulders.
_ORDER = np.array([["xyz".index(a.axis[1:]) for a in angles] for angles in _JOINT_ANGLES])
_SIGNS = np.array(
    [[-1.0 if a.axis.startswith("-") else 1.0 for a in angles] for angles in _JOINT_ANGLES]
)
# On the right, turns about the two axes that lie in the mirror's plane change their sense.
_RIGHT = np.array([[name.startswith("right_")] for name in JOINT_NAMES])
_SIGNS = np.where(_RIGHT & (_ORDER != 0), -_SIGNS, _SIGNS)


def rebuild(angles: np.ndarray) -> np.ndarray:
    """The inverse of `measure`: (24, 3) degrees -> (24, 3) axis-angle, rad."""
    angles = np.asarray(angles, dtype=float)
    first, second, third = np.moveaxis(
        rodrigues(np.eye(3)[_ORDER] * np.radians(angles * _SIGNS)[..., None]), 1, 0
    )
    rotations = first @ second @ third
    left, right = _SHOULDERS
    rotations[left] = _shoulder_rotation(angles[left])
    rotations[right] = _MIRROR @ _shoulder_rotation(angles[right]) @ _MIRROR
    return matrix_to_axis_angle(rotations)


def measure(pose: np.ndarray) -> np.ndarray:
    """Measure all angles of a pose.

    With R = R_i(a) R_j(b) R_k(c) and i, j, k all different; b is within ±90°.

    Args:
        pose: (24, 3) axis-angle, rad.

    Returns:
        (24, 3) degrees, in the order of ANGLES.
    """
    R = rodrigues(pose)
    joint = np.arange(24)
    i, j, k = _ORDER.T
    parity = np.where((j - i) % 3 == 1, 1.0, -1.0)
    a = np.arctan2(-parity * R[joint, j, k], R[joint, k, k])
    b = np.arcsin(np.clip(parity * R[joint, i, k], -1.0, 1.0))
    c = np.arctan2(-parity * R[joint, i, j], R[joint, i, i])
    angles = np.degrees(np.stack([a, b, c], axis=1)) * _SIGNS
    left, right = _SHOULDERS
    angles[left] = _shoulder_angles(R[left])
    angles[right] = _shoulder_angles(_MIRROR @ R[right] @ _MIRROR)
    return angles


def arm_swing(flex: float, abduct: float) -> tuple[float, float]:
    """(raise, spread) in degrees of an arm that hangs, is lifted sideways by `abduct`, then forward
    by `flex`.
    """
    f, a = np.radians([flex, abduct])
    return _swing_angles(np.array([np.sin(a), -np.cos(a) * np.cos(f), np.cos(a) * np.sin(f)]))


def limit_violations(pose: np.ndarray, tolerance: float = 0.5) -> list[str]:
    """Describe each angle that is out of its normal range by more than `tolerance` degrees."""
    angles = measure(pose)
    excess = np.maximum(angles - LIMITS[..., 1], LIMITS[..., 0] - angles)
    return [
        f"{JOINT_NAMES[j]} {angle.word} {angles[j, k]:.0f} is outside"
        f" {angle.low:.0f}..{angle.high:.0f}"
        for j, k in np.argwhere(excess > tolerance)
        for angle in [ANGLES[kind(JOINT_NAMES[j])][k]]
    ]


def within_limits(pose: np.ndarray, tolerance: float = 0.5) -> bool:
    """Whether each joint of a pose (24, 3) is within its normal range; `tolerance` in degrees."""
    return not limit_violations(pose, tolerance)


def _shoulder_rotation(angles: np.ndarray) -> np.ndarray:
    raised, spread, twist = np.radians(angles)
    swing, turn = rodrigues(np.array([[-raised, spread, 0.0], [0.0, 0.0, spread - twist]]))
    return swing @ turn @ _ARM_FORWARD


def _shoulder_angles(R: np.ndarray) -> np.ndarray:
    raised, spread = _swing_angles(R[:, 0])  # where the T-pose's arm, +x, points now
    swing = rodrigues(np.radians([-raised, spread, 0.0]))
    turn = swing.T @ R @ _ARM_FORWARD.T
    twist = spread - np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))
    return np.array([raised, spread, (twist + 180.0) % 360.0 - 180.0])


def _swing_angles(direction: np.ndarray) -> tuple[float, float]:
    """(raise, spread) of the shortest swing that takes straight forward, +z, to a unit direction;
    degrees.
    """
    x, y, z = direction
    sine = np.hypot(x, y)
    scale = np.degrees(np.arctan2(sine, z)) / sine if sine > 1e-12 else 0.0
    return float(y * scale), float(x * scale)
