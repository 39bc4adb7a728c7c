"""The pieces of a redacted frame, as `--write-masks` and `--write-json` write them. Pure numpy.

Mask: grey PNG of 8 bits (16 with more than 254 pieces) and the size of the upright frame, 0 what
was not redacted, k the pixels of piece k. A piece is what was found in one connected part, with its
margin; it may be several persons that touch, or a part of one.

JSON, one file for each input, a frame a line:

    {"format": "pii_seg instances", "version": 1, "name": "a/b.jpg", "output": "a/b.jpg",
     "threshold": 0.5, "frames": [
    {"frame": 0, "width": 640, "height": 480, "mask": "b.jpg.png", "pieces": [
      {"id": 1, "bbox": [x, y, width, height], "area": 812, "score_mean": 0.93, "score_max": 0.99,
       "sources": ["model"]}]}
    ]}

`mask` is relative to the JSON file, null if none was written. Scores are over the pixels that the
model found, null if it found none. Videos add `time` (s) and `track_key` (the
end of the names of its tracks) to a frame, and `track` to a piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

FORMAT, VERSION = "pii_seg instances", 1
MOST_IDS = 65535
"""Largest id that a PNG of 16 bits holds. Smaller pieces beyond it share it."""

MODEL, OWN_MASK, REGION, NEIGHBOUR = "model", "own mask", "region", "neighbouring frame"
"""Where the mask of a piece came from: the segmenter, --masks, --include, a held mask (--hold)."""

HEAD = "head"
"""A head that was completed where the segmenter's body has it."""


