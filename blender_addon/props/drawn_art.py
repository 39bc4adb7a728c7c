"""Pictures for walls: landscapes and abstract paintings. Pure numpy."""

from __future__ import annotations

import numpy as np

from .drawing import Canvas, hsv


def draw_art(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a landscape in layers, an abstract painting of blocks and discs, or a still life."""
    kinds = (_landscape, _abstract, _still_life)
    kinds[int(rng.choice(3, p=[0.45, 0.35, 0.2]))](canvas, rng)
    canvas.grain(rng, 0.015)


def _landscape(c: Canvas, rng: np.random.Generator) -> None:
    """A sky that changes its colour towards the horizon, and hills before it."""
    hue = float(rng.uniform(0.5, 0.65))
    c.gradient(hsv(hue, 0.5, 0.8), hsv(float(rng.uniform(0.05, 0.15)), 0.3, 0.95))
    x = np.linspace(0, 1, 25)
    for layer in range(4):
        waves = sum(
            rng.normal(0, 0.06 / k) * np.sin(2 * np.pi * (k * x + rng.random()))
            for k in (1, 2, 3, 7)
        )
        ridge = np.column_stack([x * c.aspect, 0.4 + 0.14 * layer + waves])
        tone = hsv(hue - 0.05 * layer - 0.2, 0.3 + 0.12 * layer, 0.65 - 0.13 * layer)
        c.polygon([(0, 1.1), *ridge, (c.aspect, 1.1)], tone)


def _abstract(c: Canvas, rng: np.random.Generator) -> None:
    """Blocks and discs of few colours on a ground."""
    palette = [hsv(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.1, 1)) for _ in range(4)]
    c.gradient(palette[0], palette[0])
    for _ in range(int(rng.integers(3, 14))):
        color = palette[int(rng.integers(1, 4))]
        x, y, w, h = rng.uniform(0, 1, 2).tolist() + rng.uniform(0.03, 0.4, 2).tolist()
        if rng.random() < 0.5:
            c.rect(x - w, y - h, 2 * w, 2 * h, color)
        else:
            c.ellipse(x, y, w, w, color)


def _still_life(c: Canvas, rng: np.random.Generator) -> None:
    """Fruit and a vase of flowers on a table."""
    tone = hsv(rng.choice([0.08, 0.35, 0.6]), 0.4, rng.uniform(0.2, 0.6))
    c.gradient(tone * 0.6, tone)
    c.gradient(hsv(0.07, 0.5, 0.5), hsv(0.07, 0.6, 0.3), 0.68, 1)
    x = c.aspect * rng.uniform(0.3, 0.7)
    c.ellipse(x, 0.62, 0.11, 0.18, hsv(rng.random(), 0.4, 0.7), 0.9)
    for _ in range(14):
        u, v = rng.normal((x, 0.28), 0.1)
        c.stroke([(x, 0.5), (u, v)], 0.008, (0.15, 0.3, 0.1))
        c.ellipse(u, v, 0.045, 0.045, hsv(rng.choice([0.0, 0.1, 0.9]), 0.7, 0.9), 0.6)
    for _ in range(4):
        u = c.aspect * rng.uniform(0.15, 0.85)
        c.ellipse(u, 0.78, 0.065, 0.06, hsv(rng.choice([0.0, 0.1, 0.25]), 0.8, 0.8), 0.9)
