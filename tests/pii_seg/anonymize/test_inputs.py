"""Which files are anonymised, and what they are called afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from pii_seg.anonymize.inputs import Item, gather, output_name
from pii_seg.errors import InputError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_walked_and_mirrored(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    touch(
        photos / "a.jpg",
        photos / "deep" / "er" / "b.PNG",
        photos / "film.MP4",
        photos / ".hidden.jpg",
    )
    gathered = gather([photos], tmp_path / "out")
    assert [(item.name, item.kind) for item in gathered.items] == [
        ("a.jpg", "picture"),
        ("deep/er/b.PNG", "picture"),
        ("film.MP4", "video"),
    ]


def test_what_is_no_picture_is_left_alone_and_said(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "notes.txt")
    assert gather([tmp_path / "in"], tmp_path / "out").others == (tmp_path / "in" / "notes.txt",)


def test_pictures_that_we_cannot_read_are_tried_so_that_they_are_listed_as_failed(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "in" / "raw.cr2", tmp_path / "in" / "camera.mts")
    assert {item.name for item in gather([tmp_path / "in"], tmp_path / "out").items} == {
        "raw.cr2",
        "camera.mts",
    }


def test_the_output_folder_inside_the_input_is_not_taken_for_input(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "out" / "a.jpg")
    gathered = gather([tmp_path / "in"], tmp_path / "in" / "out")
    assert [item.path for item in gathered.items] == [tmp_path / "in" / "a.jpg"]


def test_a_file_given_twice_is_done_once(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "in" / "a.jpg")
    assert (
        len(
            gather(
                [tmp_path / "in", tmp_path / "in" / "a.jpg", tmp_path / "link.jpg"],
                tmp_path / "out",
            ).items
        )
        == 1
    )


def test_patterns_are_expanded_where_the_shell_does_not(tmp_path: Path) -> None:
    touch(tmp_path / "a1.jpg", tmp_path / "a2.jpg", tmp_path / "b.jpg", tmp_path / "odd[1].jpg")
    assert [item.name for item in gather([f"{tmp_path}/a*.jpg"], tmp_path / "out").items] == [
        "a1.jpg",
        "a2.jpg",
    ]
    assert [item.name for item in gather([f"{tmp_path}/odd[1].jpg"], tmp_path / "out").items] == [
        "odd[1].jpg"
    ]
    with pytest.raises(InputError, match="matches nothing"):
        gather([f"{tmp_path}/c*.jpg"], tmp_path / "out")


def test_wrong_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jpg: does not exist"):
        gather([tmp_path / "absent.jpg"], tmp_path / "out")
    touch(tmp_path / "empty" / "notes.txt")
    with pytest.raises(InputError, match="holds no pictures"):
        gather([tmp_path / "empty"], tmp_path / "out")


@pytest.mark.parametrize("given", ["folder", "file"])
def test_inputs_are_never_replaced(tmp_path: Path, given: str) -> None:
    touch(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="inputs are never changed"):
        gather([tmp_path if given == "folder" else tmp_path / "a.jpg"], tmp_path)


def test_two_files_of_one_name_need_another_output_or_other_names(tmp_path: Path) -> None:
    touch(tmp_path / "x" / "a.jpg", tmp_path / "y" / "A.jpg")
    with pytest.raises(InputError, match="come out as one file"):
        gather([tmp_path / "x", tmp_path / "y"], tmp_path / "out")
    assert len(gather([tmp_path / "x", tmp_path / "y"], tmp_path / "out", renamed=True).items) == 2


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
def test_an_output_is_called_what_it_is(name: str, suffix: str, wanted: str) -> None:
    assert output_name(Item(Path(name), name, "picture"), suffix) == wanted
