"""Operators of packs: the list in the preferences, and what the recipe takes from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...scene.pack_files import load_packs
from ..pack_folders import pack_folders
from ..preferences import absolute, preferences
from ..tab import ReportingOperator, settings_of

KEY = "packs"


class PII_SYNTH_OT_add_pack_folder(bpy.types.Operator):
    """Add a folder of MakeHuman or MPFB assets to the preferences"""

    bl_idname = "pii_synth.add_pack_folder"
    bl_label = "Add Pack"

    directory: bpy.props.StringProperty(
        name="Directory",
        description="Add this folder",
        subtype="DIR_PATH",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_folder: bpy.props.BoolProperty(
        name="Filter Folders",
        description="Show folders in the file browser",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        folder = absolute(self.directory)
        if not folder.is_dir():
            self.report({"ERROR"}, f"{folder}: no such folder; choose one that exists")
            return {"CANCELLED"}
        listed = preferences(context).packs
        if not hasattr(listed, "add"):
            self.report({"ERROR"}, "Preferences are kept once the extension is installed")
            return {"CANCELLED"}
        if str(folder) not in {item.path for item in listed}:
            listed.add().path = str(folder)
        return {"FINISHED"}


class PII_SYNTH_OT_remove_pack_folder(bpy.types.Operator):
    """Remove this folder from the preferences; the folder itself is kept"""

    bl_idname = "pii_synth.remove_pack_folder"
    bl_label = "Remove Pack"

    index: bpy.props.IntProperty(
        name="Index",
        description="Remove the folder with this number; the first is 0",
        min=0,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def execute(self, context: Any) -> set[str]:
        listed = preferences(context).packs
        if self.index >= len(listed):
            self.report({"ERROR"}, f"There are {len(listed)} folders, and no folder {self.index}")
            return {"CANCELLED"}
        listed.remove(self.index)
        return {"FINISHED"}


class PII_SYNTH_OT_use_packs(ReportingOperator, bpy.types.Operator):
    """Dress people from the packs of the preferences, and from MPFB's assets, as meshes"""

    bl_idname = "pii_synth.use_packs"
    bl_label = "Use My Packs"

    @classmethod
    def poll(cls, context: Any) -> bool:
        there = bool(pack_folders(preferences(context)))
        if not there:
            cls.poll_message_set("The preferences name no folder of packs, and MPFB has no assets")
        return there

    def run(self, context: Any) -> str:
        wardrobe = settings_of(context).recipe.wardrobe
        listed = {Path(item.path) for item in wardrobe.packs.paths}
        for folder in pack_folders(preferences(context)):
            if folder not in listed:
                wardrobe.packs.paths.add().path = str(folder)
        wardrobe.style = "mesh"
        return read_packs(context)


class PII_SYNTH_OT_read_packs(ReportingOperator, bpy.types.Operator):
    """Read the packs of the recipe, and show what they hold"""

    bl_idname = "pii_synth.read_packs"
    bl_label = "Read Packs"

    def run(self, context: Any) -> str:
        return read_packs(context)


def read_packs(context: Any) -> str:
    """Read the packs of the recipe, which takes seconds; their number of items in a sentence.

    Raises:
        RecipeError: A folder is missing, or holds nothing that can be worn.
    """
    paths = [item.path for item in settings_of(context).recipe.wardrobe.packs.paths]
    items, _, _ = load_packs([str(absolute(path)) for path in paths if path])
    return f"{len(items)} items of packs can be worn"


_CLASSES = (
    PII_SYNTH_OT_add_pack_folder,
    PII_SYNTH_OT_remove_pack_folder,
    PII_SYNTH_OT_use_packs,
    PII_SYNTH_OT_read_packs,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
