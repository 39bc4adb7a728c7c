"""Operator of the panel Preview: render the scene as it stands, image and mask side by side."""

from __future__ import annotations

from typing import Any

import bpy

from ..preferences import device_name
from ..properties.recipe_settings import in_panel_words, recipe_error, to_recipe
from ..tab import in_words, settings_of

_TICK = 0.1  # s between checks whether the render is done


class PII_SYNTH_OT_preview(bpy.types.Operator):
    """Render the scene as it stands; show image and mask side by side in an Image Editor"""

    bl_idname = "pii_synth.preview"
    bl_label = "Render Preview"
    bl_options = {"REGISTER"}

    _timer: Any = None
    _shot: Any = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set("A render is running; wait for it or press Esc in its window")
            return False
        if context.scene.camera is None:
            cls.poll_message_set("The scene has no camera: draw a scene first, or add a camera")
            return False
        error = recipe_error(settings_of(context).recipe)
        if error:
            cls.poll_message_set(f"The recipe cannot be used: {error}")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Render and wait for the result, for scripts."""
        shot = self._begin(context)
        if shot is None:
            return {"CANCELLED"}
        try:
            preview = shot.render()
        except Exception as error:  # as in ReportingOperator
            return self._failed(error)
        finally:
            shot.discard()
        self._show(context, preview)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Render as F12 does: the window stays usable, Esc cancels."""
        shot = self._begin(context)
        if shot is None:
            return {"CANCELLED"}
        view = context.preferences.view
        display, view.render_display_type = view.render_display_type, "NONE"
        try:
            bpy.ops.render.render("INVOKE_DEFAULT", write_still=True, scene=shot.scene.name)
        except RuntimeError as error:
            shot.discard()
            return self._failed(error)
        finally:
            view.render_display_type = display
        self._shot = shot
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER" or bpy.app.is_job_running("RENDER"):
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        try:
            preview = self._shot.collect()
        except Exception as error:  # as in ReportingOperator
            return self._failed(error)
        finally:
            self._shot.discard()
        self._show(context, preview)
        return {"FINISHED"}

    def _begin(self, context: bpy.types.Context) -> Any:
        """A Shot of the scene, ready to render; None after an error, which is reported."""
        from ...character.character import characters
        from ...render.devices import pick_device
        from ...workbench.preview import Shot, person_names
        from ...workbench.scene import read

        try:
            recipe = to_recipe(settings_of(context).recipe)
            device = pick_device(device_name(context))
            spec = read(context.scene)
            people = characters(context.scene)
            for number in (person.number for person in people if person.needs_fit()):
                self.report(
                    {"WARNING"}, f"Person {number}: the shape changed; press Fit Skeleton in People"
                )
            return Shot(context.scene, spec, person_names(people), recipe.render.samples, device)
        except Exception as error:  # as in ReportingOperator
            self._failed(error)
            return None

    def _failed(self, error: Exception) -> set[str]:
        self.report({"ERROR"}, f"Preview: {in_panel_words(in_words(error))}")
        return {"CANCELLED"}

    def _show(self, context: bpy.types.Context, preview: Any) -> None:
        from ...workbench.preview import side_by_side, to_blender

        image = to_blender(side_by_side(preview))
        if context.window is not None:
            show_image(context, image)
        count = len(set(preview.instances.ravel().tolist()) - {0})
        self.report({"INFO"}, f"Preview: {count} person{'' if count == 1 else 's'} in the image")


def show_image(context: bpy.types.Context, image: bpy.types.Image) -> None:
    """Show an image in the window's largest Image Editor.

    Without an Image Editor, the 3D View is split to make room for one.
    """
    area = _largest(context, "IMAGE_EDITOR") or _split_off(context)
    if area is None:
        return
    space = area.spaces.active
    space.image = image
    region = next(region for region in area.regions if region.type == "WINDOW")
    with context.temp_override(window=context.window, area=area, region=region):
        bpy.ops.image.view_all(fit_view=True)


def _largest(context: bpy.types.Context, kind: str) -> bpy.types.Area | None:
    areas = [area for area in context.window.screen.areas if area.type == kind]
    return max(areas, key=lambda area: area.width * area.height, default=None)


def _split_off(context: bpy.types.Context) -> bpy.types.Area | None:
    """Make an Image Editor in the lower part of the 3D View, since the preview is a wide image."""
    view = _largest(context, "VIEW_3D")
    if view is None:
        return None
    before = set(context.window.screen.areas)
    with context.temp_override(window=context.window, area=view):
        bpy.ops.screen.area_split(direction="HORIZONTAL", factor=0.45)
    added = set(context.window.screen.areas) - before
    if not added:
        return None
    # Blender gives the new area either half; the lower one becomes the Image Editor.
    area = min((view, *added), key=lambda half: half.y)
    area.type = "IMAGE_EDITOR"
    return area


_CLASSES = (PII_SYNTH_OT_preview,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
