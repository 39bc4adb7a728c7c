"""Flat things that show an image: framed pictures, posters and screens. See `sized`."""

from __future__ import annotations

import numpy as np

from .primitives import DARK, SECOND, Builder, Size, Solid, box, join, picture


def _framed(size: Size, rng: np.random.Generator) -> Solid:
    """A picture in a frame of 2 to 5 cm."""
    x, y, z = size
    bar = min(float(rng.uniform(0.02, 0.05)), 0.2 * min(x, z))
    return _in_frame(x, y, z, bar, SECOND)


def _poster(size: Size, rng: np.random.Generator) -> Solid:
    """A sheet of paper on a thin board."""
    x, y, z = size
    return _in_frame(x, y, z, 0.004, SECOND)


def _screen(size: Size, rng: np.random.Generator) -> Solid:
    """A monitor or television without its stand."""
    x, y, z = size
    return _in_frame(x, y, z, min(0.015, 0.1 * min(x, z)), DARK)


def _in_frame(x: float, y: float, z: float, bar: float, tone: int) -> Solid:
    """A board with a raised edge, and the image between."""
    edge = 0.4 * y
    sides = [
        box((s * (x - bar) / 2, -y / 2 + edge / 2, z / 2), (bar, edge, z), tone) for s in (-1, 1)
    ]
    across = [
        box((0, -y / 2 + edge / 2, h), (x - 2 * bar, edge, bar), tone)
        for h in (bar / 2, z - bar / 2)
    ]
    board = box((0, edge / 2, z / 2), (x, y - edge, z), tone)
    image = picture((0, -y / 2 + edge - 0.001, z / 2), (x - 2 * bar, z - 2 * bar))
    return join([board, *sides, *across, image])


FRAMES: dict[str, Builder] = {
    "framed_picture": _framed,
    "poster": _poster,
    "screen": _screen,
}
