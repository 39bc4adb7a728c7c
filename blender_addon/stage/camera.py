"""CameraSpec -> Blender camera. scene/camera.py has the same geometry in numpy; a test compares
them.
"""

from __future__ import annotations

import math

import bpy
import mathutils

from ..scene import camera as geometry
from ..scene.spec import CameraSpec

SENSOR_WIDTH = 36.0  # mm, a full-frame camera: gives f-stops their usual depth of field


class StageCamera:
    """The camera of `scene`."""

    def __init__(self, scene: bpy.types.Scene, camera: bpy.types.Object | None = None) -> None:
        """Use the object `camera`, or make a new one when it is None."""
        if camera is None:
            camera = bpy.data.objects.new("PII camera", bpy.data.cameras.new("PII camera"))
            scene.collection.objects.link(camera)
        self.scene, self.object, self.data = scene, camera, camera.data
        self.data.sensor_fit = "HORIZONTAL"
        self.data.sensor_width = SENSOR_WIDTH
        self.data.clip_start, self.data.clip_end = 0.02, 2000.0
        self.object.rotation_mode = "QUATERNION"
        scene.camera = self.object
        scene.render.motion_blur_position = "CENTER"  # the annotation holds at mid-exposure

    def apply(self, camera: CameraSpec, width: int, height: int) -> None:
        """Place the camera, and set frame size, depth of field and shutter.

        Raises:
            ValueError: A field of view outside 0..180 degrees.
        """
        if not 0.0 < camera.fov < 180.0:
            raise ValueError(
                f"camera.fov: {camera.fov} degrees, expected more than 0 and less than 180"
            )
        render, data = self.scene.render, self.data
        render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        render.use_border = False

        data.angle_x = math.radians(camera.fov)
        data.shift_x, data.shift_y = -camera.axis[0], camera.axis[1]
        data.dof.use_dof = camera.f_stop > 0.0
        if camera.f_stop > 0.0:
            data.dof.aperture_fstop = camera.f_stop
            data.dof.focus_distance = camera.focus_distance

        # The camera object looks along its own -Z with +Y up; orientation() turns a body that looks
        # along +Y.
        axes = mathutils.Matrix(geometry.orientation(camera).tolist()).to_quaternion()
        upright = mathutils.Quaternion((1.0, 0.0, 0.0), math.pi / 2)
        self.object.location = camera.location
        self.object.rotation_quaternion = axes @ upright

        render.use_motion_blur = camera.shutter > 0.0
        if camera.shutter > 0.0:
            render.motion_blur_shutter = camera.shutter * render.fps / render.fps_base
