"""Contact sheets of repainted persons: before, after and mask side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from blender_addon.dataset import write_atomically

HEIGHT = 240  # px of each image
GAP = 6
CAPTION = 20
COLUMNS = 2  # examples side by side


@dataclass(frozen=True)
class Example:
    """One row of a sheet.

    Attributes:
        before: uint8 (H, W, 3).
        after: uint8 (H, W, 3).
        mask: (H, W), 0 background.
        caption: Text below, cut to the width of the images.
    """

    before: np.ndarray
    after: np.ndarray
    mask: np.ndarray
    caption: str


def write_contact_sheet(path: Path, examples: Sequence[Example]) -> None:
    """Write a PNG, whole or not at all. Raises ValueError without examples."""
    success, content = cv2.imencode(".png", np.ascontiguousarray(sheet(examples)[..., ::-1]))
    if not success:
        raise OSError(f"{path}: cannot be encoded")
    write_atomically(path, content.tobytes())


def sheet(examples: Sequence[Example]) -> np.ndarray:
    """Return the sheet, uint8 (H, W, 3). Raises ValueError without examples."""
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
    """Return one example with its caption, uint8 (h, w, 3)."""
    colours = coloured(example.mask)
    parts = [fitted(part) for part in (example.before, example.after, colours)]
    strip = np.concatenate([np.pad(part, ((GAP, 0), (GAP, 0), (0, 0))) for part in parts], 1)
    caption = np.zeros((CAPTION, strip.shape[1], 3), np.uint8)
    text = example.caption.encode("ascii", "replace").decode()  # the characters that OpenCV draws
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
    """Resize an image to HEIGHT px, keeping its aspect ratio."""
    height, width = image.shape[:2]
    size = (max(1, round(width * HEIGHT / height)), HEIGHT)
    return cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    )


def coloured(mask: np.ndarray) -> np.ndarray:
    """Return a mask with a colour for each person, uint8 (H, W, 3)."""
    hues = (mask.astype(np.int64) * 67 % 180).astype(np.uint8)
    is_person = mask > 0
    hsv = np.stack([hues, np.where(is_person, 170, 0), np.where(is_person, 230, 20)], -1).astype(
        np.uint8
    )
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def padded(image: np.ndarray, width: int) -> np.ndarray:
    """Add black columns on the right up to `width`."""
    return np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)))
