"""Doors, windows, curtains, radiators and what hangs on walls, built to size.

Their backs (+Y) are against the wall.
"""

from __future__ import annotations

import numpy as np

from .batches import Parts, boxes, cloth, color, colors, turned
from .primitives import DARK, GLASS, LAMP, METAL, SECOND, SURFACE, Builder, Size, Solid, tube


def _door(size: Size, rng: np.random.Generator) -> Solid:
    """A closed door in its frame."""
    x, y, z = size
    parts = Parts()
    jamb = min(0.08, 0.2 * x)
    for side in (-1, 1):
        parts.box((side * (x - jamb) / 2, 0, z / 2), (jamb, y, z), SECOND)
    parts.box((0, 0, z - jamb / 2), (x, y, jamb), SECOND)
    wide, tall = x - 2 * jamb, z - jamb
    parts.box((0, 0.2 * y, tall / 2), (wide, 0.4 * y, tall))
    style = int(rng.integers(4))
    if style == 1:
        parts.box((0, 0.0, 0.62 * tall), (0.7 * wide, 0.3 * y, 0.6 * tall), GLASS)
    elif style == 2:
        for low, high in ((0.08, 0.45), (0.52, 0.94)):
            for column in (-1, 1):
                at = (column * 0.22 * wide, -0.02 * y, 0.5 * (low + high) * tall)
                parts.box(at, (0.32 * wide, 0.1 * y, (high - low) * tall))
    elif style == 3:
        parts.box((0, -0.02 * y, 0.5 * tall), (0.78 * wide, 0.08 * y, 0.86 * tall))
    edge = float(rng.choice([-1, 1]))
    parts.box((edge * 0.42 * wide, -0.1 * y, 1.02 * min(1.0, z)), (0.035, 0.06, 0.16), METAL)
    parts.box((edge * 0.36 * wide, -0.4 * y, 1.05 * min(1.0, z)), (0.13, 0.02, 0.02), METAL)
    return parts.fitted(size)


def _window(size: Size, rng: np.random.Generator) -> Solid:
    """Frame, bars, panes and a sill; most of its depth is in the wall."""
    x, y, z = size
    parts = Parts()
    bar = min(0.06, 0.1 * x)
    for side in (-1, 1):
        parts.box((side * (x - bar) / 2, 0.05 * y, z / 2), (bar, 0.9 * y, z))
        parts.box((0, 0.05 * y, z / 2 + side * (z - bar) / 2), (x, 0.9 * y, bar))
    count = max(1, round(x / float(rng.uniform(0.6, 1.1))))
    for k in range(1, count):
        parts.box((-x / 2 + x * k / count, 0.2 * y, z / 2), (0.9 * bar, 0.35 * y, z))
    if rng.random() < 0.4:
        parts.box((0, 0.2 * y, float(rng.uniform(0.6, 0.75)) * z), (x, 0.3 * y, 0.7 * bar))
    parts.box((0, -0.2 * y, 0.015), (x, 0.6 * y, 0.03))
    parts.box((0, 0.22 * y, z / 2), (x - bar, 0.01, z - bar), GLASS)
    return parts.fitted(size)


def _curtain(size: Size, rng: np.random.Generator) -> Solid:
    """One curtain on its rod."""
    x, y, z = size
    parts = Parts()
    folds = max(2, round(x / float(rng.uniform(0.07, 0.12))))
    parts.add(cloth(x, 0.97 * z, 0.8 * y, min(folds, 24)))
    parts.add(tube((-x / 2, 0, 0.985 * z), (x / 2, 0, 0.985 * z), 0.012, tone=METAL, sides=8))
    return parts.fitted(size)


