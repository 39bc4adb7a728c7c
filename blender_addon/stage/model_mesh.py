"""Models of packs as Blender meshes."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ..packs.scenery.model import ModelMesh
from ..packs.scenery.model_cache import load_model
from .body_mesh import add_triangles, write_attribute, write_materials
from .model_shader import MODEL_COLOR, MODEL_FINISH, MODEL_UV, Look, look_of, model_material


def model_mesh(path: str, name: str) -> tuple[bpy.types.Mesh, tuple[Look, ...]]:
    """Make the mesh of a model: extents 1 × 1 × 1, see packs.scenery.model.ModelMesh.

    Args:
        path: Its file.
        name: Of the mesh.

    Returns:
        (the mesh, the look of each of its material slots); `show_looks` loads their images.

    Raises:
        ValueError: The model cannot be used; the message names the file.
    """
    model = load_model(Path(path))
    looks = [look_of(material) for material in model.materials]
    used = list(dict.fromkeys(looks[i] for i in np.unique(model.material)))
    slot = np.array([used.index(look) if look in used else 0 for look in looks], np.int32)
    mesh = bpy.data.meshes.new(name)
    for look in used:
        mesh.materials.append(model_material(look))
    _write(mesh, model, slot)
    return mesh, tuple(used)


def _write(mesh: bpy.types.Mesh, model: ModelMesh, slot: np.ndarray) -> None:
    add_triangles(mesh, model.vertices, model.faces)
    write_materials(mesh, slot[model.material])
    finish = np.zeros((len(model.faces), 3), np.float32)
    finish[:, :2] = model.finish
    write_attribute(mesh, MODEL_UV, "FLOAT2", "CORNER", "vector", model.uv)
    write_attribute(mesh, MODEL_COLOR, "FLOAT_COLOR", "FACE", "color", model.color)
    write_attribute(mesh, MODEL_FINISH, "FLOAT_VECTOR", "FACE", "vector", finish)
    mesh.update(calc_edges=True)
