"""The mesh object of a character: a body model as shape keys and vertex groups.

The mesh is the body at rest in the armature's frame (rig.py). Shape keys and armature modifier
together compute the model's own formula: mean shape, plus shape, clothes and pose correctives, then
linear blend skinning. Vertex groups hold the blend weights and the body parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.joints import PARTS
from ..bodies.model import BodyModel
from ..scene.people import MODEL_TO_WORLD
from ..stage.body_mesh import body_mesh
from .rig import ELEMENTS, Rig, corrective_formula

Array = NDArray[np.float32]

BASIS = "Basis"
CLOTHES = "clothes"
BETA = "beta"
EXPRESSION = "expression"
SLIDER = 5.0  # end of the sliders; betas are standard deviations, and beyond 5 bodies break
MOST = 10.0  # Blender's shape keys end there
NOTHING = 1e-7  # m: correctives that move every vertex by less are left out


def new_body_object(name: str, rig: Rig) -> bpy.types.Object:
    """Make the body's mesh object, with vertex groups and without keys, not yet in a scene.

    Args:
        name: name of object and mesh.
        rig: the bones, whose names the vertex groups get.
    """
    model = rig.model
    mesh = body_mesh(name, model, rig.to_rest(model.v_template).astype(np.float32))
    obj = bpy.data.objects.new(name, mesh)
    columns = [(joint, model.weights[:, k]) for k, joint in enumerate(model.joint_names)]
    if model.part_labels is not None:
        columns += [(f"part {part}", model.part_labels == n) for n, part in enumerate(PARTS)]
    add_groups(obj, columns)
    return obj


def add_keys(obj: bpy.types.Object, model: BodyModel) -> None:
    """Add shape keys for the shape, the face (SMPL-X) and the clothes."""
    obj.shape_key_add(name=BASIS, from_mix=False)
    for name, offsets in directions(model):
        key = _add_key(obj, name, offsets)
        key.slider_min, key.slider_max = -SLIDER, SLIDER
    _add_key(obj, CLOTHES, np.zeros_like(model.v_template)).value = 1.0


def add_correctives(obj: bpy.types.Object, armature: bpy.types.Object, rig: Rig) -> None:
    """Add shape keys for the pose correctives, driven by the bones.

    The drivers are simple expressions, which Blender computes without Python: they also work in
    files whose scripts are not trusted.

    Args:
        obj: the body's mesh object.
        armature: the armature object whose bones drive the keys.
        rig: the bones of the model.
    """
    model = rig.model
    if not model.posedirs.shape[2]:
        return
    for k in range(1, model.num_joints):
        joint = model.joint_names[k]
        for n, (i, j) in enumerate(ELEMENTS):
            offsets = model.posedirs[:, :, 9 * (k - 1) + n]
            if np.abs(offsets).max() <= NOTHING:
                continue
            key = _add_key(obj, f"pose {joint} {i}{j}", offsets)
            key.slider_min, key.slider_max = -2.0, 2.0  # what R - I can be
            driver = key.driver_add("value").driver
            driver.type = "SCRIPTED"
            for letter in "wxyz":
                _read_bone(driver, letter, armature, joint)
            driver.expression = corrective_formula(rig.axes[k], i, j)


def beta_keys(mesh: bpy.types.Mesh) -> list[bpy.types.ShapeKey]:
    """The shape keys of the betas, in order: beta_keys(mesh)[3].value is betas[3]."""
    return _numbered_keys(mesh, BETA)


def expression_keys(mesh: bpy.types.Mesh) -> list[bpy.types.ShapeKey]:
    """The shape keys of the face, in order; only SMPL-X has any."""
    return _numbered_keys(mesh, EXPRESSION)


def _numbered_keys(mesh: bpy.types.Mesh, name: str) -> list[bpy.types.ShapeKey]:
    blocks = mesh.shape_keys.key_blocks
    keys: list[bpy.types.ShapeKey] = []
    while (key := blocks.get(f"{name} {len(keys):02d}")) is not None:
        keys.append(key)
    return keys


def write_clothes(mesh: bpy.types.Mesh, offsets: Array) -> None:
    """Set how far the clothes stand off the body.

    Args:
        mesh: the body's mesh.
        offsets: (V, 3) m, at rest, in the model's axes.
    """
    _write_key(
        mesh.shape_keys.key_blocks[CLOTHES], _read_key(mesh.shape_keys.key_blocks[BASIS]), offsets
    )


def directions(model: BodyModel) -> Iterator[tuple[str, Array]]:
    """The names of the shape keys of shape and face, and how far they move the vertices, m."""
    for n in range(model.num_betas):
        yield f"{BETA} {n:02d}", model.shapedirs[:, :, n]
    for n in range(model.num_expression):
        assert model.exprdirs is not None
        yield f"{EXPRESSION} {n:02d}", model.exprdirs[:, :, n]


def _add_key(obj: bpy.types.Object, name: str, offsets: Array) -> bpy.types.ShapeKey:
    """Add a key at value 0 that moves the vertices by `offsets` (V, 3) m, in the model's axes."""
    key = obj.shape_key_add(name=name, from_mix=False)
    key.value = 0.0  # Blender 5 starts with 1
    _write_key(key, _read_key(key), offsets)  # a new key is a copy of the mesh
    return key


def _write_key(key: bpy.types.ShapeKey, basis: Array, offsets: Array) -> None:
    key.points.foreach_set("co", (basis + offsets @ MODEL_TO_WORLD.T.astype(np.float32)).ravel())


def _read_key(key: bpy.types.ShapeKey) -> Array:
    co = np.empty(3 * len(key.points), dtype=np.float32)
    key.points.foreach_get("co", co)
    return co.reshape(-1, 3)


def _read_bone(
    driver: bpy.types.Driver, letter: str, armature: bpy.types.Object, bone: str
) -> None:
    """Add a driver variable: w, x, y or z of the bone's own rotation."""
    variable = driver.variables.new()
    variable.name, variable.type = letter, "TRANSFORMS"
    target = variable.targets[0]
    target.id, target.bone_target = armature, bone
    target.transform_type, target.rotation_mode = f"ROT_{letter.upper()}", "QUATERNION"
    target.transform_space = "LOCAL_SPACE"


def skin(obj: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Parent a mesh object to the armature, which deforms it by linear blend skinning."""
    obj.parent = armature
    obj.lock_location = obj.lock_rotation = obj.lock_scale = (True, True, True)
    modifier = obj.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    modifier.use_vertex_groups, modifier.use_bone_envelopes = True, False
    modifier.use_deform_preserve_volume = False


def add_groups(obj: bpy.types.Object, columns: Sequence[tuple[str, NDArray[Any]]]) -> None:
    """Add vertex groups: names, and the weight (V,) of each vertex."""
    for name, _ in columns:
        obj.vertex_groups.new(name=name)
    weights = np.stack([column.astype(np.float32) for _, column in columns], axis=1)
    # bmesh takes a quarter of the time of VertexGroup.add.
    work = bmesh.new()
    work.from_mesh(obj.data)
    layer = work.verts.layers.deform.verify()
    vertices = list(work.verts)
    rows, groups = np.nonzero(weights)
    for row, group, weight in zip(
        rows.tolist(), groups.tolist(), weights[rows, groups].tolist(), strict=True
    ):
        vertices[row][layer][group] = weight
    work.to_mesh(obj.data)
    work.free()
