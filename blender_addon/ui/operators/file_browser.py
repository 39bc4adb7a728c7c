"""Shared by operators that ask for a file."""

from __future__ import annotations

from typing import Any

import bpy


class Browsing:
    """Mixin: an operator that opens the file browser to choose its file."""

    def invoke(self, context: Any, event: Any) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


def file_property(description: str) -> Any:
    """The property `filepath` of an operator."""
    return bpy.props.StringProperty(
        name="File",
        description=description,
        subtype="FILE_PATH",
        options={"SKIP_SAVE", "HIDDEN"},
    )


def filter_property(pattern: str = "") -> Any:
    """The property `filter_glob` of an operator: the file browser shows only matching files."""
    return bpy.props.StringProperty(
        name="Filter",
        description="Show only matching files in the file browser",
        default=pattern,
        options={"HIDDEN", "SKIP_SAVE"},
    )
