"""Complete bodies that were found without their heads. Pure numpy and OpenCV.

A segmenter that loses a part of a person mostly loses the head: it is small, and hair, hats and
faces vary more than clothes. The rest of the person says where the head must be.

Assumptions; figures of bodies are of 69 rendered, upright persons who are hardly occluded:

- **Scale.** The torso is as wide as the largest disc in the upper half of the outline. A head, with
  hair, is .7 of that high (half of the persons: .57 to .86), but at most a quarter of the rest of a
  body that the image shows down to its end (95 % of the persons: .27).
- **Place.** The shoulders are where the outline, from above, first is as wide as most of the torso.
  The head is over the middle of that row.
- **Evidence.** A head that was lost has a low probability, not none. Where the segmenter expects
  nothing at all, the head is there already (long hair and hoods are as wide as the torso), or the
  part is no body, and nothing is added.
- **Found heads.** Where half of the place is found, there is a head. It is completed only by pixels
  that the segmenter itself takes for a person at a lower threshold.
- **Direction.** Heads are up. Where the outline is wider than high a person may lie: up, left and
  right are tried, and the direction with most evidence is taken. Nobody is upside down.
- **Edges.** Shoulders at the top of the image have their head outside of it. Bodies go on beyond
  the other edges.
- **Neighbours.** Under another part of the mask that is more than a head, a part is the lower half
  of a body. Persons who touch are one outline: only one of them, the highest, is completed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pii_seg.inference.dilation import components

LEAST_SIZE = 24
"""Longer side in px from which on a part of the mask gets a head."""

HEAD_OF_TORSO = 0.7
"""Height of a head, with hair, as a fraction of the torso's width."""

HEAD_OF_BODY = 0.25
"""Greatest height of a head as a fraction of the rest of a whole body."""

HEAD_WIDTH = 0.95
"""Width of a head, with hair, as a fraction of its height."""

SHOULDERS = 0.7
"""The shoulders are where the outline is this fraction of the torso's width wide."""

BELOW_SHOULDERS = 0.05
"""Part of a head's height that is below the first row of the shoulders."""

COVERED = 0.85
"""Share of a head's place from which on nothing is missing."""

FOUND = 0.5
"""Share of a head's place that was found, from which on there is a head."""

EVIDENCE = 0.1
"""Least mean probability, as a fraction of the threshold, where a head is missing."""

ODDS = 30.0
"""Pixels of a head are accepted down to odds that are lower than the threshold's by this factor."""

REACH = 1.6
"""They are accepted in an ellipse that is larger than the head by this factor."""

WIDE = 1.2
"""Width of a part of the mask, as a fraction of its height, from which on a person may lie."""

MORE_THAN_HEAD = 3.0
"""A part of the mask that is larger than so many heads is a body."""


@dataclass(frozen=True)
class Head:
    """A head that was completed.

    Attributes:
        box: x, y, width, height in px of its place.
        added: Number of px that were not redacted before.
        evidence: Mean probability of the place's part that was not redacted, as a fraction of the
            threshold, 0..1.
        is_placed: The whole place is redacted; otherwise only pixels of a lower probability.
    """

    box: tuple[int, int, int, int]
    added: int
    evidence: float
    is_placed: bool


def complete_heads(
    mask: np.ndarray, redacted: np.ndarray, probability: np.ndarray, threshold: float
) -> tuple[np.ndarray, tuple[Head, ...]]:
    """Find what is missing of the heads of the bodies in a mask.

    Args:
        mask: bool (H, W), what the segmenter found.
        redacted: bool (H, W), `mask` with its margin.
        probability: float32 (H, W), of a person.
        threshold: Probability from which on `mask` is true, between 0 and 1.

    Returns:
        bool (H, W), the heads to redact, also where they are redacted already; and what they are.
    """
    whole = np.zeros(mask.shape, bool)
    heads = []
    for body in components(mask):
        if body.size < LEAST_SIZE:
            continue
        # With room for a head at each side; slices end at the border of the image.
        rows, columns = (
            slice(max(0, side.start - body.size), side.stop + body.size)
            for side in (body.rows, body.columns)
        )
        around = (rows, columns)
        own = np.zeros(mask[around].shape, bool)
        y, x = body.rows.start - rows.start, body.columns.start - columns.start
        height, width = body.pixels.shape
        own[y : y + height, x : x + width] = body.pixels
        given = (own, mask[around], redacted[around], probability[around])
        turns = (0, 1, 3) if width > WIDE * height else (0,)
        found = [each for turn in turns if (each := _head(*given, threshold, turn)) is not None]
        if found:
            head, pixels = max(found, key=lambda each: each[0].evidence)
            x, y, width, height = head.box
            heads.append(replace(head, box=(x + columns.start, y + rows.start, width, height)))
            whole[around] |= pixels
    return whole, tuple(heads)


