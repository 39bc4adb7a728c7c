"""Shared by the commands: exit codes, parsers, inference options, progress bar.

Exit codes: 0 success, 1 runtime failure, 2 invalid input (nothing written), 130 interrupted
(Ctrl-C, SIGTERM, or a terminal that was closed).
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, get_args

from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace

from blender_addon.dataset import OutputBusyError
from pii_seg.config_file import read_config_text
from pii_seg.data.mask_reading import AUTO, CODES, MaskOptions
from pii_seg.data.progress import OnImage
from pii_seg.error_lines import TRACEBACK, one_line, unexpected
from pii_seg.errors import CalibrationError, CheckpointError, ConfigError, DataError, InputError
from pii_seg.inference.recommended import settings_for
from pii_seg.inference.settings import InferenceSettings, Merge
from pii_seg.models.bundled import DEFAULT

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "tuple": "a list",
}
DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
LOG_HANDLER = "pii_seg command line"


def run_command(
    work: Callable[[], int],
    *,
    wrong: tuple[type[Exception], ...] = (),
    failed: tuple[type[Exception], ...] = (),
    interrupted: str = "interrupted",
    memory_remedy: str = "use a smaller --size, fewer --tiles or smaller --scales",
) -> int:
    """Run `work`, show its log, and turn its errors into one line on standard error.

    Args:
        work: Does everything and returns the exit code.
        wrong: Further exceptions that mean invalid input.
        failed: Further exceptions that mean a runtime failure.
        interrupted: Message for Ctrl-C and SIGTERM.
        memory_remedy: What to do when memory runs out.

    Returns:
        The exit code. Exceptions that are not listed are bugs: one line says so, and with
        PII_SEG_TRACEBACK=1 in the environment they propagate.
    """
    invalid: tuple[type[Exception], ...] = (
        InputError, ConfigError, DataError, CheckpointError, CalibrationError, OutputBusyError,
        *wrong,
    )  # fmt: skip
    runtime: tuple[type[Exception], ...] = (OSError, FloatingPointError, *failed)
    print_any_text()
    log_to_stderr()
    with ended_by_signals():
        try:
            return work()
        except invalid as error:
            return print_error(one_line(error, memory_remedy=memory_remedy), WRONG_INPUT)
        except runtime as error:
            return print_error(one_line(error, memory_remedy=memory_remedy), FAILED)
        except KeyboardInterrupt:
            print(interrupted, file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            if os.environ.get(TRACEBACK):
                raise
            return print_error(unexpected(error, memory_remedy=memory_remedy), FAILED)


def print_error(text: str, code: int) -> int:
    print(f"error: {text}", file=sys.stderr)
    return code


def print_any_text() -> None:
    """Escape the characters that the terminal's encoding lacks, instead of failing at them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP of a closed terminal, interrupt like Ctrl-C within the context.

    Handlers that are there already stay: nohup ignores SIGHUP.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


class PlainHelp(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the line breaks of a description, and adds each option's default to its help."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Show the values once, after all names of an option."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        values = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {values}"

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        if "default" in text or default in (None, argparse.SUPPRESS) or action.required:
            return text
        if isinstance(default, bool):
            return text if action.nargs == 0 else f"{text} (default: {str(default).lower()})"
        if isinstance(default, list | tuple):
            default = " ".join(map(str, default)) or "none"
        return f"{text} (default: {default if default != '' else 'none'})"


def program_name(command: str) -> str:
    """The words that started this program: `pii-seg COMMAND` or `python -m pii_seg.COMMAND`."""
    if Path(sys.argv[0]).stem == "pii-seg":
        return f"pii-seg {command.replace('_', '-')}"
    return f"python -m pii_seg.{command}"


def make_parser(
    command: str, description: str | None, usage: str | None = None, **more: Any
) -> ArgumentParser:
    """Create the parser of `python -m pii_seg.COMMAND`, with --config.

    Args:
        command: Name of the module below pii_seg.
        description: Text above the options; the docstring of the command.
        usage: The arguments as the first line of the help shows them; generated by default.
        more: Further arguments of ArgumentParser.
    """
    prog = program_name(command)
    p = ArgumentParser(
        prog=prog,
        usage=f"{prog} {usage}" if usage else None,
        description=description,
        formatter_class=PlainHelp,
        parser_mode="toml",
        exit_on_error=False,
        **{"print_config": "--print-%s", **more},
    )
    group = p.add_argument_group("configuration file")
    group.add_argument(
        "--config", action="config", help="Read options from this TOML file (default: none)."
    )
    return p


def parse(parser: ArgumentParser, argv: Sequence[str] | None) -> Namespace:
    """Parse `argv`; options may be spelled with underscores.

    Raises:
        InputError: The arguments are wrong; the message is one line, without the usage.
    """
    arguments = with_hyphens(sys.argv[1:] if argv is None else argv)
    arguments = with_config_text(parser, arguments)
    try:
        return parser.parse_args(arguments)
    except (ArgumentError, argparse.ArgumentError) as error:
        message = plain_words(str(error))
        raise InputError(f"{message}  (--help explains the options)") from None
    except (TypeError, AttributeError, RecursionError) as error:  # e.g. a number for a table
        raise InputError(
            f"a value is of the wrong kind ({error}); compare it with what --print-config prints"
        ) from None


def with_hyphens(arguments: Sequence[str]) -> list[str]:
    """Replace underscores in the names of options: earlier versions spelled some with them."""
    spelled = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.startswith("--"):
            name = name.replace("_", "-")
        spelled.append(f"{name}{equals}{value}")
    return spelled


def with_config_text(parser: ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """Replace the file of --config by its content, which is checked.

    jsonargparse would take the name of a file that does not exist for a configuration.
    """
    texts = (None, str, Path)
    lists = [a.dest for a in parser._actions if a.nargs == "+" and a.type in texts]
    replaced: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name != "--config":
            replaced.append(argument)
        elif text := read_config_text(Path(value if equals else next(rest, "")), lists):
            replaced.append(f"--config={text}")
    return replaced


def plain_words(text: str) -> str:
    """Rephrase what jsonargparse says about a value of the wrong kind."""
    text = re.sub(r'Parser key "([^"]+)"', r"\1", " ".join(text.split()))
    for name, words in KINDS.items():
        text = re.sub(rf"\ban? <class '{name}'>", words, text)
    return text[:400]


def parse_device(text: str) -> str:
    """Check the form of a device's name; whether there is one is checked where it is used."""
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?|mps", text):
        raise argparse.ArgumentTypeError(f"{text!r} is unknown; expected cpu, cuda, cuda:1 or mps")
    return text


def parse_tiles(text: str) -> int | str:
    """Read a number or 'auto'; InferenceSettings rejects anything else."""
    return int(text) if str(text).isdigit() else str(text)


def add_checkpoint_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=Path(DEFAULT),
        metavar="CKPT",
        help="Use this checkpoint, RUN/best.ckpt of a training, or a bundled segmenter by its "
        "name.",
    )


def add_threshold_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--threshold",
        type=float,
        help="Count pixels from this probability on as person (default: the checkpoint's own).",
    )


