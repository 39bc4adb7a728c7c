"""Report of a run: the data used, the scores of each model, and what to improve next."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import write_atomically
from pii_seg.data.sources import Source, read_image
from pii_seg.evaluation import report
from pii_seg.evaluation.examples import Example, draw_false
from pii_seg.evaluation.history import read_history
from pii_seg.evaluation.measure import Evaluation, ImageResult, evaluate_source
from pii_seg.evaluation.score_rows import score_column
from pii_seg.inference.parallel import worker_threads
from pii_seg.models.checkpoint import load_checkpoint
from pii_seg.selftrain.comparison import ONE_SCALE, predictor
from pii_seg.selftrain.error_analysis import Errors, next_step
from pii_seg.selftrain.gate import Verdict
from pii_seg.selftrain.label_images import CONTACT_SHEET_NAME, LabelResult
from pii_seg.selftrain.repainting import RepaintResult
from pii_seg.selftrain.stages import Stage

REPORT, METRICS = "report.html", "metrics.json"
LEAST_CHANGE = 0.02  # of an image's IoU, to be shown as better or worse


@dataclass(frozen=True)
class RunSummary:
    """The run, as far as the report needs it.

    Attributes:
        models: Checkpoint of each model by name, the first teacher first.
        chosen: Name of the last accepted model.
        verdicts: (name of a student, verdict of the gate), in order.
        stages: All stages before the report, in order.
        images: Number of images by their role.
        tested: Description of the images that the scores are measured on.
    """

    models: Mapping[str, Path]
    chosen: str
    verdicts: Sequence[tuple[str, Verdict]]
    stages: Sequence[Stage]
    images: Mapping[str, int]
    tested: str

    @property
    def first(self) -> str:
        """Name of the first teacher, with which all are compared."""
        return next(iter(self.models))


@dataclass
class PerImageScores:
    """One model on one data set: the IoU of each image, and the persons it misses."""

    iou: list[float] = field(default_factory=list)
    errors: Errors = field(default_factory=Errors)

    def add(self, result: ImageResult) -> None:
        self.iou.append(result.count.iou())
        self.errors.add(result)


Evaluations = Mapping[str, Sequence[Evaluation]]
Scores = Mapping[str, Sequence[PerImageScores]]
"""By the model's name, one for each data set."""


def write_loop_report(
    folder: Path, run: RunSummary, tests: Sequence[Source], *, examples: int, device: str
) -> dict[str, Any]:
    """Measure all models on `tests`, and write REPORT and METRICS.

    Args:
        folder: Folder of both files.
        run: The run.
        tests: Data sets with masks, the same for all models.
        examples: Number of example images of each kind; 0 shows none.
        device: Device of inference.

    Returns:
        The content of METRICS, as plain data.
    """
    evaluations, scores = measure_models(run, tests, examples=examples, device=device)
    errors = together(scores[run.chosen])
    step = next_step(errors)
    missed = f"Persons that {run.chosen} misses"
    sections = [
        report.facts_section("Data", facts(run)),
        *comparisons(evaluations, run.first),
        report.facts_section(
            "Accepted and rejected models",
            {name: verdict.sentence() for name, verdict in run.verdicts},
        ),
        report.facts_section("Next improvement", {"": step}),
        report.table_section(missed, ["kind", "persons", "missed"], errors.rows()),
    ]
    if examples:
        sections += example_sections(run, tests, evaluations, scores, examples, device)
    sections += training_sections(run)
    sections.append(costs(run.stages))
    if faults := [fault for e in evaluations[run.first] for fault in e.faults]:
        sections.append(report.faults_section(faults))
    by_model = {
        name: {evaluation.name: asdict(evaluation.scores) for evaluation in measured}
        for name, measured in evaluations.items()
    }
    result = report.without_nan({"scores": by_model, "chosen": run.chosen, "next": step})
    write_atomically(
        folder / METRICS, json.dumps(result, indent=2, allow_nan=False).encode() + b"\n"
    )
    page = report.render("Self-training", sections, subtitle=f"Chosen: {run.chosen}")
    write_atomically(folder / REPORT, page.encode())
    return dict(result)


def measure_models(
    run: RunSummary, tests: Sequence[Source], *, examples: int, device: str
) -> tuple[Evaluations, Scores]:
    """Evaluate each model on each data set."""
    evaluations: dict[str, list[Evaluation]] = {}
    scores: dict[str, list[PerImageScores]] = {}
    for name, path in run.models.items():
        checkpoint = load_checkpoint(path)
        predict = predictor(checkpoint, device)
        evaluations[name], scores[name] = [], []
        with worker_threads(device) as workers:
            for source in tests:
                seen = PerImageScores()
                evaluations[name].append(
                    evaluate_source(
                        predict, source, ONE_SCALE, threshold=checkpoint.threshold,
                        examples=examples, workers=workers, on_result=seen.add,
                    )
                )  # fmt: skip
                scores[name].append(seen)
    return evaluations, scores


