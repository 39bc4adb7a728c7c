"""A body model as a Blender mesh, and its chart as attributes of that mesh."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..render.part_labels import PART_ATTRIBUTE
from ..wardrobe.chart import CHANNELS, channel_values
from .outfit_properties import CLOTH, PREFIX

UV_MAP = "UVMap"


def body_mesh(
    name: str, model: BodyModel, vertices: NDArray[np.float32] | None = None
) -> bpy.types.Mesh:
    """Make a smooth mesh of a body with its UVs and part labels; `vertices` (V, 3) default to the
    mean shape's.
    """
    mesh = bpy.data.meshes.new(name)
    add_triangles(mesh, model.v_template if vertices is None else vertices, model.faces)
    if model.uv is not None:
        write_attribute(mesh, UV_MAP, "FLOAT2", "CORNER", "vector", model.uv)
    parts = face_parts(model)
    if parts is not None:
        write_parts(mesh, parts)
    mesh.update(calc_edges=True)
    mesh.validate()
    return mesh


def add_triangles(
    mesh: bpy.types.Mesh, vertices: NDArray[np.float32], faces: NDArray[np.int32]
) -> None:
    """Give an empty mesh vertices (V, 3) and faces (F, 3); the caller has to update it."""
    F = len(faces)
    mesh.vertices.add(len(vertices))
    mesh.loops.add(3 * F)
    mesh.polygons.add(F)
    mesh.attributes["position"].data.foreach_set("vector", vertices.ravel())
    # By the attribute: a property of each loop takes a hundred times as long.
    mesh.attributes[".corner_vert"].data.foreach_set("value", np.ascontiguousarray(faces).ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * F, 3, dtype=np.int32))


def write_materials(mesh: bpy.types.Mesh, material: NDArray[np.int32]) -> None:
    """Write the material slot of each face (F,) of a mesh that has none yet."""
    write_attribute(mesh, "material_index", "INT", "FACE", "value", material)


def add_own_edges(mesh: bpy.types.Mesh, faces: NDArray[np.int32]) -> None:
    """Give each face (F, 3) of a new mesh three edges of its own.

    Neighbours then have two edges at the same place. Cycles reads none, and finding the shared ones
    takes 9 ms for a dressed person; a mesh that somebody edits needs them.
    """
    corners = np.ascontiguousarray(faces)
    edges = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)
    mesh.edges.add(corners.size)
    mesh.attributes[".edge_verts"].data.foreach_set("value", edges.ravel())
    own = np.arange(corners.size, dtype=np.int32)
    mesh.attributes[".corner_edge"].data.foreach_set("value", own)


def write_parts(mesh: bpy.types.Mesh, parts: NDArray[np.int32]) -> None:
    """Write the part label + 1 of each face (F,), see `face_parts`."""
    write_attribute(mesh, PART_ATTRIBUTE, "INT", "FACE", "value", parts)


@lru_cache(maxsize=8)
def face_parts(model: BodyModel) -> NDArray[np.int32] | None:
    """(F,) part label + 1 of each face: the label of most of its corners, else the middle one.

    None for a model without part labels.
    """
    if model.part_labels is None:
        return None
    return np.sort(model.part_labels[model.faces], axis=1)[:, 1].astype(np.int32) + 1


def write_attribute(
    mesh: bpy.types.Mesh, name: str, kind: str, domain: str, key: str, values: Any
) -> None:
    """Give a mesh a new attribute: its Blender type and domain, the values and their field."""
    mesh.attributes.new(name, kind, domain).data.foreach_set(
        key, np.ascontiguousarray(values).ravel()
    )


def attach_chart(mesh: bpy.types.Mesh, chart: Mapping[str, np.ndarray]) -> None:
    """Write the body chart (wardrobe.chart.body_chart) as attributes of `mesh`, which has vertices
    and faces.

    Raises:
        ValueError: The mesh has another number of vertices or corners than the chart.
    """
    if len(mesh.vertices) != len(chart["level"]) or len(mesh.loops) != len(chart["cloth"]) * 3:
        raise ValueError(
            f"mesh {mesh.name!r} has {len(mesh.vertices)} vertices and {len(mesh.loops)} corners, "
            f"its chart {len(chart['level'])} and {len(chart['cloth']) * 3}"
        )
    write_chart(mesh, channel_values(chart), chart["cloth"])


def write_chart(mesh: bpy.types.Mesh, values: Mapping[str, np.ndarray], cloth: np.ndarray) -> None:
    """Write coordinates of vertices (V,) by name and `cloth` (F, 3, 2) as attributes of `mesh`."""
    for name, channels in CHANNELS.items():
        _write(mesh, name, "POINT", np.stack([values[c] for c in channels], axis=1))
    _write(mesh, CLOTH, "CORNER", cloth.reshape(-1, 2))


# Numbers in an attribute -> (its type, the name under which Blender takes them).
_TYPES = {1: ("FLOAT", "value"), 2: ("FLOAT2", "vector"), 4: ("FLOAT_COLOR", "color")}


def _write(mesh: bpy.types.Mesh, name: str, domain: str, values: np.ndarray) -> None:
    kind, field = _TYPES[values.shape[1]]
    attribute = mesh.attributes.get(PREFIX + name)
    if attribute is None:
        attribute = mesh.attributes.new(PREFIX + name, kind, domain)
    attribute.data.foreach_set(field, np.ascontiguousarray(values, dtype=np.float32).ravel())
