"""Operators of the panel Sample: draw a scene of the recipe, or one factor of it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ..properties.recipe_settings import recipe_error, to_recipe
from ..tab import ReportingOperator, settings_of

# Factor (resampling.FACTORS) -> its label and its icon.
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
    """Mixin: what changes the drawn scene, and needs a recipe that can be drawn from."""

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


class PII_SYNTH_OT_draw_scene(OnScene, bpy.types.Operator):
    """Put the draw of this seed and index into the scene: people, camera, light and background"""

    bl_idname = "pii_synth.draw_scene"
    bl_label = "Draw Scene"

    step: bpy.props.IntProperty(
        name="Step", description="How many draws to go on first", default=0, options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        if properties.step:
            return f"Draw the {'next' if properties.step > 0 else 'previous'} scene of this seed"
        return (
            "Put the draw of this seed and index into the scene: its people, camera, light and background take the "
            "place of those drawn before and of people added by hand, while your own objects stay"
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
        own = [obj.name for obj in artists_objects(scene)]
        if own:
            names = ", ".join(own[:_NAMED]) + (" and others" if len(own) > _NAMED else "")
            self.report(
                {"WARNING"},
                f"Your own objects are in the picture too: {names}; hide or delete what disturbs",
            )
        count = len(spec.persons)
        return f"Draw {index}: {count} person{'' if count == 1 else 's'}"


class PII_SYNTH_OT_redraw(OnScene, bpy.types.Operator):
    """Draw one factor of the scene anew and leave the others as they are"""

    bl_idname = "pii_synth.redraw"
    bl_label = "Redraw"

    factor: bpy.props.EnumProperty(
        name="Factor",
        description="What is drawn anew",
        items=[
            (factor, label, "", icon, n)
            for n, (factor, (label, icon)) in enumerate(FACTORS.items())
        ],
    )
    advance: bpy.props.BoolProperty(
        name="Advance",
        description="Go on to the next draw first",
        default=True,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        label = FACTORS[properties.factor][0]
        what = "Draw the next" if properties.advance else "Repeat the draw of this"
        whom = ""
        if properties.factor in PEOPLE:
            whom = " for the selected persons, or for everybody when none is selected"
        return f"{what} {label.lower()}{whom}, and leave the rest as it is"

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
    """Take people, camera, light, background and things of the draw away; your own objects, camera and world stay"""

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
    """The ids of the persons that are selected, by whatever of theirs; None when nobody is."""
    from ...character.character import character_of

    selected = (character_of(obj) for obj in context.view_layer.objects if obj.select_get())
    return {person.number for person in selected if person is not None} or None


def _to_object_mode(context: Any) -> None:
    """Objects go and come: none of them may be in the middle of being edited."""
    active = context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def _look_through(context: Any) -> None:
    """Let the window's 3D Views look through the camera, if the artist wants that."""
    if context.window is None or not settings_of(context).look_through:
        return
    for area in context.window.screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"


@contextmanager
def _waiting(context: Any) -> Iterator[None]:
    """The pointer says that this takes a second or two."""
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
