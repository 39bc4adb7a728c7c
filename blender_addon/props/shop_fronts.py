"""Shops on the ground floor of a façade: windows full of goods, doors, signs and awnings."""

from __future__ import annotations

import numpy as np

from .colours import linear
from .pieces import boxes, quads, upright
from .primitives import DARK, IMAGE, LAMP, METAL, SECOND, SURFACE, Array, Solid

SIGN_ASPECT = 4.2  # width of drawn images of kind "shop", in heights

# Bars of a letter, in parts of its width and height: centre and extents.
_STROKES = np.array(
    [
        (0.08, 0.5, 0.16, 1.0),
        (0.92, 0.5, 0.16, 1.0),
        (0.5, 0.5, 0.16, 1.0),
        (0.5, 0.08, 0.9, 0.14),
        (0.5, 0.5, 0.9, 0.14),
        (0.5, 0.92, 0.9, 0.14),
        (0.08, 0.75, 0.16, 0.5),
        (0.92, 0.25, 0.16, 0.5),
    ]
)
_LETTERS = (
    (0, 3),
    (0, 1, 4),
    (0, 3, 4, 5),
    (2, 5),
    (0, 1, 3, 5),
    (0, 4, 5),
    (5, 6, 4, 7, 3),
    (0, 1, 3),
)


def letters(
    center: tuple[float, float, float],
    width: float,
    height: float,
    color: Array,
    rng: np.random.Generator,
) -> Solid:
    """A word of block letters that faces -Y and is at most `width` wide."""
    count = max(2, min(int(width / (0.95 * height)), int(rng.integers(4, 12))))
    step = 0.85 * height
    fields = []
    for i in range(count):
        strokes = _STROKES[list(_LETTERS[int(rng.integers(len(_LETTERS)))])]
        fields.append(
            np.stack(
                [
                    (i - count / 2 + 0.7 * strokes[:, 0]) * step,
                    (strokes[:, 1] - 0.5) * height,
                    0.7 * strokes[:, 2] * step,
                    strokes[:, 3] * height,
                ],
                axis=1,
            )
        )
    f = np.concatenate(fields)
    at = np.stack([f[:, 0], np.zeros(len(f)), f[:, 1]], axis=1) + center
    return upright(at, f[:, 2:], SECOND, color)


def shops(
    width: float, wall: float, height: float, thickness: float, rng: np.random.Generator
) -> list[Solid]:
    """A row of shops between pillars.

    Args:
        width: Of the front, m.
        wall: y of the front wall, m.
        height: Of the ground floor, m.
        thickness: Of the wall, m.
        rng: Generator of the details.
    """
    count = max(1, round(width / float(rng.uniform(4.0, 6.5))))
    unit = width / count
    pillar = min(0.5, 0.15 * unit)
    edges = (np.arange(count + 1) - count / 2) * unit
    held = np.clip(edges, -width / 2 + pillar / 2, width / 2 - pillar / 2)
    at = np.stack(
        [held, np.full(count + 1, wall + thickness / 2), np.full(count + 1, height / 2)], 1
    )
    parts = [boxes(at, (pillar, thickness, height), SURFACE)]
    shown = int(rng.integers(-1, count))  # one of them shows the image of the house
    for i in range(count):
        x = float(edges[i] + edges[i + 1]) / 2
        parts += _shop(x, unit - pillar, wall, height, rng, image=i == shown)
    return parts


def _shop(
    x: float, width: float, y: float, height: float, rng: np.random.Generator, *, image: bool
) -> list[Solid]:
    """One shop: board with its name, window over a low wall, door, and goods inside."""
    board_low = 0.74 * height
    board = height - board_low
    trim = linear(rng.uniform(0, 1), rng.uniform(0.0, 0.8), rng.uniform(0.08, 0.7))
    door = min(1.0, 0.35 * width)
    side = 1 if rng.random() < 0.5 else -1
    door_x = x + side * (width - door) / 2
    pane_x, pane = x - side * door / 2, width - door
    low = 0.12 * height * float(rng.uniform(0.6, 1.4))
    sign = linear(rng.uniform(0, 1), rng.uniform(0.0, 0.9), rng.uniform(0.1, 0.8))
    ink = np.array([0.8, 0.78, 0.7]) if sign.mean() < 0.25 else np.array([0.02, 0.02, 0.03])
    parts = [
        boxes((x, y + 0.02, board_low + board / 2), (width + 0.1, 0.2, 0.92 * board), SECOND, sign),
        boxes((pane_x, y + 0.15, low / 2), (pane, 0.2, low), SECOND, trim),
        upright((door_x, y + 0.31, board_low / 2), (door, board_low), DARK),
        boxes(
            [(pane_x + s * pane / 2, y + 0.14, board_low / 2) for s in (-1, 0, 1)]
            + [(door_x + s * door / 2, y + 0.3, board_low / 2) for s in (-1, 1)]
            + [(door_x, y + 0.3, 0.78 * board_low), (door_x, y + 0.3, 0.06)],
            [(0.07, 0.09, board_low)] * 3
            + [(0.08, 0.08, board_low)] * 2
            + [(door, 0.07, 0.07), (door, 0.07, 0.12)],
            SECOND,
            trim,
        ),
        boxes((door_x - 0.35 * side * door, y + 0.24, 1.05), (0.03, 0.05, 0.35), METAL),
    ]
    name = (x, y - 0.085, board_low + board / 2)
    if image:
        wide = min(0.92 * width, 0.88 * board * SIGN_ASPECT)
        parts.append(upright(name, (wide, wide / SIGN_ASPECT), IMAGE, image=True))
    else:
        parts.append(letters(name, 0.85 * width, 0.45 * board, ink, rng))
    parts += _inside(x, width, y, board_low, rng)
    return parts


