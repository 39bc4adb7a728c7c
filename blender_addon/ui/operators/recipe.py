"""Operators of the panel Recipe: presets, TOML files, sections and lists of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...dataset import write_atomically
from ...recipes.recipe import RecipeError, load_preset, load_recipe
from ..preferences import absolute, folder
from ..properties.recipe_settings import (
    SECTIONS,
    from_recipe,
    recipe_error,
    reset_section,
    to_recipe,
)
from ..tab import DroppedOnView, settings_of

ENDING = ".toml"
# For a field of paths: the preferences' folder that the browser opens, and the files it shows.
BROWSE = {
    "bodies.models": ("bodies", "*.npz;*.pkl"),
    "bodies.uvs": ("bodies", "*.obj"),
    "poses.motions": ("motions", "*.npz"),
    "wardrobe.textures": ("textures", ""),
    "light.hdris": ("hdris", "*.hdr;*.exr"),
    "background.photos": ("photos", ""),
}


class PII_SYNTH_OT_load_recipe(bpy.types.Operator):
    """Read the recipe from a TOML file, as the command line does"""

    bl_idname = "pii_synth.load_recipe"
    bl_label = "Load Recipe"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "HIDDEN"})
    filter_glob: bpy.props.StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        if self.filepath:  # dropped onto the 3D View
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        try:
            recipe = load_recipe(absolute(self.filepath))
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        from_recipe(settings_of(context).recipe, recipe)
        self.report({"INFO"}, f"Loaded {self.filepath}")
        return {"FINISHED"}


class PII_SYNTH_OT_save_recipe(bpy.types.Operator):
    """Write the recipe to a TOML file that the command line takes"""

    bl_idname = "pii_synth.save_recipe"
    bl_label = "Save Recipe"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "HIDDEN"})
    filter_glob: bpy.props.StringProperty(default="*.toml", options={"HIDDEN"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

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
        """In the file browser: the name that is written is the name that is shown."""
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

    preset: bpy.props.StringProperty(name="Preset", description="Name of the built-in recipe")

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

    section: bpy.props.StringProperty(options={"HIDDEN"})

    def execute(self, context: Any) -> set[str]:
        if self.section not in SECTIONS:
            self.report({"ERROR"}, f"No section {self.section!r}; there are: {', '.join(SECTIONS)}")
            return {"CANCELLED"}
        reset_section(settings_of(context).recipe, self.section)
        return {"FINISHED"}


class OfPathList:
    """Mixin: an operator on one of the recipe's lists of paths, called by its key, such as 'poses.motions'."""

    key: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def paths(self, context: Any) -> Any:
        """The collection. Raises ValueError for a key that has none."""
        if self.key not in BROWSE:
            raise ValueError(f"No list of paths {self.key!r}; there are: {', '.join(BROWSE)}")
        section, name = self.key.split(".")
        return getattr(getattr(settings_of(context).recipe, section), name).paths


class PII_SYNTH_OT_add_recipe_path(OfPathList, bpy.types.Operator):
    """Choose files, or go into a folder and choose nothing to add the whole folder"""

    bl_idname = "pii_synth.add_recipe_path"
    bl_label = "Add Path"
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(
        type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"}
    )
    filter_glob: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        kind, self.filter_glob = BROWSE.get(self.key, ("", ""))
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
            absent = [path for path in chosen if not path.exists()]
            if absent:
                raise ValueError(f"{absent[0]}: no such file or folder; choose one that exists")
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        there = {item.path for item in paths}
        for path in chosen:
            if str(path) not in there:
                paths.add().path = str(path)
        return {"FINISHED"}


class PII_SYNTH_OT_remove_recipe_path(OfPathList, bpy.types.Operator):
    """Take this path off the list; the file stays where it is"""

    bl_idname = "pii_synth.remove_recipe_path"
    bl_label = "Remove Path"
    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(min=0, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Any) -> set[str]:
        try:
            paths = self.paths(context)
            if self.index >= len(paths):
                raise ValueError(
                    f"{self.key} has {len(paths)} paths, so there is none at {self.index}"
                )
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        paths.remove(self.index)
        return {"FINISHED"}


def with_ending(path: str) -> str:
    """`path` with the ending .toml."""
    return path if path.lower().endswith(ENDING) else f"{path}{ENDING}"


class PII_SYNTH_FH_recipe(DroppedOnView, bpy.types.FileHandler):
    """A .toml dropped onto the 3D View is a recipe."""

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
