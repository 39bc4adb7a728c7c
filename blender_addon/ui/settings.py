"""The settings in the scene, saved with the .blend: `scene.pii_synth`."""

from __future__ import annotations

import bpy

from ..render.devices import CHOICES
from .recipe_settings import RecipeSettings


class SceneSettings(bpy.types.PropertyGroup):
    """What the tab PII Synth shows. `recipe` is the whole recipe; the rest says which draw, how many and where to."""

    recipe: bpy.props.PointerProperty(type=RecipeSettings)
    seed: bpy.props.IntProperty(
        name="Seed", description="Another seed, other pictures of the same recipe", default=0, min=0
    )
    index: bpy.props.IntProperty(
        name="Index",
        description="Which draw of the seed: draw 17 is picture 17 of a batch with this seed and recipe",
        default=0,
        min=0,
    )
    count: bpy.props.IntProperty(
        name="Count", description="Pictures in the data set, those already there included", default=24, min=1
    )
    output: bpy.props.StringProperty(
        name="Output",
        description="Folder of the data set; made when it is not there. Empty: the one in the preferences",
        subtype="DIR_PATH",
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="What Cycles renders on",
        items=[(name, name.upper() if name != "auto" else "Automatic", "") for name in CHOICES],
        default="auto",
    )
    # The current draw as JSON (spec.SceneSpec), kept with the scene by workbench.scene.
    draft: bpy.props.StringProperty(options={"HIDDEN"})


_CLASSES = (SceneSettings,)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.pii_synth = bpy.props.PointerProperty(type=SceneSettings)


def unregister() -> None:
    del bpy.types.Scene.pii_synth
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
