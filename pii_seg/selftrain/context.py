"""Context of a run: settings, photos, training data, and a record of the stages that are done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pii_seg.config import GIVEN_ROLES, NAMED_WEIGHTS, Folders
from pii_seg.data.content_hash import CONTENT, ContentHashes
from pii_seg.data.mixture import DataSources, open_data
from pii_seg.data.sources import Source
from pii_seg.errors import ConfigError, InputError
from pii_seg.inference.predict import find_images
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.models.checkpoint_hash import checkpoint_sha256
from pii_seg.selftrain.comparison import open_tests
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.early import early_checkpoints
from pii_seg.selftrain.gate import Verdict
from pii_seg.selftrain.rendering import recipe_file
from pii_seg.selftrain.repainting import Painting, by_generator
from pii_seg.selftrain.stages import Stage, StageRunner, Work
from pii_seg.training.fit import program_version
from pii_seg.training.recorded import record
from pii_seg.training.run_folder import BEST

Log = Callable[[str], None]
"""Receives one line of text at a time."""

Inputs = dict[str, Stage | str]
"""Stages, or hashes of files, that a stage reads, by their role."""


@dataclass(frozen=True)
class Model:
    """A checkpoint of the run.

    Attributes:
        name: Name in logs, in the report and in metrics.json, such as "student of round 1".
        stage: The stage that made it.
    """

    name: str
    stage: Stage

    @property
    def folder(self) -> Path:
        return self.stage.folder

    @property
    def checkpoint(self) -> Path:
        return self.folder / BEST

    @property
    def early(self) -> list[Path]:
        """Checkpoints from earlier in the same training, where there are any."""
        return early_checkpoints(self.folder)


@dataclass
class RunContext:
    """One run of self-training.

    Attributes:
        photos: The unlabelled photos, in an order that their contents alone decide.
        photos_hash: Hash of the contents of all photos.
        tests: Labelled images for the report alone; empty without --test.
        painting: The generator; None where warping or nothing repaints.
        log: Receives one line of text at a time.
        synthetic: Folders of rendered pairs; those that the run itself rendered, with --recipe.
        renders: The stage that rendered them; None without --recipe.
        stages: Stages done so far, in order.
        models: Models made so far, in order; the first one is the first teacher.
        verdicts: (name of a student, verdict of the gate), in order.
    """

    config: LoopConfig
    runner: StageRunner
    hashes: ContentHashes
    photos: Sequence[Path]
    photos_hash: str
    tests: Sequence[Source]
    painting: Painting | None
    device: str
    log: Log
    synthetic: Folders
    renders: Stage | None = None
    stages: list[Stage] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)
    _data: DataSources | None = None

    @classmethod
    def open(
        cls, config: LoopConfig, root: Path, runner: StageRunner, device: str, log: Log
    ) -> RunContext:
        """Open and check all inputs of a run, before any stage begins.

        Raises:
            InputError: A folder does not exist, or holds no photos.
            DataError: Training or test data cannot be used.
            CheckpointError: The given teacher cannot be loaded.
            ConfigError: The given teacher has another model, or the generator cannot be loaded.
        """
        refuse_inputs_inside(config, root)
        hashes = ContentHashes(root / ".contents")
        found = find_images([Path(folder) for folder in config.unlabelled], exclude=root)
        photos = hashes.in_order(photo.path for photo in found)
        photos_hash = hashes.of_photos(photos)
        synthetic = config.training.data.synthetic
        data = None if config.recipe else open_training_data(config, synthetic)
        tests = open_tests(config.test, config.test_negatives)
        if config.teacher:
            refuse_other_model(config)
        painting = None
        if config.repaint == "diffusion":
            painting = by_generator(
                config.generator, config.repaint_steps, config.repaint_guidance, device
            )
        return cls(
            config, runner, hashes, photos, photos_hash, tests, painting, device, log, synthetic,
            _data=data,
        )  # fmt: skip

    @property
    def data(self) -> DataSources:
        """The training data of the teacher."""
        if self._data is None:
            self._data = open_training_data(self.config, self.synthetic)
        return self._data

    def perform(
        self, name: str, *, settings: Mapping[str, Any], inputs: Inputs | None = None, work: Work
    ) -> Stage:
        """Run the stage `name` unless it is done already, and record it.

        The version of this program decides the result like a setting.
        """
        settings = {**settings, "program": program_version()}
        stage = self.runner.run(name, settings=settings, inputs=inputs, work=work)
        self.stages.append(stage)
        return stage

    def add_model(self, name: str, stage: Stage) -> Model:
        """Record the model that a stage made."""
        self.models.append(Model(name, stage))
        return self.models[-1]

    def data_hashes(self) -> Inputs:
        """Hashes of the teacher's training data, by role; without what the run itself rendered."""
        data = self.config.training.data
        inputs: Inputs = {}
        for role in GIVEN_ROLES:
            inputs |= self.folder_hashes(role, getattr(data, role))
        return inputs

    def training_inputs(self) -> Inputs:
        """Inputs of every training: the hashes of the data, and the stage that rendered some."""
        inputs = self.data_hashes()
        weights = self.config.training.model.weights
        if weights not in NAMED_WEIGHTS:
            inputs["weights"] = self.hashes.of_file(Path(weights))
        return {**inputs, **({"renders": self.renders} if self.renders else {})}

    def folder_hashes(self, role: str, folders: Folders) -> Inputs:
        """Hashes of the contents of folders, or files, that play the same role."""
        exclude = [self.runner.root]
        return {
            f"{role}-{number}": self.hashes.of_data(path, exclude=exclude)
            for number, path in enumerate(map(Path, folders), start=1)
        }

    def recorded(self) -> dict[str, Any]:
        """All settings as plain data by section, with hashes in place of paths."""
        config, exclude = self.config, [self.runner.root]
        training = record(config.training, self.hashes, exclude=exclude).config
        whole = dataclasses.replace(config, training=training).resolved()

        def hashed(path: str) -> str:
            return CONTENT + self.hashes.of_data(Path(path), exclude=exclude)

        loop = whole["loop"]
        loop["unlabelled"] = [CONTENT + self.photos_hash]
        for name in ("test", "test_negatives"):
            loop[name] = [hashed(path) for path in loop[name]]
        if recipe_file(config.recipe):
            loop["recipe"] = hashed(config.recipe)
        if config.teacher:
            loop["teacher"] = CONTENT + checkpoint_sha256(Path(config.teacher))
        if config.generator and self.painting:
            loop["generator"] = str(self.painting.described["model"])
        return whole


