"""Geometry of a CameraSpec, in OpenCV axes: x right, y down, z forward; pixel centres at +0.5. The
lens of lens.py lies between camera axes and K.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .lens import lens_of
from .spec import CameraSpec

Array = NDArray[np.float64]

# World to camera when yaw = pitch = roll = 0: looking along world +Y with world +Z up.
_LOOK_ALONG_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def orientation(camera: CameraSpec) -> Array:
    """Rotation 3×3 of the camera body in the world: Rz(yaw) · Rx(pitch) · Ry(roll).

    Positive pitch looks up; positive roll turns the camera clockwise, seen from behind it.
    """
    (cy, cp, cr), (sy, sp, sr) = (
        f(np.radians([camera.yaw, camera.pitch, camera.roll])) for f in (np.cos, np.sin)
    )
    yaw = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    pitch = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    roll = np.array([[cr, 0.0, sr], [0.0, 1.0, 0.0], [-sr, 0.0, cr]])
    return yaw @ pitch @ roll


def angles(R: NDArray[np.floating]) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees of a camera body turned by R (3, 3), the inverse of
    `orientation`.

    For a camera that points straight up or down, yaw and roll turn about the same line; all of the
    turn is yaw then.
    """
    right, ahead = R[:, 0], R[:, 1]
    level = float(np.hypot(ahead[0], ahead[1]))  # cos(pitch)
    pitch = np.arctan2(ahead[2], level)
    if level < 1e-6:
        yaw, roll = np.arctan2(right[1], right[0]), 0.0
    else:
        yaw, roll = np.arctan2(-ahead[0], ahead[1]), np.arctan2(-R[2, 0], R[2, 2])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def extrinsics(camera: CameraSpec) -> tuple[Array, Array]:
    """(R (3, 3), t (3,) in m) with x_camera = R · x_world + t."""
    R = _LOOK_ALONG_Y @ orientation(camera).T
    return R, -R @ np.asarray(camera.location, dtype=np.float64)


def intrinsics(camera: CameraSpec, width: int, height: int) -> Array:
    """K (3, 3) in px: square pixels, principal point at `axis` (the middle unless a photo says
    otherwise), and the focal length at which a frame around it has `fov` across its width.

    Raises:
        ValueError: The lens is none, or does not see that far.
    """
    lens = lens_of(camera)
    if lens is None:
        f = 0.5 * width / np.tan(np.radians(camera.fov) / 2)
    else:
        f = width / lens.width(camera.fov)
    x, y = width * (0.5 + camera.axis[0]), height / 2 + width * camera.axis[1]
    return np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])


def middle_aside(camera: CameraSpec) -> float:
    """Degrees to the right of the optical axis at which the camera sees the middle of its frame."""
    if camera.axis[0] == 0.0:
        return 0.0
    lens = lens_of(camera)
    if lens is not None:
        middle, _ = lens.undistort(np.array([-camera.axis[0] * lens.width(camera.fov), 0.0]))
        return float(np.degrees(np.arctan(np.nan_to_num(middle[0]))))
    half = np.tan(np.radians(camera.fov) / 2)
    return float(-np.degrees(np.arctan(2 * camera.axis[0] * half)))


def pixel_size(point: Sequence[float], camera: CameraSpec, width: int) -> float:
    """Size of a pixel at a world point, m."""
    away = float(np.linalg.norm(np.asarray(point) - np.asarray(camera.location)))
    lens = lens_of(camera)
    if lens is not None:
        return away * lens.width(camera.fov) / width
    return 2.0 * away * float(np.tan(np.radians(camera.fov) / 2)) / width


def to_camera(points: NDArray[np.floating], camera: CameraSpec) -> Array:
    """Take world points (…, 3) m to camera axes (…, 3) m."""
    R, t = extrinsics(camera)
    return points @ R.T + t


def project(
    points: NDArray[np.floating], camera: CameraSpec, width: int, height: int
) -> tuple[Array, Array]:
    """Project world points.

    Args:
        points: (…, 3) m.
        camera: The camera.
        width, height: Size of the image, px.

    Returns:
        (pixels (…, 2), depth along the viewing axis (…,) m). Points at or behind the camera have
        depth ≤ 0 and pixels without meaning. Points that the lens does not show, though they are in
        front, have pixels outside of the image.
    """
    in_camera = to_camera(points, camera)
    depth = in_camera[..., 2]
    K = intrinsics(camera, width, height)
    safe = np.where(depth > 1e-9, depth, 1.0)
    ideal = in_camera[..., :2] / safe[..., None]
    lens = lens_of(camera)
    if lens is None:
        return ideal * K[0, 0] + K[:2, 2], depth
    offset = lens.distort(ideal) * K[0, 0]
    radius = np.hypot(offset[..., 0], offset[..., 1])
    outside = np.hypot(width, height) + width * np.hypot(*camera.axis)
    least = np.where(lens.shows(ideal), radius, np.maximum(radius, outside))
    offset *= np.divide(least, radius, out=np.ones_like(radius), where=radius > 0)[..., None]
    return offset + K[:2, 2], depth


def rays(
    pixels: NDArray[np.floating], camera: CameraSpec, width: int, height: int
) -> tuple[Array, NDArray[np.bool_]]:
    """The inverse of `project`: directions through points of the image.

    Args:
        pixels: (…, 2) px.
        camera: The camera.
        width, height: Size of the image, px.

    Returns:
        (x/z and y/z (…, 2) in camera axes, NaN where the lens shows nothing; where it shows
        something (…,)). A point of that pixel at depth z lies at z · (x/z, y/z, 1).
    """
    K = intrinsics(camera, width, height)
    plane = (pixels - K[:2, 2]) / K[0, 0]
    lens = lens_of(camera)
    if lens is None:
        return plane, np.ones(plane.shape[:-1], dtype=bool)
    return lens.undistort(plane)


def in_sight(points: NDArray[np.floating], camera: CameraSpec) -> NDArray[np.bool_]:
    """(…,) whether world points (…, 3) m are in front of the camera, and within its lens."""
    in_camera = to_camera(points, camera)
    depth = in_camera[..., 2]
    lens = lens_of(camera)
    if lens is None:
        return np.asarray(depth > 0)
    ideal = in_camera[..., :2] / np.where(depth > 1e-9, depth, 1.0)[..., None]
    return np.asarray((depth > 0) & lens.shows(ideal))


def radius_in_pixels(
    point: NDArray[np.floating], radius: float, camera: CameraSpec, width: int, height: int
) -> float:
    """Radius, px, of the image of a small ball around a world point (3,) in front of the camera."""
    R, _ = extrinsics(camera)
    depth = float(to_camera(point, camera)[2])
    if lens_of(camera) is None:
        return radius * float(intrinsics(camera, width, height)[0, 0]) / depth
    # What the lens stretches differs along and across the radius: their geometric mean.
    ends = np.asarray(point) + radius * np.stack([R[0], R[1], -R[0], -R[1]])
    pixels, _ = project(ends, camera, width, height)
    (a, b), (c, d) = (pixels[:2] - pixels[2:]) / 2
    return float(np.sqrt(abs(a * d - b * c)))
