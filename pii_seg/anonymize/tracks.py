"""Link the persons of the frames of a video to tracks.

An instance is a connected part of what was found in a frame: a person, several that touch, or a
part of one. It continues a track if the track's latest instance, moved as was measured, overlaps
with it, and with nothing else that could be meant. Where a link is ambiguous, the tracks that it
could belong to end and a new one begins: so `--keep` never goes over to another person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from pii_seg.anonymize.motion import NOT_FOUND, SIDE, Move, Pattern
from pii_seg.inference.dilation import components, margin_of

LEAST_OVERLAP = 0.4
"""Intersection over union from which on an instance continues a track."""

MOST_NEW = 1 / 3
"""Largest share of an instance that the track's person does not account for: it may be another."""

TOUCH = 0.1
"""Share of another track's person that makes a link ambiguous: two may have become one."""

SPLIT = 0.25
"""Share of a person, in a second instance, that makes a link ambiguous. Less is a part of it."""

MOST_FOLLOWED = 64
"""Instances of a frame that are followed, the largest; the rest stays where it is."""


@dataclass(frozen=True, eq=False)
class Instance:
    """A connected part of what was found in a frame.

    Attributes:
        top, left: Place of `pixels` in the frame.
        pixels: bool (h, w).
        margin: Width of the margin in px.
        mean: Mean probability of its pixels.
        highest: Highest probability of its pixels.
        is_followed: Whether it can move and continue a track.
        grown: Its pixels with margins, by the width of the margin.
    """

    top: int
    left: int
    pixels: np.ndarray
    margin: int
    mean: float
    highest: float
    is_followed: bool = True
    grown: dict[int, np.ndarray] = field(default_factory=dict)

    def with_margin(self, radius: int) -> np.ndarray:
        """Return its pixels in a box that is `radius` px larger on each side, grown by a disc."""
        if radius not in self.grown:
            outside = np.pad((~self.pixels).astype(np.uint8), radius, constant_values=1)
            distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            self.grown[radius] = distance <= radius
        return self.grown[radius]

    @property
    def area(self) -> int:
        """In px."""
        return int(self.pixels.sum())

    def pattern(self, thumb: np.ndarray, size: tuple[int, int]) -> Pattern:
        """Cut it out of the thumbnail of its frame of (height, width) px."""
        return Pattern(thumb, self.pixels, self.top, self.left, max(1.0, max(size) / SIDE))


def instances_of(mask: np.ndarray, probability: np.ndarray, share: float) -> tuple[Instance, ...]:
    """List the instances of a frame, largest first.

    Args:
        mask: bool (H, W).
        probability: float32 (H, W).
        share: Margin as a fraction of an instance's size, as `dilation.dilate` takes it.
    """
    parts = sorted(components(mask), key=lambda part: -int(part.pixels.sum()))
    found = []
    for part in parts[:MOST_FOLLOWED]:
        values = probability[part.rows, part.columns][part.pixels]
        margin = margin_of(part.size, share)
        place = (int(part.rows.start), int(part.columns.start))
        found.append(
            Instance(*place, part.pixels, margin, float(values.mean()), float(values.max()))
        )
    for part in parts[MOST_FOLLOWED:]:
        margin = margin_of(part.size, share)
        place = (int(part.rows.start), int(part.columns.start))
        found.append(Instance(*place, part.pixels, margin, 0.0, 0.0, is_followed=False))
    return tuple(found)


def paint(mask: np.ndarray, instance: Instance, move: Move | None = None) -> None:
    """Add an instance with its margin, moved and grown, to a mask, bool (H, W)."""
    move = move or Move()
    radius = instance.margin + move.growth
    rows, columns = instance.pixels.shape
    top, left = instance.top + move.down - radius, instance.left + move.right - radius
    bottom, right = top + rows + 2 * radius, left + columns + 2 * radius
    inside = (max(0, top), max(0, left), min(mask.shape[0], bottom), min(mask.shape[1], right))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return
    part = instance.with_margin(radius)[
        inside[0] - top : inside[2] - top, inside[1] - left : inside[3] - left
    ]
    mask[inside[0] : inside[2], inside[1] : inside[3]] |= part


