"""Things that masks count (`scene.counted`) as objects of their own."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..scene.counted import Counted
from .arrays import assemble, drawn_persons, prop_piece
from .mesh_writer import mesh_object, show, write_mesh
from .surfaces import solid_materials


class StageCounted:
    """The counted things. Objects are kept from image to image.

    Attributes:
        objects: All that were ever needed at the same time.
    """

    def __init__(self, collection: bpy.types.Collection) -> None:
        self.objects: list[bpy.types.Object] = []
        self._collection = collection

    def apply(self, things: Sequence[Counted]) -> None:
        """Show these things and no others; a statue's prop must not be shown a second time."""
        while len(self.objects) < len(things):
            name = f"PII counted {len(self.objects)}"
            self.objects.append(mesh_object(self._collection, name, solid_materials()))
        for obj, thing in zip(self.objects, things, strict=False):
            of_image = thing.kind == "image"
            arrays = drawn_persons(thing.prop) if of_image else assemble([prop_piece(thing.prop)])
            write_mesh(obj.data, arrays)
            show(obj, True)
        for obj in self.objects[len(things) :]:
            show(obj, False)

    def names(self, things: Sequence[Counted]) -> dict[int, str]:
        """Name of the object of each thing, by its id."""
        return {t.id: obj.name for t, obj in zip(things, self.objects, strict=False)}
