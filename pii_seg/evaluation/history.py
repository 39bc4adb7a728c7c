"""RUN/metrics.csv: what was measured, a row at a time. Written by `pii_seg.training.csv_log`, read by reports."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

COLUMNS = (
    "step",
    "seconds",
    "learning_rate",
    "train_loss",
    "images_per_second",
    "val_loss",
    "val_iou",
)

History = list[dict[str, float]]  # rows in order, each with the columns that it has a number for


def read_history(path: Path) -> History:
    """The rows of a metrics.csv; none without the file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [numbers_of(row) for row in csv.DictReader(file)]
    return [row for row in rows if "step" in row]


def numbers_of(row: Mapping[str, str | None]) -> dict[str, float]:
    """A row's finite numbers by column; a line that was cut off while it was written has fewer."""
    numbers = {}
    for column in COLUMNS:
        try:
            value = float(row.get(column) or math.nan)
        except ValueError:
            continue
        if math.isfinite(value):
            numbers[column] = value
    return numbers
