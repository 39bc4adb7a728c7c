"""End a run between two frames when the user presses Ctrl-C, when the system or a scheduler ends
it (SIGTERM), or when the program that started it asks for it or dies.

Effect of SIGINT without this module, as observed: `blender -b` (5.2) cancels the current render and
leaves no image; in pip's bpy (4.5) Python's own handler raises KeyboardInterrupt inside Cycles'
Python code, where Blender swallows it: the render returns as if nothing had happened, and the
request is lost. A Python handler replaces both: it runs when control is back in Python, after the
frame.

Programs have no such signal that works everywhere: Windows cannot send SIGINT to one other process.
Every system has standard input that ends: when the program closes it, and also when the program
dies.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_STANDARD_INPUT = 0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptFlag:
    """`with InterruptFlag() as interrupted:` then `if interrupted.is_set(): break` after each
    frame.

    The first SIGINT or SIGTERM sets the flag; the second raises KeyboardInterrupt, at the latest
    after the current frame. The previous handlers are restored at the end. Outside the main thread,
    where Python allows no handlers, the flag stays unset.

    Args:
        act: Called at the first signal.
    """

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self._act = act
        self._set = False
        self._previous: dict[int, Any] = {}

    def is_set(self) -> bool:
        """Whether SIGINT or SIGTERM was received."""
        return self._set

    def __enter__(self) -> InterruptFlag:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, previous in self._previous.items():
            # None: a handler that C code installed, which Python cannot put back.
            default: Any = signal.SIG_DFL
            if number == signal.SIGINT:
                default = signal.default_int_handler
            signal.signal(number, default if previous is None else previous)
        self._previous = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._set:
            raise KeyboardInterrupt
        self._set = True
        self._act()


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does, outside of `InterruptFlag`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if previous is None else previous)


def when_input_ends(act: Callable[[], object]) -> None:
    """Call `act` when standard input ends, from a thread that the process does not wait for.

    Input is read and dropped. Child processes must be given another standard input, since Windows
    makes them wait while this thread reads.
    """
    threading.Thread(target=_read_to_the_end, args=(act,), daemon=True, name="end of input").start()


def _read_to_the_end(act: Callable[[], object]) -> None:
    # os.read and not sys.stdin, whose lock a process that ends cannot take from a thread that still
    # reads.
    try:
        while os.read(_STANDARD_INPUT, 1 << 12):
            pass
    except OSError:
        pass  # closed from the start
    act()
