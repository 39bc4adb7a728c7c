"""What the panels and operators of the tab have in common."""

from __future__ import annotations

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


class Doing:
    """Mixin: an operator whose `act` may fail; the reason goes to the user, in one sentence."""

    bl_options = {"REGISTER", "UNDO"}

    def act(self, context: Any) -> str:
        """Do it. Returns what to tell the user, '' for nothing."""
        raise NotImplementedError

    def execute(self: Any, context: Any) -> set[str]:
        try:
            message = self.act(context)
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