def _net_curtain(size: Size, rng: np.random.Generator) -> Solid:
    """A thin white curtain before a bright window: it shines."""
    x, y, z = size
    light = np.array((1.0, 0.99, 0.96)) * float(rng.uniform(0.15, 0.6))
    parts = Parts()
    parts.add(cloth(x, z, 0.8 * y, max(3, min(round(x / 0.1), 30)), LAMP, light))
    paint = parts.fitted(size)
    # Folds that turn away are darker.
    slope = 0.75 + 0.25 * np.sin(np.arange(len(paint.starts)) // 3 * np.pi / 3)
    return paint.painted(light * slope[:, None])


def _blind(size: Size, rng: np.random.Generator) -> Solid:
    """A venetian blind."""
    x, y, z = size
    parts = Parts()
    count = max(2, int(z / 0.04))
    level = (np.arange(count) + 0.5) * z / count
    at = np.column_stack([0 * level, 0 * level, level])
    parts.add(boxes(at, (x, 0.7 * y, 0.35 * z / count)))
    parts.box((0, 0, z - 0.02), (x, y, 0.04))
    for side in (-0.3, 0.3):
        parts.box((side * x, -0.36 * y, z / 2), (0.01, 0.004, z), SECOND)
    return parts.fitted(size)


def _radiator(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    if rng.random() < 0.5:
        parts.box((0, 0.1 * y, z / 2), (x, 0.6 * y, z))
        count = max(2, int(x / 0.05))
        at = np.linspace(-0.48, 0.48, count) * x
        middle = np.column_stack([at, 0 * at - 0.3 * y, 0 * at + z / 2])
        parts.add(boxes(middle, (0.022, 0.14 * y, 0.94 * z)))
    else:
        count = max(2, int(x / 0.06))
        at = np.linspace(-0.47, 0.47, count) * x
        middle = np.column_stack([at, 0 * at, 0 * at + z / 2])
        parts.add(boxes(middle, (0.04, 0.9 * y, 0.96 * z)))
        parts.box((0, 0, 0.1 * z), (x, 0.4 * y, 0.06 * z))
    parts.box((0.49 * x, 0, 0.1 * z), (0.02 * x, 0.5 * y, 0.12 * z), METAL)
    return parts.fitted(size)


def _clock(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    r = 0.5 * min(x, z)
    parts = Parts()
    parts.add(tube((0, y / 2, z / 2), (0, -0.3 * y, z / 2), r, tone=SECOND, sides=24))
    parts.add(tube((0, -0.3 * y, z / 2), (0, -0.35 * y, z / 2), 0.88 * r, sides=24))
    for long, angle in ((0.5, rng.uniform(0, 6.3)), (0.75, rng.uniform(0, 6.3))):
        end = (long * r * np.sin(angle), -0.4 * y, z / 2 + long * r * np.cos(angle))
        parts.add(tube((0, -0.4 * y, z / 2), end, 0.05 * r, tone=DARK, sides=4))
    return parts.fitted(size)


def _plate(size: Size, rng: np.random.Generator) -> Solid:
    """A switch or a socket."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0, z / 2), size)
    if rng.random() < 0.5:
        parts.box((0, -0.5 * y, z / 2), (0.6 * x, 0.3 * y, 0.6 * z), SECOND)
    else:
        parts.add(tube((0, -0.3 * y, z / 2), (0, -0.5 * y, z / 2), 0.3 * min(x, z), tone=DARK))
    return parts.fitted(size)


def _board(size: Size, rng: np.random.Generator) -> Solid:
    """A whiteboard or blackboard with marks of writing and a tray."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.2 * y, z / 2), (x, 0.6 * y, z))
    for side in (-1, 1):
        parts.box((side * (x - 0.02) / 2, 0, z / 2), (0.02, 0.8 * y, z), METAL)
        parts.box((0, 0, z / 2 + side * (z - 0.02) / 2), (x, 0.8 * y, 0.02), METAL)
    n = int(rng.integers(10, 60))
    row = rng.integers(0, 8, n)
    at = np.column_stack([rng.uniform(-0.44, 0.44, n) * x, np.full(n, -0.105 * y),
                          z * (0.15 + 0.1 * row) + rng.normal(0, 0.004, n)])  # fmt: skip
    sizes = np.column_stack([rng.uniform(0.01, 0.05, n) * x, np.full(n, 0.002),
                             rng.uniform(0.004, 0.03, n)])  # fmt: skip
    ink = colors(rng, n, (0.6, 0.9), (0.1, 0.6))
    parts.add(boxes(at, sizes, SECOND, ink if rng.random() < 0.5 else np.nan))
    parts.box((0, -0.3 * y, 0.01), (0.6 * x, 0.4 * y, 0.02), METAL)
    return parts.fitted(size)


def _notes(size: Size, rng: np.random.Generator) -> Solid:
    """A cork board or wall with sheets of paper, notes and cards."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.3 * y, z / 2), (x, 0.4 * y, z))
    n = max(3, int(18 * x * z))
    at = np.column_stack([rng.uniform(-0.42, 0.42, n) * x, -0.3 * y * rng.random(n),
                          rng.uniform(0.1, 0.9, n) * z])  # fmt: skip
    sizes = np.column_stack([rng.uniform(0.08, 0.22, n), np.full(n, 0.002),
                             rng.uniform(0.08, 0.3, n)])  # fmt: skip
    paint = np.where(rng.random((n, 1)) < 0.6, 0.75, colors(rng, n, (0.2, 0.9), (0.5, 0.95)))
    parts.add(boxes(at, sizes, SURFACE, paint))
    return parts.fitted(size)


def _tool_wall(size: Size, rng: np.random.Generator) -> Solid:
    """A board with hanging tools."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.42 * y, z / 2), (x, 0.12 * y, z))
    columns = max(2, int(x / 0.14))
    for row in (0.6, 0.15):
        for at in np.linspace(-0.45, 0.45, columns) * x:
            if rng.random() < 0.15:
                continue
            long = float(rng.uniform(0.18, 0.38)) * z
            grip = color(rng, (0.5, 0.95), (0.1, 0.85))
            level = row * z + 0.38 * z - long
            parts.box((at, 0.1 * y, level + 0.2 * long), (0.035, 0.03, 0.45 * long), SURFACE, grip)
            parts.box((at, 0.1 * y, level + 0.6 * long), (0.016, 0.02, 0.7 * long), METAL)
            if rng.random() < 0.5:
                head = (at, 0.1 * y, level + 0.92 * long)
                parts.box(head, (float(rng.uniform(0.04, 0.12)), 0.03, 0.035), METAL)
    return parts.fitted(size)


def _rug(size: Size, rng: np.random.Generator) -> Solid:
    """A flat rug: plain, with borders, or with stripes of its own colours."""
    x, y, z = size
    parts = Parts()
    paint = colors(rng, 5, (0.1, 0.8), (0.1, 0.8))
    style = int(rng.integers(3))
    if style == 0:
        parts.box((0, 0, z / 2), size)
    elif style == 1:
        for k, share in enumerate((1.0, 0.9, 0.84, 0.6, 0.45)):
            edge = (1 - share) * min(x, y)
            high = z * (0.6 + 0.1 * k)
            parts.box((0, 0, high / 2), (x - edge, y - edge, high), SURFACE, paint[k % 3])
    else:
        n = int(rng.integers(7, 22))
        at = -x / 2 + x / n * (np.arange(n) + 0.5)
        middle = np.column_stack([at, 0 * at, 0 * at + z / 2])
        parts.add(boxes(middle, (x / n, y, z), SURFACE, paint[rng.integers(5, size=n)]))
    return parts.fitted(size)


def _hanging_pans(size: Size, rng: np.random.Generator) -> Solid:
    x, _, z = size
    parts = Parts()
    parts.add(tube((-x / 2, 0, z - 0.02), (x / 2, 0, z - 0.02), 0.01, tone=METAL, sides=6))
    count = max(2, int(x / 0.16))
    for at in np.linspace(-0.42, 0.42, count) * x:
        long = float(rng.uniform(0.4, 0.85)) * z
        parts.box(
            (at, 0, z - long / 2), (0.015, 0.012, long), METAL if rng.random() < 0.5 else DARK
        )
        r = float(rng.uniform(0.25, 0.45)) * min(0.3, x / count * 2)
        disc = turned(((0, 0), (r, 0), (r, 0.03), (0, 0.03)), (0, 0, 0), sides=12)
        upright = np.array([(1.0, 0, 0), (0, 0, -1), (0, 1, 0)])
        parts.add(disc.placed(upright, (at, 0.02, max(z - long, r))))
    return parts.fitted(size)


FITTINGS: dict[str, Builder] = {
    "door": _door,
    "window": _window,
    "curtain": _curtain,
    "net_curtain": _net_curtain,
    "blind": _blind,
    "radiator": _radiator,
    "clock": _clock,
    "wall_plate": _plate,
    "writing_board": _board,
    "notice_board": _notes,
    "tool_wall": _tool_wall,
    "rug": _rug,
    "hanging_pans": _hanging_pans,
}
