"""Operators of packs for places: what the recipe takes from the preferences, and reading it."""

from __future__ import annotations

from typing import Any

import bpy

from ...scene.scenery_files import load_scenery
from ..preferences import folder, preferences
from ..properties.recipe_settings import to_recipe
from ..tab import ReportingOperator, settings_of

# Key of the section -> the preferences' folder.
TAKEN = {"props": "props", "textures": "surfaces"}


class PII_SYNTH_OT_use_scenery(ReportingOperator, bpy.types.Operator):
    """Furnish places from the folders of models and surface textures of the preferences"""

    bl_idname = "pii_synth.use_scenery"
    bl_label = "Use My Models"

    @classmethod
    def poll(cls, context: Any) -> bool:
        own = preferences(context)
        there = any(getattr(own, kind) for kind in TAKEN.values())
        if not there:
            cls.poll_message_set("The preferences name no folder of models or surface textures")
        return there

    def run(self, context: Any) -> str:
        scenery = settings_of(context).recipe.scenery
        for key, kind in TAKEN.items():
            paths = getattr(scenery, key).paths
            named = folder(context, kind)
            if named is not None and str(named) not in {item.path for item in paths}:
                paths.add().path = str(named)
        return read_scenery(context)


class PII_SYNTH_OT_read_scenery(ReportingOperator, bpy.types.Operator):
    """Read the models and textures of the recipe, and show what they hold"""

    bl_idname = "pii_synth.read_scenery"
    bl_label = "Read Models and Textures"

    def run(self, context: Any) -> str:
        return read_scenery(context)


def read_scenery(context: Any) -> str:
    """Read the packs for places of the recipe, which takes seconds; their numbers in a sentence.

    Raises:
        RecipeError: A folder is missing, or holds nothing that can be shown.
    """
    found = load_scenery(to_recipe(settings_of(context).recipe))
    return f"{len(found.props)} models and {len(found.textures)} textures can be shown"


_CLASSES = (PII_SYNTH_OT_use_scenery, PII_SYNTH_OT_read_scenery)


register, unregister = bpy.utils.register_classes_factory(_CLASSES)
