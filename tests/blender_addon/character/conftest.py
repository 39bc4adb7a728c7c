"""Small bodies of each family, made from the default body.

They can be dressed, and have everything that real model files have: correctives, fingers, a face.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from blender_addon.bodies.joints import FAMILIES
from blender_addon.bodies.library import default_body
from blender_addon.bodies.model import BodyModel
from blender_addon.render.compat import import_bpy
from blender_addon.scene.body_poser import BodyPoser

_CELL = 0.03  # m: vertices in one cube of this size become one


def _added_joint(name: str, parents: dict[str, str]) -> str:
    """The parent of a joint that SMPL does not have."""
    if name in ("jaw", "left_eye", "right_eye"):
        return "head"
    side, _, finger = name.partition("_")
    return f"{side}_wrist" if finger[-1] == "1" else f"{side}_{finger[:-1]}{int(finger[-1]) - 1}"


def small_model(family: str) -> BodyModel:
    """A body of about 1500 vertices, with fingers and face at random places of hands and head."""
    body, rng = default_body(), np.random.default_rng(3)
    cells = np.unique(np.floor(body.v_template / _CELL).astype(int), axis=0, return_inverse=True)[
        1
    ].reshape(-1)
    V = int(cells.max()) + 1
    count = np.bincount(cells, minlength=V)

    def merged(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        sums = np.stack([np.bincount(cells, column, minlength=V) for column in flat.T], axis=1)
        return (sums / count[:, None]).reshape(V, *values.shape[1:])

    faces = cells[body.faces]
    whole = (
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    )
    faces = np.unique(np.sort(faces[whole], axis=1), axis=0)

    names = FAMILIES[family]
    source = dict(zip(body.joint_names, range(body.num_joints), strict=True))
    weights, regressor = np.zeros((V, len(names))), np.zeros((len(names), V))
    body_weights, v_template = merged(body.weights), merged(body.v_template)
    body_regressor = np.stack([np.bincount(cells, row, minlength=V) for row in body.J_regressor])
    parents = np.zeros(len(names), dtype=int)
    parent_names: dict[str, str] = {}
    for k, name in enumerate(names):
        if name in source:
            parent = body.parents[source[name]]
            parents[k] = -1 if parent < 0 else names.index(body.joint_names[parent])
            regressor[k], weights[:, k] = (
                body_regressor[source[name]],
                body_weights[:, source[name]],
            )
        else:
            parents[k] = names.index(_added_joint(name, parent_names))
            owner = "head" if parents[k] == names.index("head") else f"{name.split('_')[0]}_hand"
            near = body_weights[:, source[owner]] * rng.random(V)
            regressor[k], weights[:, k] = near / near.sum(), near
    return BodyModel(
        name=f"small {family}",
        family=family,
        gender="neutral",
        v_template=v_template,
        faces=faces,
        shapedirs=merged(body.shapedirs)[:, :, :10],
        posedirs=rng.normal(0.0, 0.01, (V, 3, 9 * (len(names) - 1))),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        weights=weights / weights.sum(axis=1, keepdims=True),
        parents=parents,
        joint_names=names,
        exprdirs=rng.normal(0.0, 0.002, (V, 3, 4)) if family == "smplx" else None,
        hands_mean=rng.normal(0.0, 0.2, (30, 3)) if family != "smpl" else None,
        part_labels=body.part_labels[np.unique(cells, return_index=True)[1]],
    )


@pytest.fixture(scope="session")
def small_body() -> Callable[[str], BodyModel]:
    """Make the small body of a family; the same each time."""
    return lru_cache(small_model)


@pytest.fixture(scope="session")
def bpy() -> Any:
    return import_bpy()


@pytest.fixture(scope="session")
def figures(small_body: Callable[[str], BodyModel]) -> BodyPoser:
    return BodyPoser(
        {"default": default_body(), **{family: small_body(family) for family in FAMILIES}}
    )


@pytest.fixture(scope="session")
def world_vertices(bpy: Any) -> Callable[[Any], np.ndarray]:
    """The vertices (V, 3) of an object in the world, after shape keys, drivers and modifiers."""

    def world_vertices(obj: Any) -> np.ndarray:
        evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        co = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.vertices.foreach_get("co", co)
        evaluated.to_mesh_clear()
        matrix = np.array(evaluated.matrix_world)
        return co.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]

    return world_vertices


@pytest.fixture
def scene(bpy: Any) -> Any:
    """The scene that Blender shows, empty. Materials stay: to build the person's takes a second."""
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    data = bpy.data
    bpy.data.batch_remove([*data.objects, *data.meshes, *data.armatures])
    for other in data.scenes[1:]:  # batch_remove would leave Blender a pointer to it
        data.scenes.remove(other)
    bpy.context.scene.cursor.location = (0, 0, 0)
    return bpy.context.scene
