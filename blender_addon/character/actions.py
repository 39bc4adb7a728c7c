"""Actions on people in a scene: open a body, add a person, pose it from a motion file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from ..bodies.joints import fit_pose
from ..bodies.model import BodyModel
from ..bodies.motion import UnclearAxisError, Up, load_motions
from ..scene.assets import open_body
from ..scene.body_poser import BodyPoser
from .character import Character, characters, renumber

SPACING = 1.8  # m between people added one after the other: their stretched arms do not touch


def open_figures(model_name: str, uvs: tuple[str, ...] = ()) -> BodyPoser:
    """Open a body model, ready to pose and dress people.

    Args:
        model_name: 'default', or the path of a body model file.
        uvs: UV .obj files for models without UVs of their own.

    Returns:
        The poser of this one body. The last few are cached.

    Raises:
        ValueError: the file cannot be used; the message names it.
    """
    return _figures(model_name, open_body(model_name, uvs))


@lru_cache(maxsize=4)
def _figures(model_name: str, model: BodyModel) -> BodyPoser:
    """Cached, because the clothes' chart of a body takes a second."""
    return BodyPoser({model_name: model})


def add_person(context: Any, model_name: str, figures: BodyPoser) -> Character:
    """Add a person near the 3D cursor and make it the active object.

    Args:
        context: Blender's context: its scene, collection and view layer are used.
        model_name: 'default', or the path of a body model file.
        figures: the poser of that body, see `open_figures`.

    Returns:
        The new person.
    """
    object_mode(context)
    renumber(context.scene)
    place = _free_place(context)
    model = figures.bodies[model_name]
    person = Character.add(context.scene, model, model_name, figures, context.collection)
    person.armature.location = place
    for obj in context.selected_objects:
        obj.select_set(False)
    # Where the view layer excludes the collection, the person exists but cannot be selected.
    if person.armature.name in context.view_layer.objects:
        person.armature.select_set(True)
        context.view_layer.objects.active = person.armature
    return person


def pose_from_motion(
    person: Character,
    figures: BodyPoser,
    path: Path,
    frame: int = 0,
    motion: int = 0,
    up: Up = "auto",
) -> str:
    """Pose a person like a frame of a motion file; it keeps its place and heading.

    Args:
        person: the person to pose.
        figures: the poser of the person's body, see `open_figures`.
        path: AMASS, BEDLAM or SURREAL motion file.
        frame: index of the frame, from 0.
        motion: index of the motion in a file with several, from 0.
        up: vertical axis of the file.

    Returns:
        A message for the user that names the frame and the motion.

    Raises:
        ValueError: the file cannot be read or used for this body, or has no such motion or frame.
    """
    motions = load_motions(path, up)
    if motion >= len(motions):
        raise ValueError(f"{path}: motion {motion} of {len(motions)}, they count from 0")
    try:
        chosen = motions[motion]
    except UnclearAxisError:
        raise ValueError(
            f"{path}: the vertical axis is unclear, since the person lies or hangs: open it by "
            "Pose from Motion File…, and choose Up there (Z for AMASS and SURREAL, Y for BEDLAM)"
        ) from None
    if frame >= len(chosen):
        raise ValueError(f"{path}: frame {frame} of {len(chosen)}, they count from 0")
    model = figures.bodies[person.model_name]
    pose = fit_pose(chosen.z_up().poses[frame], model.family, model.hands_mean)
    person.take_pose(pose, chosen.name, figures)
    return f"Frame {frame} of {len(chosen)} of {chosen.name}"


def object_mode(context: Any) -> None:
    """Leave any edit or pose mode, since objects are about to be added or deleted."""
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def _free_place(context: Any) -> Any:
    """The 3D cursor, or the next free place to its right."""
    place = context.scene.cursor.location.copy()
    others = [person.armature.matrix_world.translation for person in characters(context.scene)]
    while any((other - place).xy.length < SPACING - 0.01 for other in others):
        place.x += SPACING
    return place
