"""A posed body for the placement of props: sizes, directions and heights. World axes, Z up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import JOINT
from .pose_library import Pose

Vec3 = tuple[float, float, float]

GROWN_UP_LEG = 0.87  # m, hip to ankle along the bones: what the lift of a pose is written for
PALM = 0.085  # m from the wrist to the middle of the palm, for that same grown-up
SKIN = 0.03  # m from the bones of the hand to the palm


@dataclass(frozen=True)
class PosedBody:
    """A posed body in world axes.

    Attributes:
        pose: The pose of the library.
        joints: (24, 3) m.
        rotations: (24, 3, 3).
        vertices: (V, 3) m.
        rng: Generator of kinds and sizes of props.
    """

    pose: Pose
    joints: np.ndarray
    rotations: np.ndarray
    vertices: np.ndarray
    rng: np.random.Generator

    @property
    def scale(self) -> float:
        """Size relative to a grown-up, by the legs."""
        return leg_length(self.joints) / GROWN_UP_LEG

    def joint(self, name: str) -> np.ndarray:
        return self.joints[JOINT[name]]

    @property
    def front(self) -> np.ndarray:
        """Direction that the body faces, a horizontal unit vector (3,): the pelvis's forward, or
        its up for a lying body.
        """
        rotation = self.rotations[0]
        forward = rotation[:, 2] if abs(rotation[2, 2]) < 0.8 else rotation[:, 1]
        return horizontal(forward)

    @property
    def left(self) -> np.ndarray:
        return np.array([-self.front[1], self.front[0], 0.0])

    @property
    def yaw(self) -> float:
        """Degrees about Z that turn a shape's front, -Y, to the direction that the body faces."""
        return yaw_of(self.front)

    def hand(self, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle of the palm (m), direction that the palm faces, direction of the fingers; side
        "left_" or "right_".
        """
        rotation = self.rotations[JOINT[side + "wrist"]]
        fingers = rotation[:, 0] if side == "left_" else -rotation[:, 0]
        facing = -rotation[:, 1]
        return (
            self.joint(side + "wrist") + self.scale * (PALM * fingers + SKIN * facing),
            facing,
            fingers,
        )

    def along(
        self, direction: np.ndarray, low: float, high: float, half_width: float
    ) -> np.ndarray:
        """(n,) positions along a horizontal direction, from the pelvis, of the trunk's vertices
        between two heights.
        """
        offsets = self.vertices - self.joint("pelvis")
        sideways = np.abs(offsets @ np.cross(direction, (0.0, 0.0, 1.0)))
        z = self.vertices[:, 2]
        return (offsets @ direction)[(sideways < half_width) & (z > low) & (z < high)]


def leg_length(joints: np.ndarray) -> float:
    """Hip to ankle along the bones, m, the mean of both legs; joints (24, 3) in any pose."""
    j = np.asarray(joints)
    bones = [("hip", "knee"), ("knee", "ankle")]
    lengths = [
        np.linalg.norm(j[JOINT[side + a]] - j[JOINT[side + b]])
        for side in ("left_", "right_")
        for a, b in bones
    ]
    return float(sum(lengths)) / 2.0


def frame_axes(front: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3, 3) columns X, Y, Z of a shape with its front, -Y, and its Z in these directions."""
    z = unit(up)
    y = -unit(front - (front @ z) * z)
    return np.stack([np.cross(y, z), y, z], axis=1)


def euler_xyz(axes: np.ndarray) -> Vec3:
    """Blender's XYZ Euler angles, degrees, of a rotation matrix: R = Rz Ry Rx."""
    y = np.arcsin(np.clip(-axes[2, 0], -1.0, 1.0))
    if abs(axes[2, 0]) < 1.0 - 1e-9:
        x, z = np.arctan2(axes[2, 1], axes[2, 2]), np.arctan2(axes[1, 0], axes[0, 0])
    else:  # X and Z turn about the same line: all of it goes to X
        x, z = np.arctan2(-axes[1, 2], axes[1, 1]), 0.0
    return float(np.degrees(x)), float(np.degrees(y)), float(np.degrees(z))


def horizontal(vector: np.ndarray) -> np.ndarray:
    return unit(np.array([vector[0], vector[1], 0.0]))


def yaw_of(front: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(front[0], -front[1])))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
