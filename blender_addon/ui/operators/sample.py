"""Operators of the panel Sample: draw a scene of the recipe, or redraw one factor of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ..properties.recipe_settings import in_panel_words, recipe_error, to_recipe
from ..tab import ReportingOperator, in_words, settings_of

# Factor (scene.resampling.FACTORS) -> its label and its icon.
FACTORS = {
    "pose": ("Pose", "ARMATURE_DATA"),
    "shape": ("Shape", "SHAPEKEY_DATA"),
    "clothes": ("Clothes", "MATERIAL"),
    "camera": ("Camera", "CAMERA_DATA"),
    "light": ("Light", "LIGHT_SUN"),
    "background": ("Background", "WORLD"),
}
PEOPLE = ("pose", "shape", "clothes")
_NAMED = 3  # objects named in a message


class OnScene(ReportingOperator):
    """Mixin: an operator that changes the drawn scene and needs a valid recipe."""

    @classmethod
    def poll(cls: Any, context: Any) -> bool:
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set("A render is running; wait for it or press Esc in its window")
            return False
        error = recipe_error(settings_of(context).recipe)
        if error:
            cls.poll_message_set(f"The recipe cannot be used: {error}")
            return False
        return True

    def message_of(self, error: Exception) -> str:
        return in_panel_words(in_words(error))


class PII_SYNTH_OT_draw_scene(OnScene, bpy.types.Operator):
    """Draw the scene of this seed and index: people, camera, light and background"""

    bl_idname = "pii_synth.draw_scene"
    bl_label = "Draw Scene"

    step: bpy.props.IntProperty(
        name="Step",
        description="Add this to the index before drawing",
        default=0,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        if properties.step:
            return f"Draw the {'next' if properties.step > 0 else 'previous'} scene of this seed"
        return (
            "Draw the scene of this seed and index. Its people, camera, light and background "
            "replace those drawn before and people added by hand; your own objects are kept"
        )

    def run(self, context: Any) -> str:
        from ...scene.sampling import sample_scene
        from ...workbench.scene import artists_objects, assets_of, show

        scene, settings = context.scene, settings_of(context)
        index = max(0, settings.index + self.step)
        with _waiting(context):
            recipe = to_recipe(settings.recipe)
            assets = assets_of(recipe, scene)
            spec = sample_scene(recipe, assets, settings.seed, index)
            _to_object_mode(context)
            show(spec, scene, assets)
        settings.index = index
        for factor in FACTORS:
            _set_number(settings, factor, index)
        _look_through(context)
        for note in assets.notes:
            self.report({"WARNING"}, note)
        own = [obj.name for obj in artists_objects(scene)]
        if own:
            names = ", ".join(own[:_NAMED]) + (" and others" if len(own) > _NAMED else "")
            self.report(
                {"WARNING"},
                f"Your own objects are in the image too: {names}; hide or delete unwanted ones",
            )
        count = len(spec.persons)
        return f"Draw {index}: {count} person{'' if count == 1 else 's'}"


class PII_SYNTH_OT_redraw(OnScene, bpy.types.Operator):
    """Redraw one factor of the scene and keep the others"""

    bl_idname = "pii_synth.redraw"
    bl_label = "Redraw"

    factor: bpy.props.EnumProperty(
        name="Factor",
        description="Redraw this factor",
        items=[
            (factor, label, "", icon, n)
            for n, (factor, (label, icon)) in enumerate(FACTORS.items())
        ],
    )
    advance: bpy.props.BoolProperty(
        name="Advance",
        description="Use the next draw instead of the current one",
        default=True,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        label = FACTORS[properties.factor][0]
        draw = "Use the next draw of" if properties.advance else "Repeat the current draw of"
        people = ""
        if properties.factor in PEOPLE:
            people = " for the selected people (for all if none is selected)"
        return f"{draw} {label.lower()}{people} and keep the other factors"

    def run(self, context: Any) -> str:
        from ...scene.resampling import resample
        from ...workbench.scene import assets_of, read, show

        scene, settings = context.scene, settings_of(context)
        number = _number(settings, self.factor) + self.advance
        with _waiting(context):
            recipe = to_recipe(settings.recipe)
            assets = assets_of(recipe, scene)
            spec = read(scene)
            if self.factor in PEOPLE and not spec.persons:
                raise ValueError(
                    "there are no people: draw a scene, or add a person in the panel People"
                )
            persons = _selected_persons(context) if self.factor in PEOPLE else None
            drawn = resample(spec, self.factor, recipe, assets, settings.seed, number, persons)
            show(drawn, scene, assets, (self.factor,))
        _set_number(settings, self.factor, number)
        if self.factor == "camera":
            _look_through(context)
        return ""


class PII_SYNTH_OT_clear_scene(ReportingOperator, bpy.types.Operator):
    """Remove the drawn people, camera, light, background and props; your own objects are kept"""

    bl_idname = "pii_synth.clear_scene"
    bl_label = "Clear Scene"

    @classmethod
    def poll(cls, context: Any) -> bool:
        from ...workbench.scene import is_empty

        if is_empty(context.scene):
            cls.poll_message_set("Nothing was drawn or added yet")
            return False
        return True

    def run(self, context: Any) -> str:
        from ...workbench.scene import clear

        _to_object_mode(context)
        clear(context.scene)
        return ""


def _number(settings: Any, factor: str) -> int:
    return int(getattr(settings, f"{factor}_index"))


def _set_number(settings: Any, factor: str, number: int) -> None:
    setattr(settings, f"{factor}_index", number)


def _selected_persons(context: Any) -> set[int] | None:
    """The ids of people with a selected object; None when there are none."""
    from ...character.character import character_of

    selected = (character_of(obj) for obj in context.view_layer.objects if obj.select_get())
    return {person.number for person in selected if person is not None} or None


def _to_object_mode(context: Any) -> None:
    """Leave edit mode, since objects are about to be added and removed."""
    active = context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def _look_through(context: Any) -> None:
    """Show the camera's view in the window's 3D Views, when Look Through is on."""
    if context.window is None or not settings_of(context).look_through:
        return
    for area in context.window.screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"


@contextmanager
def _waiting(context: Any) -> Iterator[None]:
    """Show the waiting cursor."""
    window = context.window
    if window is not None:
        window.cursor_modal_set("WAIT")
    try:
        yield
    finally:
        if window is not None:
            window.cursor_modal_restore()


_CLASSES = (
    PII_SYNTH_OT_draw_scene,
    PII_SYNTH_OT_redraw,
    PII_SYNTH_OT_clear_scene,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
