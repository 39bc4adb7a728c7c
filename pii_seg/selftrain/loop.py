"""Self-training, from unlabelled photos to RUN/best.ckpt: `self_train(config, root)`.

    RUN/renders/       rendered pairs, with --recipe
    RUN/teacher/       the first teacher
    RUN/pseudo-1/      its pseudo-labels of the photos
    RUN/diffusion-1/   the same photos, each person repainted inside the same shape
    RUN/control-1/     a student trained without the repainted photos
    RUN/student-1/     the student
    RUN/soup-1/        the average of the weights of both
    RUN/gate-1/        which of them are accepted, and which becomes the next teacher
    …
    RUN/report/        report.html: scores of all models
    RUN/best.ckpt      the last accepted model

Each folder is an ordinary dataset or checkpoint. A stage runs once, and again only when its inputs
or settings have changed (stages.py). Photos are only read; no file of the run contains their names
unless --loop.named asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from blender_addon.dataset import write_atomically
from pii_seg.models.device import usable_device
from pii_seg.selftrain import steps
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.context import Log, RunContext, refuse_inputs_inside
from pii_seg.selftrain.stages import StageRunner
from pii_seg.training.run_folder import BEST, locked_folder

CONFIG = "config.toml"


@dataclass(frozen=True)
class Outcome:
    """Result of a run.

    Attributes:
        best: Checkpoint of the last accepted model.
        chosen: Its name, such as "soup of round 2".
        report: The page with the scores of all models.
    """

    best: Path
    chosen: str
    report: Path


def self_train(
    config: LoopConfig,
    root: Path | str,
    *,
    begin_at: str | None = None,
    stop_after: str | None = None,
    device: str = "cpu",
    log: Log = lambda line: None,
) -> Outcome:
    """Run self-training in the folder `root`, or what of it is not done yet.

    Args:
        config: All settings.
        root: Folder of the run, which gets the settings as config.toml too.
        begin_at: Stage to start at; earlier ones are kept as they are, whatever their settings.
        stop_after: Last stage to run; then `Stopped` is raised.
        device: Device of inference and of the generator, such as "cuda".
        log: Receives a line of text for each event.

    Returns:
        The last accepted model, and the report.

    Raises:
        InputError, ConfigError, DataError, CheckpointError: An input is wrong; no stage has begun.
        OutputBusyError: Another process runs there.
        Stopped: `stop_after` is done.
    """
    root = Path(root)
    usable_device(device, option="--machine.device")
    refuse_inputs_inside(config, root)
    with locked_folder(root):
        loop = Loop(config, root, begin_at=begin_at, stop_after=stop_after, device=device, log=log)
        recorded = loop.context.recorded()
        write_atomically(root / CONFIG, tomli_w.dumps(recorded).encode())
        return loop.run()


class Loop:
    """One run. The constructor opens and checks all inputs; arguments as of `self_train`."""

    def __init__(
        self,
        config: LoopConfig,
        root: Path,
        *,
        begin_at: str | None = None,
        stop_after: str | None = None,
        device: str = "cpu",
        log: Log = lambda line: None,
    ) -> None:
        runner = StageRunner(
            root, stage_names(config), begin_at=begin_at, stop_after=stop_after, log=log
        )
        self.root = root
        self.context = RunContext.open(config, root, runner, device, log)

    def run(self) -> Outcome:
        """Run every stage that is not done. Raises Stopped after the stage of `stop_after`."""
        run, config = self.context, self.context.config
        if config.recipe:
            steps.render(run)
        teacher = steps.train_teacher(run)
        for number in range(1, config.rounds + 1):
            pseudo = steps.label(run, number, teacher)
            repainted = steps.repaint(run, number, pseudo, teacher) if config.repaints else None
            candidates = []
            if repainted and config.control:
                candidates.append(steps.train_control(run, number, pseudo, teacher))
            candidates.append(steps.train_student(run, number, pseudo, repainted, teacher))
            if config.averages_weights and len(candidates) > 1:
                candidates.append(steps.average_weights(run, number, candidates))
            accepted = steps.judge(run, number, teacher, candidates)
            if accepted is None:
                run.log(f"round {number}: no student is accepted; {teacher.name} stays the best")
                break
            teacher = accepted
        best = self.root / BEST
        write_atomically(best, teacher.checkpoint.read_bytes())
        return Outcome(best, teacher.name, steps.report(run, teacher))


def stage_names(config: LoopConfig) -> list[str]:
    """Names of all stages of a run, in order. Some are left out when nothing can be repainted."""
    names = [*(["renders"] if config.recipe else []), "teacher"]
    for number in range(1, config.rounds + 1):
        kinds = ["pseudo"]
        if config.repaints:
            kinds += ["diffusion", *(["control"] if config.control else [])]
        kinds += ["student", *(["soup"] if config.averages_weights else []), "gate"]
        names += [f"{kind}-{number}" for kind in kinds]
    return [*names, "report"]
