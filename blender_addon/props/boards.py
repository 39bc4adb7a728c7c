"""Boards in the open that show images: billboards, boards before shops, columns, screens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .frames import FRAMES
from .primitives import (
    DARK,
    IMAGE,
    METAL,
    SECOND,
    Builder,
    Size,
    Solid,
    ball,
    box,
    join,
    polygons,
    tube,
)


def _billboard(size: Size, rng: np.random.Generator) -> Solid:
    """A framed board on two posts, its image as high as three quarters of it."""
    x, y, z = size
    low = 0.25 * z
    board = FRAMES["framed_picture"]((x, 0.6 * y, z - low), rng).moved((0, -0.2 * y, low))
    posts = [box((s * 0.42 * x, 0.2 * y, z / 2), (0.06 * x, 0.3 * y, z), METAL) for s in (-1, 1)]
    return join([board, *posts])


def _a_board(size: Size, rng: np.random.Generator) -> Solid:
    """Two boards that lean on each other, as they stand before shops."""
    x, y, z = size
    lean = np.arctan2(0.42 * y, z)
    c, s = np.cos(lean), np.sin(lean)
    length = 0.97 * z / c
    sheet = FRAMES["framed_picture"]((x, 0.02, length), rng)
    front = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    turn = np.diag((-1.0, -1.0, 1.0))
    leaf = sheet.placed(front, (0, -0.44 * y, 0.01 * z))
    both = join([leaf, leaf.placed(turn, np.zeros(3))])
    low = both.vertices.min(axis=0)
    grown = np.array([x, y, z]) / np.maximum(np.ptp(both.vertices, axis=0), 1e-6)
    return both.placed(np.diag(np.minimum(grown, 1.0)), (0, 0, -low[2] * min(grown[2], 1.0)))


def _poster_column(size: Size, rng: np.random.Generator) -> Solid:
    """A round column with the same poster all round, under a roof."""
    x, y, z = size
    radius, sides = 0.45 * min(x, y), 36
    phi = 2 * np.pi * np.arange(sides + 1) / sides - np.pi / 2
    ring = np.column_stack([np.cos(phi), np.sin(phi)]) * radius
    low, high = 0.12 * z, 0.86 * z
    corners = np.concatenate([np.column_stack([ring, np.full(sides + 1, h)]) for h in (low, high)])
    faces = [(i, i + 1, sides + 2 + i, sides + 1 + i) for i in range(sides)]
    wall = polygons(corners, faces, IMAGE, smooth=True)
    around = max(1.0, round(2 * np.pi * radius / (0.72 * (high - low))))
    # A poster ends at a whole number of faces.
    per = max(1, round(sides / around))
    u = np.array([[i % per, i % per + 1, i % per + 1, i % per] for i in range(sides)]) / per
    v = np.array([[0.0, 0, 1, 1]] * sides)
    wall = replace(wall, uv=np.stack([u, v], axis=-1).reshape(-1, 2))
    return join(
        [
            wall,
            tube((0, 0, 0), (0, 0, low), 1.04 * radius, tone=SECOND, sides=sides),
            tube((0, 0, high), (0, 0, 0.9 * z), 1.1 * radius, tone=SECOND, sides=sides),
            tube((0, 0, 0.9 * z), (0, 0, 0.98 * z), radius, 0.25 * radius, SECOND, sides),
            ball((0, 0, 0.97 * z), (0.03 * z, 0.03 * z, 0.03 * z), SECOND),
        ]
    )


def _screen_on_stand(size: Size, rng: np.random.Generator) -> Solid:
    """A screen on a pole with a foot, as it stands in shops and halls."""
    x, y, z = size
    high = min(0.62 * x, 0.6 * z)
    panel = FRAMES["screen"]((x, 0.06, high), rng).moved((0, -0.05, z - high))
    return join(
        [
            panel,
            box((0, 0, 0.5 * (z - 0.5 * high)), (0.08, 0.05, z - 0.5 * high), DARK),
            box((0, 0, 0.012), (min(0.6, x), min(0.45, y), 0.024), DARK),
        ]
    )


BOARDS: dict[str, Builder] = {
    "billboard": _billboard,
    "a_board": _a_board,
    "poster_column": _poster_column,
    "screen_on_stand": _screen_on_stand,
}
