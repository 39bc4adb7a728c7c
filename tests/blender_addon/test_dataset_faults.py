"""The dataset contract under faults: writers that interleave, kills, damaged and foreign files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.dataset import (
    DatasetError,
    DatasetWriter,
    done_indices,
    iter_left_out,
    iter_lines,
    printable,
    read_info,
    unicode_name,
)
from blender_addon.dataset_lines import SeenIndices, encode_line
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

COUNT = 8
INFO = {"seed": 1, "count": COUNT, "recipe": {"name": "test", "people": {"count": 1}}}


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def add(writer: DatasetWriter, index: int) -> bool:
    name = f"masks/{index:06d}.png"
    line = {"file_name": f"images/{index:06d}.jpg", "mask_file_name": name, "index": index}
    return writer.add(line, {name: b"mask"})


def indices(root: Path) -> list[int]:
    return [line["index"] for line in iter_lines(root)]


def whole(root: Path) -> DatasetWriter:
    writer = DatasetWriter(root, INFO)
    for index in range(COUNT):
        add(writer, index)
    assert writer.finish()
    return writer


def append(root: Path, content: bytes, name: str = "metadata.jsonl") -> None:
    with (root / name).open("ab") as file:
        file.write(content)


def test_an_index_that_another_writer_has_listed_is_not_listed_again(tmp_path):
    first, second = DatasetWriter(tmp_path, INFO), DatasetWriter(tmp_path, INFO)
    assert add(first, 3)
    assert not add(second, 3)
    assert not second.leave_out(3, "too small")
    assert second.leave_out(4, "too small")
    assert not add(first, 4)
    assert first.done == second.done == {3, 4}
    assert indices(tmp_path) == [3]
    assert list(iter_left_out(tmp_path)) == [(4, "too small")]


def test_a_writer_notices_what_was_listed_before_another_sorted_the_lines(tmp_path):
    late = DatasetWriter(tmp_path, INFO)
    other = DatasetWriter(tmp_path, INFO)
    for index in reversed(range(COUNT)):
        add(other, index)
    assert other.finish()
    assert not add(late, 0) and not add(late, COUNT - 1)
    assert indices(tmp_path) == list(range(COUNT))


@pytest.mark.parametrize("of_two", [("metadata.jsonl", "metadata"), ("left_out.jsonl", "out")])
def test_an_index_that_is_there_twice_is_refused_with_a_remedy(tmp_path, of_two):
    writer = whole(tmp_path)
    line = (tmp_path / "metadata.jsonl").read_bytes().splitlines(keepends=True)[2]
    append(tmp_path, line if of_two[1] == "metadata" else b'{"index":2,"reason":"x"}\n', of_two[0])
    for read in (
        lambda: done_indices(tmp_path),
        writer.finish,
        lambda: DatasetWriter(tmp_path, INFO),
        *([lambda: indices(tmp_path)] if of_two[1] == "metadata" else []),
    ):
        with pytest.raises(DatasetError, match=r"index 2 is listed twice \(line 3 of .* keep one"):
            read()


def test_a_dataset_with_a_gap_is_not_finished(tmp_path):
    writer = whole(tmp_path)
    path = tmp_path / "metadata.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    gap = json.dumps(json.loads(lines[2]) | {"index": 99}).encode() + b"\n"
    path.write_bytes(b"".join([*lines[:2], gap, *lines[3:]]))
    assert not writer.finish()  # as many lines as images, but not of every index
    again = DatasetWriter(tmp_path, INFO)
    assert add(again, 2)
    assert again.finish()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"3\n", "line 9 is damaged .expected an object"),
        (b"{}\n", "line 9 has no index"),
        (b'{"index": -1}\n', "line 9 is damaged"),
        (b'{"index": true}\n', "line 9 is damaged"),
        (b'{"index": 1e999}\n', "line 9 is damaged"),
        (b'{"index": 9, "area": NaN}\n', "line 9 is damaged .NaN is no JSON"),
        (b'{"index": ' + b"9" * 5000 + b"}\n", "line 9 is damaged"),
        (b'{"index": 9, "x": ' + b"[" * 100_000 + b"\n", "line 9 is damaged"),
        (b'{"index": 9, "name": "caf\xe9"}\n', "line 9 is damaged"),
        (b"\0" * 100 + b"\n", "line 9 is damaged"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path, line, said):
    whole(tmp_path)
    append(tmp_path, line)
    with pytest.raises(DatasetError, match=said) as caught:
        indices(tmp_path)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 500


def test_a_line_without_an_end_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("blender_addon.dataset_lines.LONGEST_LINE", 1000)
    whole(tmp_path)
    append(tmp_path, b"x" * 5000)
    with pytest.raises(DatasetError, match="a line is longer than"):
        indices(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b'{"schema_version": 1, "count": "many"}',
        b'{"schema_version": 1, "count": -1}',
        b'{"schema_version": 1, "count": 1.5}',
        b'{"schema_version": 1, "count": NaN}',
        b'{"schema_version": 1, "x": ' + b"[" * 100_000,
        b'{"schema_version": 1, "count": ' + b"9" * 5000 + b"}",
        b"caf\xe9",
    ],
)
def test_a_damaged_dataset_json_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content)
    for use in (read_info, lambda root: DatasetWriter(root, INFO)):
        with pytest.raises(DatasetError, match=r"dataset\.json") as caught:
            use(tmp_path)
        assert len(str(caught.value)) < 500


def test_a_dataset_json_with_a_mark_is_read(tmp_path):
    whole(tmp_path)
    path = tmp_path / "dataset.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_info(tmp_path)["count"] == COUNT
    assert DatasetWriter(tmp_path, INFO).done == set(range(COUNT))


def test_the_difference_of_two_recipes_is_named(tmp_path):
    DatasetWriter(tmp_path, INFO)
    other = INFO | {"seed": 2, "recipe": {"name": "test", "people": {"count": 5}}}
    with pytest.raises(
        DatasetError, match=r"recipe\.people\.count was 1 and is 5, seed was 1 and is 2"
    ):
        DatasetWriter(tmp_path, other)


def test_a_fingerprint_that_others_name_stays_when_the_dataset_is_resumed(tmp_path):
    """An earlier version counted the licences, and stored another hash."""
    DatasetWriter(tmp_path, INFO)
    info = read_info(tmp_path) | {"fingerprint": "of an earlier version", "licences": {"a": "b"}}
    (tmp_path / "dataset.json").write_text(json.dumps(info))
    DatasetWriter(tmp_path, INFO | {"licences": {"c": "d"}})
    assert read_info(tmp_path) == info


def test_names_that_are_not_utf_8_are_escaped_in_lines(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    name = os.fsdecode(b"caf\xe9.png")
    line = {"file_name": "a", "mask_file_name": "b", "index": 0, "background": {"photo": name}}
    writer.add(line | {"list": [name, "ö😀", 1.5, None]}, {})
    (read,) = iter_lines(tmp_path)
    assert read["background"] == {"photo": "caf\\xe9.png"}
    assert read["list"] == ["caf\\xe9.png", "ö😀", 1.5, None]
    (tmp_path / "metadata.jsonl").read_bytes().decode().encode()  # whole Unicode, as readers want


@fuzz_settings
@given(st.text())
def test_any_name_is_unicode_on_one_line(name):
    assert json.loads(encode_line({"name": name}))["name"] == unicode_name(name)
    assert len(printable(name).encode().decode("utf-8").split("\n")) == 1
    if name.isprintable() and name == unicode_name(name):
        assert printable(name) == name


@fuzz_settings
@given(st.lists(st.integers(0, 30)))
def test_repeats_are_seen_in_any_order(order):
    seen, known = SeenIndices(), set()
    for index in order:
        assert seen.add(index) == (index not in known)
        known.add(index)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "leave out", "kill", "resume", "finish"]),
        st.integers(0, 2),  # the writer
        st.integers(0, COUNT - 1),  # the index, or where a kill cuts
    ),
    max_size=30,
)


@fuzz_settings
@given(steps=STEPS)
def test_writers_that_interleave_and_are_killed_list_every_index_once(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("d")
    writers = [DatasetWriter(root, INFO) for _ in range(3)]
    for step, who, index in steps:
        writer = writers[who]
        if step == "add":
            add(writer, index)
        elif step == "leave out":
            writer.leave_out(index, "small")
        elif step == "kill":  # in the middle of a line
            name = "metadata.jsonl" if index % 2 else "left_out.jsonl"
            line = encode_line({"file_name": "x", "mask_file_name": "y", "index": index})
            append(root, line[: 1 + index * 5], name)
        elif step == "resume":
            writers[who] = DatasetWriter(root, INFO)
        else:
            writer.finish()
        listed = [*indices(root), *(i for i, _ in iter_left_out(root))]
        assert len(listed) == len(set(listed))
    last = DatasetWriter(root, INFO)
    for index in range(COUNT):
        add(last, index)
    assert all(writer.finish() for writer in writers)
    left_out = {i for i, _ in iter_left_out(root)}
    assert indices(root) == sorted(set(range(COUNT)) - left_out)


READERS = (read_info, done_indices, lambda r: list(iter_lines(r)), lambda r: list(iter_left_out(r)),
           lambda r: DatasetWriter(r, INFO).finish())  # fmt: skip


def read_or_refuse(root: Path) -> None:
    for read in READERS:
        try:
            read(root)
        except DatasetError as error:
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 1000


@fuzz_settings
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_a_dataset_or_refused(tmp_path_factory, info, lines, left_out):
    root = tmp_path_factory.mktemp("d")
    (root / "dataset.json").write_bytes(info)
    (root / "metadata.jsonl").write_bytes(lines)
    (root / "left_out.jsonl").write_bytes(left_out)
    read_or_refuse(root)


@pytest.mark.fuzz
def test_a_damaged_dataset_is_read_or_refused(tmp_path_factory):
    original = tmp_path_factory.mktemp("original")
    whole(original).leave_out(COUNT, "small")
    names = ("dataset.json", "metadata.jsonl", "left_out.jsonl")
    contents = {name: (original / name).read_bytes() for name in names}
    root = tmp_path_factory.mktemp("d")
    for number in range(fuzz_count()):
        numbers = random_of(number)
        for name, content in contents.items():
            damaged = mutated(content, numbers) if numbers.random() < 0.6 else content
            (root / name).write_bytes(damaged)
        read_or_refuse(root)
