"""--write-masks, --write-json and --verify: written, resumed, withdrawn and named like outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from pii_seg.anonymize.__main__ import main
from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.batch import Outcome
from pii_seg.anonymize.file_redaction import Options
from pii_seg.anonymize.inputs import collect_inputs
from pii_seg.anonymize.instance_files import check_entry, paths_of
from pii_seg.anonymize.journal import Journal
from pii_seg.anonymize.regions import Region
from pii_seg.anonymize.run import anonymize_files
from pii_seg.anonymize.summary import describe_faults
from pii_seg.command_line import DONE, WRONG_INPUT
from pii_seg.errors import InputError
from tests.pii_seg.anonymize.conftest import Bright, noise, person_on, pillow, saved

BOTH = Options(write_masks=True, write_json=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "sub"
    folder.mkdir(parents=True)
    two = person_on(noise())
    two[4:12, 24:29] = 255
    (folder / "jane.png").write_bytes(saved(pillow(two), "PNG"))
    frames = [pillow(person_on(noise(seed=k), left=4 + 4 * k)) for k in range(3)]
    moving = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=40)
    (folder / "walk.apng").write_bytes(moving)
    return tmp_path / "photos"


def anonymize(
    photos: Path, options: Options = BOTH, detector: Bright | None = None, **more: Any
) -> tuple[Outcome, dict[str, Any]]:
    output = photos.parent / "out"
    inputs = collect_inputs([photos], output, renamed=options.renamed)
    anonymizer = Anonymizer(detector or Bright(), dilate=0.05, seed=0, **more)
    return anonymize_files(inputs, output, anonymizer, options)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((".", "audit."))
    }


def read_ids(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_masks_mark_what_was_redacted_and_json_describes_them(photos: Path) -> None:
    outcome, audit = anonymize(photos)
    assert outcome.done == 2 and not outcome.failed
    assert audit["not_of_this_run"] == []
    folder = photos.parent / "out" / "instances" / "sub"
    ids = read_ids(folder / "jane.png.png")
    black = np.asarray(Image.open(photos.parent / "out/sub/jane.png")).max(axis=2) == 0
    assert set(np.unique(ids)) == {0, 1, 2}
    assert black[ids > 0].all() and (black & (ids == 0)).mean() < 0.01
    described = json.loads((folder / "jane.png.json").read_text())
    assert described["name"] == described["output"] == "sub/jane.png"
    (frame,) = described["frames"]
    assert (frame["width"], frame["height"], frame["mask"]) == (36, 24, "jane.png.png")
    for piece in frame["pieces"]:
        assert piece["area"] == (ids == piece["id"]).sum()
        assert piece["sources"] == ["model"] and piece["score_mean"] == 1.0


def test_animations_have_a_mask_for_each_frame(photos: Path) -> None:
    anonymize(photos)
    folder = photos.parent / "out" / "instances" / "sub"
    described = json.loads((folder / "walk.apng.json").read_text())
    names = [frame["mask"] for frame in described["frames"]]
    assert names == [f"walk.apng/{k:06d}.png" for k in range(3)]
    for frame in described["frames"]:
        ids = read_ids(folder / frame["mask"])
        assert sorted({piece["id"] for piece in frame["pieces"]}) == sorted(set(ids[ids > 0]))
        sources = {source for piece in frame["pieces"] for source in piece["sources"]}
        assert sources == {"model", "neighbouring frame"}


def test_outputs_are_the_same_and_nothing_else_is_written_without_the_options(
    photos: Path,
) -> None:
    anonymize(photos)
    with_files = files_of(photos.parent / "out")
    anonymize(photos, Options(force=True))
    plain = files_of(photos.parent / "out")
    assert set(with_files) - set(plain) == {
        "instances/sub/jane.png.png",
        "instances/sub/jane.png.json",
        "instances/sub/walk.apng.json",
        *(f"instances/sub/walk.apng/{k:06d}.png" for k in range(3)),
    }
    assert {name: with_files[name] for name in plain} == plain
    assert not (photos.parent / "out" / "instances").exists()


@pytest.mark.parametrize("spoil", ["delete", "change"])
@pytest.mark.parametrize("name", ["jane.png.json", "jane.png.png", "walk.apng/000001.png"])
def test_a_run_resumes_what_is_missing_only(photos: Path, name: str, spoil: str) -> None:
    anonymize(photos)
    before = files_of(photos.parent / "out")
    assert anonymize(photos)[0].skipped == 2
    path = photos.parent / "out" / "instances" / "sub" / name
    path.unlink() if spoil == "delete" else path.write_bytes(b"spoilt")
    outcome, audit = anonymize(photos)
    assert (outcome.done, outcome.skipped) == (1, 1)
    assert files_of(photos.parent / "out") == before
    assert audit["not_of_this_run"] == []


def test_a_file_that_fails_has_no_masks_either(photos: Path) -> None:
    anonymize(photos)
    (photos / "sub" / "walk.apng").write_bytes(b"\x89PNG\r\n\x1a\ngarbage")
    assert len(anonymize(photos)[0].failed) == 1
    assert set(files_of(photos.parent / "out")) == {
        "sub/jane.png",
        "instances/sub/jane.png.png",
        "instances/sub/jane.png.json",
    }


def test_other_options_are_other_settings(photos: Path) -> None:
    anonymize(photos, Options(write_json=True))
    with pytest.raises(InputError, match="write_masks"):
        anonymize(photos)


def test_renamed_outputs_tell_no_name(photos: Path) -> None:
    anonymize(photos, Options(renamed=True, write_masks=True, write_json=True))
    written = files_of(photos.parent / "out")
    assert len(written) == 2 + 6
    for name, content in written.items():
        for word in ("jane", "walk", "sub"):
            assert word not in name and word.encode() not in content


def test_masks_can_be_read_back(photos: Path, tmp_path: Path) -> None:
    anonymize(photos, Options(write_masks=True, hold=0))
    masks = tmp_path / "corrected"
    (photos.parent / "out" / "instances").rename(masks)
    (photos / "sub" / "walk.apng").unlink()
    again = tmp_path / "again"
    arguments = [str(photos), "--output", str(again), "--masks", str(masks), "--dilate", "0"]
    assert main(arguments) == DONE
    ids = read_ids(masks / "sub" / "jane.png.png")
    assert not np.asarray(Image.open(again / "sub/jane.png"))[ids > 0].any()


def test_nothing_that_is_not_of_this_run_is_replaced(photos: Path) -> None:
    path = photos.parent / "out" / "instances" / "sub" / "jane.png.json"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    outcome, _ = anonymize(photos)
    assert [name for name, _ in outcome.failed] == ["sub/jane.png"]
    assert path.read_text() == "mine"
    assert not (photos.parent / "out" / "sub" / "jane.png").exists()
    assert not list((photos.parent / "out").glob(".anonymize-*"))


def test_regions_and_own_masks_are_named(photos: Path) -> None:
    anonymize(photos, include=[Region(((0.5, 0.65), (1, 0.65), (1, 1), (0.5, 1)))])
    path = photos.parent / "out" / "instances" / "sub" / "jane.png.json"
    pieces = json.loads(path.read_text())["frames"][0]["pieces"]
    assert [piece["sources"] for piece in pieces] == [["region"], ["model"], ["model"]]
    assert pieces[0]["score_mean"] is None


def test_damaged_entries_are_rejected(photos: Path) -> None:
    anonymize(photos)
    journal = photos.parent / "out" / "audit.jsonl"
    line = next(json.loads(t) for t in journal.read_text().splitlines() if "output" in t)
    assert paths_of(line)
    check_entry(line["instances"])
    for changed in ({"masks": -1}, {"masks": True}, {"sha256": 3}, {"sequence": None}, {"json": 1}):
        with pytest.raises(ValueError):
            check_entry({**line["instances"], **changed})
    for name in ("../../elsewhere", "/etc/passwd"):
        with journal.open("a") as file:
            file.write(json.dumps({**line, "name": name}) + "\n")
        with pytest.raises(InputError, match="damaged"):
            Journal(journal)


class Forgetful(Bright):
    """Finds persons in outputs only, at the right."""

    def probability(self, image: np.ndarray) -> np.ndarray:
        found = super().probability(image)
        found[:, 30:] = self.calls > 1
        return found


def test_verify_lists_the_outputs_that_still_show_a_person(photos: Path, tmp_path: Path) -> None:
    (photos / "sub" / "walk.apng").unlink()
    outcome, audit = anonymize(photos, Options(), Forgetful())
    out = tmp_path / "out"
    assert describe_faults(outcome, audit, output=out, verify=False) == []
    head, line = describe_faults(outcome, audit, output=out, verify=True)
    assert "1 outputs still show a person" in head
    assert line.startswith(f"  {out / 'sub/jane.png'}: ")
    # A run that skips the file knows it too.
    outcome, audit = anonymize(photos, Options(), Forgetful())
    assert outcome.skipped == 1
    assert describe_faults(outcome, audit, output=out, verify=True) == [head, line]


def test_verify_is_silent_where_nobody_is_left(photos: Path) -> None:
    outcome, audit = anonymize(photos)
    assert describe_faults(outcome, audit, output=photos, verify=True) == []


@pytest.mark.parametrize("more", [["--no-second-pass", "--checkpoint", "x"], ["--masks", "y"]])
def test_verify_needs_a_search_of_the_outputs(
    more: list[str], photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(photos), "--output", "z", "--verify", *more]) == WRONG_INPUT
    assert "--verify" in capsys.readouterr().err
