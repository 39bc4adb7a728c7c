"""Panel Recipe: what may vary, a sub-panel a section; presets, and recipes loaded from and saved to TOML."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..dataset import write_atomically
from ..recipe import RecipeError, load_preset, load_recipe, preset_names
from . import recipe_fields as fields
from .preferences import absolute, folder
from .recipe_settings import (
    SECTIONS,
    from_recipe,
    is_changed,
    recipe_error,
    reset_section,
    to_recipe,
    wrong_key,
)
from .tab import DroppedOnView, Tab, settings_of

ENDING = ".toml"
LABEL_SHARE = 0.4  # of the width: where Blender's own panels split label and value
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


class PII_SYNTH_FH_recipe(DroppedOnView, bpy.types.FileHandler):
    """A .toml dropped onto the 3D View is a recipe."""

    bl_idname = "PII_SYNTH_FH_recipe"
    bl_label = "PII Synth Recipe"
    bl_import_operator = PII_SYNTH_OT_load_recipe.bl_idname
    bl_file_extensions = ENDING


class PII_SYNTH_MT_recipe_presets(bpy.types.Menu):
    """The built-in recipes"""

    bl_idname = "PII_SYNTH_MT_recipe_presets"
    bl_label = "Presets"

    def draw(self, context: Any) -> None:
        for name in preset_names():
            operator = self.layout.operator(
                PII_SYNTH_OT_apply_preset.bl_idname, text=fields.title(name)
            )
            operator.preset = name


class PII_SYNTH_PT_recipe(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_recipe"
    bl_label = "Recipe"
    bl_order = 0

    def draw(self, context: Any) -> None:
        layout = _native(self.layout)
        recipe = settings_of(context).recipe
        _labelled(layout, "Preset").menu(
            PII_SYNTH_MT_recipe_presets.bl_idname, text=_preset_label(recipe), translate=False
        )
        layout.prop(recipe, "name")
        row = layout.row(align=True)
        row.operator(PII_SYNTH_OT_load_recipe.bl_idname, text="Load…", icon="FILE_FOLDER")
        row.operator(PII_SYNTH_OT_save_recipe.bl_idname, text="Save…", icon="FILE_TICK")
        error = recipe_error(recipe)
        if error:
            draw_alert(layout, context, error)


class SectionPanel(Tab):
    """Mixin: the sub-panel of one section, whose name is in `section`."""

    bl_parent_id = PII_SYNTH_PT_recipe.bl_idname
    bl_options = {"DEFAULT_CLOSED"}
    section: str
    layout: Any

    def draw_header(self, context: Any) -> None:
        group = getattr(settings_of(context).recipe, self.section)
        if hasattr(group, "enabled"):
            self.layout.prop(group, "enabled", text="")

    def draw_header_preset(self, context: Any) -> None:
        if is_changed(settings_of(context).recipe, self.section):
            row = self.layout.row()
            row.emboss = "NONE"
            operator = row.operator(
                PII_SYNTH_OT_reset_recipe_section.bl_idname, text="", icon="LOOP_BACK"
            )
            operator.section = self.section

    def draw(self, context: Any) -> None:
        layout = _native(self.layout)
        recipe = settings_of(context).recipe
        group = getattr(recipe, self.section)
        layout.active = getattr(group, "enabled", True)
        wrong = wrong_key(recipe)
        for field in SECTIONS[self.section]:
            if field.name == "enabled":
                continue
            column = layout.column()
            column.alert = field.key == wrong
            _DRAW.get(type(field), _draw_property)(column, group, field)


_SECTION_PANELS = tuple(
    type(
        f"PII_SYNTH_PT_recipe_{section}",
        (SectionPanel, bpy.types.Panel),
        {
            "bl_idname": f"PII_SYNTH_PT_recipe_{section}",
            "bl_label": fields.title(section),
            "section": section,
            "__module__": __name__,
        },
    )
    for section in SECTIONS
)


def with_ending(path: str) -> str:
    """`path` with the ending .toml."""
    return path if path.lower().endswith(ENDING) else f"{path}{ENDING}"


def draw_alert(layout: Any, context: Any, text: str) -> None:
    """`text` in red, wrapped to the width of the region."""
    width = context.region.width / context.preferences.system.ui_scale
    column = layout.column(align=True)
    column.alert = True
    for number, line in enumerate(textwrap.wrap(text, max(int(width / 7) - 6, 20))):
        column.label(text=line, icon="BLANK1" if number else "ERROR")


def _preset_label(recipe: Any) -> str:
    changed = any(is_changed(recipe, section) for section in SECTIONS)
    name = fields.title(recipe.name) if recipe.name in preset_names() else recipe.name
    return f"{name} (changed)" if changed else name


def _native(layout: Any) -> Any:
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout


def _labelled(layout: Any, label: str) -> Any:
    """A row of several widgets beside one label, as Blender splits a single property."""
    split = layout.split(factor=LABEL_SHARE)
    left = split.row()
    left.alignment = "RIGHT"
    left.label(text=label)
    right = split.row(align=True)
    right.use_property_split = False
    return right


def _draw_property(layout: Any, group: Any, field: fields.Field) -> None:
    layout.prop(group, field.name)


def _draw_distribution(layout: Any, group: Any, field: fields.Field) -> None:
    distribution = getattr(group, field.name)
    row = _labelled(layout, field.label)
    given = True
    if hasattr(distribution, "given"):
        row.prop(distribution, "given", text="")
        given = distribution.given
    values = row.row(align=True)
    values.active = given
    kind = distribution.kind
    if kind == "constant":
        values.prop(distribution, "value", text="")
    elif kind == "choice":
        values.prop(distribution, "choices", text="")
    elif kind == "normal":
        values.prop(distribution, "mean", text="")
        values.prop(distribution, "deviation", text="±")
    else:
        values.prop(distribution, "low", text="")
        values.prop(distribution, "high", text="")
    values.prop(distribution, "kind", text="", icon_only=True)
    if kind == "normal" and given:
        limits = _labelled(layout, "")
        for end in ("min", "max"):
            used = getattr(distribution, f"use_{end}")
            limit = limits.row(align=True)
            limit.prop(distribution, f"use_{end}", text="" if used else end.title())
            if used:
                limit.prop(distribution, end, text="")


def _draw_names(layout: Any, group: Any, field: fields.Field) -> None:
    chosen = getattr(group, field.name)
    allowed = field.metadata["allowed"]()
    header, body = layout.panel(f"pii_synth_{field.key}", default_closed=True)
    count = (
        f"{len(chosen)} of {len(allowed)}"
        if chosen
        else "None"
        if field.name == "passes"
        else "All"
    )
    header.label(text=f"{field.label}: {count}")
    if body is not None:
        grid = body.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        grid.use_property_split = False
        for name in allowed:
            grid.prop_enum(group, field.name, name)


def _draw_weights(layout: Any, group: Any, field: fields.Field) -> None:
    weights = getattr(group, field.name)
    column = layout.column(align=True)
    for number, kind in enumerate(field.metadata["allowed"]):
        _labelled(column, "" if number else field.label).prop(weights, kind, slider=True)


def _draw_paths(layout: Any, group: Any, field: fields.Field) -> None:
    target = getattr(group, field.name)
    column = layout.column(align=True)
    row = _labelled(column, field.label)
    if hasattr(target, "builtin"):
        row.prop(target, "builtin")
    operator = row.operator(
        PII_SYNTH_OT_add_recipe_path.bl_idname,
        text="" if hasattr(target, "builtin") else "Add…",
        icon="ADD",
    )
    operator.key = field.key
    for index, item in enumerate(target.paths):
        row = _labelled(column, "")
        row.prop(item, "path", text="")
        operator = row.operator(PII_SYNTH_OT_remove_recipe_path.bl_idname, text="", icon="X")
        operator.key, operator.index = field.key, index


_DRAW: dict[type, Callable[[Any, Any, Any], None]] = {
    fields.Vary: _draw_distribution,
    fields.Names: _draw_names,
    fields.Weights: _draw_weights,
    fields.Paths: _draw_paths,
}

_CLASSES = (
    PII_SYNTH_OT_load_recipe,
    PII_SYNTH_OT_save_recipe,
    PII_SYNTH_OT_apply_preset,
    PII_SYNTH_OT_reset_recipe_section,
    PII_SYNTH_OT_add_recipe_path,
    PII_SYNTH_OT_remove_recipe_path,
    PII_SYNTH_FH_recipe,
    PII_SYNTH_MT_recipe_presets,
    PII_SYNTH_PT_recipe,
    *_SECTION_PANELS,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
