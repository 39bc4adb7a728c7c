"""The whole loop in seconds: a tiny model on images of 48 px, killed in every stage."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from blender_addon.dataset import OutputBusyError, iter_lines, output_lock
from diffusion_synth.repaint.crops import CropSettings
from pii_seg.config import (
    SIZES,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    OptimiserConfig,
    TrainConfig,
)
from pii_seg.errors import ConfigError, InputError
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain import early, repainting, steps
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.loop import Loop, Outcome, self_train, stage_names
from pii_seg.selftrain.repainting import choose_photos
from pii_seg.selftrain.stages import Stopped
from pii_seg.train import main
from tests.diffusion_synth.conftest import Pair, tiny_pipeline, write_dataset

SECRET = "anna at the beach"
SIZE = 48
STAGES = [
    "teacher",
    "pseudo-1",
    "diffusion-1",
    "control-1",
    "student-1",
    "soup-1",
    "gate-1",
    "report",
]
MODELS = ["teacher", "control of round 1", "student of round 1", "soup of round 1"]


def scene(number: int, *, warm: bool = True) -> Pair:
    """A person: an upright ellipse on noise. Photos have another light than renders."""
    rng = np.random.default_rng([5, number])
    rows, columns = np.mgrid[:SIZE, :SIZE]
    y, x = rng.uniform(0.35, 0.65, 2) * SIZE
    mask = ((rows - y) / (0.35 * SIZE)) ** 2 + ((columns - x) / (0.18 * SIZE)) ** 2 < 1
    image = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
    image[mask] += np.array([150, 90, 20] if warm else [140, 110, 60], np.uint8)
    rows, columns = np.nonzero(mask)
    box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
    line = {"seed": 0, "source": "render", "width": SIZE, "height": SIZE}
    person = {"id": 1, "bbox": box, "area": int(mask.sum()), "visibility": 1.0}
    return image, mask.astype(np.uint8), {**line, "persons": [person]}


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "renders", [scene(number) for number in range(12)])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        Image.fromarray(scene(100 + number, warm=False)[0]).save(folder / f"{SECRET} {number}.png")
    return folder


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    tiny_pipeline("embedded").save_pretrained(tmp_path / "generator")
    return tmp_path / "generator"


@pytest.fixture
def config(renders: Path, photos: Path, generator: Path) -> LoopConfig:
    training = TrainConfig(
        DataConfig(
            synthetic=(str(renders),), size=32, batch_size=2, validation_limit=4, held_out=0.3
        ),
        model=SIZES["tiny"],
        optimiser=OptimiserConfig(learning_rate=0.02),
        budget=BudgetConfig(steps=60, validate_every=20),
        machine=MachineConfig(
            device="cpu", precision="float32", workers=0, threads=1, memory_mb=10, progress="none"
        ),
    )
    return LoopConfig(
        training,
        (str(photos),),
        rounds=1,
        student_steps=20,
        repaint="diffusion",
        generator=str(generator),
        repaint_steps=2,
        iou_relative=0.05,
        scales=(1.0,),
        examples=2,
        # The untrained generator paints noise, so the gate must accept any score.
        gate=GateSettings(iou_fall=0.9, missed_rise=1.0, collapse=0.0, collapse_of_prior=0.0),
    )


@pytest.fixture(autouse=True)
def filter_accepts_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter has its own tests, and would reject all of an untrained generator's noise."""
    settings = repainting.FilterSettings
    monkeypatch.setattr(repainting, "FilterSettings", lambda **given: settings(min_iou=0.0))


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(path).weights)


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = weights_of(first), weights_of(second)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        assert torch.equal(weight, theirs[name]), name


