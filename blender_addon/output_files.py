# SPDX-License-Identifier: GPL-3.0-or-later OR Apache-2.0
"""Files that appear whole, and locks for the folders that hold them. Standard library only.

`blender_addon.dataset` offers the same names; other packages import them from there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


class DatasetError(ValueError):
    """A folder cannot be read or written as a dataset; the message names it and the remedy."""


class OutputBusyError(DatasetError):
    """Another process is writing to the same output."""


@contextlib.contextmanager
def atomic_file(path: Path, *, token: str = "") -> Iterator[BinaryIO]:
    """Open a file that appears at `path` only when it is whole.

    The content is written under a temporary name in the same folder. When the block ends without an
    error it is flushed to disk and renamed; on an error the temporary file is removed and what was
    at `path` stays.

        with atomic_file(folder / "weights.pt") as file:
            torch.save(state, file)

    Args:
        path: The final name; a file that is there is replaced. Its folder must exist.
        token: Distinguishes the temporary names of processes that may write the same path.

    Yields:
        The temporary file, open for writing bytes.

    Raises:
        OSError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}{token}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_atomically(path: Path, content: bytes, *, token: str = "") -> None:
    """Write `content` to `path` as `atomic_file` does."""
    with atomic_file(path, token=token) as file:
        file.write(content)


@contextlib.contextmanager
def output_lock(path: Path) -> Iterator[None]:
    """Hold a lock for the time that a run writes to an output.

    The system drops the lock when the process ends, however it ends, so a lock file that a killed
    run left blocks nobody. The file itself stays: deleting it would let a third run lock a new
    file of the same name beside a run that still holds the old one.

        with output_lock(output / ".train.lock"):
            train(output)

    Args:
        path: The lock file; it and its folder are made when they do not exist.

    Raises:
        OutputBusyError: Another process, or another thread of this one, holds the lock.
        OSError: The lock file cannot be made, for example in a folder without write access.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if not _try_lock(file.fileno()):
            raise OutputBusyError(
                f"{path.parent}: another run is writing there; wait for its end, or choose "
                "another output folder"
            )
        try:
            yield
        finally:
            _unlock(file.fileno())


@contextlib.contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after waiting for whoever holds it: for steps of milliseconds."""
    with path.open("a+b") as file:
        _lock(file.fileno())
        try:
            yield
        finally:
            _unlock(file.fileno())


_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _try_lock(descriptor: int) -> bool:
    """Take the lock if it is free, and return whether it was."""
    try:
        _take(descriptor)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True
