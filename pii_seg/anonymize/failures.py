"""Says what an error means for the run, in one line for the user."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from pii_seg.data.files import printable
from pii_seg.errors import MediaError

NO_ROOM = {
    errno.ENOSPC: "no space left on",
    errno.EDQUOT: "no space left in your quota on",
    errno.EROFS: "no write access to",
}
"""Errors of writing that end the run: every other file would fail too."""


def end_of_run(error: BaseException, output: Path) -> OSError | None:
    """Return the error that ends the run if `error` says, at its root, that nothing can be written.

    Libraries wrap the system's error in their own.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in NO_ROOM:
            return OSError(
                f"{NO_ROOM[cause.errno]} {printable(output)}; make room or choose another place, "
                "and run the same command to resume"
            )
        cause = cause.__cause__ or cause.__context__
    return None


def reason_of(error: BaseException, path: Path) -> str:
    """Describe an error in one line, without the path that systems and libraries put into it."""
    if isinstance(error, MediaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "needs more memory than there is; make it smaller, or give fewer --jobs"
    if isinstance(error, OSError):
        return system_reason(error)
    text = " ".join(str(error).split()).replace(path.name, "file")
    return f"{type(error).__name__}: {_without_folders(text)}"


def system_reason(error: OSError) -> str:
    """Return the system's text for an error, without a path."""
    return error.strerror or type(error).__name__


def _without_folders(text: str) -> str:
    """Keep the last part of each absolute path in a text."""
    return re.sub(r"(?:[A-Za-z]:)?(?:[/\\][^\s'\"/\\:]+)*[/\\](?=[^\s'\"/\\:])", "", text)
