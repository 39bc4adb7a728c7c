"""The bones of a Rig as a Blender armature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..bodies.joints import PARTS, part_of_joints
from ..bodies.model import BodyModel
from .rig import Rig

Array = NDArray[np.float64]


def new_armature(name: str, rig: Rig, scene: bpy.types.Scene) -> bpy.types.Object:
    """Make an armature object with a bone for each joint, in the mean shape.

    Args:
        name: name of object and armature.
        rig: the bones.
        scene: any scene; Blender can edit bones only inside one.

    Returns:
        The object, not yet in a scene.
    """
    model = rig.model
    armature = bpy.data.armatures.new(name)
    armature.display_type = "STICK"
    obj = bpy.data.objects.new(name, armature)
    with _editor(obj, scene):
        for joint, parent in zip(model.joint_names, model.parents, strict=True):
            bone = armature.edit_bones.new(joint)
            if parent >= 0:
                bone.parent = armature.edit_bones[model.joint_names[parent]]
        _place(armature.edit_bones, rig, ())
    _collect(armature, model)
    _lock(obj, model.joint_names[0])
    obj.show_in_front = True
    return obj


def fit_armature(
    armature: bpy.types.Armature, rig: Rig, betas: tuple[float, ...], scene: bpy.types.Scene
) -> None:
    """Move the joints to their places in a shape.

    The bones keep their directions, so that a pose keeps its meaning. Works on a temporary object,
    so that it does not matter which objects are hidden or in which mode the artist is.

    Args:
        armature: the bones to move.
        rig: the bones of the model.
        betas: the shape.
        scene: any scene; Blender can edit bones only inside one.
    """
    stand_in = bpy.data.objects.new("PII bones", armature)
    try:
        with _editor(stand_in, scene):
            _place(armature.edit_bones, rig, betas)
    finally:
        bpy.data.objects.remove(stand_in)


def rest_matrices(armature: bpy.types.Armature, names: tuple[str, ...]) -> Array:
    """(J, 4, 4): the bones at rest, in the armature's axes."""
    return np.array([armature.bones[name].matrix_local for name in names])


def pose_matrices(obj: bpy.types.Object, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Read the posed bones.

    Blender does not evaluate an armature that is hidden together with its meshes; its constraints
    then have no effect.

    Args:
        obj: the armature object.
        names: names of the bones, parents first.

    Returns:
        The object in the world, (4, 4), and its bones in the armature's axes, (J, 4, 4).
    """
    layer = _layer_of(obj)
    if layer is not None:
        layer.update()
        evaluated = obj.evaluated_get(layer.depsgraph)
        if evaluated.is_evaluated:
            posed = np.array([evaluated.pose.bones[name].matrix for name in names])
            return np.array(evaluated.matrix_world), posed
    return np.array(obj.matrix_world), _by_rotations(obj, names)


def _layer_of(obj: bpy.types.Object) -> bpy.types.ViewLayer | None:
    """The view layer that shows the object, the user's own if possible."""
    layers = [
        bpy.context.view_layer,
        *(layer for scene in obj.users_scene for layer in scene.view_layers),
    ]
    return next((layer for layer in layers if layer.objects.get(obj.name) == obj), None)


def _by_rotations(obj: bpy.types.Object, names: tuple[str, ...]) -> Array:
    """(J, 4, 4): the bones in the armature's axes, from their own rotations alone."""
    rest = dict(zip(names, rest_matrices(obj.data, names), strict=True))
    posed: dict[str, Array] = {}
    for name in names:  # parents come first
        bone = obj.pose.bones[name]
        own = rest[name] @ np.array(bone.matrix_basis)
        parent = bone.parent
        posed[name] = (
            own if parent is None else posed[parent.name] @ np.linalg.inv(rest[parent.name]) @ own
        )
    return np.stack([posed[name] for name in names])


def _place(bones: bpy.types.ArmatureEditBones, rig: Rig, betas: tuple[float, ...]) -> None:
    rows = zip(rig.model.joint_names, rig.heads(betas), rig.lengths(betas), rig.axes, strict=True)
    for name, head, length, axes in rows:
        bone = bones[name]
        bone.head, bone.tail = Vector(head), Vector(head + length * axes[:, 1])
        bone.align_roll(Vector(axes[:, 2]))


def _collect(armature: bpy.types.Armature, model: BodyModel) -> None:
    """Make bone collections, so that an artist can hide the fingers."""
    for joint, part in zip(model.joint_names, part_of_joints(model.joint_names), strict=True):
        title = "Body" if joint in PARTS else "Face" if PARTS[part] == "head" else "Hands"
        collection = armature.collections.get(title) or armature.collections.new(title)
        collection.assign(armature.bones[joint])


def _lock(obj: bpy.types.Object, root: str) -> None:
    """Lock what joints cannot do: scaling any bone, and moving any but `root`."""
    obj.lock_scale = (True, True, True)
    for bone in obj.pose.bones:
        bone.rotation_mode = "QUATERNION"
        bone.lock_scale = (True, True, True)
        bone.lock_location = (bone.name != root,) * 3


@contextmanager
def _editor(obj: bpy.types.Object, scene: bpy.types.Scene) -> Iterator[None]:
    """Put an armature object that is in no scene into edit mode for the length of the block.

    Mode, selection and active object of the artist are restored.
    """
    layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
    before = layer.objects.active
    mode = "OBJECT" if before is None else before.mode
    selected = [other for other in layer.objects if other.select_get(view_layer=layer)]
    _set_mode(before, "OBJECT", scene, layer)
    for other in selected:  # Blender edits all selected armatures at once
        other.select_set(False, view_layer=layer)
    scene.collection.objects.link(obj)
    try:
        layer.objects.active = obj
        _set_mode(obj, "EDIT", scene, layer)
        yield
    finally:
        _set_mode(obj, "OBJECT", scene, layer)
        scene.collection.objects.unlink(obj)
        for other in selected:
            other.select_set(True, view_layer=layer)
        layer.objects.active = before
        _set_mode(before, mode, scene, layer)


def _set_mode(
    obj: bpy.types.Object | None, mode: str, scene: bpy.types.Scene, layer: bpy.types.ViewLayer
) -> None:
    if obj is not None and obj.mode != mode:
        with bpy.context.temp_override(
            scene=scene, view_layer=layer, active_object=obj, object=obj
        ):
            bpy.ops.object.mode_set(mode=mode)
