"""Turns any exception into one line that names its cause and a remedy. Imported by commands only.

Messages of the operating system and of libraries are meant for programmers: they hold numbers,
addresses and whole tracebacks of other processes. The few that a user can do something about are
put into plain words here, for all commands.
"""

from __future__ import annotations

import errno
import os

TRACEBACK = "PII_SEG_TRACEBACK"
"""Environment variable with which an unexpected error shows its traceback."""

SYSTEM_ERRORS = {
    errno.ENOSPC: "no space left on the disk; free some, and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space, and run the same command again",
    errno.EFBIG: "larger than this disk or account allows; choose another folder",
    errno.EACCES: "no permission; choose a file or folder that this account may use",
    errno.EPERM: "no permission; choose a file or folder that this account may use",
    errno.EROFS: "the disk can only be read; choose another folder",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n), or use fewer workers",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EIO: "the disk reports an error; check the disk or the connection",
}
OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")
WORKER_ENDED = ("dataloader worker", "exited unexpectedly")
LONGEST = 600  # characters of a line


def one_line(error: BaseException, *, memory_remedy: str) -> str:
    """Describe an error in one line.

    Args:
        error: Any exception.
        memory_remedy: What the command can do with less memory.
    """
    if isinstance(error, OSError) and error.errno in SYSTEM_ERRORS:
        where = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        return where + SYSTEM_ERRORS[error.errno]
    text = last_cause(str(error))
    known = text.lower()
    if isinstance(error, MemoryError) or any(words in known for words in OUT_OF_MEMORY):
        return f"out of memory; {memory_remedy}"
    if (isinstance(error, RuntimeError) and all(word in known for word in WORKER_ENDED)) or (
        isinstance(error, RuntimeError) and "dataloader worker" in known and "killed" in known
    ):
        return (
            "a process that loads data was ended from outside, probably because memory ran out; "
            "use fewer --machine.workers (0 uses none), or a smaller --machine.memory-mb"
        )
    return " ".join(text.split())[:LONGEST] or type(error).__name__


def last_cause(text: str) -> str:
    """The message at the end of a traceback that another process sent as text, else the text."""
    if "Traceback (most recent call last)" not in text:
        return text
    lines = [line for line in text.splitlines() if line.strip()]
    kind, colon, message = lines[-1].partition(": ")
    return message if colon and kind.rpartition(".")[2].isidentifier() else lines[-1]


def unexpected(error: BaseException, *, memory_remedy: str) -> str:
    """Describe an error that no part of the program foresees."""
    said = one_line(error, memory_remedy=memory_remedy)
    if said.startswith("out of memory"):
        return said
    kind = type(error).__name__
    return (
        f"{kind}: {said.removeprefix(kind).removeprefix(': ') or 'no message'} (unexpected; with "
        f"{TRACEBACK}=1 in the environment the same command shows where, for a report)"
    )
