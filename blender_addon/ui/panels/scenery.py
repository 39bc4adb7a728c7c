"""Panel Models and Textures: what the packs for places hold, and what of it cannot be used."""

from __future__ import annotations

from functools import partial
from typing import Any

import bpy

from ...scene.scenery_files import PROPS, TEXTURES, inventory_of, known_scenery
from ..operators.scenery import PII_SYNTH_OT_read_scenery, PII_SYNTH_OT_use_scenery
from ..tab import Tab, draw_wrapped_text, settings_of
from .pack_contents import draw_contents


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
            draw_contents(layout, context, path, partial(known_scenery, key), inventory_of)


_CLASSES = (PII_SYNTH_PT_scenery,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
