"""Kitchens: rows of cupboards with worktops, hobs, sinks and appliances, built to size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .batches import Parts, color, turned
from .primitives import DARK, METAL, SECOND, SURFACE, Builder, Size, Solid, tube
from .tableware import things_on

WORKTOP = 0.9  # m
_THINGS = (
    *("jar", "packet", "bottle", "mug", "pot", "bowl", "plate", "packet", "jar", "glass"),
    *("can", "flowers", "packet"),
)


def _fronts(parts: Parts, left: float, wide: float, y: float, low: float, high: float, style: int,
            handle: int) -> None:  # fmt: skip
    """One door, or three drawers, at y with a handle."""
    edges = [low, high] if style else list(np.linspace(low, high, 4))
    for a, b in pairwise(edges):
        at = (left + wide / 2, y, (a + b) / 2)
        parts.box(at, (wide - 0.006, 0.02, b - a - 0.006))
        if handle == 0:
            parts.box((at[0], y - 0.014, b - 0.06), (min(0.16, 0.5 * wide), 0.012, 0.012), METAL)
        elif handle == 1:
            parts.box((at[0] + 0.38 * wide, y - 0.014, b - 0.06), (0.03, 0.02, 0.03), DARK)


def _run(size: Size, rng: np.random.Generator) -> Solid:
    """Base cupboards with worktop, hob, sink, oven and things. The worktop is at 0.9 m, or at 70 %
    of a shape that is lower than 1.2 m; things use the rest.
    """
    x, y, z = size
    parts = Parts()
    top = WORKTOP if z > 1.2 else 0.7 * z
    front = -0.44 * y
    parts.box((0, 0.03 * y, 0.05 * top), (x, 0.84 * y, 0.1 * top), DARK)
    parts.box((0, 0.03 * y, 0.53 * top), (x, 0.92 * y, 0.86 * top), DARK)
    parts.box((0, 0, 0.98 * top), (x, y, 0.04 * top), SECOND)
    count = max(1, round(x / 0.6))
    wide = x / count
    hob = int(rng.integers(count))
    sink = int(rng.integers(count))
    handle = int(rng.integers(3))
    for k in range(count):
        left = -x / 2 + k * wide
        middle = left + wide / 2
        if k == hob and wide > 0.4:
            parts.box((middle, front, 0.5 * top), (wide - 0.01, 0.02, 0.72 * top), DARK)
            parts.box((middle, front - 0.02, 0.76 * top), (0.8 * wide, 0.02, 0.02), METAL)
            parts.box((middle, front, 0.9 * top), (wide - 0.01, 0.022, 0.1 * top), METAL)
            parts.box((middle, 0, top + 0.003), (0.95 * wide, 0.8 * y, 0.006), DARK)
            parts.add(*things_on(rng, (middle, 0), (0.8 * wide, 0.7 * y), top + 0.008, ("pot",),
                                 0.6, 0.3))  # fmt: skip
            continue
        _fronts(parts, left, wide, front, 0.1 * top, 0.95 * top, int(rng.integers(3)), handle)
        if k == sink and wide > 0.4:
            parts.box((middle, 0, top + 0.002), (0.85 * wide, 0.7 * y, 0.005), METAL)
            parts.box((middle, -0.02, top + 0.004), (0.6 * wide, 0.5 * y, 0.004), DARK)
            parts.add(tube((middle, 0.36 * y, top), (middle, 0.36 * y, top + 0.24), 0.014,
                           tone=METAL, sides=8))  # fmt: skip
            parts.add(tube((middle, 0.36 * y, top + 0.24), (middle, 0.1 * y, top + 0.22), 0.012,
                           tone=METAL, sides=8))  # fmt: skip
            continue
        if rng.random() < 0.3 and wide > 0.45:
            _appliance(parts, rng, middle, y, top)
        else:
            parts.add(*things_on(rng, (middle, 0.12 * y), (0.9 * wide, 0.66 * y), top, _THINGS,
                                 float(rng.uniform(0.4, 0.95)), 0.16))  # fmt: skip
    return parts.fitted(size)


def _appliance(parts: Parts, rng: np.random.Generator, x: float, y: float, top: float) -> None:
    """A microwave, a coffee machine, a toaster or a kettle on a worktop."""
    kind = int(rng.integers(4))
    body = color(rng, (0.0, 0.3), (0.05, 0.9))
    if kind == 0:
        parts.box((x, 0.12 * y, top + 0.14), (0.46, 0.34, 0.27), SURFACE, body)
        parts.box((x - 0.05, 0.12 * y - 0.172, top + 0.14), (0.3, 0.006, 0.2), DARK)
        parts.box((x + 0.17, 0.12 * y - 0.172, top + 0.14), (0.07, 0.006, 0.2), METAL)
    elif kind == 1:
        parts.box((x, 0.2 * y, top + 0.17), (0.2, 0.14, 0.34), SURFACE, body)
        parts.box((x, 0.05 * y, top + 0.3), (0.2, 0.2, 0.08), SURFACE, body)
        parts.box((x, 0.05 * y, top + 0.015), (0.2, 0.22, 0.03), DARK)
        parts.add(turned(((0, 0), (0.06, 0), (0.07, 0.1), (0, 0.1)), (x, 0.02, top + 0.04),
                         tone=DARK))  # fmt: skip
    elif kind == 2:
        parts.box((x, 0.12 * y, top + 0.1), (0.3, 0.17, 0.19), METAL)
        parts.box((x, 0.12 * y, top + 0.197), (0.22, 0.05, 0.004), DARK)
    else:
        outline = ((0, 0), (0.08, 0), (0.085, 0.1), (0.05, 0.22), (0.02, 0.24), (0, 0.25))
        parts.add(turned(outline, (x, 0.1 * y, top), tone=METAL, sides=14))
        parts.box((x + 0.1, 0.1 * y, top + 0.14), (0.02, 0.02, 0.16), DARK)


def _wall_units(size: Size, rng: np.random.Generator) -> Solid:
    """Cupboards on the wall: doors and open bays with things."""
    x, y, z = size
    parts = Parts()
    count = max(1, round(x / 0.5))
    wide = x / count
    handle = int(rng.integers(3))
    for k in range(count):
        left = -x / 2 + k * wide
        middle = left + wide / 2
        if rng.random() < 0.3:
            parts.box((middle, 0.48 * y, z / 2), (wide, 0.04 * y, z))
            for level in (0.02, 0.5, 0.98):
                parts.box((middle, 0, level * z), (wide, y, 0.018))
            for side in (-1, 1):
                parts.box((middle + side * (wide - 0.018) / 2, 0, z / 2), (0.018, y, z))
            for level in (0.03, 0.51):
                parts.add(*things_on(rng, (middle, 0), (0.85 * wide, 0.7 * y), level * z + 0.01,
                                     ("glass", "mug", "plate", "jar", "bowl"), 0.9,
                                     0.14))  # fmt: skip
            continue
        parts.box((middle, 0.05 * y, z / 2), (wide, 0.88 * y, z), DARK)
        front = -0.44 * y
        parts.box((middle, front, z / 2), (wide - 0.006, 0.02, z - 0.006))
        if handle < 2:
            edge = 0.38 if k % 2 else -0.38
            parts.box((middle + edge * wide, front - 0.014, 0.1 * z), (0.012, 0.014, 0.1), METAL)
    return parts.fitted(size)


def _fridge(size: Size, rng: np.random.Generator) -> Solid:
    """A fridge with notes and magnets."""
    x, y, z = size
    parts = Parts()
    split = float(rng.uniform(0.35, 0.7)) * z
    parts.box((0, 0.03 * y, z / 2), (x, 0.94 * y, z))
    parts.box((0, -0.455 * y, split), (x, 0.04 * y, 0.012), DARK)
    for low, high in ((0.05 * z, split - 0.008), (split + 0.008, z - 0.005)):
        parts.box((0, -0.47 * y, (low + high) / 2), (x - 0.004, 0.05 * y, high - low))
        parts.box((0.42 * x, -0.493 * y, (low + high) / 2), (0.02, 0.012 * y, 0.3 * (high - low)),
                  METAL)  # fmt: skip
    for _ in range(int(rng.integers(0, 9))):
        level = split + float(rng.uniform(0.1, 0.9)) * (z - split)
        at = (float(rng.uniform(-0.4, 0.3)) * x, -0.4965 * y, level)
        paint = (0.75,) * 3 if rng.random() < 0.4 else color(rng, (0.3, 0.95), (0.3, 0.95))
        parts.box(at, (float(rng.uniform(0.04, 0.15)), 0.004, float(rng.uniform(0.04, 0.18))),
                  SURFACE, paint)  # fmt: skip
    return parts.fitted(size)


def _vending(size: Size, rng: np.random.Generator) -> Solid:
    """A machine with rows of drinks behind its front, or a drinks fridge of a shop."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0.15 * y, z / 2), (x, 0.7 * y, z))
    parts.box((0, -0.2 * y, 0.06 * z), (x, 0.55 * y, 0.12 * z))
    for side in (-1, 1):
        parts.box((side * (x / 2 - 0.03), -0.3 * y, z / 2), (0.06, 0.38 * y, z))
    parts.box((0, -0.3 * y, 0.94 * z), (x, 0.38 * y, 0.12 * z), SURFACE, color(rng, (0.4, 1.0)))
    count = max(1, round(0.75 * z / 0.3))
    for level in np.linspace(0.13, 0.78, count) * z:
        parts.box((0, -0.3 * y, level), (0.9 * x, 0.35 * y, 0.015), METAL)
        kinds = ("can", "bottle", "beer", "can", "packet")
        parts.add(*things_on(rng, (0, -0.33 * y), (0.86 * x, 0.24 * y), level + 0.01, kinds, 0.95,
                             0.09))  # fmt: skip
    return parts.fitted(size)


KITCHEN: dict[str, Builder] = {
    "kitchen_run": _run,
    "wall_units": _wall_units,
    "fridge": _fridge,
    "vending_machine": _vending,
}
