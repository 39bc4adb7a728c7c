"""Read RUN/metrics.csv, the measurements of a training, which `pii_seg.training.csv_log` writes."""

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

History = list[dict[str, float]]  # rows in order, each with the columns that have a number


def read_history(path: Path) -> History:
    """Read the rows of a metrics.csv; an absent file has none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = [numbers_of(row) for row in csv.DictReader(file)]
    return [row for row in rows if "step" in row]


def numbers_of(row: Mapping[str, str | None]) -> dict[str, float]:
    """Parse a row's finite numbers by column; a line that was cut off has fewer."""
    numbers = {}
    for column in COLUMNS:
        try:
            value = float(row.get(column) or math.nan)
        except ValueError:
            continue
        if math.isfinite(value):
            numbers[column] = value
    return numbers
