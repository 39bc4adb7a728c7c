"""Draw the camera: where it looks, its lens, depth of field and shutter. Pure numpy."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..recipes.recipe import Recipe
from .camera import rays, to_camera
from .people import Stream
from .placement import Crowd
from .spec import CameraSpec, Vec3

FISHEYE_FROM = 100.0  # degrees of `fov`, for the projection 'auto'
_WEAKER = 0.8  # a lens that would not fill the frame is drawn nearer to a straight one
_WEAKEST = 12  # times


def sample_camera(recipe: Recipe, stream: Stream) -> CameraSpec:
    """Draw the camera before it is placed and aimed: over the origin, pitch relative to its aim."""
    c, rng = recipe.camera, stream("camera")
    yaw, height, pitch, roll, fov = (
        each.sample(rng) if c.enabled else each.middle
        for each in (c.yaw, c.height, c.pitch, c.roll, c.fov)
    )
    if c.lens is not None:
        lens = c.lens.sample(rng) if c.enabled else c.lens.middle
        fov = float(np.degrees(2 * np.arctan(c.sensor_width / 2 / lens)))
    camera = CameraSpec(location=(0.0, 0.0, height), yaw=yaw, pitch=pitch, roll=roll, fov=fov)
    return sample_distortion(recipe, camera, stream("distortion"))


def sample_distortion(recipe: Recipe, camera: CameraSpec, rng: np.random.Generator) -> CameraSpec:
    """Draw the distortion of a camera's lens.

    The frame of a rectilinear lens is filled: one that folds inside it is made weaker. Fisheyes may
    end in black corners, as they do.
    """
    c = recipe.camera
    distorts = rng.random() < c.distortion
    bend, higher = c.bend.sample(rng), float(rng.uniform(0.0, 0.5))
    p1, p2 = c.decentering.sample(rng), c.decentering.sample(rng)
    k1, k2 = c.fisheye.sample(rng), float(rng.normal(0.0, 0.004))
    if not (distorts and c.enabled):
        return camera
    wide = camera.fov >= FISHEYE_FROM
    if c.projection == "fisheye" or (c.projection == "auto" and wide):
        return dataclasses.replace(camera, distortion="fisheye", coefficients=(k1, k2, 0.0, 0.0))
    # The second coefficient works against the first one at the rim, as in calibrations of lenses.
    coefficients: tuple[float, ...] = (bend, -bend * higher, p1, p2, 0.0)
    for _ in range(_WEAKEST):
        bent = dataclasses.replace(camera, distortion="brown_conrady", coefficients=coefficients)
        if _fills(bent, recipe.render.width, recipe.render.height):
            return bent
        coefficients = tuple(_WEAKER * k for k in coefficients)
    return camera


def _fills(camera: CameraSpec, width: int, height: int) -> bool:
    """Whether the lens shows something in the corners of the frame, and a little beyond."""
    try:
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * 1.1 - 0.05
        return bool(rays(corners * (width, height), camera, width, height)[1].all())
    except ValueError:  # the lens does not see as far as the field of view
        return False


def sample_lens(recipe: Recipe, crowd: Crowd, stream: Stream) -> CameraSpec:
    """Draw depth of field, shutter time and shake for the crowd's camera; the focus is on one
    person.
    """
    c, rng = recipe.camera, stream("lens")
    blurred, moving = rng.random() < c.depth_of_field, rng.random() < c.motion_blur
    f_stop, shutter, who = c.f_stop.sample(rng), c.shutter.sample(rng), rng.random()
    shake = sample_shake(recipe, stream("shake"))
    distance = 5.0
    if crowd.people:
        joints = crowd.people[int(who * len(crowd.people))].joints
        distance = max(0.2, float(np.median(to_camera(joints, crowd.camera)[:, 2])))
    return dataclasses.replace(
        crowd.camera,
        f_stop=f_stop if blurred and c.enabled else 0.0,
        focus_distance=distance,
        shutter=shutter if (moving or any(shake)) and c.enabled else 0.0,
        shake=shake,
    )


def sample_shake(recipe: Recipe, rng: np.random.Generator) -> Vec3:
    """Draw how the hand turns the camera, degrees/s; mostly up, down and aside."""
    c = recipe.camera
    shaken, speed = rng.random() < c.shake, c.shake_speed.sample(rng)
    direction = rng.standard_normal(3) * (1.0, 1.0, 0.4)
    if not (shaken and c.enabled):
        return (0.0, 0.0, 0.0)
    left, up, clockwise = (float(v) for v in speed * direction / np.linalg.norm(direction))
    return (left, up, clockwise)
