"""`python -m pii_seg.train`, as a user types it, with the tiny model."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as lightning
from PIL import Image

from pii_seg.evaluation.history import read_history
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.train import main, parser
from pii_seg.training import fit as training
from pii_seg.training.fit import fit
from pii_seg.training_options import read_arguments

QUICK = [
    "--size", "tiny", "--data.size", "32", "--data.batch_size", "2", "--budget.validate_every", "3",
    "--machine.workers", "0", "--machine.threads", "1", "--machine.device", "cpu",
    "--machine.progress", "plain",
]  # fmt: skip


def pictures(folder: Path, count: int, *, masks: bool) -> str:
    """Plain pictures of 40 px; with masks, a bright square is the person."""
    for kind in ("images", "masks") if masks else ("images",):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([number, masks])
        image = rng.integers(0, 120, (40, 40, 3), dtype=np.uint8)
        mask = np.zeros((40, 40), np.uint8)
        if masks:
            mask[5:35, 12:28] = 255
            image[mask > 0] += 120
            Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
    return str(folder)


@pytest.fixture
def renders(tmp_path: Path) -> str:
    return pictures(tmp_path / "renders", 6, masks=True)


def test_every_kind_of_data_trains_a_segmenter(
    renders: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = pictures(tmp_path / "labelled", 4, masks=True)
    pictures(tmp_path / "validation" / "one", 2, masks=True)
    pictures(tmp_path / "validation" / "two", 1, masks=True)
    validation = str(tmp_path / "validation")
    nobody = pictures(tmp_path / "nobody", 3, masks=False)
    run = tmp_path / "run"
    options = [
        "--synthetic",
        renders,
        "--labelled",
        labelled,
        "--validation",
        validation,
        "--negatives",
        nobody,
    ]
    options += ["--backgrounds", nobody, "--steps", "4", "--output", str(run), *QUICK]
    assert main(options) == 0
    said = capsys.readouterr()
    assert f"{run}/best.ckpt: person IoU" in said.out
    assert "finished after 4 steps" in said.out
    assert "6 synthetic, 4 labelled, 3 validation, 3 negatives, 3 backgrounds" in said.err
    assert "trained from scratch" in said.err
    assert "100%  step 4" in said.err
    assert "Traceback" not in said.err
    checkpoint = load_checkpoint(run / "best.ckpt")
    (recorded,) = checkpoint.config["data"]["backgrounds"]
    assert recorded.startswith("sha256:")
    assert [row["step"] for row in read_history(run / "metrics.csv") if "val_iou" in row] == [3, 4]


FIRST_WORDS = ("images: ", "renders: masks read as ", "encoder: ", "100%", "50%", "0%")


def test_the_terminal_belongs_to_the_user(renders: str, tmp_path: Path) -> None:
    options = ["--synthetic", renders, "--steps", "2", "--output", str(tmp_path / "run"), *QUICK]
    done = subprocess.run(
        [sys.executable, "-m", "pii_seg.train", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("  ")[0] for line in done.stderr.splitlines()]
    assert all(line.startswith(FIRST_WORDS) for line in lines), lines


def test_interrupted_and_resumed(
    renders: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class CtrlC(lightning.Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    options = ["--synthetic", renders, "--steps", "5", "--output", str(tmp_path / "run"), *QUICK]
    monkeypatch.setattr(training, "fit", functools.partial(fit, callbacks=[CtrlC()]))
    assert main(options) == 130
    assert "--resume continues after 2 steps" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(options) == 2
    assert "--resume continues it, --overwrite replaces it" in capsys.readouterr().err
    assert main([*options, "--resume"]) == 0
    assert "finished after 5 steps" in capsys.readouterr().out
    assert main([*options, "--resume"]) == 0
    assert "over already" in capsys.readouterr().err
    assert main([*options, "--seed", "9", "--resume"]) == 2
    assert "another budget.seed" in capsys.readouterr().err


def test_the_printed_configuration_is_one(
    renders: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--synthetic", renders, "--minutes", "7", "--augmentation.blur", "0.125", *QUICK]
    assert main([*options, "--print_config"]) == 0
    printed = capsys.readouterr().out
    values = tomllib.loads(printed)
    assert values["budget"]["minutes"] == 7
    assert values["model"]["encoder"] == "plain"
    file = tmp_path / "config.toml"
    file.write_text(printed)
    run = str(tmp_path / "run")
    config, _ = read_arguments(parser(), ["--config", str(file), "--steps", "3", "--output", run])
    again, _ = read_arguments(parser(), [*options, "--steps", "3", "--output", run])
    assert config == again
    assert config.augmentation.blur == 0.125


def test_a_runs_own_configuration_makes_it_again(renders: str, tmp_path: Path) -> None:
    options = [
        "--synthetic",
        renders,
        "--steps",
        "2",
        "--without",
        "jpeg",
        "--without",
        "flip",
        *QUICK,
    ]
    assert main([*options, "--output", str(tmp_path / "one")]) == 0
    file = str(tmp_path / "one" / "config.toml")
    # It names its data by their content; where they lie now has to be said.
    assert main(["--config", file, "--output", str(tmp_path / "two")]) == 2
    again = ["--config", file, "--synthetic", renders, "--output", str(tmp_path / "two")]
    assert main(again) == 0
    one, two = (load_checkpoint(tmp_path / name / "best.ckpt") for name in ("one", "two"))
    assert one.config == two.config
    assert one.config["augmentation"]["jpeg"] == one.config["augmentation"]["flip"] == 0
    assert all((value == two.weights[name]).all() for name, value in one.weights.items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--output is missing"),
        (["--output", "run"], "give --synthetic, --labelled, or both"),
        (["--output", "run", "--synthetic", "nowhere"], "nowhere: does not exist"),
        (["--output", "run", "--synthetic", "x", "--size", "huge"], "--size"),
        (["--output", "run", "--synthetic", "x", "--budget.steps", "many"], "budget.steps"),
        (["--output", "run", "--synthetic", "x", "--steps", "0"], "budget.steps is 0"),
        (["--output", "run", "--synthetic", "x", "--model.decoder", "x"], "model.decoder is 'x'"),
        (["--output", "run", "--synthetic", "x", "--augmentation.blur", "2"], "blur is 2"),
        (["--output", "run", "--synthetic", "x", "--optimiser.ema", "1"], "optimiser.ema is 1"),
        (["--output", "run", "--synthetic", "x", "--without", "luck"], "luck"),
        (["--output", "run", "--sythetic", "x"], "sythetic"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--config", "wrong.toml"], "surprise"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_text("surprise = 1\n")
    assert main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["wrong.toml"]


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("--help", ("--synthetic", "--resume", "Exit codes")),
        ("--help-all", ("--augmentation.blur",)),
    ],
)
def test_the_help_as_a_module(option: str, shown: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pii_seg.train", option],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for word in shown:
        assert word in done.stdout
    assert ("moving average" in done.stdout) is (option == "--help-all")
