"""Signs with pictograms, boards of shops and labels of goods. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import drawn_words as words
from .drawing import Canvas, Float, hsv, ink_on
from .drawn_people import bust, sample_colors

_WHITE, _BLACK = (0.96, 0.96, 0.95), (0.05, 0.05, 0.06)
_RED, _BLUE, _GREEN, _YELLOW = (
    (0.78, 0.08, 0.1),
    (0.05, 0.27, 0.62),
    (0.0, 0.45, 0.25),
    (0.97, 0.78, 0.1),
)


def draw_sign(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a sign of traffic, of a building, or of a notice board."""
    kinds = (_warning, _ban, _order, _way, _facility, _notice, _exit)
    kinds[int(rng.integers(len(kinds)))](canvas, rng)
    canvas.grain(rng, 0.01)


def _ground(c: Canvas, color: Float | tuple[float, ...], edge: tuple[float, ...]) -> None:
    c.rect(0, 0, c.aspect, 1, edge)
    c.rect(0.03, 0.03, c.aspect - 0.06, 0.94, color)


def _warning(c: Canvas, rng: np.random.Generator) -> None:
    _ground(c, (0.8, 0.81, 0.8) if rng.random() < 0.5 else _YELLOW, (0.6, 0.6, 0.6))
    c.polygon([(0.5, 0.06), (0.96, 0.9), (0.04, 0.9)], _RED)
    c.polygon([(0.5, 0.24), (0.82, 0.82), (0.18, 0.82)], _WHITE)
    if rng.random() < 0.5:
        pictogram(c, 0.5, 0.8, 0.42, _BLACK, rng)
    else:
        c.stroke([(0.5, 0.4), (0.5, 0.63)], 0.08, _BLACK)
        c.ellipse(0.5, 0.74, 0.045, 0.045, _BLACK)


def _ban(c: Canvas, rng: np.random.Generator) -> None:
    _ground(c, (0.82, 0.82, 0.82), (0.55, 0.55, 0.57))
    c.ellipse(0.5, 0.5, 0.44, 0.44, _RED)
    kind = rng.random()
    if kind < 0.3:
        c.rect(0.2, 0.43, 0.6, 0.14, _WHITE)
        return
    c.ellipse(0.5, 0.5, 0.33, 0.33, _WHITE)
    if kind < 0.65:
        c.text(0.5, 0.36, 0.28, str(int(rng.integers(1, 10)) * 10), _BLACK, align=0.5, weight=0.2)
    else:
        pictogram(c, 0.5, 0.72, 0.44, _BLACK, rng)
        c.stroke([(0.26, 0.26), (0.74, 0.74)], 0.07, _RED)


def _order(c: Canvas, rng: np.random.Generator) -> None:
    _ground(c, _BLUE, _WHITE)
    kind = rng.random()
    if kind < 0.35:
        c.text(0.5, 0.2, 0.58, "P", _WHITE, align=0.5, weight=0.2)
    elif kind < 0.7:
        c.polygon([(0.5, 0.1), (0.92, 0.88), (0.08, 0.88)], _WHITE)
        pictogram(c, 0.5, 0.82, 0.48, _BLACK, rng)
        for k in range(4):
            c.rect(0.24 + 0.14 * k, 0.8, 0.08, 0.05, _BLACK)
    else:
        pictogram(c, 0.33, 0.82, 0.62, _WHITE, rng)
        pictogram(c, 0.68, 0.82, 0.45, _WHITE, rng)


def _way(c: Canvas, rng: np.random.Generator) -> None:
    tones = (_BLUE, _GREEN, _YELLOW, _WHITE)
    color = np.array(tones[int(rng.integers(4))], np.float32)
    ink = ink_on(color)
    _ground(c, color, tuple(ink))
    for k in range(3):
        y = 0.12 + 0.28 * k
        c.text(0.08, y, 0.13, words.brand(rng), ink, fit=0.6, weight=0.16)
        side = float(rng.choice([-1, 1]))
        c.stroke([(0.82 - 0.08 * side, y + 0.07), (0.82 + 0.08 * side, y + 0.07)], 0.03, ink)
        tip = 0.82 + 0.1 * side
        c.stroke(
            [(tip - 0.06 * side, y + 0.01), (tip, y + 0.07), (tip - 0.06 * side, y + 0.13)],
            0.03,
            ink,
        )


def _facility(c: Canvas, rng: np.random.Generator) -> None:
    color = np.array((_BLUE, _WHITE, _BLACK, (0.5, 0.52, 0.55))[int(rng.integers(4))], np.float32)
    ink = ink_on(color)
    _ground(c, color, tuple(ink))
    pictogram(c, 0.3, 0.8, 0.62, ink, rng, skirt=False)
    pictogram(c, 0.7, 0.8, 0.62, ink, rng, skirt=True)
    c.rect(0.48, 0.15, 0.03, 0.7, ink)


def _notice(c: Canvas, rng: np.random.Generator) -> None:
    _ground(c, hsv(rng.random(), rng.uniform(0, 0.3), 0.95), (0.3, 0.3, 0.32))
    head = np.array((_RED, _BLUE, _GREEN, _BLACK)[int(rng.integers(4))], np.float32)
    c.rect(0.03, 0.03, 0.94, 0.22, head)
    c.text(0.5, 0.08, 0.12, words.line(rng), ink_on(head), align=0.5, fit=0.84, weight=0.18)
    c.small_print(0.1, 0.32, 0.8, 0.36, (0.15, 0.15, 0.17), rng, 0.06)
    c.text(0.5, 0.76, 0.14, words.title(rng), head, align=0.5, fit=0.8)


