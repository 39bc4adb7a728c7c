"""Configuration of self-training. It imports no torch, so that `--help` is fast."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from diffusion_synth.repaint.crops import CropSettings
from pii_seg.config import DATA_ROLES, NAMED_WEIGHTS, Folders, TrainConfig, to_plain_data
from pii_seg.errors import ConfigError
from pii_seg.inference.settings import InferenceSettings
from pii_seg.number_checks import check_numbers
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.pseudo_labels import LARGEST_JPEG, PseudoLabelSettings

LEAST = {
    "count": 1,
    "rounds": 1,
    "student_steps": 0,
    "repaint_most": 1,
    "repaint_steps": 1,
    "repaint_largest": 0,
    "examples": 0,
}


@dataclass(frozen=True)
class LoopConfig:
    """Self-training: a teacher labels the user's photos, and students are trained on the result."""

    training: TrainConfig
    """Training of the teacher. Students add pseudo-labels to its data, and use the same model and
    optimiser."""
    unlabelled: Folders = ()
    """Photos without masks, for self-training. All other options of this section need it."""
    test: Folders = ()
    """Photos with masks for the report alone; nothing is trained or chosen on them."""
    test_negatives: Folders = ()
    """Photos without people for the report; every detection counts as a false positive."""
    recipe: str = ""
    """Recipe, a preset or a TOML file, to render into RUN/renders before the teacher is trained."""
    count: int = 2000
    """Number of scenes to render with --recipe."""
    rounds: int = 2
    """Number of rounds. Each trains a student, which is the teacher of the next round."""
    first_share: float = 0.5
    """Fraction of photos used in round 1, most reliable first (ST++). Later rounds use all."""
    student_steps: int = 0
    """Number of steps of each student's training; 0 takes the teacher's number."""
    from_scratch: bool = False
    """Start students from fresh weights instead of their teacher's."""
    teacher: str = ""
    """Checkpoint to use as the first teacher, of the same model, instead of training one."""
    repaint: Literal["diffusion", "warp", "none"] = "diffusion"
    """Method that repaints people in copies of the photos: a diffusion generator, or the rendered
    person that fits the shape best."""
    generator: str = ""
    """Model for --repaint diffusion, as diffusion_synth.run accepts it; the default is bundled."""
    repaint_most: int = 300
    """Maximum number of photos to repaint, most reliable first. Only photos with a person of a
    suitable size count."""
    repaint_steps: int = 20
    """Number of denoising steps of the generator; a larger value is slower and more detailed."""
    repaint_guidance: float = 4.5
    """Guidance scale of the generator, as in the paper; a larger value follows the prompt more
    closely. From 3 on, the bundled generator's colours are exaggerated."""
    repaint_largest: int = 0
    """Longest side, in px, of people that are repainted; 0 sets no limit. A smaller value spares
    large people, which a small generator paints blurred."""
    iou_relative: float = 0.9
    """Least IoU with the mask after repainting, as a fraction of the teacher's IoU before; a larger
    value rejects more images."""
    control: bool = True
    """Train each student also without repainted photos, so that the report shows what these add."""
    soup: bool = True
    """Average the weights of the student and its control, which usually scores better than both. It
    needs --loop.control, and students that start from their teacher's weights."""
    scales: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Scales at which a teacher predicts each photo. Small ones find people who fill the image."""
    flip: bool = True
    """Predict each photo mirrored as well, and merge both."""
    merge: Literal["mean", "max", "cautious"] = "mean"
    """Rule that merges predictions at several scales: their mean, their maximum, or cautious, which
    is certain of background only where all scales agree, and misses fewer people."""
    longest: int = 1280
    """Longest side, in px, of the pseudo-labelled copies; larger photos are made smaller."""
    named: bool = False
    """Write the file name of each photo into the index of the pseudo-labels."""
    examples: int = 12
    """Number of example images of each kind in the report; 0 shows none."""
    labels: PseudoLabelSettings = field(default_factory=PseudoLabelSettings)
    gate: GateSettings = field(default_factory=GateSettings)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_inputs()

    def _check_numbers(self) -> None:
        check_numbers(self, "loop", {"longest": (32, LARGEST_JPEG)})
        try:
            InferenceSettings(scales=self.scales, flip=self.flip, merge=self.merge)
        except ConfigError as error:
            raise ConfigError(f"loop.{error}") from None
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ConfigError(
                    f"loop.{name} is {getattr(self, name)}; it must be at least {least}"
                )
        if 0 < self.repaint_largest < CropSettings.smallest:
            raise ConfigError(
                f"loop.repaint_largest is {self.repaint_largest}; it must be 0 or at least "
                f"{CropSettings.smallest}, because smaller persons are never repainted"
            )
        if not 1 <= self.repaint_guidance < math.inf:
            raise ConfigError(
                f"loop.repaint_guidance is {self.repaint_guidance}; it must be at least 1"
            )
        for name in ("first_share", "iou_relative"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(
                    f"loop.{name} is {getattr(self, name)}; it must be above 0 and at most 1"
                )

    def _check_inputs(self) -> None:
        if not self.unlabelled:
            raise ConfigError(
                "loop.unlabelled is missing: give the folder of the photos with --unlabelled"
            )
        if self.recipe and self.training.data.synthetic:
            raise ConfigError("--recipe and --synthetic exclude each other; give only one of them")
        if not (self.recipe or self.training.data.synthetic or self.training.data.labelled):
            raise ConfigError(
                "no training data for the teacher; give --synthetic, --labelled or --recipe"
            )
        if self.repaint == "warp" and not (self.recipe or self.training.data.synthetic):
            raise ConfigError(
                "loop.repaint is warp, which needs rendered persons; give --synthetic or --recipe"
            )
        if self.training.data.pseudo or self.training.data.repainted:
            raise ConfigError(
                "--pseudo and --repainted are made by self-training; leave these options out"
            )
        if self.training.start_from:
            raise ConfigError(
                "--start_from is for a single training; give --teacher for self-training"
            )

    @property
    def repaints(self) -> bool:
        return self.repaint != "none"

    @property
    def averages_weights(self) -> bool:
        """Whether a round averages its two students. Both must start from the same weights."""
        return self.soup and self.control and self.repaints and not self.from_scratch

    def student_training(
        self, round_number: int, *, pseudo: str, repainted: str | None, synthetic: Folders
    ) -> TrainConfig:
        """The configuration of a student's training.

        Args:
            round_number: Number of the round, from 1.
            pseudo: Folder of the pseudo-labels.
            repainted: Folder of the repainted photos; None trains without.
            synthetic: Folders of the rendered pairs.
        """
        training = self.training
        data = replace(
            training.data,
            synthetic=synthetic,
            pseudo=(pseudo,),
            repainted=() if repainted is None else (repainted,),
            pseudo_share=self.photo_share(round_number),
        )
        # The seed stays the same, because it draws the held-out pairs, which teacher and student
        # must share.
        steps = self.student_steps or training.budget.steps
        return replace(training, data=data, budget=replace(training.budget, steps=steps))

    def photo_share(self, round_number: int) -> float:
        """Fraction of the photos that a round is trained on.

        It is 1 with a given teacher: without its earlier checkpoints reliability is unknown.
        """
        return 1.0 if round_number > 1 or self.teacher else self.first_share

    def resolved(self) -> dict[str, Any]:
        """All values as plain data by section, as in a configuration file."""
        sections = to_plain_data(self.training)
        own = {
            key: value
            for key, value in asdict(self).items()
            if key not in ("training", "labels", "gate")
        }
        own = {
            key: list(value) if isinstance(value, tuple) else value for key, value in own.items()
        }
        return {**sections, "loop": own, "labels": asdict(self.labels), "gate": asdict(self.gate)}


def decisive_settings(training: TrainConfig) -> dict[str, Any]:
    """The settings that decide a training's weights. Its files count by content instead."""
    whole = training.decisive()
    if training.model.weights not in NAMED_WEIGHTS:
        whole["model"]["weights"] = "a file"
    for role in DATA_ROLES:
        whole["data"].pop(role, None)
    return whole
