"""Lightning's measurements to RUN/metrics.csv: one file, however often the run was resumed."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from pii_seg.evaluation.history import COLUMNS, read_history


class CsvLogger(Logger):
    """Lightning's own CSV logger deletes the file it finds; this one goes on with it.

    resume_at: rows after this step are of work that was lost, and are dropped; None begins a new file.
    """

    def __init__(self, path: Path, *, resume_at: int | None = None) -> None:
        super().__init__()
        self.path = path
        self._resume_at = resume_at
        self._begun = False

    @property
    def name(self) -> str:
        return "history"

    @property
    def version(self) -> int:
        return 0

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.toml holds them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        row = {key: f"{value:.6g}" for key, value in metrics.items() if key in COLUMNS}
        if not row:
            return
        if not self._begun:
            self._begin()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            # Lightning numbers the step that was just done from 0; here it is how many are done.
            csv.DictWriter(file, COLUMNS, restval="").writerow({**row, "step": (step or 0) + 1})

    def _begin(self) -> None:
        kept = (
            []
            if self._resume_at is None
            else [r for r in read_history(self.path) if r["step"] <= self._resume_at]
        )
        temporary = self.path.with_name(f".{self.path.name}-{os.getpid()}.tmp")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in kept)
        temporary.replace(self.path)
        self._begun = True
