"""A batch in another process: started, watched and stopped without ever waiting for it. Standard library only.

The process runs the very command line (`command_line`), so that a batch from Blender's sidebar and one from a terminal
are the same. It ends after its running picture when its standard input ends: when `BatchJob.cancel` closes it, and also
when this process dies.
"""

from __future__ import annotations

import os
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

from .exit_codes import ERROR_PREFIX, FAILURE, INTERRUPTED, INVALID_INPUT, SUCCESS
from .progress import Progress, read_json_line
from .workers import NO_WINDOW, batch_command

CHUNK = 1 << 14  # bytes
LONGEST_LINE = 4000  # bytes; the rest of a line is dropped
LAST_LINES = 40
GRACE = 1.0  # s that `close` leaves to the running picture


class State(Enum):
    """Where a batch is. The first three are of a job that runs."""

    STARTING = "starting"  # Blender loads; no word of it yet
    RUNNING = "running"
    STOPPING = "stopping"  # told to end after the running picture, or killed and not gone yet
    DONE = "done"  # every picture is there
    STOPPED = "stopped"  # as it was told to
    FAILED = "failed"  # it said why
    DIED = "died"  # it could not say why


class JobError(RuntimeError):
    """The batch's process cannot be started; the message names what could not be run or written."""


@dataclass(frozen=True)
class Batch:
    """What to render: a recipe as TOML, and what the command line's options of the same names say."""

    recipe: str
    output: Path
    count: int
    seed: int = 0
    device: str = "auto"
    jobs: int = 1
    overwrite: bool = False

    def arguments(self, recipe_file: Path) -> list[str]:
        """The command line, with the recipe in `recipe_file`."""
        arguments = [str(recipe_file), "--output", str(self.output.absolute())]
        arguments += ["--count", str(self.count), "--seed", str(self.seed)]
        arguments += ["--device", self.device, "--jobs", str(self.jobs)]
        return arguments + ["--overwrite"] * self.overwrite


class BatchJob:
    """A batch that runs in a process of its own, or did.

    All calls return at once; threads read what the process says. `progress` is the latest it told, None before.
    """

    def __init__(self, batch: Batch, command: Sequence[str] | None = None) -> None:
        """Start `batch`. `command`: how to start the batch command (default: in this very Blender).

        Raises JobError when the process cannot be started.
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
                bufsize=0,  # Python's end would wait for the lock of a buffer that a thread still reads
                env=os.environ | {"PYTHONUTF8": "1"},
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
        """Whether the process, or a worker that it started, still renders."""
        return self._end is None

    @property
    def message(self) -> str:
        """How it ended, in one sentence for the user; empty while it runs."""
        return self._end[1] if self._end is not None else ""

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines that the process wrote on standard error."""
        return tuple(self._last_lines.copy())

    @property
    def pid(self) -> int:
        return self._process.pid

    def cancel(self) -> None:
        """Let it end after the running picture. The same batch, started again, continues."""
        self._stop_asked = True
        _pipe(self._process.stdin).close()

    def kill(self) -> None:
        """End it now; the running picture is lost, what is on disk stays whole. Workers of `jobs` > 1 still end their
        running picture."""
        self._stop_asked = self._killed = True
        self._process.kill()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it ended, `timeout` seconds at most. Returns whether it did."""
        self._watcher.join(timeout)
        return not self.running

    def close(self) -> None:
        """Let nothing of it outlive this call: what Blender does when it ends or the extension is switched off."""
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
            reader.join()  # workers hold the same standard error: it ends when the last of them did
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
        at, again = "before the first picture", "Generate Batch starts it again"
        if progress is not None and progress.done:
            at, again = f"at {progress.done}/{progress.total}", "Resume Batch continues there"
        if code == SUCCESS and progress is not None and progress.done >= progress.total:
            return State.DONE, f"Done: {progress.total} pictures"
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
        """The last error that the command line named, else the last line it wrote."""
        for line in reversed(self._last_lines):
            if ERROR_PREFIX in line:
                return line.partition(ERROR_PREFIX)[2]
        return self._last_lines[-1] if self._last_lines else ""

    def _delete_recipe(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _pipe(stream: object) -> FileIO:
    """A pipe of the process as what it is: present, and unbuffered."""
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
