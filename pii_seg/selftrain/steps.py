"""The stages of self-training, one function each: `loop.Loop.run` calls them in order.

Each function runs its stage, or takes over what an earlier run left, and returns what the next
stages need. The work itself is done by the function below it whose first argument is the stage's
folder.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import write_atomically
from pii_seg.config import TrainConfig
from pii_seg.evaluation.temperature import fit_temperature, rescale_threshold
from pii_seg.inference.calibrated import with_calibration
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import (
    load_checkpoint,
    save_checkpoint,
)
from pii_seg.models.checkpoint_hash import checkpoint_sha256
from pii_seg.models.model_soup import mean_checkpoint
from pii_seg.selftrain.comparison import (
    evenly_spaced,
    foreground_of,
    held_out_scores,
    totals_of,
    true_foreground,
)
from pii_seg.selftrain.config import decisive_settings
from pii_seg.selftrain.context import Inputs, Model, ProgressLog, RunContext
from pii_seg.selftrain.early import EARLY, saving_early
from pii_seg.selftrain.gate import Foreground, HeldOut, Verdict, judge_round
from pii_seg.selftrain.label_images import (
    LabelJob,
    label_photos,
    load_teacher,
    write_contact_sheet,
)
from pii_seg.selftrain.rendering import batch_command, recipe_file, render_pairs
from pii_seg.selftrain.repainting import (
    RepaintResult,
    RepaintSettings,
    by_warping,
    repaint_photos,
)
from pii_seg.selftrain.report import REPORT, RunSummary, write_loop_report
from pii_seg.selftrain.stages import Stage
from pii_seg.training.fit import fit
from pii_seg.training.run_folder import BEST

LABELLER = "labeller.ckpt"  # the best checkpoint, calibrated
PHOTOS_OF_THE_GATE = 100  # on which the shares of foreground are compared
_GATE = 0x6A7E  # keeps the bootstrap's random numbers apart from all others

Result = dict[str, Any]
"""Result of a stage, as plain data for stage.json."""


# --- Rendering ---


def render(run: RunContext) -> None:
    """Render the pairs that the teacher is trained on, and open them."""
    config = run.config
    command = batch_command(config.recipe, config.count, config.training.budget.seed)
    # A preset counts by its name, a recipe file by its content.
    file = recipe_file(config.recipe)
    inputs: Inputs = {"recipe": run.hashes.of_file(file)} if file else {}
    settings = {"command": ["recipe", *command[1:]] if file else command}
    work = partial(render_pairs, command=command)
    run.renders = run.perform("renders", settings=settings, inputs=inputs, work=work)
    run.synthetic = (str(run.renders.folder),)
    _ = run.data  # raises for renders that cannot be trained on


# --- Training ---


def train_teacher(run: RunContext) -> Model:
    """Train the first teacher on renders and labelled photos, or take the given checkpoint."""
    config = run.config
    if config.teacher:
        inputs = {"checkpoint": checkpoint_sha256(Path(config.teacher)), **run.data_hashes()}
        work = partial(copy_teacher, run=run)
        stage = run.perform("teacher", settings={}, inputs=inputs, work=work)
    else:
        training = dataclasses.replace(
            config.training,
            data=dataclasses.replace(config.training.data, synthetic=run.synthetic),
        )
        stage = run.perform(
            "teacher",
            settings=decisive_settings(training),
            inputs=run.training_inputs(),
            work=partial(train, run=run, training=training, start=None),
        )
    return run.add_model("teacher", stage)


def train_control(run: RunContext, number: int, pseudo: Stage, teacher: Model) -> Model:
    """Train a student without the repainted photos, to show what these add."""
    return train_student(run, number, pseudo, None, teacher, kind="control")


def train_student(
    run: RunContext,
    number: int,
    pseudo: Stage,
    repainted: Stage | None,
    teacher: Model,
    *,
    kind: str = "student",
) -> Model:
    """Train a student on the teacher's data, the pseudo-labels and the repainted photos."""
    config = run.config
    training = config.student_training(
        number,
        pseudo=str(pseudo.folder),
        repainted=None if repainted is None else str(repainted.folder),
        synthetic=run.synthetic,
    )
    inputs: Inputs = {**run.training_inputs(), "pseudo": pseudo, "teacher": teacher.stage}
    if repainted is not None:
        inputs["repainted"] = repainted
    stage = run.perform(
        f"{kind}-{number}",
        settings={**decisive_settings(training), "from_scratch": config.from_scratch},
        inputs=inputs,
        work=partial(
            train, run=run, training=training, start=None if config.from_scratch else teacher
        ),
    )
    return run.add_model(f"{kind} of round {number}", stage)


