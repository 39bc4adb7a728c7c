"""The options of a run, and what a part is handed: its time, its device, and its record."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.record import Record

if TYPE_CHECKING:
    import torch

SAVING = 5.0  # s that a training leaves for its checkpoint
CLOSING = 0.1  # share of a part's time that is left for what follows its measurements


class NotHere(Exception):  # noqa: N818  # no error of the part
    """The part cannot run on this machine, or lacks its input; the message says why."""


@dataclass
class Job:
    """One part at work.

    Attributes:
        name: Name of the part.
        options: The options of the command, see `__main__.parser`.
        record: What is written to PART.json.
        ends: When its measurements have to end, on the clock of time.monotonic.
    """

    name: str
    options: argparse.Namespace
    record: Record
    ends: float

    @property
    def device(self) -> torch.device:
        """The device of torch.

        Raises:
            NotHere: torch does not see it.
        """
        import torch

        device = torch.device(self.options.device)
        if device.type == "cuda" and not torch.cuda.is_available():
            raise NotHere("torch sees no CUDA device; install a build of torch with CUDA")
        self.record.device = (
            torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
        )
        return device

    @property
    def tiny(self) -> bool:
        """Whether sizes are those of a test."""
        return bool(self.options.tiny)

    def size(self, real: Any, tiny: Any) -> Any:
        """Return the real size, or with --tiny that of a test."""
        return tiny if self.tiny else real

    def left(self) -> float:
        """Return the seconds that are left for measurements."""
        return self.ends - time.monotonic()

    def training_seconds(self, minutes: float | None) -> float:
        """Return how long a training may take: the minutes that were given, or all that is left."""
        return max(1.0, self.left() - SAVING) if minutes is None else 60 * minutes

    def set(self, **settings: Any) -> None:
        """Add settings to the record."""
        self.record.settings |= settings
        self.record.save(self.options.output)

    def figure(self, name: str, value: float, unit: str) -> None:
        """Add a figure, and write the record."""
        self.record.figures.append({"name": name, "value": float(value), "unit": unit})
        self.record.save(self.options.output)

    def check(self, name: str, value: float, limit: float) -> None:
        """Add a check that `value` is at most `limit`, and write the record."""
        passed = bool(value <= limit)
        entry = {"name": name, "passed": passed, "value": float(value), "limit": float(limit)}
        self.record.checks.append(entry)
        self.record.save(self.options.output)

    def keep(self, path: Path) -> None:
        """Name a file or folder below the output folder that the part has made."""
        self.record.files.append(path.relative_to(self.options.output).as_posix())
        self.record.save(self.options.output)


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(
    call: Callable[[], object], device: torch.device, *, budget: float, most: int = 1000
) -> float:
    """Return the mean time of a call over as many as fit into the budget.

    Args:
        call: What is measured; it has been called before, so that nothing is loaded any more.
        device: The device that it works on.
        budget: Seconds; one call is made in any case.
        most: The largest number of calls.
    """
    synchronise(device)
    begun, calls = time.perf_counter(), 0
    while True:
        call()
        calls += 1
        # Waiting after every call would leave a GPU idle between short ones.
        if calls & (calls - 1) == 0 or calls % 32 == 0:
            synchronise(device)
        taken = time.perf_counter() - begun
        if calls >= most or taken >= budget:
            synchronise(device)
            return (time.perf_counter() - begun) / calls
