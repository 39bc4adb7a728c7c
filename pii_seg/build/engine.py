"""From a recipe to a segmenter to ship: `build_model(recipe, root)`.

    RUN/renders-NAME/     rendered pairs to learn from
    RUN/held-out-NAME/    rendered pairs that choose and calibrate
    RUN/check/            counts of both; a dataset that cannot be learnt from ends the run here
    RUN/train-NAME-SEED/  the trainings, one after the other
    RUN/average/          the average of the last trainings' weights
    RUN/choice/           scores of all candidates on the held-out renders, and the chosen one
    RUN/calibration/      its calibration on the held-out renders
    RUN/measure/          scores on folders that nothing was learnt or chosen from
    RUN/model/            the segmenter as a folder to share, with card and manifest

A stage runs once, and again only when its inputs or settings have changed (selftrain.stages). A run
may be stopped at any moment; the same command resumes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import write_atomically
from pii_seg.build.card import write_card
from pii_seg.build.manifest import write_manifest
from pii_seg.build.recipe import RECALLS, BuildRecipe, Renders, Training
from pii_seg.config import NAMED_WEIGHTS, TrainConfig
from pii_seg.data.content_hash import ContentHashes
from pii_seg.data.sources import IGNORE, PERSON, open_sources
from pii_seg.errors import CalibrationError, DataError
from pii_seg.evaluation.calibrate import calibrate
from pii_seg.evaluation.conformal import read_promise
from pii_seg.evaluation.evaluate import evaluate
from pii_seg.evaluation.measure import open_data
from pii_seg.models.checkpoint import load_checkpoint, save_checkpoint, save_pretrained
from pii_seg.models.model_soup import mean_checkpoint
from pii_seg.selftrain.comparison import totals_of
from pii_seg.selftrain.config import decisive_settings
from pii_seg.selftrain.rendering import render_pairs
from pii_seg.selftrain.stages import Stage, StageRunner, Work
from pii_seg.training.fit import fit, program_version
from pii_seg.training.run_folder import BEST, locked_folder

CALIBRATED = "calibrated.ckpt"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A segmenter that was built.

    Attributes:
        folder: The folder to share, as `PersonSegmenter.load` takes it.
        chosen: Name of the candidate that was chosen, such as "long-0" or "average".
    """

    folder: Path
    chosen: str


def build_model(
    recipe: BuildRecipe,
    root: Path | str,
    *,
    stop_after: str | None = None,
    render_options: Sequence[str] = (),
    device: str = "cpu",
    log: Log = lambda line: None,
) -> Built:
    """Build the segmenter of a recipe in the folder `root`, or what of it is not done yet.

    Args:
        recipe: The recipe.
        root: Folder of the run.
        stop_after: Last stage to run; then `Stopped` is raised.
        render_options: Further options of `blender_addon.batch` that change no image, such as
            ("--jobs", "2").
        device: Device of inference.
        log: Receives a line of text for each event.

    Returns:
        The segmenter.

    Raises:
        InputError, ConfigError, DataError, CheckpointError: An input is wrong.
        OutputBusyError: Another process runs there.
        Stopped: `stop_after` is done.
        KeyboardInterrupt: The run was interrupted; it can be resumed.
    """
    root = Path(root)
    with locked_folder(root):
        runner = StageRunner(root, stage_names(recipe), stop_after=stop_after, log=log)
        return Build(recipe, runner, list(render_options), device, log).run()


def stage_names(recipe: BuildRecipe) -> list[str]:
    """Names of all stages, in order."""
    names = [f"renders-{entry.name}" for entry in recipe.renders]
    names += [f"held-out-{entry.name}" for entry in recipe.held_out]
    names.append("check")
    for training in recipe.trainings:
        names += [f"train-{training.name}-{seed}" for seed in recipe.seeds]
    if len(recipe.seeds) > 1:
        names.append("average")
    return [*names, "choice", "calibration", "measure", "model"]


