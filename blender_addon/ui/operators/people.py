"""Operators of the panel People: add people, and change the active one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..preferences import absolute
from ..tab import DroppedOnView, ReportingOperator, settings_of
from .file_browser import Browsing, file_property, filter_property

if TYPE_CHECKING:
    from ...character.character import Character
    from ...scene.body_poser import BodyPoser

DEFAULT = "default"
BODY_ENDINGS = (".npz", ".pkl")
NO_PERSON = "No person is active: click one in the 3D View, or add one"


def active_person(context: Any) -> Character | None:
    """The person that the active object is or belongs to."""
    from ...character.character import character_of

    return character_of(context.view_layer.objects.active)


def need_person(context: Any) -> Character:
    """The active person. Raises ValueError when there is none."""
    person = active_person(context)
    if person is None:
        raise ValueError(NO_PERSON)
    return person


def figures_of(context: Any, model_name: str) -> BodyPoser:
    """Open a body, 'default' or a file, to pose people. Raises ValueError naming a bad file."""
    from ...character.actions import open_figures

    uvs = settings_of(context).recipe.bodies.uvs.paths
    return open_figures(model_name, tuple(str(absolute(item.path)) for item in uvs if item.path))


def recipe_bodies(context: Any) -> Any:
    """The collection of body model files in the recipe."""
    return settings_of(context).recipe.bodies.models.paths


class OnPerson(ReportingOperator):
    """Mixin: an operator that needs an active person."""

    @classmethod
    def poll(cls: Any, context: Any) -> bool:
        if active_person(context) is None:
            cls.poll_message_set(NO_PERSON)
            return False
        return True


class PII_SYNTH_OT_choose_body(bpy.types.Operator):
    """Use this body for new people"""

    bl_idname = "pii_synth.choose_body"
    bl_label = "Choose Body"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    body: bpy.props.StringProperty(
        name="Body", description="Choose 'default', or a body model file", default=DEFAULT
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        body = "the bundled body" if properties.body == DEFAULT else properties.body
        return f"Use {body} for new people"

    def execute(self, context: Any) -> set[str]:
        settings_of(context).body = self.body
        return {"FINISHED"}


class PII_SYNTH_OT_add_person(ReportingOperator, bpy.types.Operator):
    """Add a person with the chosen body at the 3D cursor, or beside the person who stands there"""

    bl_idname = "pii_synth.add_person"
    bl_label = "Add Person"

    def run(self, context: Any) -> str:
        _add_person(context, settings_of(context).body)
        return ""


class PII_SYNTH_OT_load_body(Browsing, ReportingOperator, bpy.types.Operator):
    """Add a person from a SMPL, SMPL-H or SMPL-X file, and add the file to the recipe"""

    bl_idname = "pii_synth.load_body"
    bl_label = "Load Body…"

    filepath: file_property("Read this file")
    filter_glob: filter_property("*.npz;*.pkl")

    def run(self, context: Any) -> str:
        return _load_body(context, _chosen(self.filepath))


class PII_SYNTH_OT_pose_from_motion(Browsing, OnPerson, bpy.types.Operator):
    """Pose the active person, in its place, like a frame of an AMASS, BEDLAM or SURREAL file"""

    bl_idname = "pii_synth.pose_from_motion"
    bl_label = "Pose from Motion File…"

    filepath: file_property("Read this file")
    filter_glob: filter_property("*.npz")
    frame: bpy.props.IntProperty(
        name="Frame", description="Use this frame of the motion; the first is 0", default=0, min=0
    )
    motion: bpy.props.IntProperty(
        name="Motion",
        description="Use this motion of a file with several; the first is 0",
        default=0,
        min=0,
    )
    up: bpy.props.EnumProperty(
        name="Up",
        description="Set the vertical axis of the file",
        items=[
            ("auto", "Automatic", "Choose the axis along which the bodies stand most of the time"),
            ("z", "Z", "Use Z, as AMASS and SURREAL do"),
            ("y", "Y", "Use Y, as BEDLAM does"),
        ],
        default="auto",
    )

    def run(self, context: Any) -> str:
        from ...character.actions import pose_from_motion

        person, path = need_person(context), _chosen(self.filepath)
        figures = figures_of(context, person.model_name)
        return pose_from_motion(person, figures, path, self.frame, self.motion, self.up)


class PII_SYNTH_OT_open_file(ReportingOperator, bpy.types.Operator):
    """Add a person from a body model file, or pose the active person from a motion file"""

    bl_idname = "pii_synth.open_file"
    bl_label = "Open Body or Motion"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: file_property("Read this file")

    def run(self, context: Any) -> str:
        from ...bodies.motion import is_motion
        from ...character.actions import pose_from_motion

        path = _chosen(self.filepath)
        if not is_motion(path):
            return _load_body(context, path)
        person = active_person(context)
        if person is None:
            raise ValueError(
                f"{path.name} is a motion file: select the person to pose, then open it again"
            )
        return pose_from_motion(person, figures_of(context, person.model_name), path)


class PII_SYNTH_OT_fit_skeleton(OnPerson, bpy.types.Operator):
    """Fit the joints and the clothes to the shape that the sliders set"""

    bl_idname = "pii_synth.fit_skeleton"
    bl_label = "Fit Skeleton"

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not super().poll(context):
            return False
        if not need_person(context).needs_fit():
            cls.poll_message_set("The skeleton already fits: no shape slider has moved")
            return False
        return True

    def run(self, context: Any) -> str:
        person = need_person(context)
        person.fit(figures_of(context, person.model_name))
        return ""


class PII_SYNTH_OT_reset_pose(OnPerson, bpy.types.Operator):
    """Put the active person back into an upright T-pose, in its place"""

    bl_idname = "pii_synth.reset_pose"
    bl_label = "Reset Pose"

    def run(self, context: Any) -> str:
        person = need_person(context)
        person.reset_pose(figures_of(context, person.model_name))
        return ""


class PII_SYNTH_OT_remove_person(OnPerson, bpy.types.Operator):
    """Delete the active person: armature, body and shape keys"""

    bl_idname = "pii_synth.remove_person"
    bl_label = "Remove Person"

    def run(self, context: Any) -> str:
        from ...character.actions import object_mode

        object_mode(context)
        need_person(context).remove()
        return ""


def _add_person(context: Any, model_name: str) -> None:
    from ...character.actions import add_person

    add_person(context, model_name, figures_of(context, model_name))


def _load_body(context: Any, path: Path) -> str:
    """Add a person from a body model file, and the file to the recipe. Returns a message."""
    name = str(path)
    _add_person(context, name)
    settings_of(context).body = name
    if name in [item.path for item in recipe_bodies(context)]:
        return ""
    recipe_bodies(context).add().path = name
    return f"Added {path.stem} to the recipe"


def _chosen(filepath: str) -> Path:
    if not filepath:
        raise ValueError("no file was chosen")
    return absolute(filepath)


class PII_SYNTH_FH_people(DroppedOnView, bpy.types.FileHandler):
    """Open body models and motions that are dropped into the 3D View"""

    bl_idname = "PII_SYNTH_FH_people"
    bl_label = "PII Synth Bodies and Motions"
    bl_import_operator = PII_SYNTH_OT_open_file.bl_idname
    bl_file_extensions = ";".join(BODY_ENDINGS)


_CLASSES = (
    PII_SYNTH_OT_choose_body,
    PII_SYNTH_OT_add_person,
    PII_SYNTH_OT_load_body,
    PII_SYNTH_OT_pose_from_motion,
    PII_SYNTH_OT_open_file,
    PII_SYNTH_OT_fit_skeleton,
    PII_SYNTH_OT_reset_pose,
    PII_SYNTH_OT_remove_person,
    PII_SYNTH_FH_people,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
