"""The files that an evaluation writes: metrics.json, pictures.csv, figures and report.html."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blender_addon.dataset import atomic_file, write_atomically
from pii_seg.data.image_io import encode_image
from pii_seg.evaluation import figures, report
from pii_seg.evaluation.counting import MISSED_BELOW
from pii_seg.evaluation.history import History
from pii_seg.evaluation.measure import Evaluation, ImageResult
from pii_seg.evaluation.metrics import Totals
from pii_seg.evaluation.score_rows import score_column

CURVE_POINTS = 99  # of metrics.json's curves: thresholds .01 … .99
FIGURES = ("thresholds.png", "calibration.png", "missed.png", "false.png")  # of each data set
IMAGE_FIELDS = (
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


class ImageTable:
    """pictures.csv: one line per image, written as the results come. Appears when it is whole."""

    def __init__(self, path: Path) -> None:
        self._stack = contextlib.ExitStack()
        self._path = path

    def __enter__(self) -> ImageTable:
        file = self._stack.enter_context(atomic_file(self._path))
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._stack.callback(text.detach)  # atomic_file closes the file
        self._rows = csv.writer(text)
        self._rows.writerow(IMAGE_FIELDS)
        return self

    def add(self, data: str, result: ImageResult) -> None:
        """Write the line of one image of the data set `data`."""
        count, sample = result.count, result.sample
        at = count.threshold_index
        persons = missed = None
        if count.persons is not None:
            persons = len(count.persons)
            missed = sum(person.coverage(at) < MISSED_BELOW for person in count.persons)
        shares = [f"{count.iou():.4f}", f"{count.false_share():.5f}", f"{result.seconds:.4f}"]
        self._rows.writerow([data, sample.name, *sample.target.shape, persons, missed, *shares])

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


def write_metrics(path: Path, about: dict[str, Any], evaluations: Sequence[Evaluation]) -> None:
    """Write metrics.json: numbers only, null where a number is undefined."""
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
    """Delete the figures of an earlier evaluation in `output`, and nothing else."""
    try:
        names = [
            entry["name"] for entry in json.loads((output / "metrics.json").read_bytes())["data"]
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return  # no evaluation was written here
    for folder in output.iterdir():
        if folder.name in names and folder.is_dir():
            for figure in FIGURES:
                (folder / figure).unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def write_figures(output: Path, evaluations: Sequence[Evaluation], history: History) -> None:
    """Write the figures as PNG, one folder for each data set."""
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
                sheet = encode_image(figures.contact_sheet(examples), ".png")
                write_atomically(folder / f"{name}.png", sheet)


def write_report(
    path: Path, about: dict[str, Any], evaluations: Sequence[Evaluation], history: History
) -> None:
    """Write report.html, which holds the scores, the figures and the worst cases."""
    columns = {evaluation.name: score_column(evaluation) for evaluation in evaluations}
    sections = [report.facts_section("Settings", report.facts_of(about))]
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
