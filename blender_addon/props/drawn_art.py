"""Pictures for walls: landscapes and abstract paintings. Pure numpy."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

SIDE = 128  # px

Image = NDArray[np.uint8]


def draw_art(rng: np.random.Generator) -> Image:
    """Draw a landscape in layers, or an abstract painting of blocks and discs."""
    canvas = _landscape(rng) if rng.random() < 0.5 else _abstract(rng)
    grain = rng.normal(0.0, 0.015, (SIDE, SIDE, 1))
    return (np.clip(canvas + grain, 0, 1) * 255).astype(np.uint8)


def _landscape(rng: np.random.Generator) -> NDArray[np.float64]:
    """A sky that changes its colour towards the horizon, and hills before it."""
    hue = float(rng.uniform(0.5, 0.65))
    top, low = _color(hue, 0.5, 0.8), _color(float(rng.uniform(0.05, 0.15)), 0.3, 0.95)
    t = np.linspace(0, 1, SIDE)[:, None, None]
    canvas = np.broadcast_to(top * (1 - t) + low * t, (SIDE, SIDE, 3)).copy()
    x = np.linspace(0, 1, SIDE)
    rows = np.arange(SIDE)[:, None] / SIDE
    for layer in range(4):
        waves = sum(
            rng.normal(0, 0.06 / k) * np.sin(2 * np.pi * (k * x + rng.random()))
            for k in (1, 2, 3, 7)
        )
        hill = rows > 0.4 + 0.14 * layer + waves
        canvas[hill] = _color(hue - 0.05 * layer - 0.2, 0.3 + 0.12 * layer, 0.65 - 0.13 * layer)
    return canvas


def _abstract(rng: np.random.Generator) -> NDArray[np.float64]:
    """Blocks and discs of few colours on a ground."""
    palette = [
        _color(float(rng.random()), float(rng.uniform(0, 0.8)), float(rng.uniform(0.1, 1)))
        for _ in range(4)
    ]
    canvas = np.broadcast_to(palette[0], (SIDE, SIDE, 3)).copy()
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    for _ in range(int(rng.integers(3, 14))):
        color = palette[int(rng.integers(1, 4))]
        x, y, w, h = rng.uniform(0, 1, 2).tolist() + rng.uniform(0.03, 0.4, 2).tolist()
        if rng.random() < 0.5:
            inside = (abs(columns - x) < w) & (abs(rows - y) < h)
        else:
            inside = (columns - x) ** 2 + (rows - y) ** 2 < w**2
        canvas[inside] = color
    return canvas


def _color(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))
