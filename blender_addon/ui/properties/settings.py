"""The settings of a scene, saved with the .blend: `scene.pii_synth`."""

from __future__ import annotations

from typing import Any

import bpy

from ..preferences import DEVICE_ITEMS, FROM_PREFERENCES
from .recipe_settings import RecipeSettings


def _draw_number(name: str, factor: str) -> Any:
    """The draw that one factor of the scene comes from (`<factor>_index`, see FACTORS)."""
    description = f"Take the {factor} from this draw of the seed"
    return bpy.props.IntProperty(name=name, description=description, default=0, min=0)


class SceneSettings(bpy.types.PropertyGroup):
    """The settings of the tab PII Synth: recipe, seed, number of images, output folder."""

    recipe: bpy.props.PointerProperty(
        type=RecipeSettings, name="Recipe", description="Choose what may vary between images"
    )
    body: bpy.props.StringProperty(
        name="Body",
        description="Use this body for new people: 'default', or a body model file",
        default="default",
    )
    seed: bpy.props.IntProperty(
        name="Seed",
        description="Change the seed to get other images from the same recipe",
        default=0,
        min=0,
    )
    index: bpy.props.IntProperty(
        name="Index",
        description=(
            "Draw this scene of the seed: draw 17 is image 17 of a batch with this seed and recipe"
        ),
        default=0,
        min=0,
    )
    pose_index: _draw_number("Pose", "poses")
    shape_index: _draw_number("Shape", "body shapes")
    clothes_index: _draw_number("Clothes", "clothes")
    camera_index: _draw_number("Camera", "camera")
    light_index: _draw_number("Light", "light")
    background_index: _draw_number("Background", "background")
    look_through: bpy.props.BoolProperty(
        name="Look Through", description="View each new draw through its camera", default=True
    )
    count: bpy.props.IntProperty(
        name="Count",
        description="Set the number of images in the dataset; those already rendered count",
        default=24,
        min=1,
    )
    output: bpy.props.StringProperty(
        name="Output",
        description=(
            "Write the dataset to this folder, which is created if needed. "
            "Leave it empty to use the folder in the preferences"
        ),
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="Render with Cycles on this device",
        items=[
            (FROM_PREFERENCES, "From Preferences", "Render on the device set in the preferences"),
            *DEVICE_ITEMS,
        ],
        default=FROM_PREFERENCES,
    )
    jobs: bpy.props.IntProperty(
        name="Processes",
        description=(
            "Render in this many Blender processes at once; "
            "more than one helps when one leaves the machine idle"
        ),
        default=1,
        min=1,
        soft_max=8,
    )
    draft: bpy.props.StringProperty(
        name="Draft",
        description="Holds the current draw as JSON (scene.spec.SceneSpec)",
        options={"HIDDEN"},
    )


_CLASSES = (SceneSettings,)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.pii_synth = bpy.props.PointerProperty(
        type=SceneSettings, name="PII Synth", description="Hold the settings of the tab PII Synth"
    )


def unregister() -> None:
    del bpy.types.Scene.pii_synth
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
