"""The operator of the panel Preview in pip's bpy renders the scene, or says why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import blender_addon
from blender_addon.render.compat import import_bpy

IMAGE = "PII Synth Preview"


@pytest.fixture
def bpy() -> Iterator[Any]:
    bpy = import_bpy()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    bpy.context.scene.pii_synth.device = "cpu"
    bpy.context.scene.pii_synth.recipe.render.samples = 2
    yield bpy
    blender_addon.unregister()


@pytest.fixture
def camera(bpy: Any) -> Any:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 48, 32
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0.0, -4.0, 1.0), (1.5708, 0.0, 0.0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    return camera


def test_the_button_puts_image_and_mask_into_one_image(bpy: Any, camera: Any) -> None:
    bpy.ops.pii_synth.add_person()
    assert bpy.ops.pii_synth.preview() == {"FINISHED"}
    width, height = bpy.data.images[IMAGE].size
    assert height == 32
    assert width > 2 * 48
    pixels = bpy.data.images[IMAGE].pixels[:]
    assert max(pixels) > 0.3, "a person is in the mask"
    assert len(bpy.data.scenes) == 1


def test_without_a_camera_the_button_is_grey_and_says_why(bpy: Any) -> None:
    assert not bpy.ops.pii_synth.preview.poll()
    with pytest.raises(RuntimeError, match="The scene has no camera: draw a scene first"):
        bpy.ops.pii_synth.preview()


def test_a_recipe_that_cannot_be_used_makes_it_grey(bpy: Any, camera: Any) -> None:
    height = bpy.context.scene.pii_synth.recipe.camera.height
    height.kind, height.low, height.high = "uniform", 3.0, 1.0
    with pytest.raises(RuntimeError, match=r"camera\.height"):
        bpy.ops.pii_synth.preview()


def test_a_scaled_person_is_named_and_no_image_is_left(bpy: Any, camera: Any) -> None:
    bpy.ops.pii_synth.add_person()
    person = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    person.scale = (2.0, 2.0, 2.0)
    with pytest.raises(RuntimeError, match=f"Preview: {person.name}"):
        bpy.ops.pii_synth.preview()
    assert IMAGE not in bpy.data.images
    assert len(bpy.data.scenes) == 1
