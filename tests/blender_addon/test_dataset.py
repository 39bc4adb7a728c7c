import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon import dataset
from blender_addon.dataset import (
    DatasetError,
    DatasetWriter,
    atomic_file,
    done_indices,
    iter_left_out,
    iter_lines,
    read_info,
)

INFO = {"seed": 1, "count": 4, "recipe": {"name": "test"}}
REPOSITORY = Path(__file__).resolve().parents[2]


def add(writer: DatasetWriter, index: int) -> None:
    stem = f"{index:06d}"
    names = (f"images/{stem}.jpg", f"masks/{stem}.png")
    line = {
        "index": index,
        "file_name": names[0],
        "mask_file_name": names[1],
        "persons": [{"index": 99}],
    }
    writer.add(line, {name: f"{name}!".encode() * 100 for name in names})


def files_below(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name != ".lock"}


def assert_whole(root: Path, count: int) -> None:
    """Every line's files are whole, every file has its line, nothing is there twice or under a
    temporary name.
    """
    lines = list(iter_lines(root))
    assert [line["index"] for line in lines] == list(range(count))
    names = {line[key] for line in lines for key in ("file_name", "mask_file_name")}
    assert files_below(root) == names | {"dataset.json", "metadata.jsonl"}
    for name in names:
        assert (root / name).read_bytes() == f"{name}!".encode() * 100


def test_a_left_out_index_counts_as_done_and_has_no_image(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    writer.leave_out(1, "low IoU")
    for index in (3, 0):
        add(writer, index)
    assert not writer.finish()
    again = DatasetWriter(tmp_path, INFO)
    assert again.done == {0, 1, 3}
    again.leave_out(2, "too small")
    assert again.finish()
    assert [line["index"] for line in iter_lines(tmp_path)] == [0, 3]
    assert list(iter_left_out(tmp_path)) == [(1, "low IoU"), (2, "too small")]
    assert DatasetWriter(tmp_path, INFO, overwrite=True).done == set()
    assert list(iter_left_out(tmp_path)) == []


def test_a_line_left_out_that_was_cut_short_is_mended(tmp_path):
    DatasetWriter(tmp_path, INFO).leave_out(1, "low IoU")
    with (tmp_path / "left_out.jsonl").open("ab") as file:
        file.write(b'{"index":2,"rea')
    writer = DatasetWriter(tmp_path, INFO)
    assert writer.done == {1}
    writer.leave_out(2, "too small")
    assert list(iter_left_out(tmp_path)) == [(1, "low IoU"), (2, "too small")]
    (tmp_path / "left_out.jsonl").write_text('{"index":1}\n')
    with pytest.raises(DatasetError, match=r"left_out\.jsonl: line 1 is damaged"):
        list(iter_left_out(tmp_path))


def test_a_dataset_is_written_and_read_back(tmp_path):
    writer = DatasetWriter(tmp_path / "d", INFO)
    for index in (2, 0, 3, 1):
        assert not writer.finish()
        add(writer, index)
    assert writer.finish()
    assert read_info(tmp_path / "d")["count"] == 4
    assert_whole(tmp_path / "d", 4)


def test_reopening_knows_what_is_done(tmp_path):
    add(DatasetWriter(tmp_path, INFO), 2)
    assert DatasetWriter(tmp_path, INFO).done == {2}


def test_count_may_grow_but_never_shrinks(tmp_path):
    DatasetWriter(tmp_path, INFO)
    DatasetWriter(tmp_path, INFO | {"count": 9})
    assert read_info(tmp_path)["count"] == 9
    DatasetWriter(tmp_path, INFO)
    assert read_info(tmp_path)["count"] == 9


@pytest.mark.parametrize("tail", [b'{"index": 7, "fi', b"x" * 100_000, b"{"])
def test_a_line_cut_short_is_mended(tmp_path, tail):
    writer = DatasetWriter(tmp_path, INFO)
    add(writer, 0)
    with (tmp_path / "metadata.jsonl").open("ab") as file:
        file.write(tail)
    assert [line["index"] for line in iter_lines(tmp_path)] == [0]
    again = DatasetWriter(tmp_path, INFO)
    add(again, 1)
    assert [line["index"] for line in iter_lines(tmp_path)] == [0, 1]


def test_a_cut_line_and_nothing_before_it(tmp_path):
    DatasetWriter(tmp_path, INFO)
    (tmp_path / "metadata.jsonl").write_bytes(b'{"index"' * 5000)
    assert DatasetWriter(tmp_path, INFO).done == set()
    assert (tmp_path / "metadata.jsonl").read_bytes() == b""


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    add(writer, 0)
    with (tmp_path / "metadata.jsonl").open("ab") as file:
        file.write(b"not json\n")
    with pytest.raises(DatasetError, match="line 2"):
        list(iter_lines(tmp_path))
    with pytest.raises(DatasetError, match="line 2"):
        done_indices(tmp_path)


def test_another_recipe_is_refused_and_nothing_changes(tmp_path):
    add(DatasetWriter(tmp_path, INFO), 0)
    before = {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)}
    with pytest.raises(DatasetError, match=r"another recipe and seed; .*--overwrite"):
        DatasetWriter(tmp_path, INFO | {"seed": 2, "recipe": {"name": "other"}})
    assert {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)} == before


