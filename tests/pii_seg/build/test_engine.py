"""A whole build in seconds, on renders that are drawn here."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from blender_addon.dataset import HEAD_PART, DatasetWriter
from pii_seg import build_model as command
from pii_seg.build import engine
from pii_seg.build.recipe import (
    BuildRecipe,
    Choice,
    Measured,
    Photos,
    Renders,
    Training,
)
from pii_seg.build.time_limit import ends_after
from pii_seg.build.work import chosen_of, lowest_threshold
from pii_seg.config import SIZES, BudgetConfig, DataConfig, MachineConfig, TrainConfig
from pii_seg.data.hashes import sha256_of
from pii_seg.errors import DataError
from pii_seg.evaluation.counting import THRESHOLDS
from pii_seg.evaluation.metrics import Curves
from pii_seg.inference import loading
from pii_seg.inference.person_segmenter import PersonSegmenter
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain.stages import Stopped
from tests.pii_seg.conftest import encoded

SIZE = 48
LICENCES = {"body default": "CC0-1.0", "coat red": "CC-BY-4.0"}
TINY = TrainConfig(
    DataConfig(size=32, batch_size=2),
    model=SIZES["tiny"],
    budget=BudgetConfig(steps=4, validate_every=2),
    machine=MachineConfig(
        device="cpu", precision="float32", workers=0, threads=1, memory_mb=10, progress="none"
    ),
)


def draw(seed: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A warm ellipse on noise: image, instances, parts; its upper third is the head."""
    rng = np.random.default_rng([seed, number])
    rows, columns = np.mgrid[:SIZE, :SIZE]
    y, x = rng.uniform(0.4, 0.6, 2) * SIZE
    mask = ((rows - y) / (0.35 * SIZE)) ** 2 + ((columns - x) / (0.18 * SIZE)) ** 2 < 1
    image = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
    image[mask] += np.array([150, 90, 20], np.uint8)
    parts = np.where(mask & (rows < y - 6), HEAD_PART, mask.astype(int)).astype(np.uint8)
    return image, mask.astype(np.uint8), parts


def write_renders(folder: Path, count: int, seed: int, licences: dict[str, str]) -> None:
    writer = DatasetWriter(folder, {"seed": seed, "count": count, "licences": licences})
    for number in range(count):
        image, mask, parts = draw(seed, number)
        rows, columns = np.nonzero(mask)
        box = [int(v) for v in (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)]
        person = {"id": 1, "bbox": box, "area": int(mask.sum()), "visibility": 1.0}
        add_pair(writer, number, {"images": image, "masks": mask, "parts": parts}, [person])


def add_pair(
    writer: DatasetWriter, number: int, arrays: dict[str, np.ndarray], persons: list[dict[str, Any]]
) -> None:
    names = {folder: f"{folder}/{number:06d}.png" for folder in arrays}
    keys = {"images": "file_name", "masks": "mask_file_name", "parts": "parts_file_name"}
    line = {
        **{keys[folder]: name for folder, name in names.items()},
        "index": number,
        "seed": 0,
        "width": SIZE,
        "height": SIZE,
        "persons": persons,
        "source": "render",
    }
    writer.add(line, {names[folder]: encoded(array, "PNG") for folder, array in arrays.items()})


