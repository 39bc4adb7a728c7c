"""Self-training, from photographs without labels to RUN/best.ckpt: `self_train(config, root)`.

    RUN/renders/       rendered pairs, with --recipe
    RUN/teacher/       the first teacher
    RUN/pseudo-1/      its labels of the photographs
    RUN/diffusion-1/   the same photographs, their persons repainted inside their shape
    RUN/control-1/     a student that has not seen these
    RUN/student-1/     the student
    RUN/soup-1/        the mean of both
    RUN/gate-1/        whether they may teach in the next round
    …
    RUN/report/        report.html: what each is worth
    RUN/best.ckpt      the last model that passed

Each is a dataset or a checkpoint of the ordinary kind, done once, and again only when what it is made from has changed
(stages.py). Photographs are only read; nothing that is written tells their names unless that is asked for.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import iter_lines, write_atomically
from pii_seg.config import Folders, TrainConfig, plain
from pii_seg.data.mixture import Opened, open_data
from pii_seg.errors import ConfigError
from pii_seg.evaluation.temperature import fit_temperature, rescale_threshold
from pii_seg.inference.parallel import worker_threads
from pii_seg.inference.predict import find_images
from pii_seg.inference.tiling import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, with_calibration
from pii_seg.models.model_soup import uniform_soup
from pii_seg.selftrain.comparison import (
    foreground_of,
    held_out_scores,
    open_tests,
    totals_of,
    true_foreground,
)
from pii_seg.selftrain.config import LoopConfig
from pii_seg.selftrain.content_hash import ContentHashes
from pii_seg.selftrain.gate import Foreground, HeldOut, Verdict, judge_round
from pii_seg.selftrain.label_images import Job, label_photographs, teacher_of, write_contact_sheet
from pii_seg.selftrain.repainting import by_generator, by_warping, repaint_photographs
from pii_seg.selftrain.report import Told, write_loop_report
from pii_seg.selftrain.stages import Stage, StageRunner
from pii_seg.training.callbacks import KeepAlong
from pii_seg.training.fit import BEST, fit, program_version
from pii_seg.training.module import SegmentationModule

CONFIG = "config.toml"
LABELLER = "labeller.ckpt"  # the best checkpoint with honest probabilities
EARLY = ("early-1.ckpt", "early-2.ckpt")
EARLY_SHARES = (1 / 3, 2 / 3)  # of a training: ST++ asks whether these agree with the last
SHOWN_FOR_SHARE = 100  # photographs on which the share of foreground is compared
_GATE = 0x6A7E  # keeps the bootstrap's draws apart from all others

Say = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """A checkpoint of the run. name: such as "student of round 1"; of: the training's stage."""

    name: str
    folder: Path
    of: Stage

    @property
    def checkpoint(self) -> Path:
        return self.folder / BEST

    @property
    def early(self) -> list[Path]:
        return [path for name in EARLY if (path := self.folder / name).exists()]


@dataclass(frozen=True)
class Outcome:
    """What a run came to. best: the checkpoint of the last model that passed; report: None when it stopped before."""

    best: Path
    chosen: str
    report: Path | None


def stage_names(config: LoopConfig) -> list[str]:
    """All stages of the run, in order."""
    names = [*(["renders"] if config.recipe else []), "teacher"]
    for number in range(1, config.rounds + 1):
        kinds = ["pseudo"]
        if config.repaints:
            kinds += ["diffusion", *(["control"] if config.control else [])]
        kinds += ["student", *(["soup"] if config.cooks else []), "gate"]
        names += [f"{kind}-{number}" for kind in kinds]
    return [*names, "report"]


