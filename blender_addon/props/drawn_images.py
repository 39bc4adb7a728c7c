"""Images that are drawn by code, for pictures, posters, signs and screens. Pure numpy.

All of them lie in one atlas, so that one material shows them. A name is 'drawn:KIND:NUMBER'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .drawing import Canvas
from .drawn_art import draw_art
from .drawn_posters import draw_mural, draw_portrait, draw_poster
from .drawn_screens import draw_screen, draw_view
from .drawn_signs import draw_label, draw_shop, draw_sign

ATLAS_WIDTH = 2048  # px
_GAP = 2  # px of an image's edge that are not shown, so that neighbours do not bleed in

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ImageKind:
    """A row of KINDS.

    Attributes:
        count: Number of its images in the atlas.
        width, height: Size of one, px.
        draw: Draws one on a canvas of that size.
    """

    count: int
    width: int
    height: int
    draw: Callable[[Canvas, np.random.Generator], None]

    def image(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """(height, width, 4) display colours; alpha is the share of drawn persons."""
        canvas = Canvas(self.width, self.height)
        self.draw(canvas, rng)
        return canvas.pixels()


KINDS: dict[str, ImageKind] = {
    "art": ImageKind(12, 170, 170, draw_art),
    "poster": ImageKind(24, 170, 240, draw_poster),
    "sign": ImageKind(28, 112, 112, draw_sign),
    "shop": ImageKind(20, 320, 76, draw_shop),
    "screen": ImageKind(16, 240, 150, draw_screen),
    "view": ImageKind(9, 224, 168, draw_view),
    "label": ImageKind(28, 93, 124, draw_label),
    "mural": ImageKind(3, 336, 200, draw_mural),
    "portrait": ImageKind(8, 156, 204, draw_portrait),
}


def sample_image(kind: str, rng: np.random.Generator) -> str:
    """Draw the name of an image of a kind."""
    return f"drawn:{kind}:{int(rng.integers(KINDS[kind].count))}"


def aspect(kind: str) -> float:
    """Width of the images of a kind, in heights."""
    return KINDS[kind].width / KINDS[kind].height


@cache
def names() -> tuple[str, ...]:
    """The names of all images, in the order of the atlas."""
    return tuple(f"drawn:{kind}:{i}" for kind, row in KINDS.items() for i in range(row.count))


@cache
def _places() -> tuple[dict[str, tuple[int, int]], int]:
    """(left and top px of each image, height of the atlas): one kind below the other, in rows."""
    places: dict[str, tuple[int, int]] = {}
    top = 0
    for kind, row in KINDS.items():
        columns = ATLAS_WIDTH // row.width
        for i in range(row.count):
            places[f"drawn:{kind}:{i}"] = (i % columns * row.width, top + i // columns * row.height)
        top += -(-row.count // columns) * row.height
    return places, top


def tile_box(name: str) -> Box:
    """(left, bottom, right, top) of an image in the atlas, 0..1.

    Raises:
        KeyError: An unknown image; the message lists the kinds.
    """
    places, height = _places()
    if name not in places:
        raise KeyError(f"no drawn image {name!r}; there are: {', '.join(KINDS)}")
    left, top = places[name]
    row = KINDS[name.split(":")[1]]
    return (
        (left + _GAP) / ATLAS_WIDTH,
        1 - (top + row.height - _GAP) / height,
        (left + row.width - _GAP) / ATLAS_WIDTH,
        1 - (top + _GAP) / height,
    )


@cache
def atlas() -> NDArray[np.uint8]:
    """All images in one, (H, ATLAS_WIDTH, 4), first row on top; see ImageKind.image. Do not change
    the array.
    """
    places, height = _places()
    pixels = np.zeros((height, ATLAS_WIDTH, 4), dtype=np.uint8)
    for name, (left, top) in places.items():
        _, kind, index = name.split(":")
        image = KINDS[kind].image(np.random.default_rng([*kind.encode(), int(index)]))
        pixels[top : top + image.shape[0], left : left + image.shape[1]] = image
    return pixels


@cache
def shows_person(name: str) -> bool:
    """Whether drawn persons take at least a hundredth of an image."""
    left, top = _places()[0][name]
    row = KINDS[name.split(":")[1]]
    part = atlas()[top : top + row.height, left : left + row.width, 3]
    return bool((part > 127).mean() > 0.01)
