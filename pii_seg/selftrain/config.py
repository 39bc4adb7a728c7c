"""All that can be configured in self-training, checked as it is made; without torch, so that `--help` is quick."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from diffusion_synth.repaint.crops import CropSettings
from pii_seg.config import Folders, TrainConfig, plain
from pii_seg.errors import ConfigError
from pii_seg.selftrain.gate import GateSettings
from pii_seg.selftrain.pseudo_labels import PseudoLabelSettings


@dataclass(frozen=True)
class LoopConfig:
    """Self-training: a teacher, its labels of photographs without any, and students that learn from them."""

    training: TrainConfig
    """Of the teacher. Students learn from the same data and more, by the same model and optimiser."""
    unlabelled: Folders = ()
    """Photographs, for self-training: everything below is about it."""
    test: Folders = ()
    """Photographs with masks that nothing is learnt from or chosen by; the report is about them."""
    test_negatives: Folders = ()
    """The same that show nobody."""
    recipe: str = ""
    """Render the pairs to learn from first, by this preset or file of blender_addon, into RUN/renders."""
    count: int = 2000
    """How many."""
    rounds: int = 2
    """Each ends with a student, which teaches in the next."""
    first_share: float = 0.5
    """Of the photographs, the most reliable share that the first round learns from (ST++); later rounds: all."""
    student_steps: int = 0
    """Of each student's training; 0: as many as the teacher's."""
    from_scratch: bool = False
    """Students begin with fresh weights rather than their teacher's."""
    teacher: str = ""
    """A checkpoint to begin with, of the same model; no teacher is trained then."""
    repaint: Literal["diffusion", "warp", "none"] = "diffusion"
    """What becomes of the persons in repainted copies: by a generator, or by the best-fitting rendered person."""
    generator: str = ""
    """For diffusion: a model as diffusion_synth.run takes it; empty: the small one that comes along."""
    repaint_most: int = 300
    """At most so many photographs are repainted, the most reliable ones that show somebody of a fitting size."""
    repaint_steps: int = 20
    """Of the generator's schedule."""
    repaint_guidance: float = 4.5
    """Towards the prompt, the paper's. From 3 on the small generator's colours are stronger than life."""
    repaint_largest: int = 0
    """Persons with a side of more px stay as they are; 0: nobody does. Large ones are blurred by a small generator."""
    iou_relative: float = 0.9
    """Repainted persons are kept from this share of the IoU that the teacher reached before repainting."""
    control: bool = True
    """Train each student without repainted photographs too, so that the report can say what these add."""
    soup: bool = True
    """Average the weights of the student and its control: mostly better than both. It needs both, not from scratch."""
    scales: tuple[float, ...] = (0.25, 0.5, 1.0)
    """The sizes at which a teacher looks at photographs. Small ones show it the people who fill the picture."""
    flip: bool = True
    """It looks at them mirrored, too."""
    merge: Literal["mean", "max", "cautious"] = "mean"
    """Of what it sees in several looks. Cautious is sure of background only where every look is; it misses fewer."""
    longest: int = 1280
    """Copies of larger photographs are made smaller, px."""
    named: bool = False
    """The pseudo-labels' index says what each photograph is called."""
    examples: int = 12
    """Pictures of each kind in the report; 0: none."""
    labels: PseudoLabelSettings = field(default_factory=PseudoLabelSettings)
    gate: GateSettings = field(default_factory=GateSettings)

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("rounds", 1), ("student_steps", 0), ("repaint_most", 1),
                            ("repaint_steps", 1), ("repaint_largest", 0), ("examples", 0)):  # fmt: skip
            if getattr(self, name) < least:
                raise ConfigError(
                    f"loop.{name} is {getattr(self, name)}; it must be at least {least}"
                )
        if 0 < self.repaint_largest < CropSettings.smallest:
            raise ConfigError(
                f"loop.repaint_largest is {self.repaint_largest}; it must be 0 or at least {CropSettings.smallest}, "
                "since smaller persons are not repainted at all"
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
        if not self.unlabelled:
            raise ConfigError("loop.unlabelled is missing: the photographs to learn from")
        if self.recipe and self.training.data.synthetic:
            raise ConfigError(
                "--recipe and --synthetic exclude each other: render pairs, or give them"
            )
        if not (self.recipe or self.training.data.synthetic or self.training.data.labelled):
            raise ConfigError(
                "nothing for a teacher to learn from; give --synthetic, --labelled, or --recipe"
            )
        if self.repaint == "warp" and not (self.recipe or self.training.data.synthetic):
            raise ConfigError(
                "loop.repaint is warp, which needs renders: give --synthetic or --recipe"
            )
        if self.training.data.pseudo or self.training.data.repainted:
            raise ConfigError("--pseudo and --repainted are made by self-training; leave them away")
        if self.training.start_from:
            raise ConfigError(
                "--start_from is for a single training; --teacher is for self-training"
            )

    @property
    def repaints(self) -> bool:
        return self.repaint != "none"

    @property
    def cooks(self) -> bool:
        """Whether a round ends with a soup: of two students, that began with the same weights."""
        return self.soup and self.control and self.repaints and not self.from_scratch

    def student(
        self, round_number: int, pseudo: str, repainted: str | None, synthetic: Folders
    ) -> TrainConfig:
        """The training of a student of the round, 1…; folders of what it learns from."""
        training = self.training
        data = replace(
            training.data,
            synthetic=synthetic,
            pseudo=(pseudo,),
            repainted=() if repainted is None else (repainted,),
            pseudo_share=self.share(round_number),
        )
        # The seed stays: what is held out is drawn by it, and must be the same for teacher and student.
        steps = self.student_steps or training.budget.steps
        return replace(training, data=data, budget=replace(training.budget, steps=steps))

    def share(self, round_number: int) -> float:
        """Of the photographs that the round learns from: all where no earlier checkpoints say which are reliable."""
        return 1.0 if round_number > 1 or self.teacher else self.first_share

    def resolved(self) -> dict[str, Any]:
        """As the command line and its configuration file have it: plain data by section."""
        sections = plain(self.training)
        own = {
            key: value
            for key, value in asdict(self).items()
            if key not in ("training", "labels", "gate")
        }
        own = {
            key: list(value) if isinstance(value, tuple) else value for key, value in own.items()
        }
        return {**sections, "loop": own, "labels": asdict(self.labels), "gate": asdict(self.gate)}
