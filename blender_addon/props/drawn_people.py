"""Drawn people for posters, screens and paintings: heads and whole figures. Pure numpy.

They are cartoons, flat shapes or paintings made of ellipses and strokes; none shows anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing import Canvas, Float, hsv

Point = NDArray[np.floating[Any]]
Outline = tuple[float, Float] | None  # width and colour of a line round all parts

STYLES = ("flat", "toon", "painted")
_DARK = np.array([0.08, 0.06, 0.06], np.float32)
_SKINS = ((0.07, 0.25, 0.95), (0.06, 0.35, 0.85), (0.06, 0.5, 0.65), (0.05, 0.55, 0.42))
_HAIRS = ((0.07, 0.6, 0.12), (0.07, 0.6, 0.3), (0.1, 0.6, 0.75), (0.04, 0.8, 0.5), (0.0, 0.0, 0.7))


@contextmanager
def persons(canvas: Canvas) -> Iterator[None]:
    """All that is drawn inside belongs to persons."""
    before, canvas.of_person = canvas.of_person, True
    try:
        yield
    finally:
        canvas.of_person = before


@dataclass(frozen=True)
class Colors:
    """The display colours of a drawn person, and how strongly it is shaded (0: flat)."""

    skin: Float
    hair: Float
    cloth: Float
    second: Float
    shade: float = 0.0
    outline: bool = False


def sample_colors(rng: np.random.Generator, style: str = "") -> Colors:
    """Draw the colours of a person in one of STYLES; '' draws the style, too."""
    style = style or str(rng.choice(STYLES))
    hue, saturation, value = _SKINS[int(rng.integers(len(_SKINS)))]
    skin = hsv(hue + rng.normal(0, 0.01), saturation * rng.uniform(0.8, 1.15), value)
    hair = hsv(*_HAIRS[int(rng.integers(len(_HAIRS)))])
    cloth = hsv(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.95))
    second = hsv(rng.random(), rng.uniform(0.0, 0.7), rng.uniform(0.1, 0.9))
    if rng.random() < 0.06:  # somebody green or blue, as in cartoons
        skin = hsv(rng.random(), 0.5, 0.8)
    return Colors(skin, hair, cloth, second, 0.9 if style == "painted" else 0.0, style == "toon")


def bust(
    canvas: Canvas, x: float, y: float, size: float, rng: np.random.Generator, c: Colors
) -> None:
    """Draw a head with its middle at (x, y), `size` high, on a neck and shoulders."""
    s, woman, tilt = size, rng.random() < 0.5, rng.uniform(-0.06, 0.06)
    wide = s * rng.uniform(0.36, 0.42)
    long_hair = woman and rng.random() < 0.75
    with persons(canvas):
        if long_hair:
            drop = rng.uniform(0.5, 1.0)
            canvas.ellipse(x, y - 0.06 * s, wide * 1.3, 0.56 * s, c.hair)
            side = wide * rng.uniform(1.15, 1.4)
            canvas.polygon(
                [
                    (x - side, y - 0.1 * s),
                    (x + side, y - 0.1 * s),
                    (x + side, y + drop * s),
                    (x - side, y + drop * s),
                ],
                c.hair * 0.85,
            )
        _shoulders(canvas, x, y, s, woman, c, rng)
        if c.outline:
            canvas.ellipse(x, y, wide + 0.025 * s, 0.525 * s, _DARK)
        for side in (-1, 1):
            canvas.ellipse(x + side * wide, y + 0.04 * s, 0.06 * s, 0.1 * s, c.skin * 0.9)
        canvas.ellipse(x, y, wide, 0.5 * s, c.skin, c.shade)
        _features(canvas, x + tilt * s, y, s, woman, c, rng)
        _hair_front(canvas, x, y, s, wide, woman, c, rng)


def _shoulders(
    canvas: Canvas, x: float, y: float, s: float, woman: bool, c: Colors, rng: np.random.Generator
) -> None:
    span = s * (rng.uniform(0.75, 0.95) if woman else rng.uniform(0.95, 1.15))
    top, low = y + 0.62 * s, y + 2.4 * s
    outline = [(-0.2, 0), (0.2, 0), (0.7, 0.14), (0.95, 0.32), (1.06, 0.7), (1.12, 1.0)]
    right = [(x + u * span, top + v * (low - top)) for u, v in outline[1:]]
    left = [(x - u * span, top + v * (low - top)) for u, v in outline[:0:-1]]
    if c.outline:
        canvas.stroke([*left, *right], 0.05 * s, _DARK)
    canvas.polygon([*right, *left], c.cloth)
    if c.shade:  # the side away from the light
        canvas.polygon([*right, (x + 0.45 * span, low)], c.cloth * 0.65)
    neck = 0.17 * s
    canvas.polygon(
        [
            (x - neck, y + 0.3 * s),
            (x + neck, y + 0.3 * s),
            (x + 1.25 * neck, y + 0.72 * s),
            (x, y + rng.uniform(0.8, 1.1) * s),
            (x - 1.25 * neck, y + 0.72 * s),
        ],
        c.skin * 0.82,
    )
    collar = rng.random()
    if collar < 0.35:  # a shirt with a tie under a jacket
        for side in (-1, 1):
            canvas.polygon(
                [(x, y + 1.15 * s), (x + side * 0.34 * s, y + 0.66 * s), (x, y + 0.8 * s)],
                (0.93, 0.93, 0.92),
            )
        canvas.stroke([(x, y + 0.85 * s), (x, y + 1.9 * s)], (0.08 * s, 0.16 * s), c.second)
    elif collar < 0.6:
        for k in range(4):
            canvas.stroke(
                [(x - span, y + (1.2 + 0.3 * k) * s), (x + span, y + (1.2 + 0.3 * k) * s)],
                0.1 * s,
                c.second,
            )


def _features(
    canvas: Canvas, x: float, y: float, s: float, woman: bool, c: Colors, rng: np.random.Generator
) -> None:
    iris = hsv(rng.choice([0.08, 0.35, 0.58]), 0.6, 0.45)
    open_, apart = rng.uniform(0.03, 0.07), rng.uniform(0.16, 0.2)
    closed = rng.random() < 0.12
    for side in (-1, 1):
        ex, ey = x + side * apart * s, y - 0.02 * s
        if c.shade:
            canvas.ellipse(ex, ey - 0.02 * s, 0.12 * s, 0.08 * s, c.skin * 0.72)
        if closed:
            canvas.stroke([(ex - 0.07 * s, ey), (ex + 0.07 * s, ey)], 0.025 * s, _DARK)
        else:
            canvas.ellipse(ex, ey, 0.085 * s, open_ * s, (0.95, 0.95, 0.94))
            canvas.ellipse(ex, ey, 0.04 * s, min(0.045, open_) * s, iris)
            canvas.ellipse(ex, ey, 0.02 * s, 0.024 * s, _DARK)
            lid = [(ex - 0.09 * s, ey), (ex, ey - open_ * s), (ex + 0.09 * s, ey)]
            canvas.stroke(lid, (0.03 if woman else 0.018) * s, _DARK)
        brow, slope = y - 0.15 * s, rng.uniform(-0.01, 0.03) * s
        ends = [(ex - 0.09 * s, brow + side * slope), (ex + 0.09 * s, brow - side * slope)]
        canvas.stroke(ends, (0.025 if woman else 0.045) * s, c.hair * 0.7)
    bridge = x + 0.05 * s * rng.choice([-1, 1])
    nose = [(x, y), (bridge, y + 0.15 * s), (x - 0.01 * s, y + 0.17 * s)]
    canvas.stroke(nose, 0.022 * s, c.skin * 0.68)
    lips = hsv(0.98, 0.65, 0.75) if woman else c.skin * 0.62
    my, smile, half = y + 0.29 * s, rng.uniform(-0.01, 0.06) * s, rng.uniform(0.1, 0.16) * s
    if rng.random() < 0.3:
        canvas.ellipse(x, my, half, 0.05 * s, (0.35, 0.08, 0.1))
        canvas.rect(x - 0.7 * half, my - 0.04 * s, 1.4 * half, 0.03 * s, (0.96, 0.96, 0.95))
    else:
        curve = [(x - half, my - smile), (x, my + 0.4 * smile), (x + half, my - smile)]
        canvas.stroke(curve, (0.02 * s, 0.05 * s, 0.02 * s), lips)
    if not woman and rng.random() < 0.35:
        beard = [(-0.36, 0.12), (-0.2, 0.2), (0, 0.2), (0.2, 0.2), (0.36, 0.12), (0.25, 0.45)]
        points = [(x + u * s, y + v * s) for u, v in [*beard, (0, 0.55), (-0.25, 0.45)]]
        canvas.polygon(points, c.hair * 0.9)
        canvas.stroke([(x - half, my), (x + half, my)], 0.035 * s, lips)
    if rng.random() < 0.2:
        for side in (-1, 1):
            angle = np.linspace(0, 2 * np.pi, 13)
            ring = [(x + side * apart * s, y - 0.02 * s)] + 0.12 * s * np.column_stack(
                [np.cos(angle), np.sin(angle)]
            )
            canvas.stroke(ring, 0.02 * s, _DARK)
        canvas.stroke([(x - 0.06 * s, y - 0.02 * s), (x + 0.06 * s, y - 0.02 * s)], 0.02 * s, _DARK)


def _hair_front(
    canvas: Canvas,
    x: float,
    y: float,
    s: float,
    wide: float,
    woman: bool,
    c: Colors,
    rng: np.random.Generator,
) -> None:
    style = rng.random()
    if style < 0.12 and not woman:
        return  # bald
    line = rng.uniform(0.2, 0.3)
    part = x + wide * rng.uniform(-0.6, 0.6)
    angle = np.linspace(np.pi, 2 * np.pi, 9)
    over = np.column_stack(
        [x + 1.1 * wide * np.cos(angle), y - 0.06 * s + 0.54 * s * np.sin(angle)]
    )
    over[[0, -1], 1] += 0.1 * s
    fringe = [(x + 0.9 * wide, y - 0.16 * s), (part, y - (line + 0.08) * s)]
    canvas.polygon([*over, *fringe, (x - 0.9 * wide, y - 0.16 * s)], c.hair)
    if c.shade:
        shine = over[2:6] * [0.8, 1] + [0.2 * x, 0.1 * s]
        canvas.stroke(shine, 0.04 * s, np.clip(c.hair * 1.6 + 0.08, 0, 1))
    if style > 0.85:  # a hat or cap
        brim = y - 0.2 * s
        canvas.polygon(
            [
                (x - 1.05 * wide, brim),
                (x + 1.05 * wide, brim),
                (x + 0.8 * wide, y - 0.7 * s),
                (x - 0.8 * wide, y - 0.7 * s),
            ],
            c.second,
        )
        canvas.ellipse(x, brim, 1.6 * wide, 0.06 * s, c.second * 0.8)


def figure(
    canvas: Canvas, x: float, ground: float, height: float, rng: np.random.Generator, c: Colors
) -> None:
    """Draw a whole person on `ground`, `height` high: standing, walking, dancing or singing."""
    h, side = height, float(rng.choice([-1, 1]))
    lively = rng.random()
    spread = 4.0 if lively < 0.3 else rng.uniform(8, 38)
    hip, neck = np.array([x, ground - 0.5 * h]), np.array([x, ground - 0.82 * h])
    neck[0] += h * rng.normal(0, 0.03 if lively > 0.3 else 0.005)
    woman, skirt = rng.random() < 0.5, False
    skirt = woman and rng.random() < 0.6
    legs = c.skin * 0.95 if skirt else c.second
    with persons(canvas):
        grow = (0.012 * h, _DARK) if c.outline else None
        for sign in (-1, 1):
            thigh = np.radians(sign * spread * rng.uniform(0.5, 1))
            shin = thigh - np.radians(rng.uniform(0, 40) if lively > 0.5 else 2) * sign
            start = _off(hip, sign * 0.04 * h, 0)
            knee = start + 0.24 * h * np.array([np.sin(thigh), np.cos(thigh)])
            foot = knee + 0.24 * h * np.array([np.sin(shin), np.cos(shin)])
            _limb(canvas, (start, knee, foot), (0.1 * h, 0.07 * h, 0.045 * h), legs, grow)
            canvas.ellipse(foot[0] + 0.02 * h * side, foot[1], 0.05 * h, 0.022 * h, _DARK)
        _torso(canvas, hip, neck, h, skirt, c, grow)
        for sign in (-1, 1):
            up = rng.random() < (0.15 if lively < 0.3 else 0.45)
            upper = np.radians(sign * (rng.uniform(100, 170) if up else rng.uniform(8, 50)))
            fore = upper + np.radians(sign * rng.uniform(-20, 60 if up else 20) - 30 * side)
            start = _off(neck, sign * 0.095 * h, 0.035 * h)
            elbow = start + 0.16 * h * np.array([np.sin(upper), np.cos(upper)])
            hand = elbow + 0.15 * h * np.array([np.sin(fore), np.cos(fore)])
            sleeve = c.cloth if rng.random() < 0.5 else c.skin
            _limb(canvas, (elbow, hand), (0.045 * h, 0.03 * h), sleeve, grow)
            _limb(canvas, (start, elbow), (0.06 * h, 0.048 * h), c.cloth * 0.9, grow)
            canvas.ellipse(hand[0], hand[1], 0.022 * h, 0.026 * h, c.skin)
        _small_head(canvas, neck, h, woman, c, grow)


def _off(point: Point, x: float, y: float) -> Point:
    """A point (2,) moved by (x, y)."""
    return point + np.array([x, y])


def _limb(
    canvas: Canvas, points: Any, widths: Sequence[float], color: Float, grow: Outline
) -> None:
    if grow is not None:
        canvas.stroke(points, [w + 2 * grow[0] for w in widths], grow[1])
    canvas.stroke(points, widths, color)


def _torso(
    canvas: Canvas, hip: Point, neck: Point, h: float, skirt: bool, c: Colors, grow: Outline
) -> None:
    hem = _off(hip, 0, 0.2 * h if skirt else 0.03 * h)
    low = 0.16 * h if skirt else 0.085 * h
    points = np.array(
        [
            _off(neck, -0.11 * h, 0.02 * h),
            _off(neck, 0.11 * h, 0.02 * h),
            _off(hip, 0.07 * h, -0.1 * h),
            _off(hem, low, 0),
            _off(hem, -low, 0),
            _off(hip, -0.07 * h, -0.1 * h),
        ]
    )
    if grow is not None:
        canvas.stroke([*points, points[0]], 2 * grow[0], grow[1])
    canvas.polygon(points, c.cloth)
    if c.shade:
        canvas.polygon(
            [*points[1:4], (hip + hem) / 2, _off(neck, 0.04 * h, 0.02 * h)], c.cloth * 0.7
        )


def _small_head(
    canvas: Canvas, neck: Point, h: float, woman: bool, c: Colors, grow: Outline
) -> None:
    x, y = neck[0], neck[1] - 0.095 * h
    canvas.stroke(np.array([_off(neck, 0, 0.02 * h), (x, y)]), 0.045 * h, c.skin * 0.85)
    if woman:
        canvas.ellipse(x, y + 0.03 * h, 0.068 * h, 0.1 * h, c.hair)
    if grow is not None:
        canvas.ellipse(x, y, 0.053 * h + grow[0], 0.07 * h + grow[0], grow[1])
    canvas.ellipse(x, y, 0.053 * h, 0.07 * h, c.skin, c.shade)
    angle = np.linspace(np.pi, 2 * np.pi, 7)
    top = np.column_stack([x + 0.06 * h * np.cos(angle), y + 0.078 * h * np.sin(angle)])
    canvas.polygon([*top, (x, y - 0.03 * h)], c.hair)
    for side in (-1, 1):
        canvas.ellipse(x + side * 0.022 * h, y, 0.008 * h, 0.009 * h, _DARK)
    canvas.stroke(
        [(x - 0.018 * h, y + 0.035 * h), (x + 0.018 * h, y + 0.035 * h)], 0.008 * h, c.skin * 0.5
    )
