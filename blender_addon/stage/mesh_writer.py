"""MeshArrays -> Blender mesh, and a fast way to hide and show objects."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from .arrays import MeshArrays
from .body_mesh import write_attribute
from .drawn_atlas import draw_where_shown
from .surfaces import COLOR, COLOR2, FINISH, PLACE, UV

_RAYS = ("camera", "diffuse", "glossy", "transmission", "volume_scatter", "shadow")


def write_mesh(mesh: bpy.types.Mesh, arrays: MeshArrays) -> None:
    """Replace the geometry of `mesh`. Its materials stay; a face's material is its pattern."""
    mesh.clear_geometry()
    mesh.vertices.add(len(arrays.vertices))
    mesh.loops.add(len(arrays.loops))
    mesh.polygons.add(len(arrays.starts))
    if len(arrays.starts):
        mesh.attributes["position"].data.foreach_set("vector", arrays.vertices.ravel())
        # By attributes: properties of each loop and polygon take a hundred times as long.
        mesh.attributes[".corner_vert"].data.foreach_set("value", arrays.loops)
        mesh.polygons.foreach_set("loop_start", arrays.starts)
        for name, kind, domain, key, values in (
            ("material_index", "INT", "FACE", "value", arrays.pattern),
            ("sharp_face", "BOOLEAN", "FACE", "value", ~arrays.smooth),
            (PLACE, "FLOAT_VECTOR", "POINT", "vector", arrays.place),
            (UV, "FLOAT2", "CORNER", "vector", arrays.uv),
            (COLOR, "FLOAT_COLOR", "FACE", "color", arrays.color),
            (COLOR2, "FLOAT_COLOR", "FACE", "color", arrays.color2),
            (FINISH, "FLOAT_VECTOR", "FACE", "vector", arrays.finish),
        ):
            write_attribute(mesh, name, kind, domain, key, values)
        used = np.flatnonzero(np.bincount(arrays.pattern))
        draw_where_shown(mesh.materials[i] for i in used[used < len(mesh.materials)].tolist())
    mesh.update(calc_edges=True)


def show(obj: bpy.types.Object, visible: bool) -> None:
    """Show an object to all rays or to none.

    This does not use hide_render, with which Blender rebuilds the dependency graph, about 1 ms each
    time. Cycles skips an object that no ray sees.
    """
    for ray in _RAYS:
        if getattr(obj, f"visible_{ray}") != visible:
            setattr(obj, f"visible_{ray}", visible)


def mesh_object(
    collection: bpy.types.Collection, name: str, materials: Sequence[bpy.types.Material]
) -> bpy.types.Object:
    """A new object with an empty mesh of these materials."""
    obj = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    for material in materials:
        obj.data.materials.append(material)
    collection.objects.link(obj)
    return obj
