"""The camera: ours is placed as in a draw; any camera of the artist is read back."""

from __future__ import annotations

import dataclasses
import math

import bpy
import numpy as np

from ..scene.camera import angles
from ..scene.spec import CameraSpec
from ..stage.camera import StageCamera
from . import parts

_PART = "camera"
# From the axes of Blender's cameras (x right, y up, looking along -z) to a body that looks along +y
# with +z up.
_BODY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def own_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera that the extension added; the active one if there are several."""
    if scene.camera is not None and scene.camera.get(parts.PART) == _PART:
        return scene.camera
    return next(iter(parts.parts(scene, _PART)), None)


def show_camera(scene: bpy.types.Scene, camera: CameraSpec, width: int, height: int) -> None:
    """Place our camera, make it the active one and set the size of the image.

    It is a pinhole that is held still, whatever the lens of the draw: Blender has no other. The
    artist's own cameras are not changed.

    Args:
        scene: the scene to change.
        camera: where to place the camera.
        width: px.
        height: px.
    """
    obj = own_camera(scene)
    if obj is None:
        obj = bpy.data.objects.new("PII camera", bpy.data.cameras.new("PII camera"))
        obj[parts.PART] = _PART
        parts.collection_of(scene).objects.link(obj)
    if scene.camera is not None and scene.camera != obj:
        obj[parts.BEFORE] = scene.camera
    # The draw alone determines the camera, whatever the artist has tied to it since.
    obj.animation_data_clear()
    obj.data.animation_data_clear()
    obj.constraints.clear()
    obj.parent, obj.scale = None, (1.0, 1.0, 1.0)
    obj.data.type = "PERSP"
    obj.data.dof.focus_object = None
    still = dataclasses.replace(camera, distortion="none", coefficients=(), shake=(0.0, 0.0, 0.0))
    StageCamera(scene, obj).apply(still, width, height)


def read_camera(scene: bpy.types.Scene) -> CameraSpec | None:
    """The scene's active camera as a pinhole; None if there is none."""
    obj = scene.camera
    if obj is None or obj.type != "CAMERA":
        return None
    axes = np.array(obj.matrix_world.to_3x3().normalized())
    yaw, pitch, roll = angles(axes @ _BODY.T)
    x, y, z = obj.matrix_world.translation
    dof, render = obj.data.dof, scene.render
    fov, unit = _fov(obj.data, render)
    return CameraSpec(
        location=(x, y, z),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        fov=fov,
        f_stop=dof.aperture_fstop if dof.use_dof else 0.0,
        focus_distance=_focus(obj),
        shutter=render.motion_blur_shutter * render.fps_base / render.fps
        if render.use_motion_blur
        else 0.0,
        axis=(-unit * obj.data.shift_x, unit * obj.data.shift_y),
    )


def remove_camera(scene: bpy.types.Scene) -> None:
    """Delete our camera; the artist's camera becomes the active one again."""
    before = None
    for obj in parts.parts(scene, _PART):
        before = before or obj.get(parts.BEFORE)
        parts.remove([obj])
    if before is not None and scene.camera is None and before.name in scene.objects:
        scene.camera = before


def _fov(camera: bpy.types.Camera, render: bpy.types.RenderSettings) -> tuple[float, float]:
    """The horizontal field of view, degrees, and the widths of the frame in a unit of the camera's
    shift, for any sensor fit.
    """
    width = render.resolution_x * render.pixel_aspect_x
    height = render.resolution_y * render.pixel_aspect_y
    fit = camera.sensor_fit
    if fit == "AUTO":
        fit, sensor = ("HORIZONTAL" if width >= height else "VERTICAL"), camera.sensor_width
    else:
        sensor = camera.sensor_width if fit == "HORIZONTAL" else camera.sensor_height
    across = sensor if fit == "HORIZONTAL" else sensor * width / height
    return math.degrees(2.0 * math.atan(across / 2.0 / camera.lens)), sensor / across


def _focus(obj: bpy.types.Object) -> float:
    """The distance of the focus, m along the viewing axis."""
    target = obj.data.dof.focus_object
    if target is None:
        return float(obj.data.dof.focus_distance)
    return abs(float((obj.matrix_world.inverted_safe() @ target.matrix_world.translation).z))
