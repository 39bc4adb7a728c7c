"""Panel Models and Textures: what the packs for places hold, and what of it cannot be used."""

from __future__ import annotations

from typing import Any

import bpy

from ...scene.scenery_files import PROPS, TEXTURES, inventory_of, known_scenery
from ..operators.scenery import PII_SYNTH_OT_read_scenery, PII_SYNTH_OT_use_scenery
from ..preferences import absolute
from ..tab import Tab, draw_wrapped_text, settings_of

NAMED = 8  # unusable items that are shown


class PII_SYNTH_PT_scenery(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_scenery"
    bl_parent_id = "PII_SYNTH_PT_recipe_scenery"
    bl_label = "Models and Textures"
    bl_description = "See what the models and textures of the recipe are"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.operator(PII_SYNTH_OT_use_scenery.bl_idname, icon="PREFERENCES")
        scenery = settings_of(context).recipe.scenery
        named = [(PROPS, item.path) for item in scenery.props.paths]
        named += [(TEXTURES, item.path) for item in scenery.textures.paths]
        if not named:
            text = "The recipe names no models or textures"
            draw_wrapped_text(layout, context, text, "INFO", alert=False)
            return
        layout.operator(PII_SYNTH_OT_read_scenery.bl_idname, icon="FILE_REFRESH")
        for key, path in named:
            draw_pack(layout, context, key, path)


def draw_pack(layout: Any, context: Any, key: str, path: str) -> None:
    """Draw what one folder holds, as it was read last.

    Args:
        layout: Where to draw.
        context: Blender's context.
        key: The recipe key that names the folder.
        path: The folder, as the user typed it.
    """
    box = layout.box()
    box.label(text=bpy.path.basename(path.rstrip("/\\")), icon="FILE_FOLDER")
    try:
        pack = known_scenery(key, str(absolute(path)))
    except ValueError as error:  # a path of a .blend that was never saved
        draw_wrapped_text(box, context, str(error), "ERROR", alert=True)
        return
    if pack is None:
        draw_wrapped_text(box, context, "Not read yet", "INFO", alert=False)
        return
    draw_wrapped_text(box, context, inventory_of(pack), "CHECKMARK", alert=False)
    for entry in pack.unusable[:NAMED]:
        draw_wrapped_text(box, context, f"{entry.name}: {entry.reason}", "ERROR", alert=False)
    if len(pack.unusable) > NAMED:
        box.label(text=f"and {len(pack.unusable) - NAMED} more that cannot be used")


_CLASSES = (PII_SYNTH_PT_scenery,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
