"""A batch in another process, started, watched and stopped without blocking. Standard library only.

The process runs the batch command, so that a batch from Blender's sidebar and one from a terminal
are the same. It ends after the current image when its standard input ends: when `BatchJob.cancel`
closes it, and also when this process dies.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from io import FileIO
from pathlib import Path
from typing import cast

from ..render.compat import environment_of_a_batch
from .exit_codes import ERROR_PREFIX, FAILURE, INTERRUPTED, INVALID_INPUT, SUCCESS
from .progress import Progress, read_json_line
from .workers import NO_WINDOW, batch_command

CHUNK = 1 << 14  # bytes
LONGEST_LINE = 4000  # bytes; the rest of a line is dropped
LAST_LINES = 40
# What messages of the command line call things -> what the sidebar calls them.
SIDEBAR_WORDS = (
    (", or replace it with --overwrite", ""),
    ("then run the same command to resume", "then press Resume Batch"),
    ("run the same command to resume", "press Resume Batch"),
    ("with fewer --jobs where memory is short", "with fewer Jobs where memory is short"),
    ("fewer --jobs", "fewer Jobs"),
    ("(width and height in [render])", "(Resolution)"),
)
GRACE = 1.0  # s that `close` leaves to the running image


class State(Enum):
    """The state of a batch; the process runs during the first three."""

    STARTING = "starting"  # Blender loads; no progress yet
    RUNNING = "running"
    STOPPING = "stopping"  # asked to end after the current image, or killed and not gone yet
    DONE = "done"  # every image is on disk
    STOPPED = "stopped"  # as it was asked to
    FAILED = "failed"  # with an error message
    DIED = "died"  # without one


class JobError(RuntimeError):
    """The batch's process cannot be started; the message names what could not be run or written."""


@dataclass(frozen=True)
class Batch:
    """A batch to render: a recipe as TOML text, and the options of the batch command."""

    recipe: str
    output: Path
    count: int
    seed: int = 0
    device: str = "auto"
    jobs: int = 1
    overwrite: bool = False

    def arguments(self, recipe_file: Path) -> list[str]:
        """The arguments of the batch command, with the recipe in `recipe_file`."""
        arguments = [str(recipe_file), "--output", str(self.output.absolute())]
        arguments += ["--count", str(self.count), "--seed", str(self.seed)]
        arguments += ["--device", self.device, "--jobs", str(self.jobs)]
        return arguments + ["--overwrite"] * self.overwrite


