"""A whole training in seconds, with the tiny model on images of 48 px."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as lightning
import torch
from PIL import Image
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from blender_addon.dataset import OutputBusyError
from pii_seg.config import (
    SIZES,
    AugmentationConfig,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    ModelConfig,
    OptimiserConfig,
    TrainConfig,
)
from pii_seg.errors import CheckpointError, ConfigError, DataError, InputError
from pii_seg.evaluation.history import read_history
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.training.csv_log import CsvLogger
from pii_seg.training.fit import FitResult, fit
from pii_seg.training.run_folder import check_folder, read_config, read_state, write_config

MACHINE = MachineConfig(
    device="cpu", precision="float32", workers=0, threads=1, memory_mb=10, progress="none"
)


def write_pairs(folder: Path, count: int, *, size: int = 48) -> Path:
    """Plain pairs: a warm upright ellipse on a cold ground of noise."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rows, columns = np.mgrid[:size, :size]
    for number in range(count):
        rng = np.random.default_rng([3, number])
        y, x = rng.uniform(0.3, 0.7, 2) * size
        mask = ((rows - y) / (0.3 * size)) ** 2 + ((columns - x) / (0.15 * size)) ** 2 < 1
        image = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
        image[mask] += np.array([150, 90, 20], np.uint8)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", 8)


@pytest.fixture
def config(pairs: Path) -> TrainConfig:
    """Nine steps, validated after 4, 8 and 9."""
    return TrainConfig(
        data=DataConfig(synthetic=(str(pairs),), size=32, batch_size=2),
        model=SIZES["tiny"],
        budget=BudgetConfig(steps=9, validate_every=4),
        machine=MACHINE,
    )


class At(lightning.Callback):
    """Does `what` after the step of that number."""

    def __init__(self, step: int, what: Any) -> None:
        self.step, self.what = step, what

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.what()


class Killed(Exception):  # noqa: N818
    pass


def kill() -> None:
    raise Killed


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def state_of(run: Path) -> dict[str, Any]:
    return torch.load(run / "last.ckpt", weights_only=True)


