"""Runs with other masks, settings, seeds, names and disks than the run before them."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize import file_redaction, journal
from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.failures import end_of_run, reason_of
from pii_seg.anonymize.redaction import STYLES
from pii_seg.command_line import DONE, FAILED, WRONG_INPUT
from tests.pii_seg.anonymize.conftest import noise, pillow, saved

LEFT_HALF = ("--include", "0,0,0.5,1")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with in/a.png, in/b.png, in/c.png."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate("abc"):
        (tmp_path / "in" / f"{name}.png").write_bytes(png(number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def png(seed: int) -> bytes:
    return saved(pillow(np.minimum(noise(seed=seed), 200)), "PNG")


def run(*arguments: str) -> int:
    return main(["in", "--output", "out", *LEFT_HALF, *arguments])


def audit() -> dict[str, Any]:
    return json.loads(Path("out/audit.json").read_text())


def outputs() -> set[str]:
    names = {p.relative_to("out").as_posix() for p in Path("out").rglob("[!.]*") if p.is_file()}
    return names - {"audit.json", "audit.html", "audit.jsonl"}


def image_of(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_corrected_mask_makes_the_output_again(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["in/a.png", "--output", "out", "--masks", "masks"]
    Path("masks").mkdir()
    mask = np.zeros((24, 36), np.uint8)
    Image.fromarray(mask).save("masks/a.png")
    assert main(command) == DONE
    mask[:, :9] = 255
    Image.fromarray(mask).save("masks/a.png")
    assert main(command) == DONE
    assert (image_of("out/a.png")[:, :9] == 0).all()
    assert main(command) == DONE
    assert "0 files anonymised, 1 skipped" in capsys.readouterr().out


def test_a_failed_replacement_leaves_no_older_output(world: Path) -> None:
    assert run("--style", "blur") == DONE
    Path("in/b.png").write_bytes(b"\x89PNG\r\n\x1a\ngarbage")
    assert run("--style", "solid", "--force") == FAILED
    assert outputs() == {"a.png", "c.png"}
    assert [entry["file"] for entry in audit()["failed"]] == ["b.png"]
    assert {record["output"] for record in audit()["files"]} == outputs()


def test_an_interrupted_force_resumes_and_says_what_is_of_before(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate("defgh"):
        Path(f"in/{name}.png").write_bytes(png(10 + number))
    assert run("--style", "mosaic") == DONE
    add = journal.Journal.add

    def interrupted(self: journal.Journal, record: dict[str, Any]) -> None:
        if record["name"] == "b.png":
            raise KeyboardInterrupt
        add(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(journal.Journal, "add", interrupted)
        assert run("--force", "--jobs", "1") == 130
    assert not audit()["complete"]
    assert [record["output"] for record in audit()["files"]] == ["a.png"]
    earlier = {entry["output"] for entry in audit()["earlier"]}
    assert earlier == outputs() - {"a.png"} >= {"f.png", "g.png", "h.png"}
    assert audit()["earlier"][-1]["why"] == "made with other settings (style)"
    made = Path("out/a.png").stat().st_ino
    capsys.readouterr()
    assert run("--force") == DONE  # the same command
    assert "7 files anonymised, 1 skipped" in capsys.readouterr().out
    assert Path("out/a.png").stat().st_ino == made
    assert audit()["complete"]
    assert not audit()["earlier"]
    assert run("--force") == DONE  # it was finished: everything is made again
    assert "8 files anonymised" in capsys.readouterr().out


def test_a_fresh_seed_is_kept_by_a_run_that_resumes(world: Path) -> None:
    command = ("--style", "inpaint")
    assert run(*command) == DONE
    seed = audit()["settings"]["seed"]
    whole = Path("out/b.png").read_bytes()
    Path("out/b.png").unlink()
    assert run(*command) == DONE
    assert Path("out/b.png").read_bytes() == whole
    assert run(*command, "--seed", str(seed)) == DONE
    assert run(*command, "--seed", "3") == WRONG_INPUT
    assert run(*command, "--force") == DONE
    assert audit()["settings"]["seed"] != seed


@pytest.mark.parametrize("style", sorted(STYLES))
def test_styles_that_draw_say_so(style: str) -> None:
    from pii_seg.anonymize.redaction import redact

    def paint(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, 256, image.shape, dtype=np.uint8)

    mask = np.zeros((24, 36), bool)
    mask[5:15, 5:15] = True
    one, other = (
        redact(noise(), mask, style, paint=paint, rng=np.random.default_rng(seed))[0]
        for seed in (1, 2)
    )
    assert STYLES[style].draws == (one != other).any()


def test_an_edited_input_has_one_row(world: Path) -> None:
    assert run() == DONE
    Path("in/a.png").write_bytes(png(9))
    assert run() == DONE
    assert audit()["totals"]["files"] == len(audit()["files"]) == 3
    hashes = {record["name"]: record["input_sha256"] for record in audit()["files"]}
    from pii_seg.data.hashes import sha256_of

    assert hashes["a.png"] == sha256_of(Path("in/a.png"))


def test_outputs_of_inputs_that_were_not_given_are_named(world: Path) -> None:
    assert run() == DONE
    Path("in/a.png").unlink()
    assert run() == DONE
    assert [entry["output"] for entry in audit()["earlier"]] == ["a.png"]


def test_files_of_no_run_are_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/mine.png").write_bytes(b"mine")
    assert run() == DONE
    assert audit()["not_of_this_run"] == ["mine.png"]
    assert "1 files in the folder are of no run" in capsys.readouterr().out


def test_a_wrong_ending_takes_no_name_of_a_neighbour(world: Path) -> None:
    jpeg = [saved(pillow(noise(seed=seed)), "JPEG") for seed in (1, 2)]
    Path("in/photo.webp").write_bytes(jpeg[0])
    Path("in/photo.webp.jpg").write_bytes(jpeg[1])
    assert run() == DONE
    made = {record["name"]: record["output"] for record in audit()["files"]}
    assert made["photo.webp.jpg"] == "photo.webp.jpg"
    assert made["photo.webp"] == "photo.webp.jpg.jpg"
    assert set(made.values()) == outputs()


def test_copies_under_hashed_names_share_an_output(world: Path) -> None:
    Path("in/d.png").write_bytes(Path("in/a.png").read_bytes())
    assert run("--rename", "hash", "--jobs", "4") == DONE
    assert len(outputs()) == len(audit()["files"]) == 3
    Path("masks").mkdir()
    for name in "abcd":
        Image.fromarray(np.full((24, 36), ord(name), np.uint8)).save(f"masks/{name}.png")
    command = ["in", "--output", "out2", "--masks", "masks", "--rename", "hash"]
    assert main(command) == FAILED
    written = json.loads(Path("out2/audit.json").read_text())
    assert "another mask" in written["failed"][0]["why"]


MASK_FAULTS = {
    "several": (["a.png.png", "a.png"], "has several masks"),
    "shared": (["a.png"], "shares a mask with an input of the same name"),
    "missing": ([], "has no mask"),
    "foreign": (["a.jpg"], "has no mask"),
}


@pytest.mark.parametrize("case", MASK_FAULTS)
def test_a_mask_is_of_one_input(world: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    names, why = MASK_FAULTS[case]
    Path("masks").mkdir()
    if case == "shared":
        Path("in/a.webp").write_bytes(saved(pillow(noise()), "WEBP"))
    for name in names:
        Image.fromarray(np.full((24, 36), 255, np.uint8)).save(f"masks/{name}")
    inputs = ["in/a.png", *(["in/a.webp"] if case == "shared" else [])]
    assert main([*inputs, "--output", "out", "--masks", "masks"]) == FAILED
    assert f"a.png: {why}" in capsys.readouterr().err
    assert not outputs()


def test_masks_of_no_input_are_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("masks").mkdir()
    for name in ("A.PNG", "b.png", "c.png", "typo.png"):
        Image.fromarray(np.zeros((24, 36), np.uint8)).save(f"masks/{name}")
    assert main(["in", "--output", "out", "--masks", "masks"]) == DONE
    assert "left out: 1 mask of no input (typo.png)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--audit", "in/a.png"], "must end in .json"),
        (["--audit", "notes.json"], "is not an audit of this program"),
        (["--audit", "page.json"], r"page.html: is not an audit"),
        (["--audit", "lines.json"], r"lines.jsonl: is no journal"),
        (["--masks", "out"], "one holds the other"),
        (["--masks", "in"], "is the input too"),
        (["--seed", "-5"], "seed -5"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_nothing_foreign_is_replaced(
    world: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str, force: bool
) -> None:
    for name in ("notes.json", "page.html", "lines.jsonl"):
        Path(name).write_text('{"mine": 1}\n')
    before = {path: path.read_bytes() for path in world.rglob("*.*") if path.is_file()}
    Path("out").mkdir()
    assert run(*arguments, *(["--force"] if force else [])) == WRONG_INPUT
    printed = capsys.readouterr().err
    assert why in printed
    assert len(printed.splitlines()) == 1
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_link_in_the_output_leads_to_no_other_file(world: Path) -> None:
    Path("in/sub").mkdir()
    Path("in/sub/d.png").write_bytes(png(4))
    Path("out").mkdir()
    Path("out/sub").symlink_to(world / "in" / "sub")
    for option in ([], ["--force"]):
        assert run(*option) == FAILED
        assert Path("in/sub/d.png").read_bytes() == png(4)
    assert "link to elsewhere" in audit()["failed"][0]["why"]


def test_a_tampered_journal_is_one_line(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == DONE
    path = Path("out/audit.jsonl")
    path.write_text(path.read_text().replace('"output":"a.png"', '"output":"../in/a.png"'))
    assert run() == WRONG_INPUT
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert run("--force") == DONE
    assert Path("in/a.png").read_bytes() == png(0)


def test_names_of_any_bytes_are_listed_with_escapes(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = [os.fsdecode(name) for name in (b"caf\xe9.png", b"a\n\x1b[31m.png", b"n\xe9.txt")]
    for name in odd:
        Path("in", name).write_bytes(png(5) if name.endswith("png") else b"text")
    Path("in", os.fsdecode(b"bad\xe9.png")).write_bytes(b"bad")
    assert run() == FAILED
    printed = capsys.readouterr()
    assert r"bad\xe9.png" in printed.err
    assert r"n\xe9.txt" in printed.out
    assert outputs() == {"a.png", "b.png", "c.png", *odd[:2]}
    page = Path("out/audit.html").read_bytes().decode("utf-8")
    assert r"caf\xe9.png" in page
    assert r"a\n\x1b[31m.png" in page
    Path("out/audit.json").read_bytes().decode("ascii")
    assert run() == FAILED  # resumes
    assert "0 files anonymised, 5 skipped" in capsys.readouterr().out


def test_what_is_left_out_is_named_and_counted(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/notes.txt").write_text("notes")
    Path("in/.hidden.png").write_bytes(png(1))
    Path("in/gone.jpg").symlink_to("absent")
    assert run() == FAILED
    printed = capsys.readouterr()
    assert "1 not an image or video (notes.txt)" in printed.out
    assert "1 hidden file (.hidden.png)" in printed.out
    assert "gone.jpg: link to a file that does not exist" in printed.err
    assert audit()["left_alone"] == [
        {"why": "hidden file", "count": 1, "files": [".hidden.png"]},
        {"why": "not an image or video", "count": 1, "files": ["notes.txt"]},
    ]
    for name in ("notes.txt", ".hidden.png", "gone.jpg"):
        assert name in Path("out/audit.html").read_text()


def test_the_audit_holds_no_path_of_the_machine(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"cannot open {world}/in/a.png: '{world}/in/a.png'")

    with monkeypatch.context() as patched:
        patched.setattr(file_redaction, "encode_file", failing)
        assert main([str(world / "in"), "--output", str(world / "out"), *LEFT_HALF]) == FAILED
    for path in Path("out").glob("audit.*"):
        assert str(world).encode() not in path.read_bytes()
        assert os.uname().nodename.encode() not in path.read_bytes()
    assert audit()["failed"][0]["why"] == "RuntimeError: cannot open file: 'file'"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_ends_the_run_in_one_line(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrapped: bool
) -> None:
    assert run("--style", "mosaic") == DONE

    def full(*_: Any, **__: Any) -> bytes:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", f"{world}/out/x")
        except OSError:
            if wrapped:
                raise ValueError("cannot be decoded; remove it") from None
            raise

    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(file_redaction, "encode_file", full)
        assert run("--force") == FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no space left on out; make room")
    assert run("--force") == DONE
    assert len(audit()["files"]) == 3


def test_errors_are_one_line_without_paths() -> None:
    path = Path("/mnt/in/jane.jpg")
    error = RuntimeError("bad\nfile /mnt/in/jane.jpg, C:\\photos\\jane\\x.jpg")
    assert reason_of(error, path) == "RuntimeError: bad file file, x.jpg"
    assert reason_of(OSError(13, "Permission denied", str(path)), path) == "Permission denied"
    assert "memory" in reason_of(MemoryError(), path)
    assert end_of_run(RuntimeError(), path) is None


def test_a_file_that_changes_while_it_is_read_has_no_output(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = file_redaction.encode_file

    def edited_meanwhile(image: Any) -> bytes:
        Path("in/a.png").write_bytes(png(9))
        return encode(image)

    with monkeypatch.context() as patched:
        patched.setattr(file_redaction, "encode_file", edited_meanwhile)
        assert main(["in/a.png", "--output", "out", *LEFT_HALF]) == FAILED
    assert not outputs()
    assert main(["in/a.png", "--output", "out", *LEFT_HALF]) == DONE


def test_a_jump_of_the_clock_changes_nothing(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run() == DONE
    before = {path: path.stat().st_mtime_ns for path in map(Path, ["out/a.png", "out/b.png"])}
    for seconds in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        for path in (*Path("in").iterdir(), *before):
            os.utime(path, (seconds, seconds))
        assert run() == DONE
    assert audit()["totals"]["files"] == 3
    assert {path: path.stat().st_mtime_ns for path in before} == dict.fromkeys(before, 4 * 10**18)
