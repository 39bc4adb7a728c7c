"""Choose the frames of a video in which persons are searched (`--every`).

The first and the last frame of every scene are searched, and every k-th one between them. The masks
of the others follow from those of their neighbours (`video_masks`). That is only done where all
persons of the two neighbours are the same ones and their motion was measured with certainty;
otherwise the frames between are searched too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from pii_seg.anonymize.motion import is_cut, thumbnail
from pii_seg.anonymize.review import LEAST
from pii_seg.anonymize.tracks import Instance, Track, link
from pii_seg.anonymize.video_masks import VideoFrame

CHECK = 25
"""One in so many frames that are not searched is, to measure what its mask misses."""


def numbered(frames: Iterable[np.ndarray]) -> Iterator[VideoFrame]:
    """Number the frames, and mark those at which a scene begins."""
    before = None
    for number, pixels in enumerate(frames):
        thumb = thumbnail(pixels)
        yield VideoFrame(number, pixels, thumb, before is None or is_cut(before, thumb))
        before = thumb


def chosen(frames: Iterable[VideoFrame], every: int, *, check: bool = True) -> Iterator[VideoFrame]:
    """Mark the frames that are not searched.

    Args:
        frames: In order; up to `every` of them are held back.
        every: Every how many frames are searched at least.
        check: Whether one of `CHECK` frames that are not searched is searched as a check.
    """
    skipped = 0
    waiting: list[VideoFrame] = []

    def passed_on() -> Iterator[VideoFrame]:
        nonlocal skipped
        for frame in waiting:
            if not frame.is_searched:
                frame.is_checked = check and skipped % CHECK == 0
                skipped += 1
            yield frame
        waiting.clear()

    for frame in frames:
        if frame.begins_scene and waiting:
            waiting[-1].is_searched = True
        elif not frame.begins_scene and len(waiting) < every - 1:
            frame.is_searched = False
            waiting.append(frame)
            continue
        yield from passed_on()
        yield frame
    if waiting:
        waiting[-1].is_searched = True
    yield from passed_on()


def settled(
    frames: Iterable[VideoFrame], search: Callable[[list[VideoFrame]], None]
) -> Iterator[VideoFrame]:
    """Search the frames whose masks would not follow from their neighbours.

    Args:
        frames: In order; those that are searched have their instances.
        search: Searches frames; they count as searched then.
    """
    before: VideoFrame | None = None
    between: list[VideoFrame] = []
    for frame in frames:
        if not frame.is_searched:
            between.append(frame)
            continue
        if between and (before is None or not _are_the_same(before, between, frame)):
            search(between)
        yield from between
        yield frame
        between, before = [], frame
    yield from between


def _are_the_same(before: VideoFrame, between: list[VideoFrame], after: VideoFrame) -> bool:
    """Return whether each person of `before` was followed to one of `after`, and none is new."""
    height, width = before.pixels.shape[:2]
    tracks = []
    for number, instance in enumerate(_that_count(before), start=1):
        track = Track(number, None, instance, before.number, before.number)
        pattern = instance.pattern(before.thumb, (height, width))
        for frame in (*between, after):
            track.move = pattern.find(frame.thumb)
            if not track.move.is_certain:
                return False
        tracks.append(track)
    instances = _that_count(after)
    links, _ = link(tracks, instances)
    return len(links) == len(instances) == len(tracks)


def _that_count(frame: VideoFrame) -> list[Instance]:
    """List the instances that are large enough to ask for a review if they were missed."""
    height, width = frame.pixels.shape[:2]
    return [one for one in frame.instances if one.area >= LEAST * height * width]
