"""The progress callback that every long-running library function takes."""

from __future__ import annotations

from collections.abc import Callable

OnImage = Callable[[str, int, int], None]
"""Called after each image with (task, images done, images in all). Commands draw a bar with it."""


def no_progress(task: str, done: int, total: int) -> None:
    """The default `OnImage`: does nothing."""
