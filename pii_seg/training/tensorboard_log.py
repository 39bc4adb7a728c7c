"""Lightning's measurements in RUN/tensorboard/, in files that do not name this machine.

torch's and Lightning's writers put the host's name into the name of each file; there is no option
against it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class TensorBoardLog(Logger):
    """Writes scalars in TensorBoard's format; each part of a resumed run has a file of its own.

    Args:
        folder: Folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._file: BinaryIO | None = None

    @property
    def name(self) -> str:
        return "tensorboard"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.toml holds the hyperparameters."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        values = [Summary.Value(tag=tag, simple_value=float(v)) for tag, v in metrics.items()]
        self._write(Event(wall_time=time.time(), step=step or 0, summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            number = len(list(self.folder.glob("events.out.tfevents.*")))
            name = f"events.out.tfevents.{int(time.time()):010d}.{number}"
            self._file = (self.folder / name).open("xb")
            self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        RecordWriter(self._file).write(event.SerializeToString())

    @rank_zero_only
    def save(self) -> None:
        if self._file is not None:
            self._file.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
