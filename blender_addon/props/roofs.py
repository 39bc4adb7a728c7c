"""Roofs of houses, and the measures of a house that they need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, quads, span, upright
from .primitives import DARK, METAL, SECOND, SURFACE, Array, Solid

WALL = 0.34  # m thick


@dataclass(frozen=True)
class Front:
    """Measures of a front, m.

    Attributes:
        width, back: Extents; `back` is the y of the rear.
        wall: y of the front wall.
        ground: Height of the ground floor.
        floors: (F,) height at which each further floor begins.
        floor: Height of such a floor.
        top: Height of the eaves.
        bays: (B,) x of the windows.
        window: Width and height of a window.
        sill: Height of the window above its floor.
    """

    width: float
    back: float
    wall: float
    ground: float
    floors: Array
    floor: float
    top: float
    bays: Array
    window: tuple[float, float]
    sill: float


def flat_roof(front: Front, height: float, stone: Array, rng: np.random.Generator) -> list[Solid]:
    """A parapet with a cornice, and things on the roof."""
    w, y, top = front.width, front.wall, front.top
    edge = 0.5 * (height - top)
    parapet = span((-w / 2, y, top), (w / 2, y + WALL, top + edge))
    cornice = boxes((0, y - 0.1, top), (w, 0.36, 0.2 * edge + 0.05), SECOND, stone)
    n = int(rng.integers(1, 4))
    at = np.stack(
        [
            rng.uniform(-0.35, 0.35, n) * w,
            rng.uniform(0.3, 0.9, n) * (front.back - y) + y,
            np.full(n, top),
        ],
        1,
    )
    units = boxes(
        at + by(0, 0, edge), (min(1.2, 0.2 * w), 0.8, 2 * edge), SECOND, (0.25, 0.25, 0.26)
    )
    masts = bars(at, at + by(0, 0, 2 * edge), 0.02, tone=METAL, sides=4)
    return [parapet, cornice, units, masts]


def pitched_roof(
    front: Front, height: float, stone: Array, rng: np.random.Generator
) -> list[Solid]:
    """A roof with its ridge along the street, courses of tiles, chimneys and a gutter."""
    w, y, top = front.width, front.wall, front.top
    eaves, middle = y - 0.35, (y + front.back) / 2
    hue, value = (
        (0.03, rng.uniform(0.3, 0.55)) if rng.random() < 0.6 else (0.6, rng.uniform(0.2, 0.4))
    )
    tile = linear(hue, 0.55 if hue < 0.1 else 0.08, value)
    courses = 14
    t = np.linspace(0, 1, courses + 1)
    ys, zs = eaves + t * (middle - eaves), top + t * (height - 0.15 - top)
    step = 0.04
    corners = np.array(
        [
            [
                (-w / 2, ys[i] - step, zs[i] + step),
                (w / 2, ys[i] - step, zs[i] + step),
                (w / 2, ys[i + 1], zs[i + 1]),
                (-w / 2, ys[i + 1], zs[i + 1]),
            ]
            for i in range(courses)
        ]
    )
    shades = tile * rng.uniform(0.75, 1.1, (courses, 1))
    rear = quads(
        [
            (w / 2, front.back, top),
            (-w / 2, front.back, top),
            (-w / 2, middle, zs[-1]),
            (w / 2, middle, zs[-1]),
        ],
        SECOND,
        tile,
    )
    gables = quads(
        [
            [(x, y, top), (x, front.back, top), (x, middle, zs[-1]), (x, middle, zs[-1] - 0.01)]
            for x in (-w / 2 + 0.01, w / 2 - 0.01)
        ],
        SURFACE,
    )
    n = int(rng.integers(1, 4))
    cx = rng.uniform(-0.4, 0.4, n) * w
    high = 0.35 * (height - top)
    stacks = boxes(
        np.stack([cx, np.full(n, middle - 0.3), np.full(n, height - high / 2)], axis=1),
        (0.6, 0.5, high),
        SECOND,
        linear(0.04, 0.45, 0.4),
    )
    gutter = bars(
        (-w / 2, eaves, top), (w / 2, eaves, top), 0.07, tone=SECOND, color=(0.2, 0.2, 0.2)
    )
    board = boxes((0, y - 0.15, top - 0.05), (w, 0.36, 0.12), SECOND, stone)
    dormers = _dormers(front, height, ys, zs, tile, rng)
    return [quads(corners, SECOND, shades), rear, gables, stacks, gutter, board, *dormers]


def _dormers(
    front: Front, height: float, ys: Array, zs: Array, tile: Array, rng: np.random.Generator
) -> list[Solid]:
    """Windows that stand out of a pitched roof."""
    if height - front.top < 2.2 or rng.random() < 0.4:
        return []
    xs = front.bays[:: 2 if len(front.bays) > 2 else 1]
    y, z = float(ys[4]), float(zs[4])
    at = np.stack([xs, np.full(len(xs), y), np.full(len(xs), z + 0.45)], axis=1)
    body = boxes(at + by(0, 0.75, 0), (1.3, 1.5, 1.1), SECOND, tile * 0.7)
    lid = boxes(at + by(0, 0.7, 0.6), (1.5, 1.7, 0.1), SECOND, tile)
    panes = upright(at + by(0, -0.02, 0), (0.9, 0.8), DARK)
    frame = boxes(at + by(0, -0.02, 0), (0.06, 0.06, 0.8), SECOND, (0.6, 0.6, 0.57))
    return [body, lid, panes, frame]
