"""Shared by the commands: exit codes, parsing of options, progress, errors of one line."""

from __future__ import annotations

import argparse
import errno
import functools
import hashlib
import importlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from blender_addon.dataset import DatasetError
from diffusion_synth.errors import InputError

if TYPE_CHECKING:
    import torch

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = (
    "Exit codes: 0 success, 1 runtime failure, 2 invalid input (nothing written), 130 interrupted."
)
SECONDS_BETWEEN_LINES = 10.0  # of progress, where standard error is not a terminal


class Option(NamedTuple):
    """One option of a command; `type` bool is a switch. The help text gets the default."""

    name: str
    type: Any
    default: Any
    metavar: str | None
    help: str
    more: Mapping[str, Any] = {}


def make_parser(
    prog: str, usage: str, description: str | None, groups: Mapping[str, Sequence[Option]]
) -> argparse.ArgumentParser:
    """Return a parser whose help shows the options by the title of their group, in this order."""
    parser = argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} {usage} [options]",
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for option in options:
            default = "off" if option.type is bool else option.default
            stated = default is None or default == argparse.SUPPRESS
            text = option.help if stated else f"{option.help} Default: {default}."
            arguments: dict[str, Any] = {"default": option.default, "help": text, **option.more}
            if option.type is bool:
                arguments["action"] = "store_true"
            else:
                arguments |= {"type": option.type, "metavar": option.metavar}
            group.add_argument(option.name, **arguments)
    return parser


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse options. Spellings with underscores are accepted for those with hyphens.

    Raises:
        InputError: An option is not valid. Its message is one line, where argparse would print the
            usage and exit.
    """
    given = sys.argv[1:] if argv is None else argv
    hyphenated = [re.sub(r"^--[^=]+", lambda m: m[0].replace("_", "-"), text) for text in given]
    try:
        options, unknown = parser.parse_known_args(hyphenated)
    except argparse.ArgumentError as error:
        raise InputError(f"{error}  (see --help)") from None
    if unknown:
        raise InputError(f"unknown option: {' '.join(unknown)}  (see --help)")
    return options


def require(options: argparse.Namespace, *names: str) -> None:
    """Raise InputError that names the required options which are missing."""
    if missing := [f"--{name}" for name in names if getattr(options, name) is None]:
        raise InputError(f"{' and '.join(missing)} must be given  (see --help)")


def find_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is a GPU if there is one, else the CPU.

    Raises:
        InputError: The device is not available.
    """
    import torch  # here: it takes a second, and --help or a mistyped option need not wait for it

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.empty(0, device=name).device
        if found.type == "meta":
            raise NotImplementedError("it holds no numbers")
        return found
    # The class depends on the name and on the build of torch.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"--device {name}: is not available ({reason}); use --device auto"
        ) from None


def load_segmenter(description: str) -> Callable[..., Any]:
    """Return the callable that PACKAGE.MODULE:FUNCTION=ARGUMENT makes.

    Raises:
        InputError: There is no such function, or its result cannot be called.
    """
    place, _, argument = description.partition("=")
    module, _, function = place.partition(":")
    if not (module and function and argument):
        raise InputError(
            f"--segmenter {description}: must be PACKAGE.MODULE:FUNCTION=ARGUMENT, such as "
            "pii_seg.predict:from_checkpoint=RUN/best.ckpt"
        )
    try:
        make = getattr(importlib.import_module(module), function)
        segment = make(argument)
    except Exception as error:  # it is a program of the user's choice
        raise InputError(f"--segmenter {description}: {one_line(error)}") from None
    if not callable(segment):
        raise InputError(
            f"--segmenter {description}: returns a {type(segment).__name__}, which cannot be called"
        )
    return segment


def segmenter_identity(description: str) -> str:
    """Return what identifies a segmenter: a file or folder that it is made of by its content."""
    place, _, argument = description.partition("=")
    path = Path(argument)
    if not argument or not path.exists():  # Path("") is the working folder
        return description
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return f"{place}={digest.hexdigest()}"


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM interrupt the block as Ctrl-C does: a cluster ends its jobs by it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress(unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show progress on standard error: a bar on a terminal, else a line every ten seconds.

    Args:
        unit: What is counted, such as "images".

    Yields:
        A function of (done, total, note), to be called after every piece of work.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (MofNCompleteColumn(), TextColumn(unit), BarColumn(), TimeRemainingColumn())
    note_column = TextColumn("{task.description}", markup=False)
    bar = Progress(*columns, note_column, console=console, disable=not console.is_terminal)
    bar.add_task("", total=None)
    (task,) = bar.tasks
    last = time.monotonic()

    def report(done: int, total: int, note: str) -> None:
        nonlocal last
        bar.update(task.id, completed=done, total=total, description=note)
        now = time.monotonic()
        if console.is_terminal or (now - last < SECONDS_BETWEEN_LINES and done < total):
            return
        last = now
        speed = "" if task.speed is None else f"  {task.speed:.2f} {unit}/s"
        left = "" if not task.time_remaining else f"  {task.time_remaining:.0f} s left"
        print(f"{done}/{total} {unit}{speed}{left}  {note}", file=sys.stderr, flush=True)

    with bar:
        yield report


def command(main: Callable[[Sequence[str] | None], int]) -> Callable[..., int]:
    """Let a command's main return an exit code whatever happens, with one line of the cause."""

    @functools.wraps(main)
    def wrapper(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv)
        except (InputError, DatasetError) as error:
            return complain(error, WRONG_INPUT)
        except KeyboardInterrupt:
            print("\ninterrupted; run the same command to resume", file=sys.stderr)
            return INTERRUPTED
        except Exception as error:  # a library can raise anything
            return complain(error, FAILED)

    return wrapper


@contextmanager
def checked_input() -> Iterator[None]:
    """Turn the package's errors (all are ValueErrors) within the block into InputError."""
    try:
        yield
    except ValueError as error:
        raise InputError(str(error)) from None


def complain(error: object, code: int) -> int:
    """Print `error` in one line on standard error. Returns `code`."""
    print("error: " + one_line(error), file=sys.stderr)
    return code


def one_line(error: object) -> str:
    """Return the cause of an error, and the remedy where its own message has none, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "out of memory; give a smaller --batch-size or --size, or free memory, and run the "
            f"same command again ({text[:120] or type(error).__name__})"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space left for {error.filename or 'the output'}; free some, and run the same "
            "command again: it resumes"
        )
    if isinstance(error, OSError | ValueError | RuntimeError | ArithmeticError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
