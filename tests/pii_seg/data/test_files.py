"""Everything in a folder is listed, or left out with a reason; at a cost linear in the files."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.data.file_kinds import kind_of_content, list_images
from pii_seg.data.files import FileList, describe_left_out, list_files, printable
from tests.fuzz import fuzz_settings


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(found: FileList, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found.files]


def reasons(found: FileList, folder: Path) -> dict[str, str]:
    return {entry.path.relative_to(folder).as_posix(): entry.reason for entry in found.left_out}


def test_files_are_sorted_by_the_parts_of_their_paths(tmp_path: Path) -> None:
    touch(tmp_path / "b.jpg", tmp_path / "a" / "z.jpg", tmp_path / "a-b" / "a.jpg")
    assert names(list_files(tmp_path), tmp_path) == ["a/z.jpg", "a-b/a.jpg", "b.jpg"]
    assert list(list_files(tmp_path).files) == sorted(list_files(tmp_path).files)


def test_hidden_entries_are_named_and_a_hidden_folder_is_one(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / ".b.jpg", tmp_path / "._a.jpg", tmp_path / ".git" / "x")
    found = list_files(tmp_path)
    assert names(found, tmp_path) == ["a.jpg"]
    assert reasons(found, tmp_path) == {
        ".b.jpg": "hidden file",
        "._a.jpg": "macOS metadata of another file",
        ".git": "hidden folder",
    }


def test_linked_folders_and_files_are_listed_once(tmp_path: Path) -> None:
    root = tmp_path / "in"
    touch(root / "real" / "b.jpg", tmp_path / "nas" / "c.jpg", tmp_path / "d.jpg")
    (root / "2023").symlink_to(tmp_path / "nas")
    (root / "again").symlink_to(tmp_path / "nas")
    (root / "inner").symlink_to(root / "real")
    (root / "up").symlink_to(tmp_path)
    (root / "real" / "self").symlink_to(root)
    (root / "d1.jpg").symlink_to(tmp_path / "d.jpg")
    (root / "d2.jpg").symlink_to(tmp_path / "d.jpg")
    (root / "real" / "b2.jpg").symlink_to("b.jpg")
    found = list_files(root)
    assert names(found, root) == ["2023/c.jpg", "d1.jpg", "real/b.jpg"]
    assert reasons(found, root) == {
        "again": "link to a folder that is listed already",
        "d2.jpg": "link to a file that is listed already",
        "inner": "link to a folder that is listed already",
        "real/b2.jpg": "link to a file that is listed already",
        "real/self": "link to a folder that is listed already",
        "up": "link to a folder above it",
    }
    assert not any(entry.fault for entry in found.left_out)


def test_what_cannot_be_read_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "locked" / "b.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "absent.jpg")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe.jpg")
    scandir = os.scandir

    def without_access(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", without_access)
    found = list_files(tmp_path)
    assert names(found, tmp_path) == ["a.jpg"]
    assert {entry.path.name: (entry.reason, entry.fault) for entry in found.left_out} == {
        "gone.jpg": ("link to a file that does not exist", True),
        "locked": ("folder that cannot be opened (Permission denied)", True),
        "loop": ("link that cannot be followed (Too many levels of symbolic links)", True),
        "pipe.jpg": ("neither a file nor a folder", False),
    }
    assert describe_left_out([("a", "hidden file"), ("b", "other"), ("\udce9", "hidden file")]) == (
        r"2 hidden file (a, \xe9); 1 other (b)"
    )


def test_outputs_are_not_listed(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "out" / "a.jpg", tmp_path / "old" / "a.jpg")
    touch(tmp_path / "old" / ".mark")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    found = list_files(tmp_path, exclude=[tmp_path / "out"], mark=".mark")
    assert names(found, tmp_path) == ["a.jpg"]
    assert reasons(found, tmp_path) == {"old": "folder of outputs of an earlier run"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (b"plain \xc3\xa9.jpg", "plain é.jpg"),
        (b"caf\xe9.jpg", r"caf\xe9.jpg"),
        (b"a\nb\x1b[31m.jpg", r"a\nb\x1b[31m.jpg"),
        ("\u202egpj.exe".encode(), r"\u202egpj.exe"),
    ],
)
def test_any_name_can_be_printed(name: bytes, wanted: str) -> None:
    assert printable(os.fsdecode(name)) == wanted


@fuzz_settings
@given(st.binary(min_size=1, max_size=30))
def test_printable_names_are_plain_text(name: bytes) -> None:
    text = printable(os.fsdecode(name))
    assert text.isprintable()
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image"),
        (b"P6 3 2 255\n", "image"),
        (b"\0" * 128 + b"DICM", "image"),
        (b"RIFF\0\0\0\0WEBP", "image"),
        (b"\0\0\0\x18ftypheic", "image"),
        (b"\0\0\0\x18ftyp3gp5", "video"),
        (b"\0\0\0\x18ftypM4A ", None),
        (b"RIFF\0\0\0\0WAVE", None),
        ((b"G" + b"\0" * 187) * 3, "video"),
        ((b"\0\0\0\0G" + b"\0" * 187) * 3, "video"),
        (b"Great photos", None),
        (b"BMW", None),
        (b"", None),
    ],
)
def test_kinds_are_recognised_by_content(start: bytes, kind: str | None) -> None:
    assert kind_of_content(start) == kind


@fuzz_settings
@given(st.binary(max_size=500))
def test_any_content_has_a_kind_or_none(start: bytes) -> None:
    assert kind_of_content(start) in ("image", "video", None)


def test_images_of_any_ending_are_listed(tmp_path: Path) -> None:
    for name in ("a.jpg_original", "IMG_0001", "c.ppm", "k.jpg.bak"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty.jpg").touch()
    found = list_images(tmp_path)
    assert names(found, tmp_path) == [
        "IMG_0001",
        "a.jpg_original",
        "c.ppm",
        "empty.jpg",
        "k.jpg.bak",
    ]
    assert reasons(found, tmp_path) == {"notes.txt": "not an image"}


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["file", "folder", "link", "dangling", "hidden"]),
        st.integers(0, 30),
        st.integers(0, 30),
    ),
    max_size=12,
)


@fuzz_settings
@given(ENTRIES)
def test_every_entry_of_a_random_tree_is_listed_or_left_out(
    entries: list[tuple[str, int, int]],
) -> None:
    """Links lead anywhere in the tree: to files, folders, themselves and folders above."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "in"
        root.mkdir()
        folders, made = [root, Path(name)], [root]
        for number, (kind, where, target) in enumerate(entries):
            path = folders[where % len(folders)] / f"{'.' if kind == 'hidden' else ''}{number}"
            if kind in ("file", "hidden"):
                path.touch()
            elif kind == "folder":
                path.mkdir()
                folders.append(path)
            elif kind == "dangling":
                path.symlink_to(root / "absent")
            else:
                path.symlink_to(made[target % len(made)])
            made.append(path)
        found = list_files(root)
        listed = {*found.files, *(entry.path for entry in found.left_out)}
        assert len(listed) == len(found.files) + len(found.left_out)
        for where, below, files in os.walk(root):
            below[:] = [name for name in below if not name.startswith(".")]
            for entry in (Path(where, name) for name in (*below, *files)):
                assert entry in listed or entry.is_dir()
        real = [os.path.realpath(path) for path in found.files]
        assert len(set(real)) == len(real)
        assert all(path.is_file() for path in found.files)


def test_the_cost_is_linear(tmp_path: Path) -> None:
    """Twenty times the files take some twenty times the calls, not 400 times."""

    def calls(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.jpg").touch()
        counted = 0

        def count_call(frame: object, event: str, argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count_call)
        try:
            listed = list_files(folder)
        finally:
            sys.setprofile(before)
        assert len(listed.files) == count
        return counted

    assert calls(4000) < 25 * calls(200)
