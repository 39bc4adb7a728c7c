"""`python -m diffusion_synth.run` with tiny models: output, resume, shards, filter, errors."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from blender_addon.dataset import PASS_FILES, iter_left_out, iter_lines
from diffusion_synth.command_line import segmenter_identity
from diffusion_synth.prompts.grammar import DEFAULT
from diffusion_synth.repaint import repaint_dataset
from diffusion_synth.run import main
from tests.diffusion_synth.conftest import refusal, tiny_pipeline, write_dataset

COUNT = 4
FURTHER_PASSES = [file for file in PASS_FILES.values() if file.rendered == "on request"]


def find_all(argument: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return a segmenter that finds the persons of all images below, or of the 'even' ones."""

    def segment(image: np.ndarray) -> np.ndarray:
        number = int(image[0, 0, 0]) // 50  # see `renders`
        found = np.zeros(image.shape[:2], np.float32)
        if argument == "all" or number % 2 == 0:
            found[8:40, 8:24] = 1
        return found

    return segment


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return four images of 64 × 48 px, one person each; that of the third is too small."""
    pairs = []
    for number in range(COUNT):
        image = np.full((48, 64, 3), number * 50, np.uint8)
        mask = np.zeros((48, 64), np.uint8)
        box = (20, 24, 30, 34) if number == 2 else (8, 40, 8, 24)
        mask[box[0] : box[1], box[2] : box[3]] = 1
        image[mask > 0] = (200, 100, 50)
        person = {"id": 1, "visibility": 1.0, "pose_name": "sit_upright", "wardrobe": {}}
        passes = {file.key: f"{file.folder}/{number}{file.extension}" for file in FURTHER_PASSES}
        line = {"source": "render", **passes, "persons": [person]}
        pairs.append((image, mask, line))
    root = tmp_path_factory.mktemp("renders")
    credits = {"clothes coat": {"author": "punkduck", "source": "coat.mhclo"}}
    return write_dataset(root, pairs, name="tiny", licences={"default": "CC0-1.0"}, credits=credits)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny_pipeline("embedded").save_pretrained(path)
    return path


def arguments(renders: Path, model: Path, output: Path, *more: object) -> list[str]:
    options = ["--data", renders, "--model", model, "--output", output, "--size", 32, "--steps", 2]
    return [str(option) for option in (*options, "--smallest", 8, "--device", "cpu", *more)]


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix in (".jpg", ".png", ".jsonl") and path.parent != root
    } | {name: (root / name).read_bytes() for name in ("metadata.jsonl", "left_out.jsonl")}


def test_persons_above_a_limit_are_skipped(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(renders, model, tmp_path / "out", "--largest", 12)) == 0
    said = capsys.readouterr().out
    assert "too large" in said
    assert "accepted" not in said
    assert main(arguments(renders, model, tmp_path / "none", "--largest", 7)) == 2
    assert "largest must be at least smallest, 8, got 7" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_dataset_is_repainted_into_a_dataset(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(arguments(renders, model, out, "--variants", 2)) == 0
    said = capsys.readouterr()
    assert "8 images, 2 left out; persons: 6 accepted, 2 too small" in said.out
    assert "no --segmenter: every painted person is accepted" in said.err
    lines = list(iter_lines(out))
    assert [line["index"] for line in lines] == [0, 1, 2, 3, 6, 7]
    assert list(iter_left_out(out)) == [(4, "too small"), (5, "too small")]
    for line in lines:
        image, mask, ignore = (
            np.asarray(Image.open(out / line[key]))
            for key in ("file_name", "mask_file_name", "ignore_file_name")
        )
        assert image.shape == (48, 64, 3)
        assert set(np.unique(mask)) == {0, 1}
        assert set(np.unique(ignore)) == {0, 255}
        assert line["source"] == "diffusion"
        assert not {file.key for file in FURTHER_PASSES} & set(line)
        named = {key: value for key, value in line.items() if "file" in key}
        assert sorted(named) == ["file_name", "ignore_file_name", "mask_file_name"]
        assert all((out / value).is_file() for value in named.values())
        assert line["persons"] == [{"id": 1, "visibility": 1.0, "pose_name": "sit_upright"}]
        (person,) = line["diffusion"]["persons"]
        assert person["reason"] == "accepted"
        assert person["iou"] is None
        assert not [pose for pose in ("standing", "walking") if pose in person["inside"]]
        before = np.asarray(Image.open(renders / line["diffusion"]["source_file"])).astype(int)
        assert np.abs(image.astype(int) - before)[mask == 1].mean() > 5
        assert np.abs(image.astype(int) - before)[(mask == 0) & (ignore == 0)].mean() < 2  # JPEG
    # The render's own pose is what is said, where a phrase has one at all.
    assert any("sitting" in line["diffusion"]["persons"][0]["inside"] for line in lines)
    assert lines[0]["diffusion"]["persons"] != lines[1]["diffusion"]["persons"]
    info = json.loads((out / "dataset.json").read_text())
    assert info["licences"] == {"default": "CC0-1.0"}
    assert info["credits"]["clothes coat"]["author"] == "punkduck"
    assert "punkduck" in (out / "ATTRIBUTION.md").read_text()
    assert len(info["recipe"]["painter"]["model"]) == 64
    assert (out / "contact_sheet.png").exists()
    assert (out / "rejected.png").exists()


def test_the_keys_of_all_passes_name_files_and_no_others_do() -> None:
    assert all(repaint_dataset.names_file(file.key) for file in PASS_FILES.values())
    others = ("persons", "background", "light", "camera", "source", "pose_name", "index", "seed")
    assert not any(map(repaint_dataset.names_file, others))


def test_shards_and_resumed_runs_equal_one_run(
    renders: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts, broken = (tmp_path / name for name in ("whole", "parts", "broken"))
    assert main(arguments(renders, model, whole, "--variants", 2)) == 0
    for part in ("2/3", "1/3", "3/3"):
        assert main(arguments(renders, model, parts, "--variants", 2, "--shard", part)) == 0
    assert files_of(parts) == files_of(whole)

    written = 0
    honest = repaint_dataset.line_and_files

    def killed(*given: Any) -> Any:
        nonlocal written
        written += 1
        if written == 4:
            raise KeyboardInterrupt
        return honest(*given)

    monkeypatch.setattr(repaint_dataset, "line_and_files", killed)
    assert main(arguments(renders, model, broken, "--variants", 2)) == 130
    monkeypatch.undo()
    assert main(arguments(renders, model, broken, "--variants", 2, "--batch_size", 1)) == 0
    found, wanted = files_of(broken), files_of(whole)
    assert found.keys() == wanted.keys()
    for name in wanted:  # another batch size: the same to rounding
        if name.startswith("masks/"):
            assert found[name] == wanted[name]


@pytest.mark.parametrize("description", ["", "module:function", "module:function="])
def test_a_segmenter_without_files_is_not_identified_by_the_working_folder(
    description: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert segmenter_identity(description) == description
    (tmp_path / "notes.txt").write_text("beside the data")
    assert segmenter_identity(description) == description
    assert segmenter_identity("module:function=notes.txt") != "module:function=notes.txt"


def test_persons_that_are_not_found_are_left_out(
    renders: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    segmenter = f"{__name__}:find_all=even"
    assert main(arguments(renders, model, out, "--segmenter", segmenter)) == 0
    assert [line["index"] for line in iter_lines(out)] == [0]
    assert dict(iter_left_out(out)) == {1: "low IoU", 2: "too small", 3: "low IoU"}
    (line,) = iter_lines(out)
    assert line["diffusion"]["persons"][0]["iou"] == 1.0


def test_ignored_pixels_stay_ignored_except_on_repainted_persons(
    renders: Path, tmp_path: Path
) -> None:
    data, out = Path(shutil.copytree(renders, tmp_path / "data")), tmp_path / "out"
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(data / "ignored.png")
    lines = [{**line, "ignore_file_name": "ignored.png"} for line in iter_lines(data)]
    (data / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ["--data", data, "--warp", renders, "--donor_size", 16, "--smallest", 8, "--size", 32]
    assert main([str(option) for option in (*options, "--output", out, "--band", 1)]) == 0
    for line in iter_lines(out):
        mask, ignore = (
            np.asarray(Image.open(out / line[key]))
            for key in ("mask_file_name", "ignore_file_name")
        )
        inside = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 1), (3, 3)).all((2, 3))
        assert inside.any()
        np.testing.assert_array_equal(ignore, np.where(inside, 0, 255))


def test_the_warp_baseline_needs_no_model(renders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = arguments(renders, Path("none"), out)
    place = options.index("--model")
    options[place : place + 2] = ["--warp", str(renders)]
    assert main(options) == 2  # its persons are smaller than donors are
    options += ["--smallest", "8", "--donor_size", "16"]
    assert main(options) == 0
    assert [line["index"] for line in iter_lines(out)] == [0, 1, 3]
    assert json.loads((out / "dataset.json").read_text())["recipe"]["painter"]["donors"] == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--data", "nowhere"], "nowhere: no dataset.json"),
        (["--model", "./nowhere"], "./nowhere: no such folder"),
        (["--prompts", "none.toml"], "none.toml: no such file"),
        (["--segmenter", "one"], "PACKAGE.MODULE:FUNCTION=ARGUMENT"),
        (["--segmenter", "no.such:thing=1"], "No module named"),
        (["--segmenter", "json:loads=1"], "cannot be called"),
        (["--variants", "0"], "at least 1"),
        (["--size", "33"], "must be a multiple of 4"),
        (["--min_iou", "7"], "min_iou"),
        (["--shard", "3/2"], "--shard"),
        (["--mode", "melt"], "--mode"),
        (["--surprise"], "surprise"),
        (["--seed", "-5"], "'-5' is not a whole number of 0.."),
        (["--guidance", "nan"], "finite numbers"),
        (["--device", "meta"], "is not available"),
        (["--device", "cuda:99"], "--device cuda:99: is not available"),
        (["--lora", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_invalid_input_is_one_line_and_writes_nothing(
    more: list[str],
    said: str,
    renders: Path,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert said in refusal(main, [*arguments(renders, model, out), *more], out, capsys)


def test_the_source_cannot_be_the_output(
    renders: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in renders.rglob("*") if path.is_file()}
    assert main(arguments(renders, model, renders, "--overwrite")) == 2
    assert "--output must be another folder than --data" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in renders.rglob("*") if path.is_file()} == before


def test_another_job_in_the_same_folder_is_rejected(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(arguments(renders, model, out)) == 0
    assert main(arguments(renders, model, out, "--steps", 3)) == 2
    assert "another recipe" in capsys.readouterr().err
    assert main(arguments(renders, model, out, "--steps", 3, "--overwrite")) == 0


def test_an_unreadable_image_ends_the_run_by_name(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(renders, tmp_path / "data"))
    (data / "images" / "3.png").write_bytes(b"nonsense")
    out = tmp_path / "out"
    assert main(arguments(data, model, out)) == 2
    assert "3.png: cannot be read" in capsys.readouterr().err
    assert [line["index"] for line in iter_lines(out)] == [0, 1]


def test_what_decides_the_output_is_part_of_is_done(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = Path(shutil.copytree(renders, tmp_path / "data")), tmp_path / "out"
    checkpoint = tmp_path / "best.ckpt"
    checkpoint.write_bytes(b"1")
    grammar = Path(shutil.copy(DEFAULT, tmp_path / "words.toml"))
    more = ["--segmenter", f"{__name__}:find_all={checkpoint}", "--prompts", grammar]

    def run(data: Path, *further: object) -> int:
        return main(arguments(data, model, out, *more, *further))

    assert run(data) == 0
    assert str(tmp_path) not in (out / "dataset.json").read_text()
    moved = data.rename(tmp_path / "elsewhere")  # moved data are the same data
    assert run(moved) == 0
    mask = moved / "masks" / "0.png"
    before = mask.read_bytes()
    Image.fromarray(np.asarray(Image.open(mask))[:, ::-1]).save(mask)
    assert run(moved) == 2
    assert "another recipe" in capsys.readouterr().err
    mask.write_bytes(before)
    checkpoint.write_bytes(b"2")
    assert run(moved) == 2
    checkpoint.write_bytes(b"1")
    words = grammar.read_text()
    grammar.write_text(words.replace("negative = ", "negative = 'fog' #"))
    assert run(moved) == 2
    grammar.write_text(words)
    assert run(moved) == 0


def test_two_runs_at_once_are_refused(
    renders: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with repaint_dataset.shard_lock(out, (1, 2), alone=False):
        for shard in ("1/2", "1/1", "2/3"):
            assert main(arguments(renders, model, out, "--shard", shard)) == 2
            assert "another run is writing there" in capsys.readouterr().err
        assert not list(iter_lines(out))
        assert main(arguments(renders, model, out, "--shard", "2/2")) == 0
        assert main(arguments(renders, model, out, "--shard", "2/2", "--overwrite")) == 2
    assert main(arguments(renders, model, out, "--shard", "1/2")) == 0
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "draft.tex").write_text("mine")
    assert main(arguments(renders, model, foreign)) == 2
    assert [path.name for path in foreign.iterdir()] == ["draft.tex"]


def test_a_model_that_overflows_leaves_no_image(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, value, said in (
        ("unet", float("nan"), "UNet yields NaN or infinity"),
        ("vae", 0.0, "paints nothing but flat colour"),
        ("vae", float("inf"), "VAE yields NaN or infinity"),
    ):
        pipeline = tiny_pipeline("sd")
        layer = pipeline.unet.conv_out if part == "unet" else pipeline.vae.decoder.conv_out
        torch.nn.init.constant_(layer.weight, value)
        torch.nn.init.constant_(layer.bias, 0.0)
        folder, out = tmp_path / f"{part}{value}", tmp_path / f"out{part}{value}"
        pipeline.save_pretrained(folder)
        assert main(arguments(renders, folder, out)) == 1
        assert said in capsys.readouterr().err
        assert not list(iter_lines(out))
        assert not list((out / "images").glob("*")) if (out / "images").exists() else True


def test_folders_of_images_and_masks_are_repainted(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    (data / "images").mkdir(parents=True)
    (data / "masks").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    mask = np.zeros((12, 16), np.uint8)
    mask[2:10, 4:9] = 255
    Image.fromarray(noise).save(data / "images" / "a.png")
    smooth = Image.fromarray(mask).resize((64, 48), Image.Resampling.BICUBIC)
    smooth.save(data / "masks" / "a.png")
    assert main(arguments(data, model, out)) == 0
    assert "masks are smoothed" in capsys.readouterr().err
    (line,) = iter_lines(out)
    assert [person["id"] for person in line["persons"]] == [1]
    written = np.asarray(Image.open(out / line["mask_file_name"]))
    np.testing.assert_array_equal(written, np.asarray(smooth) >= 128)


@pytest.mark.parametrize("kind", ["full", "memory", "foreign"])
def test_errors_from_outside_are_one_line(
    kind: str, renders: Path, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    error, said = {
        "full": (OSError(errno.ENOSPC, "No space left on device", "a.jpg"), "no space left for a"),
        "memory": (torch.OutOfMemoryError("CUDA out of memory."), "smaller --batch-size"),
        "foreign": (KeyError("text"), "KeyError"),
    }[kind]

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(repaint_dataset, "line_and_files", fails)
    assert main(arguments(renders, model, tmp_path / "out")) == 1
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert said in text.splitlines()[-1]


def test_a_terminated_run_resumes(
    renders: Path, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    honest = repaint_dataset.line_and_files

    def terminated(*given: Any) -> Any:
        if given[-1] == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return honest(*given)

    monkeypatch.setattr(repaint_dataset, "line_and_files", terminated)
    out = tmp_path / "out"
    assert main(arguments(renders, model, out)) == 130
    assert "run the same command to resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert [line["index"] for line in iter_lines(out)] == [0]
    assert main(arguments(renders, model, out)) == 0