@dataclass(frozen=True)
class Piece:
    """A piece of the redacted area; the names are keys of the JSON.

    Attributes:
        id: Its number in the mask, from 1, largest first.
        bbox: x, y, width, height in px, with the margin.
        area: In px, with the margin.
        score_mean: Mean probability of the pixels that the model found; None without any.
        score_max: Highest probability of these pixels.
        sources: Where its mask came from, of MODEL, OWN_MASK, REGION, NEIGHBOUR and HEAD.
        track: Number of the person's track in a video; None in images, which leave it out.
    """

    id: int
    bbox: tuple[int, int, int, int]
    area: int
    score_mean: float | None
    score_max: float | None
    sources: tuple[str, ...]
    track: int | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the values as the JSON holds them."""
        record = asdict(self)
        if self.track is None:
            del record["track"]
        return record


def number_pieces(
    redacted: np.ndarray, found: np.ndarray, regions: np.ndarray | None = None
) -> np.ndarray:
    """Number the pieces of a redacted area.

    A pixel of the margin belongs to the nearest found pixel of its connected part, so that persons
    whose margins touch stay apart. What a region covers and nothing found is a piece of its own.

    Args:
        redacted: bool (H, W), the area that is redacted.
        found: bool (H, W), its part that the model or the user's mask marks, without margin.
        regions: bool (H, W), the regions that are always redacted.

    Returns:
        int32 (H, W): 0 where nothing is redacted, else 1 … n, largest first.
    """
    ids = np.zeros(redacted.shape, np.int32)
    x, y, width, height = cv2.boundingRect(redacted.astype(np.uint8))
    if width == 0:
        return ids
    box = (slice(y, y + height), slice(x, x + width))
    redacted, found = redacted[box], found[box] & redacted[box]
    alone = np.zeros_like(found) if regions is None else regions[box] & redacted & ~found
    numbers = _components(found)[0]
    numbered = int(numbers.max(initial=0))
    parts, stats = _components(redacted & ~alone)
    for part, (left, top, w, h, _) in enumerate(stats[1:], start=1):
        around = (slice(top, top + h), slice(left, left + w))
        inside = parts[around] == part
        seeds = np.where(inside, numbers[around], 0)
        if not seeds.any():
            numbered += 1
        numbers[around][inside] = _nearest(seeds)[inside] if seeds.any() else numbered
    apart = _components(alone)[0]
    numbers[alone] = apart[alone] + numbered
    ids[box] = _largest_first(numbers)
    return ids


def _components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 8-connected parts of a mask as int32 (H, W), and x, y, w, h, area of each."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return labels, stats


def _nearest(seeds: np.ndarray) -> np.ndarray:
    """Return for each pixel the number of the nearest seed; seeds int32 (H, W), 0 is none."""
    if seeds.max() == seeds[seeds > 0].min():
        return np.full_like(seeds, seeds.max())
    given = seeds > 0
    _, labels = cv2.distanceTransformWithLabels(
        (~given).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
    )
    number_of = np.zeros(int(labels.max()) + 1, seeds.dtype)
    number_of[labels[given]] = seeds[given]
    return number_of[labels]


def _largest_first(numbers: np.ndarray) -> np.ndarray:
    areas = np.bincount(numbers.ravel())
    areas[0] = 0
    order = np.argsort(-areas, kind="stable")
    new = np.zeros(len(areas), np.int32)
    present = order[areas[order] > 0]
    new[present] = np.arange(1, len(present) + 1)
    return new[numbers]


def describe_pieces(
    ids: np.ndarray, probability: np.ndarray | None, evidence: Mapping[str, np.ndarray]
) -> list[Piece]:
    """Describe the pieces of a mask.

    Args:
        ids: int32 (H, W), see `number_pieces`.
        probability: float32 (H, W); None without a model.
        evidence: bool (H, W) for each source: the pixels that it marks.
    """
    pieces = []
    for number, (x, y, width, height) in enumerate(_boxes(ids), start=1):
        box = (slice(y, y + height), slice(x, x + width))
        inside = ids[box] == number
        scores = np.empty(0, np.float32)
        if probability is not None and MODEL in evidence:
            scores = probability[box][inside & evidence[MODEL][box]]
        pieces.append(
            Piece(
                id=number,
                bbox=(x, y, width, height),
                area=int(inside.sum()),
                score_mean=round(float(scores.mean()), 4) if scores.size else None,
                score_max=round(float(scores.max()), 4) if scores.size else None,
                sources=tuple(
                    name for name, marked in evidence.items() if (marked[box] & inside).any()
                ),
            )
        )
    return pieces


def _boxes(ids: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return x, y, width, height of each id, in one pass over the image."""
    places = np.argwhere(ids)
    numbers = ids[ids > 0] - 1
    low = np.full((int(ids.max(initial=0)), 2), max(ids.shape))
    high = np.zeros_like(low)
    np.minimum.at(low, numbers, places)
    np.maximum.at(high, numbers, places + 1)
    return [
        (int(x), int(y), int(r - x), int(b - y)) for (y, x), (b, r) in zip(low, high, strict=True)
    ]


def encode_ids(ids: np.ndarray) -> bytes:
    """Encode ids, int32 (H, W), as a PNG of 8 or 16 bits."""
    # In 8 bits 255 means "ignore", here as in data sets.
    kind = np.uint8 if ids.max(initial=0) < 255 else np.uint16
    strategy = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
    done, data = cv2.imencode(".png", np.minimum(ids, MOST_IDS).astype(kind), strategy)
    if not done:
        raise ValueError(f"a mask of shape {ids.shape} cannot be encoded as PNG")
    return data.tobytes()


def head_record(*, name: str, output: str, threshold: float | None) -> dict[str, Any]:
    """Return the JSON of a file without its frames."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "output": output,
        "threshold": threshold,
    }


def frame_record(
    frame: int, ids: np.ndarray, mask: str | None, pieces: Iterable[Piece], **more: Any
) -> dict[str, Any]:
    """Return the JSON of one frame; `more` are further keys, such as `time`."""
    height, width = ids.shape
    return {
        "frame": frame,
        **more,
        "width": width,
        "height": height,
        "mask": mask,
        "pieces": [piece.as_record() for piece in pieces],
    }
