"""A dressed person (`wardrobe.dressed`) as a Blender mesh, written anew for every image."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..wardrobe.dressed import MATERIALS, SKIN, Dressed
from .body_mesh import (
    UV_MAP,
    add_own_edges,
    add_triangles,
    write_attribute,
    write_chart,
    write_materials,
    write_parts,
)
from .image_tones import ImageTones, toned_colors
from .part_shader import PART_COLOR


def write_dressed(
    mesh: bpy.types.Mesh,
    dressed: Dressed,
    face_parts: NDArray[np.int32] | None,
    tones: ImageTones,
    skin_uv: NDArray[np.float32] | None = None,
) -> None:
    """Replace the geometry of `mesh`.

    Args:
        mesh: A mesh with a material slot for each of wardrobe.dressed.MATERIALS, and for each of
            the person's surfaces after them.
        dressed: The person.
        face_parts: (F,) part label + 1 of the body's faces; None without part labels.
        tones: Colours of the parts' images.
        skin_uv: (F, 3, 2) coordinates of the body's faces in the image of its skin; None without.
    """
    mesh.clear_geometry()
    add_triangles(mesh, dressed.vertices, dressed.faces)
    add_own_edges(mesh, dressed.faces)
    write_materials(mesh, dressed.material)
    if face_parts is not None:
        write_parts(mesh, face_parts[dressed.source])
    write_chart(mesh, dressed.chart, dressed.cloth)
    if len(dressed.part_faces) or skin_uv is not None:
        count = len(dressed.faces)
        uv, color = np.zeros((count, 3, 2), np.float32), np.ones((count, 4), np.float32)
        if skin_uv is not None:
            skin = dressed.material == MATERIALS.index(SKIN)
            uv[skin] = skin_uv[dressed.source[skin]]
        uv[dressed.part_faces] = dressed.uv
        color[dressed.part_faces] = toned_colors(dressed, tones)
        write_attribute(mesh, UV_MAP, "FLOAT2", "CORNER", "vector", uv)
        write_attribute(mesh, PART_COLOR, "FLOAT_COLOR", "FACE", "color", color)
    mesh.update()
