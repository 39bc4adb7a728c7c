"""`python -m diffusion_synth.train` with a tiny generator: output, resume, invalid input."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blender_addon.dataset import output_lock
from diffusion_synth.pipeline.loading import load_pipeline
from diffusion_synth.train import main
from diffusion_synth.training import learner, training_run
from diffusion_synth.training.state_file import STATE
from diffusion_synth.training.training_run import LOCK
from tests.diffusion_synth.conftest import refusal, write_dataset


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of 48 px, one person each."""
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 48), np.uint8)
    mask[6:42, 14:34] = 1
    line = {"persons": [{"id": 1, "pose_name": "stand"}]}
    pairs = [(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8), mask, line) for _ in range(12)]
    return write_dataset(tmp_path_factory.mktemp("renders"), pairs)


@pytest.fixture(autouse=True)
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of full size are four fifths of a training of twenty steps."""
    monkeypatch.setattr(training_run, "SAMPLE_COUNT", 2)
    monkeypatch.setattr(training_run, "SAMPLE_STEPS", 2)


def arguments(renders: Path, output: Path, *more: object) -> list[str]:
    options = [
        "--data",
        renders,
        "--output",
        output,
        "--steps",
        20,
        "--batch_size",
        2,
        "--size",
        16,
    ]
    options += ["--channels", 16, 32, "--precision", "float32", "--save_every", 7]
    return [str(option) for option in (*options, *more)]


def test_a_training_writes_a_model(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(arguments(renders, run)) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(run / "model")
    assert "24 crops of persons; from step 0 of 20" in said.err
    assert sorted(path.name for path in (run / "samples").iterdir()) == [
        "0000001.png", "0000004.png", "0000010.png", "0000020.png",
    ]  # fmt: skip
    assert (run / "losses.csv").read_text().startswith("step,loss\n20,")
    assert "20 steps of 2 crops from\n8 crops" in (run / "model" / "README.md").read_text()
    pipeline = load_pipeline(run / "model")
    mask = np.zeros((16, 16), np.int64)
    mask[2:14, 4:12] = 1
    image = np.full((1, 16, 16, 3), 0.5, np.float32)
    assert np.isfinite(
        pipeline(image, mask, "a woman", num_inference_steps=2, output_type="np").images
    ).all()
    assert [path.name for path in run.rglob(".*")] == [LOCK]
    before = (run / STATE).read_bytes()
    assert main(arguments(renders, run)) == 0  # over already
    assert (run / STATE).read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_resumes(
    number: int, renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(arguments(renders, whole)) == 0
    honest = learner.Learner.train_step

    def interrupted(self: Any) -> float:
        if self.step == 12:
            os.kill(os.getpid(), number)
        return honest(self)

    monkeypatch.setattr(learner.Learner, "train_step", interrupted)
    assert main(arguments(renders, broken)) == 130
    monkeypatch.undo()
    assert not (broken / "model").exists()
    assert main(arguments(renders, broken)) == 0
    name = "model/unet/diffusion_pytorch_model.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--data", "nowhere"], "nowhere: no dataset.json"),
        (["--size", "17"], "size must divide by 8, got 17"),
        (["--channels", "15", "32"], "channels must divide by 8"),
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--save_every", "0"], "--save-every"),
        (["--smallest", "400"], "no person of 400 px"),
        (["--prompts", "none.toml"], "none.toml: no such file"),
        (["--surprise"], "surprise"),
        (["--seed", "-5"], "'-5' is not a whole number"),
        (["--factor", "0"], "at least 1"),
        (["--device", "cuda:99"], "use --device auto"),
    ],
)
def test_invalid_input_is_one_line_and_writes_nothing(
    more: list[str], said: str, renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert said in refusal(main, [*arguments(renders, run), *more], run, capsys)


def test_another_folder_or_training_is_rejected(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "draft.tex").write_text("mine")
    assert main(arguments(renders, thesis)) == 2
    assert "something else ('draft.tex')" in capsys.readouterr().err
    run = tmp_path / "run"
    assert main(arguments(renders, run)) == 0
    assert main(arguments(renders, run, "--seed", 3)) == 2
    assert "another seed" in capsys.readouterr().err
    (run / "mine.txt").write_text("mine")
    assert main(arguments(renders, run, "--seed", 3, "--overwrite")) == 0
    assert (run / "mine.txt").exists()


def test_one_training_writes_a_run(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with output_lock(run / LOCK):
        assert main(arguments(renders, run)) == 2
    assert "another run is writing there" in capsys.readouterr().err
    (run / "state.pt").write_bytes(b"of an earlier version")
    assert main(arguments(renders, run)) == 2
    assert "earlier version" in capsys.readouterr().err
    assert (run / "state.pt").exists()


def test_a_training_resumes_with_moved_data_and_not_with_others(
    renders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = tmp_path / "run", Path(shutil.copytree(renders, tmp_path / "data"))
    assert main(arguments(data, run)) == 0
    assert str(tmp_path).encode() not in (run / STATE).read_bytes()
    moved = data.rename(tmp_path / "moved")
    assert main(arguments(moved, run)) == 0
    mask = moved / "masks" / "0.png"
    Image.fromarray(np.roll(np.asarray(Image.open(mask)), 2, 0)).save(mask)
    assert main(arguments(moved, run)) == 2
    assert "another data" in capsys.readouterr().err