def average_weights(run: RunContext, number: int, students: Sequence[Model]) -> Model:
    """Average the weights of students that started from the same weights."""
    # The data is an input, because the average is calibrated on what is held out of it.
    inputs = {**run.data_hashes(), **{student.name: student.stage for student in students}}
    work = partial(average_checkpoints, run=run, students=students)
    stage = run.perform(f"soup-{number}", settings={}, inputs=inputs, work=work)
    return run.add_model(f"soup of round {number}", stage)


def copy_teacher(folder: Path, run: RunContext) -> Result:
    teacher = Path(run.config.teacher)
    if teacher.is_dir():
        save_checkpoint(folder / BEST, load_checkpoint(teacher))
    else:
        write_atomically(folder / BEST, teacher.read_bytes())
    calibrate(folder, run)
    return {"taken": True}


def train(folder: Path, run: RunContext, training: TrainConfig, start: Model | None) -> Result:
    """Train in `folder`, or resume there; from the weights of `start`, if given."""

    early = saving_early(folder, training, run.hashes)
    first = load_checkpoint(start.checkpoint) if start else None
    result = fit(
        training, folder, resume=True, start_from=first, callbacks=[early], hashes=run.hashes
    )
    if result.ended == "interrupted":
        raise KeyboardInterrupt
    calibrate(folder, run)
    return {"iou": result.iou, "steps": result.steps, "seconds": round(result.seconds, 1)}


def average_checkpoints(folder: Path, run: RunContext, students: Sequence[Model]) -> Result:
    # The earlier checkpoints are averaged too: they tell the next round which photos are reliable.
    for name in (*EARLY, BEST):
        paths = [student.folder / name for student in students]
        if all(path.exists() for path in paths):
            average = mean_checkpoint([load_checkpoint(path) for path in paths])
            save_checkpoint(folder / name, average)
    calibrate(folder, run)
    return {"of": [student.name for student in students]}


def calibrate(folder: Path, run: RunContext) -> None:
    """Write LABELLER: the best checkpoint with the temperature that fits the held-out pairs.

    The threshold moves along, so that its masks stay the same.
    """
    best = load_checkpoint(folder / BEST)
    # The logits are already divided by the checkpoint's own temperature.
    further = fit_temperature(totals_of(folder / BEST, run.data.validation, run.device))
    calibrated = with_calibration(
        best,
        temperature=best.temperature * further,
        threshold=rescale_threshold(best.threshold, further),
        calibration={"by": "held out"},
    )
    save_checkpoint(folder / LABELLER, calibrated)


# --- Pseudo-labels ---


def label(run: RunContext, number: int, teacher: Model) -> Stage:
    """Label all photos with the teacher's predictions."""
    config = run.config
    job = LabelJob(
        run.photos_hash,
        teacher.stage.fingerprint,
        config.labels,
        InferenceSettings(scales=config.scales, flip=config.flip, merge=config.merge),
        config.longest,
        config.named,
    )
    settings = {
        "labels": asdict(config.labels),
        "views": asdict(job.views),
        "longest": config.longest,
        "named": config.named,
    }
    inputs: Inputs = {"photographs": run.photos_hash, "teacher": teacher.stage}
    name = f"pseudo-{number}"
    progress = ProgressLog(run.log, name, len(run.photos))
    work = partial(label_with, run=run, teacher=teacher, job=job, progress=progress)
    return run.perform(name, settings=settings, inputs=inputs, work=work)


def label_with(
    folder: Path, run: RunContext, teacher: Model, job: LabelJob, progress: ProgressLog
) -> Result:
    labeller = load_teacher(teacher.folder / LABELLER, job.views, device=run.device)
    early = [load_teacher(path, job.views, device=run.device) for path in teacher.early]
    with worker_threads(run.device) as workers:
        result = label_photos(
            run.photos, folder, labeller, early, job, workers=workers, on_photo=progress.step
        )
    if run.config.examples:
        write_contact_sheet(folder)
    return result.to_json()


# --- Repainting ---


def repaint(run: RunContext, number: int, pseudo: Stage, teacher: Model) -> Stage | None:
    """Repaint each person in the most reliable photos. Returns None when no image is left."""
    config = run.config
    job = RepaintSettings(
        painter=run.painting.described if run.painting else {"repaint": config.repaint},
        most=config.repaint_most,
        largest=config.repaint_largest or None,
        iou_relative=config.iou_relative,
        seed=config.training.budget.seed,
    )
    inputs: Inputs = {"pseudo": pseudo, "teacher": teacher.stage}
    if config.repaint == "warp":
        inputs |= run.data_hashes()
    name = f"diffusion-{number}"
    progress = ProgressLog(run.log, name, config.repaint_most)
    work = partial(
        repaint_labelled, run=run, pseudo=pseudo, teacher=teacher, job=job, progress=progress
    )
    stage = run.perform(name, settings=asdict(job), inputs=inputs, work=work)
    result = RepaintResult.from_json(stage.result)
    if not result.images:
        run.log(f"{name}: {result.why}; the student is trained without repainted photos")
        return None
    return stage