class Loop:
    """One run. Everything is checked when it is made. Raises what names the wrong input."""

    def __init__(
        self,
        config: LoopConfig,
        root: Path,
        *,
        begin_at: str | None = None,
        stop_after: str | None = None,
        device: str = "cpu",
        say: Say = lambda line: None,
    ) -> None:
        self.config, self.root, self.device, self.say = config, root, device, say
        self.runner = StageRunner(
            root, stage_names(config), begin_at=begin_at, stop_after=stop_after, say=say
        )
        self.hashes = ContentHashes(root / ".contents")
        found = find_images([Path(folder) for folder in config.unlabelled], exclude=root)
        self.photographs = self.hashes.in_order(photograph.path for photograph in found)
        self.photographs_hash = self.hashes.of_photographs(self.photographs)
        self.synthetic: Folders = config.training.data.synthetic
        self.opened: Opened | None = None
        if not config.recipe:
            self.opened = self.open_training_data()
        self.tests = open_tests(config.test, config.test_negatives)
        if config.teacher:
            model = load_checkpoint(Path(config.teacher)).model
            if (
                dataclasses.replace(model, weights=config.training.model.weights)
                != config.training.model
            ):
                raise ConfigError(
                    f"{config.teacher}: is of another model; students take its weights, so give the same --model.*"
                )
        self.painting = (
            by_generator(config.generator, config.repaint_steps, config.repaint_guidance, device)
            if config.repaint == "diffusion"
            else None
        )

    def open_training_data(self) -> Opened:
        data = dataclasses.replace(self.config.training.data, synthetic=self.synthetic)
        return open_data(data, seed=self.config.training.budget.seed)

    def run(self) -> Outcome:
        """Every stage that is due. Raises Stopped after the stage that it was to stop after."""
        config = self.config
        renders = self.render() if config.recipe else None
        if self.opened is None:
            self.synthetic = (str(self.root / "renders"),)
            self.opened = self.open_training_data()
        teacher = self.train_teacher(renders)
        models, verdicts = [teacher], list[tuple[str, Verdict]]()
        first = teacher
        stages: list[Stage] = [*([renders] if renders else []), teacher.of]
        for number in range(1, config.rounds + 1):
            pseudo = self.label(number, teacher)
            stages.append(pseudo)
            painted = self.repaint(number, pseudo, teacher) if config.repaints else None
            if painted is not None:
                stages.append(painted)
                if not painted.result["pictures"]:
                    self.say(f"{painted.name}: {painted.result['why']}; the student learns without")
                    painted = None
            candidates = []
            if painted is not None and config.control:
                candidates.append(
                    self.train_student("control", number, pseudo, None, teacher, renders)
                )
            candidates.append(
                self.train_student("student", number, pseudo, painted, teacher, renders)
            )
            if config.cooks and len(candidates) > 1:
                candidates.append(self.cook(number, candidates))
            stages += [model.of for model in candidates]
            gate = self.judge(number, teacher, first, candidates)
            stages.append(gate)
            models += candidates
            verdicts += [
                (name, Verdict(told["kept"], tuple(told["reasons"]), told["numbers"]))
                for name, told in gate.result["verdicts"].items()
            ]
            chosen = next(
                (model for model in candidates if model.name == gate.result["chosen"]), None
            )
            if chosen is None:
                self.say(f"round {number}: no student passed; {teacher.name} stays the best")
                break
            teacher = chosen
        best = self.root / BEST
        write_atomically(best, teacher.checkpoint.read_bytes())
        report = self.report(models, verdicts, stages, teacher)
        return Outcome(best, teacher.name, report.folder / "report.html")

    # --- the stages ---

    def render(self) -> Stage:
        config = self.config
        command = ["--preset", config.recipe, "--count", str(config.count)]
        command += ["--seed", str(config.training.budget.seed)]

        def work(folder: Path) -> Mapping[str, Any]:
            # Of its own: Blender as a module may end its process.
            whole = [sys.executable, "-m", "blender_addon.batch", *command, "--output", str(folder)]
            if code := subprocess.run(whole, check=False).returncode:
                if code in (130, -2):
                    raise KeyboardInterrupt
                raise RuntimeError(f"rendering ended with {code}: {' '.join(whole)}")
            return {"pictures": sum(1 for _ in iter_lines(folder))}

        return self.runner.run("renders", settings={"command": command}, work=work)

    def train_teacher(self, renders: Stage | None) -> Model:
        config = self.config
        if config.teacher:

            def take(folder: Path) -> Mapping[str, Any]:
                write_atomically(folder / BEST, Path(config.teacher).read_bytes())
                self.calibrate(folder)
                return {"taken": True}

            inputs = {"checkpoint": self.hashes.of_file(Path(config.teacher)), **self.data_hashes()}
            stage = self.runner.run("teacher", settings={}, inputs=inputs, work=take)
            return Model("teacher", stage.folder, stage)
        training = dataclasses.replace(
            config.training,
            data=dataclasses.replace(config.training.data, synthetic=self.synthetic),
        )
        stage = self.runner.run(
            "teacher",
            settings=settings_of(training),
            inputs={**self.data_hashes(), **({"renders": renders} if renders else {})},
            work=lambda folder: self.train(training, folder, None),
        )
        return Model("teacher", stage.folder, stage)

    def label(self, number: int, teacher: Model) -> Stage:
        config = self.config
        views = InferenceSettings(scales=config.scales, flip=config.flip, merge=config.merge)
        job = Job(
            self.photographs_hash,
            teacher.of.fingerprint,
            config.labels,
            views,
            config.longest,
            config.named,
        )

        def work(folder: Path) -> Mapping[str, Any]:
            labeller = teacher_of(teacher.folder / LABELLER, views, device=self.device)
            early = [teacher_of(path, views, device=self.device) for path in teacher.early]
            counter = Counter(self.say, f"pseudo-{number}", len(self.photographs))
            with worker_threads(self.device) as workers:
                labelled = label_photographs(
                    self.photographs,
                    folder,
                    labeller,
                    early,
                    job,
                    workers=workers,
                    on_photograph=counter,
                )
            if config.examples:
                write_contact_sheet(folder)
            return asdict(labelled)

        settings = {
            "labels": asdict(config.labels),
            "views": asdict(views),
            "longest": config.longest,
            "named": config.named,
        }
        inputs: dict[str, Stage | str] = {
            "photographs": self.photographs_hash,
            "teacher": teacher.of,
        }
        return self.runner.run(f"pseudo-{number}", settings=settings, inputs=inputs, work=work)

    def repaint(self, number: int, pseudo: Stage, teacher: Model) -> Stage:
        config = self.config
        described = self.painting.described if self.painting else {"repaint": config.repaint}
        largest = config.repaint_largest or None

        def work(folder: Path) -> Mapping[str, Any]:
            counter = Counter(self.say, f"diffusion-{number}", config.repaint_most)
            return repaint_photographs(
                pseudo.folder,
                folder,
                self.painting or by_warping(self.synthetic),
                teacher_of(teacher.folder / LABELLER, InferenceSettings(), device=self.device),
                segmenter=teacher.of.fingerprint,
                most=config.repaint_most,
                largest=largest,
                iou_relative=config.iou_relative,
                seed=config.training.budget.seed,
                device=self.device,
                report=counter.at,
            )

        settings = {
            "painter": dict(described),
            "most": config.repaint_most,
            "largest": largest,
            "iou_relative": config.iou_relative,
            "seed": config.training.budget.seed,
        }
        inputs: dict[str, Stage | str] = {"pseudo": pseudo, "teacher": teacher.of}
        if config.repaint == "warp":
            inputs |= self.data_hashes()
        return self.runner.run(f"diffusion-{number}", settings=settings, inputs=inputs, work=work)

    def train_student(
        self,
        kind: str,
        number: int,
        pseudo: Stage,
        painted: Stage | None,
        teacher: Model,
        renders: Stage | None,
    ) -> Model:
        folder = None if painted is None else str(painted.folder)
        training = self.config.student(number, str(pseudo.folder), folder, self.synthetic)
        inputs: dict[str, Stage | str] = {
            **self.data_hashes(),
            "pseudo": pseudo,
            "teacher": teacher.of,
        }
        inputs |= {"repainted": painted} if painted else {}
        inputs |= {"renders": renders} if renders else {}

        def work(folder: Path) -> Mapping[str, Any]:
            start = None if self.config.from_scratch else load_checkpoint(teacher.checkpoint)
            return self.train(training, folder, start)

        settings = {**settings_of(training), "from_scratch": self.config.from_scratch}
        stage = self.runner.run(f"{kind}-{number}", settings=settings, inputs=inputs, work=work)
        return Model(f"{kind} of round {number}", stage.folder, stage)

    def cook(self, number: int, students: Sequence[Model]) -> Model:
        """The mean of the students' weights; of their earlier checkpoints, too, for the next round's reliability."""

        def work(folder: Path) -> Mapping[str, Any]:
            for name in (*EARLY, BEST):
                parts = [student.folder / name for student in students]
                if all(path.exists() for path in parts):
                    save_checkpoint(
                        folder / name, uniform_soup([load_checkpoint(path) for path in parts])
                    )
            self.calibrate(folder)
            return {"of": [student.name for student in students]}

        # Calibrated on what is held out.
        inputs = {**self.data_hashes(), **{student.name: student.of for student in students}}
        stage = self.runner.run(f"soup-{number}", settings={}, inputs=inputs, work=work)
        return Model(f"soup of round {number}", stage.folder, stage)

    def judge(
        self, number: int, teacher: Model, first: Model, candidates: Sequence[Model]
    ) -> Stage:
        config = self.config

        def work(folder: Path) -> Mapping[str, Any]:
            assert self.opened is not None
            held_out = self.opened.validation
            shown = evenly(self.photographs, SHOWN_FOR_SHARE)
            before = held_out_scores(teacher.checkpoint, held_out, self.device)
            shares = {
                model.name: foreground_of(model.checkpoint, shown, self.device)
                for model in (first, *candidates)
            }
            prior = true_foreground(held_out)
            scores = {
                model.name: held_out_scores(model.checkpoint, held_out, self.device)
                for model in candidates
            }

            def compared(before: HeldOut, share: float, name: str) -> Verdict:
                rng = np.random.default_rng([config.training.budget.seed, _GATE, number])
                return judge_round(
                    before, scores[name], Foreground(share, shares[name], prior), rng, config.gate
                )

            verdicts = {name: compared(before, shares[first.name], name) for name in scores}
            passed = [name for name in scores if verdicts[name].kept]
            # The last, unless one before it is better by more than chance.
            chosen = None
            for name in reversed(passed):
                if chosen is None or not compared(scores[name], shares[name], chosen).kept:
                    chosen = name
            for name, verdict in verdicts.items():
                self.say(
                    f"{name}: {'passed' if verdict.kept else 'THROWN AWAY'}: {'; '.join(verdict.reasons)}"
                )
            result = {
                "chosen": chosen,
                "verdicts": {name: asdict(verdict) for name, verdict in verdicts.items()},
            }
            write_atomically(folder / "verdict.json", json.dumps(result, indent=2).encode() + b"\n")
            return result

        inputs: dict[str, Stage | str] = {
            "teacher": teacher.of,
            "first": first.of,
            **self.data_hashes(),
        }
        inputs |= {model.name: model.of for model in candidates}
        inputs["photographs"] = self.photographs_hash
        return self.runner.run(
            f"gate-{number}", settings=asdict(config.gate), inputs=inputs, work=work
        )

    def report(
        self,
        models: Sequence[Model],
        verdicts: Sequence[tuple[str, Verdict]],
        stages: Sequence[Stage],
        chosen: Model,
    ) -> Stage:
        assert self.opened is not None
        opened, config = self.opened, self.config
        tests = self.tests or list(opened.validation)

        def work(folder: Path) -> Mapping[str, Any]:
            told = Told(
                models={model.name: model.checkpoint for model in models},
                chosen=chosen.name,
                verdicts=verdicts,
                stages=stages,
                pictures={**opened.counts(), "unlabelled": len(self.photographs)},
                tested="--test"
                if self.tests
                else "what was held out, by which checkpoints were chosen too",
            )
            return write_loop_report(
                folder, told, tests, examples=config.examples, device=self.device
            )

        inputs: dict[str, Stage | str] = {model.name: model.of for model in models}
        inputs |= self.folder_hashes("test", config.test) | self.folder_hashes(
            "negatives", config.test_negatives
        )
        settings = {
            "examples": config.examples,
            "chosen": chosen.name,
            "version": program_version(),
        }
        return self.runner.run("report", settings=settings, inputs=inputs, work=work)

    # --- what they share ---

    def train(
        self, training: TrainConfig, folder: Path, start: Checkpoint | None
    ) -> Mapping[str, Any]:
        def keep(module: SegmentationModule, place: int) -> None:
            weights = dict(module.kept.state_dict())
            save_checkpoint(
                folder / EARLY[place], Checkpoint(training.model, weights, config=plain(training))
            )

        along = KeepAlong(EARLY_SHARES, keep, lambda place: (folder / EARLY[place]).exists())
        result = fit(training, folder, resume=True, start_from=start, callbacks=[along])
        if result.ended == "interrupted":
            raise KeyboardInterrupt
        self.calibrate(folder)
        return {"iou": result.iou, "steps": result.steps, "seconds": round(result.seconds, 1)}

    def calibrate(self, folder: Path) -> None:
        """Write LABELLER: the best checkpoint with the temperature that the held-out pairs ask for; its masks stay."""
        assert self.opened is not None
        kept = load_checkpoint(folder / BEST)
        # Of logits that the checkpoint's own temperature has divided already.
        further = fit_temperature(totals_of(folder / BEST, self.opened.validation, self.device))
        temperature = kept.temperature * further
        threshold = rescale_threshold(kept.threshold, further)
        honest = with_calibration(
            kept, temperature=temperature, threshold=threshold, calibration={"by": "held out"}
        )
        save_checkpoint(folder / LABELLER, honest)

    def data_hashes(self) -> dict[str, Stage | str]:
        """Of the folders that a teacher learns from, by the part they play."""
        data = self.config.training.data
        roles = ("synthetic", "labelled", "validation", "negatives", "backgrounds")
        return {
            name: value
            for role in roles
            for name, value in self.folder_hashes(role, getattr(data, role)).items()
        }

    def folder_hashes(self, role: str, folders: Folders) -> dict[str, Stage | str]:
        paths = [Path(folder) for folder in folders]
        return {
            f"{role}-{place}": self.hashes.of_folder(path)
            if path.is_dir()
            else self.hashes.of_file(path)
            for place, path in enumerate(paths, start=1)
        }


