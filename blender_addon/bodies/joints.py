"""Names of joints and parts, and poses of one family for the joints of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BODY = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2"),
    *(
        "left_ankle",
        "right_ankle",
        "spine3",
        "left_foot",
        "right_foot",
        "neck",
        "left_collar",
        "right_collar",
    ),
    *(
        "head",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
    ),
)
_FACE = ("jaw", "left_eye", "right_eye")
FINGERS = tuple(
    f"{side}_{finger}{segment}"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
    for segment in (1, 2, 3)
)

SMPL_JOINTS = (*_BODY, "left_hand", "right_hand")  # 24
SMPLH_JOINTS = (*_BODY, *FINGERS)  # 52
SMPLX_JOINTS = (*_BODY, *_FACE, *FINGERS)  # 55

FAMILIES = {"smpl": SMPL_JOINTS, "smplh": SMPLH_JOINTS, "smplx": SMPLX_JOINTS}

PARTS = SMPL_JOINTS
"""The 24 body parts, each named after the joint that moves it: 'left_knee' is the left shin."""

# What the published segmentations call the parts: SMPL's Mixamo-like bone names.
PART_ALIASES = {
    "hips": "pelvis",
    "leftUpLeg": "left_hip",
    "rightUpLeg": "right_hip",
    "spine": "spine1",
    "leftLeg": "left_knee",
    "rightLeg": "right_knee",
    "spine1": "spine2",
    "leftFoot": "left_ankle",
    "rightFoot": "right_ankle",
    "spine2": "spine3",
    "leftToeBase": "left_foot",
    "rightToeBase": "right_foot",
    "neck": "neck",
    "leftShoulder": "left_collar",
    "rightShoulder": "right_collar",
    "head": "head",
    "leftArm": "left_shoulder",
    "rightArm": "right_shoulder",
    "leftForeArm": "left_elbow",
    "rightForeArm": "right_elbow",
    "leftHand": "left_wrist",
    "rightHand": "right_wrist",
    "leftHandIndex1": "left_hand",
    "rightHandIndex1": "right_hand",
    # SMPL-X's segmentation names the eyeballs too.
    "leftEye": "head",
    "rightEye": "head",
    "eyeballs": "head",
}


def family_of(num_joints: int) -> str:
    """'smpl', 'smplh' or 'smplx', by the number of joints.

    Raises:
        ValueError: No family has that number.
    """
    for family, names in FAMILIES.items():
        if len(names) == num_joints:
            return family
    raise ValueError(f"{num_joints} joints; a body has 24 (SMPL), 52 (SMPL-H) or 55 (SMPL-X)")


def part_of_joints(joint_names: tuple[str, ...]) -> NDArray[np.int64]:
    """(J,) index into PARTS of the part that each joint moves: fingers belong to the hand, jaw and
    eyes to the head.
    """

    def part(name: str) -> str:
        if name in _FACE:
            return "head"
        if name in FINGERS:
            return "left_hand" if name.startswith("left") else "right_hand"
        return name

    return np.array([PARTS.index(part(name)) for name in joint_names])


def fit_pose(
    pose: ArrayLike, family: str, hands_mean: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Fit poses to the joints of another family.

    Joints are matched by name. Those that only the source has are dropped; those that only the
    target has are 0: the flat hand and the closed mouth.

    Args:
        poses: (..., J, 3) axis-angle, rad, of any family.
        family: The target.
        hands_mean: (30, 3) pose of fingers that the source does not have, so that a SMPL pose gets
            relaxed hands instead of flat ones (BodyModel.hands_mean).

    Returns:
        (..., J', 3).

    Raises:
        ValueError: No family has that number of joints, or the family is unknown.
    """
    source_pose = np.asarray(pose, dtype=np.float64)
    if source_pose.ndim < 2 or source_pose.shape[-1] != 3:
        raise ValueError(f"pose: shape {source_pose.shape}, expected (..., J, 3)")
    if family not in FAMILIES:
        raise ValueError(f"family: {family!r}, expected one of {', '.join(FAMILIES)}")
    source = {name: k for k, name in enumerate(FAMILIES[family_of(source_pose.shape[-2])])}
    target = FAMILIES[family]
    fitted = np.zeros((*source_pose.shape[:-2], len(target), 3))
    for k, name in enumerate(target):
        if name in source:
            fitted[..., k, :] = source_pose[..., source[name], :]
        elif name in FINGERS and hands_mean is not None:
            fitted[..., k, :] = np.reshape(hands_mean, (30, 3))[FINGERS.index(name)]
    return fitted
