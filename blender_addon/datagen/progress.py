"""Reports of progress, for a terminal, a log file, or a program that reads JSON lines."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from typing import Protocol, TextIO

STYLES = ("auto", "bar", "plain", "json", "none")
PLAIN_INTERVAL = 10.0  # s between lines in a log
BAR_INTERVAL = 0.1


@dataclass(frozen=True)
class Progress:
    """A moment of a run.

    Attributes:
        done: Number of images on disk.
        total: Number of images of the run.
        fresh: Number of images that this run has rendered.
        seconds: Time since its start.
        cycles_seconds: Share of that time inside Cycles' render calls.
    """

    done: int
    total: int
    fresh: int = 0
    seconds: float = 0.0
    cycles_seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        return self.fresh / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None before the first image."""
        return (self.total - self.done) / self.images_per_second if self.fresh else None

    def __str__(self) -> str:
        text = f"{self.done}/{self.total}"
        if self.fresh:
            text += (
                f"  {self.images_per_second:.2f} images/s  {clock(self.seconds_left or 0.0)} left"
            )
        return text


def read_json_line(line: str) -> Progress | None:
    """Read a line of style 'json'. Returns None for other lines, such as Blender's own output."""
    if not line.startswith("{"):
        return None
    try:
        values = json.loads(line)
        progress = Progress(**values)
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in values.values())
    return progress if numbers else None


def print_note(text: str) -> None:
    """Tell the user something on standard error."""
    print(f"note: {text}", file=sys.stderr, flush=True)


class Reporter(Protocol):
    def __call__(self, progress: Progress) -> None: ...


def reporter(style: str, stream: TextIO | None = None) -> Reporter:
    """Make a reporter.

    Args:
        style: "bar" rewrites one line, "plain" writes a line every ten seconds, "json" writes one
            object per image, "none" nothing; "auto" is a bar on a terminal, else plain.
        stream: Where it writes; None for standard output with "json", else standard error.

    Raises:
        ValueError: An unknown style.
    """
    if style not in STYLES:
        raise ValueError(f"unknown progress style {style!r}; there are: {', '.join(STYLES)}")
    if style == "json":
        return _JsonLines(stream or sys.stdout)
    stream = stream or sys.stderr
    if style == "none":
        return lambda progress: None
    if style == "auto":
        style = "bar" if stream.isatty() else "plain"
    return _Lines(stream, BAR_INTERVAL if style == "bar" else PLAIN_INTERVAL, bar=style == "bar")


class _JsonLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, progress: Progress) -> None:
        print(json.dumps(asdict(progress)), file=self._stream, flush=True)


class _Lines:
    def __init__(self, stream: TextIO, interval: float, *, bar: bool) -> None:
        self._stream, self._interval, self._bar = stream, interval, bar
        self._last = -interval

    def __call__(self, progress: Progress) -> None:
        now, finished = time.monotonic(), progress.done >= progress.total
        if not finished and now - self._last < self._interval:
            return
        self._last = now
        if not self._bar:
            print(progress, file=self._stream, flush=True)
            return
        width = 30
        filled = round(width * progress.done / progress.total) if progress.total else width
        line = f"\r{'█' * filled}{'·' * (width - filled)} {progress}\x1b[K"
        print(line, end="\n" if finished else "", file=self._stream, flush=True)


def clock(seconds: float) -> str:
    """A duration as minutes or hours: 2:40, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
