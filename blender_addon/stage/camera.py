"""CameraSpec -> Blender camera. scene/camera.py has the same geometry in numpy; a test compares
them.
"""

from __future__ import annotations

import math

import bpy
import mathutils

from ..scene import camera as geometry
from ..scene.rendered_view import RenderedView
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
        self.data.clip_start, self.data.clip_end = 0.02, 2000.0
        self.object.rotation_mode = "QUATERNION"
        scene.camera = self.object
        scene.render.motion_blur_position = "CENTER"  # the annotation holds at mid-exposure

    def apply(
        self, camera: CameraSpec, width: int, height: int, view: RenderedView | None = None
    ) -> None:
        """Place the camera, and set frame size, depth of field, shutter and shake.

        Args:
            camera: The camera; without `view`, it is shown without distortion.
            width, height: Size of the image, px.
            view: What is rendered in place of the image of a lens that distorts.

        Raises:
            ValueError: A field of view outside 0..180 degrees.
        """
        if view is None and not 0.0 < camera.fov < 180.0:
            raise ValueError(
                f"camera.fov: {camera.fov} degrees, expected more than 0 and less than 180"
            )
        render, data = self.scene.render, self.data
        columns, rows = (view.width, view.height) if view else (width, height)
        render.resolution_x, render.resolution_y, render.resolution_percentage = columns, rows, 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        render.use_border = False

        if view is None:
            data.type = "PERSP"
            data.sensor_width = SENSOR_WIDTH
            data.angle_x = math.radians(camera.fov)
            data.shift_x, data.shift_y = -camera.axis[0], camera.axis[1]
        else:
            self._apply_view(view, width)
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
        self._apply_shake(camera)

    def _apply_view(self, view: RenderedView, width: int) -> None:
        """Set the geometry of a rendered view. The sensor grows with it, so that focal length and
        aperture are those of the lens.
        """
        data = self.data
        data.sensor_width = SENSOR_WIDTH * view.width / (view.finer * width)
        data.lens = data.sensor_width * view.focal / view.width
        data.shift_x = data.shift_y = 0.0  # the axis is in the middle of a view
        data.type = "PANO" if view.polynomial else "PERSP"
        if not view.polynomial:
            return
        data.panorama_type = "FISHEYE_LENS_POLYNOMIAL"
        data.fisheye_fov = math.pi  # more than any lens shows
        data.fisheye_polynomial_k0 = 0.0
        per_mm = view.width / view.focal / data.sensor_width
        for n, coefficient in enumerate(view.polynomial, start=1):
            # Blender's angles are negative: its axis points backwards.
            setattr(data, f"fisheye_polynomial_k{n}", -coefficient * per_mm**n)

    def _apply_shake(self, camera: CameraSpec) -> None:
        """Turn the camera by keys where the shutter opens and where it closes."""
        animation = self.object.animation_data
        if animation is not None:
            action = animation.action
            self.object.animation_data_clear()
            if action is not None:
                bpy.data.actions.remove(action)
        if camera.shutter <= 0.0 or not any(camera.shake):
            return
        middle, scene = self.object.rotation_quaternion.copy(), self.scene
        half = scene.render.motion_blur_shutter / 2
        frame = scene.frame_current + scene.frame_subframe
        left, up, clockwise = (math.radians(speed) * camera.shutter / 2 for speed in camera.shake)
        # About the camera's own axes: x right, y up, z backwards.
        turn = mathutils.Quaternion((1.0, up / 2, left / 2, -clockwise / 2)).normalized()
        for end, change in ((-half, turn.inverted()), (half, turn)):
            self.object.rotation_quaternion = middle @ change
            self.object.keyframe_insert("rotation_quaternion", frame=frame + end)
        self.object.rotation_quaternion = middle
