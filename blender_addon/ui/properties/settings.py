"""The settings in the scene, saved with the .blend: `scene.pii_synth`."""

from __future__ import annotations

from typing import Any

import bpy

from ..preferences import DEVICE_ITEMS, FROM_PREFERENCES
from .recipe_settings import RecipeSettings


def _draw_number(name: str, what: str) -> Any:
    """The number of the draw that a factor of the scene is from (`<factor>_index`, see resampling.FACTORS)."""
    description = f"Which draw of the seed {what} of; the dice goes to the next"
    return bpy.props.IntProperty(name=name, description=description, default=0, min=0)


class SceneSettings(bpy.types.PropertyGroup):
    """What the tab PII Synth shows. `recipe` is the whole recipe; the rest says which draw, how many and where to."""

    recipe: bpy.props.PointerProperty(type=RecipeSettings)
    body: bpy.props.StringProperty(
        name="Body",
        description="Body of the next person to be added: 'default', or a body model file",
        default="default",
    )
    seed: bpy.props.IntProperty(
        name="Seed", description="Another seed, other pictures of the same recipe", default=0, min=0
    )
    index: bpy.props.IntProperty(
        name="Index",
        description="Which draw of the seed: draw 17 is picture 17 of a batch with this seed and recipe",
        default=0,
        min=0,
    )
    pose_index: _draw_number("Pose", "the poses are")
    shape_index: _draw_number("Shape", "the people's shapes are")
    clothes_index: _draw_number("Clothes", "the clothes are")
    camera_index: _draw_number("Camera", "the camera is")
    light_index: _draw_number("Light", "the light is")
    background_index: _draw_number("Background", "the background is")
    look_through: bpy.props.BoolProperty(
        name="Look Through", description="Show a new draw as its camera sees it", default=True
    )
    count: bpy.props.IntProperty(
        name="Count",
        description="Pictures in the data set, those already there included",
        default=24,
        min=1,
    )
    output: bpy.props.StringProperty(
        name="Output",
        description="Folder of the data set; made when it is not there. Empty: the one in the preferences",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="What Cycles renders on",
        items=[
            (FROM_PREFERENCES, "From Preferences", "The device chosen in the preferences"),
            *DEVICE_ITEMS,
        ],
        default=FROM_PREFERENCES,
    )
    jobs: bpy.props.IntProperty(
        name="Processes",
        description="Blenders that render side by side; more than one helps where one leaves the machine idle",
        default=1,
        min=1,
        soft_max=8,
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
