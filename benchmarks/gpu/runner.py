"""Run the parts one after another, each in a process of its own with a limit of time."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.gpu.job import CLOSING, Job, NotHere
from benchmarks.gpu.record import DONE, FAILED, NOT_RUN, RUNNING, TIMED_OUT, Record

GRACE = 5.0  # s between the request to end and the end of a part that is over its limit
START_AND_END = 30.0  # s that a training of given minutes has in addition, to load and to save


@dataclass(frozen=True)
class Part:
    """A part of the run.

    Attributes:
        module: Its module below `parts`, whose `measure(job)` it is.
        about: One line for the help.
        share: Seconds of a whole run; all parts share the time in this ratio.
        minutes: The option that gives its length instead, of a training.
    """

    module: str
    about: str
    share: float
    minutes: str = ""


PARTS: dict[str, Part] = {
    "machine": Part("machine", "names, versions and memory", 15),
    "cycles-cpu": Part("cycles", "Cycles on the CPU: the masks to compare with", 30),
    "cycles-optix": Part("cycles", "Cycles on OptiX: images/s, masks against the CPU's", 80),
    "cycles-cuda": Part("cycles", "Cycles on CUDA: images/s, masks against the CPU's", 80),
    "attention": Part("attention", "attention in bf16 against a float32 oracle on the CPU", 25),
    "pipeline-sd15": Part("pipeline", "repainting with the layout of Stable Diffusion 1.5", 35),
    "pipeline-sdxl": Part("pipeline", "repainting with the layout of SDXL", 55),
    "train-speed": Part("train_speed", "training steps of the segmenter, by batch size", 30),
    "predict": Part("prediction", "predict from files to masks, and the network alone", 20),
    "generator": Part("generator", "the bundled generator trained on", 100, "generator_minutes"),
    "segmenter": Part("segmenter", "a segmenter trained on renders", 100, "segmenter_minutes"),
}

Launch = Callable[[str, float], int | None]
"""Runs a part within its seconds: (name, seconds) → exit code, None when it was stopped."""


def chosen_parts(only: Sequence[str], skip: Sequence[str]) -> list[str]:
    """Return the names of the parts to run, in their order."""
    return [name for name in PARTS if (not only or name in only) and name not in skip]


def fixed_seconds(name: str, options: argparse.Namespace) -> float:
    """Return the time of a part whose length is given; 0 for the others."""
    option = PARTS[name].minutes
    minutes = getattr(options, option) if option else None
    return 0.0 if minutes is None else 60 * minutes + START_AND_END


def limit_of(name: str, rest: Sequence[str], left: float, options: argparse.Namespace) -> float:
    """Return the seconds of a part: what earlier parts did not use is shared by those after them.

    Args:
        name: The part.
        rest: The parts that come after it.
        left: Seconds that are left of the budget.
        options: The lengths that are given.
    """
    if own := fixed_seconds(name, options):
        return min(own, left)
    fixed = {other: fixed_seconds(other, options) for other in rest}
    free = left - sum(fixed.values())
    shares = sum(PARTS[other].share for other in rest if not fixed[other])
    return max(0.0, free * PARTS[name].share / (PARTS[name].share + shares))


def run_all(
    names: Sequence[str], options: argparse.Namespace, launch: Launch | None = None
) -> list[Record]:
    """Run the parts. A part that fails does not stop those after it.

    Args:
        names: The parts, in their order.
        options: The options of the command.
        launch: Runs one part; by default in a process of its own.

    Returns:
        The records of all parts, also of those that did not run.
    """
    launch = launch or partial(launch_part, options)
    ends = time.monotonic() + options.budget
    records: list[Record] = []
    for place, name in enumerate(names):
        limit = limit_of(name, names[place + 1 :], ends - time.monotonic(), options)
        print(f"{name}: at most {limit:.0f} s", file=sys.stderr, flush=True)
        record = Record(name, tiny=options.tiny, limit_seconds=round(limit, 1))
        record.save(options.output)
        if limit < 1:
            record.status, record.reason = NOT_RUN, "no time is left of --budget"
        else:
            begun = time.monotonic()
            record = ended(record, launch(name, limit), options.output)
            record.seconds = round(time.monotonic() - begun, 1)
        record.save(options.output)
        records.append(record)
        said = f" ({record.reason})" if record.reason else ""
        print(f"{name}: {record.status}{said}", file=sys.stderr, flush=True)
    return records


def ended(given: Record, code: int | None, output: Path) -> Record:
    """Return the record that a part has left, with how it ended."""
    try:
        record = Record.load(output, given.part)
    except ValueError as error:
        given.status, given.reason = FAILED, f"its record is damaged: {error}"
        return given
    record.limit_seconds = given.limit_seconds
    if code is None:
        record.status = TIMED_OUT
        record.reason = f"stopped after its limit of {given.limit_seconds:g} s"
    elif record.status == RUNNING:  # killed, or ended before it could say why
        record.status = FAILED
        record.reason = f"ended with exit code {code}; see {given.part}.log"
    return record


def launch_part(options: argparse.Namespace, name: str, seconds: float) -> int | None:
    """Run a part in a process of its own, with the options of this command; see `Launch`."""
    module = [sys.executable, "-m", "benchmarks.gpu", *options.arguments]
    part = ["--part", name, "--seconds", f"{seconds:.1f}"]
    return run_limited([*module, *part], seconds, options.output / f"{name}.log")


def run_limited(argv: Sequence[str], seconds: float, log_path: Path) -> int | None:
    """Run a command, and end it with all its children at the limit. See `Launch`."""
    with log_path.open("w", encoding="utf-8") as log:
        child = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(child)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run like Ctrl-C within the block, so that no part is left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Ask the process group of a child to end, and kill what is left of it."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        try:
            os.killpg(child.pid, number)  # it leads its group; its children may outlive it
            child.wait(timeout=patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_part(name: str, seconds: float, options: argparse.Namespace) -> int:
    """Run one part in this process. Returns its exit code; the record says how it ended."""
    record = Record(name, tiny=options.tiny, limit_seconds=seconds)
    job = Job(name, options, record, time.monotonic() + seconds * (1 - CLOSING))
    try:
        importlib.import_module(f"benchmarks.gpu.parts.{PARTS[name].module}").measure(job)
        record.status = DONE
    except (NotHere, ImportError) as absent:
        record.status, record.reason = NOT_RUN, first_line(absent)
    except Exception as error:  # a part must not stop the others, whatever it meets
        traceback.print_exc()
        record.status, record.reason = FAILED, f"{type(error).__name__}: {first_line(error)}"
    record.save(options.output)
    return 0 if record.succeeded else 1


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its class where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
