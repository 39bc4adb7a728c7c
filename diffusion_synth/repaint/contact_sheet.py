"""Contact sheets: before, after, mask, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from blender_addon.dataset import write_atomically

HEIGHT = 240  # px of each picture
GAP = 6
CAPTION = 20
COLUMNS = 2  # examples side by side


@dataclass(frozen=True)
class Example:
    """before, after: uint8 (H, W, 3); mask: (H, W), 0 background; caption: below them, cut to their width."""

    before: np.ndarray
    after: np.ndarray
    mask: np.ndarray
    caption: str


def write_sheet(path: Path, examples: Sequence[Example]) -> None:
    """A PNG, under a temporary name first."""
    fine, content = cv2.imencode(".png", np.ascontiguousarray(sheet(examples)[..., ::-1]))
    if not fine:
        raise OSError(f"{path}: could not be encoded")
    write_atomically(path, content.tobytes())


def sheet(examples: Sequence[Example]) -> np.ndarray:
    """uint8 (H, W, 3). Raises ValueError without examples."""
    tiles = [tile(example) for example in examples]
    if not tiles:
        raise ValueError("no examples to show")
    width = max(part.shape[1] for part in tiles)
    rows = []
    for first in range(0, len(tiles), COLUMNS):
        row = [padded(part, width) for part in tiles[first : first + COLUMNS]]
        row += [np.zeros_like(row[0])] * (min(COLUMNS, len(tiles)) - len(row))
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)


def tile(example: Example) -> np.ndarray:
    colours = coloured(example.mask)
    parts = [fitted(part) for part in (example.before, example.after, colours)]
    strip = np.concatenate([np.pad(part, ((GAP, 0), (GAP, 0), (0, 0))) for part in parts], 1)
    caption = np.zeros((CAPTION, strip.shape[1], 3), np.uint8)
    text = example.caption.encode("ascii", "replace").decode()  # OpenCV's letters
    cv2.putText(
        caption,
        text,
        (GAP, CAPTION - 6),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.4,
        (200, 200, 200),
        1,
        cv2.LINE_AA,
    )
    return np.concatenate([strip, caption])


def fitted(image: np.ndarray) -> np.ndarray:
    """At HEIGHT px."""
    height, width = image.shape[:2]
    size = (max(1, round(width * HEIGHT / height)), HEIGHT)
    return cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    )


def coloured(mask: np.ndarray) -> np.ndarray:
    """Every person in a colour of their own, uint8 (H, W, 3)."""
    hues = (mask.astype(np.int64) * 67 % 180).astype(np.uint8)
    there = mask > 0
    hsv = np.stack([hues, np.where(there, 170, 0), np.where(there, 230, 20)], -1).astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def padded(image: np.ndarray, width: int) -> np.ndarray:
    return np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)))
