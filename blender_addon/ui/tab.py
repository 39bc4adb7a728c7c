"""What the panels of the tab have in common."""

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


def settings_of(context: Any) -> Any:
    """The scene's settings (`ui.settings.SceneSettings`), saved with the .blend."""
    return context.scene.pii_synth