def refuse_inputs_inside(config: LoopConfig, root: Path) -> None:
    """Raise InputError when an input lies in the run's folder, whose stages replace files."""
    data = config.training.data
    folders = [folder for role in GIVEN_ROLES for folder in getattr(data, role)]
    files = [config.teacher, config.generator, str(recipe_file(config.recipe) or "")]
    for path in [*config.unlabelled, *config.test, *config.test_negatives, *folders, *files]:
        if path and Path(path).resolve().is_relative_to(root.resolve()):
            raise InputError(
                f"{path}: is an input, and lies in the --output {root}; choose another --output"
            )


def open_training_data(config: LoopConfig, synthetic: Folders) -> DataSources:
    data = dataclasses.replace(config.training.data, synthetic=synthetic)
    return open_data(data, seed=config.training.budget.seed)


def refuse_other_model(config: LoopConfig) -> None:
    """Raise ConfigError when the given teacher has another model than the students."""
    model = load_checkpoint(Path(config.teacher)).model
    wanted = config.training.model
    if dataclasses.replace(model, weights=wanted.weights) != wanted:
        raise ConfigError(
            f"{config.teacher}: its model differs from the students', which start from its "
            "weights; give the same --size and --model.* as it was trained with"
        )


@dataclass
class ProgressLog:
    """Logs the progress of a stage in about ten lines."""

    log: Log
    stage: str
    total: int
    done: int = 0

    def step(self) -> None:
        self.at(self.done + 1)

    def at(self, done: int) -> None:
        tenth = max(1, self.total // 10)
        if done // tenth > self.done // tenth or (done == self.total and done != self.done):
            self.log(f"{self.stage}: {done} of {self.total}")
        self.done = done
