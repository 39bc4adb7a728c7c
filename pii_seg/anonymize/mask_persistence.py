"""Hold masks over neighbouring frames, so that a video hides a person that one frame missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import TypeVar

import numpy as np

FrameT = TypeVar("FrameT")


def hold_masks(
    frames: Iterable[tuple[FrameT, np.ndarray]], reach: int
) -> Iterator[tuple[FrameT, np.ndarray]]:
    """Unite each mask with those of its neighbours.

    Masks are held across cuts too: that redacts a little more of two frames, never less, and needs
    no cut detector that could mistake a moving person for a cut.

    Args:
        frames: Pairs of a frame and its mask, bool (H, W). At most 2 × `reach` + 1 of them are in
            memory, whatever the length of the video.
        reach: Number of frames before and after.

    Yields:
        (frame, united mask), in order.
    """
    window: deque[tuple[FrameT, np.ndarray]] = deque()
    before = 0  # how many of the window precede the frame that is yielded next
    for pair in frames:
        window.append(pair)
        if len(window) - before > reach:
            yield window[before][0], _united(window)
            if before == reach:
                window.popleft()
            else:
                before += 1
    while before < len(window):
        yield window[before][0], _united(window)
        if before == reach:
            window.popleft()
        else:
            before += 1


def _united(window: Iterable[tuple[object, np.ndarray]]) -> np.ndarray:
    return reduce(np.logical_or, (mask for _, mask in window))
