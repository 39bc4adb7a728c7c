"""A body model as a Blender mesh, and its chart as attributes of that mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..render.part_labels import PART_ATTRIBUTE
from .outfit_properties import CHANNELS, CLOTH, PREFIX

UV_MAP = "UVMap"


def body_mesh(
    name: str, model: BodyModel, vertices: NDArray[np.float32] | None = None
) -> bpy.types.Mesh:
    """Make a smooth mesh of a body with its UVs and part labels; `vertices` (V, 3) default to the
    mean shape's.
    """
    mesh = bpy.data.meshes.new(name)
    F = len(model.faces)
    mesh.vertices.add(model.num_vertices)
    mesh.loops.add(3 * F)
    mesh.polygons.add(F)
    mesh.attributes["position"].data.foreach_set(
        "vector", (model.v_template if vertices is None else vertices).ravel()
    )
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(model.faces).ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * F, 3, dtype=np.int32))
    if model.uv is not None:
        _attribute(mesh, UV_MAP, "FLOAT2", "CORNER", "vector", model.uv)
    if model.part_labels is not None:
        _attribute(mesh, PART_ATTRIBUTE, "INT", "FACE", "value", face_parts(model))
    mesh.update(calc_edges=True)
    mesh.validate()
    return mesh


def face_parts(model: BodyModel) -> NDArray[np.int32]:
    """(F,) part label + 1 of each face: the label of most of its corners, else the middle one."""
    assert model.part_labels is not None
    return np.sort(model.part_labels[model.faces], axis=1)[:, 1].astype(np.int32) + 1


def _attribute(
    mesh: bpy.types.Mesh, name: str, kind: str, domain: str, key: str, values: Any
) -> None:
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
    names = {
        **chart,
        **_columns("xyz", chart["position"]),
        **_columns(("head_x", "head_y", "head_z"), chart["head"]),
    }
    for name, channels in CHANNELS.items():
        _write(mesh, name, "POINT", np.stack([names[c] for c in channels], axis=1))
    _write(mesh, CLOTH, "CORNER", chart["cloth"].reshape(-1, 2))


def _columns(names: Any, array: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[:, i] for i, name in enumerate(names)}


# Numbers in an attribute -> (its type, the name under which Blender takes them).
_TYPES = {1: ("FLOAT", "value"), 2: ("FLOAT2", "vector"), 4: ("FLOAT_COLOR", "color")}


def _write(mesh: bpy.types.Mesh, name: str, domain: str, values: np.ndarray) -> None:
    kind, field = _TYPES[values.shape[1]]
    attribute = mesh.attributes.get(PREFIX + name)
    if attribute is None:
        attribute = mesh.attributes.new(PREFIX + name, kind, domain)
    attribute.data.foreach_set(field, np.ascontiguousarray(values, dtype=np.float32).ravel())
