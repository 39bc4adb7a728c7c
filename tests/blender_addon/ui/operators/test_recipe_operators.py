"""The operators of the panel Recipe in pip's bpy: presets, files, lists of paths, errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

import blender_addon
from blender_addon.recipes.recipe import Recipe
from blender_addon.recipes.toml_io import load_preset, load_recipe
from blender_addon.ui.operators.recipe import BROWSE
from blender_addon.ui.properties.recipe_fields import Paths
from blender_addon.ui.properties.recipe_settings import (
    SECTIONS,
    from_recipe,
    recipe_error,
    to_recipe,
)

operators = bpy.ops.pii_synth


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    blender_addon.register()
    yield
    blender_addon.unregister()


@pytest.fixture
def panel() -> Any:
    """The properties of a new scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene.pii_synth.recipe


def test_preset_is_applied_whole(panel: Any) -> None:
    panel.camera.height.kind = "constant"
    assert operators.apply_preset(preset="street") == {"FINISHED"}
    assert to_recipe(panel) == load_preset("street")


def test_unknown_preset_is_rejected_with_the_list(panel: Any) -> None:
    with pytest.raises(RuntimeError, match="no preset 'rural'; there are: close, dashcam"):
        operators.apply_preset(preset="rural")
    assert to_recipe(panel) == Recipe()


def test_a_saved_recipe_is_read_by_the_command_line(panel: Any, tmp_path: Path) -> None:
    operators.apply_preset(preset="close")
    panel.name = "mine"
    panel.camera.roll.kind = "constant"
    panel.camera.roll.value = 0.1
    panel.wardrobe.garments.part_0 = {"dress", "t-shirt"}
    panel.poses.motions.paths.add().path = str(tmp_path)

    assert operators.save_recipe(filepath=str(tmp_path / "mine")) == {"FINISHED"}

    saved = tmp_path / "mine.toml"
    assert list(tmp_path.iterdir()) == [saved], "the ending is added, and nothing temporary stays"
    assert "# Angle by which a person" in saved.read_text(encoding="utf-8"), "with comments"
    recipe = load_recipe(saved)
    assert recipe == to_recipe(panel)
    assert recipe.name == "mine"
    assert recipe.camera.roll.values == (0.1,)

    operators.apply_preset(preset="everyday")
    assert operators.load_recipe(filepath=str(saved)) == {"FINISHED"}
    assert to_recipe(panel) == recipe


def test_saving_overwrites_and_keeps_an_ending_in_capitals(panel: Any, tmp_path: Path) -> None:
    path = tmp_path / "MINE.TOML"
    path.write_text("old")
    operators.save_recipe(filepath=str(path))
    assert load_recipe(path) == dataclasses.replace(Recipe(), name="everyday")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"recipe\.toml: cannot be read"),
        (b"a\xff\xfe", r"recipe\.toml: line 1 is not UTF-8 text"),
        (b"[people", r"recipe\.toml: not valid TOML"),
        (b"[people]\ncuont = 1", r"recipe\.toml: people\.cuont: unknown key"),
        (
            b"[poses]\nmotions = 'gone'",
            r"recipe\.toml: poses\.motions: no such file or folder: .*gone",
        ),
    ],
)
def test_bad_file_is_named_and_changes_nothing(
    panel: Any, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    from_recipe(panel, load_preset("street"))
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=complaint):
        operators.load_recipe(filepath=str(path))
    assert to_recipe(panel) == load_preset("street")


@pytest.mark.parametrize("target", ["absent/mine.toml", "folder.toml"])
def test_unwritable_target_is_named(panel: Any, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(
        RuntimeError, match=rf"{target}: cannot be written \(.*\); choose another folder"
    ):
        operators.save_recipe(filepath=str(tmp_path / target))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.toml"]


def test_a_wrong_recipe_greys_out_save_with_the_reason(panel: Any, tmp_path: Path) -> None:
    panel.people.count.low = 9
    assert not operators.save_recipe.poll()
    with pytest.raises(RuntimeError, match=r"people\.count: empty range"):
        operators.save_recipe(filepath=str(tmp_path / "mine.toml"))
    assert not list(tmp_path.iterdir())


def test_section_is_reset_alone(panel: Any) -> None:
    operators.apply_preset(preset="street")
    panel.people.in_frame = 0.1
    panel.light.sun_share = 0.1
    assert operators.reset_recipe_section(section="people") == {"FINISHED"}
    recipe = to_recipe(panel)
    assert recipe.people == load_preset("street").people
    assert recipe.light.sun_share == 0.1
    with pytest.raises(RuntimeError, match="No section 'cars'; there are: people, bodies"):
        operators.reset_recipe_section(section="cars")


def test_every_list_of_paths_can_be_browsed_for() -> None:
    lists = {
        field.key for fields in SECTIONS.values() for field in fields if isinstance(field, Paths)
    }
    assert set(BROWSE) == lists


def test_files_or_their_folder_are_added_once_and_removed(panel: Any, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).touch()
    chosen = [{"name": "a.npz"}, {"name": "b.npz"}]
    for _ in range(2):
        operators.add_recipe_path(key="poses.motions", directory=str(tmp_path), files=chosen)
    operators.add_recipe_path(key="poses.motions", directory=str(tmp_path), files=[{"name": ""}])
    expected = (str(tmp_path / "a.npz"), str(tmp_path / "b.npz"), str(tmp_path))
    assert to_recipe(panel).poses.motions == expected
    operators.remove_recipe_path(key="poses.motions", index=1)
    assert to_recipe(panel).poses.motions == (expected[0], expected[2])


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            lambda: operators.add_recipe_path(key="poses.motions", directory="/nowhere"),
            "/nowhere: no such file",
        ),
        (
            lambda: operators.add_recipe_path(key="poses.noise", directory="/"),
            "No list of paths 'poses.noise'",
        ),
        (
            lambda: operators.remove_recipe_path(key="", index=0),
            "No list of paths ''; there are: bodies.models",
        ),
        (lambda: operators.remove_recipe_path(key="poses.motions", index=0), "has 0 paths"),
    ],
)
def test_wrong_paths_are_rejected_in_a_sentence(panel: Any, call: Any, complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint):
        call()
    assert to_recipe(panel) == Recipe()


def test_a_dropped_toml_is_loaded(panel: Any) -> None:
    handler = bpy.types.PII_SYNTH_FH_recipe
    assert handler.bl_import_operator == "pii_synth.load_recipe"
    assert handler.bl_file_extensions == ".toml"


def test_undo_brings_the_recipe_back(panel: Any) -> None:
    bpy.ops.ed.undo_push(message="before")
    operators.apply_preset(preset="street")
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    panel = bpy.context.scene.pii_synth.recipe
    assert to_recipe(panel) == Recipe()
    assert recipe_error(panel) is None