def facts(run: RunSummary) -> dict[str, str]:
    """The data, what each stage made of it, and an explanation of the models' names."""
    images = {f"{role} images": f"{count:,}" for role, count in run.images.items() if count}
    stages = {}
    for stage in run.stages:
        if stage.name.startswith("pseudo"):
            labels = LabelResult.from_json(stage.result)
            stages[stage.name] = (
                f"{labels.images:,} images, {labels.with_persons:,} with persons, "
                f"{labels.foreground:.1%} of their pixels"
            )
        if stage.name.startswith("diffusion"):
            repainted = RepaintResult.from_json(stage.result)
            stages[stage.name] = repainted.why or (
                f"{repainted.images:,} of {repainted.given:,} images passed the filter"
            )
    meanings = {
        "control": "a student trained without repainted photos",
        "soup": "the average of both students' weights",
    }
    explained = {
        kind: meaning
        for kind, meaning in meanings.items()
        if any(name.startswith(kind) for name in run.models)
    }
    return {**images, **stages, **explained, "measured on": run.tested}


def comparisons(
    evaluations: Mapping[str, Sequence[Evaluation]], first: str
) -> list[report.Section]:
    """A table for each data set: a column per model, and its change since the first teacher."""
    sections = []
    for place, before in enumerate(evaluations[first]):
        columns = {
            name: score_column(measured[place], None if name == first else before)
            for name, measured in evaluations.items()
        }
        sections.append(report.scores_section(columns, f"Scores on {before.name}"))
    return sections


def together(scores: Sequence[PerImageScores]) -> Errors:
    """Add up the errors of all data sets."""
    whole = Errors()
    for part in scores:
        whole.person_free += part.errors.person_free
        whole.false_area += part.errors.false_area
        for key, bucket in part.errors.buckets.items():
            mine = whole.buckets.setdefault(key, type(bucket)())
            mine.persons += bucket.persons
            mine.missed += bucket.missed
    return whole


def example_sections(
    run: RunSummary,
    tests: Sequence[Source],
    evaluations: Evaluations,
    scores: Scores,
    examples: int,
    device: str,
) -> list[report.Section]:
    """Example images of each data set, and the contact sheets of the stages."""
    sections = []
    for place, source in enumerate(tests):
        if run.chosen != run.first:
            before, now = (scores[name][place].iou for name in (run.first, run.chosen))
            sections += changed_images(run, source, before, now, examples // 2, device)
        chosen = evaluations[run.chosen][place]
        missed, false = chosen.examples.missed.sorted(), chosen.examples.false.sorted()
        title = f"{source.name}, {run.chosen}"
        sections.append(report.data_section(title, chosen.totals, missed, false))
    return [*sections, *sheets(run.stages)]


def changed_images(
    run: RunSummary,
    source: Source,
    iou_before: Sequence[float],
    iou_now: Sequence[float],
    most: int,
    device: str,
) -> list[report.Section]:
    """Images that the chosen model segments better than the first teacher, and worse."""
    before, now = np.array(iou_before), np.array(iou_now)
    if len(before) != len(source) or len(now) != len(source):
        return []  # an image could not be read, so positions no longer identify images
    gain = np.nan_to_num(now - before)
    predictors = []
    for name in (run.first, run.chosen):
        checkpoint = load_checkpoint(run.models[name])
        bar = np.log(checkpoint.threshold / (1 - checkpoint.threshold))
        predictors.append((predictor(checkpoint, device), bar))

    def shown(item: int) -> Example:
        sample = source.load(item)
        sides = [draw_false(sample, predict(sample.image) >= bar) for predict, bar in predictors]
        beside = np.hstack if sides[0].shape[0] > sides[0].shape[1] else np.vstack
        return Example(sample.name, f"{before[item]:.2f} → {now[item]:.2f}", beside(sides))

    sections = []
    legend = f"First {run.first}, then {run.chosen}. Blue: persons found. Red: no label."
    for title, order, sign in (("Better", np.argsort(-gain), 1), ("Worse", np.argsort(gain), -1)):
        items = [int(item) for item in order[:most] if sign * gain[item] >= LEAST_CHANGE]
        if items:
            pairs = [shown(item) for item in items]
            sections.append(report.examples_section(f"{title} on {source.name}", legend, pairs))
    return sections


def sheets(stages: Sequence[Stage]) -> list[report.Section]:
    """Contact sheets of pseudo-labels and repainted images."""
    legends = {
        "pseudo": "Persons tinted, ignored pixels dimmed; most reliable first.",
        "diffusion": "Before, after, and the mask.",
    }
    found = []
    for stage, (kind, legend) in itertools.product(stages, legends.items()):
        path = stage.folder / CONTACT_SHEET_NAME
        if stage.name.startswith(kind) and path.exists():
            found.append(report.image_section(stage.name, legend, read_image(path)))
    return found


def training_sections(run: RunSummary) -> list[report.Section]:
    """Curves of each training."""
    sections = []
    for name, path in run.models.items():
        if history := read_history(path.parent / "metrics.csv"):
            section = report.training_section(history)
            sections.append(report.Section(f"Training of {name}", section.html))
    return sections


def costs(stages: Sequence[Stage]) -> report.Section:
    """A table of the minutes of each stage."""
    rows = [[stage.name, f"{stage.seconds / 60:.1f}"] for stage in stages]
    rows.append(["all", f"{sum(stage.seconds for stage in stages) / 60:.1f}"])
    return report.table_section("Time", ["stage", "minutes"], rows)
