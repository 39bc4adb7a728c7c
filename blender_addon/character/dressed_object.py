"""The mesh of a character whose garments are geometry: visible skin, clothes, hair and items.

It is a child of the armature beside the body, which then only carries the sliders. Armature
modifier and shape keys move it with the body: each vertex follows the vertex of the body that it is
nearest to, and skirts follow both thighs. It is exact at the shape that was applied; Fit Skeleton
dresses another shape anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ..bodies.model import BodyModel
from ..scene.body_poser import BodyPoser
from ..scene.people import MODEL_TO_WORLD
from ..scene.spec import PersonSpec
from ..stage.body_mesh import face_parts
from ..stage.dressed_mesh import write_dressed
from ..stage.image_tones import ImageTones
from ..stage.images import ImageCache
from ..stage.person_shader import apply_outfit
from ..wardrobe.dressed import Dressed, Wearable
from . import body_object
from .rig import Rig

Array = NDArray[np.float32]

MARK = "pii_synth dressed"  # on the object: a hash of the shape and the outfit that it shows
_FAR = 0.06  # m from the skin, beyond which cloth below the hips hangs around both legs
_RAYS = ("camera", "diffuse", "glossy", "transmission", "volume_scatter", "shadow")


def dress(
    armature: bpy.types.Object,
    body: bpy.types.Object,
    person: PersonSpec,
    figures: BodyPoser,
    images: ImageCache,
) -> None:
    """Make the clothes of a character match a person.

    Args:
        armature: The character's armature.
        body: The character's body. No ray meets it while a dressed mesh shows its skin.
        person: What to show; in the painted style the dressed mesh is removed.
        figures: The poser of the body.
        images: Cache for the images of the outfit.

    Raises:
        FileNotFoundError, ValueError: An image cannot be read; the message names it.
    """
    layered = person.outfit.style == "mesh"
    there = dressed_of(armature)
    shown = _digest(person) if layered else ""
    if there is not None and there[MARK] != shown:
        _remove(there)
        there = None
    if layered and there is None:
        there = _new_object(armature, body, person, figures, images)
        there[MARK] = shown
    for ray in _RAYS:
        setattr(body, f"visible_{ray}", not layered)
    body.display_type = "BOUNDS" if layered else "TEXTURED"


def dressed_of(armature: bpy.types.Object) -> bpy.types.Object | None:
    """The dressed mesh of a character; None where it is painted, or its mesh was deleted."""
    return next((child for child in armature.children if MARK in child), None)


def _digest(person: PersonSpec) -> str:
    body = person.body
    text = repr((body.model, body.betas, body.expression, person.outfit))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _remove(obj: bpy.types.Object) -> None:
    mesh = obj.data
    bpy.data.objects.remove(obj)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)


def _new_object(
    armature: bpy.types.Object,
    body: bpy.types.Object,
    person: PersonSpec,
    figures: BodyPoser,
    images: ImageCache,
) -> bpy.types.Object:
    spec, rig = person.body, Rig(figures.bodies[person.body.model])
    model = rig.model
    wearable = Wearable(
        model, figures.chart(spec.model), spec.betas, person.outfit, spec.expression
    )
    dressed = wearable.posed(np.zeros((model.num_joints, 3)), np.zeros(3), up=np.array([0, 1.0, 0]))
    bound = _bind(dressed, wearable.shaped, model)
    name = f"{armature.name} Clothes"
    mesh = bpy.data.meshes.new(name)
    obj = bpy.data.objects.new(name, mesh)
    at_rest = dataclasses.replace(dressed, vertices=rig.to_rest(dressed.vertices))
    tones = ImageTones(images)
    skin_uv = model.uv if person.outfit.skin_image else None
    try:
        write_dressed(mesh, at_rest, face_parts(model), tones, skin_uv)
        apply_outfit(
            obj, person.outfit, images, layered=True, surfaces=dressed.surfaces, tones=tones
        )
    except BaseException:
        _remove(obj)
        raise
    _add_groups(obj, model, bound)
    _add_keys(obj, body, model, bound)
    for collection in body.users_collection:
        collection.objects.link(obj)
    body_object.skin(obj, armature)
    return obj


@dataclass(frozen=True)
class _Bound:
    """The motion of each vertex of a dressed mesh.

    Attributes:
        follows: (N,) vertex of the body whose shape directions it has.
        weights: (N, J) float32, skinning weights.
    """

    follows: NDArray[np.int64]
    weights: Array


def _bind(dressed: Dressed, shaped: NDArray[np.floating], model: BodyModel) -> _Bound:
    """Bind each vertex to the nearest corner of the body's face that its own face lies on."""
    count = len(dressed.vertices)
    face = np.zeros(count, np.int64)
    face[dressed.faces.ravel()] = np.repeat(dressed.source, 3)
    corners = np.asarray(model.faces)[face]  # (N, 3)
    away = np.linalg.norm(shaped[corners] - dressed.vertices[:, None], axis=-1)
    nearest = away.argmin(axis=1)
    follows = corners[np.arange(count), nearest].astype(np.int64)
    weights = np.asarray(model.weights, dtype=np.float32)[follows]
    hips = [model.joint_names.index(f"{side}_hip") for side in ("left", "right")]
    pelvis = model.joint_names.index("pelvis")
    places = model.rest_joints()
    below = float(places[hips].mean(axis=0)[1]) - dressed.vertices[:, 1]
    head = model.weights[:, model.joint_names.index("head")][follows] > 0.1
    hangs = (below > 0) & (away.min(axis=1) > _FAR) & ~head
    if hangs.any():
        x, depth = dressed.vertices[hangs, 0], below[hangs]
        left = np.clip(0.5 + x / (2 * max(float(np.abs(x).max()), 1e-3)), 0, 1)
        left = left * left * (3 - 2 * left)
        thigh = np.clip(depth / 0.3, 0, 1) * 0.75
        own = np.zeros((int(hangs.sum()), weights.shape[1]), np.float32)
        own[:, pelvis], own[:, hips[0]] = 1 - thigh, thigh * left
        own[:, hips[1]] = thigh * (1 - left)
        weights[hangs] = own
    return _Bound(follows, weights)


