"""Prints and woven figures of cloth as tiles: plaids, stripes, flowers, camouflage, numbers.

The red channel is the share of a fabric's second colour, the green channel that of its third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .tile_grid import Array, U, V, Window, cells, noise, pack, ramp, scattered, strokes, wave


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        make: Draws the tile.
        size: Lengths of its side on the body, rm, from which one is drawn.
        placed: Whether it lies on the chest once, and is not repeated.
    """

    make: Callable[[], Array]
    size: tuple[float, float]
    placed: bool = False


def _bands(coordinate: Array, widths: Sequence[tuple[float, float, float]]) -> tuple[Array, Array]:
    """Shares of the second and third colour of bands (width, second, third), repeated; edges are
    one texel soft.
    """
    ends = np.cumsum([w for w, _, _ in widths])
    at = coordinate * ends[-1]
    index = np.searchsorted(ends, at, side="right").clip(0, len(widths) - 1)
    second = np.array([s for _, s, _ in widths], np.float32)[index]
    third = np.array([t for _, _, t in widths], np.float32)[index]
    return second, third


def _stripes(*widths: tuple[float, float, float]) -> Array:
    return pack(*_bands(V, widths))


def _plaid(*widths: tuple[float, float, float]) -> Array:
    """A plaid: warp and weft of the same bands show in turn, as in a twill."""
    s0, t0 = _bands(U, widths)
    s1, t1 = _bands(V, widths)
    thread = 0.5 + 0.22 * np.sign(np.sin(2 * np.pi * (U + V) * 64))
    return pack(s0 * thread + s1 * (1 - thread), t0 * thread + t1 * (1 - thread))


def _gingham() -> Array:
    a, b = (U * 4) % 1 < 0.5, (V * 4) % 1 < 0.5
    return pack((a.astype(np.float32) + b) * 0.5)


def _houndstooth() -> Array:
    # A twill of two up, two down, woven with four dark and four light threads each way.
    n = 32
    i, j = np.floor(U * n), np.floor(V * n)
    warp, weft = i % 8 < 4, j % 8 < 4
    over = (i + j) % 4 < 2
    return pack(np.where(over, warp, weft).astype(np.float32))


def _herringbone() -> Array:
    column = np.floor(U * 8) % 2
    line = wave(np.where(column > 0, 1, -1) * U * 32 + V * 32)
    speck = np.maximum(noise(51, 60, 40) - 1.3, 0) * 0.8
    return pack(ramp(line, 0.3, 0.7) * 0.8 + 0.1 * noise(52, 40), speck)


def _dots(count: int, radius: float) -> Array:
    x, y = U * count, V * count
    d = np.minimum(
        np.hypot(x % 1 - 0.5, y % 1 - 0.5), np.hypot((x + 0.5) % 1 - 0.5, (y + 0.5) % 1 - 0.5)
    )
    return pack(1 - ramp(d, radius - 0.02, radius + 0.02))


def _flowers(seed: int, count: int, size: float, petals: int) -> Array:
    rng = np.random.default_rng(seed)
    second, third = np.zeros_like(U), np.zeros_like(U)
    shade = np.full_like(U, 0.5)
    for x, y in scattered(seed, count):
        r, turn = size * rng.uniform(0.6, 1.2), rng.uniform(0, 2 * np.pi)
        part = Window(x, y, 2.4 * r)
        radius, angle = np.hypot(part.x, part.y), np.arctan2(part.y, part.x)
        for side in (-1.0, 1.0):  # two leaves
            along, across = _turned(part, turn + side * 0.9 + np.pi)
            leaf = 1 - np.hypot((along - 1.5 * r) / (0.75 * r), across / (0.28 * r))
            third[part.at] = np.maximum(third[part.at], ramp(leaf, -0.05, 0.05))
        edge = r * (0.62 + 0.38 * np.abs(np.cos(0.5 * petals * (angle - turn))) ** 0.8)
        bloom, heart = radius < edge, (radius < 0.24 * r).astype(np.float32)
        second[part.at] = np.where(bloom, 1 - heart, second[part.at])
        third[part.at] = np.where(bloom, heart, third[part.at])
        petal = 0.38 + 0.14 * radius / edge
        shade[part.at] = np.where(bloom, petal, shade[part.at])
    return pack(second, third, shade)


