"""Several processes on one dataset: `--jobs N` runs the batch command N times, one shard each."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ..render.interrupt import when_input_ends
from .exit_codes import INTERRUPTED, SUCCESS
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

    A worker that dies is named on standard error; the others finish their shards. SIGINT reaches
    the workers too (same process group): each ends after its current image, and so does this call.
    Workers outlive this process by one image at most, since their standard input ends with it.

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

    processes = [_start(arguments, shard, threads) for shard in shards]
    if stop_on_eof:
        when_input_ends(lambda: _end_input(processes))
    listeners = [
        threading.Thread(target=listen, args=pair, daemon=True) for pair in enumerate(processes)
    ]
    for listener in listeners:
        listener.start()
    codes = [_wait(process) for process in processes]
    for listener in listeners:
        listener.join()
    return _conclude(codes)


def _start(arguments: Sequence[str], shard: Shard, threads: int) -> subprocess.Popen[str]:
    """Start the batch command for one shard."""
    shard_options = ["--shard", f"{shard.number}/{shard.of}", "--threads", str(threads)]
    return subprocess.Popen(
        [*batch_command(), *arguments, *shard_options, "--progress", "json", "--stop-on-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # numpy's matrix products would otherwise start one thread per core in every worker.
        env=os.environ | {"OPENBLAS_NUM_THREADS": str(threads)},
        creationflags=NO_WINDOW,
    )


def _conclude(codes: Sequence[int]) -> int:
    """Name the workers that failed, and return the worst exit code."""
    failed = [code for code in codes if code not in (SUCCESS, INTERRUPTED)]
    for number, code in enumerate(codes, start=1):
        if code in failed:
            cause = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            print(
                f"worker {number} of {len(codes)} ended early ({cause}); "
                "run the same command to resume",
                file=sys.stderr,
            )
    return abs(failed[0]) if failed else max(codes)


def _wait(process: subprocess.Popen[str]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the worker got the signal too and is about to end


def _end_input(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
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
