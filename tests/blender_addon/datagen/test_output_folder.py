from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from blender_addon.datagen.output_folder import (
    FolderContents,
    OutputFolder,
    inspect_folder,
    make_writable,
    origin,
)
from blender_addon.dataset import DatasetError, DatasetWriter
from blender_addon.recipes.recipe import Recipe

RECIPE = Recipe()


def write(
    root: Path, pictures: int, *, recipe: Recipe = RECIPE, seed: int = 0, count: int = 4
) -> None:
    writer = DatasetWriter(
        root, {**origin(recipe, seed), "count": count, "licences": {"body": "CC0"}}
    )
    for index in range(len(writer.done), pictures):
        name = f"masks/{index:06d}.png"
        writer.add({"file_name": "", "mask_file_name": name, "index": index}, {name: b"png"})


def test_a_folder_that_is_not_there_or_empty_holds_nothing(tmp_path):
    for folder in (tmp_path / "new" / "one", tmp_path):
        assert inspect_folder(folder, RECIPE, 0, 4) == OutputFolder(FolderContents.NOTHING)
    assert not (tmp_path / "new").exists()


def test_images_of_the_same_batch_are_counted_as_they_come(tmp_path):
    root = tmp_path / "run"
    for pictures in (0, 1, 3):
        write(root, pictures)
        assert inspect_folder(root, RECIPE, 0, 4) == OutputFolder(FolderContents.PART, pictures)
    write(root, 4)
    assert inspect_folder(root, RECIPE, 0, 4) == OutputFolder(FolderContents.ALL, 4)
    assert inspect_folder(root, RECIPE, 0, 9) == OutputFolder(FolderContents.PART, 4)
    assert inspect_folder(root, RECIPE, 0, 2).contents is FolderContents.ALL


def test_another_recipe_or_seed_is_another_dataset(tmp_path):
    root = tmp_path / "run"
    write(root, 2)
    larger = RECIPE.with_render(width=300)
    renamed = dataclasses.replace(RECIPE, name="mine")
    for recipe, seed, said in (
        (RECIPE, 1, "seed"),
        (larger, 0, "recipe"),
        (renamed, 0, "name and recipe"),
    ):
        found = inspect_folder(root, recipe, seed, 4)
        assert found.contents is FolderContents.OTHER
        assert f"{root}: holds a dataset made with another {said}" in found.reason


def test_the_writer_resumes_the_dataset_that_was_found(tmp_path):
    """A recipe that went through TOML, as the batch's own does, is still the same."""
    root = tmp_path / "run"
    write(
        root,
        2,
        recipe=Recipe(**{f.name: getattr(RECIPE, f.name) for f in dataclasses.fields(RECIPE)}),
    )
    assert inspect_folder(root, RECIPE, 0, 4).contents is FolderContents.PART
    write(root, 4)
    with pytest.raises(DatasetError, match="another seed"):
        write(root, 4, seed=1)


@pytest.mark.parametrize("name", ["letter.txt", "dataset.json"])
def test_strange_things_are_foreign_and_named(tmp_path, name):
    (tmp_path / name).write_text("hello")
    found = inspect_folder(tmp_path, RECIPE, 0, 4)
    assert found.contents is FolderContents.FOREIGN
    assert name in found.reason
    assert str(tmp_path) in found.reason


def test_a_file_is_foreign(tmp_path):
    (tmp_path / "file").write_text("")
    assert inspect_folder(tmp_path / "file", RECIPE, 0, 4).contents is FolderContents.FOREIGN
    assert (
        inspect_folder(tmp_path / "file" / "below", RECIPE, 0, 4).contents
        is not FolderContents.PART
    )


def test_damaged_lines_are_foreign(tmp_path):
    write(tmp_path, 1)
    with (tmp_path / "metadata.jsonl").open("ab") as file:
        file.write(b"damaged\n")
    assert inspect_folder(tmp_path, RECIPE, 0, 4).contents is FolderContents.FOREIGN


def test_a_dataset_of_a_later_version_is_foreign(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"schema_version": 99}))
    assert "schema version" in inspect_folder(tmp_path, RECIPE, 0, 4).reason


def test_prepare_makes_the_folder_and_leaves_nothing_in_it(tmp_path):
    make_writable(tmp_path / "a" / "b")
    make_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below", "nul\0byte"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written") as caught:
        make_writable(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DatasetError, match="Permission denied"):
        make_writable(tmp_path)
