"""A mask held over neighbouring frames, so that a film does not show whom one frame missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import TypeVar

import numpy as np

FrameT = TypeVar("FrameT")


def hold(
    found: Iterable[tuple[FrameT, np.ndarray]], frames: int
) -> Iterator[tuple[FrameT, np.ndarray]]:
    """(frame, mask) with each mask, bool (H, W), united with those of the `frames` before and after it, in order.

    Memory is that of 2 × `frames` + 1 of them, whatever the film's length. Across a cut masks are held too: that
    redacts a little more of two frames, never less, and needs nothing that could take a moving person for a cut.
    """
    window: deque[tuple[FrameT, np.ndarray]] = deque()
    before = 0  # how many of the window precede the frame that is due
    for pair in found:
        window.append(pair)
        if len(window) - before > frames:
            yield window[before][0], _united(window)
            if before == frames:
                window.popleft()
            else:
                before += 1
    while before < len(window):
        yield window[before][0], _united(window)
        if before == frames:
            window.popleft()
        else:
            before += 1


def _united(window: Iterable[tuple[object, np.ndarray]]) -> np.ndarray:
    return reduce(np.logical_or, (mask for _, mask in window))