def assert_same_run(one: Path, other: Path) -> None:
    """Bit for bit the same weights, averages, optimiser and best segmenter."""
    states = state_of(one), state_of(other)
    assert states[0]["global_step"] == states[1]["global_step"]
    assert states[0]["state_dict"].keys() == states[1]["state_dict"].keys()
    for name, value in states[0]["state_dict"].items():
        assert torch.equal(value, states[1]["state_dict"][name]), name
    for number, moments in states[0]["optimizer_states"][0]["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, states[1]["optimizer_states"][0]["state"][number][name]), name
    checkpoints = load_checkpoint(one / "best.ckpt"), load_checkpoint(other / "best.ckpt")
    assert checkpoints[0].provenance["steps"] == checkpoints[1].provenance["steps"]
    for name, value in checkpoints[0].weights.items():
        assert torch.equal(value, checkpoints[1].weights[name]), name


def test_a_model_overfits_four_pairs(tmp_path: Path) -> None:
    pairs = str(write_pairs(tmp_path / "pairs", 4))
    config = TrainConfig(
        data=DataConfig(labelled=(pairs,), validation=(pairs,), size=48, batch_size=4),
        model=SIZES["tiny"],
        augmentation=AugmentationConfig.none(),
        optimiser=OptimiserConfig(learning_rate=5e-3, ema=0.9),
        budget=BudgetConfig(steps=120, validate_every=60),
        machine=MACHINE,
    )
    result = fit(config, tmp_path / "run")
    assert result.iou > 0.95
    # The saved segmenter finds them too.
    segmenter = load_checkpoint(result.best).segmenter(precision=torch.float32)
    for number in range(4):
        image = np.asarray(Image.open(Path(pairs) / "images" / f"{number}.png"))
        mask = np.asarray(Image.open(Path(pairs) / "masks" / f"{number}.png")) > 0
        found = segmenter(torch.from_numpy(image.copy()).permute(2, 0, 1)[None])[0, 0].numpy() > 0
        assert (found & mask).sum() / (found | mask).sum() > 0.93


def test_a_run_writes_its_files(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = fit(config, run)
    assert result == FitResult(run / "best.ckpt", result.iou, 9, result.seconds, "finished")
    names = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    assert names == {"config.toml", "best.ckpt", "last.ckpt", "metrics.csv", "tensorboard"}
    assert list((run / "tensorboard").iterdir())
    history = read_history(run / "metrics.csv")
    validated = [row for row in history if "val_iou" in row]
    assert [row["step"] for row in validated] == [4, 8, 9]
    assert max(row["val_iou"] for row in validated) == pytest.approx(result.iou, abs=1e-4)
    assert all(np.isfinite(list(row.values())).all() for row in history)
    checkpoint = load_checkpoint(run / "best.ckpt")
    assert checkpoint.config == read_config(run / "config.toml")
    assert checkpoint.provenance["pictures"] == {
        "synthetic": 7, "labelled": 0, "validation": 1, "negatives": 0, "backgrounds": 0,
        "distractors": 0,
        "pseudo": 0, "repainted": 0,
    }  # fmt: skip


@pytest.mark.parametrize("step", [2, 4, 6, 8])
def test_an_interrupted_run_resumed_equals_one_that_was_not(
    config: TrainConfig, tmp_path: Path, step: int
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(config, whole)
    before = signal.getsignal(signal.SIGINT)
    first = fit(config, broken, callbacks=[At(step, ctrl_c)])
    assert (first.ended, first.steps) == ("interrupted", step)
    assert signal.getsignal(signal.SIGINT) is before
    interrupted_at = state_of(broken)
    assert interrupted_at["global_step"] == step
    second = fit(config, broken, resume=True)
    assert (second.ended, second.steps) == ("finished", 9)
    assert second.seconds > interrupted_at["seconds"]  # on top of it, not anew
    assert_same_run(whole, broken)
    rows = [[row["step"] for row in read_history(run / "metrics.csv")] for run in (whole, broken)]
    assert rows[0] == rows[1]


def test_a_killed_run_resumes_at_its_last_validation(config: TrainConfig, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(config, whole)
    with pytest.raises(Killed):
        fit(config, broken, callbacks=[At(7, kill)])
    assert state_of(broken)["global_step"] == 4
    fit(config, broken, resume=True)
    assert_same_run(whole, broken)


def test_resuming_does_not_start_again(config: TrainConfig, tmp_path: Path) -> None:
    """The equality above would also hold if resuming meant starting again."""
    run = tmp_path / "run"
    fit(config, run, callbacks=[At(6, ctrl_c)])
    steps: list[int] = []
    fit(
        config,
        run,
        resume=True,
        callbacks=[At(step, lambda step=step: steps.append(step)) for step in range(10)],
    )
    assert steps == [7, 8, 9]


def test_a_finished_run_is_not_trained_further(config: TrainConfig, tmp_path: Path) -> None:
    first = fit(config, tmp_path / "run")
    content = (tmp_path / "run" / "best.ckpt").read_bytes()
    second = fit(config, tmp_path / "run", resume=True)
    assert (second.best, second.steps, second.ended) == (first.best, 9, "finished")
    assert second.iou == pytest.approx(first.iou)
    assert (tmp_path / "run" / "best.ckpt").read_bytes() == content


def test_the_seed_determines_the_weights(config: TrainConfig, tmp_path: Path) -> None:
    weights = []
    for number, seed in enumerate((0, 0, 1)):
        fit(
            replace(config, budget=replace(config.budget, steps=2, seed=seed)),
            tmp_path / str(number),
        )
        weights.append(
            state_of(tmp_path / str(number))["state_dict"]["segmenter.network.head.weight"]
        )
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_training_leaves_global_random_state_alone(config: TrainConfig, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    fit(replace(config, budget=replace(config.budget, steps=2)), tmp_path / "run")
    assert torch.equal(before, torch.get_rng_state())


def test_a_budget_in_minutes_is_kept(config: TrainConfig, tmp_path: Path) -> None:
    budget = BudgetConfig(steps=1, minutes=3 / 60, validate_every=3)
    result = fit(replace(config, budget=budget), tmp_path / "run")
    assert result.ended == "finished"
    assert result.seconds >= 3
    assert result.steps > 1
    rates = [
        row["learning_rate"]
        for row in read_history(tmp_path / "run" / "metrics.csv")
        if "learning_rate" in row
    ]
    assert rates[-1] < max(rates) / 2  # the schedule comes to its end with the time


def test_patience_ends_a_run_early(config: TrainConfig, tmp_path: Path) -> None:
    frozen = OptimiserConfig(learning_rate=1e-12)
    budget = BudgetConfig(steps=100, validate_every=1, patience=2)
    result = fit(replace(config, optimiser=frozen, budget=budget), tmp_path / "run")
    assert result.ended == "early"
    assert result.steps < 20
    assert (
        fit(replace(config, optimiser=frozen, budget=budget), tmp_path / "run", resume=True).ended
        == "early"
    )


def test_bfloat16_and_workers_train_too(config: TrainConfig, tmp_path: Path) -> None:
    machine = replace(MACHINE, precision="bf16", workers=1)
    assert fit(replace(config, machine=machine), tmp_path / "run").steps == 9


def test_the_number_of_workers_changes_nothing(config: TrainConfig, tmp_path: Path) -> None:
    for workers in (0, 2):
        fit(replace(config, machine=replace(MACHINE, workers=workers)), tmp_path / str(workers))
    assert_same_run(tmp_path / "0", tmp_path / "2")


def test_a_student_begins_where_its_teacher_ended(config: TrainConfig, tmp_path: Path) -> None:
    teacher = load_checkpoint(fit(config, tmp_path / "teacher").best)
    frozen = replace(
        config, optimiser=OptimiserConfig(learning_rate=1e-12), budget=BudgetConfig(steps=1)
    )
    student = load_checkpoint(fit(frozen, tmp_path / "student", start_from=teacher).best)
    name = "network.head.weight"
    assert torch.allclose(teacher.weights[name], student.weights[name], atol=1e-6)
    assert student.provenance["encoder"] == "weights of an earlier training"
    named = replace(frozen, start_from=str(tmp_path / "teacher" / "best.ckpt"))
    assert torch.equal(
        load_checkpoint(fit(named, tmp_path / "named").best).weights[name], student.weights[name]
    )
    with pytest.raises(InputError, match="another start_from"):
        other_start = str(tmp_path / "student" / "best.ckpt")
        fit(replace(named, start_from=other_start), tmp_path / "named", resume=True)
    other = replace(config, model=ModelConfig(encoder="plain", width=12))
    with pytest.raises(InputError, match="another model"):
        fit(other, tmp_path / "other", start_from=teacher)


def test_another_configuration_is_refused_and_named(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(config, run)
    content = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    other = replace(config, optimiser=OptimiserConfig(learning_rate=0.5))
    for how in ({}, {"resume": True}):
        with pytest.raises(InputError, match=r"another optimiser\.learning_rate; .*--overwrite"):
            fit(other, run, **how)
    with pytest.raises(InputError, match="--resume continues"):
        fit(config, run)
    assert content == {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    # What it runs on is no part of the experiment.
    machine = MachineConfig(threads=2)
    check_folder(replace(config, machine=machine), run, resume=True, overwrite=False)
    assert read_state(run)
    (run / "notes.txt").write_text("mine")
    assert fit(other, run, overwrite=True).steps == 9
    assert (run / "notes.txt").read_text() == "mine"
    assert read_config(run / "config.toml")["optimiser"]["learning_rate"] == 0.5


def test_foreign_folders_are_not_touched(config: TrainConfig, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "draft.tex").write_text("…")
    for how in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(
            InputError, match=r"thesis: not empty and not a training \(it holds 'draft.tex'\)"
        ):
            fit(config, thesis, **how)
    with pytest.raises(InputError, match="is a file"):
        fit(config, thesis / "draft.tex")
    with pytest.raises(InputError, match="exclude"):
        fit(config, tmp_path / "run", resume=True, overwrite=True)
    assert [path.name for path in thesis.iterdir()] == ["draft.tex"]
    assert not (tmp_path / "run").exists()


def test_invalid_data_is_rejected_before_anything_is_written(
    config: TrainConfig, tmp_path: Path
) -> None:
    photographs = tmp_path / "photographs"
    write_pairs(photographs, 2)
    for mask in (photographs / "masks").iterdir():
        mask.unlink()
    (photographs / "masks").rmdir()
    wrong = {
        "without masks": replace(config.data, labelled=(str(photographs),)),
        "does not exist": replace(config.data, validation=(str(tmp_path / "nowhere"),)),
        "shows a person": replace(config.data, negatives=(str(tmp_path / "empty"),)),
    }
    (tmp_path / "empty").mkdir()
    for said, data in wrong.items():
        with pytest.raises(DataError, match=f"{said}|no images"):
            fit(replace(config, data=data), tmp_path / "run")
        assert not (tmp_path / "run").exists()
    with pytest.raises(DataError, match="--synthetic, --labelled"):
        fit(replace(config, data=DataConfig(validation=config.data.synthetic)), tmp_path / "run")


@pytest.mark.parametrize("spoil", [b"", b"PK\x03\x04 not really", None])
def test_a_damaged_state_is_named(config: TrainConfig, tmp_path: Path, spoil: bytes | None) -> None:
    run = tmp_path / "run"
    fit(config, run, callbacks=[At(5, ctrl_c)])
    content = (run / "last.ckpt").read_bytes()
    (run / "last.ckpt").write_bytes(content[: len(content) // 2] if spoil is None else spoil)
    with pytest.raises(CheckpointError, match=r"last\.ckpt: "):
        fit(config, run, resume=True)


@pytest.mark.parametrize(
    "change",
    [
        {"global_step": "9"}, {"global_step": -1}, {"seconds": float("nan")}, {"seconds": None},
        {"callbacks": []}, {"callbacks": {"Ending": {"ended": ""}}},
        {"callbacks": {"Ending": 3, "KeepBest": {"best": 0.5}}},
    ],
)  # fmt: skip
def test_a_state_of_something_else_is_named(change: dict[str, Any], tmp_path: Path) -> None:
    state = {
        "global_step": 4,
        "seconds": 1.5,
        "callbacks": {"Ending": {"ended": ""}, "KeepBest": {"best": 0.5}},
    }
    torch.save(state, tmp_path / "last.ckpt")
    assert read_state(tmp_path) == state
    torch.save({**state, **change}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"last\.ckpt: not the state of a training"):
        read_state(tmp_path)


def test_resume_without_a_run_starts_one(config: TrainConfig, tmp_path: Path) -> None:
    assert fit(config, tmp_path / "run", resume=True).steps == 9


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BudgetConfig(steps=0), r"budget\.steps is 0"),
        (lambda: BudgetConfig(minutes=float("nan")), r"budget\.minutes is nan"),
        (lambda: MachineConfig(precision="half"), "must be auto, bf16 or float32"),
        (lambda: MachineConfig(progress="loud"), "must be one of auto"),
        (lambda: MachineConfig(devices=0), r"machine\.devices is 0"),
    ],
)
def test_invalid_numbers_are_rejected(make: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_configurations_survive_toml(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_config(run / "config.toml", config)
    check_folder(config, run, resume=False, overwrite=False)
    assert read_state(run) is None
    whole = read_config(run / "config.toml")
    assert whole["augmentation"]["scale_range"] == list(config.augmentation.scale_range)
    (run / "config.toml").write_text("=")
    with pytest.raises(InputError, match=r"config\.toml: cannot be read"):
        read_config(run / "config.toml")


def test_a_resumed_history_continues_its_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert read_history(path) == []
    first = CsvLogger(path)
    for step in range(4):
        first.log_metrics({"train_loss": 1 / (step + 1), "epoch": 0}, step)
    first.log_metrics({"epoch": 0}, 4)  # nothing of ours
    CsvLogger(path, resume_at=2).log_metrics({"val_iou": 0.5}, 2)
    assert read_history(path) == [
        {"step": 1, "train_loss": 1.0},
        {"step": 2, "train_loss": 0.5},
        {"step": 3, "val_iou": 0.5},
    ]
    CsvLogger(path).log_metrics({"val_iou": 0.25}, 0)
    assert read_history(path) == [{"step": 1, "val_iou": 0.25}]
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.csv"]


def test_runs_from_before_online_labelling_was_removed_resume_unless_they_used_it(
    config: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit(config, whole)
    fit(config, broken, callbacks=[At(6, ctrl_c)])
    file = broken / "config.toml"
    section = "\n[online]\nenabled = {}\nunsure_only = true\nconfidence = 0.95\n"
    written = file.read_text()
    file.write_text(written + section.format("true"))
    with pytest.raises(ConfigError, match=r"config\.toml: online labelling was removed"):
        fit(config, broken, resume=True)
    file.write_text(written + section.format("false"))
    with caplog.at_level("INFO"):
        assert fit(config, broken, resume=True).steps == 9
    assert "config.toml: ignored the [online] section, which was off" in caplog.text
    assert_same_run(whole, broken)


def test_the_states_of_older_runs_resume(config: TrainConfig, tmp_path: Path) -> None:
    """Callbacks have new class names; the keys of their states in last.ckpt are the old ones."""
    run = tmp_path / "run"
    fit(config, run, callbacks=[At(6, ctrl_c)])
    callbacks = state_of(run)["callbacks"]
    assert set(callbacks) == {"Ending", "KeepBest"}
    assert callbacks["Ending"] == {"ended": ""} and set(callbacks["KeepBest"]) == {"best"}
    state = {**state_of(run), "callbacks": {"Ending": {"ended": ""}, "KeepBest": {"best": 2.0}}}
    torch.save(state, run / "last.ckpt")
    resumed = fit(config, run, resume=True)
    assert (resumed.steps, resumed.ended, resumed.iou) == (9, "finished", 2.0)
    again = fit(config, run, resume=True)
    assert (again.steps, again.iou) == (9, 2.0)


@pytest.mark.parametrize("first", [4, 9])
def test_a_run_that_is_over_continues_with_more_steps(
    config: TrainConfig, tmp_path: Path, first: int
) -> None:
    def of(steps: int) -> TrainConfig:
        return replace(config, budget=BudgetConfig(steps=steps, validate_every=4))

    run = tmp_path / "run"
    assert fit(of(first), run).ended == "finished"
    again = fit(of(14), run, resume=True)
    assert (again.ended, again.steps) == ("finished", 14)
    rows = read_history(run / "metrics.csv")
    validated = [row["step"] for row in rows if "val_iou" in row]
    assert validated[-1] == 14 and validated == sorted(set(validated))
    assert read_config(run / "config.toml")["budget"]["steps"] == 14
    with pytest.raises(InputError, match=r"another budget\.steps"):
        fit(of(13), run, resume=True)


def test_overwriting_begins_only_when_all_inputs_are_good(
    config: TrainConfig, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    fit(config, run)
    before = (run / "best.ckpt").read_bytes()
    wrong = replace(config, data=replace(config.data, validation=(str(tmp_path / "nowhere"),)))
    with pytest.raises(DataError):
        fit(wrong, run, overwrite=True)
    assert (run / "best.ckpt").read_bytes() == before
    inside = replace(config, start_from=str(run / "best.ckpt"))
    with pytest.raises(InputError, match=r"best\.ckpt: is an input, and lies in the --output"):
        fit(inside, run, overwrite=True)
    assert (run / "best.ckpt").read_bytes() == before


def test_a_folder_of_self_training_is_no_training(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").write_text("[loop]\nrounds = 1\n")
    (run / "best.ckpt").write_bytes(b"mine")
    with pytest.raises(InputError, match="holds a self-training"):
        fit(config, run, overwrite=True)
    assert (run / "best.ckpt").read_bytes() == b"mine"


def test_two_runs_at_once_are_one_and_a_refusal(config: TrainConfig, tmp_path: Path) -> None:
    run, refused = tmp_path / "run", []

    def second() -> None:
        with pytest.raises(OutputBusyError) as raised:
            fit(config, run, resume=True)
        refused.append(str(raised.value))

    assert fit(config, run, callbacks=[At(5, second)]).steps == 9
    assert len(refused) == 1 and str(run) in refused[0] and "\n" not in refused[0]


class Poison(lightning.Callback):
    """Spoils a weight before a step, as an overflow would."""

    def __init__(self, step: int, averaged: bool) -> None:
        self.step, self.averaged = step, averaged

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            segmenter = module.average if self.averaged else module.segmenter
            with torch.no_grad():
                next(segmenter.parameters()).fill_(torch.nan)


@pytest.mark.parametrize(("averaged", "named"), [(False, "the loss"), (True, "an output")])
def test_numbers_that_are_none_end_a_run_before_they_are_saved(
    config: TrainConfig, tmp_path: Path, averaged: bool, named: str
) -> None:
    run = tmp_path / "run"
    said = rf"{named}.* is no number .*--optimiser\.learning-rate.*best\.ckpt is from before"
    with pytest.raises(FloatingPointError, match=said):
        fit(config, run, callbacks=[Poison(5, averaged)])
    assert load_checkpoint(run / "best.ckpt").provenance["steps"] == 4  # the first validation
    assert all(bool(v.isfinite().all()) for v in state_of(run)["state_dict"].values())


def test_a_learning_rate_that_diverges_is_named(config: TrainConfig, tmp_path: Path) -> None:
    wild = replace(config, optimiser=OptimiserConfig(learning_rate=1000.0, gradient_norm=1e9))
    try:
        fit(wild, tmp_path / "run")
    except FloatingPointError as error:
        assert "learning-rate" in str(error)
    else:  # some machines stay within float32
        load_checkpoint(tmp_path / "run" / "best.ckpt")


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("cuda", "finds no CUDA device"),
        ("cuda:9", "--machine.device cuda:9"),
        ("bogus", "unknown"),
        ("meta", "unknown"),
    ],
)
def test_a_device_that_is_not_there_is_named_first(
    config: TrainConfig, tmp_path: Path, device: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match=said):
        fit(replace(config, machine=replace(MACHINE, device=device)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


FOREIGN = {
    "RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "8", "MASTER_ADDR": "nowhere.invalid",
    "MASTER_PORT": "1", "NODE_RANK": "2", "GROUP_RANK": "2", "TORCHELASTIC_RUN_ID": "7",
    "PL_TRAINER_MAX_STEPS": "1", "PL_TRAINER_FAST_DEV_RUN": "True",
    "PL_TRAINER_LIMIT_TRAIN_BATCHES": "1", "PL_GLOBAL_SEED": "99", "SLURM_JOB_ID": "4711",
    "SLURM_NTASKS": "8", "SLURM_JOB_NAME": "outer", "SLURM_NTASKS_PER_NODE": "8",
    "SLURM_PROCID": "0", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1", "KUBERNETES_PORT": "1",
}  # fmt: skip


def test_variables_of_other_programs_change_nothing(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(config, tmp_path / "plain")
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 3)  # as it is when Lightning is imported
    assert fit(config, tmp_path / "foreign").steps == 9
    assert_same_run(tmp_path / "plain", tmp_path / "foreign")


def test_states_of_lightning_under_slurm_are_neither_written_nor_read(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions left hpc_ckpt_1.ckpt, from which a later, fresh run continued."""
    run, whole = tmp_path / "run", tmp_path / "whole"
    fit(config, whole)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "train")
    run.mkdir()
    (run / "hpc_ckpt_1.ckpt").write_bytes((whole / "last.ckpt").read_bytes())
    write_config(run / "config.toml", config)
    steps: list[int] = []
    counted = [At(step, lambda step=step: steps.append(step)) for step in range(10)]
    fit(config, run, callbacks=counted)
    assert steps == list(range(1, 10))  # all of them, from the first
    fit(config, run, overwrite=True)
    assert not list(run.glob("**/hpc_ckpt*"))


def test_a_requeued_job_continues_whatever_its_command_says(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    fit(config, whole)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    fit(config, run, overwrite=True, callbacks=[At(6, ctrl_c)])
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert fit(config, run, overwrite=True).steps == 9
    assert_same_run(whole, run)
    monkeypatch.setenv("SLURM_JOB_ID", "4712")  # requeued too, but the run is another job's
    with pytest.raises(InputError, match="--resume continues it"):
        fit(config, run)


def test_heads_weigh_in_a_training_where_the_data_know_them(
    config: TrainConfig, pairs: Path, tmp_path: Path
) -> None:
    (pairs / "heads").mkdir()
    for path in (pairs / "masks").iterdir():
        mask = np.array(Image.open(path))
        mask[24:] = 0
        Image.fromarray(mask).save(pairs / "heads" / path.name)
    weighed = replace(config, optimiser=OptimiserConfig(head_weight=20.0))
    fit(config, tmp_path / "plain")
    fit(weighed, tmp_path / "weighed")
    ours, theirs = (
        load_checkpoint(tmp_path / run / "best.ckpt").weights for run in ("plain", "weighed")
    )
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)
    recorded = read_config(tmp_path / "weighed" / "config.toml")
    assert recorded["optimiser"]["head_weight"] == 20.0
