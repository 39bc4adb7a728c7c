"""Hold the masks of a video over neighbouring frames, along the motion of each person.

A person who was found in one frame is redacted in the frames before and after it too, where
matching their image finds them there, so that a miss in one frame shows nobody. Where a track is
not found in such a frame, or its motion is not certain, the place where the person was is redacted
as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pii_seg.anonymize.detection import Detection
from pii_seg.anonymize.motion import NOT_FOUND, Move, Pattern
from pii_seg.anonymize.tracks import Instance, Tracker, paint


@dataclass(eq=False)
class VideoFrame:
    """A frame on its way through the stages.

    Attributes:
        number: From 0.
        pixels: uint8 (H, W, 3).
        thumb: uint8 (h, w), see `motion.thumbnail`.
        begins_scene: Whether a scene begins here; true for the first.
        is_searched: Whether persons are searched in it; if not, its mask follows from neighbours.
        is_checked: Whether it is searched only to measure what the neighbours' masks miss.
        found: What was found; None if it was neither searched nor checked.
        instances: The connected parts that were found; none unless it is searched.
        tracks: Number of the track of each instance, or None.
        mask: bool (H, W), what is redacted.
        kept: bool (H, W), the persons who stay visible; None if there are none.
    """

    number: int
    pixels: np.ndarray
    thumb: np.ndarray
    begins_scene: bool = False
    is_searched: bool = True
    is_checked: bool = False
    found: Detection | None = None
    instances: tuple[Instance, ...] = ()
    tracks: list[int | None] = field(default_factory=list)
    mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))
    kept: np.ndarray | None = None


@dataclass(eq=False)
class _Carried:
    """An instance of an earlier frame, on its way through the frames after it."""

    instance: Instance
    track: int | None
    number: int
    pattern: Pattern | None
    move: Move = NOT_FOUND


class MaskFollower:
    """Makes the masks of the frames of one video, in order.

    Attributes:
        tracker: The tracks so far.
        reach: Number of frames that are held back, and so in memory.
    """

    def __init__(self, hold: int, every: int = 1, keep: frozenset[int] = frozenset()) -> None:
        """Prepare for a video.

        Args:
            hold: Searched frames before and after, for which a mask is held.
            every: Every how many frames are searched at least.
            keep: Numbers of the tracks that stay visible.
        """
        self.tracker = Tracker()
        self.reach = max(hold, 1) * every
        self._held, self._every, self._keep = hold * every, every, keep

    def follow(
        self, frames: Iterable[VideoFrame], still: Callable[[VideoFrame], np.ndarray]
    ) -> Iterator[VideoFrame]:
        """Complete the masks of frames.

        Args:
            frames: In order, with their instances.
            still: Returns what is redacted in every frame, a new bool (H, W).

        Yields:
            The same frames with `mask`, `tracks` and `kept`.
        """
        window: deque[VideoFrame] = deque()
        carried: list[_Carried] = []
        for frame in frames:
            self._move(carried, frame)
            self._number(carried, frame)
            self._own_mask(frame, still)
            for each in carried:
                if each.track not in self._keep:
                    self._hold(frame, each.number, each.instance, each.move, each.track)
            self._hold_before(window, frame)
            carried = [each for each in carried if frame.number - each.number < self.reach]
            carried += [
                _Carried(instance, track, frame.number, _pattern(instance, frame))
                for instance, track in zip(frame.instances, frame.tracks, strict=True)
            ]
            window.append(frame)
            if len(window) > self.reach:
                yield window.popleft()
        yield from window

    def _move(self, carried: list[_Carried], frame: VideoFrame) -> None:
        for each in carried:
            if frame.begins_scene:
                each.pattern = None
            each.move = NOT_FOUND if each.pattern is None else each.pattern.find(frame.thumb)

    def _number(self, carried: list[_Carried], frame: VideoFrame) -> None:
        if frame.begins_scene:
            self.tracker.scene_begins()
        if frame.is_searched:
            # Of several instances of a track the last is the latest.
            moves = {each.track: each.move for each in carried if each.track is not None}
            frame.tracks = self.tracker.add(frame.number, frame.instances, moves, self.reach)

    def _own_mask(self, frame: VideoFrame, still: Callable[[VideoFrame], np.ndarray]) -> None:
        kept = [
            instance
            for instance, track in zip(frame.instances, frame.tracks, strict=True)
            if track in self._keep
        ]
        if frame.is_searched and frame.found is not None and not kept:
            frame.mask = frame.found.mask.copy()
            return
        frame.mask = still(frame)
        for instance in frame.instances:
            if instance not in kept:
                paint(frame.mask, instance)
        if kept:
            frame.kept = np.zeros_like(frame.mask)
            for instance in kept:
                paint(frame.kept, instance)

    def _hold_before(self, window: deque[VideoFrame], frame: VideoFrame) -> None:
        """Hold the instances of a frame in the frames before it."""
        for instance, track in zip(frame.instances, frame.tracks, strict=True):
            if track in self._keep:
                continue
            pattern = None if frame.begins_scene else _pattern(instance, frame)
            for earlier in reversed(window):
                move = NOT_FOUND if pattern is None else pattern.find(earlier.thumb)
                self._hold(earlier, frame.number, instance, move, track)
                if earlier.begins_scene:
                    pattern = None

    def _hold(
        self, frame: VideoFrame, number: int, instance: Instance, move: Move, track: int | None
    ) -> None:
        """Redact in `frame` an instance that was found in the frame of another number."""
        distance = abs(frame.number - number)
        if distance > self._held and (frame.is_searched or distance >= self._every):
            return
        paint(frame.mask, instance, move)
        if move != NOT_FOUND and (not move.is_certain or track not in frame.tracks):
            paint(frame.mask, instance)


def _pattern(instance: Instance, frame: VideoFrame) -> Pattern | None:
    if not instance.is_followed:
        return None
    height, width = frame.pixels.shape[:2]
    return instance.pattern(frame.thumb, (height, width))
