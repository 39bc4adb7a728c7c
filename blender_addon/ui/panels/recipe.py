"""Panel Recipe: presets, loading and saving TOML, and one sub-panel for each section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from ...recipes.toml_io import preset_names
from ..operators.recipe import (
    PII_SYNTH_OT_add_recipe_path,
    PII_SYNTH_OT_apply_preset,
    PII_SYNTH_OT_load_recipe,
    PII_SYNTH_OT_remove_recipe_path,
    PII_SYNTH_OT_reset_recipe_section,
    PII_SYNTH_OT_save_recipe,
)
from ..properties.distribution_field import DistributionField
from ..properties.field import Field, title
from ..properties.recipe_fields import Names, Paths, Weights
from ..properties.recipe_settings import SECTIONS, is_changed, recipe_error, wrong_key
from ..tab import Tab, draw_wrapped_text, label_beside_value, settings_of

LABEL_SHARE = 0.4  # of the width; Blender's own panels split label and value there


class PII_SYNTH_MT_recipe_presets(bpy.types.Menu):
    bl_idname = "PII_SYNTH_MT_recipe_presets"
    bl_label = "Presets"
    bl_description = "Choose a built-in recipe"

    def draw(self, context: Any) -> None:
        for name in preset_names():
            operator = self.layout.operator(PII_SYNTH_OT_apply_preset.bl_idname, text=title(name))
            operator.preset = name


class PII_SYNTH_PT_recipe(Tab, bpy.types.Panel):
    bl_idname = "PII_SYNTH_PT_recipe"
    bl_label = "Recipe"
    bl_description = "Choose what may vary between images"
    bl_order = 1

    def draw(self, context: Any) -> None:
        layout = label_beside_value(self.layout)
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
            draw_wrapped_text(layout, context, error, "ERROR", alert=True)


class SectionPanel(Tab):
    """Mixin: the sub-panel of one section of the recipe, named by `section`."""

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
        layout = label_beside_value(self.layout)
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
            "bl_label": title(section),
            "bl_description": f"Set the section {title(section)} of the recipe",
            "section": section,
            "__module__": __name__,
        },
    )
    for section in SECTIONS
)


def _preset_label(recipe: Any) -> str:
    changed = any(is_changed(recipe, section) for section in SECTIONS)
    name = title(recipe.name) if recipe.name in preset_names() else recipe.name
    return f"{name} (changed)" if changed else name


def _labelled(layout: Any, label: str) -> Any:
    """A row of widgets beside one label, split as Blender splits a single property."""
    split = layout.split(factor=LABEL_SHARE)
    left = split.row()
    left.alignment = "RIGHT"
    left.label(text=label)
    right = split.row(align=True)
    right.use_property_split = False
    return right


def _draw_property(layout: Any, group: Any, field: Field) -> None:
    layout.prop(group, field.name)


def _draw_distribution(layout: Any, group: Any, field: Field) -> None:
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


def _draw_names(layout: Any, group: Any, field: Names) -> None:
    chosen = field.content(group)
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
            grid.prop_enum(getattr(group, field.name), field.part_of(name), name)


def _draw_weights(layout: Any, group: Any, field: Field) -> None:
    weights = getattr(group, field.name)
    column = layout.column(align=True)
    for number, kind in enumerate(field.metadata["allowed"]):
        _labelled(column, "" if number else field.label).prop(weights, kind, slider=True)


def _draw_paths(layout: Any, group: Any, field: Field) -> None:
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
    DistributionField: _draw_distribution,
    Names: _draw_names,
    Weights: _draw_weights,
    Paths: _draw_paths,
}


_CLASSES = (
    PII_SYNTH_MT_recipe_presets,
    PII_SYNTH_PT_recipe,
    *_SECTION_PANELS,
)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
