"""What the command lines share: exit codes, and errors of one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


class InputError(ValueError):
    """What was asked for cannot be done; the message names the argument or file, and says what to do."""


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The options. Raises InputError, which is one line, where argparse would print the usage and leave."""
    try:
        options, unknown = parser.parse_known_args(argv)
    except argparse.ArgumentError as error:
        raise InputError(f"{error}  (--help explains)") from None
    if unknown:
        raise InputError(f"unknown: {' '.join(unknown)}  (--help explains)")
    return options


def complain(error: object, code: int) -> int:
    """Say `error` in one line. Returns `code`."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return code
