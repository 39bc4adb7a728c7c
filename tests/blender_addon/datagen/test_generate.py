"""The loop over images without Blender: locks, contents of files, interruptions and failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from blender_addon.datagen import command_line, generate, workers
from blender_addon.datagen.file_hashes import FileHashes
from blender_addon.datagen.output_folder import FolderContents, inspect_folder
from blender_addon.datagen.renderer import Pair
from blender_addon.datagen.run_lock import run_lock
from blender_addon.datagen.shard import Shard
from blender_addon.dataset import OutputBusyError, iter_lines, output_lock, read_info
from blender_addon.recipes.toml_io import load_recipe
from blender_addon.render import compat
from tests.blender_addon.packs.garment_files import write_garment

REPOSITORY = Path(__file__).resolve().parents[3]


class StubRenderer:
    """Renders grey images with one person; `fault` is raised at the second image."""

    fault: BaseException | None = None
    images = 0

    def __init__(self, assets, *, device="auto", threads=0):
        pass

    def render(self, spec):
        StubRenderer.images += 1
        if StubRenderer.fault is not None and StubRenderer.images == 2:
            raise StubRenderer.fault
        image = np.full((4, 4, 3), 128, dtype=np.uint8)
        line = {"index": spec.index, "background": {"photo": Path(spec.background.photo).name}}
        return Pair(image, np.ones((4, 4), dtype=np.uint8), {}, line, 0.0)


@pytest.fixture(autouse=True, scope="module")
def blender():
    """Load Blender first: pytest's stderr would keep what its import prints."""
    compat.import_bpy()