def repaint_labelled(
    folder: Path,
    run: RunContext,
    pseudo: Stage,
    teacher: Model,
    job: RepaintSettings,
    progress: ProgressLog,
) -> Result:
    result = repaint_photos(
        pseudo.folder,
        folder,
        run.painting or by_warping(run.synthetic),
        load_teacher(teacher.folder / LABELLER, InferenceSettings(), device=run.device),
        job,
        segmenter=teacher.stage.fingerprint,
        device=run.device,
        on_progress=progress.at,
    )
    return result.to_json()


# --- Judging ---


def judge(
    run: RunContext, number: int, teacher: Model, candidates: Sequence[Model]
) -> Model | None:
    """Judge the models of a round. Returns the next teacher; None when none is accepted."""
    inputs: Inputs = {
        "teacher": teacher.stage,
        "first": run.models[0].stage,
        "photographs": run.photos_hash,
        **run.data_hashes(),
        **{model.name: model.stage for model in candidates},
    }
    work = partial(compare_models, run=run, number=number, teacher=teacher, candidates=candidates)
    settings = asdict(run.config.gate)
    stage = run.perform(f"gate-{number}", settings=settings, inputs=inputs, work=work)
    for name, verdict in stage.result["verdicts"].items():
        run.verdicts.append((name, Verdict.from_json(verdict)))
    chosen = stage.result["chosen"]
    return next((model for model in candidates if model.name == chosen), None)


def compare_models(
    folder: Path, run: RunContext, number: int, teacher: Model, candidates: Sequence[Model]
) -> Result:
    held_out = run.data.validation
    photos = evenly_spaced(run.photos, PHOTOS_OF_THE_GATE)
    first = run.models[0]
    before = held_out_scores(teacher.checkpoint, held_out, run.device)
    shares = {
        model.name: foreground_of(model.checkpoint, photos, run.device)
        for model in (first, *candidates)
    }
    prior = true_foreground(held_out)
    scores = {
        model.name: held_out_scores(model.checkpoint, held_out, run.device) for model in candidates
    }

    def compared(before: HeldOut, share: float, name: str) -> Verdict:
        rng = np.random.default_rng([run.config.training.budget.seed, _GATE, number])
        foreground = Foreground(share, shares[name], prior)
        return judge_round(before, scores[name], foreground, rng, run.config.gate)

    verdicts = {name: compared(before, shares[first.name], name) for name in scores}
    # The last accepted model, unless an earlier one is better by more than chance.
    chosen = None
    for name in reversed([name for name, verdict in verdicts.items() if verdict.accepted]):
        if chosen is None or not compared(scores[name], shares[name], chosen).accepted:
            chosen = name
    for name, verdict in verdicts.items():
        run.log(f"{name}: {verdict.sentence()}")
    result = {
        "chosen": chosen,
        "verdicts": {name: verdict.to_json() for name, verdict in verdicts.items()},
    }
    write_atomically(folder / "verdict.json", json.dumps(result, indent=2).encode() + b"\n")
    return result


# --- The report ---


def report(run: RunContext, chosen: Model) -> Path:
    """Measure all models of the run on the same images. Returns the path of the page."""
    config = run.config
    inputs: Inputs = {
        **{model.name: model.stage for model in run.models},
        **run.folder_hashes("test", config.test),
        **run.folder_hashes("negatives", config.test_negatives),
    }
    settings = {"examples": config.examples, "chosen": chosen.name}
    work = partial(write_report, run=run, chosen=chosen)
    stage = run.perform("report", settings=settings, inputs=inputs, work=work)
    return stage.folder / REPORT


def write_report(folder: Path, run: RunContext, chosen: Model) -> Result:
    tested = "--test" if run.tests else "held-out images, which also chose the checkpoints"
    summary = RunSummary(
        models={model.name: model.checkpoint for model in run.models},
        chosen=chosen.name,
        verdicts=run.verdicts,
        stages=run.stages,
        images={**run.data.counts(), "unlabelled": len(run.photos)},
        tested=tested,
    )
    tests, examples = run.tests or run.data.validation, run.config.examples
    return write_loop_report(folder, summary, tests, examples=examples, device=run.device)
