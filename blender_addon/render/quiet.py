"""Keep Blender's own output off the terminal without losing Python's.

Blender writes from C ("Fra:1 Mem:…", "Saved: …"), past sys.stdout, so the file descriptors
themselves are redirected, and Python's stream uses a duplicate of the terminal meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO

_STDOUT = 1
_lock = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what C code writes to standard output inside the block; Python's print and stderr work
    as ever.

    It concerns the whole process, so it belongs around single calls into Blender. Nesting is fine;
    a second thread waits. A child process started inside inherits it. Without a standard output
    (Blender's window on Windows) it does nothing.
    """
    with _lock, open(os.devnull, "wb") as nowhere, _redirected(_STDOUT, nowhere.fileno()):  # noqa: PTH123
        yield


@contextlib.contextmanager
def captured(*descriptors: int) -> Iterator[dict[int, bytes]]:
    """Collect what C and Python write to `descriptors` (1, 2); nothing reaches the terminal. The
    dict is filled when the block ends, also by an exception.
    """
    texts: dict[int, bytes] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_lock)
        files = {fd: stack.enter_context(tempfile.TemporaryFile()) for fd in descriptors}
        try:
            with contextlib.ExitStack() as redirections:
                for fd, file in files.items():
                    redirections.enter_context(_redirected(fd, file.fileno(), python_too=True))
                yield texts
        finally:
            for fd, file in files.items():
                file.seek(0)
                texts[fd] = file.read()


@contextlib.contextmanager
def _redirected(descriptor: int, target: int, *, python_too: bool = False) -> Iterator[None]:
    """`descriptor` leads to `target`; Python's own stream stays on the terminal unless
    `python_too`.
    """
    name = "stdout" if descriptor == _STDOUT else "stderr"
    stream = getattr(sys, name)
    _flush(stream)
    try:
        saved = os.dup(descriptor)
    except OSError:  # there is no such descriptor, hence nothing to silence
        yield
        return
    try:
        os.dup2(target, descriptor)
        if python_too:
            setattr(sys, name, _text(target, stream))
        elif _descriptor_of(stream) == descriptor:
            setattr(sys, name, _text(saved, stream))
        try:
            yield
        finally:
            _flush(
                getattr(sys, name)
            )  # C's buffers too: they must drain before the descriptor turns back
            setattr(sys, name, stream)
            os.dup2(saved, descriptor)
    finally:
        os.close(saved)


def _text(descriptor: int, like: IO[str] | None) -> io.TextIOWrapper:
    raw = os.fdopen(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(
        raw,
        encoding=getattr(like, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=True,
        write_through=True,
    )


def _descriptor_of(stream: IO[str] | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError):  # a StringIO, or a closed stream
        return None


def _flush(stream: IO[str] | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if _c_flush is not None:
        _c_flush(None)


def _find_c_flush() -> Callable[[None], int] | None:
    """C's fflush: `fflush(NULL)` flushes every stream of the C library that Blender writes with."""
    with contextlib.suppress(OSError, AttributeError):
        return ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush
    return None


_c_flush = _find_c_flush()
