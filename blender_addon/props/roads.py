"""Pavements with kerbs, crossings, lines and covers of roads. See `sized`."""

from __future__ import annotations

import numpy as np

from .pieces import boxes, flat, quads, span, within
from .primitives import DARK, METAL, SECOND, SURFACE, Builder, Size, Solid, join, tube

_PAINT = (0.55, 0.54, 0.5)  # worn white


def pavement(size: Size, rng: np.random.Generator) -> Solid:
    """A slab with a row of kerb stones along its front."""
    w, d, h = size
    kerb = min(0.16, 0.4 * d)
    slab = span((-w / 2, -d / 2 + kerb, 0), (w / 2, d / 2, h))
    n = max(1, int(w))
    step = w / n
    xs = (np.arange(n) - (n - 1) / 2) * step
    tone = rng.uniform(0.22, 0.42) * rng.uniform(0.8, 1.1, (n, 1)) * (1.0, 0.98, 0.94)
    at = np.stack([xs, np.full(n, -d / 2 + kerb / 2), np.full(n, h / 2)], axis=1)
    return within(join([slab, boxes(at, (0.985 * step, kerb, h), SECOND, tone)]), size)


def crossing(size: Size, rng: np.random.Generator) -> Solid:
    """A raised crossing: people walk along Y over white bars, cars along X over its ramps."""
    w, d, h = size
    ramp = min(0.6, 0.2 * w)
    top = 0.004 if h < 0.02 else h - 0.004
    x = w / 2 - ramp
    slab = span((-x, -d / 2, 0), (x, d / 2, top))
    ramps = quads(
        [
            [(-w / 2, -d / 2, 0), (-x, -d / 2, top), (-x, d / 2, top), (-w / 2, d / 2, 0)],
            [(x, -d / 2, top), (w / 2, -d / 2, 0), (w / 2, d / 2, 0), (x, d / 2, top)],
        ],
        SURFACE,
    )
    n = max(1, int(d))
    ys = (np.arange(n) - (n - 1) / 2) * d / n
    at = np.stack([0 * ys, ys, np.full(n, top + 0.003)], axis=1)
    paint = np.array(_PAINT) * rng.uniform(0.75, 1.0, (n, 1))
    return within(join([slab, ramps, flat(at, (1.8 * x, 0.5), SECOND, paint)]), size)


def road_line(size: Size, rng: np.random.Generator) -> Solid:
    """A line along X, dashed or whole, with worn places."""
    w, d, h = size
    whole = rng.random() < 0.3
    dash, gap = (1.0, 0.015) if whole else (3.0, 4.0)
    n = max(1, int(w / (dash + gap)))
    xs = (np.arange(n) - (n - 1) / 2) * (dash + gap)
    at = np.stack([xs, 0 * xs, np.full(n, 0.8 * h)], axis=1)
    paint = np.array(_PAINT) * rng.uniform(0.55, 1.0, (n, 1))
    return within(flat(at, (min(dash, w), d), SECOND, paint), size)


def manhole(size: Size, rng: np.random.Generator) -> Solid:
    """An iron cover with a pattern of raised fields, or a grate."""
    w, d, h = size
    tone = float(rng.uniform(0.06, 0.16))
    if rng.random() < 0.5:
        cover = tube((0, 0, 0), (0, 0, 0.7 * h), w / 2, tone=SECOND, sides=24).painted((tone,) * 3)
        x, y = (
            v.ravel() for v in np.meshgrid(np.linspace(-0.3, 0.3, 6), np.linspace(-0.3, 0.3, 6))
        )
        near = np.hypot(x, y) < 0.42
        at = np.stack([x[near] * w, y[near] * d, np.full(near.sum(), h)], axis=1)
        return within(
            join([cover, flat(at, (0.07 * w, 0.07 * d), SECOND, (1.8 * tone,) * 3)]), size
        )
    frame = boxes((0, 0, 0.3 * h), (w, d, 0.6 * h), METAL)
    xs = np.linspace(-0.42, 0.42, 9) * w
    slots = flat(np.stack([xs, 0 * xs, 0 * xs + 0.9 * h], axis=1), (0.05 * w, 0.8 * d), DARK)
    return within(join([frame, slots]), size)


def repair(size: Size, rng: np.random.Generator) -> Solid:
    """A patch of newer asphalt, or a stain, with an uneven edge."""
    w, d, h = size
    n = 14
    turn = 2 * np.pi * np.arange(n) / n
    square = 1 / np.maximum(abs(np.cos(turn)), abs(np.sin(turn)))
    r = 0.5 * (square if rng.random() < 0.5 else np.ones(n)) * rng.uniform(0.8, 1.0, n)
    rim = np.stack([r * w * np.cos(turn), r * d * np.sin(turn), np.full(n, 0.9 * h)], axis=1)
    after = np.roll(rim, -1, axis=0)
    middle = np.tile([[0.0, 0.0, 0.9 * h]], (n, 1))
    half = (rim + after) / 2
    corners = np.stack([middle, rim, half, after], axis=1)
    return within(quads(corners, SURFACE), size)


ROADS: dict[str, Builder] = {
    "pavement": pavement,
    "crossing": crossing,
    "road_line": road_line,
    "manhole": manhole,
    "repair": repair,
}