@dataclass
class Build:
    """One run.

    Attributes:
        stages: Stages done so far, by name.
    """

    recipe: BuildRecipe
    runner: StageRunner
    render_options: list[str]
    device: str
    log: Log
    stages: dict[str, Stage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hashes = ContentHashes(self.runner.root / ".contents")

    def run(self) -> Built:
        """Run every stage that is not done."""
        recipe = self.recipe
        renders = [self.render("renders", entry) for entry in recipe.renders]
        held_out = [self.render("held-out", entry) for entry in recipe.held_out]
        self.check([*renders, *held_out])
        candidates = {
            f"{recipe.trainings[-1].name}-{seed}": self.train(seed, renders, held_out)
            for seed in recipe.seeds
        }
        if len(candidates) > 1:
            candidates["average"] = self.average(list(candidates.values()))
        choice = self.choose(candidates, held_out)
        chosen = candidates[choice.result["chosen"]]
        calibrated = self.calibrate(chosen, held_out)
        measured = self.measure(calibrated)
        model = self.share(calibrated, measured)
        return Built(model.folder / "segmenter", choice.result["chosen"])

    def perform(
        self,
        name: str,
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, Stage | str] | None = None,
        work: Work,
    ) -> Stage:
        """Run a stage unless it is done; the version of the program counts as a setting."""
        settings = {**settings, "program": program_version()}
        self.stages[name] = self.runner.run(name, settings=settings, inputs=inputs, work=work)
        return self.stages[name]

    def render(self, kind: str, entry: Renders) -> Stage:
        """Render one dataset."""
        command, inputs = entry.command(), {}
        if entry.is_file:  # it counts by its content
            inputs["recipe"] = self.hashes.of_file(Path(entry.recipe))
        decisive = ["recipe", *command[1:]] if entry.is_file else command
        work = partial(render_pairs, command=[*command, *self.render_options])
        return self.perform(
            f"{kind}-{entry.name}", settings={"command": decisive}, inputs=inputs, work=work
        )

    def check(self, datasets: Sequence[Stage]) -> Stage:
        """Count what was rendered."""
        inputs = {stage.name: stage for stage in datasets}
        return self.perform(
            "check", settings={}, inputs=inputs, work=partial(count_datasets, datasets=datasets)
        )

    def train(self, seed: int, renders: Sequence[Stage], held_out: Sequence[Stage]) -> Stage:
        """Train with one seed, all trainings one after the other. Returns the last one."""
        before: Stage | None = None
        for training in self.recipe.trainings:
            before = self.train_once(training, seed, renders, held_out, before)
        assert before is not None
        return before

    def train_once(
        self,
        training: Training,
        seed: int,
        renders: Sequence[Stage],
        held_out: Sequence[Stage],
        before: Stage | None,
    ) -> Stage:
        config = training.config
        data = replace(
            config.data,
            synthetic=tuple(str(stage.folder) for stage in renders),
            validation=tuple(str(stage.folder) for stage in held_out),
            negatives=tuple(photos.folder for photos in self.recipe.photos),
        )
        config = replace(config, data=data, budget=replace(config.budget, seed=seed))
        inputs: dict[str, Stage | str] = {stage.name: stage for stage in (*renders, *held_out)}
        for number, photos in enumerate(self.recipe.photos, start=1):
            inputs[f"photos-{number}"] = self.hashes.of_data(Path(photos.folder))
        if config.model.weights not in NAMED_WEIGHTS:
            inputs["weights"] = self.hashes.of_file(Path(config.model.weights))
        if before is not None:
            inputs["before"] = before
        return self.perform(
            f"train-{training.name}-{seed}",
            settings=decisive_settings(config),
            inputs=inputs,
            work=partial(train_in, config=config, before=before, hashes=self.hashes),
        )

    def average(self, trainings: Sequence[Stage]) -> Stage:
        """Average the weights of the last trainings of all seeds."""
        inputs = {stage.name: stage for stage in trainings}
        return self.perform(
            "average", settings={}, inputs=inputs, work=partial(average_in, trainings=trainings)
        )

    def choose(self, candidates: Mapping[str, Stage], held_out: Sequence[Stage]) -> Stage:
        """Choose the candidate with the best score on the held-out renders."""
        inputs = {stage.name: stage for stage in (*candidates.values(), *held_out)}
        work = partial(
            compare_in,
            candidates={name: stage.folder / BEST for name, stage in candidates.items()},
            held_out=[stage.folder for stage in held_out],
            device=self.device,
        )
        return self.perform("choice", settings={}, inputs=inputs, work=work)

    def calibrate(self, chosen: Stage, held_out: Sequence[Stage]) -> Stage:
        """Calibrate the chosen candidate on the held-out renders."""
        work = partial(
            calibrate_in,
            checkpoint=chosen.folder / BEST,
            held_out=[stage.folder for stage in held_out],
            build=self,
        )
        inputs = {stage.name: stage for stage in (chosen, *held_out)}
        settings = {"inference": asdict(self.recipe.inference)}
        return self.perform("calibration", settings=settings, inputs=inputs, work=work)

    def measure(self, calibrated: Stage) -> Stage:
        """Measure the calibrated segmenter on folders that nothing was chosen from."""
        measured = self.recipe.measured
        inputs: dict[str, Stage | str] = {"calibration": calibrated}
        for role, folders in (("data", measured.data), ("negatives", measured.negatives)):
            for number, folder in enumerate(folders, start=1):
                inputs[f"{role}-{number}"] = self.hashes.of_data(Path(folder))
        work = partial(measure_in, calibrated=calibrated, build=self)
        settings = {"inference": asdict(self.recipe.inference)}
        return self.perform("measure", settings=settings, inputs=inputs, work=work)

    def share(self, calibrated: Stage, measured: Stage) -> Stage:
        """Write the folder to share, with its card and its manifest."""
        recipe = self.recipe
        settings = {
            "name": recipe.name,
            "version": recipe.version,
            "description": recipe.description,
            "photos": [asdict(photos) for photos in recipe.photos],
        }
        inputs = {"calibration": calibrated, "measure": measured}
        work = partial(share_in, calibrated=calibrated, build=self)
        return self.perform("model", settings=settings, inputs=inputs, work=work)


