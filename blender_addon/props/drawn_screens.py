"""Screens (programs, calls, films, charts), and views out of windows. Pure numpy."""

from __future__ import annotations

import numpy as np

from . import drawn_words as words
from .drawing import Canvas, hsv, ink_on
from .drawn_people import bust, figure, sample_colors

_GREY = (0.55, 0.56, 0.58)


def draw_screen(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a screen: a desk of windows, a call, a film, a chart, code, a page or a picture."""
    kinds = (_desk, _call, _film, _chart, _code, _page)
    chances = (0.2, 0.25, 0.2, 0.12, 0.1, 0.13)
    kinds[int(rng.choice(len(kinds), p=chances))](canvas, rng)


def _window(
    c: Canvas, x: float, y: float, w: float, h: float, rng: np.random.Generator, dark: bool = False
) -> None:
    """A window of a program: a bar, a list, and text or pictures."""
    ground = np.array((0.12, 0.13, 0.16) if dark else (0.97, 0.97, 0.98), np.float32)
    c.rect(x, y, w, h, ground)
    c.rect(x, y, w, 0.05, hsv(0.6, 0.1, 0.3 if dark else 0.85))
    for k in range(3):
        c.ellipse(x + w - 0.03 - 0.035 * k, y + 0.025, 0.01, 0.01, hsv(0.0 + 0.15 * k, 0.7, 0.9))
    c.small_print(x + 0.02, y + 0.012, 0.3 * w, 0.03, _GREY, rng, 0.03)
    side = rng.uniform(0.15, 0.3) * w
    c.rect(x, y + 0.05, side, h - 0.05, ground * 0.9)
    ink = ink_on(ground)
    c.small_print(x + 0.02, y + 0.09, side - 0.04, h - 0.14, ink, rng, 0.05)
    middle, wide = x + side + 0.03, w - side - 0.06
    c.small_print(middle, y + 0.09, wide, rng.uniform(0.3, 0.9) * (h - 0.14), ink, rng, 0.032)
    if rng.random() < 0.5:
        tone = hsv(rng.random(), 0.6, 0.8)
        c.rect(middle + 0.5 * wide, y + 0.1, 0.45 * wide, 0.4 * h, tone)


def _desk(c: Canvas, rng: np.random.Generator) -> None:
    hue = rng.random()
    c.gradient(hsv(hue, 0.7, 0.4), hsv(hue + 0.1, 0.6, 0.8))
    for k in range(int(rng.integers(2, 6))):
        c.rect(0.04, 0.05 + 0.14 * k, 0.08, 0.08, hsv(rng.random(), 0.6, 0.9))
    for _ in range(int(rng.integers(1, 4))):
        w, h = rng.uniform(0.6, 1.1), rng.uniform(0.4, 0.75)
        x, y = (
            rng.uniform(0.1, c.aspect - w) if w < c.aspect - 0.1 else 0.05,
            rng.uniform(0.02, 0.9 - h),
        )
        _window(c, x, y, w, h, rng, dark=rng.random() < 0.3)
    c.rect(0, 0.94, c.aspect, 0.06, (0.1, 0.11, 0.14))
    for k in range(8):
        c.rect(0.1 + 0.08 * k, 0.952, 0.035, 0.035, hsv(rng.random(), 0.6, 0.85))


def _call(c: Canvas, rng: np.random.Generator) -> None:
    """A video call: heads in tiles, a name below each."""
    c.rect(0, 0, c.aspect, 1, (0.1, 0.1, 0.12))
    rows = int(rng.choice([1, 2, 2, 3]))
    columns = max(1, round(rows * c.aspect * 0.75)) if rows > 1 else int(rng.choice([1, 2]))
    w, h = (c.aspect - 0.04) / columns, 0.86 / rows
    for k in range(rows * columns):
        x, y = 0.02 + w * (k % columns), 0.02 + h * (k // columns)
        small = Canvas(max(8, int((w - 0.02) * len(c.rgb))), max(8, int((h - 0.02) * len(c.rgb))))
        wall = hsv(rng.random(), rng.uniform(0, 0.4), rng.uniform(0.3, 0.9))
        small.gradient(wall, wall * 0.8)
        if rng.random() < 0.5:
            small.rect(rng.uniform(0, 0.6), 0.05, 0.4, 0.4, hsv(rng.random(), 0.4, 0.6))
        if rng.random() < 0.9:
            size = rng.uniform(0.4, 0.6)
            bust(small, small.aspect / 2 + rng.normal(0, 0.06), 0.45, size, rng, sample_colors(rng))
        small.rect(0.03, 0.88, 0.4, 0.08, (0.1, 0.1, 0.1))
        top, left = round((y + 0.01) * len(c.rgb)), round((x + 0.01) * len(c.rgb))
        part = slice(top, top + len(small.rgb)), slice(left, left + small.rgb.shape[1])
        c.rgb[part], c.person[part] = small.rgb, small.person
    for k in range(5):
        color = (0.8, 0.1, 0.1) if k == 4 else (0.3, 0.3, 0.33)
        c.ellipse(c.aspect / 2 + 0.1 * (k - 2), 0.94, 0.032, 0.032, color)


def _film(c: Canvas, rng: np.random.Generator) -> None:
    """A scene of a film or of the news."""
    view(c, rng)
    if rng.random() < 0.5:
        bust(
            c,
            c.aspect * rng.uniform(0.25, 0.75),
            0.45,
            rng.uniform(0.35, 0.6),
            rng,
            sample_colors(rng),
        )
        c.rect(0.05, 0.8, 0.75 * c.aspect, 0.12, hsv(rng.choice([0.0, 0.6]), 0.8, 0.5))
        c.text(
            0.1, 0.83, 0.06, f"{words.title(rng)} {words.line(rng)}", (1, 1, 1), fit=0.65 * c.aspect
        )
    else:
        for _ in range(int(rng.integers(1, 5))):
            x, ground = c.aspect * rng.random(), rng.uniform(0.75, 1.1)
            figure(c, x, ground, rng.uniform(0.35, 0.8), rng, sample_colors(rng))
    if rng.random() < 0.4:
        c.rect(0, 0, c.aspect, 0.08, (0, 0, 0))
        c.rect(0, 0.92, c.aspect, 0.08, (0, 0, 0))


def _chart(c: Canvas, rng: np.random.Generator) -> None:
    dark = rng.random() < 0.4
    ground = np.array((0.08, 0.09, 0.12) if dark else (0.97, 0.97, 0.97), np.float32)
    c.rect(0, 0, c.aspect, 1, ground)
    ink, w = ink_on(ground), c.aspect
    c.text(0.08, 0.06, 0.07, words.title(rng), ink, fit=0.7 * w)
    for k in range(5):
        c.rect(0.1, 0.25 + 0.14 * k, w - 0.2, 0.006, (0.6, 0.6, 0.62))
    hue = rng.random()
    if rng.random() < 0.5:
        n = int(rng.integers(5, 11))
        for k in range(n):
            h = rng.uniform(0.1, 0.55)
            c.rect(0.14 + (w - 0.3) * k / n, 0.81 - h, 0.6 * (w - 0.3) / n, h, hsv(hue, 0.7, 0.8))
    for k in range(2):
        y = 0.5 + np.cumsum(rng.normal(0, 0.06, 9))
        line = np.column_stack([np.linspace(0.12, w - 0.12, 9), np.clip(y, 0.24, 0.8)])
        c.stroke(line, 0.015, hsv(hue + 0.3 + 0.2 * k, 0.8, 0.85))
    c.small_print(0.1, 0.88, w - 0.2, 0.08, ink, rng, 0.035)


def _code(c: Canvas, rng: np.random.Generator) -> None:
    c.rect(0, 0, c.aspect, 1, (0.1, 0.11, 0.13))
    c.rect(0, 0, 0.25, 1, (0.14, 0.15, 0.17))
    c.small_print(0.03, 0.06, 0.18, 0.5, (0.6, 0.62, 0.65), rng, 0.045)
    for k in range(22):
        x = 0.32 + 0.07 * int(rng.integers(0, 4))
        tone = hsv(rng.choice([0.1, 0.35, 0.55, 0.8]), 0.5, 0.85)
        c.small_print(x, 0.05 + 0.04 * k, rng.uniform(0.1, 0.7), 0.03, tone, rng, 0.03)


def _page(c: Canvas, rng: np.random.Generator) -> None:
    """A page of the web with a large picture on top."""
    c.rect(0, 0, c.aspect, 1, (0.98, 0.98, 0.98))
    top = Canvas(c.rgb.shape[1], len(c.rgb) // 2)
    view(top, rng)
    if rng.random() < 0.6:
        bust(top, top.aspect * rng.uniform(0.2, 0.8), 0.5, 0.6, rng, sample_colors(rng))
    rows = slice(len(c.rgb) // 12, len(c.rgb) // 12 + len(top.rgb))
    c.rgb[rows], c.person[rows] = top.rgb, top.person
    c.small_print(0.05, 0.02, 0.8 * c.aspect, 0.05, _GREY, rng, 0.04)
    c.text(0.08, 0.2, 0.1, words.title(rng), (1, 1, 1), fit=0.5 * c.aspect)
    for k in range(3):
        x, w = 0.05 + k * (c.aspect - 0.05) / 3, (c.aspect - 0.2) / 3
        c.rect(x, 0.63, w, 0.14, hsv(rng.random(), 0.4, 0.75))
        c.small_print(x, 0.8, w, 0.16, (0.2, 0.2, 0.22), rng, 0.04)


def draw_view(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw the bright outside that a window shows."""
    view(canvas, rng)
    canvas.rgb[:] = canvas.rgb * 0.75 + 0.25  # overexposed, as from inside
    canvas.grain(rng, 0.01)


def view(c: Canvas, rng: np.random.Generator) -> None:
    """Draw sky, clouds, hills or houses, trees and a lawn."""
    w, horizon = c.aspect, rng.uniform(0.45, 0.7)
    grey = rng.random() < 0.3
    c.gradient(
        hsv(0.58, 0.1 if grey else 0.5, 0.9), hsv(0.56, 0.05 if grey else 0.2, 0.98), 0, horizon
    )
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(0, w), rng.uniform(0.05, 0.7 * horizon)
        c.blob(x, y, rng.uniform(0.1, 0.25), 0.035, (0.97, 0.97, 0.98), rng)
    if rng.random() < 0.6:
        _houses(c, horizon, rng)
    else:
        for k in range(3):
            ridge = [
                (w * t, horizon - 0.12 + 0.05 * k + 0.03 * rng.normal())
                for t in np.linspace(0, 1, 8)
            ]
            tone = hsv(0.45 - 0.05 * k, 0.25 + 0.1 * k, 0.75 - 0.1 * k)
            c.polygon([(0, 1), *ridge, (w, 1)], tone)
    low = hsv(rng.choice([0.24, 0.28, 0.6]), rng.choice([0.1, 0.5]), rng.uniform(0.45, 0.7))
    c.gradient(low, low * 0.8, horizon, 1)
    for _ in range(int(rng.integers(2, 8))):
        x, y, size = (
            rng.uniform(0, w),
            rng.uniform(horizon, horizon + 0.15),
            rng.uniform(0.05, 0.16),
        )
        c.stroke([(x, y), (x, y - 1.5 * size)], 0.12 * size, (0.3, 0.22, 0.16))
        leaf = hsv(rng.uniform(0.22, 0.34), 0.6, rng.uniform(0.25, 0.5))
        c.blob(x, y - 2 * size, 0.8 * size, 0.9 * size, leaf, rng)
        c.blob(x - 0.2 * size, y - 2.3 * size, 0.45 * size, 0.4 * size, 1.3 * leaf, rng)


def _houses(c: Canvas, horizon: float, rng: np.random.Generator) -> None:
    x = -0.1
    while x < c.aspect:
        w, h = rng.uniform(0.12, 0.35), rng.uniform(0.12, 0.42)
        tone = hsv(rng.choice([0.03, 0.1, 0.6]), rng.uniform(0.05, 0.4), rng.uniform(0.5, 0.95))
        c.rect(x, horizon - h, w, h + 0.02, tone)
        if rng.random() < 0.6:
            roof = [
                (x - 0.02, horizon - h),
                (x + w + 0.02, horizon - h),
                (x + w / 2, horizon - h - 0.1),
            ]
            c.polygon(roof, hsv(0.03, 0.6, rng.uniform(0.3, 0.6)))
        for u in np.arange(x + 0.03, x + w - 0.04, 0.06):
            for v in np.arange(horizon - h + 0.04, horizon - 0.04, 0.08):
                c.rect(u, v, 0.03, 0.045, hsv(0.6, 0.3, rng.uniform(0.2, 0.6)))
        x += w + rng.uniform(-0.02, 0.08)