def _exit(c: Canvas, rng: np.random.Generator) -> None:
    _ground(c, _GREEN, (0.9, 0.95, 0.9))
    c.rect(0.56, 0.16, 0.36, 0.68, _WHITE)
    c.rect(0.6, 0.2, 0.28, 0.64, (0.0, 0.33, 0.18))
    pictogram(c, 0.44, 0.84, 0.66, _WHITE, rng, stride=38)


def pictogram(
    c: Canvas,
    x: float,
    ground: float,
    height: float,
    ink: ArrayLike,
    rng: np.random.Generator,
    *,
    skirt: bool = False,
    stride: float | None = None,
) -> None:
    """Draw the sign of a person: a disc on strokes. It stands for nobody and counts as nobody."""
    h = height
    stride = float(rng.uniform(0, 35)) if stride is None else stride
    hip, neck = (x, ground - 0.46 * h), (x + 0.002 * stride * h, ground - 0.78 * h)
    c.ellipse(neck[0], ground - 0.9 * h, 0.09 * h, 0.09 * h, ink)
    for sign in (-1, 1):
        a = np.radians(sign * stride)
        foot = (hip[0] + (0.44 * np.sin(a) + 0.05 * sign) * h, ground)
        c.stroke([hip, foot], 0.1 * h, ink)
        hand = (neck[0] + (0.36 * np.sin(a) + 0.16 * sign) * h, ground - 0.46 * h)
        c.stroke([(neck[0] + 0.09 * sign * h, neck[1] + 0.03 * h), hand], 0.07 * h, ink)
    c.stroke([neck, hip], 0.22 * h, ink)
    if skirt:
        low = ground - 0.26 * h
        c.polygon([(x, neck[1]), (x + 0.24 * h, low), (x - 0.24 * h, low)], ink)


def draw_shop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw the board over a shop front: its name in large letters, and a mark."""
    c, w = canvas, canvas.aspect
    color = hsv(rng.random(), rng.choice([0.05, 0.6, 0.9]), rng.uniform(0.08, 0.95))
    ink = ink_on(color) if rng.random() < 0.6 else hsv(rng.random(), 0.7, 0.95)
    if float(np.abs(ink - color).sum()) < 0.7:
        ink = ink_on(color)
    c.gradient(color, color * 0.9)
    if rng.random() < 0.4:
        c.rect(0, 0, w, 0.06, ink)
        c.rect(0, 0.94, w, 0.06, ink)
    name = words.trade(rng) if rng.random() < 0.55 else f"{words.brand(rng)} {words.trade(rng)}"
    mark = rng.random()
    left = 0.25
    if mark < 0.5:
        second = hsv(rng.random(), 0.8, 0.9)
        c.ellipse(0.5, 0.5, 0.32, 0.32, second)
        c.text(0.5, 0.32, 0.36, name[0], ink_on(second), align=0.5, weight=0.2)
        left = 1.0
    elif mark < 0.62:
        bust(c, 0.5, 0.42, 0.62, rng, sample_colors(rng, "flat"))
        left = 1.0
    weight = rng.choice([0.1, 0.16, 0.22])
    c.text(left, 0.2, rng.uniform(0.4, 0.6), name, ink, fit=w - left - 0.25, weight=weight)
    if rng.random() < 0.5:
        c.text(left, 0.8, 0.12, f"{words.line(rng)}  {words.trade(rng)}", ink, fit=w - left - 0.25)
    c.grain(rng, 0.012)


def draw_label(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw the front of a package, a bottle's label, or the cover of a book."""
    c, w = canvas, canvas.aspect
    color = hsv(rng.random(), rng.choice([0.08, 0.5, 0.85]), rng.uniform(0.15, 1.0))
    second = hsv(rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.3, 1.0))
    c.gradient(color, np.clip(color * rng.uniform(0.6, 1.2), 0, 1))
    kind = rng.random()
    if kind < 0.35:  # goods
        c.ellipse(w / 2, 0.62, 0.36 * w, 0.2, second)
        for _ in range(5):
            x, y = rng.normal((w / 2, 0.62), (0.15 * w, 0.06))
            c.ellipse(x, y, 0.1, 0.07, hsv(rng.random(), 0.8, 0.9), 0.7)
    elif kind < 0.6:
        c.rect(0, rng.uniform(0.3, 0.5), w, rng.uniform(0.1, 0.35), second)
        c.polygon(rng.uniform((0, 0.3), (w, 0.9), (4, 2)), second * 0.7)
    elif kind < 0.75:
        bust(c, w / 2, 0.5, rng.uniform(0.3, 0.42), rng, sample_colors(rng))
    else:
        for k in range(6):
            c.rect(0, 0.3 + 0.1 * k, w, 0.05, second)
    ink = ink_on(color)
    name = words.brand(rng) if rng.random() < 0.6 else words.title(rng)
    c.text(w / 2, 0.07, 0.15, name, ink, align=0.5, fit=0.9 * w, weight=0.2)
    c.small_print(0.12 * w, 0.88, 0.5 * w, 0.08, ink, rng, 0.035)
    for k in range(9):
        c.rect(0.7 * w + 0.022 * k * w, 0.89, 0.01 * w, 0.07, _BLACK)
