"""End a run between two frames when the user presses Ctrl-C, or when the program that started it says so or dies.

What SIGINT does by itself, seen by sending it: `blender -b` (5.2) breaks the running render off and leaves no
image; in pip's bpy (4.5) Python's own handler raises KeyboardInterrupt inside Cycles' Python glue, where Blender
swallows it: the render returns as if nothing had happened and the wish to stop is lost.
A Python handler replaces both: it runs when control is back in Python, after the frame.

A program has no such signal that works everywhere: Windows cannot send SIGINT to one other process. What every system
has is standard input that ends: when the program closes it, and also when the program itself is gone.
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
    """`with InterruptFlag() as interrupted:` then `if interrupted.is_set(): break` after each frame.

    The first SIGINT sets the flag; the second raises KeyboardInterrupt, at the latest when the running frame is
    done. SIGINT's handler is put back at the end. Off the main thread, where Python allows no handlers, the flag
    just stays false.
    """

    def __init__(self) -> None:
        self._set = False
        self._previous: Any = None
        self._installed = False

    def is_set(self) -> bool:
        """Whether SIGINT came."""
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
    """Call `act` once standard input is at its end, from a thread of its own that the process does not wait for.

    What is written to standard input is read and dropped. Children must be given another standard input, or Windows
    lets them wait until this one says something.
    """
    threading.Thread(target=_read_to_the_end, args=(act,), daemon=True, name="end of input").start()


def _read_to_the_end(act: Callable[[], object]) -> None:
    # os.read and not sys.stdin, whose lock a process that ends cannot take from a thread that still reads.
    try:
        while os.read(_STANDARD_INPUT, 1 << 12):
            pass
    except OSError:
        pass  # closed from the start: whoever started us is not there to say more
    act()
