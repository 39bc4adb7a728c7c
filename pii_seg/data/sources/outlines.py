"""Outlines of persons as labelling programs store them, and the checks before they are drawn.

Everything is checked first, because the C code of pycocotools trusts its input: a wrong number
would end the process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pycocotools import mask as run_length

from pii_seg.data.sources.sample import IGNORE, PERSON

MOST_POINTS = 1_000_000  # of one outline
LONGEST_OUTLINE = 8_000_000  # px; pycocotools needs 40 bytes for each
Box = tuple[float, float, float, float]


class Patch(Protocol):
    """A small mask at a place of the image, decoded when it is drawn."""

    def draw(self, height: int, width: int) -> np.ndarray:
        """Draw the mask into bool (height, width). Raises ValueError when it is damaged."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One annotation of a person; `segmentation` is as in the file, or None for a mere box.

    `group`: outlines of one group, other than "", are parts of one person.
    """

    segmentation: Any
    box: Box | None  # x, y, width, height in px
    crowd: bool
    group: str = ""


@dataclass(frozen=True)
class Drawn:
    """The target and instances, (H, W), of all outlines of an image, and why some were skipped."""

    target: np.ndarray
    instances: np.ndarray
    skipped: tuple[str, ...]
    usable: int


def draw(outlines: Iterable[Outline], height: int, width: int) -> Drawn:
    """Draw outlines in their order. A damaged one is skipped; its box, if any, is ignored area."""
    instances = np.zeros((height, width), np.uint16)
    ignored = np.zeros((height, width), bool)
    skipped: list[str] = []
    numbers: dict[str, int] = {}
    usable = count = 0
    for outline in outlines:
        try:
            found, unknown = rasterise(outline, height, width), outline.segmentation is None
        except (ValueError, TypeError, OverflowError, KeyError, MemoryError) as error:
            skipped.append(" ".join(str(error).split())[:160] or type(error).__name__)
            if outline.box is None:
                continue
            found, unknown = fill_box(outline.box, height, width), True
        usable += 1
        if outline.crowd or unknown:
            ignored |= found
        elif outline.group and outline.group in numbers:
            instances[found] = numbers[outline.group]
        elif count < IGNORE << 8:
            count += 1
            instances[found] = count
            numbers.setdefault(outline.group, count)
    target = (instances > 0).astype(np.uint8) * PERSON
    target[ignored & (instances == 0)] = IGNORE
    return Drawn(target, instances, tuple(skipped), usable)


def rasterise(outline: Outline, height: int, width: int) -> np.ndarray:
    """Rasterise one outline into bool (H, W).

    Raises:
        ValueError, TypeError, OverflowError, KeyError: The outline is damaged.
    """
    segmentation = outline.segmentation
    if segmentation is None:
        if outline.box is None:
            return np.zeros((height, width), bool)
        return fill_box(outline.box, height, width)
    if isinstance(segmentation, list | tuple):
        return fill_polygons(_split_polygons(segmentation), height, width)
    if hasattr(segmentation, "draw"):
        return segmentation.draw(height, width)
    if not isinstance(segmentation, dict):
        raise ValueError(f"is {type(segmentation).__name__}, neither polygons nor run lengths")
    return decode_run_lengths(segmentation, height, width)


def paste(pixels: np.ndarray, left: int, top: int, height: int, width: int) -> np.ndarray:
    """Paste a small mask, bool (h, w), into bool (height, width); what lies outside is cut off."""
    whole = np.zeros((height, width), bool)
    skip_x, skip_y = max(0, -left), max(0, -top)
    part = pixels[skip_y : max(0, height - top), skip_x : max(0, width - left)]
    y, x = max(0, top), max(0, left)
    whole[y : y + part.shape[0], x : x + part.shape[1]] = part
    return whole


def ellipse(
    x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0
) -> list[float]:
    """Return an ellipse as a polygon [x, y, …] of 72 points; `degrees` turns it clockwise."""
    angles = np.arange(72) * (2 * math.pi / 72)
    across, down = radius_x * np.cos(angles), radius_y * np.sin(angles)
    turn = math.radians(degrees)
    points = np.stack(
        [
            x + across * math.cos(turn) - down * math.sin(turn),
            y + across * math.sin(turn) + down * math.cos(turn),
        ],
        axis=1,
    )
    return points.ravel().tolist()


def fill_box(box: Box, height: int, width: int) -> np.ndarray:
    """Fill a box x, y, width, height, in px, as bool (H, W)."""
    filled = np.zeros((height, width), bool)
    x, y, w, h = box
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    filled[top : max(0, math.ceil(y + h)), left : max(0, math.ceil(x + w))] = True
    return filled


def parse_box(box: Any) -> Box:
    """Check a box.

    Raises:
        ValueError, TypeError: It is not four finite numbers.
    """
    x, y, width, height = (float(value) for value in box)
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError("a box that is not finite")
    return x, y, width, height


def _split_polygons(segmentation: Sequence[Any]) -> list[Any]:
    """Return the polygons of a list of lists, of a flat list, or of a list of points."""
    if segmentation and all(_is_number(value) for value in segmentation[:8]):
        return [segmentation]
    if len(segmentation) >= 3 and all(
        isinstance(point, list) and len(point) == 2 for point in segmentation
    ):
        return [[value for point in segmentation for value in point]]
    return list(segmentation)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def fill_polygons(polygons: Sequence[Any], height: int, width: int) -> np.ndarray:
    """Fill polygons [x, y, …] as bool (H, W). One of less than three points has no area.

    Raises:
        ValueError, TypeError: A polygon is damaged, or none has an area.
    """
    usable = [polygon for polygon in polygons if not _is_degenerate(polygon)]
    if not usable:
        raise ValueError("a polygon needs at least three pairs of numbers")
    if sum(map(len, usable)) > 2 * MOST_POINTS:
        raise ValueError(f"has more than {MOST_POINTS:,} points")
    checked = [_check_polygon(polygon, height, width) for polygon in usable]
    if sum(length for _, length in checked) > LONGEST_OUTLINE:
        raise ValueError(f"is longer than {LONGEST_OUTLINE:,} px")
    encoded = run_length.frPyObjects([points for points, _ in checked], height, width)
    return run_length.decode(run_length.merge(encoded)).astype(bool)


def _is_degenerate(polygon: Any) -> bool:
    return isinstance(polygon, list) and len(polygon) in (2, 4) and all(map(_is_number, polygon))


def _check_polygon(polygon: Any, height: int, width: int) -> tuple[list[float], float]:
    """Clip a polygon to a wide margin around the image; return it with its length in px."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon needs at least three pairs of numbers")
    if not all(map(_is_number, polygon)):
        raise ValueError("a polygon's points are not numbers")
    points = np.asarray(polygon, np.float64)
    if points.ndim != 1 or not np.isfinite(points).all():
        raise ValueError("a polygon's points are not finite numbers")
    points[0::2] = points[0::2].clip(-width, 2 * width)
    points[1::2] = points[1::2].clip(-height, 2 * height)
    pairs = points.reshape(-1, 2)
    steps = np.abs(pairs - np.roll(pairs, 1, axis=0)).max(axis=1)
    return points.tolist(), float(steps.sum()) + len(steps)


