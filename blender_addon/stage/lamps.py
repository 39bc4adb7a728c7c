"""LampSpecs -> area lamps. Objects are kept from image to image; those without use are dark."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import mathutils

from ..scene.spec import LampSpec
from .nodes import change


class PlaceLamps:
    """The lamps of a place.

    Attributes:
        objects: All that were ever needed at the same time.
    """

    def __init__(self, collection: bpy.types.Collection) -> None:
        self.objects: list[bpy.types.Object] = []
        self._collection = collection

    def apply(self, lamps: Sequence[LampSpec], strength: float = 1.0) -> None:
        """Light these lamps, `strength` times as bright as they are, and no others."""
        while len(self.objects) < len(lamps):
            data = bpy.data.lights.new("PII lamp", "AREA")
            data.shape = "RECTANGLE"
            obj = bpy.data.objects.new("PII lamp", data)
            self._collection.objects.link(obj)
            self.objects.append(obj)
        for obj, lamp in zip(self.objects, lamps, strict=False):
            change(obj.data, "energy", strength * lamp.power)
            change(obj.data, "color", lamp.color)
            change(obj.data, "size", lamp.size[0])
            change(obj.data, "size_y", lamp.size[1])
            obj.location = lamp.location
            # An area lamp shines along its -Z.
            away = -mathutils.Vector(lamp.toward)
            obj.rotation_euler = away.to_track_quat("Z", "Y").to_euler()
            if obj.visible_camera != lamp.seen:
                obj.visible_camera = lamp.seen
        for obj in self.objects[len(lamps) :]:
            change(obj.data, "energy", 0.0)
