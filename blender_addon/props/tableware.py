"""Things that stand on tables, worktops, desks and shelves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .batches import boxes, colors, shifted, turned
from .primitives import DARK, GLASS, METAL, SURFACE, Array, Solid

# Outlines (radius, height) in m, from the bottom up.
GLASS_OUTLINE = ((0, 0), (0.03, 0), (0.037, 0.12), (0.034, 0.12), (0.027, 0.012), (0, 0.012))
WINE_OUTLINE = (
    *((0, 0), (0.035, 0), (0.034, 0.004), (0.005, 0.01), (0.005, 0.09), (0.03, 0.115)),
    *((0.039, 0.155), (0.031, 0.2), (0.029, 0.2), (0.036, 0.155), (0, 0.105)),
)
MUG_OUTLINE = ((0, 0), (0.037, 0), (0.04, 0.095), (0.035, 0.095), (0.033, 0.06), (0, 0.06))
BOTTLE_OUTLINE = ((0, 0), (0.037, 0), (0.037, 0.185), (0.014, 0.235), (0.014, 0.3), (0, 0.3))
SHORT_BOTTLE_OUTLINE = ((0, 0), (0.031, 0), (0.032, 0.11), (0.012, 0.17), (0.013, 0.21), (0, 0.21))
PLATE_OUTLINE = ((0, 0), (0.075, 0), (0.128, 0.02), (0.125, 0.023), (0.075, 0.007), (0, 0.007))
BOWL_OUTLINE = ((0, 0), (0.05, 0), (0.095, 0.045), (0.11, 0.08), (0.105, 0.08), (0, 0.03))
JAR_OUTLINE = ((0, 0), (0.042, 0), (0.042, 0.11), (0.036, 0.12), (0.037, 0.14), (0, 0.14))
CAN_OUTLINE = ((0, 0), (0.033, 0), (0.033, 0.115), (0, 0.115))
POT_OUTLINE = ((0, 0), (0.11, 0), (0.115, 0.13), (0.03, 0.145), (0.02, 0.16), (0, 0.165))
VASE_OUTLINE = ((0, 0), (0.05, 0), (0.075, 0.09), (0.035, 0.2), (0.045, 0.24), (0, 0.2))
FRUIT_OUTLINE = ((0, 0), (0.025, 0.006), (0.037, 0.034), (0.027, 0.063), (0, 0.07))
FOOD_OUTLINE = ((0, 0), (0.085, 0), (0.07, 0.018), (0.03, 0.032), (0, 0.035))
CANDLE_OUTLINE = ((0, 0), (0.035, 0), (0.035, 0.1), (0, 0.1))

Put = Callable[[Array, np.random.Generator], list[Solid]]


def _glass(at: Array, rng: np.random.Generator) -> list[Solid]:
    drink = colors(rng, len(at), (0.1, 0.95), (0.2, 0.9), (0.0, 0.16))
    full = turned(
        ((0, 0), (0.028, 0), (0.032, 0.06), (0, 0.06)), shifted(at, 0, 0, 0.012), paints=drink
    )
    return [turned(GLASS_OUTLINE, at, rng.uniform(0.85, 1.2, len(at)), GLASS), full]


def _wine(at: Array, rng: np.random.Generator) -> list[Solid]:
    red = np.array((0.12, 0.01, 0.015)) if rng.random() < 0.5 else np.array((0.75, 0.6, 0.2))
    full = turned(
        ((0, 0), (0.028, 0.012), (0.034, 0.04), (0, 0.04)), shifted(at, 0, 0, 0.11), paints=red
    )
    return [turned(WINE_OUTLINE, at, 1.0, GLASS), full]


def _plate(at: Array, rng: np.random.Generator) -> list[Solid]:
    white = rng.uniform(0.55, 0.85) * np.array((1.0, 0.98, 0.94))
    food = colors(rng, len(at), (0.4, 0.9), (0.2, 0.75), (0.02, 0.3))
    scale = rng.uniform(0.5, 1.0, len(at))
    return [
        turned(PLATE_OUTLINE, at, paints=white, sides=16),
        turned(FOOD_OUTLINE, shifted(at, 0, 0, 0.006), scale, paints=food),
    ]


def _bowl(at: Array, rng: np.random.Generator) -> list[Solid]:
    around = rng.uniform(-0.05, 0.05, (len(at), 4, 3)) * (1, 1, 0) + (0, 0, 0.035)
    fruit = (at[:, None, :] + around).reshape(-1, 3)
    paint = colors(rng, len(fruit), (0.6, 0.95), (0.4, 0.85), (0.0, 0.33))
    return [
        turned(BOWL_OUTLINE, at, paints=colors(rng, len(at), (0, 0.5), (0.2, 0.9))),
        turned(FRUIT_OUTLINE, fruit, paints=paint, sides=8),
    ]


def _painted(outline: Sequence[tuple[float, float]], value: tuple[float, float]) -> Put:
    def put(at: Array, rng: np.random.Generator) -> list[Solid]:
        paint = colors(rng, len(at), (0.0, 0.85), value)
        return [turned(outline, at, rng.uniform(0.85, 1.15, len(at)), paints=paint)]

    return put


def _bottle(at: Array, rng: np.random.Generator) -> list[Solid]:
    paint = colors(rng, len(at), (0.3, 0.9), (0.05, 0.45), (0.05, 0.45))
    label = colors(rng, len(at), (0.0, 0.7), (0.5, 0.95))
    band = ((0.0, 0), (0.0385, 0), (0.0385, 0.08), (0, 0.08))
    return [
        turned(BOTTLE_OUTLINE, at, paints=paint),
        turned(band, shifted(at, 0, 0, 0.06), paints=label),
    ]


def _pot(at: Array, rng: np.random.Generator) -> list[Solid]:
    return [turned(POT_OUTLINE, at, rng.uniform(0.7, 1.1, len(at)), METAL, sides=14)]


def _flowers(at: Array, rng: np.random.Generator) -> list[Solid]:
    n = 14
    up = rng.uniform((-0.11, -0.11, 0.25), (0.11, 0.11, 0.45), (len(at), n, 3))
    heads = (at[:, None, :] + up).reshape(-1, 3)
    hue = float(rng.uniform(0, 1))
    flower = colors(rng, len(heads), (0.4, 0.9), (0.5, 0.95), (hue, hue + 0.1))
    green = rng.random(len(heads)) < 0.5
    flower[green] = colors(rng, int(green.sum()), (0.5, 0.8), (0.15, 0.45), (0.22, 0.36))
    vase = colors(rng, len(at), (0.0, 0.6), (0.2, 0.9))
    return [
        turned(VASE_OUTLINE, at, paints=vase),
        turned(FRUIT_OUTLINE, heads, rng.uniform(0.6, 1.3, len(heads)), paints=flower, sides=6),
    ]


def _books(at: Array, rng: np.random.Generator) -> list[Solid]:
    n = 3
    z = 0.028 * np.arange(n) + 0.014
    centers = (at[:, None, :] + np.stack([0 * z, 0 * z, z], axis=-1)).reshape(-1, 3)
    sizes = rng.uniform((0.13, 0.17, 0.02), (0.2, 0.24, 0.028), (len(centers), 3))
    turns = np.repeat(rng.uniform(0, 180, len(at)), n) + rng.normal(0, 8, len(centers))
    return [boxes(centers, sizes, SURFACE, colors(rng, len(centers), (0, 0.8), (0.1, 0.9)), turns)]


def _papers(at: Array, rng: np.random.Generator) -> list[Solid]:
    turns = rng.uniform(0, 180, len(at))
    sheet = shifted(at, 0, 0, 0.002)
    return [boxes(sheet, (0.21, 0.297, 0.003), SURFACE, (0.8, 0.8, 0.78), turns)]


def _packet(at: Array, rng: np.random.Generator) -> list[Solid]:
    sizes = rng.uniform((0.06, 0.04, 0.08), (0.18, 0.09, 0.26), (len(at), 3))
    paint = colors(rng, len(at), (0.2, 0.95), (0.3, 0.95))
    middle = at + sizes * (0, 0, 0.5)
    return [boxes(middle, sizes, SURFACE, paint, rng.uniform(-30, 30, len(at)))]


def _laptop(at: Array, rng: np.random.Generator) -> list[Solid]:
    grey = rng.choice([0.02, 0.3, 0.5]) * np.ones(3)
    base = boxes(shifted(at, 0, 0, 0.009), (0.33, 0.23, 0.018), SURFACE, grey)
    lid = boxes(shifted(at, 0, 0.13, 0.125), (0.33, 0.012, 0.22), SURFACE, grey)
    screen = boxes(shifted(at, 0, 0.1235, 0.125), (0.31, 0.002, 0.2), DARK)
    keys = boxes(shifted(at, 0, 0.02, 0.0185), (0.29, 0.11, 0.002), DARK)
    return [base, lid, screen, keys]


def _phone(at: Array, rng: np.random.Generator) -> list[Solid]:
    turns = rng.uniform(0, 180, len(at))
    return [boxes(shifted(at, 0, 0, 0.005), (0.075, 0.15, 0.009), DARK, np.nan, turns)]


def _cutlery(at: Array, rng: np.random.Generator) -> list[Solid]:
    both = np.concatenate([shifted(at, -0.02, 0, 0.002), shifted(at, 0.02, 0, 0.002)])
    turns = np.tile(rng.normal(0, 15, len(at)), 2)
    napkin = boxes(shifted(at, 0, 0, 0.001), (0.11, 0.19, 0.002), SURFACE, (0.7, 0.68, 0.65))
    return [napkin, boxes(both, (0.016, 0.2, 0.004), METAL, np.nan, turns)]


THINGS: dict[str, Put] = {
    "glass": _glass,
    "wine": _wine,
    "mug": _painted(MUG_OUTLINE, (0.15, 0.95)),
    "bottle": _bottle,
    "beer": _painted(SHORT_BOTTLE_OUTLINE, (0.05, 0.4)),
    "plate": _plate,
    "bowl": _bowl,
    "jar": _painted(JAR_OUTLINE, (0.2, 0.9)),
    "can": _painted(CAN_OUTLINE, (0.3, 0.95)),
    "candle": _painted(CANDLE_OUTLINE, (0.7, 0.95)),
    "pot": _pot,
    "flowers": _flowers,
    "books": _books,
    "papers": _papers,
    "packet": _packet,
    "laptop": _laptop,
    "phone": _phone,
    "cutlery": _cutlery,
}


def things_on(
    rng: np.random.Generator,
    center: tuple[float, float],
    area: tuple[float, float],
    level: float,
    kinds: Sequence[str],
    full: float = 0.5,
    cell: float = 0.22,
) -> list[Solid]:
    """Put things on a rectangle, in the cells of a grid, so that none stands in another.

    Args:
        rng: Generator.
        center: Middle of the rectangle, m.
        area: Its width and depth, m.
        level: Its height, m.
        kinds: Names in THINGS; one that is listed twice is put twice as often.
        full: Share of the cells with a thing.
        cell: Side of a cell, m.
    """
    columns, rows = (max(1, int(extent / cell)) for extent in area)
    cells = rng.permutation(columns * rows)[: max(1, round(full * columns * rows))]
    i, j = np.divmod(cells, rows)
    step = np.array([area[0] / columns, area[1] / rows])
    at = np.stack([i + 0.5, j + 0.5], axis=-1) * step - np.array(area) / 2 + center
    at += rng.uniform(-0.1, 0.1, at.shape) * step
    places = np.column_stack([at, np.full(len(at), level)])
    chosen = rng.integers(len(kinds), size=len(at))
    solids: list[Solid] = []
    for name in dict.fromkeys(kinds):
        here = np.isin(chosen, [k for k, kind in enumerate(kinds) if kind == name])
        if here.any():
            solids += THINGS[name](places[here], rng)
    return solids