class Rendering:
    """Stands in for Blender, and counts its calls."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.licences = dict(LICENCES)

    def __call__(self, folder: Path, command: Sequence[str]) -> dict[str, Any]:
        self.commands.append(list(command))
        count, seed = (int(command[command.index(o) + 1]) for o in ("--count", "--seed"))
        write_renders(folder, count, seed, self.licences)
        return {"pictures": count}


@pytest.fixture
def rendering(monkeypatch: pytest.MonkeyPatch) -> Rendering:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    stand_in = Rendering()
    monkeypatch.setattr(engine, "render_pairs", stand_in)
    return stand_in


@pytest.fixture
def recipe(tmp_path: Path) -> BuildRecipe:
    empty = tmp_path / "empty"
    empty.mkdir()
    noise = np.random.default_rng(9).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(empty / "a.png")
    apart = tmp_path / "apart"
    apart.mkdir()
    Image.fromarray(noise[::-1]).save(apart / "b.png")
    write_renders(tmp_path / "photos", 4, 77, {})
    write_renders(tmp_path / "elsewhere", 4, 21, LICENCES)
    return BuildRecipe(
        "toy",
        "2",
        renders=(
            Renders("first", "everyday", 8),
            Renders("second", "close", 4, seed=5),
            Renders("third", folder=str(tmp_path / "elsewhere")),
        ),
        held_out=(Renders("apart", "street", 12, seed=9),),
        trainings=(Training("warm", TINY), Training("long", TINY)),
        description="A segmenter for ellipses.",
        licence="Apache-2.0",
        seeds=(0, 1),
        photos=(Photos(str(empty), "CC0-1.0", "drawn by a test"),),
        held_out_photos=(Photos(str(apart), "CC0-1.0", "drawn by a test too"),),
        choice=Choice(false_area=0.25),
        measured=Measured((str(tmp_path / "photos"),), (str(empty),)),
    )


def test_a_build_ends_with_a_segmenter_its_card_and_its_manifest(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path
) -> None:
    lines: list[str] = []
    built = engine.build_model(recipe, tmp_path / "run", log=lines.append)
    candidates = {"long-0", "long-1", "long-0-course", "long-1-course", "average"}
    assert built.chosen in candidates
    segmenter = PersonSegmenter.load(built.folder)
    assert segmenter.predict(draw(0, 0)[0]).mask.shape == (SIZE, SIZE)
    names = engine.stage_names(recipe)
    assert [line.split(":")[0] for line in lines if line.endswith("starting")] == names

    manifest = json.loads((built.folder / "manifest.json").read_text())
    card = (built.folder / "README.md").read_text()
    for entry in (*manifest["renders"], *manifest["held_out"]):
        assert entry["licences"] == LICENCES and entry["name"] in card
    for entry in manifest["renders"]:
        assert entry["index_sha256"][:16] in card
    assert manifest["renders"][2] | {"count": 4, "seed": 21} == manifest["renders"][2]
    for entry in (*manifest["photos"], *manifest["held_out_photos"]):
        assert entry["sha256"][:16] in card and entry["licence"] in card
    assert "1 under CC-BY-4.0, 1 under CC0-1.0" in card
    assert manifest["encoder"]["weights"] == "no pre-trained weights: trained from scratch"
    assert manifest["encoder"]["weights"] in card
    assert set(manifest["files"]) == {
        "config.json", "model.safetensors", "onnx/model.onnx", "onnx/segmenter.json"
    }  # fmt: skip
    for name, digest in manifest["files"].items():
        assert sha256_of(built.folder / name) == digest
    texts = [path for path in built.folder.rglob("*") if path.suffix in (".json", ".md")]
    assert len(texts) == 4 and all(str(tmp_path) not in path.read_text() for path in texts)
    assert card.startswith("---\n") and "\nlicense: apache-2.0\n" in card.split("---")[1]
    assert "The weights are under Apache-2.0." in card and manifest["licence"] == "Apache-2.0"
    assert "| photos |" in card and "recall of heads" in card

    scores = json.loads((tmp_path / "run/choice/scores.json").read_text())["scores"]
    assert set(scores) == candidates
    assert all(scores[name]["heads"] == 12 for name in scores)
    assert all(scores[name]["false_area"] <= 0.25 for name in scores)
    checkpoint = load_checkpoint(built.folder)
    kept = scores[built.chosen]["threshold"]
    logit = math.log(kept / (1 - kept)) / checkpoint.temperature
    assert checkpoint.threshold == pytest.approx(1 / (1 + math.exp(-logit)))
    assert not checkpoint.calibration  # a promise about renders is none about photos


def test_a_finished_build_does_nothing_again_and_a_change_only_what_follows(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        engine.build_model(recipe, tmp_path / "run", stop_after="check")
    assert len(rendering.commands) == 3
    recipe = replace(recipe, seeds=(0,), trainings=recipe.trainings[:1])
    engine.build_model(recipe, tmp_path / "run")
    lines: list[str] = []
    engine.build_model(recipe, tmp_path / "run", log=lines.append)
    assert all(line.endswith("already done") for line in lines)
    lines.clear()
    engine.build_model(replace(recipe, version="3"), tmp_path / "run", log=lines.append)
    assert [line.split(":")[0] for line in lines if not line.endswith("already done")] == ["model"]
    assert len(rendering.commands) == 3


def test_the_files_hold_half_precision_and_lose_nothing(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path
) -> None:
    recipe = replace(recipe, seeds=(0,), trainings=recipe.trainings[:1], measured=Measured())
    built = engine.build_model(recipe, tmp_path / "run")
    stored = safetensors.torch.load_file(built.folder / "model.safetensors")
    wide = [value for value in stored.values() if value.is_floating_point() and value.ndim > 1]
    assert wide and all(value.dtype == torch.float16 for value in wide)
    calibrated = load_checkpoint(tmp_path / "run/calibration/calibrated.ckpt")
    shared = load_checkpoint(built.folder)
    for name, value in calibrated.weights.items():
        assert (
            torch.equal(shared.weights[name], value) and shared.weights[name].dtype == value.dtype
        )


def test_the_folder_runs_with_its_own_onnx_model(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, seeds=(0,), trainings=recipe.trainings[:1], measured=Measured())
    folder = engine.build_model(recipe, tmp_path / "run").folder
    monkeypatch.setenv("PII_SEG_CACHE", "none")
    monkeypatch.setattr(loading, "convert", None)  # calling it would fail
    image = draw(0, 0)[0]
    shared = PersonSegmenter.load(folder, backend="onnxruntime").predict(image)
    eager = PersonSegmenter.load(folder, backend="torch").predict(image)
    np.testing.assert_allclose(shared.probability, eager.probability, atol=1e-3)

    description = folder / "onnx/segmenter.json"
    content = json.loads(description.read_text())
    description.write_text(json.dumps(content | {"checkpoint_sha256": "0" * 64}))
    with pytest.raises(TypeError):  # it is of another checkpoint, so that one is converted
        PersonSegmenter.load(folder, backend="onnxruntime")


def test_a_dataset_that_is_none_is_named(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path
) -> None:
    renders = (Renders("none", folder=str(tmp_path / "empty")),)
    with pytest.raises(DataError, match=r"empty: no dataset.json, so this is not a dataset"):
        engine.build_model(replace(recipe, renders=renders), tmp_path / "run")


@pytest.mark.parametrize(("most", "expected"), [(0.5, 0.25), (0.2, 0.75), (0.0, 0.9)])
def test_the_threshold_is_the_lowest_that_keeps_the_false_area(
    most: float, expected: float
) -> None:
    false = np.where(THRESHOLDS < 0.25, 0.9, np.where(THRESHOLDS < 0.75, 0.4, 0.1))
    false[THRESHOLDS >= 0.9] = 0
    nothing = np.zeros(0)
    curves = Curves(THRESHOLDS, *[nothing] * 6, false_area=false)
    threshold, found = lowest_threshold(curves, most)
    assert threshold == pytest.approx(expected, abs=0.005) and found <= most
    hopeless = replace(curves, false_area=false + 0.6)
    with pytest.raises(DataError, match="at every threshold more of the photos"):
        lowest_threshold(hopeless, most)


def test_a_work_without_a_licence_is_not_shipped(
    recipe: BuildRecipe, rendering: Rendering, tmp_path: Path
) -> None:
    rendering.licences["shoes found"] = ""
    recipe = replace(recipe, seeds=(0,), trainings=recipe.trainings[:1], measured=Measured())
    with pytest.raises(DataError, match=r"shoes found.*licence is not recorded"):
        engine.build_model(recipe, tmp_path / "run")


def test_renders_without_persons_end_the_run_early(
    recipe: BuildRecipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def empty(folder: Path, command: Sequence[str]) -> dict[str, Any]:
        writer = DatasetWriter(folder, {"seed": 0, "count": 2, "licences": {}})
        for number in range(2):
            blank = np.zeros((SIZE, SIZE), np.uint8)
            add_pair(writer, number, {"images": np.dstack([blank] * 3), "masks": blank}, [])
        return {}

    monkeypatch.setattr(engine, "render_pairs", empty)
    with pytest.raises(DataError, match="shows no person"):
        engine.build_model(recipe, tmp_path / "run")
    assert not (tmp_path / "run/train-warm-0").exists()


def test_the_time_limit_is_a_ctrl_c_that_says_so() -> None:
    with pytest.raises(KeyboardInterrupt), ends_after(0.05 / 3600) as over:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        time.sleep(20)
    assert over.is_set()
    with ends_after(0) as over:
        assert not over.is_set()


def test_the_command_refuses_before_it_loads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "bad.toml"
    recipe.write_text('name = "toy"\nversion = "1"\n')
    assert command.main([str(recipe), "--output", str(tmp_path / "run")]) == 2
    assert "[[renders]] is missing" in capsys.readouterr().err
    assert command.main([str(recipe), "--output", str(tmp_path / "run"), "--jobs", "0"]) == 2
    assert not (tmp_path / "run").exists()


def test_an_average_is_chosen_unless_another_is_better_by_more_than_chance() -> None:
    scores = {name: {"score": score} for name, score in (("a", 0.7), ("b", 0.6), ("c", 0.69))}
    assert chosen_of(scores, ["c"], 0.02) == "c"
    assert chosen_of(scores, ["b", "c"], 0.02) == "c"
    assert chosen_of(scores, ["b"], 0.02) == "a"
    assert chosen_of(scores, ["c"], 0.0) == "a"
    assert chosen_of(scores, [], 0.02) == "a"