@pytest.fixture(autouse=True)
def no_blender(monkeypatch):
    monkeypatch.setattr(generate, "Renderer", StubRenderer)
    monkeypatch.setattr(generate, "write_contact_sheet", lambda output: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(StubRenderer, "fault", None)
    monkeypatch.setattr(StubRenderer, "images", 0)


def png(grey: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = (b"\0" + bytes([grey] * 8)) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))  # fmt: skip


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a recipe and the photos that it names."""
    folder = tmp_path / "anna"
    (folder / "photos").mkdir(parents=True)
    for number in range(3):
        (folder / "photos" / f"{number}.png").write_bytes(png(40 + number))
    (folder / "mine.toml").write_text(
        '[background]\nkinds = { photo = 1 }\nphotos = "photos"\n[people]\ncount = 1\n'
        '[render]\nimage_format = "png"\n'  # JPEGs need Blender
    )
    return folder


def run(capsys, place: Path, *more: str, count: int = 4) -> tuple[int, str]:
    """The exit code and standard error of the command in a folder of `place`."""
    arguments = [str(place / "mine.toml"), "--output", str(place / "out"), "--count", str(count)]
    code = command_line.main([*arguments, "--progress", "none", *more])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return code, err


def indices(place: Path) -> list[int]:
    return [line["index"] for line in iter_lines(place / "out")]


# --- contents ------------------------------------------------------------------------------------


def test_a_dataset_and_its_photos_may_move_while_it_is_made(capsys, place, tmp_path):
    assert run(capsys, place, count=2)[0] == 0
    info = read_info(place / "out")
    moved = tmp_path / "another user" / "deep"
    moved.parent.mkdir()
    shutil.copytree(place, moved)  # other inodes and times, too
    shutil.rmtree(place)
    (moved / "photos").rename(moved / "backdrops")
    recipe = moved / "mine.toml"
    recipe.write_text(recipe.read_text().replace('"photos"', '"backdrops"'))
    assert run(capsys, moved, count=4) == (0, "")
    assert indices(moved) == [0, 1, 2, 3]
    assert read_info(moved / "out") == info | {"count": 4}


def test_dataset_json_names_no_folder_user_or_host(capsys, place):
    run(capsys, place, count=1)
    text = (place / "out" / "dataset.json").read_text()
    assert "anna" not in text and str(place) not in text and "photos/" not in text
    (photos,) = read_info(place / "out")["recipe"]["background"]["photos"]
    assert photos.startswith("sha256:")


@pytest.mark.parametrize("change", ["content", "more", "fewer"])
def test_other_photos_are_another_dataset(capsys, place, change):
    assert run(capsys, place, count=2)[0] == 0
    photo = place / "photos" / "1.png"
    if change == "content":
        photo.write_bytes(png(200))
    elif change == "more":
        (place / "photos" / "new.png").write_bytes(png(9))
    else:
        photo.unlink()
    code, err = run(capsys, place)
    assert code == 2
    assert "made with another recipe" in err and "recipe.background.photos was" in err
    assert len(err.splitlines()) == 1
    assert indices(place) == [0, 1]


def add_pack(place: Path) -> None:
    """Let everybody wear the vest of a pack."""
    write_garment(place / "pack" / "vest", "vest", head="# author Ada\n# license CC BY 4.0\n")
    (place / "pack" / "vest" / "vest.png").write_bytes(png(90))
    recipe = place / "mine.toml"
    wardrobe = '[wardrobe]\nstyle = "mesh"\npacks = "pack"\npack_share = 1\n'
    recipe.write_text(recipe.read_text() + wardrobe)


def test_a_dataset_and_its_packs_may_move_and_credits_what_was_worn(capsys, place, tmp_path):
    add_pack(place)
    code, err = run(capsys, place, count=8)  # not everybody wears a vest
    assert code == 0
    assert "1 item (1 clothes); 1 CC-BY-4.0" in err
    info = read_info(place / "out")
    assert info["licences"]["clothes vest"] == "CC-BY-4.0"
    assert info["credits"]["clothes vest"]["author"] == "Ada"
    assert "Ada" in (place / "out" / "ATTRIBUTION.md").read_text()
    moved = tmp_path / "another user"
    shutil.move(place, moved)
    assert run(capsys, moved, count=10)[0] == 0
    assert read_info(moved / "out") == info | {"count": 10}
    assert "anna" not in (moved / "out" / "dataset.json").read_text()


def test_another_pack_is_another_dataset(capsys, place):
    add_pack(place)
    assert run(capsys, place, count=2)[0] == 0
    (place / "pack" / "vest" / "vest.png").write_bytes(png(200))
    code, err = run(capsys, place)
    assert code == 2
    assert "made with another recipe" in err and "recipe.wardrobe.packs was" in err


def test_a_pack_without_anything_to_wear_is_refused_before_rendering(capsys, place):
    add_pack(place)
    (place / "pack" / "vest" / "vest.obj").unlink()
    code, err = run(capsys, place)
    assert code == 2 and StubRenderer.images == 0
    assert "wardrobe.packs" in err and "nothing in it can be worn: vest/vest.mhclo" in err
    assert len(err.splitlines()) == 1 and not (place / "out").exists()


@pytest.mark.parametrize("when", [0, 4_000_000_000])
def test_a_clock_that_jumps_changes_nothing(capsys, place, when):
    assert run(capsys, place, count=2)[0] == 0
    for path in [*place.rglob("*"), place]:
        os.utime(path, (when, when))
    assert run(capsys, place) == (0, "")
    assert indices(place) == [0, 1, 2, 3]


def test_hashes_are_stored_without_names_and_read_again_when_a_file_changes(place, tmp_path):
    memory, path = tmp_path / "hashes", place / "photos" / "0.png"
    os.utime(path, (1, 1))
    time.sleep(2.1)  # younger files are read again anyway
    first = FileHashes(memory).of_file(path)
    assert memory.read_text().count(first) == 1 and "png" not in memory.read_text()
    memory.write_text(memory.read_text().replace(first, "0" * 64))
    assert FileHashes(memory).of_file(path) == "0" * 64  # from the memory
    path.write_bytes(png(1))
    os.utime(path, (1, 1))  # the same size and time of change: only the inode's time tells
    assert FileHashes(memory).of_file(path) not in (first, "0" * 64)


@pytest.mark.parametrize("content", [b"\0\xff" * 99, b"[" * 99_999, b'[1,2,"zz"]\n3\n{}\n[]\n""'])
def test_damaged_memories_are_skipped(place, tmp_path, content):
    (tmp_path / "hashes").write_bytes(content)
    path = place / "photos" / "0.png"
    assert FileHashes(tmp_path / "hashes").of_file(path) == FileHashes().of_file(path)


def test_a_dataset_of_another_version_s_draws_is_refused_in_plain_words(capsys, place):
    assert run(capsys, place, count=1)[0] == 0
    info = read_info(place / "out")
    del info["streams"]  # as version 0.1.0 wrote it
    (place / "out" / "dataset.json").write_text(json.dumps(info))
    code, err = run(capsys, place)
    assert code == 2
    assert "another version of this program drew (draws of version 1, here 2)" in err
    assert "train on it as it is, and choose another output folder" in err
    recipe = load_recipe(place / "mine.toml")
    found = inspect_folder(place / "out", recipe, 0, 4)
    assert found.contents is FolderContents.OTHER and "another version" in found.reason
    assert run(capsys, place, "--overwrite", count=1)[0] == 0


def test_the_panel_knows_the_dataset_without_reading_photos(capsys, place, monkeypatch):
    run(capsys, place, count=2)
    monkeypatch.setattr(FileHashes, "of_file", None)
    recipe = load_recipe(place / "mine.toml")
    assert inspect_folder(place / "out", recipe, 0, 4).contents is FolderContents.PART
    assert inspect_folder(place / "out", recipe, 1, 4).contents is FolderContents.OTHER


# --- locks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "more", "free"),
    [
        (".run.lock", (), False),
        (".run.lock", ("--shard", "1/2"), True),
        (".run-1-of-2.lock", ("--shard", "1/2"), False),
        (".run-1-of-2.lock", ("--shard", "2/2"), True),
        (".run-1-of-2.lock", (), True),
        (".run-1-of-2.lock", ("--overwrite",), False),
        (".run.lock", ("--worker", "--shard", "1/2"), True),
    ],
)
def test_a_run_is_refused_while_another_renders_the_same_part(capsys, place, held, more, free):
    assert run(capsys, place, count=1)[0] == 0
    with output_lock(place / "out" / held):
        code, err = run(capsys, place, *more)
    assert code == (0 if free else 2)
    if not free:
        assert "another run is writing there; wait for its end, or choose another" in err
        assert len(err.splitlines()) == 1
        assert indices(place) == [0]
    assert run(capsys, place)[0] == 0
    assert indices(place) == [0, 1, 2, 3]


def test_jobs_hold_the_lock_until_the_last_worker_has_ended(capsys, place, monkeypatch):
    def run_workers(arguments, shards, report, *, stop_on_eof=False):
        with pytest.raises(OutputBusyError), run_lock(place / "out", Shard()):
            pass
        assert "--overwrite" not in arguments
        return 0

    monkeypatch.setattr(workers, "run_workers", run_workers)
    assert run(capsys, place, "--jobs", "2")[0] == 0
    with run_lock(place / "out", Shard()):
        pass


def test_an_index_that_another_run_has_listed_meanwhile_is_not_rendered_again(
    capsys, place, monkeypatch
):
    def render(self, spec):
        if spec.index == 0:  # a shard renders 2 while this run renders 0
            monkeypatch.setattr(StubRenderer, "render", original)
            assert run(capsys, place, "--shard", "3/4")[0] == 0
        return original(self, spec)

    original = StubRenderer.render
    monkeypatch.setattr(StubRenderer, "render", render)
    assert run(capsys, place)[0] == 0
    assert indices(place) == [0, 1, 2, 3]
    assert StubRenderer.images == 4


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (OSError(28, "No space left on device"), 1, "out: no space is left on the disk; free some"),
        (OSError(122, "Disk quota exceeded", "x"), 1, "out: no space is left on the disk"),
        (
            PermissionError(13, "Permission denied", "/photo.png"),
            1,
            "/photo.png: Permission denied",
        ),
        (MemoryError(), 1, "out of memory; render with fewer --jobs, or smaller images"),
        (RuntimeError("CUDA error\n at line 3"), 1, "error: CUDA error at line 3"),
        (KeyError("x"), 1, "unexpected KeyError: 'x'; please report it"),
        (RecursionError("deep"), 1, "error: deep"),
        (ValueError(), 1, "unexpected ValueError: ; please report it"),
        (KeyboardInterrupt(), 130, "stopped; run the same command to resume"),
    ],
)
def test_a_failure_is_one_line_and_the_run_can_be_resumed(capsys, place, fault, code, said):
    StubRenderer.fault = fault
    ended, err = run(capsys, place)
    assert ended == code
    assert said in err and len(err.splitlines()) == 1
    assert indices(place) == [0]
    StubRenderer.fault = None
    assert run(capsys, place)[0] == 0
    assert indices(place) == [0, 1, 2, 3]


def test_a_folder_without_write_access_is_named(capsys, place, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("blender_addon.datagen.output_folder.tempfile.TemporaryFile", refuse)
    code, err = run(capsys, place)
    assert code == 2
    assert f"{place / 'out'}: cannot be written (Permission denied); choose another" in err
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_sigterm_ends_a_run_as_ctrl_c_does(capsys, place, monkeypatch):
    def render(self, spec):
        if spec.index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, spec)

    original = StubRenderer.render
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(StubRenderer, "render", render)
    code, err = run(capsys, place)
    assert code == 130
    assert err.startswith("stopped at 2/4") and "run the same command to resume" in err
    assert len(err.splitlines()) == 1
    assert signal.getsignal(signal.SIGTERM) is before
    assert indices(place) == [0, 1]
    assert run(capsys, place)[0] == 0
    assert indices(place) == [0, 1, 2, 3]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_while_files_are_read_ends_the_run(capsys, place, monkeypatch):
    original = FileHashes.in_order

    def in_order(self, names):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(self, names)

    monkeypatch.setattr(FileHashes, "in_order", in_order)
    code, err = run(capsys, place)
    assert code == 130 and "stopped at 0/4" in err


WORKER = "import os, signal, sys; {}"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("sys.exit(0)", 0, ""),
        ("sys.exit(130)", 130, ""),
        ("sys.exit(1)", 1, "workers 1, 2 of 2 ended early, as said above; run the same command"),
        ("os.kill(os.getpid(), 9)", 1, "worker 2 of 2 was killed (SIGKILL, as by a system that is"),
        ("os.kill(os.getpid(), 11)", 1, "worker 1 of 2 was ended by the system (SIGSEGV); run the"),
    ],
)
def test_the_end_of_workers_is_said_with_cause_and_remedy(capsys, monkeypatch, program, code, said):
    command = [sys.executable, "-c", WORKER.format(program)]
    monkeypatch.setattr(workers, "batch_command", lambda: command)
    assert workers.run_workers([], Shard().split(2), lambda progress: None) == code
    err = capsys.readouterr().err
    assert said in err and bool(said) == bool(err)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_to_the_parent_alone_ends_its_workers(monkeypatch):
    """Each worker ends when its input does, as the batch command does with --stop-on-eof."""
    program = "import sys; print('{}', flush=True); sys.stdin.read(); sys.exit(130)"
    monkeypatch.setattr(workers, "batch_command", lambda: [sys.executable, "-c", program])
    original = workers._start
    started = []

    def start(*arguments):
        started.append(original(*arguments))
        if len(started) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    monkeypatch.setattr(workers, "_start", start)
    assert workers.run_workers([], Shard().split(3), lambda progress: None) == 130
    assert [process.returncode for process in started] == [130, 130]


def test_a_reader_that_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "blender_addon.batch", "--preset", "close", "--dry-run"]
    process = subprocess.Popen(
        [*command, "--count", "400"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["index"] == 0
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 130
