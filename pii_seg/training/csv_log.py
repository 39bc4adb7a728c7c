"""Lightning's measurements in RUN/metrics.csv: one file, however often the run was resumed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from blender_addon.dataset import write_atomically
from pii_seg.evaluation.history import COLUMNS, read_history


class CsvLogger(Logger):
    """Continues the file of a resumed run, where Lightning's own CSV logger deletes it.

    Args:
        path: The file.
        resume_at: Rows after this step are of work that was lost, and are dropped. None begins a
        new file.
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
        """Do nothing: config.toml holds the hyperparameters."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        row = {key: f"{value:.6g}" for key, value in metrics.items() if key in COLUMNS}
        if not row:
            return
        if not self._begun:
            self._begin()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            # Lightning counts the step that was just done from 0; the file counts steps that are
            # done.
            csv.DictWriter(file, COLUMNS, restval="").writerow({**row, "step": (step or 0) + 1})

    def _begin(self) -> None:
        rows: Iterable[Mapping[str, float]] = ()
        if (last := self._resume_at) is not None:
            rows = [row for row in read_history(self.path) if row["step"] <= last]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)
        write_atomically(self.path, text.getvalue().encode())
        self._begun = True
