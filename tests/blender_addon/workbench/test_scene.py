"""A draw in the artist's own scene: shown, read back, cleared; the artist's objects are kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.recipes.recipe import Recipe
from blender_addon.render.image_files import encode_png
from blender_addon.scene.assets import Assets
from blender_addon.scene.camera import angles, orientation
from blender_addon.scene.resampling import FACTORS, resample
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import (
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    PropSpec,
    SceneSpec,
    SurfaceSpec,
)

SEED = 5
GREY = SurfaceSpec("plain", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), 1.0, 0.8)
STUDIO = LightSpec("hdri", hdri="builtin:studio")
BLOCKS = (
    *(
        "objects",
        "meshes",
        "armatures",
        "worlds",
        "images",
        "materials",
        "node_groups",
        "lights",
        "cameras",
    ),
    *("collections", "shape_keys", "actions"),
)


@pytest.fixture
def draw(recipe: Recipe, assets: Assets) -> Callable[[int], SceneSpec]:
    return lambda index: sample_scene(recipe, assets, SEED, index)


def counts(bpy: Any) -> dict[str, int]:
    return {name: len(getattr(bpy.data, name)) for name in BLOCKS}


def box(x: float, owner: int = 0) -> PropSpec:
    return PropSpec("box", (x, 1.0, 0.0), (0.0, 0.0, 30.0), (0.5, -0.6, 0.7), GREY, owner)


def same_camera(a: CameraSpec, b: CameraSpec) -> None:
    np.testing.assert_allclose(a.location, b.location, atol=1e-5)
    np.testing.assert_allclose(orientation(a), orientation(b), atol=1e-6)
    assert (a.fov, a.f_stop, a.shutter) == pytest.approx((b.fov, b.f_stop, b.shutter), rel=1e-5)
    if a.f_stop:
        assert a.focus_distance == pytest.approx(b.focus_distance, rel=1e-5)


@pytest.mark.parametrize("index", [1, 2, 6])  # a room, a panorama with things, depth of field
def test_a_shown_scene_is_read_back(scene: Any, assets: Assets, draw: Any, index: int) -> None:
    from blender_addon.workbench.scene import read, show

    spec = draw(index)
    assert spec.persons
    show(spec, scene, assets)
    again = read(scene)
    same_camera(again.camera, spec.camera)
    assert set(again.props) == set(spec.props)
    assert dataclasses.replace(again, camera=spec.camera, props=spec.props) == spec


def test_fifty_draws_and_redraws_leave_nothing_behind(
    bpy: Any, scene: Any, recipe: Recipe, assets: Assets, draw: Any
) -> None:
    from blender_addon.workbench.scene import clear, read, show

    empty = counts(bpy)
    specs = [draw(index) for index in (0, 1, 2)]
    for spec in specs:  # shared materials are made, and the file has its first draw
        show(spec, scene, assets)
    before = counts(bpy)
    for _ in range(5):
        for spec in specs:
            show(spec, scene, assets)
    assert counts(bpy) == before
    for index in range(6):
        for factor in FACTORS:
            show(
                resample(read(scene), factor, recipe, assets, SEED, index), scene, assets, (factor,)
            )
    show(specs[-1], scene, assets)
    assert counts(bpy) == before
    names = {obj.name for obj in scene.objects}
    assert not [
        name for name in names if name.startswith(("PII", "Ground")) and name.endswith("001")
    ]
    clear(scene)
    shared = {"materials", "node_groups", "images"}  # images: Blender's own Render Result
    assert {k: v for k, v in counts(bpy).items() if k not in shared} == {
        k: v for k, v in empty.items() if k not in shared
    }


def test_the_artists_own_objects_are_kept_and_restored(
    bpy: Any, scene: Any, assets: Assets, draw: Any
) -> None:
    from blender_addon.workbench.scene import artists_objects, clear, is_empty, show

    world = bpy.data.worlds.new("Mine")
    scene.world = world
    camera = bpy.data.objects.new("My camera", bpy.data.cameras.new("My camera"))
    cube = bpy.data.objects.new("My cube", bpy.data.meshes.new("My cube"))
    for obj in (camera, cube):
        scene.collection.objects.link(obj)
    scene.camera = camera
    cube.location, camera.location = (1, 2, 3), (4, 5, 6)
    assert is_empty(scene)

    for index in (0, 1):
        show(draw(index), scene, assets)
    assert not is_empty(scene)
    assert scene.camera.name == "PII camera" and scene.world.name == "PII world"
    assert world.users == 1, "our world refers to it, so that it is saved with the file"
    assert artists_objects(scene) == [cube]
    assert tuple(cube.location) == (1, 2, 3) and tuple(camera.location) == (4, 5, 6)

    hat = bpy.data.objects.new("Hat", bpy.data.meshes.new("Hat"))
    scene.collection.objects.link(hat)
    hat.parent = next(obj for obj in scene.objects if obj.type == "ARMATURE")
    clear(scene)
    assert (scene.camera, scene.world) == (camera, world)
    assert {obj.name for obj in scene.objects} == {"My cube", "My camera", "Hat"}
    assert is_empty(scene)


def test_a_scene_without_world_and_camera_has_none_again(
    scene: Any, assets: Assets, draw: Any
) -> None:
    from blender_addon.workbench.scene import clear, show

    scene.world = None
    show(draw(0), scene, assets)
    clear(scene)
    assert scene.world is None and scene.camera is None and not scene.objects
    clear(scene)


def test_characters_are_kept_from_draw_to_draw(scene: Any, assets: Assets, draw: Any) -> None:
    from blender_addon.character.character import characters
    from blender_addon.workbench.scene import show

    few, many = draw(0), draw(2)
    assert len(few.persons) < len(many.persons)
    show(few, scene, assets)
    first = characters(scene)[0].armature.as_pointer()
    show(many, scene, assets)
    assert [person.number for person in characters(scene)] == [p.id for p in many.persons]
    assert characters(scene)[0].armature.as_pointer() == first
    show(few, scene, assets)
    assert [person.number for person in characters(scene)] == [p.id for p in few.persons]


def test_a_scaled_person_is_rejected_by_name_and_repaired_by_the_next_draw(
    bpy: Any, scene: Any, assets: Assets, draw: Any
) -> None:
    from blender_addon.character.character import characters
    from blender_addon.workbench.scene import read, show

    show(draw(0), scene, assets)
    person = characters(scene)[0]
    person.armature.scale = (2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match=person.armature.name):
        read(scene)
    show(draw(0), scene, assets)
    assert read(scene).persons == draw(0).persons


def has_company_and_things(spec: SceneSpec) -> bool:
    return len(spec.persons) > 1 and any(prop.owner == 0 for prop in spec.props)


def test_a_redraw_changes_only_its_factor(
    scene: Any, recipe: Recipe, assets: Assets, draw: Any
) -> None:
    """The artist has posed one person, moved a thing and the camera."""
    from blender_addon.character.character import characters
    from blender_addon.workbench.props import is_prop
    from blender_addon.workbench.scene import read, show

    show(next(spec for spec in map(draw, range(40)) if has_company_and_things(spec)), scene, assets)
    bone = characters(scene)[0].armature.pose.bones["left_elbow"]
    bone.rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    thing = next(obj for obj in scene.objects if is_prop(obj) and obj.parent is None)
    thing.location.x += 1.5
    scene.camera.location.z += 0.25
    before = read(scene)
    pointer = thing.as_pointer()

    show(resample(before, "pose", recipe, assets, SEED, 9, {2}), scene, assets, ("pose",))
    after = read(scene)
    assert tuple(
        characters(scene)[0].armature.pose.bones["left_elbow"].rotation_quaternion
    ) == pytest.approx((0.8, 0.6, 0.0, 0.0))
    assert after.persons[0] == before.persons[0] and after.persons[1] != before.persons[1]
    assert after.camera == before.camera
    assert any(obj.as_pointer() == pointer for obj in scene.objects)
    assert {p for p in after.props if not p.owner} == {p for p in before.props if not p.owner}


def test_props_may_be_moved_turned_scaled_copied_and_deleted(
    bpy: Any, scene: Any, assets: Assets, draw: Any
) -> None:
    from blender_addon.workbench.props import is_prop
    from blender_addon.workbench.scene import read, show

    show(
        dataclasses.replace(draw(0), persons=(), props=(box(0.0), box(2.0), box(4.0))),
        scene,
        assets,
    )
    first, second, third = sorted(
        (o for o in scene.objects if is_prop(o)), key=lambda o: o.location.x
    )
    assert first.name.startswith("Box")
    first.location = (0.0, 3.0, 0.5)
    first.rotation_euler = (0.0, 0.0, math.radians(50))
    first.scale = (2.0, 1.0, 1.0)
    copy = second.copy()
    copy.location.y = 7.0
    scene.collection.objects.link(copy)
    third_name = third.name
    bpy.data.objects.remove(third)

    props = read(scene).props
    assert third_name not in scene.objects
    assert box(2.0) in props
    copied = next(p for p in props if p.location[1] == pytest.approx(7.0))
    assert copied.location == pytest.approx((2.0, 7.0, 0.0))
    assert (copied.rotation, copied.size) == (box(2.0).rotation, box(2.0).size), "only moved"
    moved = next(p for p in props if p.location[2] == pytest.approx(0.5))
    assert moved.location == pytest.approx((0.0, 3.0, 0.5))
    assert moved.rotation == pytest.approx((0.0, 0.0, 50.0), abs=1e-3)
    assert moved.size == pytest.approx((1.0, -0.6, 0.7), rel=1e-5)
    assert len(props) == 3


def test_props_of_a_person_move_with_the_person(
    bpy: Any, scene: Any, assets: Assets, draw: Any
) -> None:
    from blender_addon.character.character import characters
    from blender_addon.workbench.scene import read, show

    spec = draw(0)
    show(dataclasses.replace(spec, props=(box(1.0, owner=1), box(3.0))), scene, assets)
    armature = characters(scene)[0].armature
    armature.location.x += 2.0
    bpy.context.view_layer.update()
    own, other = read(scene).props
    assert own.owner == 1 and own.location == pytest.approx((3.0, 1.0, 0.0), abs=1e-5)
    assert own.rotation == pytest.approx((0.0, 0.0, 30.0), abs=1e-3)
    assert other == box(3.0)


def test_hidden_persons_are_not_read_and_come_back_with_the_next_draw(
    scene: Any, recipe: Recipe, assets: Assets, draw: Any
) -> None:
    from blender_addon.character.character import characters
    from blender_addon.workbench.scene import read, show

    spec = draw(2)
    show(spec, scene, assets)
    characters(scene)[0].mesh.hide_render = True
    partial = read(scene)
    assert [p.id for p in partial.persons] == [p.id for p in spec.persons[1:]]
    show(resample(partial, "clothes", recipe, assets, SEED, 8), scene, assets, ("clothes",))
    assert len(characters(scene)) == len(spec.persons), "a hidden person is not deleted by a redraw"
    show(spec, scene, assets)
    assert read(scene).persons == spec.persons


def test_a_scene_that_was_never_drawn_reads_as_it_is(bpy: Any, scene: Any, assets: Assets) -> None:
    from blender_addon.character.character import Character
    from blender_addon.workbench.scene import read

    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = (
        200,
        100,
        50,
    )
    scene.pii_synth.seed, scene.pii_synth.index = 3, 4
    Character.add(scene, assets.bodies["default"], "default", assets.poser)
    spec = read(scene)
    assert (spec.width, spec.height, spec.seed, spec.index) == (100, 50, 3, 4)
    assert len(spec.persons) == 1 and spec.props == ()
    scene.pii_synth.draft = "{"
    assert read(scene) == spec


LENSES = [
    ("HORIZONTAL", 36.0, 24.0, 1.0),
    ("VERTICAL", 36.0, 24.0, 1.0),
    ("AUTO", 30.0, 24.0, 1.0),
    ("AUTO", 30.0, 24.0, 2.0),
]


@pytest.mark.parametrize(("fit", "width", "height", "aspect"), LENSES)
@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_any_camera_of_the_artist_is_read_as_blender_sees_through_it(
    bpy: Any,
    scene: Any,
    fit: str,
    width: float,
    height: float,
    aspect: float,
    size: tuple[int, int],
) -> None:
    from blender_addon.workbench.scene import read

    obj = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(obj)
    scene.camera = obj
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.pixel_aspect_x = aspect
    obj.data.sensor_fit, obj.data.sensor_width, obj.data.sensor_height = fit, width, height
    obj.data.lens = 40.0
    carrier = bpy.data.objects.new("Dolly", None)
    scene.collection.objects.link(carrier)
    carrier.location, carrier.rotation_euler = (1, 2, 0.5), (0, 0, 0.7)
    obj.parent = carrier
    obj.rotation_euler = (1.3, 0.2, -0.4)
    target = bpy.data.objects.new("Focus", None)
    scene.collection.objects.link(target)
    obj.data.dof.use_dof, obj.data.dof.aperture_fstop, obj.data.dof.focus_object = True, 2.0, target
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.5
    scene.render.fps = 25

    camera = read(scene).camera
    depsgraph = bpy.context.evaluated_depsgraph_get()
    matrix = obj.calc_matrix_camera(depsgraph, x=size[0], y=size[1], scale_x=aspect, scale_y=1.0)
    assert camera.fov == pytest.approx(math.degrees(2 * math.atan(1 / matrix[0][0])), rel=1e-5)
    ahead = orientation(camera)[:, 1]
    np.testing.assert_allclose(ahead, -np.array(obj.matrix_world.to_3x3())[:, 2], atol=1e-6)
    np.testing.assert_allclose(
        orientation(camera)[:, 0], np.array(obj.matrix_world.to_3x3())[:, 0], atol=1e-6
    )
    assert camera.location == pytest.approx((1, 2, 0.5))
    assert (camera.f_stop, camera.shutter) == pytest.approx((2.0, 0.02))
    assert camera.focus_distance == pytest.approx(
        abs(float(ahead @ np.array([-1, -2, -0.5]))), rel=1e-5
    )


@settings(max_examples=50, deadline=None)
@given(yaw=st.floats(-180, 180), pitch=st.floats(-90, 90), roll=st.floats(-179, 179))
def test_angles_are_those_of_the_orientation(yaw: float, pitch: float, roll: float) -> None:
    R = orientation(CameraSpec((0, 0, 0), yaw, pitch, roll, 50))
    again = orientation(CameraSpec((0, 0, 0), *angles(R), 50))
    np.testing.assert_allclose(again, R, atol=1e-6)


def test_the_photo_is_shown_behind_the_people(
    bpy: Any, scene: Any, assets: Assets, draw: Any, tmp_path: Path
) -> None:
    from blender_addon.workbench.scene import clear, show

    photo = np.zeros((60, 80, 3), np.uint8)
    photo[:, 40:] = (255, 0, 0)
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(photo))
    background = BackgroundSpec("photo", photo=str(path), photo_flip=True)
    for _ in range(2):
        show(dataclasses.replace(draw(0), background=background, light=STUDIO), scene, assets)
    data = scene.camera.data
    assert data.show_background_images and len(data.background_images) == 1
    image = data.background_images[0].image
    assert image.packed_file is not None, "it is saved with the file"
    width, height = image.size
    pixels = np.array(image.pixels[:]).reshape(height, width, 4)
    assert pixels[:, width // 4, 0].min() > 0.99 and pixels[:, 3 * width // 4, 0].max() < 0.01
    assert scene.render.film_transparent
    catcher = next(obj for obj in scene.objects if obj.is_shadow_catcher)
    assert catcher.display_type == "WIRE", "the photograph is seen through it"

    show(dataclasses.replace(draw(0), background=BackgroundSpec("plain")), scene, assets)
    assert not data.background_images and path.name not in bpy.data.images
    clear(scene)
    assert not scene.render.film_transparent


@pytest.mark.parametrize(
    "change",
    [
        {"light": LightSpec("hdri", hdri="/nowhere/sky.exr")},
        {"background": BackgroundSpec("photo", photo="/nowhere/wall.jpg")},
    ],
)
def test_a_missing_file_is_named_and_nothing_is_changed(
    bpy: Any, scene: Any, assets: Assets, draw: Any, change: dict[str, Any]
) -> None:
    from blender_addon.workbench.scene import read, show

    spec = dataclasses.replace(draw(0), light=STUDIO)
    show(spec, scene, assets)
    before, blocks = read(scene), counts(bpy)
    with pytest.raises(FileNotFoundError, match="/nowhere/"):
        show(dataclasses.replace(draw(1), **{"light": STUDIO, **change}), scene, assets)
    assert (read(scene), counts(bpy)) == (before, blocks)


def test_a_panorama_that_is_no_image_leaves_the_world_as_it_was(
    bpy: Any, scene: Any, assets: Assets, draw: Any, tmp_path: Path
) -> None:
    from blender_addon.workbench.scene import show

    bad = tmp_path / "bad.exr"
    bad.write_text("no panorama")
    show(dataclasses.replace(draw(0), light=STUDIO), scene, assets)
    world, count = scene.world, len(bpy.data.worlds)
    spec = dataclasses.replace(
        draw(0), light=LightSpec("hdri", hdri=str(bad)), background=BackgroundSpec("hdri")
    )
    with pytest.raises(ValueError, match=r"bad\.exr"):
        show(spec, scene, assets, ("light",))
    assert scene.world == world and len(bpy.data.worlds) == count


def test_a_saved_file_has_its_light(
    bpy: Any, scene: Any, assets: Assets, draw: Any, tmp_path: Path
) -> None:
    """The small panorama that lights exists in memory alone, until it is packed."""
    from blender_addon.workbench.scene import read, show

    spec = dataclasses.replace(draw(2), light=STUDIO)
    assert spec.background.kind == "hdri"
    show(spec, scene, assets)
    images = [n.image for n in scene.world.node_tree.nodes if n.type == "TEX_ENVIRONMENT"]
    small = min(images, key=lambda image: image.size[0])
    name, before = small.name, np.array(small.pixels[:])
    assert before.max() > 1.0, "as bright as the panorama, not cut at white"
    path = tmp_path / "saved.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    again = bpy.data.images[name]
    np.testing.assert_allclose(np.array(again.pixels[:]), before, rtol=1e-3, atol=1e-4)
    loaded = read(bpy.context.scene)
    assert loaded.persons == spec.persons and loaded.light == spec.light
    show(draw(1), bpy.context.scene, assets)
