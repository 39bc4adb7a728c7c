"""Lamps of rooms, built to size; the faces of LAMP shine, and LampSpecs beside them give light."""

from __future__ import annotations

import numpy as np

from .batches import Parts, turned
from .primitives import DARK, LAMP, METAL, SECOND, Builder, Size, Solid, tube


def _pendant(size: Size, rng: np.random.Generator) -> Solid:
    """A shade on a cord; it hangs from its highest point."""
    x, y, z = size
    parts = Parts()
    r, tall = 0.5 * min(x, y), min(0.6 * min(x, y), 0.5 * z)
    style = int(rng.integers(3))
    if style == 0:  # a dish of metal: only its inside shines
        outline = ((r, 0), (0.95 * r, 0.3 * tall), (0.35 * r, 0.85 * tall), (0.1 * r, tall))
        parts.add(turned(outline, (0, 0, 0), sides=18))
        parts.add(turned(((0, 0), (0.9 * r, 0), (0.8 * r, 0.06 * tall), (0, 0.06 * tall)),
                         (0, 0, 0.06 * tall), tone=LAMP, sides=18))  # fmt: skip
    elif style == 1:  # a globe
        angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
        globe = np.column_stack([r * np.cos(angle), 0.5 * tall * (1 + np.sin(angle))])
        parts.add(turned(globe, (0, 0, 0), tone=LAMP, sides=16))
    else:  # a drum of cloth
        drum = ((0, 0.1 * tall), (0.98 * r, 0.1 * tall), (r, 0), (0.85 * r, tall), (0, tall))
        parts.add(turned(drum, (0, 0, 0), tone=LAMP, paints=(0.55, 0.45, 0.33), sides=18))
    parts.add(tube((0, 0, tall), (0, 0, z), 0.006, tone=DARK, sides=5))
    return parts.fitted(size)


def _panel(size: Size, rng: np.random.Generator) -> Solid:
    """A flat panel under the ceiling."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0, 0.6 * z), (x, y, 0.8 * z), SECOND)
    parts.box((0, 0, 0.1 * z), (0.94 * x, 0.94 * y, 0.2 * z), LAMP, (1.0, 0.99, 0.97))
    return parts.fitted(size)


def _tubes(size: Size, rng: np.random.Generator) -> Solid:
    """A batten with one or two tubes along x."""
    x, y, z = size
    parts = Parts()
    parts.box((0, 0, 0.75 * z), (x, 0.8 * y, 0.5 * z), SECOND)
    for at in (0.0,) if rng.random() < 0.5 else (-0.25 * y, 0.25 * y):
        parts.add(tube((-0.48 * x, at, 0.3 * z), (0.48 * x, at, 0.3 * z), 0.2 * z, tone=LAMP,
                       sides=8).painted((1.0, 1.0, 0.98)))  # fmt: skip
    return parts.fitted(size)


def _floor_lamp(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts = Parts()
    r = 0.5 * min(x, y)
    shade = min(0.9 * r * 2, 0.35 * z)
    parts.add(turned(((0, 0), (0.7 * r, 0), (0.65 * r, 0.03), (0, 0.03)), (0, 0, 0), tone=METAL))
    parts.add(tube((0, 0, 0.03), (0, 0, z - 0.3 * shade), 0.014, tone=METAL, sides=8))
    outline = ((0.98 * r, 0), (0.72 * r, shade), (0, 0.98 * shade))
    warm = (0.6, 0.46, 0.3)
    parts.add(turned(outline, (0, 0, z - shade), tone=LAMP, paints=warm, sides=18))
    return parts.fitted(size)


def _spot(size: Size, rng: np.random.Generator) -> Solid:
    """A small lamp that is let into the ceiling."""
    x, y, z = size
    parts = Parts()
    r = 0.5 * min(x, y)
    parts.add(tube((0, 0, z), (0, 0, 0.3 * z), r, tone=METAL, sides=12))
    parts.add(tube((0, 0, 0.3 * z), (0, 0, 0.1 * z), 0.75 * r, tone=LAMP, sides=12))
    return parts.fitted(size)


LAMPS: dict[str, Builder] = {
    "pendant": _pendant,
    "ceiling_panel": _panel,
    "tube_lamp": _tubes,
    "floor_lamp": _floor_lamp,
    "ceiling_spot": _spot,
}