class BatchJob:
    """A batch that runs in a process of its own, or did.

    All methods but `wait` and `close` return at once: threads read the output of the process.

    Attributes:
        batch: The batch.
        progress: The latest progress; None before the first.
    """

    def __init__(self, batch: Batch, command: Sequence[str] | None = None) -> None:
        """Start the process.

        Args:
            batch: The batch to render.
            command: How the batch command is started; None starts it in this Blender.

        Raises:
            JobError: The process cannot be started.
        """
        self.batch = batch
        self.progress: Progress | None = None
        self._end: tuple[State, str] | None = None
        self._stop_asked = self._killed = False
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        command = batch_command() if command is None else command
        self._folder: Path | None = None
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="pii_synth_"))
            recipe_file = self._folder / "recipe.toml"
            recipe_file.write_text(batch.recipe, encoding="utf-8")
            self._process = subprocess.Popen(
                [*command, *batch.arguments(recipe_file), "--progress", "json", "--stop-on-eof"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Python's end would wait for the lock of a buffer that a thread still reads.
                bufsize=0,
                env=environment_of_a_batch() | {"PYTHONUTF8": "1"},
                creationflags=NO_WINDOW,
            )
        except (OSError, ValueError) as error:
            self._delete_recipe()
            raise JobError(f"cannot start the batch with {command[0]}: {error}") from None
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="batch")
        self._watcher.start()

    @property
    def state(self) -> State:
        if self._end is not None:
            return self._end[0]
        if self._stop_asked:
            return State.STOPPING
        return State.STARTING if self.progress is None else State.RUNNING

    @property
    def running(self) -> bool:
        """Whether the process or one of its workers still renders."""
        return self._end is None

    @property
    def message(self) -> str:
        """One sentence for the user on how the batch ended; empty while it runs."""
        return self._end[1] if self._end is not None else ""

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines that the process wrote on standard error."""
        return tuple(self._last_lines.copy())

    @property
    def pid(self) -> int:
        return self._process.pid

    def cancel(self) -> None:
        """End the batch after the current image. Starting the same batch again resumes it."""
        self._stop_asked = True
        _pipe(self._process.stdin).close()

    def kill(self) -> None:
        """End the process now. The current image is lost; files on disk stay whole.

        With `jobs` > 1 the workers still finish their current images.
        """
        self._stop_asked = self._killed = True
        self._process.kill()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, for at most `timeout` seconds. Returns whether the batch has ended."""
        self._watcher.join(timeout)
        return not self.running

    def close(self) -> None:
        """End the process and remove its files; called when Blender or the extension ends."""
        self.cancel()
        if not self.wait(GRACE):
            self.kill()
            self.wait(GRACE)
        self._delete_recipe()

    def _watch(self) -> None:
        pipes = (_pipe(self._process.stdout), _pipe(self._process.stderr))
        readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True, name="batch output")
            for read, pipe in zip((self._read_progress, self._read_errors), pipes, strict=True)
        ]
        for reader in readers:
            reader.start()
        code = self._process.wait()
        for reader in readers:
            reader.join()  # workers share standard error, which ends with the last of them
        for pipe in (*pipes, _pipe(self._process.stdin)):
            pipe.close()
        self._delete_recipe()
        self._end = self._conclude(code)

    def _read_progress(self, pipe: FileIO) -> None:
        for line in _lines(pipe):
            self.progress = read_json_line(line) or self.progress

    def _read_errors(self, pipe: FileIO) -> None:
        for line in _lines(pipe):
            if line.strip():
                self._last_lines.append(line.rstrip())

    def _conclude(self, code: int) -> tuple[State, str]:
        progress = self.progress
        at, again = "before the first image", "Generate Batch starts it again"
        if progress is not None and progress.done:
            at, again = f"at {progress.done}/{progress.total}", "Resume Batch continues there"
        if code == SUCCESS and progress is not None and progress.done >= progress.total:
            return State.DONE, f"Done: {progress.total} images"
        if (
            code == INTERRUPTED
            or self._killed
            or (self._stop_asked and code not in (FAILURE, INVALID_INPUT))
        ):
            return State.STOPPED, f"Stopped {at}; {again}"
        if code in (FAILURE, INVALID_INPUT):
            return State.FAILED, self._complaint() or f"Blender ended with exit code {code} {at}"
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        return State.DIED, f"Blender ended unexpectedly ({cause}) {at}; {again}"

    def _complaint(self) -> str:
        """The last error message of the command, else the last line that it wrote."""
        for line in reversed(self._last_lines):
            if ERROR_PREFIX in line:
                return _in_sidebar_words(line.partition(ERROR_PREFIX)[2])
        return self._last_lines[-1] if self._last_lines else ""

    def _delete_recipe(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _in_sidebar_words(text: str) -> str:
    for there, here in SIDEBAR_WORDS:
        text = text.replace(there, here)
    return text


def _pipe(stream: object) -> FileIO:
    """Narrow the type: pipes of the process exist, and are not buffered."""
    assert stream is not None
    return cast(FileIO, stream)


def _lines(pipe: FileIO) -> Iterator[str]:
    """The lines of an unbuffered pipe until it ends, each cut after LONGEST_LINE bytes."""
    line = bytearray()
    while chunk := pipe.read(CHUNK):
        *ended, begun = chunk.split(b"\n")
        for piece in ended:
            line += piece[: LONGEST_LINE - len(line)]
            yield line.decode("utf-8", "replace")
            line.clear()
        line += begun[: LONGEST_LINE - len(line)]
    if line:
        yield line.decode("utf-8", "replace")
