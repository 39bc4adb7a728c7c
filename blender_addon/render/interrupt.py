"""End a run between two frames when the user presses Ctrl-C, or when the program that started it
asks for it or dies.

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
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_STANDARD_INPUT = 0


class InterruptFlag:
    """`with InterruptFlag() as interrupted:` then `if interrupted.is_set(): break` after each
    frame.

    The first SIGINT sets the flag; the second raises KeyboardInterrupt, at the latest after the
    current frame. The previous handler is restored at the end. Outside the main thread, where
    Python allows no handlers, the flag stays unset.
    """

    def __init__(self) -> None:
        self._set = False
        self._previous: Any = None
        self._installed = False

    def is_set(self) -> bool:
        """Whether SIGINT was received."""
        return self._set

    def __enter__(self) -> InterruptFlag:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._installed:
            # None: a handler that C code installed, which Python cannot put back.
            signal.signal(
                signal.SIGINT,
                signal.default_int_handler if self._previous is None else self._previous,
            )
            self._installed = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._set:
            raise KeyboardInterrupt
        self._set = True


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
