"""Things with meshes of their own, which equal things share: models of packs, and heavy shapes.

Small things are joined into one mesh for each image (`arrays`). A mesh of many faces is made once
and stays for later images; the least recently used ones are freed above a limit.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import bpy

from ..props.catalogue import solid_of
from ..scene.spec import PropSpec
from .arrays import Piece, assemble, shows_file
from .images import ImageCache
from .mesh_writer import show, write_mesh
from .model_mesh import model_mesh
from .model_shader import TINT, Look, show_look
from .nodes import change
from .surfaces import solid_materials

HEAVY = 3000  # faces above which equal shapes share a mesh
MOST_MESHES, MOST_TRIANGLES = 512, 2_000_000  # about 250 MB in Blender


def with_own_meshes(props: Sequence[PropSpec]) -> list[PropSpec]:
    """The things that are shown as instances, and not as parts of the mesh of all things.

    They are the models of packs, and shapes of many faces that a scene has several times over.
    """
    count = Counter(_key_of(prop) for prop in props)
    return [prop for prop in props if prop.source or (count[_key_of(prop)] > 1 and _heavy(prop))]


def _heavy(prop: PropSpec) -> bool:
    if shows_file(prop.surface):  # its material is one of the mesh of all things
        return False
    return len(solid_of(prop.shape, prop.size, prop.variant).starts) > HEAVY


@dataclass(eq=False)
class _Shared:
    """A mesh and the looks of its slots."""

    mesh: bpy.types.Mesh
    looks: tuple[Look, ...]
    triangles: int


class SharedMeshes:
    """Meshes by what they show. The least recently used ones are freed above `meshes` meshes or
    `triangles`, in `trim` alone, and never one that was asked for since the `trim` before.
    """

    def __init__(
        self,
        images: ImageCache,
        meshes: int = MOST_MESHES,
        triangles: int = MOST_TRIANGLES,
    ) -> None:
        self.images, self.most, self.most_triangles = images, meshes, triangles
        self._shared: OrderedDict[Hashable, _Shared] = OrderedDict()
        self._used: set[Hashable] = set()

    def __len__(self) -> int:
        return len(self._shared)

    def triangles(self) -> int:
        """Triangles of all meshes together."""
        return sum(shared.triangles for shared in self._shared.values())

    def get(self, prop: PropSpec) -> bpy.types.Mesh:
        """The mesh of a thing, with its images loaded.

        Raises:
            ValueError: A model or an image cannot be read; the message names it.
            FileNotFoundError: An image is missing.
        """
        key = _key_of(prop)
        if key not in self._shared:
            self._shared[key] = self._made(prop, key)
        shared = self._shared[key]
        self._shared.move_to_end(key)
        self._used.add(key)
        for material, look in zip(shared.mesh.materials, shared.looks, strict=False):
            show_look(material, look, self.images)
        return shared.mesh

    def trim(self, released: Callable[[bpy.types.Mesh], None] = lambda mesh: None) -> None:
        """Free the oldest meshes over the limits; `released` is called before with each."""
        left = self.triangles()
        for key in [key for key in self._shared if key not in self._used]:
            if len(self._shared) <= self.most and left <= self.most_triangles:
                break
            shared = self._shared.pop(key)
            left -= shared.triangles
            released(shared.mesh)
            self._free(shared)
        self._used.clear()

    def clear(self) -> None:
        """Free all meshes, and the materials of models."""
        while self._shared:
            self._free(self._shared.popitem()[1])

    def _made(self, prop: PropSpec, key: Hashable) -> _Shared:
        name = "PII shared " + hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()
        if prop.source:
            mesh, looks = model_mesh(prop.source, name)
            return _Shared(mesh, looks, len(mesh.polygons))
        solid = solid_of(prop.shape, prop.size, prop.variant)
        mesh = bpy.data.meshes.new(name)
        for material in solid_materials():
            mesh.materials.append(material)
        write_mesh(mesh, assemble([Piece(solid, prop.surface)]))
        return _Shared(mesh, (), len(solid.loops) - 2 * len(solid.starts))

    def _free(self, shared: _Shared) -> None:
        materials = [m for m in shared.mesh.materials if m is not None] if shared.looks else []
        bpy.data.meshes.remove(shared.mesh)
        for material in materials:
            if material.users == 0:
                bpy.data.materials.remove(material)


class PackProps:
    """The objects that show things with meshes of their own.

    Objects are made when an image first needs them, and hidden afterwards; the k-th thing of an
    image gets the k-th object.
    """

    def __init__(self, scene: bpy.types.Scene, images: ImageCache) -> None:
        self.scene = scene
        self.meshes = SharedMeshes(images)
        self.objects: list[bpy.types.Object] = []
        self._empty = bpy.data.meshes.new("PII nothing")

    def apply(self, props: Sequence[PropSpec]) -> None:
        """Show these things and no others.

        Raises:
            ValueError, FileNotFoundError: A file cannot be read; the message names it.
        """
        for number, prop in enumerate(props):
            mesh = self.meshes.get(prop)
            if number == len(self.objects):
                self.objects.append(self._object(number))
            obj = self.objects[number]
            if obj.data != mesh:
                obj.data = mesh
            place_object(obj, prop)
        for number, obj in enumerate(self.objects):
            show(obj, number < len(props))
        self.meshes.trim(self._released)

    def remove(self) -> None:
        """Free all meshes; the objects are left without any, for the scene to delete."""
        for obj in self.objects:
            show(obj, False)
            obj.data = self._empty
        self.meshes.clear()
        if not self.objects:
            bpy.data.meshes.remove(self._empty)

    def _object(self, number: int) -> bpy.types.Object:
        obj = bpy.data.objects.new(f"PII thing {number}", self._empty)
        self.scene.collection.objects.link(obj)
        return obj

    def _released(self, mesh: bpy.types.Mesh) -> None:
        for obj in self.objects:
            if obj.data == mesh:
                obj.data = self._empty


def place_object(obj: bpy.types.Object, prop: PropSpec) -> None:
    """Put an object where its thing is, and tint it."""
    scale = prop.size if prop.source else (1.0, 1.0, 1.0)
    change(obj, "location", prop.location)
    change(obj, "rotation_euler", [math.radians(angle) for angle in prop.rotation])
    change(obj, "scale", scale)
    tint = (*prop.surface.color, 1.0)
    if tuple(obj.get(TINT, ())) != tint:
        obj[TINT] = tint
        obj.update_tag()


def _key_of(prop: PropSpec) -> Hashable:
    if prop.source:
        return prop.source
    return prop.shape, prop.size, prop.variant, prop.surface
