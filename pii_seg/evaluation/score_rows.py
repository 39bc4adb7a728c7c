"""The rows of every table of scores: one entry of ROWS is one row, wherever scores are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pii_seg.evaluation.counting import HEAD_COVERED_FROM, MOST_UNCOVERED, SIZES
from pii_seg.evaluation.measure import Evaluation
from pii_seg.evaluation.metrics import MIN_PRECISION, Scores

ABSENT = "–"
"""Shown for a number that is undefined, such as the recall of images without persons."""


@dataclass(frozen=True)
class ScoreRow:
    """One row of a table of scores.

    Attributes:
        key: Stable name, unique among ROWS.
        label: Name that is shown.
        meaning: Explanation that the report shows below the label.
        text: Formats the row's value of one evaluation.
        change: Field of `Scores` whose change against another model is shown, in percentage
            points; empty for none.
    """

    key: str
    label: str
    meaning: str
    text: Callable[[Evaluation], str]
    change: str = ""


def percent(value: float, places: int = 1) -> str:
    """A share as a percentage; a dash where it is undefined."""
    return ABSENT if math.isnan(value) else f"{value:.{places}%}"


def share(value: float) -> str:
    """A share with three decimals; a dash where it is undefined."""
    return ABSENT if math.isnan(value) else f"{value:.3f}"


def _by_size(scores: Scores, values: Mapping[str, float]) -> str:
    return " / ".join(percent(values[size]) for size in SIZES) if scores.persons else ABSENT


def _persons(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    if not scores.persons:
        return ABSENT
    return " / ".join(f"{scores.persons_by_size[size]:,}" for size in SIZES)


ROWS = (
    ScoreRow("pictures", "images", "Number of images that were measured.",
             lambda e: f"{e.scores.pictures:,}"),
    ScoreRow("persons", "persons (small / medium / large)",
             "Number of persons. Small: area below 32² px; medium: below 96² px.", _persons),
    ScoreRow("iou_per_picture", "IoU, mean of images",
             "Overlap of found and true person pixels ÷ their union, averaged over the images that "
             "show a person.",
             lambda e: share(e.scores.iou_per_picture), change="iou_per_picture"),
    ScoreRow("iou", "IoU, all pixels",
             "The same over all pixels of the data set together: large persons weigh more.",
             lambda e: share(e.scores.iou)),
    ScoreRow("miou", "mean of person and background IoU",
             "Over all pixels. Most are background, so it is high even where persons are missed.",
             lambda e: share(e.scores.miou)),
    ScoreRow("boundary_iou", "boundary IoU",
             "IoU of the pixels within 2 % of the diagonal of an outline: how exact the edges are.",
             lambda e: share(e.scores.boundary_iou_per_picture), change="boundary_iou_per_picture"),
    ScoreRow("recall", "pixel recall", "Share of person pixels found.",
             lambda e: percent(e.scores.recall), change="recall"),
    ScoreRow("precision", "pixel precision",
             "Share of found pixels that belong to a person. Too low where the labels leave "
             "persons out.",
             lambda e: percent(e.scores.precision), change="precision"),
    ScoreRow("recall_at_precision", f"recall at precision {MIN_PRECISION:.0%}",
             f"Highest pixel recall of any threshold whose precision is at least "
             f"{MIN_PRECISION:.0%}.",
             lambda e: percent(e.scores.recall_at_precision)),
    ScoreRow("missed", "missed persons",
             "Less than half of the person found. Small: area below 32² px; medium: below 96² px.",
             lambda e: percent(e.scores.missed), change="missed"),
    ScoreRow("missed_by_size", "… small / medium / large", "Missed persons of each size.",
             lambda e: _by_size(e.scores, e.scores.missed_by_size)),
    ScoreRow("untouched", "untouched persons", "Less than a tenth of the person found.",
             lambda e: percent(e.scores.untouched)),
    ScoreRow("untouched_by_size", "… small / medium / large", "Untouched persons of each size.",
             lambda e: _by_size(e.scores, e.scores.untouched_by_size)),
    ScoreRow("uncovered", "uncovered persons, mean of images",
             f"Share of an image's persons with more than {MOST_UNCOVERED:.0%} not found, "
             "averaged over the images that show persons: what a --person-recall bounds.",
             lambda e: percent(e.scores.uncovered)),
    ScoreRow("heads", "heads", "Number of heads, where the data say which pixels are heads.",
             lambda e: f"{e.scores.heads:,}" if e.scores.heads else ABSENT),
    ScoreRow("head_recall", "… pixel recall",
             "Share of the pixels of heads found: hair, hat, glasses and face.",
             lambda e: percent(e.scores.head_recall), change="head_recall"),
    ScoreRow("heads_covered", f"… covered to {HEAD_COVERED_FROM:.0%}",
             "Share of heads of which at least this much is found: what identifies a person.",
             lambda e: percent(e.scores.heads_covered), change="heads_covered"),
    ScoreRow("false_area", "false area, person-free",
             "Mean share of an image without persons that is taken for a person.",
             lambda e: percent(e.scores.false_area, 2), change="false_area"),
    ScoreRow("calibration_error", "calibration error",
             "Mean difference between the probability of a person and the share of pixels that "
             "belong to one.",
             lambda e: share(e.scores.calibration_error)),
    ScoreRow("images_per_second", "images/s",
             "Images per second, including reading and counting.",
             lambda e: f"{e.pictures_per_second:.1f}"),
    ScoreRow("forward_pixels", "forward pixels per pixel",
             "Number of pixels that passed through the segmenter for each pixel of the image: the "
             "cost of tiles and scales.",
             lambda e: f"{e.forward_pixels / e.pixels:.2f}"),
)  # fmt: skip


def score_column(evaluation: Evaluation, before: Evaluation | None = None) -> dict[str, str]:
    """Format the scores of one evaluation.

    Args:
        evaluation: The measurements.
        before: Measurements of another model on the same data; where it is given, rows with a
            `change` show the difference in percentage points.

    Returns:
        Row key → text, in the order of ROWS.
    """
    return {row.key: row.text(evaluation) + _change(row, evaluation, before) for row in ROWS}


def _change(row: ScoreRow, now: Evaluation, before: Evaluation | None) -> str:
    if before is None or not row.change:
        return ""
    difference = 100 * (getattr(now.scores, row.change) - getattr(before.scores, row.change))
    return f" ({difference:+.1f})" if math.isfinite(difference) else ""


def table_of(columns: Mapping[str, Mapping[str, str]]) -> list[tuple[ScoreRow, list[str]]]:
    """Arrange columns of `score_column` as rows; rows without any value are left out."""
    table = [(row, [column[row.key] for column in columns.values()]) for row in ROWS]
    return [(row, values) for row, values in table if any(value != ABSENT for value in values)]
