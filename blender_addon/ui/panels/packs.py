"""Panel Packs: what the packs of the recipe hold, and what of it cannot be used."""

from __future__ import annotations

from typing import Any

import bpy

from ...scene.pack_files import inventory, known_pack
from ..operators.packs import PII_SYNTH_OT_read_packs, PII_SYNTH_OT_use_packs
from ..tab import Tab, draw_wrapped_text, settings_of
from .pack_contents import draw_contents


class PII_SYNTH_PT_packs(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_packs"
    bl_parent_id = "PII_SYNTH_PT_recipe_wardrobe"
    bl_label = "Packs"
    bl_description = "See what the packs of the recipe hold"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.operator(PII_SYNTH_OT_use_packs.bl_idname, icon="PREFERENCES")
        paths = [item.path for item in settings_of(context).recipe.wardrobe.packs.paths]
        if not paths:
            draw_wrapped_text(layout, context, "The recipe names no pack", "INFO", alert=False)
            return
        layout.operator(PII_SYNTH_OT_read_packs.bl_idname, icon="FILE_REFRESH")
        for path in paths:
            draw_contents(layout, context, path, known_pack, lambda pack: inventory(pack.items))


_CLASSES = (PII_SYNTH_PT_packs,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
