"""All images of cloth and skin in one: an atlas of tiles that are drawn by code.

One image for all materials, because every image costs Cycles memory and a look-up of its own. A
tile has a margin of its own opposite edge, so that interpolation finds its neighbour there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .fabric_figures import FIGURES
from .fabric_weaves import WEAVES
from .skin_tiles import SKIN_TILES
from .tile_grid import SIZE, pack

MARGIN = 2  # px
COLUMNS = 8
PLAIN = "plain"  # the empty figure: all cloth of the first colour

_MAKERS = {
    PLAIN: pack,
    **{name: weave.make for name, weave in WEAVES.items()},
    **{name: figure.make for name, figure in FIGURES.items()},
    **SKIN_TILES,
}
TILES = tuple(_MAKERS)
ROWS = -(-len(TILES) // COLUMNS)


_STEP = SIZE + 2 * MARGIN
WIDTH, HEIGHT = COLUMNS * _STEP, ROWS * _STEP  # px of the atlas
TILE_SCALE = (SIZE / WIDTH, SIZE / HEIGHT, 0.0)  # size of a tile in the atlas


def tile_origin(name: str) -> tuple[float, float]:
    """The lower left corner of a tile, in coordinates of the atlas, 0..1.

    Raises:
        ValueError: There is no tile of that name.
    """
    if name not in _MAKERS:
        raise ValueError(f"unknown tile {name!r}; there are {', '.join(TILES)}")
    row, column = divmod(TILES.index(name), COLUMNS)
    return (column * _STEP + MARGIN) / WIDTH, (row * _STEP + MARGIN) / HEIGHT


def tile(name: str) -> NDArray[np.float32]:
    """(SIZE, SIZE, 4) 0..1, bottom row first: one tile, see `tile_grid.pack`."""
    return _MAKERS[name]()


@lru_cache(maxsize=1)
def atlas() -> NDArray[np.uint8]:
    """(H, W, 4), bottom row first: all tiles, from the lower left, row by row."""
    out = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    for number, name in enumerate(TILES):
        row, column = divmod(number, COLUMNS)
        pixels = np.rint(tile(name) * 255).astype(np.uint8)
        pixels = np.pad(pixels, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="wrap")
        out[row * _STEP : (row + 1) * _STEP, column * _STEP : (column + 1) * _STEP] = pixels
    return out
