"""What the command lines share: how they end, what they call the ways of looking at a photograph, their progress bar.

Exit codes: 0 done, 1 something failed on the way, 2 wrong input (nothing was begun), 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, get_args

import torch
from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pii_seg.errors import CalibrationError, CheckpointError, DataError, InputError
from pii_seg.inference.tiling import InferenceSettings, Merge

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def run_command(
    work: Callable[[], int],
    *,
    wrong: tuple[type[Exception], ...] = (),
    failed: tuple[type[Exception], ...] = (),
    interrupted: str = "interrupted",
) -> int:
    """The exit code of `work()`; errors that the user can mend become one line on standard error.

    `wrong`: further errors that mean that nothing was begun; `failed`: that something failed on the way.
    """
    wrong_input: tuple[type[Exception], ...] = (
        InputError,
        DataError,
        CheckpointError,
        CalibrationError,
        *wrong,
    )
    on_the_way: tuple[type[Exception], ...] = (OSError, *failed)
    try:
        return work()
    except wrong_input as error:
        return _complain(error, WRONG_INPUT)
    except on_the_way as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED


def _complain(error: Exception, code: int) -> int:
    print("error: " + " ".join(str(error).split("\n")), file=sys.stderr)
    return code


class PlainHelp(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the lines of a description as they are."""


def parse(parser: ArgumentParser, argv: Sequence[str] | None) -> Namespace:
    """The arguments. Raises InputError, which is one line, where argparse would print the usage and leave."""
    try:
        return parser.parse_args(argv)
    except (ArgumentError, argparse.ArgumentError) as error:
        raise InputError(f"{' '.join(str(error).split())}  (--help explains)") from None


def parse_tiles(text: str) -> int | str:
    """'auto' or a number; anything else is left for InferenceSettings to refuse."""
    return int(text) if str(text).isdigit() else str(text)


def add_checkpoint_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="RUN/best.ckpt of a training"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        help="probability from which on a pixel is person; default: the checkpoint's",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps")


def add_inference_arguments(parser: ArgumentParser) -> None:
    default = InferenceSettings()
    group = parser.add_argument_group("what the segmenter is shown of each photograph")
    group.add_argument(
        "--size",
        type=int,
        default=default.size,
        help="longest side in px of what it sees at once; larger photographs are shrunk, or cut by --tiles",
    )
    group.add_argument(
        "--tiles",
        type=parse_tiles,
        default=default.tiles,
        help="k: k x k overlapping tiles, each seen at --size, for small persons, at about k*k times the cost. "
        f"auto: as many as show a photograph at its own resolution, at most {default.most_tiles} x "
        f"{default.most_tiles}",
    )
    group.add_argument(
        "--scales",
        type=float,
        nargs="+",
        default=list(default.scales),
        help="looks at several sizes: '0.5 1 2' finds large and small persons; a look costs its square",
    )
    group.add_argument(
        "--flip", action="store_true", help="look at the mirrored photograph too (twice the cost)"
    )
    group.add_argument(
        "--merge",
        choices=get_args(Merge),
        default=default.merge,
        help="of several looks: mean; max, which misses fewer persons and takes more for one; or cautious, which finds "
        "what mean finds and is sure of background only where every look is",
    )


def inference_settings(arguments: Namespace) -> InferenceSettings:
    """Raises InputError for values that cannot be."""
    try:
        return InferenceSettings(
            size=arguments.size,
            tiles=arguments.tiles,
            scales=tuple(arguments.scales),
            flip=arguments.flip,
            merge=arguments.merge,
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"--{error}") from None


@contextmanager
def photographs_at_once(device: str) -> Iterator[int]:
    """How many photographs to work on at a time, each in a thread of its own; within, torch uses one core for each.

    On a CPU that is faster than all cores on one photograph: nothing waits for the slowest part of a layer. With
    other programs running it is many times faster, because OpenMP's threads spin while they wait (measured: 80 ms
    against 460 ms a photograph on two shared cores). With a GPU, threads decode and encode meanwhile.
    """
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield cores if device == "cpu" else max(2, min(cores, 8))
    finally:
        torch.set_num_threads(cores)


def ahead(
    function: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    *,
    workers: int,
    depth: int | None = None,
) -> Iterator[tuple[ItemT, Future[ResultT]]]:
    """(item, finished future of function(item)) in order; `workers` threads compute up to `depth` of them ahead.

    The future's `result()` raises what the function raised: one bad item does not end the rest.
    """
    depth = depth or workers + 2
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque[tuple[ItemT, Future[ResultT]]] = deque()
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) >= depth:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(item: ItemT, future: Future[ResultT]) -> tuple[ItemT, Future[ResultT]]:
    future.exception()  # waits
    return item, future


class SpeedColumn(ProgressColumn):
    """Photographs a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


def progress_bar(console: Console) -> Progress:
    """A bar on a terminal; in a log it says nothing until the end."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
