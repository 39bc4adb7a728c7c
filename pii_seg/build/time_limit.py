"""Ends a run after some hours the way Ctrl-C does: what was begun is resumed by the next one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_after(hours: float) -> Iterator[threading.Event]:
    """Send this process SIGINT after `hours`, unless the block has ended; 0: never.

    Yields:
        An event that is set when the time is over.
    """
    over = threading.Event()

    def end() -> None:
        over.set()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(hours * 3600, end)
    timer.daemon = True
    if hours:
        timer.start()
    try:
        yield over
    finally:
        timer.cancel()
