"""Panel People: characters in the scene, made from the default body or from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..operators.people import (
    BODY_ENDINGS,
    DEFAULT,
    PII_SYNTH_OT_add_person,
    PII_SYNTH_OT_choose_body,
    PII_SYNTH_OT_fit_skeleton,
    PII_SYNTH_OT_load_body,
    PII_SYNTH_OT_pose_from_motion,
    PII_SYNTH_OT_remove_person,
    PII_SYNTH_OT_reset_pose,
    active_person,
    need_person,
    recipe_bodies,
)
from ..preferences import folder
from ..tab import Tab, label_beside_value, settings_of

SLIDERS = 10  # shape keys shown before "More"; later betas change less and less


def known_bodies(context: Any) -> list[str]:
    """The bodies that the menu offers.

    Returns:
        'default', then the files in the preferences' folder, in the recipe and of people in the
        scene, without repetitions.
    """
    from ...character.character import characters

    found: list[str] = []
    where = folder(context, "bodies")
    if where is not None:
        found += sorted(
            str(path) for path in where.rglob("*") if path.suffix.lower() in BODY_ENDINGS
        )
    found += [
        item.path
        for item in recipe_bodies(context)
        if Path(item.path).suffix.lower() in BODY_ENDINGS
    ]
    found += [person.model_name for person in characters(context.scene)]
    return list(dict.fromkeys([DEFAULT, *found, settings_of(context).body]))


def body_label(name: str) -> str:
    """The name of a body in the menu."""
    return "Default Body" if name == DEFAULT else Path(name).stem


class PII_SYNTH_MT_bodies(bpy.types.Menu):
    bl_idname = "PII_SYNTH_MT_bodies"
    bl_label = "Body"
    bl_description = "Choose the body of new people"

    def draw(self, context: Any) -> None:
        layout = self.layout
        for name in known_bodies(context):
            icon = "ARMATURE_DATA" if name == DEFAULT else "FILE"
            layout.operator(
                PII_SYNTH_OT_choose_body.bl_idname, text=body_label(name), icon=icon
            ).body = name
        where = folder(context, "bodies")
        if where is None:
            layout.label(text="The preferences name no folder of body models", icon="INFO")
        elif not where.is_dir():
            layout.label(text=f"{where}: no such folder, see the preferences", icon="ERROR")
        layout.separator()
        layout.operator(PII_SYNTH_OT_load_body.bl_idname, icon="FILE_FOLDER")


class PII_SYNTH_PT_people(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_people"
    bl_label = "People"
    bl_description = "Add people to the scene"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 2

    def draw(self, context: Any) -> None:
        layout = label_beside_value(self.layout)
        row = layout.row(align=True)
        label = body_label(settings_of(context).body)
        row.menu(PII_SYNTH_MT_bodies.bl_idname, text=label, icon="ARMATURE_DATA")
        row.operator(PII_SYNTH_OT_load_body.bl_idname, text="", icon="FILE_FOLDER")
        layout.operator(PII_SYNTH_OT_add_person.bl_idname, icon="ADD")


class PersonPanel(Tab):
    """Mixin: a panel about the active person."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        return active_person(context) is not None


class PII_SYNTH_PT_person(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_person"
    bl_parent_id = PII_SYNTH_PT_people.bl_idname
    bl_label = ""
    bl_description = "Pose or remove the active person"

    def draw_header(self, context: Any) -> None:
        person = need_person(context)
        self.layout.label(text=f"Person {person.number}: {body_label(person.model_name)}")

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        column.operator(PII_SYNTH_OT_pose_from_motion.bl_idname, icon="ARMATURE_DATA")
        column.operator(PII_SYNTH_OT_reset_pose.bl_idname, icon="LOOP_BACK")
        self.layout.operator(PII_SYNTH_OT_remove_person.bl_idname, icon="TRASH")


class PII_SYNTH_PT_shape(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_shape"
    bl_parent_id = PII_SYNTH_PT_person.bl_idname
    bl_label = "Shape"
    bl_description = "Change the body shape of the active person"

    def draw(self, context: Any) -> None:
        person = need_person(context)
        if person.needs_fit():
            self.layout.operator(PII_SYNTH_OT_fit_skeleton.bl_idname, icon="MOD_ARMATURE")
        _sliders(self.layout, person.shape_keys()[:SLIDERS])


class PII_SYNTH_PT_more_shape(PersonPanel, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_more_shape"
    bl_parent_id = PII_SYNTH_PT_shape.bl_idname
    bl_label = "More"
    bl_description = "Show the remaining shape sliders, which change less"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        person = active_person(context)
        return person is not None and len(person.shape_keys()) > SLIDERS

    def draw(self, context: Any) -> None:
        _sliders(self.layout, need_person(context).shape_keys()[SLIDERS:])


def _sliders(layout: Any, keys: list[Any]) -> None:
    column = label_beside_value(layout).column(align=True)
    for key in keys:
        column.prop(key, "value", text=key.name.capitalize(), slider=True)


_CLASSES = (
    PII_SYNTH_MT_bodies,
    PII_SYNTH_PT_people,
    PII_SYNTH_PT_person,
    PII_SYNTH_PT_shape,
    PII_SYNTH_PT_more_shape,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
