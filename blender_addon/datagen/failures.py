"""Errors of the batch command in one line each: the cause, and a remedy that exists."""

from __future__ import annotations

import errno
from pathlib import Path

from ..dataset import DatasetError, printable
from ..recipes.fields import RecipeError
from ..render.devices import DeviceError
from .exit_codes import FAILURE, INVALID_INPUT

RESUME = "run the same command to resume"
NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)


class UsageError(ValueError):
    """Options that do not go together."""


def explain(error: BaseException, output: Path | None) -> tuple[str, int]:
    """Explain an error to the user of the command line.

    Args:
        error: What ended the run.
        output: Folder of the dataset; None when nothing is rendered.

    Returns:
        (one line, exit code).
    """
    code = FAILURE
    if isinstance(error, RecipeError | DatasetError | DeviceError | UsageError):
        code = INVALID_INPUT
    return " ".join(_text(error, output).split()), code


def _text(error: BaseException, output: Path | None) -> str:
    where = printable(str(output))
    text = printable(" ".join(str(error).split()))
    if isinstance(error, OSError) and error.errno in NO_SPACE and output is not None:
        return f"{where}: no space is left on the disk; free some, then {RESUME}"
    if isinstance(error, OSError) and error.strerror:
        name = printable(str(error.filename)) if error.filename is not None else where
        if error.errno in NO_ACCESS and output is not None and name.startswith(where):
            return f"{where}: cannot be written ({error.strerror}); choose another output folder"
        return f"{name}: {error.strerror}"
    if isinstance(error, MemoryError):
        return (
            "out of memory; render with fewer --jobs, or smaller images (width and height in "
            f"[render]), then {RESUME}"
        )
    if isinstance(error, ValueError | RuntimeError | ImportError | OSError) and str(error):
        return text
    return f"unexpected {type(error).__name__}: {text}; please report it"
