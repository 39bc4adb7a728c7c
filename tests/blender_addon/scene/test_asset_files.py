"""Folders as they lie on real disks: what can be used is listed, all else is named."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from blender_addon.recipes.fields import RecipeError
from blender_addon.render.image_files import encode_png
from blender_addon.scene import asset_files
from blender_addon.scene.asset_files import AssetFiles

PIXEL = encode_png(np.zeros((1, 1), np.uint8))
UPRIGHT = (np.pi / 2, 0, 0)  # root of a person who stands in a Z-up world


def write_motion(path: Path, root: tuple[float, ...] = UPRIGHT, **changes: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    poses = np.zeros((4, 52, 3))
    poses[:, 0] = root
    arrays = {"poses": poses.reshape(4, 156), "trans": np.zeros((4, 3)), "mocap_framerate": 30.0}
    arrays = {key: value for key, value in (arrays | changes).items() if value is not None}
    np.savez(path, **arrays)


def motions(folder: Path) -> tuple[list[str], str]:
    """The names of the motions that are listed, and what is said of the others."""
    files = AssetFiles()
    found = files.motions([str(folder)], "poses.motions")
    return [Path(name).name for name in found], " ".join(files.notes)


def photos(folder: Path) -> tuple[list[str], str]:
    files = AssetFiles()
    found = files.images([str(folder)], "background.photos")
    return [str(Path(name).relative_to(folder)) for name in found], " ".join(files.notes)


def test_shapes_and_side_cars_beside_motions_are_left_out_and_named(tmp_path):
    write_motion(tmp_path / "CMU" / "01" / "01_poses.npz")
    write_motion(tmp_path / "CMU" / "01" / "02_poses.npz")
    np.savez(tmp_path / "CMU" / "01" / "shape.npz", betas=np.zeros(16), gender="male")
    (tmp_path / "CMU" / "01" / "._01_poses.npz").write_bytes(b"\0\5\x16\7Mac OS X")
    (tmp_path / "LICENSE.txt").write_text("free")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.npz").write_bytes(b"x")
    found, notes = motions(tmp_path)
    assert found == ["01_poses.npz", "02_poses.npz"]
    assert notes.startswith(f"poses.motions: {tmp_path}: 2 files; 4 left out: ")
    for part in (
        f"2 hidden ({Path('CMU/01/._01_poses.npz')}, __MACOSX)",
        f"1 not a motion: it holds no poses ({Path('CMU/01/shape.npz')})",
        "1 of another ending (LICENSE.txt)",
    ):
        assert part in notes


@pytest.mark.parametrize(
    ("name", "arrays", "reason"),
    [
        ("nan", {"poses": np.full((4, 156), np.nan)}, "poses: not all finite"),
        ("inf", {"trans": np.full((4, 3), np.inf)}, "translations: not all finite"),
        ("huge", {"poses": np.full((4, 156), 1e308)}, r"poses: numbers up to 1e\+308"),
        ("none", {"poses": np.zeros((0, 156))}, r"poses: shape \(0, 156\)"),
        ("hands", {"poses": np.zeros((4, 48))}, r"expected 24, 52 or 55 joints"),
        ("text", {"poses": np.array([["a"]])}, "poses: expected numbers"),
        ("object", {"poses": np.array([None])}, "Python objects"),
        ("track", {"trans": np.zeros((3, 3))}, r"trans: shape \(3, 3\), expected \(4, 3\)"),
        ("body", {"v_template": np.zeros((9, 3))}, "a body model, not a motion"),
        ("lying", {"poses": np.tile((0, 0, np.pi / 2) + (0.0,) * 153, (4, 1))}, "poses.motions_up"),
        ("rate", {"mocap_framerate": np.nan}, "mocap_framerate"),
    ],
)
def test_what_is_no_motion_is_left_out_with_its_reason(tmp_path, name, arrays, reason):
    write_motion(tmp_path / "good.npz")
    write_motion(tmp_path / f"{name}.npz", **arrays)
    found, notes = motions(tmp_path)
    assert found == ["good.npz"]
    with pytest.raises(RecipeError, match=rf"poses\.motions: .*{name}\.npz: .*{reason}"):
        motions(tmp_path / f"{name}.npz")
    assert f"{name}.npz" in notes


def test_a_large_folder_of_motions_is_checked_by_its_headers(tmp_path, monkeypatch):
    monkeypatch.setattr(asset_files, "_NOT_READ", 1)
    write_motion(tmp_path / "a.npz")
    write_motion(tmp_path / "b.npz", poses=np.full((4, 156), np.nan))
    write_motion(tmp_path / "c.npz", poses=np.zeros((4, 48)))
    assert motions(tmp_path)[0] == ["a.npz", "b.npz"]


def test_damaged_hidden_and_empty_images_are_left_out_and_named(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.png").write_bytes(PIXEL)
    (tmp_path / "a.PNG").write_bytes(PIXEL)
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.png").write_bytes(PIXEL)
    (tmp_path / "cut.png").write_bytes(PIXEL[:-5])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_bytes(b"<html>not found</html>")
    (tmp_path / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    found, notes = photos(tmp_path)
    assert found == ["a.PNG", str(Path("deep/b.png"))]
    for part in (
        "2 hidden (._a.png, .cache)",
        "1 cut short (cut.png)",
        "1 empty (empty.jpg)",
        "1 not an image (page.jpg)",
        "'heic': HEIC, AVIF or MP4) (phone.jpg)",
        "1 of another ending (Thumbs.db)",
        "2 files; 7 left out",
    ):
        assert part in notes


@pytest.mark.skipif(os.name == "nt", reason="links and permissions of POSIX")
def test_links_are_followed_once_and_what_leads_nowhere_is_named(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.png").write_bytes(PIXEL)
    here = tmp_path / "here"
    (here / "real").mkdir(parents=True)
    (here / "real" / "a.png").write_bytes(PIXEL)
    (here / "a_link").symlink_to(elsewhere)
    (here / "again").symlink_to(here / "real")
    (here / "loop").symlink_to(here)
    (here / "gone.png").symlink_to(tmp_path / "nothing")
    (here / "b.png").symlink_to(elsewhere / "c.png")
    os.mkfifo(here / "pipe.png")
    server = socket.socket(socket.AF_UNIX)
    os.chdir(here)  # a socket's path is short
    server.bind("socket.png")
    server.close()
    found, notes = photos(here)
    assert found == ["a_link/c.png", "b.png", "real/a.png"]
    assert "2 a folder that is listed already (again, loop)" in notes
    assert "1 a link to nothing" in notes and "gone.png" in notes
    assert "2 no regular file (pipe.png, socket.png)" in notes


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(PIXEL)
    (tmp_path / "secret.png").write_bytes(PIXEL)
    (tmp_path / "secret.png").chmod(0)
    (tmp_path / "vault").mkdir(mode=0)
    found, notes = photos(tmp_path)
    assert found == ["a.png"]
    assert "cannot be opened (Permission denied) (secret.png)" in notes
    assert "a folder that cannot be opened (Permission denied) (vault)" in notes


def test_folders_that_cannot_be_opened_are_named(tmp_path, monkeypatch):
    """The test above is repeated for those who test as root."""
    (tmp_path / "vault").mkdir()
    (tmp_path / "a.png").write_bytes(PIXEL)
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "vault":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(asset_files.os, "scandir", refuse)
    found, notes = photos(tmp_path)
    assert found == ["a.png"]
    assert "a folder that cannot be opened (Permission denied) (vault)" in notes


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="bytes as names")
def test_names_that_metadata_cannot_hold_are_left_out_with_escapes(tmp_path):
    folder = os.fsencode(tmp_path)
    with open(folder + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write(PIXEL)
    with pytest.raises(RecipeError, match=r"1 named in other letters than UTF-8.*caf\\xe9\.png"):
        photos(tmp_path)
    (tmp_path / "café.png").write_bytes(PIXEL)
    found, notes = photos(tmp_path)
    assert found == ["café.png"]
    assert notes.encode()  # it can be printed


@pytest.mark.parametrize("name", ["none.jpg", "no folder"])
def test_what_is_not_there_is_said_to_be_missing(tmp_path, name):
    with pytest.raises(RecipeError, match=rf"background\.photos: .*{name}: no such file or folder"):
        photos(tmp_path / name)


def test_files_of_another_ending_that_are_named_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(RecipeError, match=r"notes\.txt: of another ending"):
        photos(tmp_path / "notes.txt")


def test_the_order_is_that_of_the_paths(tmp_path):
    names = ["b/a.png", "a/z.png", "a.png", "a-b/c.png", "a b.png", "c.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PIXEL)
    assert photos(tmp_path)[0] == [
        str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*.png"))
    ]


def test_the_time_is_linear(tmp_path):
    for number in range(2000):
        (tmp_path / f"{number}.png").write_bytes(PIXEL)
    start = time.perf_counter()
    found, notes = photos(tmp_path)
    assert len(found) == 2000
    assert not notes
    assert time.perf_counter() - start < 10.0  # 0.1 s on an idle machine
