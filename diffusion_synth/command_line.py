"""What the command lines share: exit codes, and errors of one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

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


def device_of(name: str) -> torch.device:
    """The device of that name; "auto" is a GPU where there is one. Raises InputError when there is none such."""
    import torch  # here, because it takes a second: --help and a mistyped option need not wait for it

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    # Depending on the name, and on what torch was built for.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"--device {name}: cannot be had ({reason}); auto takes what there is"
        ) from None


def complain(error: object, code: int) -> int:
    """Say `error` in one line. Returns `code`."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return code