def test_overwrite_deletes_the_dataset_and_nothing_else(tmp_path):
    add(DatasetWriter(tmp_path, INFO), 0)
    (tmp_path / "notes.txt").write_text("mine")
    writer = DatasetWriter(tmp_path, INFO | {"seed": 2}, overwrite=True)
    assert writer.done == set()
    assert files_below(tmp_path) == {"notes.txt", "dataset.json", "metadata.jsonl"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_no_dataset_is_never_touched(tmp_path, overwrite):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DatasetError, match="not a dataset"):
        DatasetWriter(tmp_path, INFO, overwrite=overwrite)
    assert files_below(tmp_path) == {"images/holiday.jpg"}


def test_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(DatasetError, match="is a file"):
        DatasetWriter(tmp_path / "f", INFO)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 99}', "\x00"])
def test_damaged_or_foreign_info_is_named(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        read_info(tmp_path)
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        DatasetWriter(tmp_path, INFO)


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="not a dataset"):
        read_info(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    writer = DatasetWriter(tmp_path, INFO)
    monkeypatch.setattr(dataset.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        add(writer, 0)
    assert files_below(tmp_path) == {"dataset.json", "metadata.jsonl"}
    assert list(iter_lines(tmp_path)) == []


def test_an_atomic_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_atomic_file_that_fails_leaves_the_old_one(tmp_path, error):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_file(path, token="-7") as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_atomic_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, synced = tmp_path / "weights.bin", []
    monkeypatch.setattr(dataset.os, "fsync", lambda descriptor: synced.append(path.exists()))
    with atomic_file(path) as file:
        file.write(b"new")
    assert synced == [False] and path.exists()


def test_nothing_that_json_cannot_hold_gets_in(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    with pytest.raises(ValueError, match="JSON"):
        writer.add({"index": 0, "file_name": "a", "mask_file_name": "b", "x": float("nan")}, {})


def test_leftovers_of_a_killed_run_go_but_only_one_s_own(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    (tmp_path / "images").mkdir()
    for index in (1, 2):
        (tmp_path / "images" / f".{index:06d}.jpg-77.tmp").write_bytes(b"half")
    writer.remove_leftovers(range(0, 4, 2))
    assert files_below(tmp_path) == {"dataset.json", "metadata.jsonl", "images/.000001.jpg-77.tmp"}


def _write_share(root: Path, share: range, count: int) -> None:
    writer = DatasetWriter(root, INFO | {"count": count})
    writer.remove_leftovers(share)
    for index in share:
        if index not in writer.done:
            add(writer, index)
    writer.finish()


def test_four_processes_write_one_dataset(tmp_path):
    context = multiprocessing.get_context("spawn")
    shares = [range(k, 80, 4) for k in range(4)]
    processes = [context.Process(target=_write_share, args=(tmp_path / "d", s, 80)) for s in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert_whole(tmp_path / "d", 80)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_kill_at_random_moments_and_resume(tmp_path):
    code = f"""
import sys; sys.path[:0] = [{str(REPOSITORY)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from test_dataset import _write_share
_write_share(Path({str(tmp_path / "d")!r}), range(1500), 1500)
"""
    rng = random.Random(7)
    kills = 0
    for _ in range(200):
        process = subprocess.Popen([sys.executable, "-c", code])
        try:
            process.wait(rng.uniform(0.35, 0.6) if kills < 8 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            if (tmp_path / "d" / "metadata.jsonl").exists():
                for line in iter_lines(tmp_path / "d"):  # what is listed is whole, at every moment
                    assert (tmp_path / "d" / line["mask_file_name"]).stat().st_size > 0
            continue
        assert process.returncode == 0
        break
    assert kills >= 3
    assert_whole(tmp_path / "d", 1500)


def test_indices_are_found_without_parsing_lines(tmp_path):
    writer = DatasetWriter(tmp_path, INFO)
    add(writer, 3)
    assert done_indices(tmp_path) == {3}  # not 99, the "index" of a person further on
    json.loads((tmp_path / "metadata.jsonl").read_text())


def test_what_killed_runs_left_beside_dataset_json_is_gone_at_the_end(tmp_path):
    _write_share(tmp_path / "d", range(3), 3)
    (tmp_path / "d" / ".dataset.json-7500.tmp").write_bytes(b"{")
    _write_share(tmp_path / "d", range(3), 3)
    assert_whole(tmp_path / "d", 3)
