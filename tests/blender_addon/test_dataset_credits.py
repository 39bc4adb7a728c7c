"""Licences and authors of what a dataset shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from blender_addon.dataset import ATTRIBUTION_NAME, DatasetError, DatasetWriter, read_info
from blender_addon.dataset_credits import LONGEST, attribution, united

INFO = {"seed": 1, "count": 2, "licences": {"body default": "CC0-1.0"}}
COAT = {"clothes coat": "CC-BY-3.0"}
PUNK = {"clothes coat": {"author": "punkduck", "source": "packs/coat"}}


def words(root: Path) -> str:
    return (root / ATTRIBUTION_NAME).read_text()


def test_a_dataset_without_works_of_others_has_no_attribution(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, INFO)
    assert not (tmp_path / ATTRIBUTION_NAME).exists()
    assert "credits" not in read_info(tmp_path)


def test_works_are_named_with_author_licence_and_source(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    info = read_info(tmp_path)
    assert info["licences"] == INFO["licences"] | COAT
    assert info["credits"] == PUNK
    (row,) = [line for line in words(tmp_path).splitlines() if "coat" in line]
    address = "https://creativecommons.org/licenses/by/3.0/"
    assert row == f"| clothes coat | punkduck | [CC-BY-3.0]({address}) | packs/coat |"


def test_writers_of_one_dataset_add_up(tmp_path: Path) -> None:
    first, second = DatasetWriter(tmp_path, INFO), DatasetWriter(tmp_path, INFO)
    first.credit(COAT, PUNK)
    second.credit({"hair bob": "CC0-1.0"}, {"hair bob": {"author": "A. N. Author"}})
    first.credit(COAT, PUNK)  # nothing new: nothing is written over
    assert read_info(tmp_path)["credits"].keys() == {"clothes coat", "hair bob"}
    assert "punkduck" in words(tmp_path)
    assert "A. N. Author" in words(tmp_path)
    # They decide no image: the dataset is continued, and they stay.
    DatasetWriter(tmp_path, INFO)
    assert read_info(tmp_path)["licences"].keys() == {"body default", "clothes coat", "hair bob"}


def test_a_killed_run_leaves_no_work_without_words(tmp_path: Path, monkeypatch) -> None:
    writer = DatasetWriter(tmp_path, INFO)

    def killed(path: Path, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt(path.name)

    monkeypatch.setattr("blender_addon.dataset.write_atomically", killed)
    with pytest.raises(KeyboardInterrupt, match=r"dataset\.json"):
        writer.credit(COAT, PUNK)
    monkeypatch.undo()
    assert "punkduck" in words(tmp_path)
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    assert read_info(tmp_path)["credits"] == PUNK


def test_attribution_that_was_deleted_is_written_again(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    (tmp_path / ATTRIBUTION_NAME).unlink()
    DatasetWriter(tmp_path, INFO)
    assert "punkduck" in words(tmp_path)


def test_overwriting_removes_it(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    DatasetWriter(tmp_path, INFO | {"seed": 2}, overwrite=True)
    assert not (tmp_path / ATTRIBUTION_NAME).exists()


def test_a_dataset_that_differs_keeps_its_own(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    with pytest.raises(DatasetError):
        DatasetWriter(tmp_path, {**INFO, "seed": 2, "credits": {"hair bob": {}}})
    assert "bob" not in words(tmp_path)


@pytest.mark.parametrize("author", ["a|b\n# c", "[x](http://y)", "<script>", "\x1b[0m", "a" * 9999])
def test_names_from_files_are_text_and_no_markup(author: str) -> None:
    text = attribution({"credits": {"coat": {"author": author}}})
    row = text.splitlines()[-1]
    assert len(text.splitlines()) == len(attribution({"credits": {"coat": {}}}).splitlines())
    plain = re.sub(r"\\.", "", row)
    assert plain.count("|") == 5
    assert not set("<>[]`*\x1b") & set(plain)
    assert len(row) < 2 * LONGEST


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_damaged_values_are_left_out(tmp_path: Path, value: object) -> None:
    assert united([{"credits": value}, {"credits": PUNK}]) == {"credits": PUNK}
    DatasetWriter(tmp_path, INFO)
    info = read_info(tmp_path) | {"credits": value}
    (tmp_path / "dataset.json").write_text(json.dumps(info))
    DatasetWriter(tmp_path, INFO).credit(COAT, PUNK)
    assert read_info(tmp_path)["credits"] == PUNK