def _inside(
    x: float, width: float, y: float, height: float, rng: np.random.Generator
) -> list[Solid]:
    """The part of a shop that is seen through its window: walls, floor, shelves and goods.

    All of it is glossy, and there is no pane (see `facades`). The rear wall of a lit shop shines
    faintly: a large weak lamp makes no noise.
    """
    back = y + 1.5
    tone = linear(rng.uniform(0.05, 0.15), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.85))
    lit = rng.random() < 0.65
    shade, wall = (LAMP, 0.15 * tone) if lit else (DARK, tone)
    rear = upright((x, back, height / 2), (width, height), shade, wall)
    walls = [
        rear,
        boxes((x, (y + back) / 2, 0.02), (width, back - y, 0.04), DARK, tone * 0.5),
        boxes((x, (y + back) / 2, height), (width, back - y, 0.05), DARK, (0.5, 0.5, 0.48)),
    ]
    shelves = int(rng.integers(2, 5))
    zs = np.linspace(0.35, 0.72 * height, shelves)
    boards = boxes([(x, y + 0.95, z) for z in zs], (0.9 * width, 0.4, 0.03), DARK, tone * 0.4)
    n = int(9 * shelves * min(1.0, width / 4))
    shelf = rng.integers(shelves, size=n)
    sizes = rng.uniform((0.06, 0.08, 0.1), (0.32, 0.3, 0.38), (n, 3))
    at = np.stack(
        [x + rng.uniform(-0.42, 0.42, n) * width, y + rng.uniform(0.8, 1.05, n), zs[shelf]], axis=1
    )
    at[:, 2] += sizes[:, 2] / 2
    hue = rng.uniform(0, 1)
    colors = linear(
        hue + rng.normal(0, 0.15, n), rng.uniform(0.1, 0.9, n), rng.uniform(0.2, 0.95, n)
    )
    return [*walls, boards, boxes(at, sizes, DARK, colors)]


def awnings(width: float, wall: float, height: float, rng: np.random.Generator) -> list[Solid]:
    """Striped or plain cloth over the pavement, before all of the front or a part of it."""
    if rng.random() < 0.45:
        return []
    z = 0.74 * height
    reach, drop = float(rng.uniform(0.8, 1.2)), 0.12 * height
    span = width * float(rng.uniform(0.4, 0.96))
    middle = float(rng.uniform(-1, 1)) * (width - span) / 2
    first = linear(rng.uniform(0, 1), rng.uniform(0.3, 0.85), rng.uniform(0.2, 0.7))
    second = np.array([0.75, 0.72, 0.66]) if rng.random() < 0.6 else first
    stripes = max(2, int(span / 0.3))
    xs = middle + np.linspace(-span / 2, span / 2, stripes + 1)
    y0, y1 = wall - 0.04, wall - reach
    a, b = xs[:-1], xs[1:]
    n = np.full(stripes, 1.0)
    slope = np.stack(
        [
            np.stack([a, y1 * n, (z - drop) * n], 1),
            np.stack([b, y1 * n, (z - drop) * n], 1),
            np.stack([b, y0 * n, z * n], 1),
            np.stack([a, y0 * n, z * n], 1),
        ],
        axis=1,
    )
    hem = slope.copy()
    hem[:, 2:] = slope[:, [1, 0]]
    hem[:, :2, 2] -= 0.2 * min(1.0, height / 3)
    colors = np.where(np.arange(stripes)[:, None] % 2, second, first)
    return [quads(slope, SECOND, colors), quads(hem, SECOND, colors * 0.9)]