def intersection(before: Instance, move: Move, after: Instance) -> int:
    """Count the pixels that `after` shares with `before`, moved."""
    top, left = before.top + move.down, before.left + move.right
    y0, y1 = max(top, after.top), min(top + len(before.pixels), after.top + len(after.pixels))
    x0 = max(left, after.left)
    x1 = min(left + before.pixels.shape[1], after.left + after.pixels.shape[1])
    if y0 >= y1 or x0 >= x1:
        return 0
    one = before.pixels[y0 - top : y1 - top, x0 - left : x1 - left]
    other = after.pixels[y0 - after.top : y1 - after.top, x0 - after.left : x1 - after.left]
    return int(np.count_nonzero(one & other))


@dataclass(eq=False)
class Track:
    """A person that is followed.

    Attributes:
        number: From 1, in the order of their first frames.
        origin: Number of the track out of which this one came, as a part of its person.
        latest: Its latest instance.
        move: How that moved since.
        first, last: Numbers of the frames in which it was found first and last.
        found: Number of frames in which it was found.
    """

    number: int
    origin: int | None
    latest: Instance
    first: int
    last: int
    move: Move = field(default_factory=Move)
    found: int = 1


def link(tracks: Sequence[Track], instances: Sequence[Instance]) -> tuple[dict[int, int], set[int]]:
    """Find which instance continues which track.

    Returns:
        Index of the track for each index of an instance that continues one, and the indices of the
        tracks that end because it is not clear how they go on.
    """
    if not tracks or not instances:
        return {}, set()
    shared = np.array(
        [[intersection(track.latest, track.move, one) for one in instances] for track in tracks]
    )
    before = np.array([[track.latest.area] for track in tracks])
    after = np.array([[one.area for one in instances]])
    overlap = shared / (before + after - shared)
    touches = shared >= TOUCH * np.minimum(before, after)
    links: dict[int, int] = {}
    ended: set[int] = set()
    for index in range(len(instances)):
        best = int(overlap[:, index].argmax())
        if not touches[best, index]:
            continue
        others = [
            other
            for other, track in enumerate(tracks)
            if other != best and touches[other, index]
            if track.origin != tracks[best].number  # a part that joins its person again
        ]
        if others:
            ended |= {best, *others}
            continue
        if overlap[best, index] < LEAST_OVERLAP or int(overlap[best].argmax()) != index:
            continue
        splits = np.count_nonzero(shared[best] >= SPLIT * before[best]) > 1
        swells = shared[best, index] < (1 - MOST_NEW) * after[0, index]
        if splits or swells or not tracks[best].move.is_certain:
            ended.add(best)
        else:
            links[index] = best
    return {index: best for index, best in links.items() if best not in ended}, ended


class Tracker:
    """The tracks of a video, up to the frame that was added last."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._active: list[Track] = []

    def scene_begins(self) -> None:
        """End all tracks."""
        self._active = []

    def add(
        self, number: int, instances: Sequence[Instance], moves: dict[int, Move], reach: int
    ) -> list[int | None]:
        """Add the instances of a frame, and return the numbers of their tracks.

        Args:
            number: Number of the frame.
            instances: Its instances.
            moves: For the number of each track, how its latest instance moved to this frame.
            reach: Frames for which a track that is not found is waited for.

        Returns:
            None for instances that are not followed.
        """
        self._active = [one for one in self._active if number - one.last <= reach]
        for track in self._active:
            track.move = moves.get(track.number, NOT_FOUND)
        followed = [one for one in instances if one.is_followed]
        links, ended = link(self._active, followed)
        origins = [self._origin(instance) for instance in followed]
        numbers: list[int | None] = []
        added = []
        for index, instance in enumerate(followed):
            if index in links:
                track = self._active[links[index]]
                track.latest, track.last, track.found = instance, number, track.found + 1
            else:
                new = len(self.tracks) + 1
                track = Track(new, origins[index], instance, number, number)
                self.tracks.append(track)
                added.append(track)
            numbers.append(track.number)
        going_on = [track for index, track in enumerate(self._active) if index not in ended]
        self._active = going_on + added
        return numbers + [None] * (len(instances) - len(followed))

    def _origin(self, instance: Instance) -> int | None:
        """Return the number of the only track that this instance is a part of."""
        whole = [
            track.number
            for track in self._active
            if 2 * intersection(track.latest, track.move, instance) >= instance.area
        ]
        return whole[0] if len(whole) == 1 else None
