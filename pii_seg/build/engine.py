"""From a recipe to a segmenter to ship: `build_model(recipe, root)`.

    RUN/renders-NAME/     rendered pairs to learn from
    RUN/held-out-NAME/    rendered pairs that choose and calibrate
    RUN/check/            counts of both; a dataset that cannot be learnt from ends the run here
    RUN/train-NAME-SEED/  the trainings, one after the other
    RUN/average/          the average of the last trainings' weights
    RUN/choice/           scores of all candidates on the held-out images, and the chosen one
    RUN/half/             its weights, rounded to half precision, at the chosen threshold
    RUN/calibration/      its calibration on the held-out renders
    RUN/measure/          scores on folders that nothing was learnt or chosen from
    RUN/model/            the segmenter as a folder to share, with an ONNX model, card and manifest

A stage runs once, and again only when its inputs or settings have changed (selftrain.stages). A run
may be stopped at any moment; the same command resumes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pii_seg.build.recipe import BuildRecipe, Renders, Training
from pii_seg.build.work import (
    Log,
    average_in,
    calibrate_in,
    compare_in,
    copy_dataset,
    count_datasets,
    group_in,
    measure_in,
    round_in,
    share_in,
    train_in,
)
from pii_seg.config import NAMED_WEIGHTS
from pii_seg.data.content_hash import ContentHashes
from pii_seg.selftrain.config import decisive_settings
from pii_seg.selftrain.early import early_checkpoints
from pii_seg.selftrain.rendering import render_pairs
from pii_seg.selftrain.stages import Stage, StageRunner, Work
from pii_seg.training.fit import program_version
from pii_seg.training.run_folder import BEST, locked_folder


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
    for seed in recipe.seeds:
        names += [f"train-{training.name}-{seed}" for training in recipe.trainings]
    names += [f"course-{recipe.trainings[-1].name}-{seed}" for seed in recipe.seeds]
    if len(recipe.seeds) > 1:
        names.append("average")
    return [*names, "choice", "half", "calibration", "groups", "measure", "model"]


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
        trained = list(candidates.values())
        averages = {f"{name}-course": self.course(name, of) for name, of in candidates.items()}
        if len(trained) > 1:
            averages["average"] = self.average(trained)
        candidates |= averages
        choice = self.choose(candidates, list(averages), held_out)
        chosen = candidates[choice.result["chosen"]]
        rounded = self.round(chosen, choice)
        calibrated = self.calibrate(rounded, held_out)
        grouped = self.group(calibrated, held_out)
        measured = self.measure(calibrated)
        model = self.share(calibrated, grouped, measured)
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
        """Render one dataset, or copy one that was rendered elsewhere."""
        if entry.folder:
            return self.perform(
                f"{kind}-{entry.name}",
                settings={},
                inputs={"dataset": self.hashes.of_data(Path(entry.folder))},
                work=partial(copy_dataset, dataset=Path(entry.folder)),
            )
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
        photos = tuple(entry.folder for entry in self.recipe.photos)
        data = replace(
            config.data,
            synthetic=tuple(str(stage.folder) for stage in renders),
            validation=tuple(str(stage.folder) for stage in held_out),
            negatives=photos,
            backgrounds=photos,
            distractors=tuple(entry.folder for entry in self.recipe.distractors),
        )
        config = replace(config, data=data, budget=replace(config.budget, seed=seed))
        inputs: dict[str, Stage | str] = {stage.name: stage for stage in (*renders, *held_out)}
        for role in ("photos", "distractors"):
            folders = [entry.folder for entry in getattr(self.recipe, role)]
            inputs |= self.hashes_of(role, folders)
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

    def course(self, name: str, training: Stage) -> Stage:
        """Average the weights of a training over its course."""
        checkpoints = [*early_checkpoints(training.folder), training.folder / BEST]
        return self.perform(
            f"course-{name}", settings={}, inputs={training.name: training},
            work=partial(average_in, checkpoints=checkpoints),
        )  # fmt: skip

    def average(self, trainings: Sequence[Stage]) -> Stage:
        """Average the weights of the last trainings of all seeds."""
        checkpoints = [stage.folder / BEST for stage in trainings]
        inputs = {stage.name: stage for stage in trainings}
        return self.perform(
            "average", settings={}, inputs=inputs, work=partial(average_in, checkpoints=checkpoints)
        )

    def choose(
        self, candidates: Mapping[str, Stage], averages: Sequence[str], held_out: Sequence[Stage]
    ) -> Stage:
        """Choose among the candidates by their scores on the held-out images."""
        photos = [photos.folder for photos in self.recipe.held_out_photos]
        inputs: dict[str, Stage | str] = {
            stage.name: stage for stage in (*candidates.values(), *held_out)
        }
        inputs |= self.hashes_of("photos", photos)
        work = partial(
            compare_in,
            candidates={name: stage.folder / BEST for name, stage in candidates.items()},
            held_out=[stage.folder for stage in held_out],
            photos=[Path(folder) for folder in photos],
            averages=averages,
            choice=self.recipe.choice,
            inference=self.recipe.inference,
            device=self.device,
        )
        settings = {**asdict(self.recipe.choice), "inference": asdict(self.recipe.inference)}
        return self.perform("choice", settings=settings, inputs=inputs, work=work)

    def round(self, chosen: Stage, choice: Stage) -> Stage:
        """Round the weights of the chosen candidate, and set its threshold."""
        threshold = choice.result["scores"][choice.result["chosen"]]["threshold"]
        work = partial(round_in, checkpoint=chosen.folder / BEST, threshold=threshold)
        inputs = {stage.name: stage for stage in (chosen, choice)}
        return self.perform("half", settings={}, inputs=inputs, work=work)

    def hashes_of(self, role: str, folders: Sequence[str]) -> dict[str, str]:
        """Hash the contents of folders, as the inputs of a stage."""
        return {
            f"{role}-{number}": self.hashes.of_data(Path(folder))
            for number, folder in enumerate(folders, start=1)
        }

    def calibrate(self, chosen: Stage, held_out: Sequence[Stage]) -> Stage:
        """Calibrate the chosen candidate on the held-out renders."""
        work = partial(
            calibrate_in,
            checkpoint=chosen.folder / BEST,
            held_out=[stage.folder for stage in held_out],
            inference=self.recipe.inference,
            device=self.device,
            log=self.log,
        )
        inputs = {stage.name: stage for stage in (chosen, *held_out)}
        settings = {"inference": asdict(self.recipe.inference)}
        return self.perform("calibration", settings=settings, inputs=inputs, work=work)

    def group(self, calibrated: Stage, held_out: Sequence[Stage]) -> Stage:
        """Count the recall of each group of persons in the held-out renders."""
        work = partial(
            group_in,
            calibrated=calibrated,
            held_out=[stage.folder for stage in held_out],
            inference=self.recipe.inference,
            device=self.device,
        )
        inputs = {stage.name: stage for stage in (calibrated, *held_out)}
        settings = {"inference": asdict(self.recipe.inference)}
        return self.perform("groups", settings=settings, inputs=inputs, work=work)

    def measure(self, calibrated: Stage) -> Stage:
        """Measure the calibrated segmenter on folders that nothing was chosen from."""
        measured = self.recipe.measured
        inputs: dict[str, Stage | str] = {"calibration": calibrated}
        inputs |= self.hashes_of("data", measured.data)
        inputs |= self.hashes_of("negatives", measured.negatives)
        work = partial(measure_in, calibrated=calibrated, recipe=self.recipe, device=self.device)
        settings = {"inference": asdict(self.recipe.inference)}
        return self.perform("measure", settings=settings, inputs=inputs, work=work)

    def share(self, calibrated: Stage, grouped: Stage, measured: Stage) -> Stage:
        """Write the folder to share, with its card and its manifest."""
        recipe = self.recipe
        settings = {
            "name": recipe.name,
            "version": recipe.version,
            "description": recipe.description,
            "licence": recipe.licence,
            "photos": [
                asdict(entry)
                for entry in (*recipe.photos, *recipe.held_out_photos, *recipe.distractors)
            ],
        }
        inputs = {"calibration": calibrated, "groups": grouped, "measure": measured}
        work = partial(share_in, recipe=recipe, stages=self.stages, hashes=self.hashes)
        return self.perform("model", settings=settings, inputs=inputs, work=work)
