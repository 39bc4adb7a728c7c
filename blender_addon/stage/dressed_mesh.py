"""A dressed person (`wardrobe.dressed`) as a Blender mesh, written anew for every image."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..render.part_labels import PART_ATTRIBUTE
from ..wardrobe.dressed import Dressed
from .outfit_properties import CHANNELS, CLOTH, PREFIX

_KINDS = {1: ("FLOAT", "value"), 2: ("FLOAT2", "vector"), 4: ("FLOAT_COLOR", "color")}


def write_dressed(
    mesh: bpy.types.Mesh, dressed: Dressed, face_parts: NDArray[np.int32] | None
) -> None:
    """Replace the geometry of `mesh`.

    Args:
        mesh: A mesh with a material slot for each of wardrobe.dressed.MATERIALS.
        dressed: The person.
        face_parts: (F,) part label + 1 of the body's faces; None without part labels.
    """
    F = len(dressed.faces)
    mesh.clear_geometry()
    mesh.vertices.add(len(dressed.vertices))
    mesh.loops.add(3 * F)
    mesh.polygons.add(F)
    mesh.attributes["position"].data.foreach_set("vector", dressed.vertices.ravel())
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(dressed.faces).ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * F, 3, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", dressed.material)
    if face_parts is not None:
        _write(mesh, PART_ATTRIBUTE, "FACE", "INT", "value", face_parts[dressed.source])
    for name, channels in CHANNELS.items():
        columns = np.stack([dressed.chart[c] for c in channels], axis=1)
        kind, key = _KINDS[len(channels)]
        _write(mesh, PREFIX + name, "POINT", kind, key, columns)
    _write(mesh, PREFIX + CLOTH, "CORNER", "FLOAT2", "vector", dressed.cloth)
    mesh.update(calc_edges=True)


def _write(
    mesh: bpy.types.Mesh, name: str, domain: str, kind: str, key: str, values: NDArray
) -> None:
    attribute = mesh.attributes.new(name, kind, domain)
    attribute.data.foreach_set(key, np.ascontiguousarray(values).ravel())
