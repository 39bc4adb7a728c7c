"""Hashes of what lies outside: what counts, what is read again, and what is remembered of whom."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pii_seg.selftrain import content_hash
from pii_seg.selftrain.content_hash import ContentHashes

LONG_AGO = 1_000_000_000  # s


def write(path: Path, content: str, *, changed: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (changed, changed))
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    root = tmp_path / "photographs"
    for name in ("anna.jpg", "deep/bert.jpg", "copy of anna.jpg"):
        write(root / name, "anna" if "anna" in name else "bert")
    return root


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "run" / ".contents"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    original = hashlib.file_digest

    def file_digest(file, kind):  # type: ignore[no-untyped-def]
        names.append(Path(file.name).name)
        return original(file, kind)

    monkeypatch.setattr(content_hash.hashlib, "file_digest", file_digest)
    return names


def paths(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_known_by_its_bytes(photographs: Path, memory: Path) -> None:
    digest = hashlib.sha256(b"anna").hexdigest()
    assert ContentHashes(memory).of_file(photographs / "anna.jpg") == digest
    assert ContentHashes(memory).of_file(photographs / "anna.jpg") == digest  # out of memory


def test_what_did_not_change_is_read_once(photographs: Path, memory: Path, read: list[str]) -> None:
    first = ContentHashes(memory).of_folder(photographs)
    assert len(read) == 3
    assert ContentHashes(memory).of_folder(photographs) == first
    assert len(read) == 3


def test_only_what_changed_is_read_again(photographs: Path, memory: Path, read: list[str]) -> None:
    first = ContentHashes(memory).of_folder(photographs)
    read.clear()
    write(photographs / "anna.jpg", "ANNA", changed=LONG_AGO + 1)  # of the same length
    assert ContentHashes(memory).of_folder(photographs) != first
    assert read == ["anna.jpg"]


def test_a_file_changed_just_now_is_not_relied_on(tmp_path: Path, memory: Path) -> None:
    """Within a step of the file system's clock a second change would not show."""
    path = tmp_path / "a"
    path.write_text("first")
    status = path.stat()
    first = ContentHashes(memory).of_file(path)
    path.write_text("later")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ContentHashes(memory).of_file(path) != first


def test_files_of_one_size_and_time_are_told_apart(tmp_path: Path, memory: Path) -> None:
    hashes = ContentHashes(memory)
    assert hashes.of_file(write(tmp_path / "a", "1")) != hashes.of_file(write(tmp_path / "b", "2"))


@pytest.mark.parametrize("change", ["content", "added", "removed", "renamed"])
def test_in_a_folder_contents_and_names_count(photographs: Path, memory: Path, change: str) -> None:
    before = ContentHashes(memory).of_folder(photographs)
    anna = photographs / "anna.jpg"
    if change == "content":
        write(anna, "changed")
    elif change == "added":
        write(photographs / "new.jpg", "new")
    elif change == "removed":
        anna.unlink()
    else:
        anna.rename(photographs / "a.jpg")
    assert ContentHashes(memory).of_folder(photographs) != before


def test_of_a_folder_neither_its_place_nor_hidden_files_count(
    photographs: Path, memory: Path
) -> None:
    before = ContentHashes(memory).of_folder(photographs)
    write(photographs / ".DS_Store", "window at 3, 4")
    moved = photographs.rename(photographs.with_name("moved"))
    assert ContentHashes(memory).of_folder(moved) == before


def test_of_photographs_neither_names_nor_copies_count(photographs: Path, memory: Path) -> None:
    hashes = ContentHashes(memory)
    before = hashes.of_photographs(paths(photographs))
    order = [path.read_text() for path in hashes.in_order(paths(photographs))]
    assert sorted(order) == ["anna", "bert"]
    (photographs / "anna.jpg").rename(photographs / "zoe.jpg")
    (photographs / "deep" / "bert.jpg").rename(photographs / "1.jpg")
    assert [path.read_text() for path in hashes.in_order(paths(photographs))] == order
    (photographs / "copy of anna.jpg").unlink()
    assert hashes.of_photographs(paths(photographs)) == before
    write(photographs / "new.jpg", "new")
    assert hashes.of_photographs(paths(photographs)) != before


def test_the_memory_names_nobody(photographs: Path, memory: Path) -> None:
    ContentHashes(memory).in_order(paths(photographs))
    text = memory.read_text()
    assert hashlib.sha256(b"anna").hexdigest() in text
    assert "jpg" not in text and "anna" not in text


@pytest.mark.parametrize("damage", ["nothing", "cut short", "foreign", "binary"])
def test_a_damaged_memory_costs_reading_and_nothing_else(
    photographs: Path, memory: Path, read: list[str], damage: str
) -> None:
    first = ContentHashes(memory).of_folder(photographs)
    content = memory.read_bytes()
    memory.write_bytes(
        {
            "nothing": content,
            "cut short": content[:-10],
            "foreign": b'\n{"a": 1}\n[1, 2]\n[1, 2, 3, "ff"]\n[1, 2, 3, 4]\n7\n',
            "binary": b"\x00\xff\xfe" * 50,
        }[damage]
    )
    read.clear()
    assert ContentHashes(memory).of_folder(photographs) == first
    assert len(read) == {"nothing": 0, "cut short": 1, "foreign": 3, "binary": 3}[damage]
    # What was appended behind the damage is whole.
    read.clear()
    assert ContentHashes(memory).of_folder(photographs) == first
    assert read == []


def test_a_file_that_is_gone_is_named(tmp_path: Path, memory: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        ContentHashes(memory).of_file(tmp_path / "gone")
