"""Panel Preview: render the scene as it stands, image and mask side by side."""

from __future__ import annotations

import bpy

from ..operators.preview import PII_SYNTH_OT_preview
from ..tab import Tab, label_beside_value, settings_of


class PII_SYNTH_PT_preview(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_preview"
    bl_label = "Preview"
    bl_description = "Render the scene as it stands, to check image and mask"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        layout = label_beside_value(self.layout)
        render = context.scene.render
        column = layout.column(align=True)
        column.prop(render, "resolution_x", text="Frame X")
        column.prop(render, "resolution_y", text="Y")
        column.prop(render, "resolution_percentage", text="%")
        layout.prop(settings_of(context).recipe.render, "samples")
        layout.operator(PII_SYNTH_OT_preview.bl_idname, icon="RENDER_STILL")


_CLASSES = (PII_SYNTH_PT_preview,)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