def _add_groups(obj: bpy.types.Object, model: BodyModel, bound: _Bound) -> None:
    columns = [(name, bound.weights[:, k]) for k, name in enumerate(model.joint_names)]
    body_object.add_groups(obj, columns)


def _add_keys(
    obj: bpy.types.Object, body: bpy.types.Object, model: BodyModel, bound: _Bound
) -> None:
    """Add a shape key for each of the body's, driven by it, so that all are 0 change at its shape
    when the mesh was made.
    """
    drivers = body.data.shape_keys
    wanted = {
        name: offsets
        for name, offsets in body_object.directions(model)
        if drivers.key_blocks.get(name) is not None
    }
    if not wanted:
        return
    basis = obj.shape_key_add(name=body_object.BASIS, from_mix=False)
    flat = np.empty(3 * len(bound.follows), np.float32)
    basis.points.foreach_get("co", flat)
    rest = flat.reshape(-1, 3)
    to_world = MODEL_TO_WORLD.T.astype(np.float32)
    for name, offsets in wanted.items():
        moved = np.asarray(offsets, np.float32)[bound.follows] @ to_world
        key = obj.shape_key_add(name=name, from_mix=False)
        key.points.foreach_set("co", (rest + moved).ravel())
        key.slider_min, key.slider_max = -body_object.MOST, body_object.MOST
        own = drivers.key_blocks[name]
        driver = key.driver_add("value").driver
        driver.type = "SCRIPTED"
        variable = driver.variables.new()
        variable.name, variable.type = "v", "SINGLE_PROP"
        target = variable.targets[0]
        target.id_type, target.id = "KEY", drivers
        target.data_path = f'key_blocks["{name}"].value'
        # A simple expression, which Blender computes without Python.
        driver.expression = f"v - ({own.value!r})"
