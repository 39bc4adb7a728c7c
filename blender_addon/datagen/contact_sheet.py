"""Contact sheets: many pairs on one image. Pure numpy."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

GAP = 6  # px between pairs
PAPER = 24  # grey of the paper, 0..255


def overlay(image: Image, instances: NDArray[np.integer], strength: float = 0.55) -> Image:
    """Darken an image (H, W, 3), with each person of `instances` (H, W) in a colour of its own."""
    count = int(instances.max(initial=0)) + 1
    colors = np.array([_color(k) for k in range(count)], dtype=np.float32) * 255
    tinted = image * np.float32(1 - strength) + colors[instances] * np.float32(strength)
    background = image * np.float32(0.45)
    return np.where(instances[..., None] > 0, tinted, background).astype(np.uint8)


def contact_sheet(
    pairs: Sequence[tuple[Image, NDArray[np.integer]]], columns: int = 4, cell: int = 256
) -> Image:
    """Put pairs on one image, each with its overlay beside it.

    Args:
        pairs: (image (H, W, 3) uint8, instances (H, W)) of each pair.
        columns: Number of pairs in a row.
        cell: Height to which each image is scaled, px.

    Raises:
        ValueError: There are no pairs.
    """
    if not pairs:
        raise ValueError("a contact sheet needs at least one pair")
    cells = [_pair(image, instances, cell) for image, instances in pairs]
    width = max(c.shape[1] for c in cells)
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = np.full(
        (rows * (cell + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, dtype=np.uint8
    )
    for k, pair in enumerate(cells):
        top, left = GAP + (k // columns) * (cell + GAP), GAP + (k % columns) * (width + GAP)
        sheet[top : top + cell, left : left + pair.shape[1]] = pair
    return sheet


def _pair(image: Image, instances: NDArray[np.integer], cell: int) -> Image:
    height, width = image.shape[:2]
    out = (cell, max(1, round(width * cell / height)))
    rows = ((np.arange(out[0]) + 0.5) * height / out[0]).astype(int)
    columns = ((np.arange(out[1]) + 0.5) * width / out[1]).astype(int)
    nearest = np.ix_(rows, columns)
    return np.hstack([image[nearest], overlay(image[nearest], instances[nearest])])


def _color(number: int) -> tuple[float, float, float]:
    """A colour for person `number`: the golden ratio keeps neighbours apart."""
    return colorsys.hsv_to_rgb((number * 0.618034) % 1.0, 0.75, 1.0)