@dataclass
class Counter:
    """Says in ten lines how far a stage is."""

    say: Say
    stage: str
    total: int
    done: int = 0

    def __call__(self) -> None:
        self.at(self.done + 1)

    def at(self, done: int) -> None:
        tenth = max(1, self.total // 10)
        if done // tenth > self.done // tenth or (done == self.total and done != self.done):
            self.say(f"{self.stage}: {done} of {self.total}")
        self.done = done


def settings_of(training: TrainConfig) -> dict[str, Any]:
    """What of a training's configuration decides its weights; the folders count by what is in them."""
    whole = training.decisive()
    for role in (
        "synthetic",
        "labelled",
        "validation",
        "negatives",
        "backgrounds",
        "pseudo",
        "repainted",
    ):
        del whole["data"][role]
    return whole


def evenly(paths: Sequence[Path], most: int) -> list[Path]:
    count = min(most, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def self_train(
    config: LoopConfig,
    root: Path,
    *,
    begin_at: str | None = None,
    stop_after: str | None = None,
    device: str = "cpu",
    say: Say = lambda line: None,
) -> Outcome:
    """The whole run in the folder `root`, or what of it is not done yet. All inputs are checked first."""
    return Loop(
        config, root, begin_at=begin_at, stop_after=stop_after, device=device, say=say
    ).run()
