"""Bookcases, shop shelves, cupboards and racks with the things in them, built to size."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from .batches import Parts, boxes, color, colors, shifted, turned
from .primitives import DARK, METAL, SECOND, SURFACE, Array, Builder, Size, Solid
from .tableware import BOTTLE_OUTLINE, CAN_OUTLINE, JAR_OUTLINE, things_on

_BOARD = 0.02  # m, thickness of boards


def _frame(parts: Parts, size: Size, levels: Iterable[float], back: int = SURFACE) -> None:
    """Sides, back, and a board at each of `levels` (m, its upper side)."""
    x, y, z = size
    for side in (-1, 1):
        parts.box((side * (x - _BOARD) / 2, 0, z / 2), (_BOARD, y, z))
    parts.box((0, y / 2 - 0.005, z / 2), (x, 0.01, z), back)
    for level in levels:
        parts.box((0, 0, level - _BOARD / 2), (x - 2 * _BOARD, y, _BOARD))


def books(
    rng: np.random.Generator, left: float, right: float, y: float, level: float, room: float,
    depth: float,
) -> Solid | None:  # fmt: skip
    """Upright books from `left` to `right` on a board; None where there is no room for one.

    Args:
        rng: Generator.
        left, right: m along x.
        y: Their backs, m.
        level: The board, m.
        room: Height above the board, m.
        depth: Of the board, m.
    """
    widths = rng.uniform(0.014, 0.05, max(1, int((right - left) / 0.02)))
    ends = left + np.cumsum(widths)
    widths = widths[ends < right]
    if len(widths) == 0:
        return None
    x = left + np.cumsum(widths) - widths / 2
    run = np.repeat(rng.uniform(0.5, 0.9, len(x) // 6 + 1), 6)[: len(x)]
    high = np.clip(run + rng.normal(0, 0.06, len(x)), 0.4, 0.95) * min(room, 0.34)
    deep = np.clip(rng.uniform(0.5, 0.85, len(x)) * depth, 0.05, None)
    centers = np.column_stack([x, y + deep / 2 + 0.01 * rng.random(len(x)), level + high / 2])
    paint = colors(rng, len(x), (0.0, 0.85), (0.08, 0.92))
    return boxes(centers, np.column_stack([0.95 * widths, deep, high]), SURFACE, paint)


def _bookcase(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    count = max(1, round(z / 0.36))
    levels = np.linspace(0.08 * min(z, 1.0), z, count + 1)
    _frame(parts, size, levels)
    bays = max(1, round(x / 0.8))
    wide = x / bays
    for bay in range(bays):
        left = -x / 2 + bay * wide + _BOARD
        if bay:
            parts.box((left - _BOARD, 0, z / 2), (_BOARD, y, z))
        for low, high in pairwise(levels):
            room = high - low - _BOARD
            inner = wide - 2 * _BOARD
            used = float(rng.choice([0.0, 0.5, 0.75, 1.0], p=[0.15, 0.2, 0.3, 0.35])) * inner
            row = books(rng, left, left + used, -0.35 * y, low, room, y)
            if row is not None:
                parts.add(row)
            free = inner - used
            if free > 0.15 and room > 0.2:
                kinds = ("jar", "flowers", "packet", "candle", "books", "packet")
                middle = (left + used + free / 2, 0.0)
                parts.add(*things_on(rng, middle, (0.9 * free, 0.6 * y), low, kinds, 0.7, 0.2))
    return parts.fitted(size)


def _products(
    rng: np.random.Generator, length: float, depth: float, level: float, room: float, front: float
) -> list[Solid]:
    """Groups of equal packets, cans or bottles along a board of a shop.

    Args:
        rng: Generator.
        length, depth: Of the board, m.
        level, room: Its height, and that of the space above, m.
        front: y of its front edge, m; things stand up to it.
    """
    solids: list[Solid] = []
    x = -length / 2 + 0.02
    centers: list[Array] = []
    sizes: list[Array] = []
    paints: list[Array] = []
    while x < length / 2 - 0.12:
        wide = float(rng.uniform(0.06, 0.2))
        number = int(np.clip(rng.uniform(0.2, 0.6) // wide, 1, 6))
        number = min(number, int((length / 2 - x) / wide))
        if number < 1:
            break
        kind = int(rng.integers(5))
        at = x + wide * (np.arange(number) + 0.5)
        paint = color(rng, (0.2, 1.0), (0.25, 0.95))
        second = color(rng, (0.0, 1.0), (0.1, 0.95))
        high = float(rng.uniform(0.4, 0.9)) * min(room, 0.36)
        y = front + 0.5 * min(depth, 0.25) + float(rng.uniform(0.0, 0.06))
        kept = rng.random(number) < 0.93
        at = at[kept]
        if kind < 3:
            for part, share, colour, grow in ((0, 1.0, paint, 0.0), (1, 0.35, second, 0.004)):
                middle = high * (0.5 if part == 0 else float(rng.uniform(0.35, 0.65)))
                centers.append(np.column_stack([at, 0 * at + y, 0 * at + level + middle]))
                extent = (0.92 * wide + grow, min(depth, 0.22) + 2 * grow, share * high)
                sizes.append(np.tile(extent, (len(at), 1)))
                paints.append(np.tile(colour, (len(at), 1)))
        elif len(at):
            outline = (BOTTLE_OUTLINE, CAN_OUTLINE, JAR_OUTLINE)[int(rng.integers(3))]
            top = max(h for _, h in outline)
            scale = (0.45 * wide / max(r for r, _ in outline), high / top)
            places = np.column_stack([at, 0 * at + y - 0.05, 0 * at + level])
            by = np.tile(scale, (len(at), 1))
            solids.append(turned(outline, places, by, paints=paint, sides=8))
            band = ((0, 0), (0.46 * wide, 0), (0.46 * wide, 0.3 * high), (0, 0.3 * high))
            solids.append(turned(band, shifted(places, 0, 0, 0.2 * high), paints=second, sides=8))
        x += wide * number + 0.01
    if centers:
        solids.append(boxes(np.concatenate(centers), np.concatenate(sizes), SURFACE,
                            np.concatenate(paints)))  # fmt: skip
    return solids


def _gondola(size: Size, rng: np.random.Generator) -> Solid:
    """A shelf of a shop, full of products, with price tags."""
    x, y, z = size
    parts = Parts()
    count = max(1, round(z / 0.38))
    levels = np.linspace(0.12 * min(z, 1.0), z - 0.06 * z, count + 1)[:-1]
    parts.box((0, y / 2 - 0.015, z / 2), (x, 0.03, z), SECOND)
    parts.box((0, 0, levels[0] / 2), (x, y, levels[0]), SECOND)
    gap = levels[1] - levels[0] if count > 1 else z - levels[0]
    tag = color(rng, (0.0, 1.0), (0.5, 0.95))
    for i, level in enumerate(levels):
        depth = y * (1.0 if i == 0 else 0.8)
        middle = y / 2 - depth / 2
        parts.box((0, middle, level - 0.012), (x, depth, 0.024))
        parts.box((0, y / 2 - depth, level - 0.02), (x, 0.006, 0.035), SURFACE, tag)
        parts.add(*_products(rng, x, depth - 0.05, level, gap - 0.04, y / 2 - depth + 0.01))
    for side in (-1, 1):
        parts.box((side * (x / 2 - 0.01), 0.1 * y, z / 2), (0.02, 0.7 * y, z), METAL)
    parts.box((0, -0.1 * y, z - 0.03), (x, 0.02, 0.06), SURFACE, tag)
    return parts.fitted(size)


def _bottle_shelf(size: Size, rng: np.random.Generator) -> Solid:
    """The shelves behind a bar: bottles and glasses."""
    x, y, z = size
    parts = Parts()
    count = max(1, round(z / 0.42))
    levels = np.linspace(0.0, z, count + 1)[:-1] + 0.03
    _frame(parts, size, levels, DARK if rng.random() < 0.3 else SURFACE)
    for level in levels:
        kinds = ("bottle", "bottle", "bottle", "beer", "glass", "wine", "packet", "jar")
        parts.add(*things_on(rng, (0, -0.1 * y), (0.96 * x, 0.7 * y), level, kinds, 0.9, 0.105))
    return parts.fitted(size)


def _sideboard(size: Size, rng: np.random.Generator) -> Solid:
    """A low cupboard with doors or drawers, and things on it up to its height."""
    x, y, z = size
    parts = Parts()
    top = min(0.62 * z, z - 0.02)
    foot = 0.08 * top
    parts.box((0, 0, (top + foot) / 2), (x, 0.98 * y, top - foot))
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.box((sx * 0.46 * x, sy * 0.42 * y, foot / 2), (0.04, 0.04, foot), DARK)
    _fronts(parts, rng, x, y, foot, top, 2 if rng.random() < 0.4 else 1)
    kinds = ("flowers", "books", "candle", "bowl", "jar", "packet", "bottle", "phone")
    parts.add(*things_on(rng, (0, 0), (0.92 * x, 0.6 * y), top, kinds, 0.4))
    return parts.fitted(size)


def _fronts(
    parts: Parts, rng: np.random.Generator, x: float, y: float, low: float, high: float, rows: int
) -> None:
    """Doors or drawers with handles on the front of a cupboard, with dark gaps between."""
    columns = max(1, round(x / 0.5))
    wide, tall = x / columns, (high - low) / rows
    parts.box((0, -0.485 * y, (low + high) / 2), (0.99 * x, 0.012 * y, 0.97 * (high - low)), DARK)
    for i in range(columns):
        for j in range(rows):
            at = -x / 2 + wide * (i + 0.5), low + tall * (j + 0.5)
            parts.box((at[0], -0.49 * y, at[1]), (wide - 0.008, 0.016 * y, tall - 0.008))
            if rows > 1:
                grip = (at[0], -0.498 * y, at[1] + 0.3 * tall)
                parts.box(grip, (min(0.14, 0.4 * wide), 0.006, 0.012), METAL)
            else:
                side = 0.42 if i % 2 == 0 else -0.42
                grip = (at[0] + side * wide, -0.498 * y, at[1] + 0.2 * tall)
                parts.box(grip, (0.012, 0.006, min(0.14, 0.4 * tall)), METAL)


def _wardrobe(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.01 * y, z / 2), (x, 0.97 * y, z))
    _fronts(parts, rng, x, y, 0.05 * z, z, 1)
    return parts.fitted(size)


def _lockers(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.01 * y, z / 2), (x, 0.97 * y, z), DARK)
    columns = max(1, round(x / 0.32))
    wide = x / columns
    at = -x / 2 + wide * (np.arange(columns) + 0.5)
    middle = np.column_stack([at, 0 * at - 0.49 * y, 0 * at + z / 2])
    parts.add(boxes(middle, (wide - 0.01, 0.02 * y, z - 0.04)))
    for slot in (0.78, 0.82, 0.86):
        parts.add(
            boxes(shifted(middle, 0, -0.006, (slot - 0.5) * z), (0.5 * wide, 0.004, 0.008), DARK)
        )
    parts.add(boxes(shifted(middle, 0.32 * wide, -0.008, 0), (0.02, 0.012, 0.07), METAL))
    return parts.fitted(size)


def _storage(size: Size, rng: np.random.Generator) -> Solid:
    """Open metal shelves with boxes, cans and crates: garages, cellars, back rooms."""
    x, y, z = size
    parts = Parts()
    count = max(1, round(z / 0.5))
    levels = np.linspace(0.06 * z, z, count + 1)
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.box((sx * (x / 2 - 0.02), sy * (y / 2 - 0.02), z / 2), (0.035, 0.035, z))
    for low, high in pairwise(levels):
        parts.box((0, 0, low - 0.015), (x, y, 0.03))
        at = -x / 2 + 0.04
        while at < x / 2 - 0.12:
            wide = float(rng.uniform(0.12, 0.45))
            wide = min(wide, x / 2 - at - 0.03)
            tall = float(rng.uniform(0.3, 0.9)) * (high - low - 0.05)
            deep = float(rng.uniform(0.5, 0.95)) * y
            brown = rng.random() < 0.5
            paint = (
                color(rng, (0.35, 0.55), (0.35, 0.65), (0.06, 0.1))
                if brown
                else color(rng, (0.1, 0.9), (0.1, 0.85))
            )
            if rng.random() < 0.85:
                parts.box((at + wide / 2, -0.02, low + tall / 2), (0.95 * wide, deep, tall),
                          SURFACE, paint)  # fmt: skip
            at += wide + 0.01
    return parts.fitted(size)


SHELVES: dict[str, Builder] = {
    "bookcase": _bookcase,
    "gondola": _gondola,
    "bottle_shelf": _bottle_shelf,
    "sideboard": _sideboard,
    "wardrobe": _wardrobe,
    "lockers": _lockers,
    "storage_shelf": _storage,
}
