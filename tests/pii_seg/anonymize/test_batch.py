"""Many files, each completely or not at all, whatever is among them and whatever stops the run."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.batch import Batch, Outcome, locked_folder
from pii_seg.anonymize.done_key import run_identity
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.inputs import collect_inputs
from pii_seg.anonymize.journal import Journal
from pii_seg.anonymize.review import reasons
from pii_seg.command_line import DONE, FAILED, WRONG_INPUT
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import InputError
from tests.pii_seg.anonymize.conftest import (
    CANARY,
    SOURCES,
    Bright,
    noise,
    person_on,
    pillow,
    saved,
    tagged_exif,
)
from tests.pii_seg.anonymize.test_video import read_video, write_video

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged TIFFs

SUFFIXES = {
    "jpeg": ".jpg",
    "png": ".png",
    "webp": ".webp",
    "tiff": ".tif",
    "gif": ".gif",
    "bmp": ".bmp",
}
LEFT_HALF = "0,0,0.5,1"


def anonymize(
    inputs: list[Path], output: Path, detector: Bright | None = None, **options: Any
) -> Outcome:
    """The records are in output/audit.jsonl."""
    anonymizer = Anonymizer(detector or Bright(), dilate=0.05, seed=0)
    outcome = Outcome()
    with locked_folder(output):
        journal = Journal(output / "audit.jsonl")
        journal.begin(run_identity(None, {}), force=options.get("force", False))
        files = collect_inputs(inputs, output, renamed=options.get("renamed", False)).files
        Batch(anonymizer, output, journal, Options(**options)).run(files, outcome, workers=1)
    return outcome


def records_of(output: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (output / "audit.jsonl").read_text().splitlines())
    return [line for line in lines if "output" in line]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A file of each kind, in folders."""
    for name, content in SOURCES.items():
        path = (
            tmp_path
            / "photos"
            / name.split()[-1]
            / (name.replace(" ", "_") + SUFFIXES.get(name.split()[-1], ".png"))
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "photos"


def test_every_frame_of_every_kind_is_redacted(photos: Path, tmp_path: Path) -> None:
    assert main([str(photos), "--output", str(tmp_path / "out"), "--include", LEFT_HALF]) == DONE
    outputs = [
        path
        for path in (tmp_path / "out").rglob("*.*")
        if path.parent.name in {n.split()[-1] for n in SOURCES}
    ]
    assert len(outputs) == len(SOURCES)
    for path in outputs:
        content = path.read_bytes()
        assert CANARY.encode() not in content
        for frame in decode_file(content).frames:
            left = frame.to_rgb8()[:, : frame.pixels.shape[1] // 2 - 4]
            assert left.max() < 40, path  # black; lossy formats ring


def test_inputs_are_not_touched(photos: Path, tmp_path: Path) -> None:
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in photos.rglob("*")
        if path.is_file()
    }
    main([str(photos), "--output", str(tmp_path / "out"), "--include", LEFT_HALF])
    assert {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.rglob("*") if p.is_file()
    } == before


def test_orientations_make_no_difference(tmp_path: Path) -> None:
    upright = person_on(np.full((24, 36, 3), 90, np.uint8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    (tmp_path / "in").mkdir()
    for orientation in range(1, 9):
        image = pillow(upright)
        if orientation in undo:
            image = image.transpose(Image.Transpose(undo[orientation]))
        (tmp_path / "in" / f"{orientation}.png").write_bytes(
            saved(image, "PNG", exif=tagged_exif(orientation))
        )
    anonymize([tmp_path / "in"], tmp_path / "out")
    outputs = {(tmp_path / "out" / f"{n}.png").read_bytes() for n in range(1, 9)}
    assert len(outputs) == 1
    assert decode_file(outputs.pop()).frames[0].pixels.max() == 90


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("hold", [2, 0])
def test_an_animation_is_redacted_like_a_video(tmp_path: Path, kind: str, hold: int) -> None:
    plain = np.full((24, 36, 3), 90, np.uint8)
    frames = [pillow(plain), pillow(person_on(plain)), *[pillow(plain + k) for k in (1, 2, 3)]]
    name = f"a.{kind.lower()}"
    exact = {"lossless": True} if kind == "WEBP" else {}
    times = [50, 100, 150, 200, 250]
    options = {"save_all": True, "append_images": frames[1:], "duration": times, **exact}
    (tmp_path / name).write_bytes(saved(frames[0], kind, **options))
    anonymize([tmp_path / name], tmp_path / "out", hold=hold)
    frames_out = decode_file((tmp_path / "out" / name).read_bytes()).frames
    assert [frame.duration for frame in frames_out] == times  # those that became alike, too
    assert max(frame.pixels.max() for frame in frames_out) < 100
    covered = [bool((frame.pixels == 0).any()) for frame in frames_out]
    assert covered == ([True] * 4 + [False] if hold else [False, True, False, False, False])


def test_the_pages_of_a_tiff_are_independent(tmp_path: Path) -> None:
    plain = np.full((24, 36, 3), 90, np.uint8)
    pages = [pillow(person_on(plain)), pillow(plain)]
    (tmp_path / "a.tif").write_bytes(
        saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    )
    anonymize([tmp_path / "a.tif"], tmp_path / "out")
    pages_out = decode_file((tmp_path / "out" / "a.tif").read_bytes()).frames
    assert [bool((page.pixels == 0).any()) for page in pages_out] == [True, False]


@pytest.mark.parametrize("value", [0, 90, 255])
def test_an_image_without_contrast_asks_for_a_review(tmp_path: Path, value: int) -> None:
    flat = np.full((24, 36, 3), value, np.uint8)
    (tmp_path / "a.png").write_bytes(saved(pillow(flat), "PNG"))
    (tmp_path / "b.png").write_bytes(saved(pillow(noise()), "PNG"))
    anonymize([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out")
    records = records_of(tmp_path / "out")
    wanted = {each["name"]: any("contrast" in why for why in reasons(each)) for each in records}
    assert wanted == {"a.png": True, "b.png": False}


@pytest.mark.parametrize(("hold", "shown"), [(2, False), (0, True)])
def test_a_person_missed_in_one_video_frame_is_hidden(
    tmp_path: Path, hold: int, shown: bool
) -> None:
    source = write_video(tmp_path / "in.mp4")
    # Without a second pass the detector is called once for each frame.
    anonymize([source], tmp_path / "out", Bright(misses=(5,)), hold=hold, second_pass=False)
    frames, _ = read_video(tmp_path / "out" / "in.mp4")
    bright = [int((frame.min(axis=2) > 200).sum()) for frame in frames]
    assert len(frames) == 10
    assert [count > 0 for count in bright] == [shown and number == 5 for number in range(10)]


def test_small_persons_and_those_at_the_border_are_redacted(tmp_path: Path) -> None:
    array = np.full((60, 80, 3), 90, np.uint8)
    for y, x in ((0, 0), (59, 79), (30, 40), (0, 79)):
        array[y, x] = 255
    (tmp_path / "a.png").write_bytes(saved(pillow(array), "PNG"))
    anonymize([tmp_path / "a.png"], tmp_path / "out")
    assert decode_file((tmp_path / "out" / "a.png").read_bytes()).frames[0].pixels.max() == 90
    assert records_of(tmp_path / "out")[0]["persons"] == 4


def test_a_bad_file_is_listed_and_the_others_are_processed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "c.png"):
        (tmp_path / "in" / name).write_bytes(SOURCES["png"])
    (tmp_path / "in" / "b.png").write_bytes(SOURCES["png"][:200])
    (tmp_path / "in" / "d.cr2").write_bytes(b"raw")
    assert (
        main([str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--include", LEFT_HALF])
        == FAILED
    )
    printed = capsys.readouterr().err
    assert "2 failed and have no output" in printed
    assert "b.png: " in printed
    assert "d.cr2: is not an image in a known format" in printed
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "c.png"]
    assert [
        entry["file"]
        for entry in json.loads((tmp_path / "out" / "audit.json").read_text())["failed"]
    ] == ["b.png", "d.cr2"]


def test_two_hundred_damaged_files_leave_no_partial_output(tmp_path: Path) -> None:
    """Twelve files of each of 17 image kinds, six of each of three video kinds."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "in"
    folder.mkdir()
    videos = {
        kind: write_video(tmp_path / f"video.{kind}").read_bytes() for kind in ("mp4", "mkv", "avi")
    }
    files = [
        (f"{name.replace(' ', '_')}{n}.png", SOURCES[name]) for name in SOURCES for n in range(12)
    ]
    files += [(f"video{n}.{kind}", content) for kind, content in videos.items() for n in range(6)]
    for name, content in files:
        damaged = bytearray(content)
        if rng.random() < 0.5:
            damaged = damaged[: rng.integers(0, len(damaged) * 9 // 10)]
        for place in rng.integers(0, max(1, len(damaged)), rng.integers(1, 9)):
            if damaged:
                damaged[place] ^= int(rng.integers(1, 256))
        (folder / name).write_bytes(damaged)
    code = main([str(folder), "--output", str(tmp_path / "out"), "--include", LEFT_HALF])
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    failed = {entry["file"] for entry in audit["failed"]}
    done = {record["name"]: record["output"] for record in audit["files"]}
    assert code == FAILED
    assert len(failed) > 100
    assert failed | set(done) == {name for name, _ in files}
    assert not failed & set(done)
    written = {
        path.name
        for path in (tmp_path / "out").iterdir()
        if not path.name.startswith(("audit.", ".anonymize.lock"))
    }
    assert written == set(done.values())


def test_renamed_outputs_reveal_no_input_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in" / CANARY
    folder.mkdir(parents=True)
    (folder / f"{CANARY}.png").write_bytes(saved(pillow(noise()), "PNG"))
    (folder / f"{CANARY}-2.jpg").write_bytes(b"broken")
    write_video(folder / f"{CANARY}.mp4")
    out = tmp_path / "out"
    assert (
        main(
            [str(tmp_path / "in"), "--output", str(out), "--include", LEFT_HALF, "--rename", "hash"]
        )
        == FAILED
    )
    printed = capfd.readouterr()
    assert CANARY not in printed.out + printed.err
    assert "SHA-256" in printed.err
    for path in out.rglob("*"):
        assert CANARY not in str(path.relative_to(out))
        assert CANARY.encode() not in path.read_bytes()
    digest = sha256_of(folder / f"{CANARY}.png")
    assert (out / f"{digest[:20]}.png").is_file()


def test_resuming_processes_only_missing_and_changed_files(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(saved(pillow(noise(seed=ord(name))), "PNG"))
    inputs = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    assert anonymize(inputs, tmp_path / "out").done == 3
    first = (tmp_path / "out" / "c.png").read_bytes()
    (tmp_path / "out" / "a.png").unlink()
    (tmp_path / "out" / "b.png").write_bytes(b"spoilt")
    inputs[2].write_bytes(saved(pillow(person_on(noise(seed=9))), "PNG"))
    again = anonymize(inputs, tmp_path / "out")
    assert (again.done, again.skipped, again.failed) == (3, 0, [])
    assert (tmp_path / "out" / "c.png").read_bytes() != first
    assert anonymize(inputs, tmp_path / "out").skipped == 3


def test_foreign_files_are_replaced_only_with_force(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"foreign")
    outcome = anonymize([tmp_path / "a.png"], tmp_path / "out")
    assert "--force" in outcome.failed[0][1]
    assert (tmp_path / "out" / "a.png").read_bytes() == b"foreign"
    assert anonymize([tmp_path / "a.png"], tmp_path / "out", force=True).done == 1


def test_other_settings_need_another_folder_or_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    command = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), "--include", LEFT_HALF]
    assert main(command) == DONE
    assert main([*command, "--style", "inpaint"]) == WRONG_INPUT
    assert "other settings" in capsys.readouterr().err
    assert main([*command, "--style", "inpaint", "--force"]) == DONE


def test_a_second_run_in_one_folder_is_rejected(tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def hold_folder() -> None:
        with locked_folder(tmp_path / "out"):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold_folder)
    thread.start()
    held.wait(10)
    with (
        pytest.raises(InputError, match="another run is writing"),
        locked_folder(tmp_path / "out"),
    ):
        pass
    done.set()
    thread.join()


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    command = [
        str(tmp_path / "a.png"),
        "--output",
        str(tmp_path / "out"),
        "--include",
        LEFT_HALF,
        "--dry-run",
    ]
    assert main(command) == DONE
    assert "1 files would be anonymised with style solid" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_person_found_in_the_second_pass_is_reported(tmp_path: Path) -> None:
    array = np.full((200, 200, 3), 90, np.uint8)
    array[10:30, 10:20] = 255
    array[150:170, 150:160] = 255

    class MissesInFirstPass(Bright):
        def probability(self, image: np.ndarray) -> np.ndarray:
            seen = super().probability(image)
            if self.calls == 1:
                seen[100:] = 0
            return seen

    (tmp_path / "a.png").write_bytes(saved(pillow(array), "PNG"))
    anonymize([tmp_path / "a.png"], tmp_path / "out", MissesInFirstPass())
    assert records_of(tmp_path / "out")[0]["doubts"]["left"] == pytest.approx(200 / 40000)


def test_user_masks_are_used_and_missing_ones_are_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "in" / "sub").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "sub" / f"{name}.png").write_bytes(saved(pillow(noise()), "PNG"))
    (tmp_path / "masks" / "sub").mkdir(parents=True)
    mask = np.zeros((24, 36), np.uint8)
    mask[:, 18:] = 7
    (tmp_path / "masks" / "sub" / "a.png").write_bytes(saved(Image.fromarray(mask), "PNG"))
    (tmp_path / "masks" / "sub" / "b.png").write_bytes(saved(Image.fromarray(mask[:5]), "PNG"))
    command = [
        str(tmp_path / "in"),
        "--output",
        str(tmp_path / "out"),
        "--masks",
        str(tmp_path / "masks"),
        "--dilate",
        "0",
    ]
    assert main(command) == FAILED
    printed = capsys.readouterr().err
    assert "b.png: is 36 x 24 px upright, its mask 36 x 5" in printed
    assert "c.png: has no mask" in printed
    out = decode_file((tmp_path / "out" / "sub" / "a.png").read_bytes()).frames[0].pixels
    assert (out[:, 18:] == 0).all()
    np.testing.assert_array_equal(out[:, :10], noise()[:, :10])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--include", "0,0,2,1"], "beyond the image"),
        (["--include", LEFT_HALF, "--recall", "0.9"], "needs a checkpoint"),
        (["--include", LEFT_HALF, "--style", "sepia"], "sepia"),
        (
            ["--include", LEFT_HALF, "--style", "synthesise", "--generator", "absent"],
            "absent: no such folder",
        ),
        (["--include", LEFT_HALF, "--jobs", "0"], "--jobs 0"),
        (["--include", LEFT_HALF, "--hold", "-1"], "--hold -1"),
        (["--include", LEFT_HALF, "--dilate", "2"], "dilate"),
        (["--masks", "absent"], "is not a folder"),
        (["--checkpoint", "absent.ckpt"], "no such checkpoint"),
    ],
)
def test_invalid_input_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    assert (
        main([str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), *arguments])
        == WRONG_INPUT
    )
    printed = capsys.readouterr().err
    assert why in printed
    assert len(printed.strip().splitlines()) == 1
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_raw_or_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 20 kills at random moments the outputs equal those of an undisturbed run."""
    for number in range(40):
        path = tmp_path / "in" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(saved(pillow(noise(300, 400, seed=number)), "PNG"))
    write_video(tmp_path / "in" / "video.mp4", 60)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def command(output: str) -> list[str]:
        return [
            str(tmp_path / "in"),
            "--output",
            str(tmp_path / output),
            "--include",
            LEFT_HALF,
            "--jobs",
            "2",
        ]

    started = time.monotonic()
    assert main(command("whole")) == DONE
    whole_seconds = time.monotonic() - started
    reference = {
        p.name: p.read_bytes()
        for p in (tmp_path / "whole").iterdir()
        if p.suffix in (".png", ".mp4")
    }
    killed, moments = 0, random.Random(3)
    for _ in range(20):
        child = multiprocessing.get_context("fork").Process(target=main, args=(command("out"),))
        child.start()
        child.join(moments.uniform(0, whole_seconds / 4))
        if child.is_alive():
            os.kill(child.pid or 0, signal.SIGKILL)
            killed += 1
        child.join()
        for path in (tmp_path / "out").glob("[!.]*"):
            if path.suffix in (".png", ".mp4"):
                assert path.read_bytes() == reference[path.name]
        assert not list((tmp_path / "tmp").iterdir())
    assert killed >= 5
    assert main(command("out")) == DONE
    assert not list((tmp_path / "out").glob(".anonymize-*"))
    assert {
        p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.suffix in (".png", ".mp4")
    } == reference
    whole, resumed = (
        json.loads((tmp_path / name / "audit.json").read_text())["files"]
        for name in ("whole", "out")
    )
    assert [record["output_sha256"] for record in whole] == [
        record["output_sha256"] for record in resumed
    ]


def test_an_unfinished_file_holds_no_raw_pixel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill can leave a temporary file until the next start, but it is already redacted."""
    (tmp_path / "a.png").write_bytes(saved(pillow(noise()), "PNG"))

    def killed(self: Batch, unfinished: Path, record: dict[str, Any]) -> None:
        frame = decode_file(unfinished.read_bytes()).frames[0]
        assert (frame.pixels[:, :16] == 0).all()
        raise RuntimeError("killed")

    monkeypatch.setattr(Batch, "_publish", killed)
    code = main(
        [str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), "--include", LEFT_HALF]
    )
    assert code == FAILED
    assert "killed" in json.loads((tmp_path / "out" / "audit.json").read_text())["failed"][0]["why"]


def test_the_audit_page_lists_outputs_and_has_no_script(photos: Path, tmp_path: Path) -> None:
    main([str(photos), "--output", str(tmp_path / "out"), "--include", LEFT_HALF])
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "jpeg/jpeg.jpg" in page
    assert "<script" not in page
    assert "<img" not in page
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert audit["totals"]["files"] == len(SOURCES)
    for record in audit["files"]:
        assert record["output_sha256"] == sha256_of(tmp_path / "out" / record["output"])
