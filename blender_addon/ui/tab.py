"""What the panels and operators of the tab have in common."""

from __future__ import annotations

import textwrap
from typing import Any

CATEGORY = "PII Synth"
# The extension's module name, which its preferences are filed under: "bl_ext.user_default.pii_synth" when installed
# from the zip, "blender_addon" in a plain checkout.
ADDON = __package__.rpartition(".blender_addon")[0] or "blender_addon"


class Tab:
    """Mixin: a panel of the 3D View's sidebar in the tab PII Synth."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class ReportingOperator:
    """Mixin: an operator whose `run` may fail; the reason goes to the user, in one sentence."""

    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Any) -> str:
        """Do it. Returns what to tell the user, '' for nothing."""
        raise NotImplementedError

    def execute(self: Any, context: Any) -> set[str]:
        try:
            message = self.run(context)
        except (OSError, ValueError, RuntimeError) as error:
            self.report({"ERROR"}, f"{self.bl_label.rstrip('…')}: {error}")
            return {"CANCELLED"}
        if message:
            self.report({"INFO"}, message)
        return {"FINISHED"}


class DroppedOnView:
    """Mixin: a file handler for what is dropped onto a 3D View."""

    @classmethod
    def poll_drop(cls, context: Any) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def settings_of(context: Any) -> Any:
    """The scene's settings (`ui.settings.SceneSettings`), saved with the .blend."""
    return context.scene.pii_synth


def draw_wrapped_text(layout: Any, context: Any, text: str, icon: str, *, alert: bool) -> None:
    """Draw a text on as many lines as the width of the region needs; in red with `alert`."""
    letters = 40
    if context.region is not None:
        width = context.region.width / context.preferences.system.ui_scale
        letters = max(20, int(width / 7.5) - 8)
    column = layout.column(align=True)
    column.alert = alert
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon="BLANK1" if number else icon)
