"""Panel Packs: what the packs of the recipe hold, and what of it cannot be used."""

from __future__ import annotations

from typing import Any

import bpy

from ...scene.pack_files import inventory, known_pack
from ..operators.packs import PII_SYNTH_OT_read_packs, PII_SYNTH_OT_use_packs
from ..preferences import absolute
from ..tab import Tab, draw_wrapped_text, settings_of

NAMED = 8  # unusable items that are shown


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
            self._pack(context, path)

    def _pack(self, context: Any, path: str) -> None:
        box = self.layout.box()
        box.label(text=bpy.path.basename(path.rstrip("/\\")), icon="FILE_FOLDER")
        try:
            pack = known_pack(str(absolute(path)))
        except ValueError as error:  # a path of a .blend that was never saved
            draw_wrapped_text(box, context, str(error), "ERROR", alert=True)
            return
        if pack is None:
            draw_wrapped_text(box, context, "Not read yet", "INFO", alert=False)
            return
        draw_wrapped_text(box, context, inventory(pack.items), "CHECKMARK", alert=False)
        for entry in pack.unusable[:NAMED]:
            draw_wrapped_text(box, context, f"{entry.name}: {entry.reason}", "ERROR", alert=False)
        if len(pack.unusable) > NAMED:
            box.label(text=f"and {len(pack.unusable) - NAMED} more that cannot be used")


_CLASSES = (PII_SYNTH_PT_packs,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
