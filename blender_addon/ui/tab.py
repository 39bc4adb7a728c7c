"""Shared by all panels and operators of the tab: mixins, access to the settings, wrapped text."""

from __future__ import annotations

import textwrap
import traceback
from typing import Any

CATEGORY = "PII Synth"
# The extension's module name, under which Blender files its preferences:
# "bl_ext.user_default.pii_synth" when installed from the zip, "blender_addon" in a plain checkout.
ADDON = __package__.rpartition(".blender_addon")[0] or "blender_addon"


class Tab:
    """Mixin: a panel of the 3D View's sidebar in the tab PII Synth."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class ReportingOperator:
    """Mixin: an operator that reports an error of its `run` to the user in one sentence."""

    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Any) -> str:
        """Do the work. Returns a message for the user, or ''."""
        raise NotImplementedError

    def message_of(self, error: Exception) -> str:
        """One line for the user on what ended `run`."""
        return in_words(error)

    def execute(self: Any, context: Any) -> set[str]:
        try:
            message = self.run(context)
        except Exception as error:  # a bad file may raise anything; the user gets one sentence
            self.report({"ERROR"}, f"{self.bl_label.rstrip('…')}: {self.message_of(error)}")
            return {"CANCELLED"}
        if message:
            self.report({"INFO"}, message)
        return {"FINISHED"}


def in_words(error: Exception) -> str:
    """An error in one line for the user."""
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs, or use smaller files"
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if not isinstance(error, (OSError, ValueError, RuntimeError, KeyError)) or not text:
        traceback.print_exception(error)  # on the console, for the report
        text = f"an error of this program ({type(error).__name__}: {text}); please report it"
    return " ".join(text.split())


class DroppedOnView:
    """Mixin: a file handler for files that are dropped onto a 3D View."""

    @classmethod
    def poll_drop(cls, context: Any) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def settings_of(context: Any) -> Any:
    """The scene's settings (`properties.settings.SceneSettings`), saved with the .blend."""
    return context.scene.pii_synth


def label_beside_value(layout: Any) -> Any:
    """Let `layout` show properties as Blender's own panels do, and return it."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def draw_wrapped_text(layout: Any, context: Any, text: str, icon: str, *, alert: bool) -> None:
    """Draw a text on as many lines as the region's width needs; in red with `alert`.

    Args:
        layout: where to draw.
        context: Blender's context; without a region the text wraps at 40 letters.
        text: what to draw.
        icon: Blender's icon before the first line.
        alert: whether the text is red.
    """
    letters = 40
    if context.region is not None:
        width = context.region.width / context.preferences.system.ui_scale
        letters = max(20, int(width / 7.5) - 8)
    column = layout.column(align=True)
    column.alert = alert
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon="BLANK1" if number else icon)
