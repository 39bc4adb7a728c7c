"""Tables, desks, counters and benches with things on them, built to size.

The height of a shape is that of its top; a shape whose name begins with `laid_` is higher by
CLEAR, which its things use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .batches import Parts, color, colors, turned
from .pieces import quad_mesh
from .primitives import DARK, GLASS, METAL, SECOND, SURFACE, Builder, Size, Solid, picture, tube
from .tableware import things_on

CLEAR = 0.36  # m above a top for the things on it

_MEAL = ("plate", "glass", "wine", "cutlery", "bottle", "bowl", "mug", "candle", "plate", "glass")
_PUB = ("glass", "beer", "glass", "plate", "wine", "candle", "phone", "mug", "packet")
_HOME = ("mug", "books", "papers", "bowl", "phone", "candle", "flowers", "glass", "packet")
_WORK = ("papers", "books", "mug", "papers", "phone", "packet", "jar", "can")


def _top_of(size: Size) -> float:
    """Height of the top, m, of a shape that leaves room for things."""
    return size[2] - CLEAR if size[2] > 2 * CLEAR - 0.1 else 0.55 * size[2]


def _table(parts: Parts, size: Size, top: float, rng: np.random.Generator) -> None:
    """A top on four legs or on one foot."""
    x, y, _ = size
    thick = float(rng.uniform(0.025, 0.045))
    parts.box((0, 0, top - thick / 2), (x, y, thick))
    if x < 1.0 and rng.random() < 0.6:
        parts.add(tube((0, 0, 0.02), (0, 0, top - thick), 0.035, tone=METAL, sides=10))
        parts.box((0, 0, 0.012), (0.55 * x, 0.55 * y, 0.024), METAL)
        return
    leg = float(rng.uniform(0.04, 0.08))
    for sx in (-1, 1):
        for sy in (-1, 1):
            at = (sx * (x / 2 - leg), sy * (y / 2 - leg), (top - thick) / 2)
            parts.box(at, (leg, leg, top - thick), SECOND)
    parts.box((0, 0, top - thick - 0.04), (x - 3 * leg, y - 3 * leg, 0.07), SECOND)


def _laid(kinds: Sequence[str], full: float) -> Builder:
    def build(size: Size, rng: np.random.Generator) -> Solid:
        x, y, _ = size
        parts, top = Parts(), _top_of(size)
        _table(parts, size, top, rng)
        if rng.random() < 0.25:
            cover = color(rng, (0.0, 0.7), (0.3, 0.95))
            parts.box((0, 0, top + 0.001), (x, y, 0.004), SURFACE, cover)
            for side in (-1, 1):
                at = (0, side * (y / 2 - 0.003), top - 0.1)
                parts.box(at, (x, 0.006, 0.2), SURFACE, cover)
        parts.add(*things_on(rng, (0, 0), (0.92 * x, 0.9 * y), top + 0.003, kinds, full))
        return parts.fitted(size)

    return build


def _coffee_table(size: Size, rng: np.random.Generator) -> Solid:
    x, y, z = size
    parts, top = Parts(), 0.55 * z
    glass = rng.random() < 0.2
    parts.box((0, 0, top - 0.015), (x, y, 0.03), GLASS if glass else SURFACE)
    parts.box((0, 0, 0.35 * top), (0.9 * x, 0.85 * y, 0.02), SECOND)
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.box((sx * 0.46 * x, sy * 0.44 * y, top / 2), (0.045, 0.045, top - 0.03), SECOND)
    parts.add(*things_on(rng, (0, 0), (0.9 * x, 0.85 * y), top, _HOME, 0.45))
    return parts.fitted(size)


def _desk(size: Size, rng: np.random.Generator) -> Solid:
    """A desk with one or two monitors whose backs are towards +Y."""
    x, y, _ = size
    parts, top = Parts(), _top_of(size)
    parts.box((0, 0, top - 0.015), (x, y, 0.03))
    for leg in (-1, 1):
        parts.box((leg * 0.45 * x, 0, 0.5 * top), (0.05, 0.7 * y, top - 0.03), METAL)
    if rng.random() < 0.6:
        side = float(rng.choice([-1, 1]))
        parts.box((side * (0.45 * x - 0.24), 0.05 * y, 0.3), (0.4, 0.75 * y, 0.58), SECOND)
    count = int(rng.integers(1, 3)) if x > 1.1 else 1
    for k in range(count):
        at = (k - (count - 1) / 2) * 0.58 + float(rng.uniform(-0.1, 0.1)) * x
        wide, tall = 0.54, 0.32
        parts.box((at, 0.3 * y, top + 0.04 + tall / 2), (wide, 0.03, tall), DARK)
        parts.add(picture((at, 0.3 * y - 0.016, top + 0.04 + tall / 2), (wide - 0.02, tall - 0.02)))
        parts.box((at, 0.33 * y, top + 0.06), (0.05, 0.03, 0.12), DARK)
        parts.box((at, 0.3 * y, top + 0.006), (0.22, 0.16, 0.012), DARK)
    parts.box((0, -0.2 * y, top + 0.01), (0.44, 0.14, 0.018), DARK)
    parts.box((0.3, -0.2 * y, top + 0.014), (0.06, 0.1, 0.028), DARK)
    for side in (-1, 1):
        middle = (side * 0.36 * x, -0.05 * y)
        parts.add(*things_on(rng, middle, (0.24 * x, 0.8 * y), top, _WORK, 0.5))
    return parts.fitted(size)


def _counter(size: Size, rng: np.random.Generator) -> Solid:
    """The counter of a bar or a shop: its front, towards -Y, has panels."""
    x, y, _ = size
    parts, top = Parts(), _top_of(size)
    parts.box((0, 0.04 * y, (top - 0.04) / 2), (x, 0.84 * y, top - 0.04))
    parts.box((0, 0, top - 0.02), (x, y, 0.04), SECOND)
    count = max(1, round(x / 0.6))
    style = int(rng.integers(3))
    for k in range(count):
        at = -x / 2 + x / count * (k + 0.5)
        if style == 0:
            parts.box((at, -0.385 * y, top / 2), (0.85 * x / count, 0.02, 0.8 * top), SECOND)
        elif style == 1:
            for slat in (-0.3, -0.1, 0.1, 0.3):
                bar = (at + slat * x / count, -0.39 * y, top / 2)
                parts.box(bar, (0.04, 0.03, top - 0.06))
    parts.box((0, -0.385 * y, 0.05), (x, 0.02, 0.1), DARK)
    if rng.random() < 0.5:
        parts.add(tube((-x / 2, -0.46 * y, 0.18), (x / 2, -0.46 * y, 0.18), 0.02, tone=METAL))
    parts.add(*things_on(rng, (0, 0), (0.94 * x, 0.8 * y), top, _PUB, 0.45))
    if rng.random() < 0.6:  # the tap
        at = float(rng.uniform(-0.35, 0.35)) * x
        parts.add(tube((at, 0.2 * y, top), (at, 0.2 * y, top + 0.3), 0.03, tone=METAL))
        parts.add(tube((at - 0.12, 0.2 * y, top + 0.3), (at + 0.12, 0.2 * y, top + 0.3), 0.03,
                       tone=METAL))  # fmt: skip
        for side in (-0.08, 0.08):
            parts.box((at + side, 0.14 * y, top + 0.3), (0.02, 0.03, 0.1), DARK)
    return parts.fitted(size)


def _checkout(size: Size, rng: np.random.Generator) -> Solid:
    """The counter of a shop with a till and goods."""
    x, y, _ = size
    parts, top = Parts(), _top_of(size)
    parts.box((0, 0, (top - 0.03) / 2), (x, y, top - 0.03))
    parts.box((0, 0, top - 0.015), (x, y, 0.03), SECOND)
    parts.box((0, -0.49 * y, 0.55 * top), (0.9 * x, 0.02 * y, 0.5 * top), SECOND)
    at = float(rng.uniform(-0.3, 0.3)) * x
    parts.box((at, 0.1 * y, top + 0.05), (0.36, 0.34, 0.1), DARK)
    parts.box((at, 0.05 * y, top + 0.24), (0.3, 0.04, 0.22), DARK)
    parts.add(*things_on(rng, (0, 0), (0.94 * x, 0.8 * y), top, ("packet", "can", "jar", "bottle",
              "papers", "flowers"), 0.4))  # fmt: skip
    return parts.fitted(size)


def _school_desk(size: Size, rng: np.random.Generator) -> Solid:
    x, y, _ = size
    parts, top = Parts(), _top_of(size)
    parts.box((0, 0, top - 0.012), (x, y, 0.025))
    for sx in (-1, 1):
        for sy in (-1, 1):
            parts.add(tube((sx * 0.46 * x, sy * 0.42 * y, 0), (sx * 0.46 * x, sy * 0.42 * y, top),
                           0.016, tone=METAL, sides=8))  # fmt: skip
    kinds = ("papers", "books", "papers", "phone", "bottle", "packet")
    parts.add(*things_on(rng, (0, 0), (0.9 * x, 0.8 * y), top, kinds, 0.5))
    return parts.fitted(size)


def _workbench(size: Size, rng: np.random.Generator) -> Solid:
    x, y, _ = size
    parts, top = Parts(), _top_of(size)
    parts.box((0, 0, top - 0.03), (x, y, 0.06))
    for side in (-1, 1):
        parts.box((side * 0.46 * x, 0, (top - 0.06) / 2), (0.08, 0.9 * y, top - 0.06), SECOND)
    parts.box((0, 0.05 * y, 0.25 * top), (0.9 * x, 0.8 * y, 0.03), SECOND)
    kinds = ("can", "packet", "jar", "pot", "bottle", "books", "packet", "can")
    parts.add(*things_on(rng, (0, 0), (0.94 * x, 0.8 * y), top, kinds, 0.7, 0.18))
    parts.add(*things_on(rng, (0, 0), (0.8 * x, 0.7 * y), 0.27 * top, ("packet", "pot"), 0.6, 0.3))
    return parts.fitted(size)


def _cake_case(size: Size, rng: np.random.Generator) -> Solid:
    """A glass case on a counter or on the floor, with rows of food."""
    x, y, z = size
    parts = Parts()
    low = 0.55 * z
    parts.box((0, 0, low / 2), (x, y, low))
    for level in (low, low + 0.5 * (z - low)):
        parts.box((0, 0.05 * y, level), (0.98 * x, 0.8 * y, 0.015), METAL)
        parts.add(*things_on(rng, (0, 0.05 * y), (0.94 * x, 0.7 * y), level + 0.01,
                             ("plate", "bowl", "packet"), 0.95, 0.2))  # fmt: skip
    parts.box((0, -0.49 * y, (low + z) / 2), (x, 0.01, z - low), GLASS)
    parts.box((0, 0, z - 0.01), (x, y, 0.02), SECOND)
    return parts.fitted(size)


def _pot_plant(size: Size, rng: np.random.Generator) -> Solid:
    """A house plant with long leaves in a pot."""
    x, y, z = size
    parts = Parts()
    pot = min(0.28 * z, 0.4)
    r = 0.3 * min(x, y)
    paint = color(rng, (0.0, 0.6), (0.2, 0.9))
    outline = ((0, 0), (0.75 * r, 0), (r, pot), (0.9 * r, pot), (0, 0.92 * pot))
    parts.add(turned(outline, (0, 0, 0), paints=paint, sides=14))
    n = int(rng.integers(22, 46))
    angle, out = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.uniform(0.05, 1.0, n))
    high = pot + (z - pot) * rng.uniform(0.35, 1.0, n) * (1 - 0.35 * out)
    tip = np.column_stack([0.5 * x * out * np.cos(angle), 0.5 * y * out * np.sin(angle), high])
    root = tip * (0.25, 0.25, 0.0) + (0, 0, pot)
    parts.add(_leaves(rng, root, tip, float(rng.uniform(0.03, 0.09))))
    return parts.fitted(size)


def _leaves(rng: np.random.Generator, root: np.ndarray, tip: np.ndarray, width: float) -> Solid:
    """Flat leaves of four quads from `root` to `tip` (N, 3), bent downwards."""
    n = len(root)
    t = np.linspace(0, 1, 5)[None, :, None]
    middle = root[:, None] + (tip - root)[:, None] * np.sqrt(t) * (1, 1, 1)
    middle = middle + (tip - root)[:, None] * (1, 1, 0) * (t - np.sqrt(t)) * 0.6
    middle[..., 2] -= 0.25 * np.linalg.norm(tip - root, axis=1)[:, None] * t[..., 0] ** 3
    along = tip - root
    side = np.column_stack([along[:, 1], -along[:, 0], np.zeros(n)])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    half = 0.5 * width * np.array([0.15, 0.8, 1.0, 0.7, 0.05])[None, :, None] * side[:, None]
    vertices = np.concatenate([middle - half, middle + half], axis=1).reshape(-1, 3)
    k = np.arange(4)
    one = np.stack([k, k + 1, 5 + k + 1, 5 + k], axis=-1)
    faces = (one + 10 * np.arange(n)[:, None, None]).reshape(-1, 4)
    hue = float(rng.uniform(0.22, 0.36))
    paint = np.repeat(colors(rng, n, (0.5, 0.85), (0.12, 0.5), (hue, hue + 0.06)), 4, axis=0)
    return quad_mesh(vertices, faces, color=paint, smooth=True)


TABLES: dict[str, Builder] = {
    "laid_dining_table": _laid(_MEAL, 0.6),
    "laid_pub_table": _laid(_PUB, 0.55),
    "laid_home_table": _laid(_HOME, 0.4),
    "laid_desk": _desk,
    "laid_counter": _counter,
    "laid_checkout": _checkout,
    "laid_school_desk": _school_desk,
    "laid_workbench": _workbench,
    "coffee_table": _coffee_table,
    "cake_case": _cake_case,
    "house_plant": _pot_plant,
}