def _head(
    body: np.ndarray,
    mask: np.ndarray,
    redacted: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    turn: int,
) -> tuple[Head, np.ndarray] | None:
    """Return the head of a body, and its pixels, if anything of it is missing.

    Args:
        body: bool (H, W), a part of `mask`; the others as `complete_heads` takes them.
        turn: By how many times 90° all are turned so that the head is up.
    """
    body, mask, redacted = (np.rot90(each, turn) for each in (body, mask, redacted))
    probability = np.rot90(probability, turn)
    if (place := _place_above(body)) is None:
        return None
    ellipse, around = _ellipse(place, body.shape), _ellipse(place, body.shape, REACH)
    area = int(ellipse.sum())
    gaps = ellipse & ~redacted
    if area == 0 or gaps.sum() < (1 - COVERED) * area or _is_lower_half(body, mask, around, area):
        return None
    evidence = float(np.minimum(probability[gaps] / threshold, 1).mean())
    if evidence < EVIDENCE:
        return None
    is_placed = bool((ellipse & mask).sum() < FOUND * area)
    pixels = around & (probability >= threshold / (threshold + ODDS * (1 - threshold)))
    if is_placed:
        pixels |= ellipse
    x, y, width, height = cv2.boundingRect(np.rot90(ellipse, -turn).astype(np.uint8))
    added = int((pixels & ~redacted).sum())
    return Head((x, y, width, height), added, evidence, is_placed), np.rot90(pixels, -turn)


@dataclass(frozen=True)
class _Place:
    """An upright ellipse in px."""

    x: float
    y: float
    width: float
    height: float


def _place_above(body: np.ndarray) -> _Place | None:
    """Return the place of the head of an upright body, bool (H, W); None outside of the image."""
    rows = np.flatnonzero(body.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    outline, _ = cv2.findContours(body.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(body.shape, np.uint8), outline, -1, 1, cv2.FILLED)
    more = (bottom - top) // 2 + 1  # of the body, beyond the edges of the image that cut it
    beyond = cv2.copyMakeBorder(filled, more, more, more, more, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(beyond, cv2.DIST_L2, cv2.DIST_MASK_5)[more:-more, more:-more]
    torso = 2 * float(depth[top : (top + bottom + 1) // 2].max())
    height = HEAD_OF_TORSO * torso
    if bottom < body.shape[0]:
        height = min(height, HEAD_OF_BODY * (bottom - top))
    for row in range(top, bottom):
        start, stop = _longest_run(filled[row])
        if stop - start >= SHOULDERS * torso:
            y = row + (BELOW_SHOULDERS - 0.5) * height
            return None if y < 0 else _Place((start + stop - 1) / 2, y, HEAD_WIDTH * height, height)
    return None


def _longest_run(line: np.ndarray) -> tuple[int, int]:
    """Return start and stop of the longest run of ones in uint8 (W,); 0, 0 without any."""
    changes = np.flatnonzero(np.diff(line, prepend=0, append=0))
    if not len(changes):
        return 0, 0
    starts, stops = changes[::2], changes[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])


def _ellipse(place: _Place, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """Return the pixels of an ellipse, scaled about its centre, bool of `shape`."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    across, along = scale * place.width / 2, scale * place.height / 2
    return ((x - place.x) / across) ** 2 + ((y - place.y) / along) ** 2 <= 1


def _is_lower_half(body: np.ndarray, mask: np.ndarray, around: np.ndarray, head: int) -> bool:
    """Return whether another body is `around` the head's place; `head`: area of a head in px."""
    others = (mask & ~body).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(others, connectivity=8)
    there = np.unique(labels[around])
    areas = stats[there[there > 0], cv2.CC_STAT_AREA]
    return bool((areas > MORE_THAN_HEAD * head).any())