def decode_run_lengths(segmentation: dict[str, Any], height: int, width: int) -> np.ndarray:
    """Decode COCO's run lengths, {"size": [h, w], "counts": …}, into bool (H, W).

    Raises:
        ValueError, TypeError, KeyError: They are damaged.
    """
    size = segmentation["size"]
    if not isinstance(size, list) or [float(value) for value in size] != [height, width]:
        raise ValueError(f"has size {str(size)[:40]}, the image {[height, width]}")
    counts = segmentation["counts"]
    if len(counts) > 13 * (height * width + 1):
        raise ValueError(f"has {len(counts):,} run lengths, more than pixels")
    runs = decode_counts(counts) if isinstance(counts, str) else counts
    return expand_runs(runs, height * width).reshape(width, height).T


def expand_runs(runs: Any, pixels: int) -> np.ndarray:
    """Expand runs of 0 and 1 in turn, 0 first, into bool (pixels,).

    Raises:
        ValueError, TypeError: They are damaged.
    """
    runs = list(runs)
    if not all(isinstance(run, int) and 0 <= run <= pixels for run in runs):
        if not all(_is_number(run) and 0 <= run <= pixels and run == int(run) for run in runs):
            raise ValueError("has a run that is no whole number of pixels")
        runs = [int(run) for run in runs]
    if sum(runs) != pixels:
        raise ValueError(f"its runs add up to {sum(runs)} pixels, not {pixels}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def decode_counts(text: str) -> list[int]:
    """Decode COCO's compressed run lengths (pycocotools: maskApi.c, rleFrString).

    Each is a signed number in groups of 5 bits, low group first, in characters from "0" on; bit 6
    is set if more follow. From the fourth on, it is the difference to the run two before.
    pycocotools decodes them too, but its C code trusts its input.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"its run lengths hold the character {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if shift > 60:
            raise ValueError("has a run length without end")
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its run lengths are cut short")
    return runs