def count_datasets(folder: Path, datasets: Sequence[Stage]) -> dict[str, Any]:
    """Open every file of the datasets and count. Raises DataError for one without persons."""
    counts: dict[str, Any] = {}
    for stage in datasets:
        source = open_sources(stage.folder)[0]
        faults = source.check()
        persons = shown = empty = 0
        area = []
        for number in range(len(source)):
            sample = source.load(number)
            persons += len(sample.visibility)
            share = float((sample.target == PERSON).mean())
            area.append(share / max(1e-9, float((sample.target != IGNORE).mean())))
            shown += share > 0
            empty += share == 0
        if not shown:
            raise DataError(f"{stage.folder}: shows no person; check its recipe")
        counts[stage.name] = {
            "images": len(source),
            "persons": persons,
            "images_without_persons": empty,
            "area_of_persons": round(float(np.mean(area)), 4),
            "left_out": len(faults),
        }
    write_atomically(folder / "counts.json", json.dumps(counts, indent=2).encode() + b"\n")
    return counts


def train_in(
    folder: Path, config: TrainConfig, before: Stage | None, hashes: ContentHashes
) -> dict[str, Any]:
    """Train in a folder, or resume there."""
    start = load_checkpoint(before.folder / BEST) if before else None
    result = fit(config, folder, resume=True, start_from=start, hashes=hashes)
    if result.ended == "interrupted":
        raise KeyboardInterrupt
    return {"iou": result.iou, "steps": result.steps, "seconds": round(result.seconds, 1)}


