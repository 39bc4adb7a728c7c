"""Strokes of the brush: read from what the page sends, and drawn into a mask."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pii_seg.errors import InputError

MOST_POINTS = 200_000  # of all strokes of an image: an hour of brushing
MOST_STROKES = 10_000
MOST_BYTES = 64 * MOST_POINTS
LARGEST_RADIUS = 16_000.0  # px; OpenCV draws lines of at most 32,767 px
FARTHEST = 1e6  # px, of a point
DEEPEST = 4  # list of strokes, stroke, list of points, point

NBYTES_POINT = 136
"""Memory of a point: a tuple of two numbers."""

TOO_MANY = "too many strokes for one image; undo some"
UNREADABLE = "the strokes cannot be read; reload the page"
OUTSIDE = "a stroke lies outside the image; undo it"

_BRACKETS = re.compile(rb"[\[\]{}]")


@dataclass(frozen=True)
class Stroke:
    """A stroke of the round brush: it adds a missed person, or erases what is not a person.

    Attributes:
        erases: Remove from the mask instead of adding to it.
        radius: In px of the image.
        points: (x, y) in px of the image, one or more.
    """

    erases: bool
    radius: float
    points: tuple[tuple[float, float], ...]

    @property
    def nbytes(self) -> int:
        """Memory of the points."""
        return NBYTES_POINT * len(self.points)

    def draw(self, mask: np.ndarray) -> None:
        """Draw the stroke into a mask, uint8 (H, W): 1 is redacted."""
        value = 0 if self.erases else 1
        # OpenCV's fixed point numbers with 4 bits: sixteenths of a pixel.
        points = np.round(np.array(self.points) * 16).astype(np.int32)
        for x, y in points[[0, -1]]:
            cv2.circle(mask, (int(x), int(y)), round(self.radius * 16), value, cv2.FILLED, shift=4)
        cv2.polylines(mask, [points], False, value, max(1, round(2 * self.radius)), shift=4)


def corrected(mask: np.ndarray, strokes: Sequence[Stroke]) -> np.ndarray:
    """Apply strokes in their order to a mask, bool (H, W); returns a new one."""
    drawn = mask.astype(np.uint8)
    for stroke in strokes:
        stroke.draw(drawn)
    return drawn.astype(bool)


def parse_strokes(body: bytes) -> list[Stroke]:
    """Parse the page's JSON: [{"erases": bool, "radius": px, "points": [[x, y], …]}, …].

    Size, depth and counts are checked before anything is built.

    Raises:
        InputError: It is malformed, too large, or a stroke cannot be drawn.
    """
    if len(body) > MOST_BYTES or body.count(b"{") > MOST_STROKES:
        raise InputError(TOO_MANY)
    if body.count(b"[") > MOST_POINTS + MOST_STROKES + 1:
        raise InputError(TOO_MANY)
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(body):
        depth += 1 if bracket.group() in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise InputError(UNREADABLE)
    try:
        given = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InputError(UNREADABLE) from None
    if not isinstance(given, list):
        raise InputError(UNREADABLE)
    strokes = [_stroke(one) for one in given]
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise InputError(TOO_MANY)
    return strokes


def _stroke(given: Any) -> Stroke:
    if not isinstance(given, dict) or not {"erases", "radius", "points"} <= given.keys():
        raise InputError(UNREADABLE)
    erases, radius, points = given["erases"], given["radius"], given["points"]
    if not isinstance(erases, bool) or not isinstance(points, list):
        raise InputError(UNREADABLE)
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise InputError(UNREADABLE)
    numbers = [radius, *(value for point in points for value in point)]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in numbers):
        raise InputError(UNREADABLE)
    # NaN fails every comparison; whole numbers may have any length.
    if not points or not all(-FARTHEST < value < FARTHEST for value in numbers) or radius <= 0:
        raise InputError(OUTSIDE)
    if radius > LARGEST_RADIUS:
        raise InputError(f"the brush is wider than {2 * LARGEST_RADIUS:.0f} px; make it smaller")
    return Stroke(erases, float(radius), tuple((float(x), float(y)) for x, y in points))
