"""The operators of the panel Sample in pip's bpy: repeatable draws, single factors, errors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import blender_addon
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset
from blender_addon.render.compat import import_bpy
from blender_addon.scene.assets import load_assets
from blender_addon.scene.sampling import sample_scene
from blender_addon.scene.spec import SceneSpec

FACTORS = ("pose", "shape", "clothes", "camera", "light", "background")


@pytest.fixture(scope="module")
def bpy() -> Iterator[Any]:
    bpy = import_bpy()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    yield bpy
    blender_addon.unregister()


@pytest.fixture
def scene(bpy: Any) -> Any:
    """The scene that Blender shows: nothing drawn, the preset Everyday, seed and indices 0."""
    from blender_addon.workbench.scene import clear

    scene = bpy.context.scene
    clear(scene)
    bpy.data.batch_remove(bpy.data.objects)
    settings = scene.pii_synth
    bpy.ops.pii_synth.apply_preset(preset="everyday")
    for name in ("seed", "index", *(f"{factor}_index" for factor in FACTORS)):
        setattr(settings, name, 0)
    return scene


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_preset("everyday")


def drawn(scene: Any) -> SceneSpec:
    from blender_addon.workbench.scene import read

    return read(scene)


def numbers(scene: Any) -> list[int]:
    return [getattr(scene.pii_synth, f"{factor}_index") for factor in FACTORS]


def test_draw_scene_shows_the_batchs_image_of_that_index(
    bpy: Any, scene: Any, recipe: Recipe
) -> None:
    scene.pii_synth.seed, scene.pii_synth.index = 3, 5
    assert bpy.ops.pii_synth.draw_scene() == {"FINISHED"}
    expected = sample_scene(recipe, load_assets(recipe), 3, 5)
    shown = drawn(scene)
    assert expected.persons
    assert shown.persons == expected.persons
    assert (shown.light, shown.background) == (expected.light, expected.background)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (
        recipe.render.width,
        recipe.render.height,
    )
    assert numbers(scene) == [5] * 6


def test_stepping_changes_the_index_but_not_below_zero(bpy: Any, scene: Any) -> None:
    assert bpy.ops.pii_synth.draw_scene(step=1) == {"FINISHED"}
    first = drawn(scene)
    assert scene.pii_synth.index == 1
    bpy.ops.pii_synth.draw_scene(step=1)
    assert scene.pii_synth.index == 2
    assert drawn(scene).persons != first.persons
    bpy.ops.pii_synth.draw_scene(step=-1)
    assert drawn(scene).persons == first.persons
    bpy.ops.pii_synth.draw_scene(step=-7)
    assert scene.pii_synth.index == 0


def changed(before: SceneSpec, after: SceneSpec) -> set[str]:
    """The factors that differ."""
    pairs = list(zip(before.persons, after.persons, strict=True))
    differs = {
        "pose": any(a.body.pose[1:] != b.body.pose[1:] for a, b in pairs),
        "shape": any(a.body.betas != b.body.betas for a, b in pairs),
        "clothes": any(a.outfit != b.outfit for a, b in pairs),
        # In a batch the camera comes first; here it is placed before a person, within centimetres.
        "camera": math.dist(before.camera.location, after.camera.location) > 0.03,
        "light": before.light != after.light,
        # A room is as large as what it has to hold.
        "background": dataclasses.replace(before.background, room_size=after.background.room_size)
        != after.background,
    }
    return {factor for factor in FACTORS if differs[factor]}


@pytest.mark.parametrize("factor", FACTORS)
def test_one_factor_is_redrawn_by_itself_and_comes_back_by_its_number(
    bpy: Any, scene: Any, factor: str
) -> None:
    scene.pii_synth.index = 5
    bpy.ops.pii_synth.draw_scene()
    before = drawn(scene)
    assert bpy.ops.pii_synth.redraw(factor=factor) == {"FINISHED"}
    assert numbers(scene) == [6 if other == factor else 5 for other in FACTORS]
    assert changed(before, drawn(scene)) == {factor}

    setattr(scene.pii_synth, f"{factor}_index", 5)
    bpy.ops.pii_synth.redraw(factor=factor, advance=False)
    assert numbers(scene) == [5] * 6
    assert changed(before, drawn(scene)) == set()


def test_only_the_selected_persons_are_redrawn(bpy: Any, scene: Any) -> None:
    from blender_addon.character.character import characters

    bpy.ops.pii_synth.add_person()
    bpy.ops.pii_synth.add_person()
    first, second = characters(scene)
    for obj in scene.objects:
        obj.select_set(obj == second.mesh)
    before = drawn(scene)
    assert bpy.ops.pii_synth.redraw(factor="pose") == {"FINISHED"}
    after = drawn(scene)
    assert after.persons[0] == before.persons[0]
    assert after.persons[1].body.pose != before.persons[1].body.pose
    first.mesh.select_set(True)
    bpy.ops.pii_synth.redraw(factor="clothes")
    assert all(
        a.outfit != b.outfit for a, b in zip(after.persons, drawn(scene).persons, strict=True)
    )


def test_a_recipe_without_people_draws_a_scene_without_people(bpy: Any, scene: Any) -> None:
    count = scene.pii_synth.recipe.people.count
    count.kind, count.value = "constant", 0
    assert bpy.ops.pii_synth.draw_scene() == {"FINISHED"}
    assert drawn(scene).persons == ()
    with pytest.raises(RuntimeError, match="there are no people: draw a scene, or add a person"):
        bpy.ops.pii_synth.redraw(factor="pose")
    assert bpy.ops.pii_synth.redraw(factor="light") == {"FINISHED"}


def test_a_recipe_that_cannot_be_used_greys_the_buttons_out(bpy: Any, scene: Any) -> None:
    height = scene.pii_synth.recipe.camera.height
    height.kind, height.low, height.high = "uniform", 3.0, 1.0
    for operator in (bpy.ops.pii_synth.draw_scene, bpy.ops.pii_synth.redraw):
        assert not operator.poll()
    with pytest.raises(RuntimeError, match=r"camera\.height"):
        bpy.ops.pii_synth.draw_scene()
    assert not scene.objects


def test_a_motion_that_cannot_be_read_is_named_and_nothing_is_changed(
    bpy: Any, scene: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 not an archive")
    bpy.ops.pii_synth.draw_scene()
    before = drawn(scene)
    poses = scene.pii_synth.recipe.poses
    poses.motions.paths.add().path = str(broken)
    poses.motion_share = 1.0
    with pytest.raises(RuntimeError, match=r"broken\.npz"):
        bpy.ops.pii_synth.draw_scene(step=1)
    assert scene.pii_synth.index == 0
    assert drawn(scene).persons == before.persons


def test_clear_scene_takes_the_draw_away_and_nothing_else(bpy: Any, scene: Any) -> None:
    mine = bpy.data.objects.new("Mine", bpy.data.meshes.new("Mine"))
    scene.collection.objects.link(mine)
    assert not bpy.ops.pii_synth.clear_scene.poll()
    bpy.ops.pii_synth.draw_scene()
    assert len(scene.objects) > 1
    assert bpy.ops.pii_synth.clear_scene() == {"FINISHED"}
    assert list(scene.objects) == [mine]


def test_undo_takes_a_draw_back(bpy: Any, scene: Any) -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.pii_synth.draw_scene()
    bpy.ops.ed.undo_push(message="draw")
    assert bpy.context.scene.objects
    bpy.ops.ed.undo()
    assert not bpy.context.scene.objects
    bpy.ops.ed.redo()
    assert drawn(bpy.context.scene).persons
