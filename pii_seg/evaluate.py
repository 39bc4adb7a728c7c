"""How good is a checkpoint, on which photographs, and where does it fail?

    python -m pii_seg.evaluate --checkpoint RUN/best.ckpt --data DIR [--data DIR …] --output DIR

Prints a table and leaves in the output folder: metrics.json, pictures.csv (a line per picture), the figures as PNG
and report.html, which holds them all and opens without a network.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
import torch
from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from blender_addon.dataset import write_atomically
from pii_seg.command_line import (
    DONE,
    PlainHelp,
    add_checkpoint_arguments,
    add_inference_arguments,
    inference_settings,
    parse,
    photographs_at_once,
    progress_bar,
    run_command,
)
from pii_seg.data.sources import open_sources
from pii_seg.errors import InputError
from pii_seg.evaluation import figures, report
from pii_seg.evaluation.measure import (
    Evaluation,
    Gathered,
    evaluate_source,
    gather_totals,
    open_data,
    refuse_without_masks,
)
from pii_seg.evaluation.metrics import SIZES, Totals, snap
from pii_seg.evaluation.temperature import choose_threshold, fit_temperature, rescale_threshold
from pii_seg.inference.tiling import InferenceSettings, predict_logits
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, with_calibration
from pii_seg.training.history import History, read_history

CURVE_POINTS = 99  # of metrics.json's curves: thresholds .01 … .99
FIGURES = ("thresholds.png", "calibration.png", "missed.png", "false.png")  # of each data set
PICTURE_FIELDS = (
    "data",
    "picture",
    "height",
    "width",
    "persons",
    "missed",
    "iou",
    "false_area",
    "seconds",
)


def evaluate(
    checkpoint: Path,
    output: Path,
    data: Sequence[Path] = (),
    negatives: Sequence[Path] = (),
    settings: InferenceSettings | None = None,
    *,
    threshold: float | None = None,
    recall: float | None = None,
    recall_of: Literal["pixels", "persons"] = "pixels",
    calibrate: Path | None = None,
    examples: int = 12,
    strict: bool = False,
    device: str = "cpu",
    console: Console | None = None,
) -> list[Evaluation]:
    """Measure a checkpoint on data sets; print the table, write metrics.json, pictures.csv, figures and report.html.

    threshold   on the calibrated probability; default: the checkpoint's
    recall      choose the threshold that finds this share of `recall_of`, on `calibrate`, else on the first data set
    calibrate   labelled data to fit the temperature on (and the threshold, with `recall`); the checkpoint with both is
                written to OUTPUT/calibrated.ckpt
    examples    worst cases shown of each kind and data set; 0: no photograph is in the output
    """
    console = console or Console(stderr=True)
    settings = settings or InferenceSettings()
    _check_wishes(data, negatives, threshold, recall, output)
    kept = load_checkpoint(checkpoint)
    sources = open_data(data, negatives, strict=strict)
    judges = open_sources(calibrate, strict=strict) if calibrate is not None else []
    if len(judges) > 1:
        raise InputError(f"--calibrate {calibrate}: gathers several data sets; name one of them")
    for judge in judges:
        refuse_without_masks(judge)
    segmenter = kept.segmenter(device)
    output.mkdir(parents=True, exist_ok=True)
    delete_figures(output)

    def predict(image: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        logits = predict_logits(segmenter, image, settings, device=device)
        logits /= temperature
        return logits

    evaluations = []
    with (
        photographs_at_once(device) as workers,
        progress_bar(console) as bar,
        PictureTable(output / "pictures.csv") as table,
    ):
        totals = None
        if judges or recall is not None:
            totals = gather_totals(predict, (judges or sources)[0], workers=workers)
        kept, why = decide(
            kept,
            totals,
            calibrates=bool(judges),
            threshold=threshold,
            recall=recall,
            recall_of=recall_of,
        )
        if judges:
            save_checkpoint(output / "calibrated.ckpt", kept)
        for source in sources:
            task = bar.add_task(source.name, total=len(source))

            def on_picture(gathered: Gathered, name: str = source.name, task: Any = task) -> None:
                table.add(name, gathered)
                bar.update(task, advance=1)

            evaluations.append(
                evaluate_source(
                    partial(predict, temperature=kept.temperature),
                    source,
                    settings,
                    threshold=kept.threshold,
                    examples=examples,
                    workers=workers,
                    on_picture=on_picture,
                )
            )
            bar.remove_task(task)
    about = describe(checkpoint, kept, settings, why)
    history = read_history(
        checkpoint.parent / "metrics.csv"
    )  # beside it, if its training left it there
    write_metrics(output / "metrics.json", about, evaluations)
    write_figures(output, evaluations, history)
    write_report(output / "report.html", about, evaluations, history)
    Console().print(score_table(evaluations))
    return evaluations


def _check_wishes(
    data: Sequence[Path],
    negatives: Sequence[Path],
    threshold: float | None,
    recall: float | None,
    output: Path,
) -> None:
    if not data and not negatives:
        raise InputError("nothing to measure on; give --data or --negatives")
    if threshold is not None and recall is not None:
        raise InputError(
            "--threshold and --recall exclude each other; the one is chosen for the other"
        )
    for name, value in (("threshold", threshold), ("recall", recall)):
        if value is not None and not 0 < value < 1:
            raise InputError(f"--{name} {value}: must lie between 0 and 1")
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; give a folder")


def decide(
    kept: Checkpoint,
    totals: Totals | None,
    *,
    calibrates: bool,
    threshold: float | None,
    recall: float | None,
    recall_of: Literal["pixels", "persons"],
) -> tuple[Checkpoint, str]:
    """The checkpoint with the temperature and threshold to measure at, and where the threshold is from, in words.

    `totals`: of the uncalibrated logits of the data to decide by; None when there is nothing to decide.
    """
    if totals is None:
        chosen = kept.threshold if threshold is None else threshold
        return replace(
            kept, threshold=snap(chosen)
        ), "the checkpoint" if threshold is None else "--threshold"
    temperature = fit_temperature(totals) if calibrates else kept.temperature
    if recall is not None:
        wanted = rescale_threshold(choose_threshold(totals, recall, of=recall_of), temperature)
        why = f"a recall of {recall:.1%} of {recall_of} on the " + (
            "calibration data" if calibrates else "first data set itself"
        )
    elif threshold is not None:
        wanted, why = threshold, "--threshold"
    else:  # the masks stay, the probabilities become honest
        wanted = rescale_threshold(kept.threshold, temperature / kept.temperature)
        why = "the checkpoint, for the new temperature"
    chosen_by = {
        "pictures": totals.pictures,
        "persons": int(totals.persons.sum()),
        "threshold_from": why,
    }
    decided = with_calibration(
        kept, temperature=temperature, threshold=snap(wanted), calibration=chosen_by
    )
    return decided, why


def describe(
    path: Path, kept: Checkpoint, settings: InferenceSettings, chosen_on: str
) -> dict[str, Any]:
    """What was measured, and how, for metrics.json and the report's head."""
    return {
        "checkpoint": path.name,
        "model": asdict(kept.model),
        "temperature": kept.temperature,
        "threshold": kept.threshold,
        "threshold_from": chosen_on,
        "inference": asdict(settings),
        "threads": torch.get_num_threads(),
    }


