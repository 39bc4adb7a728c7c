"""Panel Sample: draw a scene of the recipe, or redraw one factor of it."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators.sample import (
    FACTORS,
    PII_SYNTH_OT_clear_scene,
    PII_SYNTH_OT_draw_scene,
    PII_SYNTH_OT_redraw,
)
from ..tab import Tab, label_beside_value, settings_of


class PII_SYNTH_PT_sample(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_sample"
    bl_label = "Sample"
    bl_description = "Draw a scene of the recipe into the 3D View"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 3

    def draw(self, context: Any) -> None:
        layout, settings = label_beside_value(self.layout), settings_of(context)
        column = layout.column(align=True)
        column.prop(settings, "seed")
        column.prop(settings, "index")
        row = layout.row(align=True)
        row.scale_y = 1.5
        back = row.row(align=True)
        back.enabled = settings.index > 0
        back.operator(PII_SYNTH_OT_draw_scene.bl_idname, text="", icon="TRIA_LEFT").step = -1
        row.operator(PII_SYNTH_OT_draw_scene.bl_idname, icon="SCENE_DATA")
        row.operator(PII_SYNTH_OT_draw_scene.bl_idname, text="", icon="TRIA_RIGHT").step = 1
        layout.prop(settings, "look_through")
        column = layout.column(align=True)
        for factor, (label, icon) in FACTORS.items():
            self._draw_factor(column.row(align=True), settings, factor, label, icon)
        layout.operator(PII_SYNTH_OT_clear_scene.bl_idname, icon="TRASH")

    @staticmethod
    def _draw_factor(row: Any, settings: Any, factor: str, label: str, icon: str) -> None:
        row.prop(settings, f"{factor}_index", text=label, icon=icon)
        for advance, arrow in ((False, "FILE_REFRESH"), (True, "TRIA_RIGHT")):
            redraw = row.operator(PII_SYNTH_OT_redraw.bl_idname, text="", icon=arrow)
            redraw.factor, redraw.advance = factor, advance


_CLASSES = (PII_SYNTH_PT_sample,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
