"""Posters, murals and painted portraits. Pure numpy; their people are drawn, see drawn_people."""

from __future__ import annotations

import numpy as np

from . import drawn_words as words
from .drawing import Canvas, hsv, ink_on
from .drawn_people import bust, figure, sample_colors


def draw_poster(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw the poster of a concert, film, product, campaign or journey."""
    kinds = (_concert, _film, _advert, _campaign, _journey, _letters, _fashion)
    chances = (0.18, 0.22, 0.2, 0.1, 0.08, 0.08, 0.14)
    kinds[int(rng.choice(len(kinds), p=chances))](canvas, rng)
    canvas.grain(rng, 0.012)


def _concert(c: Canvas, rng: np.random.Generator) -> None:
    hue, w = rng.random(), c.aspect
    c.gradient(hsv(hue, 0.8, rng.uniform(0.1, 0.5)), hsv(hue + 0.12, 0.85, rng.uniform(0.4, 0.9)))
    center = (w * rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.6))
    angles = 2 * np.pi * np.arange(16) / 16
    rays = np.column_stack([np.cos(angles), np.sin(angles)]) * 2 + center
    star = [corner for a, b in zip(rays[::2], rays[1::2], strict=True) for corner in (center, a, b)]
    c.polygon(star, hsv(hue + 0.08, 0.7, 0.75))
    count = int(rng.choice([1, 1, 2, 3]))
    for k in range(count):
        x = w * ((k + 0.5) / count + rng.normal(0, 0.03))
        figure(c, x, rng.uniform(0.82, 0.9), rng.uniform(0.5, 0.62), rng, sample_colors(rng))
        if rng.random() < 0.6:  # a guitar
            tone = hsv(rng.random(), 0.8, 0.6)
            c.ellipse(x - 0.03, 0.58, 0.06, 0.05, tone)
            c.ellipse(x + 0.02, 0.56, 0.045, 0.04, tone)
            c.stroke([(x + 0.03, 0.56), (x + 0.2, 0.47)], 0.016, (0.2, 0.12, 0.08))
    light = hsv(hue + 0.5, 0.3, 1.0)
    c.text(w / 2, 0.05, 0.13, words.title(rng), light, align=0.5, fit=0.9 * w, weight=0.2)
    c.text(w / 2, 0.22, 0.05, words.line(rng), light, align=0.5, fit=0.8 * w)
    c.rect(0, 0.9, w, 0.1, hsv(hue, 0.9, 0.12))
    c.text(0.05, 0.92, 0.04, words.line(rng), light)
    c.small_print(0.5 * w, 0.92, 0.45 * w, 0.06, light, rng, 0.02)


def _film(c: Canvas, rng: np.random.Generator) -> None:
    hue, w = rng.choice([0.0, 0.06, 0.55, 0.6, 0.75]), c.aspect
    c.gradient(hsv(hue, 0.7, rng.uniform(0.05, 0.4)), hsv(hue + 0.05, 0.6, rng.uniform(0.3, 0.9)))
    people = int(rng.choice([1, 2, 2, 3]))
    for k in range(people):
        size = rng.uniform(0.26, 0.4) * (1.15 if people == 1 else 0.8)
        x, y = (
            w * (0.5 + 0.62 * ((k + 0.5) / people - 0.5)),
            rng.uniform(0.28, 0.38) + 0.06 * (k % 2),
        )
        bust(c, x, y, size, rng, sample_colors(rng, "painted"))
    dark = hsv(hue, 0.7, 0.06)
    for k, share in enumerate((0.35, 0.6, 0.85, 1.0)):  # they fade into the dark below
        part = c.rgb[round((0.6 + 0.04 * k) * len(c.rgb)) :]
        part += share * 0.6 * (dark - part)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            x = w * rng.uniform(0.15, 0.85)
            figure(c, x, 0.76, rng.uniform(0.12, 0.22), rng, sample_colors(rng, "painted"))
    light = hsv(rng.choice([0.12, hue + 0.5]), rng.uniform(0, 0.6), 0.97)
    c.text(w / 2, 0.76, 0.11, words.title(rng), light, align=0.5, fit=0.9 * w, weight=0.13)
    c.text(
        w / 2, 0.04, 0.03, f"{words.brand(rng)}  {words.brand(rng)}", light, align=0.5, fit=0.9 * w
    )
    c.small_print(0.1 * w, 0.89, 0.8 * w, 0.07, light * 0.8, rng, 0.018)


def _advert(c: Canvas, rng: np.random.Generator) -> None:
    w, ground = c.aspect, hsv(rng.random(), rng.uniform(0.05, 0.8), rng.uniform(0.6, 1.0))
    c.gradient(ground, np.clip(ground * rng.uniform(0.7, 1.1), 0, 1))
    ink = ink_on(ground)
    x, flip = w * rng.uniform(0.35, 0.65), rng.random() < 0.5
    if rng.random() < 0.75:
        bust(c, x, 0.42, rng.uniform(0.3, 0.42), rng, sample_colors(rng))
    _product(c, w * (0.25 if flip else 0.75), 0.78, 0.26, rng)
    c.text(0.06 * w, 0.05, 0.1, words.title(rng), ink, fit=0.88 * w, weight=0.22)
    c.rect(0, 0.86, w, 0.14, hsv(rng.random(), 0.8, rng.uniform(0.2, 0.7)))
    c.text(w / 2, 0.895, 0.06, words.brand(rng), (1, 1, 1), align=0.5, fit=0.8 * w, weight=0.2)
    if rng.random() < 0.5:
        x = w * (0.78 if flip else 0.2)
        c.ellipse(x, 0.7, 0.12, 0.12, hsv(rng.choice([0.0, 0.14]), 0.9, 0.95))
        c.text(x, 0.665, 0.07, f"{int(rng.integers(1, 8))}0%", (1, 1, 1), align=0.5, weight=0.2)


def _product(c: Canvas, x: float, ground: float, size: float, rng: np.random.Generator) -> None:
    """A bottle, a phone or a cup."""
    tone, kind = hsv(rng.random(), rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.9)), rng.random()
    top = ground - size
    if kind < 0.45:
        c.stroke([(x, ground - 0.03), (x, top + 0.45 * size)], 0.38 * size, tone)
        c.stroke([(x, top + 0.4 * size), (x, top)], 0.13 * size, tone * 0.9)
        c.rect(x - 0.17 * size, top + 0.5 * size, 0.34 * size, 0.25 * size, (0.95, 0.95, 0.9))
        c.stroke(
            [(x - 0.1 * size, ground - 0.05), (x - 0.1 * size, top + 0.5 * size)], 0.015, (1, 1, 1)
        )
    elif kind < 0.7:
        c.rect(x - 0.27 * size, top, 0.54 * size, size, (0.05, 0.05, 0.06))
        c.rect(x - 0.24 * size, top + 0.05 * size, 0.48 * size, 0.9 * size, tone)
        c.ellipse(x, top + 0.5 * size, 0.14 * size, 0.14 * size, np.clip(1.4 * tone, 0, 1))
    else:
        sides = [(-0.28, 0.25), (0.28, 0.25), (0.2, 1.0), (-0.2, 1.0)]
        c.polygon([(x + u * size, top + v * size) for u, v in sides], tone)
        c.ellipse(x, top + 0.25 * size, 0.3 * size, 0.07 * size, (0.95, 0.93, 0.9))


def _campaign(c: Canvas, rng: np.random.Generator) -> None:
    w, party = c.aspect, hsv(rng.random(), rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.9))
    c.gradient(hsv(0.58, 0.15, 0.95), hsv(0.58, 0.3, 0.8))
    bust(c, w * rng.uniform(0.4, 0.6), 0.38, rng.uniform(0.4, 0.5), rng, sample_colors(rng))
    c.rect(0, 0.72, w, 0.28, party)
    c.text(0.06 * w, 0.76, 0.08, words.title(rng), (1, 1, 1), fit=0.85 * w, weight=0.2)
    c.text(0.06 * w, 0.88, 0.05, f"{words.brand(rng)} {words.brand(rng)}", (1, 1, 1), fit=0.85 * w)


def _journey(c: Canvas, rng: np.random.Generator) -> None:
    w, hue = c.aspect, rng.uniform(0.5, 0.62)
    c.gradient(hsv(hue, 0.6, 0.85), hsv(0.1, 0.4, 0.98), 0, 0.6)
    c.ellipse(w * rng.uniform(0.2, 0.8), 0.3, 0.08, 0.08, hsv(0.13, 0.5, 1.0))
    for k in range(4):
        y = 0.4 + 0.1 * k
        ridge = [(w * t, y + 0.08 * rng.normal()) for t in np.linspace(0, 1, 7)]
        c.polygon([(0, 1), *ridge, (w, 1)], hsv(hue - 0.07 * k, 0.5, 0.7 - 0.12 * k))
    for _ in range(int(rng.integers(0, 4))):
        figure(c, w * rng.uniform(0.1, 0.9), 0.8, rng.uniform(0.14, 0.3), rng, sample_colors(rng))
    c.text(w / 2, 0.06, 0.12, words.brand(rng), (1, 1, 1), align=0.5, fit=0.9 * w, weight=0.18)
    c.rect(0, 0.88, w, 0.12, (0.96, 0.94, 0.88))
    c.text(w / 2, 0.915, 0.045, words.line(rng), (0.1, 0.1, 0.12), align=0.5, fit=0.85 * w)


def _letters(c: Canvas, rng: np.random.Generator) -> None:
    w, ground = c.aspect, hsv(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.1, 1.0))
    c.gradient(ground, ground)
    second = hsv(rng.random(), 0.8, rng.uniform(0.4, 1.0))
    for _ in range(int(rng.integers(1, 5))):
        x, y, size = w * rng.random(), rng.random(), rng.uniform(0.08, 0.4)
        if rng.random() < 0.5:
            c.ellipse(x, y, size, size, second)
        else:
            c.polygon([(x, y), (x + size, y + 0.3 * size), (x - 0.3 * size, y + size)], second)
    ink, y = ink_on(ground), 0.05
    while y < 0.8:
        text = words.title(rng) if rng.random() < 0.6 else words.line(rng)
        y += c.text(0.05, y, rng.uniform(0.05, 0.2), text, ink, fit=w - 0.1, weight=0.2) + 0.03
    c.small_print(0.05, 0.9, 0.7 * w, 0.07, ink, rng, 0.022)


def _fashion(c: Canvas, rng: np.random.Generator) -> None:
    w, ground = c.aspect, hsv(rng.random(), rng.uniform(0.0, 0.35), rng.uniform(0.7, 0.97))
    c.gradient(ground, ground * 0.85)
    count = int(rng.choice([1, 2]))
    for k in range(count):
        x = w * ((k + 0.5) / count)
        c.ellipse(x, 0.93, 0.16, 0.02, ground * 0.65)
        figure(c, x, 0.93, rng.uniform(0.74, 0.84), rng, sample_colors(rng))
    c.text(w / 2, 0.02, 0.09, words.brand(rng), ink_on(ground), align=0.5, fit=0.9 * w, weight=0.1)
    c.text(0.05 * w, 0.945, 0.035, words.line(rng), ink_on(ground * 0.85), fit=0.9 * w)


def draw_mural(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a wall painting: large shapes, a face or figures, and letters."""
    c, w = canvas, canvas.aspect
    c.gradient(hsv(rng.random(), 0.5, 0.7), hsv(rng.random(), 0.6, 0.5))
    for _ in range(18):
        x, y = w * rng.random(), rng.random()
        size, tone = (
            rng.uniform(0.1, 0.4),
            hsv(rng.random(), rng.uniform(0.4, 0.9), rng.uniform(0.3, 1)),
        )
        if rng.random() < 0.5:
            c.ellipse(x, y, size, size * rng.uniform(0.3, 1), tone)
        else:
            c.polygon(rng.normal((x, y), size, (4, 2)), tone)
    if rng.random() < 0.7:
        bust(c, w * rng.uniform(0.25, 0.75), 0.45, rng.uniform(0.5, 0.7), rng, sample_colors(rng))
    else:
        for x in np.arange(0.15, w, 0.3):
            figure(c, x, rng.uniform(0.9, 1.0), rng.uniform(0.6, 0.85), rng, sample_colors(rng))
    text, tone = words.brand(rng), hsv(rng.random(), 0.7, 0.95)
    x, y = w * rng.uniform(0.05, 0.4), rng.uniform(0.6, 0.75)
    c.text(x + 0.012, y + 0.012, 0.22, text, (0.05, 0.05, 0.06), weight=0.3)
    c.text(x, y, 0.22, text, tone, weight=0.24)
    c.grain(rng, 0.05)


def draw_portrait(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a painted portrait: one or two heads before a dark ground."""
    c, w = canvas, canvas.aspect
    tone = hsv(rng.choice([0.08, 0.1, 0.3, 0.6]), rng.uniform(0.2, 0.6), rng.uniform(0.2, 0.6))
    c.gradient(tone * 0.6, tone)
    for _ in range(8):
        c.ellipse(w * rng.random(), rng.random(), 0.3, 0.2, tone * rng.uniform(0.6, 1.25))
    count = 2 if rng.random() < 0.25 else 1
    for k in range(count):
        x = w * (0.5 + 0.42 * ((k + 0.5) / count - 0.5) + rng.normal(0, 0.02))
        bust(
            c,
            x,
            0.4 + 0.05 * k,
            rng.uniform(0.34, 0.46) / count**0.4,
            rng,
            sample_colors(rng, "painted"),
        )
    n = len(c.rgb)
    rows, columns = np.mgrid[0:n, 0 : c.rgb.shape[1]] / n
    edge = 1 - 0.6 * np.clip(np.hypot(rows - 0.45, columns - w / 2) - 0.3, 0, 1)
    strokes = np.repeat(np.repeat(rng.normal(1, 0.06, (n // 3 + 1, n // 6 + 2)), 3, 0), 6, 1)
    c.rgb *= (edge * strokes[:n, : c.rgb.shape[1]])[..., None].astype(np.float32)
    c.grain(rng, 0.02)