@pytest.mark.slow
def test_run_writes_every_stage_and_a_report(
    config: LoopConfig, photos: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in photos.iterdir()}
    log: list[str] = []
    outcome = self_train(config, tmp_path / "run", log=log.append)
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.is_dir()) == sorted(STAGES)
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    lines = list(iter_lines(tmp_path / "run" / "pseudo-1"))
    assert len(lines) == 5
    assert all(line["pseudo"]["reliability"] is not None for line in lines)
    repainted = list(iter_lines(tmp_path / "run" / "diffusion-1"))
    assert repainted and all(line["source"] == "diffusion" for line in repainted)
    verdict = json.loads((tmp_path / "run" / "gate-1" / "verdict.json").read_text())
    assert list(verdict["verdicts"]) == MODELS[1:]
    chosen = verdict["chosen"].replace(" of round ", "-")
    assert_same_weights(outcome.best, tmp_path / "run" / chosen / "best.ckpt")
    page = outcome.report.read_text()
    for words in (
        *MODELS,
        "a student trained without repainted photos",
        "the average of both students",
        "Next improvement",
        "minutes",
    ):
        assert words in page
    metrics = json.loads((outcome.report.parent / "metrics.json").read_text())
    assert set(metrics["scores"]) == set(MODELS)
    for path in (tmp_path / "run").rglob("*"):
        assert SECRET not in path.name
        content = path.read_bytes() if path.is_file() else b""
        assert SECRET.encode() not in content
        assert str(tmp_path).encode() not in content, path
    assert not any(SECRET in line for line in log)

    # Nothing has changed, so nothing runs again.
    times = {
        p: p.stat().st_mtime_ns
        for p in (tmp_path / "run").rglob("best.ckpt")
        if p.parent.name in STAGES
    }
    self_train(config, tmp_path / "run")
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.slow
def test_average_of_both_students_is_the_teacher_of_the_next_round(
    config: LoopConfig, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(Stopped):
        self_train(replace(config, rounds=2), run, stop_after="pseudo-2")
    for name in ("best.ckpt", "early-1.ckpt", "early-2.ckpt"):
        control, student, soup = (
            weights_of(run / f"{kind}-1" / name) for kind in ("control", "student", "soup")
        )
        for key, value in soup.items():
            if value.is_floating_point():
                torch.testing.assert_close(value, (control[key] + student[key]) / 2)
        assert any(not torch.equal(value, student[key]) for key, value in soup.items())
    assert json.loads((run / "gate-1" / "verdict.json").read_text())["chosen"] == "soup of round 1"
    # Its reliability comes from its own earlier checkpoints.
    assert all(line["pseudo"]["reliability"] is not None for line in iter_lines(run / "pseudo-2"))


@pytest.mark.slow
def test_run_killed_in_any_stage_and_resumed_gives_the_same_student(
    config: LoopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = self_train(config, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def killed_after(name: str, times: int) -> Callable[[], None]:
        """Let `name` be called `times` times, then end everything. Returns the undoing function."""
        modules = {"repaint_dataset": [repainting], "save_checkpoint": [early, steps]}
        real: Any = getattr(modules.get(name, [steps])[0], name)
        left = [times]

        def deadly(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*given, **named)

        def put(function: Any) -> None:
            for module in modules.get(name, [steps]):
                monkeypatch.setattr(module, name, function)

        put(deadly)
        return lambda: put(real)

    moments = [
        ("fit", 0),
        ("save_checkpoint", 0),
        ("save_checkpoint", 1),
        ("save_checkpoint", 1),
        ("label_photos", 0),
        ("write_contact_sheet", 0),
        ("repaint_dataset", 0),
        ("fit", 0),
        ("fit", 1),
        ("mean_checkpoint", 0),
        ("mean_checkpoint", 2),
        ("judge_round", 1),
        ("write_loop_report", 0),
    ]
    for name, times in moments:
        undo = killed_after(name, times)
        with pytest.raises(Killed):
            self_train(config, tmp_path / "run")
        undo()
    outcome = self_train(config, tmp_path / "run")
    for stage in ("teacher", "control-1", "student-1", "soup-1"):
        assert_same_weights(
            tmp_path / "whole" / stage / "best.ckpt", tmp_path / "run" / stage / "best.ckpt"
        )
    assert outcome.chosen == whole.chosen


@pytest.mark.slow
def test_student_that_collapses_is_rejected(
    config: LoopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = steps.foreground_of
    monkeypatch.setattr(
        steps,
        "foreground_of",
        lambda path, *given: real(path, *given) if "teacher" in str(path) else 0.0,
    )
    log: list[str] = []
    judged = replace(
        config, repaint="none", rounds=2, gate=GateSettings(iou_fall=0.9, missed_rise=1.0)
    )
    outcome = self_train(judged, tmp_path / "run", log=log.append)
    assert outcome.chosen == "teacher"
    assert_same_weights(outcome.best, tmp_path / "run" / "teacher" / "best.ckpt")
    assert any(": rejected: " in line and "collapsed" in line for line in log)
    assert not (tmp_path / "run" / "pseudo-2").exists()
    assert "collapsed" in outcome.report.read_text()


@pytest.mark.slow
def test_only_stages_with_changes_run_again(config: LoopConfig, tmp_path: Path) -> None:
    without = replace(config, repaint="none")

    def run(changed: LoopConfig, **choice: str) -> tuple[Outcome | None, set[str]]:
        log: list[str] = []
        try:
            outcome = self_train(changed, tmp_path / "run", log=log.append, **choice)
        except Stopped:
            outcome = None
        begun = {
            line.split(":")[0] for line in log if ": starting" in line or ": re-running" in line
        }
        return outcome, begun

    assert run(without, stop_after="pseudo-1") == (None, {"teacher", "pseudo-1"})
    assert run(without)[1] == {"student-1", "gate-1", "report"}
    assert run(replace(without, student_steps=10))[1] == {"student-1", "gate-1", "report"}
    assert run(replace(without, student_steps=10, longest=40), begin_at="student-1")[1] == set()
    assert run(replace(without, student_steps=10, longest=40))[1] == {
        "pseudo-1",
        "student-1",
        "gate-1",
        "report",
    }
    # The seed changes the repainted images, but not a given teacher.
    shutil.copy(tmp_path / "run" / "best.ckpt", tmp_path / "given.ckpt")
    given = replace(config, teacher=str(tmp_path / "given.ckpt"))
    other = replace(
        given, training=replace(given.training, budget=replace(given.training.budget, seed=1))
    )
    assert "diffusion-1" in run(given, stop_after="diffusion-1")[1]
    assert run(given, stop_after="diffusion-1")[1] == set()
    assert run(other, stop_after="diffusion-1")[1] == {"diffusion-1"}


@pytest.mark.slow
def test_student_is_trained_without_repainted_photos_when_none_qualifies(
    config: LoopConfig, tmp_path: Path
) -> None:
    log: list[str] = []
    limited = replace(config, repaint_largest=24, student_steps=10)
    outcome = self_train(limited, tmp_path / "run", log=log.append)
    why = "no photo has a labelled person of 24 to 24 px (--loop.repaint_largest)"
    assert any(f"{why}; the student is trained without repainted photos" in line for line in log)
    assert outcome.best.exists() and (tmp_path / "run" / "student-1" / "best.ckpt").exists()
    assert not (tmp_path / "run" / "control-1").exists()
    assert not (tmp_path / "run" / "soup-1").exists()
    metrics = json.loads((tmp_path / "run" / "report" / "metrics.json").read_text())
    assert set(metrics["scores"]) == {"teacher", "student of round 1"}
    assert why in (tmp_path / "run" / "report" / "report.html").read_text()


@pytest.mark.slow
def test_command_line_reads_its_own_configuration_file(
    config: LoopConfig,
    renders: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--unlabelled", str(photos), "--synthetic", str(renders), "--size", "tiny"]
    arguments += [
        "--rounds=1",
        "--repaint",
        "warp",
        "--steps",
        "20",
        "--data.size",
        "32",
        "--data.batch_size",
        "2",
    ]
    arguments += ["--machine.device", "cpu", "--machine.workers", "0", "--machine.progress", "none"]
    arguments += ["--budget.validate_every", "10", "--loop.examples", "0"]
    assert main([*arguments, "--output", str(tmp_path / "run"), "--print_config"]) == 0
    (tmp_path / "all.toml").write_text(capsys.readouterr().out)
    assert not (tmp_path / "run").exists()
    again = ["--config", str(tmp_path / "all.toml"), "--output", str(tmp_path / "run")]
    assert main([*again, "--size", "tiny", "--stop-after", "pseudo-1"]) == 0
    assert "stopped after pseudo-1" in capsys.readouterr().err
    recorded = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    given = tomllib.loads((tmp_path / "all.toml").read_text())
    for section, name in (("data", "synthetic"), ("loop", "unlabelled")):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", recorded[section][name][0])
        recorded[section][name] = given[section][name]
    assert recorded == given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unlabelled", "ABSENT", "--synthetic", "RENDERS"], "does not exist"),
        (["--unlabelled", "PHOTOS"], "no training data for the teacher"),
        (
            ["--unlabelled", "PHOTOS", "--synthetic", "RENDERS", "--loop.repaint_guidance", "0.5"],
            "repaint_guidance",
        ),
        (
            ["--unlabelled", "PHOTOS", "--synthetic", "RENDERS", "--loop.repaint_largest", "23"],
            "repaint_largest is 23; it must be 0 or at least 24",
        ),
        (
            ["--unlabelled", "PHOTOS", "--synthetic", "RENDERS", "--recipe", "street"],
            "exclude each other",
        ),
        (
            [
                "--unlabelled",
                "PHOTOS",
                "--synthetic",
                "RENDERS",
                "--repaint",
                "diffusion",
                "--generator",
                "ABSENT",
            ],
            "--generator",
        ),
        (["--unlabelled", "PHOTOS", "--synthetic", "RENDERS", "--rounds", "0"], "loop.rounds is 0"),
        (["--unlabelled", "PHOTOS", "--synthetic", "ABSENT", "--repaint", "none"], "ABSENT"),
        (
            [
                "--unlabelled",
                "PHOTOS",
                "--synthetic",
                "RENDERS",
                "--teacher",
                "ABSENT",
                "--repaint",
                "none",
            ],
            "ABSENT",
        ),
        (
            [
                "--unlabelled",
                "PHOTOS",
                "--synthetic",
                "RENDERS",
                "--from",
                "dessert",
                "--repaint",
                "none",
            ],
            "dessert",
        ),
        (
            [
                "--unlabelled",
                "PHOTOS",
                "--synthetic",
                "RENDERS",
                "--repaint",
                "none",
                "--test",
                "ABSENT",
            ],
            "ABSENT",
        ),
        (["--synthetic", "RENDERS", "--stop-after", "teacher"], "give --unlabelled"),
        (["--unlabelled", "PHOTOS", "--synthetic", "RENDERS", "--resume"], "always resumes"),
    ],
)
def test_wrong_input_is_refused_before_any_stage_begins(
    arguments: list[str], message: str, renders: Path, photos: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    names = {
        "RENDERS": str(renders),
        "PHOTOS": str(photos),
        "ABSENT": str(tmp_path / "ABSENT"),
    }
    filled = [names.get(argument, argument) for argument in arguments]
    assert main([*filled, "--size", "tiny", "--output", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("error: ") == 1
    folders = [path for path in (tmp_path / "run").glob("*") if path.is_dir()]
    assert not folders


@pytest.mark.parametrize("kind", ["preset", "file"])
def test_renders_come_from_a_preset_or_from_a_recipe_file(
    config: LoopConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    commands: list[list[str]] = []

    def render(folder: Path, command: list[str]) -> dict[str, Any]:
        commands.append(command)
        return {"pictures": len(list(iter_lines(write_dataset(folder, [scene(1)]))))}

    monkeypatch.setattr(steps, "render_pairs", render)
    file = tmp_path / "own.toml"
    file.write_text('name = "own"')
    recipe = str(file) if kind == "file" else "street"
    data = replace(config.training.data, synthetic=())
    rendered = replace(
        config, training=replace(config.training, data=data), recipe=recipe, count=5, repaint="none"
    )
    for _ in range(2):
        with pytest.raises(Stopped):
            self_train(rendered, tmp_path / "run", stop_after="renders")
    first = [recipe] if kind == "file" else ["--preset", recipe]
    assert commands == [[*first, "--count", "5", "--seed", "0"]]
    if kind == "file":
        file.write_text('name = "changed"')
        with pytest.raises(Stopped):
            self_train(rendered, tmp_path / "run", stop_after="renders")
        assert len(commands) == 2


def test_stage_names_follow_the_configuration(config: LoopConfig) -> None:
    assert stage_names(config) == STAGES
    assert stage_names(replace(config, repaint="none")) == [
        "teacher",
        "pseudo-1",
        "student-1",
        "gate-1",
        "report",
    ]
    for without in (replace(config, soup=False), replace(config, from_scratch=True)):
        assert stage_names(without) == [name for name in STAGES if name != "soup-1"]
    two = stage_names(replace(config, rounds=2, control=False))
    assert two == [
        "teacher", "pseudo-1", "diffusion-1", "student-1", "gate-1",
        "pseudo-2", "diffusion-2", "student-2", "gate-2", "report",
    ]  # fmt: skip


def test_most_reliable_photos_with_persons_come_first(tmp_path: Path) -> None:
    values = [(0.9, [30]), (0.95, []), (0.5, [24, 300]), (0.97, [10, 300]), (0.99, [23])]
    pairs = []
    for value, heights in values:
        image, mask, line = scene(1)
        persons = [
            {"id": n, "bbox": [1, 1, 9, height]} for n, height in enumerate(heights, start=1)
        ]
        pairs.append(
            (
                image,
                mask,
                {**line, "persons": persons, "pseudo": {"reliability": value, "confident": 0.0}},
            )
        )
    root = write_dataset(tmp_path / "pseudo", pairs)
    crops = CropSettings(smallest=24)
    assert choose_photos(root, 2, crops) == {3, 0}
    assert choose_photos(root, 9, crops) == {0, 2, 3}
    assert choose_photos(root, 9, replace(crops, largest=30)) == {0, 2}


def test_foreign_folder_is_left_alone(config: LoopConfig, tmp_path: Path) -> None:
    root = tmp_path / "run"
    (root / "teacher").mkdir(parents=True)
    (root / "teacher" / "diary.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"diary\.txt"):
        self_train(replace(config, repaint="none"), root)
    assert (root / "teacher" / "diary.txt").read_text() == "mine"


def test_an_input_in_the_folder_of_the_run_is_refused(
    config: LoopConfig, photos: Path, tmp_path: Path
) -> None:
    for other in (
        replace(config, teacher=str(tmp_path / "run" / "teacher" / "best.ckpt")),
        replace(config, unlabelled=(str(tmp_path / "run" / "pseudo-1" / "images"),)),
    ):
        with pytest.raises(InputError, match="is an input, and lies in the --output"):
            self_train(other, tmp_path / "run")
    with pytest.raises(InputError, match="is an input, and lies in the --output"):
        self_train(config, tmp_path)
    assert not (tmp_path / "run").exists()


def test_two_runs_at_once_are_one_and_a_refusal(config: LoopConfig, tmp_path: Path) -> None:
    with (
        output_lock(tmp_path / "run" / ".train.lock"),
        pytest.raises(OutputBusyError, match="another run is writing there"),
    ):
        self_train(config, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".train.lock"]


def test_a_device_that_is_not_there_is_named_first(config: LoopConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--machine\.device cuda:99"):
        self_train(config, tmp_path / "run", device="cuda:99")
    assert not (tmp_path / "run").exists()


def test_teacher_with_another_model_is_refused(config: LoopConfig, tmp_path: Path) -> None:
    other = replace(config, teacher=str(tmp_path / "other.ckpt"), repaint="none")
    from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
    from pii_seg.models.networks import build_network
    from pii_seg.models.segmenter import Segmenter

    model = replace(SIZES["tiny"], width=12)
    network = build_network(model, generator=torch.Generator().manual_seed(1), pretrained=False)
    save_checkpoint(Path(other.teacher), Checkpoint(model, Segmenter(network).state_dict()))
    with pytest.raises(ConfigError, match="its model differs"):
        Loop(other, tmp_path / "run")
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