class PictureTable:
    """pictures.csv: a line per picture, written as it comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.tmp")

    def __enter__(self) -> PictureTable:
        self._file: TextIO = self._partial.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file)
        self._rows.writerow(PICTURE_FIELDS)
        return self

    def add(self, data: str, gathered: Gathered) -> None:
        count, sample = gathered.count, gathered.sample
        at = count.threshold_index
        persons = None if count.persons is None else len(count.persons)
        missed = None if count.persons is None else sum(p.coverage(at) < 0.5 for p in count.persons)
        shares = [f"{count.iou():.4f}", f"{count.false_share():.5f}", f"{gathered.seconds:.4f}"]
        self._rows.writerow([data, sample.name, *sample.target.shape, persons, missed, *shares])

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)


def write_metrics(path: Path, about: dict[str, Any], evaluations: Sequence[Evaluation]) -> None:
    """metrics.json: numbers only, null where nothing defines one."""
    sets = [
        {
            "name": evaluation.name,
            "scores": asdict(evaluation.scores),
            "cost": {
                "seconds": evaluation.seconds,
                "pictures_per_second": evaluation.pictures_per_second,
                "forward_pixels_per_pixel": evaluation.forward_pixels / evaluation.pixels,
            },
            "curves": _thinned_curves(evaluation.totals),
            "faults": list(evaluation.faults),
        }
        for evaluation in evaluations
    ]
    content = json.dumps(report.without_nan({**about, "data": sets}), indent=2, allow_nan=False)
    write_atomically(path, content.encode() + b"\n")


def _thinned_curves(totals: Totals) -> dict[str, list[float]]:
    curves = totals.curves()
    wanted = np.arange(1, CURVE_POINTS + 1) / (CURVE_POINTS + 1)
    places = np.searchsorted(curves.threshold, wanted)
    names = ("threshold", "recall", "precision", "iou_per_picture", "missed", "false_area")
    return {name: getattr(curves, name)[places].tolist() for name in names}


def delete_figures(output: Path) -> None:
    """Delete what an earlier evaluation left of data sets that this one may not measure; nothing else."""
    try:
        names = [
            entry["name"] for entry in json.loads((output / "metrics.json").read_bytes())["data"]
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return  # not one of ours, so nothing there is
    for folder in output.iterdir():
        if folder.name in names and folder.is_dir():
            for figure in FIGURES:
                (folder / figure).unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def write_figures(output: Path, evaluations: Sequence[Evaluation], history: History) -> None:
    """The figures as PNG, a folder a data set."""
    if history:
        figures.save_figure(output / "training.png", lambda: figures.training_figure(history))
    for evaluation in evaluations:
        folder = output / evaluation.name
        folder.mkdir(exist_ok=True)
        totals = evaluation.totals
        figures.save_figure(folder / "thresholds.png", partial(figures.threshold_figure, totals))
        figures.save_figure(folder / "calibration.png", partial(figures.reliability_figure, totals))
        for name, worst in (
            ("missed", evaluation.examples.missed),
            ("false", evaluation.examples.false),
        ):
            if examples := worst.sorted():
                sheet = figures.encode(figures.contact_sheet(examples), ".png")
                write_atomically(folder / f"{name}.png", sheet)


def write_report(
    path: Path, about: dict[str, Any], evaluations: Sequence[Evaluation], history: History
) -> None:
    columns = {evaluation.name: score_column(evaluation) for evaluation in evaluations}
    sections = [report.facts_section("What was measured", report.facts_of(about))]
    sections.append(report.scores_section(columns))
    if history:
        sections.append(report.training_section(history))
    for e in evaluations:
        sections.append(
            report.data_section(
                e.name, e.totals, e.examples.missed.sorted(), e.examples.false.sorted()
            )
        )
    if faults := [fault for e in evaluations for fault in e.faults]:
        sections.append(report.faults_section(faults))
    write_atomically(path, report.render("Evaluation", sections).encode())


def score_column(evaluation: Evaluation) -> dict[str, str]:
    """Row name → value in words, of one data set; the report and the table on the terminal show the same."""
    s = evaluation.scores

    def by_size(values: dict[str, float]) -> str:
        return " / ".join(report.percent(values[size]) for size in SIZES)

    return {
        "pictures": f"{s.pictures:,}",
        "persons (small / medium / large)": " / ".join(
            f"{s.persons_by_size[size]:,}" for size in SIZES
        )
        if s.persons
        else "–",
        "IoU, mean of pictures": report.share(s.iou_per_picture),
        "IoU, all pixels": report.share(s.iou),
        "mean of person and background IoU": report.share(s.miou),
        "boundary IoU": report.share(s.boundary_iou_per_picture),
        "pixel recall": report.percent(s.recall),
        "pixel precision": report.percent(s.precision),
        f"recall at precision {s.min_precision:.0%}": report.percent(s.recall_at_precision),
        "missed persons": report.percent(s.missed),
        "… small / medium / large": by_size(s.missed_by_size) if s.persons else "–",
        "untouched persons": report.percent(s.untouched),
        "… small / medium / large ": by_size(s.untouched_by_size) if s.persons else "–",
        "false area, person-free": report.percent(s.false_area, 2),
        "calibration error": report.share(s.calibration_error),
        "photographs/s": f"{evaluation.pictures_per_second:.1f}",
        "forward pixels per pixel": f"{evaluation.forward_pixels / evaluation.pixels:.2f}",
    }


def score_table(evaluations: Sequence[Evaluation]) -> Table:
    """The table for the terminal: a column per data set."""
    table = Table(title=f"at threshold {evaluations[0].totals.threshold:.3f}", title_justify="left")
    table.add_column("")
    columns = [score_column(evaluation) for evaluation in evaluations]
    for evaluation in evaluations:
        table.add_column(evaluation.name, justify="right")
    for row in columns[0]:
        if any(column[row] != "–" for column in columns):
            table.add_row(row.strip(), *(column[row] for column in columns))
    return table


def parser() -> ArgumentParser:
    p = ArgumentParser(
        prog="python -m pii_seg.evaluate",
        description=__doc__,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
    )
    p.add_argument("--config", action="config", help="a TOML file with any of these arguments")
    add_checkpoint_arguments(p)
    p.add_argument(
        "--output", type=Path, required=True, help="folder for the report; made if need be"
    )
    p.add_argument(
        "--data",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="labelled data: a dataset, images/ + masks/, COCO JSON, Pascal VOC; or a folder of several",
    )
    p.add_argument(
        "--negatives",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="photographs that show nobody: all that is found in them is false",
    )
    p.add_argument(
        "--recall", type=float, help="choose the threshold that finds this share, as .95"
    )
    p.add_argument(
        "--recall_of",
        choices=["pixels", "persons"],
        default="pixels",
        help="share of what --recall is",
    )
    p.add_argument(
        "--calibrate",
        type=Path,
        help="labelled data to fit the temperature (and --recall's threshold) on, not among --data; the checkpoint "
        "that results is written to OUTPUT/calibrated.ckpt",
    )
    p.add_argument(
        "--examples",
        type=int,
        default=12,
        help="worst cases shown of each kind; 0: no photographs in the output",
    )
    p.add_argument(
        "--strict", action="store_true", help="a file that cannot be read is an error, not left out"
    )
    add_inference_arguments(p)
    return p


def main(argv: list[str] | None = None) -> int:
    def work() -> int:
        arguments = parse(parser(), argv)
        evaluations = evaluate(
            arguments.checkpoint,
            arguments.output,
            arguments.data,
            arguments.negatives,
            inference_settings(arguments),
            threshold=arguments.threshold,
            recall=arguments.recall,
            recall_of=arguments.recall_of,
            calibrate=arguments.calibrate,
            examples=arguments.examples,
            strict=arguments.strict,
            device=arguments.device,
        )
        print(f"{arguments.output / 'report.html'}")
        faults = [fault for evaluation in evaluations for fault in evaluation.faults]
        if faults:
            print(f"{len(faults)} pictures were left out:", *faults, sep="\n  ", file=sys.stderr)
        return DONE

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
