"""Preview renders the artist's scene as it stands, and changes nothing of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.render.compat import import_bpy
from blender_addon.render.devices import Device, pick_device
from blender_addon.scene.assets import Assets, load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec

SAMPLES = 8
RECIPE = {
    "people": {"count": 2},
    "camera": {"depth_of_field": 0.0, "motion_blur": 0.0},
    "render": {"width": 96, "height": 64, "samples": SAMPLES},
}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return parse_recipe(RECIPE, name="preview", folder=Path(), where="test")


@pytest.fixture(scope="module")
def cpu() -> Device:
    import_bpy()
    return pick_device("cpu")


@pytest.fixture(scope="module")
def assets(recipe: Recipe) -> Assets:
    return load_assets(recipe)


@pytest.fixture
def drawn(recipe: Recipe, scene: Any, assets: Assets) -> SceneSpec:
    """The scene shows draw (0, 7): two people, both large."""
    from blender_addon.workbench.scene import show

    spec = sample_scene(recipe, assets, 0, 7)
    assert len(spec.persons) == 2
    show(spec, scene, assets)
    return spec


def preview(scene: Any, cpu: Device) -> Any:
    from blender_addon.character.character import characters
    from blender_addon.workbench.preview import Shot, person_names
    from blender_addon.workbench.scene import read

    shot = Shot(scene, read(scene), person_names(characters(scene)), SAMPLES, cpu)
    try:
        return shot.render()
    finally:
        shot.discard()


def area(instances: np.ndarray, person: int) -> int:
    return int(np.count_nonzero(instances == person))


def test_preview_of_a_draw_is_what_the_batch_renders(
    scene: Any, drawn: SceneSpec, assets: Assets, cpu: Device
) -> None:
    from blender_addon.datagen.renderer import Renderer

    shown, pair = preview(scene, cpu), Renderer(assets, device="cpu").render(drawn)
    assert {1, 2} <= set(np.unique(pair.instances))
    for person in (1, 2):
        mine, theirs = shown.instances == person, pair.instances == person
        assert (mine & theirs).sum() >= 0.98 * (mine | theirs).sum()
    assert np.abs(shown.image.astype(int) - pair.image).mean() < 1.0


def test_a_manual_pose_is_in_the_mask(scene: Any, drawn: SceneSpec, cpu: Device) -> None:
    from blender_addon.character.character import characters

    before = preview(scene, cpu).instances
    person = characters(scene)[0]
    for side, sign in (("left", 1), ("right", -1)):
        bone = person.armature.pose.bones[f"{side}_shoulder"]
        bone.rotation_mode = "XYZ"
        bone.rotation_euler.rotate_axis("Z", sign * math.radians(70))
    after = preview(scene, cpu).instances
    assert np.count_nonzero((before == 1) != (after == 1)) > 0.1 * area(before, 1)
    of_second = (before == 2) != (after == 2)
    assert not (of_second & (before != 1) & (after != 1)).any()  # but for what an arm hides


def test_children_of_a_person_are_in_its_mask_and_props_are_not(
    scene: Any, drawn: SceneSpec, cpu: Device
) -> None:
    bpy = import_bpy()
    from blender_addon.character.character import characters
    from blender_addon.scene.spec import PropSpec, SurfaceSpec
    from blender_addon.stage.images import ImageCache
    from blender_addon.workbench.preview import person_names
    from blender_addon.workbench.props import show_props

    before = preview(scene, cpu).instances
    person = characters(scene)[0]
    mesh = bpy.data.meshes.new("hat")
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata([(0.3 * x, 0.3 * y, 0.3 * z) for x, y, z in corners], [], faces)
    hat = bpy.data.objects.new("hat", mesh)
    scene.collection.objects.link(hat)
    hat.parent, hat.location = person.armature, (0.0, 0.0, 1.9)
    assert hat.name in person_names(characters(scene))[0]
    after = preview(scene, cpu).instances
    assert area(after, 1) > area(before, 1)

    grey = SurfaceSpec("plain", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, 0.5)
    box = PropSpec("box", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.3, 0.3, 0.3), grey, owner=1)
    show_props(scene, [box], {1: person.armature}, ImageCache())
    (thing,) = (obj for obj in person.armature.children if obj.name.startswith("Box"))
    assert thing.name not in person_names(characters(scene))[0]


def test_the_scene_and_its_settings_stay_as_they_are(
    scene: Any, drawn: SceneSpec, cpu: Device
) -> None:
    bpy = import_bpy()
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.filepath = "//my_render"
    scene.view_layers.new("second")
    before = {
        block: set(getattr(bpy.data, block).keys())
        for block in ("scenes", "objects", "worlds", "images")
    }
    preview(scene, cpu)
    assert scene.render.engine == "BLENDER_WORKBENCH"
    assert scene.render.filepath == "//my_render"
    assert all(layer.use for layer in scene.view_layers)
    before["images"].add("Render Result")  # Blender's own, made by the first render
    assert before == {block: set(getattr(bpy.data, block).keys()) for block in before}


def test_a_scene_without_a_camera_is_rejected(scene: Any, drawn: SceneSpec, cpu: Device) -> None:
    bpy = import_bpy()
    scene.camera = None
    with pytest.raises(ValueError, match="no camera"):
        preview(scene, cpu)
    assert len(bpy.data.scenes) == 1


def test_a_scene_without_people_has_an_empty_mask(scene: Any, cpu: Device) -> None:
    bpy = import_bpy()
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.resolution_x, scene.render.resolution_y = 32, 24
    shown = preview(scene, cpu)
    assert shown.image.shape == (24, 32, 3)
    assert not shown.instances.any()


def test_image_and_mask_stand_side_by_side_in_one_image(scene: Any) -> None:
    from blender_addon.workbench.preview import GAP, Preview, side_by_side, to_blender

    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = (255, 128, 0)  # the upper left corner
    instances = np.zeros((4, 6), np.uint8)
    instances[3, 5] = 1
    picture = side_by_side(Preview(image, instances))
    assert picture.shape == (4, 12 + GAP, 3)
    assert picture[3, -1].max() > 100  # the person, in a colour of its own
    assert picture[0, -1].max() == 0

    shown = to_blender(picture)
    assert tuple(shown.size) == (12 + GAP, 4)
    pixels = np.array(shown.pixels[:]).reshape(4, 12 + GAP, 4)
    assert np.allclose(
        pixels[3, 0], (1.0, 128 / 255, 0.0, 1.0), atol=1 / 255
    )  # Blender's first row is the lowest

    again = to_blender(picture[:2, :5])
    assert again == shown
    assert tuple(again.size) == (5, 2)