def _turned(part: Window, angle: float) -> tuple[Array, Array]:
    """Distances from the point of a window along a direction and across it."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return part.x * cos + part.y * sin, part.y * cos - part.x * sin


def _leaves(seed: int, count: int, length: float) -> Array:
    rng = np.random.default_rng(seed)
    second, third = np.zeros_like(U), np.zeros_like(U)
    shade = np.full_like(U, 0.5)
    for k, (x, y) in enumerate(scattered(seed, count)):
        part = Window(x, y, length)
        along, across = (way / length for way in _turned(part, rng.uniform(0, 2 * np.pi)))
        half = 0.28 * np.clip(1 - along**2, 0, 1) * (1 - 0.4 * along)
        vein = wave(along * 6 - np.abs(across) * 7) * 0.12 - 0.14 * (np.abs(across) < 0.02)
        leaf, to_third = np.abs(across) < half, float(k % 3 == 0)
        second[part.at] = np.where(leaf, 1 - to_third, second[part.at])
        third[part.at] = np.where(leaf, to_third, third[part.at])
        shade[part.at] = np.where(leaf, 0.42 + vein, shade[part.at])
    return pack(second, third, shade)


def _camouflage(seed: int, blobs: float, square: bool = False) -> Array:
    a, b = noise(seed, blobs, 1.6 * blobs), noise(seed + 1, 1.2 * blobs, 2 * blobs)
    if square:
        a, b = (np.kron(x[::4, ::4], np.ones((4, 4), np.float32)) for x in (a, b))
    return pack(ramp(a, 0.15, 0.22), ramp(b, 0.75, 0.82), 0.5 - 0.10 * ramp(a - b, 1.2, 1.3))


def _leopard() -> Array:
    first, _, index = cells(57, 8)
    warp = 0.010 * noise(58, 14)
    size = 0.034 + 0.016 * np.random.default_rng(59).random(64).astype(np.float32)[index]
    ring = np.abs(first + warp - size)
    broken = noise(60, 11) > -0.75
    return pack((1 - ramp(ring, 0.010, 0.014)) * broken, 1 - ramp(first + warp, size - 0.012, size))


def _zebra() -> Array:
    bend = 0.30 * noise(61, 2, 3) + 0.10 * noise(62, 6, 6)
    line = wave(V * 7 + bend * 1.6)
    return pack(ramp(line, 0.42, 0.50))


def _snake() -> Array:
    x, y = (U + V) * 14 % 1.0 - 0.5, (U - V) * 14 % 1.0 - 0.5
    scale = np.maximum(np.abs(x), np.abs(y))
    patch = ramp(noise(63, 5), -0.1, 0.3)
    return pack(patch * (1 - ramp(scale, 0.36, 0.46)), 0.8 * ramp(scale, 0.38, 0.48), 0.46)


def _tie_dye() -> Array:
    radius = np.hypot(U - 0.5, V - 0.5)
    angle = np.arctan2(V - 0.5, U - 0.5)
    warp = 0.10 * noise(64, 4) + 0.05 * noise(65, 14)
    arms = 3 * angle / (2 * np.pi) + 2.2 * radius + warp
    bleed = noise(66, 30) * 0.06
    fade = ramp(0.5 - radius, 0.0, 0.12)  # so that tiles join
    return pack(
        ramp(wave(arms) + bleed, 0.35, 0.75) * fade,
        ramp(wave(arms + 0.33) + bleed, 0.55, 0.85) * fade,
    )


def _melange() -> Array:
    fibre = noise(67, 60, 14) + 0.6 * noise(68, 80, 40)
    return pack(0.5 + 0.22 * fibre)


def _marl() -> Array:
    fibre = noise(69, 16, 80) + 0.6 * noise(70, 40, 80)
    return pack(0.5 + 0.30 * fibre, ramp(noise(71, 40, 80), 1.6, 1.9))


def _argyle() -> Array:
    x, y = (U * 2) % 1 - 0.5, (V * 2) % 1 - 0.5
    diamond = ramp(0.5 - np.abs(x) - np.abs(y), -0.006, 0.006)
    odd = (np.floor(U * 2 + 0.5) % 2) == 0
    line = np.abs(np.abs(x) - np.abs((y + 1.0) % 1 - 0.5))
    third = 1 - ramp(np.abs(line - 0.0), 0.010, 0.02)
    return pack(diamond * np.where(odd, 1.0, 0.55) * (1 - third), third)


def _nordic() -> Array:
    n = 32
    i, j = np.floor(U * n).astype(int) % 16, np.floor(V * n).astype(int) % 32
    x = np.abs(i - 8)
    star = ((x == np.abs(j - 8)) | (x == 0) | (np.abs(j - 8) == 0)) & (np.abs(j - 8) < 6) & (x < 6)
    zigzag = np.abs(j - 20 - np.abs(i % 8 - 4)) < 1
    rows = ((j == 1) | (j == 15)) | (((j == 27) | (j == 30)) & (i % 2 == 0))
    return pack((star | rows).astype(np.float32), zigzag.astype(np.float32))


def _zigzag() -> Array:
    at = V * 5 + np.abs((U * 5) % 1 - 0.5)
    return pack(((at % 1) < 0.4).astype(np.float32), ((at % 1) > 0.75).astype(np.float32))


def _triangles() -> Array:
    i, j = np.floor(U * 6), np.floor(V * 6)
    up = (U * 6) % 1 > (V * 6) % 1
    rng = np.random.default_rng(72)
    kind = rng.integers(0, 3, (6, 6, 2))[i.astype(int), j.astype(int), up.astype(int)]
    return pack((kind == 1).astype(np.float32), (kind == 2).astype(np.float32))


def _paisley() -> Array:
    second, third = np.zeros_like(U), np.zeros_like(U)
    rng = np.random.default_rng(73)
    for x, y in scattered(73, 14):
        turn, r = rng.uniform(0, 2 * np.pi), rng.uniform(0.075, 0.11)
        part = Window(x, y, 2.6 * r)
        p, q = _turned(part, turn)
        q = q - 1.2 * p * np.abs(p) / r * (p > 0)
        drop = np.hypot(p / 1.5, q) / (r * np.clip(1 - 0.5 * p / r, 0.15, 1.3)) * 1.4
        inside, heart = drop < 1, drop < 0.35
        ring = ramp(wave(drop * 2.5 - 0.1), 0.35, 0.5) * ~heart
        second[part.at] = np.where(inside, ring, second[part.at])
        third[part.at] = np.where(inside, heart, third[part.at])
    return pack(second, third)


def _wash() -> Array:
    """The fading of worn denim: pale streaks, whiskers and blotches of the second colour."""
    blotch = noise(74, 2.5, 1.5) * 0.5 + noise(75, 30, 4) * 0.25
    whisker = np.abs(noise(76, 2, 10))
    return pack(np.clip(0.40 + 0.20 * blotch - 0.12 * ramp(whisker, 0.0, 0.25), 0, 1))


# --- prints on the chest --------------------------------------------------------------------------

_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
_SEGMENTS = {
    "a": (0, 2, 1, 2),
    "b": (1, 2, 1, 1),
    "c": (1, 1, 1, 0),
    "d": (0, 0, 1, 0),
    "e": (0, 0, 0, 1),
    "f": (0, 1, 0, 2),
    "g": (0, 1, 1, 1),
}


def _number(number: int) -> Array:
    """Large figures with an outline of the third colour, as on jerseys."""
    text = str(number)
    width = 0.30
    segments = []
    for k, digit in enumerate(text):
        left = 0.5 + (k - len(text) / 2) * (width + 0.16) + 0.08
        for name in _DIGITS[int(digit)]:
            x0, y0, x1, y1 = _SEGMENTS[name]
            segments.append((left + x0 * width, 0.2 + y0 * 0.3, left + x1 * width, 0.2 + y1 * 0.3))
    fill = strokes(segments, 0.055)
    return pack(fill, strokes(segments, 0.08) * (1 - fill))


def _glyph(rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """A made-up letter: strokes between the points of a lattice, 2 wide and 3 high."""
    points = [(x, y) for x in (0.0, 1.0) for y in (0.0, 0.5, 1.0)]
    stem = (0.0, 0.0, 0.0, 1.0)
    others = [(*points[a], *points[b]) for a, b in rng.integers(0, 6, (3, 2)) if a != b]
    return [stem, *others]


def _lettering(seed: int, rows: Sequence[tuple[float, float, int]]) -> Array:
    """Rows of made-up letters: (lower edge, height, count)."""
    rng = np.random.default_rng(seed)
    second = np.zeros_like(U)
    for low, height, count in rows:
        step = min(0.92 / count, 0.9 * height)
        segments = [
            (
                0.5 + (k - count / 2 + 0.15 + 0.6 * x0) * step,
                low + y0 * height,
                0.5 + (k - count / 2 + 0.15 + 0.6 * x1) * step,
                low + y1 * height,
            )
            for k in range(count)
            for x0, y0, x1, y1 in _glyph(rng)
        ]
        second = np.maximum(second, strokes(segments, 0.12 * step))
    return pack(second)


def _badge() -> Array:
    radius = np.hypot(U - 0.5, V - 0.5)
    angle = np.arctan2(V - 0.5, U - 0.5)
    star = 0.20 + 0.10 * np.cos(5 * (angle - np.pi / 2))
    ring = np.abs(radius - 0.40)
    teeth = 0.46 + 0.02 * np.sign(np.cos(24 * angle))
    return pack((ring < 0.03) | (radius < star), (radius < teeth) & (radius > star) & (ring > 0.03))


def _poster() -> Array:
    """A sun over hills in a frame."""
    inside = (np.abs(U - 0.5) < 0.44) & (np.abs(V - 0.5) < 0.44)
    sun = np.hypot(U - 0.62, V - 0.66) < 0.15
    rows = (V * 28) % 1 < 0.75
    hill = 0.34 + 0.10 * np.sin(2 * np.pi * (U * 1.3 + 0.1)) > V
    near_hill = 0.22 + 0.08 * np.sin(2 * np.pi * (U * 2.1 + 0.6)) > V
    second = inside & ((sun & rows) | (hill & ~near_hill))
    third = inside & (near_hill | (~sun & ~hill & (V > 0.86)))
    return pack(second, third, 0.5 - 0.08 * (noise(77, 30) > 0.8))


def _splash() -> Array:
    blot = ramp(noise(78, 5), 0.2, 0.3), ramp(noise(79, 6), 0.7, 0.8)
    fade = ramp(0.46 - np.hypot(U - 0.5, V - 0.5) + 0.05 * noise(80, 7), 0.0, 0.02)
    return pack(blot[0] * fade, blot[1] * fade)


_RED_PLAID = ((8, 0, 0), (1, 1, 0), (5, 0, 0), (7, 1, 0), (1, 0, 1), (7, 1, 0), (5, 0, 0))
_FINE_PLAID = ((10, 0, 0), (3, 0.5, 0), (3, 1, 0), (3, 0.5, 0), (10, 0, 0), (1, 0, 1))
_WINDOW = ((30, 0, 0), (1, 0.8, 0))
_BUFFALO = ((1, 0, 0), (1, 1, 0), (1, 0, 0), (1, 1, 0))
_MADRAS = ((5, 0, 0), (2, 0, 1), (6, 1, 0), (1, 0, 0.6), (3, 0.6, 0), (4, 0, 0), (1, 0.8, 0))

# fmt: off
FIGURES: dict[str, Figure] = {
    "sailor":      Figure(partial(_stripes, *[(3, 0, 0), (1.2, 1, 0)] * 8), (0.20, 0.34)),
    "even":        Figure(partial(_stripes, *[(1, 0, 0), (1, 1, 0)] * 8), (0.16, 0.5)),
    "rugby":       Figure(partial(_stripes, (1, 0, 0), (1, 1, 0), (1, 0, 0), (1, 1, 0)),
                          (0.24, 0.44)),
    "multi":       Figure(partial(_stripes, (5, 0, 0), (1, 1, 0), (1, 0, 0), (3, 0, 1), (1, 0, 0),
                                  (1, 1, 0), (5, 0, 0), (3, 1, 0), (2, 0, 0)), (0.16, 0.36)),
    "pin":         Figure(partial(_stripes, *[(9, 0, 0), (0.8, 0.75, 0)] * 10), (0.16, 0.28)),
    "chest bands": Figure(partial(_stripes, (10, 0, 0), (2, 1, 0), (1, 0, 0), (2, 0, 1), (1, 0, 0),
                                  (2, 1, 0), (6, 0, 0)), (0.5, 0.7)),
    "tartan":      Figure(partial(_plaid, *_RED_PLAID), (0.10, 0.22)),
    "fine plaid":  Figure(partial(_plaid, *_FINE_PLAID), (0.07, 0.14)),
    "madras":      Figure(partial(_plaid, *_MADRAS), (0.10, 0.20)),
    "window":      Figure(partial(_plaid, *_WINDOW), (0.04, 0.09)),
    "buffalo":     Figure(partial(_plaid, *_BUFFALO), (0.08, 0.20)),
    "gingham":     Figure(_gingham, (0.03, 0.09)),
    "houndstooth": Figure(_houndstooth, (0.05, 0.14)),
    "herringbone": Figure(_herringbone, (0.08, 0.14)),
    "dots":        Figure(partial(_dots, 6, 0.22), (0.10, 0.30)),
    "small dots":  Figure(partial(_dots, 12, 0.16), (0.14, 0.26)),
    "flowers":     Figure(partial(_flowers, 81, 16, 0.075, 5), (0.16, 0.40)),
    "ditsy":       Figure(partial(_flowers, 82, 40, 0.035, 5), (0.14, 0.30)),
    "large bloom": Figure(partial(_flowers, 83, 6, 0.15, 7), (0.30, 0.55)),
    "leaves":      Figure(partial(_leaves, 84, 18, 0.16), (0.25, 0.50)),
    "paisley":     Figure(_paisley, (0.15, 0.32)),
    "woodland":    Figure(partial(_camouflage, 85, 4), (0.30, 0.50)),
    "digital":     Figure(partial(_camouflage, 87, 6, True), (0.25, 0.40)),
    "leopard":     Figure(_leopard, (0.20, 0.40)),
    "zebra":       Figure(_zebra, (0.20, 0.40)),
    "snake":       Figure(_snake, (0.18, 0.32)),
    "tie-dye":     Figure(_tie_dye, (0.45, 0.60)),
    "melange":     Figure(_melange, (0.10, 0.16)),
    "marl":        Figure(_marl, (0.10, 0.16)),
    "argyle":      Figure(_argyle, (0.14, 0.22)),
    "nordic":      Figure(_nordic, (0.22, 0.34)),
    "zigzag":      Figure(_zigzag, (0.16, 0.36)),
    "triangles":   Figure(_triangles, (0.18, 0.40)),
    "wash":        Figure(_wash, (0.60, 0.80)),
    "number 7":    Figure(partial(_number, 7), (0.24, 0.30), True),
    "number 23":   Figure(partial(_number, 23), (0.26, 0.32), True),
    "number 86":   Figure(partial(_number, 86), (0.26, 0.32), True),
    "slogan":      Figure(partial(_lettering, 88, ((0.62, 0.16, 6), (0.40, 0.16, 5),
                                                   (0.24, 0.08, 11))), (0.22, 0.30), True),
    "brand":       Figure(partial(_lettering, 89, ((0.42, 0.20, 7),)), (0.20, 0.30), True),
    "badge":       Figure(_badge, (0.09, 0.22), True),
    "poster":      Figure(_poster, (0.20, 0.28), True),
    "splash":      Figure(_splash, (0.24, 0.32), True),
}
# fmt: on
