"""report.html of a run: what was used, what each model is worth, and what to do next."""

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
from pii_seg.selftrain.comparison import LOOK, predictor
from pii_seg.selftrain.error_analysis import Errors, next_step
from pii_seg.selftrain.gate import Verdict
from pii_seg.selftrain.label_images import CONTACT_SHEET_NAME
from pii_seg.selftrain.stages import Stage

REPORT, METRICS = "report.html", "metrics.json"
LEAST_CHANGE = 0.02  # of a picture's IoU, to be shown as won or lost


@dataclass(frozen=True)
class Told:
    """What the report knows of the run. models: name → checkpoint, the first teacher first, `chosen` among them."""

    models: Mapping[str, Path]
    chosen: str
    verdicts: Sequence[tuple[str, Verdict]]
    stages: Sequence[Stage]
    pictures: Mapping[str, int]
    tested: str


@dataclass
class Kept:
    """Of one model on one data set: IoU a picture, and for the chosen model what it misses."""

    iou: list[float] = field(default_factory=list)
    errors: Errors = field(default_factory=Errors)

    def add(self, gathered: ImageResult) -> None:
        self.iou.append(gathered.count.iou())
        self.errors.add(gathered)


def write_loop_report(
    folder: Path, told: Told, tests: Sequence[Source], *, examples: int, device: str
) -> dict[str, Any]:
    """Measure all models on `tests`; write REPORT and METRICS. Returns the scores, plain."""
    evaluations: dict[str, list[Evaluation]] = {}
    kept: dict[str, list[Kept]] = {}
    for name, path in told.models.items():
        checkpoint = load_checkpoint(path)
        predict = predictor(checkpoint, device)
        evaluations[name], kept[name] = [], []
        with worker_threads(device) as workers:
            for source in tests:
                seen = Kept()
                evaluations[name].append(
                    evaluate_source(
                        predict, source, LOOK, threshold=checkpoint.threshold, examples=examples,
                        workers=workers, on_result=seen.add,
                    )
                )  # fmt: skip
                kept[name].append(seen)
    first = next(iter(told.models))
    step = next_step(together(kept[told.chosen]))
    sections = [
        report.facts_section("What was used", facts(told)),
        *comparisons(evaluations, first),
        report.facts_section(
            "Which models passed",
            {name: ("Passed: " if v.kept else "Thrown away: ") + "; ".join(v.reasons) for name, v in told.verdicts},
        ),
        report.facts_section("The next thing worth doing", {"": step}),
        report.table_section(
            f"Whom {told.chosen} misses", ["kind", "persons", "missed"], together(kept[told.chosen]).rows()
        ),
    ]  # fmt: skip
    if examples:
        for place, source in enumerate(tests):
            if told.chosen != first:
                sections += changed_pictures(
                    told, source, kept, place, first, examples=examples, device=device
                )
            chosen = evaluations[told.chosen][place]
            missed, false = chosen.examples.missed.sorted(), chosen.examples.false.sorted()
            sections.append(
                report.data_section(f"{source.name}, {told.chosen}", chosen.totals, missed, false)
            )
        sections += sheets(told.stages)
    for name, path in told.models.items():
        if history := read_history(path.parent / "metrics.csv"):
            section = report.training_section(history)
            sections.append(report.Section(f"Training of the {name}", section.html))
    sections.append(costs(told.stages))
    if faults := [fault for e in evaluations[first] for fault in e.faults]:
        sections.append(report.faults_section(faults))
    scores = {
        name: {evaluation.name: asdict(evaluation.scores) for evaluation in measured}
        for name, measured in evaluations.items()
    }
    result = report.without_nan({"scores": scores, "chosen": told.chosen, "next": step})
    write_atomically(
        folder / METRICS, json.dumps(result, indent=2, allow_nan=False).encode() + b"\n"
    )
    page = report.render("Self-training", sections, subtitle=f"Chosen: {told.chosen}")
    write_atomically(folder / REPORT, page.encode())
    return dict(result)