def average_in(folder: Path, trainings: Sequence[Stage]) -> dict[str, Any]:
    checkpoints = [load_checkpoint(stage.folder / BEST) for stage in trainings]
    save_checkpoint(folder / BEST, mean_checkpoint(checkpoints))
    return {"of": [stage.name for stage in trainings]}


def compare_in(
    folder: Path, candidates: Mapping[str, Path], held_out: Sequence[Path], device: str
) -> dict[str, Any]:
    """Score the candidates; heads count as much as everything else.

    The score is the mean of the person IoU and, where the renders have the pass parts, the share of
    the heads' pixels that is found.
    """
    sources = open_data(held_out, [])
    scores = {}
    for name, path in candidates.items():
        found = totals_of(path, sources, device).scores()
        parts = [found.iou] + ([found.head_recall] if found.heads else [])
        scores[name] = {
            "score": round(float(np.mean(parts)), 5),
            "iou": round(found.iou, 5),
            "recall": round(found.recall, 5),
            "heads": found.heads,
            "head_recall": round(found.head_recall, 5) if found.heads else None,
        }
    result = {"chosen": max(scores, key=lambda name: scores[name]["score"]), "scores": scores}
    write_atomically(folder / "scores.json", json.dumps(result, indent=2).encode() + b"\n")
    return result


def calibrate_in(
    folder: Path, checkpoint: Path, held_out: Sequence[Path], build: Build
) -> dict[str, Any]:
    result = calibrate(
        checkpoint,
        held_out,
        folder / CALIBRATED,
        build.recipe.inference,
        device=build.device,
    )
    thresholds: dict[str, float | None] = {}
    for recall in RECALLS:
        try:
            thresholds[f"{recall:g}"] = result.promise.threshold(recall, result.temperature)
        except CalibrationError as error:
            build.log(f"calibration: {error}")
            thresholds[f"{recall:g}"] = None
    return {
        "temperature": result.temperature,
        "thresholds": thresholds,
        "cautions": list(result.cautions),
    }


def measure_in(folder: Path, calibrated: Stage, build: Build) -> dict[str, Any]:
    """Measure at the segmenter's own threshold and at those of the promised recalls."""
    measured = build.recipe.measured
    if not (measured.data or measured.negatives):
        return {}
    checkpoint = calibrated.folder / CALIBRATED
    thresholds = {"own": load_checkpoint(checkpoint).threshold}
    thresholds |= {
        f"recall-{recall}": threshold
        for recall, threshold in calibrated.result["thresholds"].items()
        if threshold is not None
    }
    results: dict[str, Any] = {}
    for name, threshold in thresholds.items():
        evaluations = evaluate(
            checkpoint,
            folder / name,
            measured.data,
            measured.negatives,
            build.recipe.inference,
            threshold=threshold,
            examples=0,
            device=build.device,
        )
        results[name] = {
            "threshold": threshold,
            "sets": {entry.name: figures_of(entry.scores) for entry in evaluations},
        }
    return results


def figures_of(scores: Any) -> dict[str, float | None]:
    """The figures of the card; None where a data set has none of what is counted."""
    names = ("pictures", "persons", "miou", "iou", "recall", "missed", "heads", "head_recall")
    values = {name: getattr(scores, name) for name in (*names, "heads_covered", "false_area")}
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else round(value, 4)
        for name, value in values.items()
    }


def share_in(folder: Path, calibrated: Stage, build: Build) -> dict[str, Any]:
    segmenter = folder / "segmenter"
    checkpoint = load_checkpoint(calibrated.folder / CALIBRATED)
    read_promise(checkpoint.calibration)  # what is shared can promise a recall
    save_pretrained(segmenter, checkpoint)
    manifest = write_manifest(segmenter, build.recipe, build.stages, build.hashes)
    write_card(segmenter, build.recipe, build.stages, manifest, checkpoint)
    return {"files": sorted(path.name for path in segmenter.iterdir())}
