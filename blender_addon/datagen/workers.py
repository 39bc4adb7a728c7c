"""Several processes on one dataset: `--jobs N` runs the batch command N times, one shard each."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ..render.interrupt import InterruptFlag, when_input_ends
from .exit_codes import ERROR_PREFIX, FAILURE, INTERRUPTED, SUCCESS
from .progress import Progress, Reporter, read_json_line
from .shard import Shard

NO_WINDOW: int = getattr(
    subprocess, "CREATE_NO_WINDOW", 0
)  # on Windows every Blender would open a console


def run_workers(
    arguments: Sequence[str],
    shards: Sequence[Shard],
    report: Reporter,
    *,
    stop_on_eof: bool = False,
) -> int:
    """Run the batch command once for each shard, and report their sum.

    A worker that dies is named on standard error; the others finish their shards. At SIGINT or
    SIGTERM each ends after its current image, and so does this call; a second signal ends them at
    once. Workers outlive this process by one image at most, since their standard input ends with
    it.

    Args:
        arguments: The command line without --jobs, --shard, --progress and --stop-on-eof.
        shards: The shards, one worker each.
        report: Called with the sum of the workers' progress.
        stop_on_eof: End the workers when standard input ends.

    Returns:
        The worst exit code.
    """
    threads = max(1, (os.cpu_count() or 1) // len(shards))
    latest: dict[int, Progress] = {}
    lock = threading.Lock()

    def listen(number: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            progress = read_json_line(line)
            if progress is None:
                continue
            with lock:
                latest[number] = progress
                if len(latest) == len(shards):
                    report(_sum(list(latest.values())))

    processes: list[subprocess.Popen[str]] = []
    with InterruptFlag(lambda: _end_input(processes)) as interrupted:
        try:
            for shard in shards:
                if not interrupted.is_set():
                    processes.append(_start(arguments, shard, threads))
            if interrupted.is_set():
                _end_input(processes)
            if stop_on_eof:
                when_input_ends(lambda: _end_input(processes))
            listeners = [
                threading.Thread(target=listen, args=pair, daemon=True)
                for pair in enumerate(processes)
            ]
            for listener in listeners:
                listener.start()
            codes = [process.wait() for process in processes]
        except BaseException:  # a second signal; the images in work are lost
            for process in processes:
                process.kill()
            raise
    for listener in listeners:
        listener.join()
    if interrupted.is_set() and not any(code not in (SUCCESS, INTERRUPTED) for code in codes):
        return INTERRUPTED
    return _conclude(codes)


def _start(arguments: Sequence[str], shard: Shard, threads: int) -> subprocess.Popen[str]:
    """Start the batch command for one shard."""
    shard_options = ["--shard", f"{shard.number}/{shard.of}", "--threads", str(threads)]
    return subprocess.Popen(
        [
            *(*batch_command(), *arguments, *shard_options, "--worker"),
            *("--progress", "json", "--stop-on-eof"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # numpy's matrix products would otherwise start one thread per core in every worker.
        env=os.environ | {"OPENBLAS_NUM_THREADS": str(threads)},
        creationflags=NO_WINDOW,
    )


def _conclude(codes: Sequence[int]) -> int:
    """Name the workers that failed, and return the worst exit code.

    A worker that ends with an error has written its cause itself.
    """
    failed = {
        number: code
        for number, code in enumerate(codes, start=1)
        if code not in (SUCCESS, INTERRUPTED)
    }
    for number, code in failed.items():
        if code < 0:
            print(
                f"{ERROR_PREFIX}worker {number} of {len(codes)} was {_cause(-code)}; run the same "
                "command to resume, with fewer --jobs where memory is short",
                file=sys.stderr,
            )
    ended = [str(number) for number, code in failed.items() if code >= 0]
    if ended:
        workers = f"worker {ended[0]}" if len(ended) == 1 else f"workers {', '.join(ended)}"
        print(
            f"{workers} of {len(codes)} ended early, as said above; run the same command to resume",
            file=sys.stderr,
        )
    if any(code < 0 for code in failed.values()):
        return FAILURE
    return next(iter(failed.values()), max(codes, default=SUCCESS))


def _cause(number: int) -> str:
    """Say how a signal ended a worker."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name == "SIGKILL":
        return "killed (SIGKILL, as by a system that is out of memory)"
    return f"ended by the system ({name})"


def _end_input(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in list(processes):
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()


def batch_command() -> list[str]:
    """The words that start the batch command in another process, in this Blender or this Python."""
    script = Path(__file__).parents[1] / "batch.py"
    blender = getattr(sys.modules.get("bpy"), "app", None)
    if blender is not None and blender.binary_path:
        return [
            blender.binary_path,
            "-b",
            "--factory-startup",
            "--python-exit-code",
            "1",
            "-P",
            str(script),
            "--",
        ]
    return [sys.executable, str(script)]


def _sum(parts: Sequence[Progress]) -> Progress:
    return Progress(
        done=sum(p.done for p in parts),
        total=sum(p.total for p in parts),
        fresh=sum(p.fresh for p in parts),
        seconds=max(p.seconds for p in parts),
        cycles_seconds=sum(p.cycles_seconds for p in parts),
    )