def facts(told: Told) -> dict[str, str]:
    pictures = {f"{kind} pictures": f"{count:,}" for kind, count in told.pictures.items() if count}
    labelled = {
        stage.name: f"{stage.result['pictures']:,} pictures, {stage.result['with_persons']:,} with persons, "
        f"{stage.result['foreground']:.1%} of their pixels"
        for stage in told.stages
        if stage.name.startswith("pseudo")
    }
    painted = {
        stage.name: stage.result.get("why")
        or f"{stage.result['pictures']:,} of {stage.result['given']:,} pictures kept by the filter"
        for stage in told.stages
        if stage.name.startswith("diffusion")
    }
    meanings = {
        "control": "a student that saw nothing repainted",
        "soup": "the mean of both students' weights",
    }
    explained = {
        f"a {kind}": meaning
        for kind, meaning in meanings.items()
        if any(name.startswith(kind) for name in told.models)
    }
    return {**pictures, **labelled, **painted, **explained, "measured on": told.tested}


def comparisons(
    evaluations: Mapping[str, Sequence[Evaluation]], first: str
) -> list[report.Section]:
    """A table for each data set: a column for each model, with its change against the first teacher."""
    sections = []
    for place, before in enumerate(evaluations[first]):
        columns = {
            name: score_column(measured[place], None if name == first else before)
            for name, measured in evaluations.items()
        }
        sections.append(report.scores_section(columns, f"Scores on {before.name}"))
    return sections


def together(kept: Sequence[Kept]) -> Errors:
    """Of all data sets."""
    whole = Errors()
    for part in kept:
        whole.person_free += part.errors.person_free
        whole.false_area += part.errors.false_area
        for key, bucket in part.errors.buckets.items():
            mine = whole.buckets.setdefault(key, type(bucket)())
            mine.persons += bucket.persons
            mine.missed += bucket.missed
    return whole


def changed_pictures(
    told: Told,
    source: Source,
    kept: Mapping[str, Sequence[Kept]],
    place: int,
    first: str,
    *,
    examples: int,
    device: str,
) -> list[report.Section]:
    """Pictures that the chosen model segments much better than the first teacher, and much worse, side by side."""
    before, now = (np.array(kept[name][place].iou) for name in (first, told.chosen))
    if len(before) != len(source) or len(now) != len(source):
        return []  # something could not be read, so places no longer say which picture is which
    gain = np.nan_to_num(now - before)
    predictors = []
    for name in (first, told.chosen):
        checkpoint = load_checkpoint(told.models[name])
        bar = np.log(checkpoint.threshold / (1 - checkpoint.threshold))
        predictors.append((predictor(checkpoint, device), bar))

    def shown(item: int) -> Example:
        sample = source.load(item)
        sides = [draw_false(sample, predict(sample.image) >= bar) for predict, bar in predictors]
        beside = np.hstack if sides[0].shape[0] > sides[0].shape[1] else np.vstack
        return Example(sample.name, f"{before[item]:.2f} → {now[item]:.2f}", beside(sides))

    sections = []
    legend = f"First the {first}, then the {told.chosen}. Blue: persons found. Red: found where none is labelled."
    for title, order in (("Won", np.argsort(-gain)), ("Lost", np.argsort(gain))):
        items = [int(i) for i in order[: examples // 2] if abs(gain[i]) >= LEAST_CHANGE]
        items = [i for i in items if (gain[i] > 0) == (title == "Won")]
        if items:
            pairs = [shown(item) for item in items]
            sections.append(report.examples_section(f"{title} on {source.name}", legend, pairs))
    return sections


def sheets(stages: Sequence[Stage]) -> list[report.Section]:
    """Contact sheets of pseudo-labels and of what was repainted."""
    legends = {
        "pseudo": "Persons tinted, what is ignored dimmed; the most reliable first.",
        "diffusion": "Before, after, and the mask.",
    }
    found = []
    for stage, (kind, legend) in itertools.product(stages, legends.items()):
        path = stage.folder / CONTACT_SHEET_NAME
        if stage.name.startswith(kind) and path.exists():
            found.append(report.picture_section(stage.name, legend, read_image(path)))
    return found


def costs(stages: Sequence[Stage]) -> report.Section:
    rows = [[stage.name, f"{stage.seconds / 60:.1f}"] for stage in stages]
    rows.append(["all", f"{sum(stage.seconds for stage in stages) / 60:.1f}"])
    return report.table_section("What it cost", ["stage", "minutes"], rows)
