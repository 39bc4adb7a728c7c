"""A body model as a Blender mesh."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..render.part_labels import PART_ATTRIBUTE

UV_MAP = "UVMap"


def body_mesh(
    name: str, model: BodyModel, vertices: NDArray[np.float32] | None = None
) -> bpy.types.Mesh:
    """A smooth mesh of a body with its UVs and part labels, with these `vertices` (V, 3) or else the mean shape's."""
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
    """(F,) part label + 1 of each face: the one that most of its corners have, else the middle one."""
    assert model.part_labels is not None
    return np.sort(model.part_labels[model.faces], axis=1)[:, 1].astype(np.int32) + 1


def _attribute(
    mesh: bpy.types.Mesh, name: str, kind: str, domain: str, key: str, values: Any
) -> None:
    mesh.attributes.new(name, kind, domain).data.foreach_set(
        key, np.ascontiguousarray(values).ravel()
    )
