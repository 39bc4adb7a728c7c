"""The recipe as Blender properties, made from the fields of recipe.Recipe."""

from __future__ import annotations

import bpy

from ..recipe import Recipe


class RecipeSettings(bpy.types.PropertyGroup):
    """One group of properties a section of the recipe."""


def to_recipe(settings: RecipeSettings) -> Recipe:
    """The recipe that the panel shows."""
    return Recipe()


def from_recipe(settings: RecipeSettings, recipe: Recipe) -> None:
    """Show `recipe` in the panel."""


_CLASSES = (RecipeSettings,)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
