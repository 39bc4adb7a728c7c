"""Operators of the panel Recipe: presets, TOML files, sections and lists of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...dataset import write_atomically
from ...recipes.fields import RecipeError
from ...recipes.toml_io import load_preset, load_recipe
from ..pack_folders import pack_folders
from ..preferences import absolute, folder, preferences
from ..properties.recipe_settings import (
    SECTIONS,
    from_recipe,
    recipe_error,
    reset_section,
    to_recipe,
)
from ..tab import DroppedOnView, in_words, settings_of
from .file_browser import file_property, filter_property

ENDING = ".toml"
# Key of a field of paths -> the preferences' folder where the file browser starts, and its filter.
BROWSE = {
    "bodies.models": ("bodies", "*.npz;*.pkl"),
    "bodies.uvs": ("bodies", "*.obj"),
    "poses.motions": ("motions", "*.npz"),
    "wardrobe.textures": ("textures", ""),
    "wardrobe.packs": ("packs", ""),
    "light.hdris": ("hdris", "*.hdr;*.exr"),
    "background.photos": ("photos", ""),
    "scenery.props": ("props", ""),
    "scenery.textures": ("surfaces", ""),
    "scenery.panoramas": ("hdris", "*.hdr;*.exr"),
    "scenery.photos": ("photos", ""),
}


class PII_SYNTH_OT_load_recipe(bpy.types.Operator):
    """Read the recipe from a TOML file, as the command line does"""

    bl_idname = "pii_synth.load_recipe"
    bl_label = "Load Recipe"
    bl_options = {"REGISTER", "UNDO"}

    filepath: file_property("Read the recipe from this file")
    filter_glob: filter_property("*.toml")

    def invoke(self, context: Any, event: Any) -> set[str]:
        if self.filepath:  # dropped onto the 3D View
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        try:
            recipe = load_recipe(absolute(self.filepath))
        except (OSError, ValueError) as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        from_recipe(settings_of(context).recipe, recipe)
        self.report({"INFO"}, f"Loaded {self.filepath}")
        return {"FINISHED"}


class PII_SYNTH_OT_save_recipe(bpy.types.Operator):
    """Write the recipe to a TOML file, which the command line can read"""

    bl_idname = "pii_synth.save_recipe"
    bl_label = "Save Recipe"

    filepath: file_property("Write the recipe to this file")
    filter_glob: filter_property("*.toml")
    check_existing: bpy.props.BoolProperty(
        name="Check Existing",
        description="Ask before an existing file is overwritten",
        default=True,
        options={"HIDDEN"},
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        error = recipe_error(settings_of(context).recipe)
        if error:
            cls.poll_message_set(error)
        return error is None

    def invoke(self, context: Any, event: Any) -> set[str]:
        if not self.filepath:
            name = bpy.path.clean_name(settings_of(context).recipe.name) or "recipe"
            self.filepath = str(Path(bpy.data.filepath).parent / f"{name}{ENDING}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: Any) -> bool:
        """Let the file browser show the name that is written."""
        before, self.filepath = self.filepath, with_ending(self.filepath)
        return bool(self.filepath != before)

    def execute(self, context: Any) -> set[str]:
        try:
            path = absolute(with_ending(self.filepath))
            text = to_recipe(settings_of(context).recipe).to_toml(comments=True)
            write_atomically(path, text.encode())
        except OSError as error:
            self.report(
                {"ERROR"}, f"{path}: cannot be written ({error.strerror}); choose another folder"
            )
            return {"CANCELLED"}
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved {path}")
        return {"FINISHED"}


class PII_SYNTH_OT_apply_preset(bpy.types.Operator):
    """Set every section to a built-in recipe"""

    bl_idname = "pii_synth.apply_preset"
    bl_label = "Apply Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: bpy.props.StringProperty(name="Preset", description="Use this built-in recipe")

    def execute(self, context: Any) -> set[str]:
        try:
            recipe = load_preset(self.preset)
        except RecipeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        from_recipe(settings_of(context).recipe, recipe)
        return {"FINISHED"}


class PII_SYNTH_OT_reset_recipe_section(bpy.types.Operator):
    """Set this section back to the preset or the file that was loaded last"""

    bl_idname = "pii_synth.reset_recipe_section"
    bl_label = "Reset Section"
    bl_options = {"REGISTER", "UNDO"}

    section: bpy.props.StringProperty(
        name="Section", description="Reset this section of the recipe", options={"HIDDEN"}
    )

    def execute(self, context: Any) -> set[str]:
        if self.section not in SECTIONS:
            self.report({"ERROR"}, f"No section {self.section!r}; there are: {', '.join(SECTIONS)}")
            return {"CANCELLED"}
        reset_section(settings_of(context).recipe, self.section)
        return {"FINISHED"}


class OnPathList:
    """Mixin: an operator on one of the recipe's lists of paths."""

    key: bpy.props.StringProperty(
        name="Key",
        description="Change this list of paths, such as 'poses.motions'",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def paths(self, context: Any) -> Any:
        """The collection of the key. Raises ValueError when the key has no list of paths."""
        if self.key not in BROWSE:
            raise ValueError(f"No list of paths {self.key!r}; there are: {', '.join(BROWSE)}")
        section, name = self.key.split(".")
        return getattr(getattr(settings_of(context).recipe, section), name).paths


class PII_SYNTH_OT_add_recipe_path(OnPathList, bpy.types.Operator):
    """Add files to the list; open a folder and choose no file to add the whole folder"""

    bl_idname = "pii_synth.add_recipe_path"
    bl_label = "Add Path"
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(
        name="Directory",
        description="Add files of this folder, or the folder itself",
        subtype="DIR_PATH",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    files: bpy.props.CollectionProperty(
        type=bpy.types.OperatorFileListElement,
        name="Files",
        description="Add these files",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_glob: filter_property()
    filter_folder: bpy.props.BoolProperty(
        name="Filter Folders",
        description="Show folders in the file browser",
        default=True,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        kind, self.filter_glob = BROWSE.get(self.key, ("", ""))
        if kind == "packs":
            start = next(iter(pack_folders(preferences(context))), None)
        else:
            start = folder(context, kind) if kind else None
        if start is not None:
            self.directory = str(start)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        try:
            paths = self.paths(context)
            chosen = [absolute(self.directory) / file.name for file in self.files if file.name]
            chosen = chosen or [absolute(self.directory)]
            missing = [path for path in chosen if not path.exists()]
            if missing:
                raise ValueError(f"{missing[0]}: no such file or folder; choose one that exists")
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        listed = {item.path for item in paths}
        for path in chosen:
            if str(path) not in listed:
                paths.add().path = str(path)
        return {"FINISHED"}


class PII_SYNTH_OT_remove_recipe_path(OnPathList, bpy.types.Operator):
    """Remove this path from the list; the file itself is kept"""

    bl_idname = "pii_synth.remove_recipe_path"
    bl_label = "Remove Path"
    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(
        name="Index",
        description="Remove the path with this number; the first is 0",
        min=0,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def execute(self, context: Any) -> set[str]:
        try:
            paths = self.paths(context)
            if self.index >= len(paths):
                raise ValueError(
                    f"{self.key} has {len(paths)} paths, there is no path {self.index}"
                )
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        paths.remove(self.index)
        return {"FINISHED"}


def with_ending(path: str) -> str:
    """Add the ending .toml to a path that lacks it."""
    return path if path.lower().endswith(ENDING) else f"{path}{ENDING}"


class PII_SYNTH_FH_recipe(DroppedOnView, bpy.types.FileHandler):
    """Load a recipe from a .toml file that is dropped onto the 3D View"""

    bl_idname = "PII_SYNTH_FH_recipe"
    bl_label = "PII Synth Recipe"
    bl_import_operator = PII_SYNTH_OT_load_recipe.bl_idname
    bl_file_extensions = ENDING


_CLASSES = (
    PII_SYNTH_OT_load_recipe,
    PII_SYNTH_OT_save_recipe,
    PII_SYNTH_OT_apply_preset,
    PII_SYNTH_OT_reset_recipe_section,
    PII_SYNTH_OT_add_recipe_path,
    PII_SYNTH_OT_remove_recipe_path,
    PII_SYNTH_FH_recipe,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
