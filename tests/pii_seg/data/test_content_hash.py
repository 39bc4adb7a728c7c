"""Hashes of files outside the run: what counts, what is read again, and what is stored."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pii_seg.data import content_hash
from pii_seg.data.content_hash import ContentHashes

LONG_AGO = 1_000_000_000  # s


def write(path: Path, content: str, *, changed: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (changed, changed))
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for name in ("anna.jpg", "deep/bert.jpg", "copy of anna.jpg"):
        write(root / name, "anna" if "anna" in name else "bert")
    return root


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "run" / ".contents"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    original = hashlib.file_digest

    def file_digest(file, kind):  # type: ignore[no-untyped-def]
        names.append(Path(file.name).name)
        return original(file, kind)

    monkeypatch.setattr(content_hash.hashlib, "file_digest", file_digest)
    return names


def paths(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_hash_of_a_file_is_that_of_its_bytes(photos: Path, memory: Path) -> None:
    digest = hashlib.sha256(b"anna").hexdigest()
    assert ContentHashes(memory).of_file(photos / "anna.jpg") == digest
    assert ContentHashes(memory).of_file(photos / "anna.jpg") == digest  # stored


def test_unchanged_files_are_read_once(photos: Path, memory: Path, read: list[str]) -> None:
    first = ContentHashes(memory).of_folder(photos)
    assert len(read) == 3
    assert ContentHashes(memory).of_folder(photos) == first
    assert len(read) == 3


def test_only_changed_files_are_read_again(photos: Path, memory: Path, read: list[str]) -> None:
    first = ContentHashes(memory).of_folder(photos)
    read.clear()
    write(photos / "anna.jpg", "ANNA", changed=LONG_AGO + 1)  # of the same length
    assert ContentHashes(memory).of_folder(photos) != first
    assert read == ["anna.jpg"]


def test_hash_of_a_file_changed_just_now_is_not_stored(tmp_path: Path, memory: Path) -> None:
    """A second change within one step of the file system's clock would not be detected."""
    path = tmp_path / "a"
    path.write_text("first")
    status = path.stat()
    first = ContentHashes(memory).of_file(path)
    path.write_text("later")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ContentHashes(memory).of_file(path) != first


def test_files_of_the_same_size_and_time_differ(tmp_path: Path, memory: Path) -> None:
    hashes = ContentHashes(memory)
    assert hashes.of_file(write(tmp_path / "a", "1")) != hashes.of_file(write(tmp_path / "b", "2"))


@pytest.mark.parametrize("change", ["content", "added", "removed", "renamed"])
def test_hash_of_a_folder_depends_on_contents_and_names(
    photos: Path, memory: Path, change: str
) -> None:
    before = ContentHashes(memory).of_folder(photos)
    anna = photos / "anna.jpg"
    if change == "content":
        write(anna, "changed")
    elif change == "added":
        write(photos / "new.jpg", "new")
    elif change == "removed":
        anna.unlink()
    else:
        anna.rename(photos / "a.jpg")
    assert ContentHashes(memory).of_folder(photos) != before


def test_hash_of_a_folder_ignores_its_path_and_hidden_files(photos: Path, memory: Path) -> None:
    before = ContentHashes(memory).of_folder(photos)
    write(photos / ".DS_Store", "window at 3, 4")
    moved = photos.rename(photos.with_name("moved"))
    assert ContentHashes(memory).of_folder(moved) == before


def test_hash_of_photos_ignores_names_and_copies(photos: Path, memory: Path) -> None:
    hashes = ContentHashes(memory)
    before = hashes.of_photos(paths(photos))
    order = [path.read_text() for path in hashes.in_order(paths(photos))]
    assert sorted(order) == ["anna", "bert"]
    (photos / "anna.jpg").rename(photos / "zoe.jpg")
    (photos / "deep" / "bert.jpg").rename(photos / "1.jpg")
    assert [path.read_text() for path in hashes.in_order(paths(photos))] == order
    (photos / "copy of anna.jpg").unlink()
    assert hashes.of_photos(paths(photos)) == before
    write(photos / "new.jpg", "new")
    assert hashes.of_photos(paths(photos)) != before


def test_stored_hashes_contain_no_names(photos: Path, memory: Path) -> None:
    ContentHashes(memory).in_order(paths(photos))
    text = memory.read_text()
    assert hashlib.sha256(b"anna").hexdigest() in text
    assert "jpg" not in text and "anna" not in text


@pytest.mark.parametrize("damage", ["nothing", "cut short", "foreign", "binary"])
def test_damaged_memory_only_costs_reading(
    photos: Path, memory: Path, read: list[str], damage: str
) -> None:
    first = ContentHashes(memory).of_folder(photos)
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
    assert ContentHashes(memory).of_folder(photos) == first
    assert len(read) == {"nothing": 0, "cut short": 1, "foreign": 3, "binary": 3}[damage]
    # Lines appended after the damage are intact.
    read.clear()
    assert ContentHashes(memory).of_folder(photos) == first
    assert read == []


def test_error_names_a_missing_file(tmp_path: Path, memory: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        ContentHashes(memory).of_file(tmp_path / "gone")