def add_device_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        type=parse_device,
        default="cpu",
        metavar="DEVICE",
        help="Run on cpu, cuda, cuda:1 or mps.",
    )


def add_mask_arguments(parser: Any) -> None:
    """Add the options of `MaskOptions` to a parser or a group."""
    parser.add_argument(
        "--mask-code",
        dest="mask_code",
        choices=CODES,
        default=AUTO,
        help="Read masks this way (docs/train.md explains the ways).",
    )
    parser.add_argument(
        "--person-class",
        dest="person_class",
        nargs="+",
        action="extend",
        default=[],
        metavar="CLASS",
        help="Take these classes of labels for persons: numbers, colours such as #c08080, or names "
        "(default: person).",
    )


def mask_options(arguments: Namespace) -> MaskOptions:
    """Read the options of `add_mask_arguments`.

    Raises:
        InputError: They exclude each other.
    """
    return MaskOptions(arguments.mask_code, tuple(arguments.person_class))


def add_inference_arguments(parser: ArgumentParser, *, tiles: int | str = 1) -> None:
    """Add the options of `InferenceSettings`, for `inference_settings` with the same `tiles`."""
    default = InferenceSettings()
    own = "default: the segmenter's own, otherwise"
    group = parser.add_argument_group("inference")
    group.add_argument(
        "--size",
        type=int,
        help="Resize each image or tile to at most this longest side in px "
        f"({own} {default.size}).",
    )
    group.add_argument(
        "--tiles",
        type=parse_tiles,
        help="Cut each image into k x k overlapping tiles of --size, to find small persons at "
        "about k*k times the cost; 'auto' chooses the number that keeps the image's own "
        f"resolution, at most {default.most_tiles} x {default.most_tiles}; 'two-pass' predicts the "
        "whole image first, and then only the tiles that may change something; 'pyramid' is 'auto' "
        f"and halves of that resolution, for persons who fill the image ({own} {tiles}).",
    )
    group.add_argument(
        "--scales",
        type=float,
        nargs="+",
        help="Predict at several scales; '0.5 1 2' finds large and small persons. A scale costs "
        f"its square ({own} 1).",
    )
    group.add_argument(
        "--flip", action="store_true", help="Predict the mirrored image too, at twice the cost."
    )
    group.add_argument(
        "--merge",
        choices=get_args(Merge),
        help="Merge several predictions this way: 'mean'; 'max' misses fewer persons and has more "
        "false positives; 'cautious' finds what 'mean' finds, and is certain of background only "
        f"where all predictions are ({own} {default.merge}).",
    )


def inference_settings(arguments: Namespace, *, tiles: int | str = 1) -> InferenceSettings:
    """Read the options of `add_inference_arguments`; what is not given is the segmenter's own.

    Raises:
        InputError: A value is out of range.
    """
    given = {name: getattr(arguments, name) for name in ("size", "tiles", "scales", "merge")}
    given = {name: value for name, value in given.items() if value is not None}
    if "scales" in given:
        given["scales"] = tuple(given["scales"])
    if arguments.flip:
        given["flip"] = True
    try:
        return settings_for(arguments.checkpoint, given, tiles=tiles)
    except (TypeError, ValueError) as error:
        raise InputError(f"--{error}") from None


def log_to_stderr() -> None:
    """Show the log of pii_seg on standard error."""
    log = logging.getLogger("pii_seg")
    log.setLevel(logging.INFO)
    # A handler of this package: the root logger may belong to the caller, and have one already.
    for handler in [handler for handler in log.handlers if handler.name == LOG_HANDLER]:
        log.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.name = LOG_HANDLER
    log.addHandler(handler)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def quiet_libraries() -> None:
    """Hide what libraries report about absent accelerators.

    Call it after Lightning is imported, which sets the level of its log then.
    """
    for name in ("pytorch_lightning", "lightning_fabric", "timm", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def progress_bar() -> Iterator[OnImage]:
    """Draw progress bars on standard error when it is a terminal; a log stays empty.

    Yields:
        A callback for the library's `on_image`. Each task that it reports gets a bar.
    """
    from pii_seg.progress_display import ProgressDisplay  # here, because rich is slow to import

    with ProgressDisplay() as display:
        yield display.on_image
