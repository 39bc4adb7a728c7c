"""Placement of one thing of a pose, and measures of a seated body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import JOINT
from .posed_body import GROWN_UP_LEG, PosedBody, Vec3, euler_xyz, leg_length


@dataclass(frozen=True)
class PropPlacement:
    """One prop in the world.

    Attributes:
        shape: One of props.catalogue.SHAPES.
        location: m.
        rotation: XYZ Euler angles, degrees.
        size: m along the shape's own axes.
    """

    shape: str
    location: Vec3
    rotation: Vec3
    size: Vec3


def seat_height(joints: np.ndarray, vertices: np.ndarray) -> float:
    """Height, m, of the seat under a sitting body: its lowest point below the pelvis, with flesh
    pressed in 1 cm.
    """
    vertices = np.asarray(vertices)
    centre = np.asarray(joints)[[JOINT["pelvis"], JOINT["left_hip"], JOINT["right_hip"]]].mean(
        axis=0
    )
    size = leg_length(joints) / GROWN_UP_LEG
    across = np.linalg.norm((vertices - centre)[:, :2], axis=1) < 0.16 * size
    below = np.abs(vertices[:, 2] - centre[2]) < 0.25 * size
    return float(vertices[across & below, 2].min()) + 0.01


def rear_of(body: PosedBody, low: float, high: float) -> float:
    """Distance (m) that the trunk reaches behind the pelvis, between two heights."""
    behind = body.along(-body.front, low, high, half_width=0.16 * body.scale)
    return float(behind.max(initial=0.1 * body.scale))


def upright(
    shape: str, centre: np.ndarray, bottom: float, yaw: float, size: np.ndarray | Vec3
) -> PropPlacement:
    width, depth, height = (float(extent) for extent in size)
    location = (float(centre[0]), float(centre[1]), float(bottom))
    return PropPlacement(shape, location, (0.0, 0.0, float(yaw)), (width, depth, height))


def turned(
    shape: str, bottom: np.ndarray, axes: np.ndarray, size: np.ndarray | Vec3
) -> PropPlacement:
    """A prop whose own X, Y, Z are the columns of `axes` in the world."""
    x, y, z = (float(value) for value in bottom)
    width, depth, height = (float(extent) for extent in size)
    return PropPlacement(shape, (x, y, z), euler_xyz(axes), (width, depth, height))
