"""Props as separate objects, which an artist may move, turn, scale and delete; and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..character.character import character_of
from ..scene.spec import PropSpec, Vec3, from_plain
from ..stage.arrays import assemble, euler_matrix, prop_piece
from ..stage.images import ImageCache
from ..stage.mesh_writer import mesh_object, write_mesh
from ..stage.model_mesh import model_mesh
from ..stage.model_shader import TINT, show_look
from ..stage.surface_images import image_material
from ..stage.surfaces import solid_materials
from . import parts

PROP = "pii_synth prop"  # JSON of the PropSpec that the object was made from
_SAME = 1e-4  # m, and of unit vectors: smaller differences come from Blender's rounding
_NOWHERE = (0.0, 0.0, 0.0)


def is_prop(obj: bpy.types.Object) -> bool:
    """Whether the object is a prop of the draw: a seat, a bicycle, a bush."""
    return PROP in obj


def show_props(
    scene: bpy.types.Scene,
    wanted: Sequence[PropSpec],
    owners: Mapping[int, bpy.types.Object],
    images: ImageCache,
) -> None:
    """Make the props of a scene equal to the wanted ones.

    A prop that exists already keeps its object. The props of a person's pose are parented to the
    person.

    Args:
        scene: the scene to change.
        wanted: the props to show.
        owners: id of a person -> armature.
        images: cache for the images of packs.

    Raises:
        FileNotFoundError, ValueError: a file of a pack cannot be read; the message names it.
    """
    missing = list(wanted)
    surplus = []
    for obj in _objects(scene):
        prop = _read(obj)
        if prop in missing:
            missing.remove(prop)
        else:
            surplus.append(obj)
    parts.remove(surplus)
    collection = parts.collection_of(scene)
    kept = ((_read(obj).source, obj.data) for obj in _objects(scene))
    meshes = {source: mesh for source, mesh in kept if source}  # equal models share one
    for prop in missing:
        obj = _add(collection, prop, owners.get(prop.owner), images, meshes.get(prop.source))
        if prop.source:
            meshes[prop.source] = obj.data


def read_props(scene: bpy.types.Scene) -> tuple[PropSpec, ...]:
    """Read the props back: first those that belong to a person, then the others."""
    props = [_read(obj) for obj in _objects(scene) if not obj.hide_render]
    return tuple(sorted(props, key=lambda prop: (prop.owner == 0, prop.owner)))


def remove_props(scene: bpy.types.Scene) -> None:
    """Delete all props."""
    parts.remove(_objects(scene))


def _objects(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    return [obj for obj in scene.objects if is_prop(obj)]


def _add(
    collection: bpy.types.Collection,
    prop: PropSpec,
    owner: bpy.types.Object | None,
    images: ImageCache,
    mesh: bpy.types.Mesh | None,
) -> bpy.types.Object:
    here = dataclasses.replace(prop, location=_NOWHERE, rotation=_NOWHERE)
    name = prop.shape.replace("_", " ").capitalize()
    if prop.source:
        obj = _model(collection, prop, images, mesh)
    else:
        arrays = assemble([prop_piece(here)])
        used, slots = np.unique(arrays.pattern, return_inverse=True)
        materials = [
            *solid_materials(),
            *(image_material(file, images, backdrop=False) for file in arrays.images),
        ]
        obj = mesh_object(collection, name, [materials[index] for index in used])
        pattern = slots.reshape(-1).astype(np.int32)
        write_mesh(obj.data, dataclasses.replace(arrays, pattern=pattern))
    obj[PROP] = json.dumps(dataclasses.asdict(prop))
    if owner is not None:
        obj.parent = owner
    obj.matrix_world = Matrix(_placement(prop).tolist())
    return obj


def _model(
    collection: bpy.types.Collection,
    prop: PropSpec,
    images: ImageCache,
    mesh: bpy.types.Mesh | None,
) -> bpy.types.Object:
    """An object that shows a model of a pack, with its mesh where there is one already."""
    name = Path(prop.source).stem
    if mesh is None:
        mesh, looks = model_mesh(prop.source, name)
        for material, look in zip(mesh.materials, looks, strict=True):
            show_look(material, look, images)
    obj = bpy.data.objects.new(name, mesh)
    obj[TINT] = (*prop.surface.color, 1.0)
    collection.objects.link(obj)
    return obj


def _read(obj: bpy.types.Object) -> PropSpec:
    """Read a prop back. One that was not changed equals the one that was shown."""
    shown = from_plain(PropSpec, json.loads(obj[PROP]), PROP)
    owner = character_of(obj.parent)
    shown = dataclasses.replace(shown, owner=owner.number if owner is not None else 0)
    differs = np.abs(np.array(obj.matrix_world) - _placement(shown)) > _SAME
    if not differs.any():
        return shown
    location, rotation, scale = obj.matrix_world.decompose()
    if not differs[:3, :3].any():
        return dataclasses.replace(shown, location=_vec(location))
    x, y, z = (float(np.degrees(angle)) for angle in rotation.to_euler("XYZ"))
    size = (1.0, 1.0, 1.0) if shown.source else shown.size
    a, b, c = (extent * factor for extent, factor in zip(size, scale, strict=True))
    return dataclasses.replace(shown, location=_vec(location), rotation=(x, y, z), size=(a, b, c))


def _placement(prop: PropSpec) -> np.ndarray:
    """(4, 4) from the prop's own axes to the world; its size is in its mesh, unless it is that of
    a model of a pack, which is 1 × 1 × 1.
    """
    matrix = np.eye(4)
    scale = prop.size if prop.source else (1.0, 1.0, 1.0)
    matrix[:3, :3], matrix[:3, 3] = euler_matrix(prop.rotation) * scale, prop.location
    return matrix


def _vec(values: Sequence[float]) -> Vec3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)
