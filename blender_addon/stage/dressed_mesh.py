"""A dressed person (`wardrobe.dressed`) as a Blender mesh, written anew for every image."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..wardrobe.dressed import Dressed
from .body_mesh import add_triangles, write_chart, write_parts


def write_dressed(
    mesh: bpy.types.Mesh, dressed: Dressed, face_parts: NDArray[np.int32] | None
) -> None:
    """Replace the geometry of `mesh`.

    Args:
        mesh: A mesh with a material slot for each of wardrobe.dressed.MATERIALS.
        dressed: The person.
        face_parts: (F,) part label + 1 of the body's faces; None without part labels.
    """
    mesh.clear_geometry()
    add_triangles(mesh, dressed.vertices, dressed.faces)
    mesh.polygons.foreach_set("material_index", dressed.material)
    if face_parts is not None:
        write_parts(mesh, face_parts[dressed.source])
    write_chart(mesh, dressed.chart, dressed.cloth)
    mesh.update(calc_edges=True)
