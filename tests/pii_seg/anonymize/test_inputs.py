"""Which files are anonymised, and the names of the outputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pii_seg.anonymize.inputs import LOCK, InputFile, Skipped, collect_inputs, output_name
from pii_seg.errors import InputError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_and_mirrored(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    touch(
        photos / "a.jpg",
        photos / "deep" / "er" / "b.PNG",
        photos / "video.MP4",
        photos / ".hidden.jpg",
    )
    collected = collect_inputs([photos], tmp_path / "out")
    assert [(item.name, item.kind) for item in collected.files] == [
        ("a.jpg", "image"),
        ("deep/er/b.PNG", "image"),
        ("video.MP4", "video"),
    ]


def test_other_files_are_listed_and_not_touched(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "notes.txt")
    touch(tmp_path / "in" / "Thumbs.db", tmp_path / "in" / "sub" / ".b.jpg")
    assert collect_inputs([tmp_path / "in"], tmp_path / "out").others == (
        Skipped("sub/.b.jpg", "hidden file"),
        Skipped("Thumbs.db", "not an image or video"),
        Skipped("notes.txt", "not an image or video"),
    )


def test_files_of_unlisted_endings_are_inputs_by_their_content(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    (tmp_path / "in").mkdir()
    for name in ("b.jpg_original", "k.jpg.bak", "IMG_0001", "j.what"):
        (tmp_path / "in" / name).write_bytes(jpeg)
    (tmp_path / "in" / "clip.new").write_bytes(b"\0\0\0\x18ftypisom")
    collected = collect_inputs([tmp_path / "in"], tmp_path / "out")
    assert [(item.name, item.kind) for item in collected.files] == [
        ("IMG_0001", "image"),
        ("b.jpg_original", "image"),
        ("clip.new", "video"),
        ("j.what", "image"),
        ("k.jpg.bak", "image"),
    ]


def test_linked_folders_are_followed_and_faults_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "nas" / "b.jpg")
    (tmp_path / "in" / "2023").symlink_to(tmp_path / "nas")
    (tmp_path / "in" / "gone").symlink_to(tmp_path / "absent")
    collected = collect_inputs([tmp_path / "in"], tmp_path / "out")
    assert [item.name for item in collected.files] == ["2023/b.jpg", "a.jpg"]
    assert collected.others == (Skipped("gone", "link to a file that does not exist", fault=True),)


def test_a_link_into_the_output_is_no_input(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "out" / "b.jpg")
    (tmp_path / "in" / "b.jpg").symlink_to(tmp_path / "out" / "b.jpg")
    collected = collect_inputs([tmp_path / "in"], tmp_path / "out")
    assert [item.name for item in collected.files] == ["a.jpg"]
    assert collected.others == (Skipped("b.jpg", "link into the output folder"),)


def test_outputs_of_an_earlier_run_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "out1" / "a.jpg")
    touch(tmp_path / "in" / "out1" / LOCK)
    collected = collect_inputs([tmp_path / "in"], tmp_path / "in" / "out2")
    assert [item.name for item in collected.files] == ["a.jpg"]
    assert collected.others == (Skipped("out1", "folder of outputs of an earlier run"),)
    assert [item.name for item in collect_inputs([tmp_path / "in" / "out1"], tmp_path / "x").files]


def test_an_output_above_the_input_is_refused_by_name(tmp_path: Path) -> None:
    touch(tmp_path / "photos" / "2024" / "a.jpg")
    for given in (tmp_path / "photos" / "2024", tmp_path / "photos" / "2024" / "a.jpg"):
        with pytest.raises(InputError, match=r"--output .*photos: holds the input .*2024"):
            collect_inputs([given], tmp_path / "photos")


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg")
    os.mkfifo(tmp_path / "in" / "b.jpg")
    assert collect_inputs([tmp_path / "in"], tmp_path / "out").others[0].name == "b.jpg"
    with pytest.raises(InputError, match="neither a file nor a folder"):
        collect_inputs([tmp_path / "in" / "b.jpg"], tmp_path / "out")


def test_unreadable_formats_are_inputs_so_that_they_are_listed_as_failed(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "in" / "raw.cr2", tmp_path / "in" / "camera.mts")
    assert {item.name for item in collect_inputs([tmp_path / "in"], tmp_path / "out").files} == {
        "raw.cr2",
        "camera.mts",
    }


def test_an_output_folder_inside_the_input_is_excluded(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "out" / "a.jpg")
    collected = collect_inputs([tmp_path / "in"], tmp_path / "in" / "out")
    assert [item.path for item in collected.files] == [tmp_path / "in" / "a.jpg"]


def test_a_file_given_twice_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "in" / "a.jpg")
    collected = collect_inputs(
        [tmp_path / "in", tmp_path / "in" / "a.jpg", tmp_path / "link.jpg"], tmp_path / "out"
    )
    assert len(collected.files) == 1
    assert collected.others == (Skipped("link.jpg", "listed under another name"),)


def test_patterns_are_expanded(tmp_path: Path) -> None:
    touch(tmp_path / "a1.jpg", tmp_path / "a2.jpg", tmp_path / "b.jpg", tmp_path / "odd[1].jpg")
    assert [
        item.name for item in collect_inputs([f"{tmp_path}/a*.jpg"], tmp_path / "out").files
    ] == [
        "a1.jpg",
        "a2.jpg",
    ]
    assert [
        item.name for item in collect_inputs([f"{tmp_path}/odd[1].jpg"], tmp_path / "out").files
    ] == ["odd[1].jpg"]
    with pytest.raises(InputError, match="matches no file"):
        collect_inputs([f"{tmp_path}/c*.jpg"], tmp_path / "out")


def test_invalid_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jpg: does not exist"):
        collect_inputs([tmp_path / "absent.jpg"], tmp_path / "out")
    touch(tmp_path / "empty" / "notes.txt")
    with pytest.raises(InputError, match="holds no images"):
        collect_inputs([tmp_path / "empty"], tmp_path / "out")


@pytest.mark.parametrize("given", ["folder", "file"])
def test_inputs_are_never_replaced(tmp_path: Path, given: str) -> None:
    touch(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="inputs are never changed"):
        collect_inputs([tmp_path if given == "folder" else tmp_path / "a.jpg"], tmp_path)


def test_equal_output_names_are_rejected_unless_renamed(tmp_path: Path) -> None:
    touch(tmp_path / "x" / "a.jpg", tmp_path / "y" / "A.jpg")
    with pytest.raises(InputError, match="the same output file"):
        collect_inputs([tmp_path / "x", tmp_path / "y"], tmp_path / "out")
    assert (
        len(collect_inputs([tmp_path / "x", tmp_path / "y"], tmp_path / "out", renamed=True).files)
        == 2
    )
    with pytest.raises(InputError, match=r"the same mask file; give the folder above both"):
        collect_inputs(
            [tmp_path / "x", tmp_path / "y"], tmp_path / "out", renamed=True, masks=tmp_path / "m"
        )


@pytest.mark.parametrize(
    ("name", "suffix", "wanted"),
    [
        ("d/a.jpg", ".jpg", "d/a.jpg"),
        ("a.JPEG", ".jpg", "a.JPEG"),
        ("a.tiff", ".tif", "a.tiff"),
        ("a.HEIC", ".jpg", "a.HEIC.jpg"),
        ("screenshot.jpg", ".png", "screenshot.jpg.png"),
        ("noending", ".png", "noending.png"),
    ],
)
def test_output_names_follow_the_format(name: str, suffix: str, wanted: str) -> None:
    assert output_name(InputFile(Path(name), name, "image"), suffix) == wanted
