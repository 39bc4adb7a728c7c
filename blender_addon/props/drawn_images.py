"""Images that are drawn by code, for pictures, posters, signs and screens. Pure numpy.

All of them lie in one atlas, so that one material shows them. A name is 'drawn:KIND:NUMBER'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .drawn_art import draw_art

TILE = 128  # px, side of an image in the atlas
_GAP = 2  # px of a tile's edge that are not shown, so that neighbours do not bleed in

Draw = Callable[[np.random.Generator], NDArray[np.uint8]]

# Kind of image: (number of images, function that draws one, (TILE, TILE, 3) display colours).
KINDS: dict[str, tuple[int, Draw]] = {
    "art": (16, draw_art),
}


def sample_image(kind: str, rng: np.random.Generator) -> str:
    """Draw the name of an image of a kind."""
    return f"drawn:{kind}:{int(rng.integers(KINDS[kind][0]))}"


@cache
def names() -> tuple[str, ...]:
    """The names of all images, in the order of the atlas."""
    return tuple(f"drawn:{kind}:{i}" for kind, (count, _) in KINDS.items() for i in range(count))


@cache
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate(names())}


@cache
def _columns() -> int:
    return int(np.ceil(np.sqrt(len(names()))))


def tile_box(name: str) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of an image in the atlas, 0..1.

    Raises:
        KeyError: An unknown image; the message lists the kinds.
    """
    if name not in _numbers():
        raise KeyError(f"no drawn image {name!r}; there are: {', '.join(KINDS)}")
    row, column = divmod(_numbers()[name], _columns())
    gap, size = _GAP / TILE, _columns()
    left, bottom = (column + gap) / size, (size - 1 - row + gap) / size
    side = (1 - 2 * gap) / size
    return (left, bottom, left + side, bottom + side)


@cache
def atlas() -> NDArray[np.uint8]:
    """All images in one, (S, S, 3) display colours, first row on top. Do not change the array."""
    size = _columns()
    pixels = np.zeros((size * TILE, size * TILE, 3), dtype=np.uint8)
    for name, number in _numbers().items():
        _, kind, index = name.split(":")
        row, column = divmod(number, size)
        seed = [*kind.encode(), int(index)]
        tile = KINDS[kind][1](np.random.default_rng(seed))
        pixels[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = tile
    return pixels
