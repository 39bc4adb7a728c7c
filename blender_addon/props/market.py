"""Things of squares: café tables, parasols, stalls, kiosks, columns, fountains. See `sized`."""

from __future__ import annotations

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, quads, upright, within
from .primitives import (
    GLASS,
    IMAGE,
    METAL,
    SECOND,
    SURFACE,
    Builder,
    Size,
    Solid,
    ball,
    join,
    ring,
    tube,
)
from .shop_fronts import letters


def cafe_table(size: Size, rng: np.random.Generator) -> Solid:
    """A round or square table on one foot, with cups, glasses and a menu."""
    w, d, h = size
    r = min(w, d) / 2
    round_top = rng.random() < 0.6
    top = (
        tube((0, 0, 0.8 * h - 0.025), (0, 0, 0.8 * h), r, sides=20)
        if round_top
        else boxes((0, 0, 0.8 * h - 0.012), (w, d, 0.025))
    )
    parts = [
        top,
        tube((0, 0, 0.02), (0, 0, 0.8 * h), 0.03, tone=METAL, sides=8),
        tube((0, 0, 0), (0, 0, 0.02), 0.5 * r, tone=METAL, sides=14),
    ]
    for _ in range(int(rng.integers(1, 5))):
        a, s = rng.uniform(0, 6.3), 0.7 * r * np.sqrt(rng.random())
        x, y, z = s * np.cos(a), s * np.sin(a), 0.8 * h
        tall = float(rng.uniform(0.06, 0.19)) * h / 0.9
        glass = rng.random() < 0.4
        cup = tube(
            (x, y, z), (x, y, z + tall), 0.03, 0.035, tone=GLASS if glass else SECOND, sides=9
        )
        parts.append(cup if glass else cup.painted(linear(rng.random(), rng.uniform(0, 0.6), 0.8)))
    parts.append(
        boxes(
            (0.2 * r, -0.3 * r, 0.8 * h + 0.004),
            (0.2 * r, 0.3 * r, 0.008),
            SECOND,
            (0.6, 0.58, 0.5),
        )
    )
    return within(join(parts), size)


def cafe_chair(size: Size, rng: np.random.Generator) -> Solid:
    """A light chair: bent tube with slats, or woven; it faces -Y."""
    w, d, h = size
    seat = 0.52 * h
    x, y = 0.44 * w, 0.42 * d
    legs = bars(
        [(-x, -y, 0), (x, -y, 0), (-x, y, 0), (x, y, 0)],
        [
            (-0.9 * x, -0.85 * y, seat),
            (0.9 * x, -0.85 * y, seat),
            (-0.9 * x, 0.95 * y, h),
            (0.9 * x, 0.95 * y, h),
        ],
        0.013,
        tone=METAL,
    )
    n = 5
    ys = np.linspace(-0.8, 0.75, n) * y
    slats = boxes(np.stack([0 * ys, ys, 0 * ys + seat], axis=1), (1.9 * x, 1.3 * y / n, 0.018))
    zs = np.linspace(0.68, 0.96, 3) * h
    back = boxes(np.stack([0 * zs, 0 * zs + 0.93 * y, zs], axis=1), (1.85 * x, 0.02, 0.08 * h))
    parts = [legs, slats, back]
    if rng.random() < 0.4:
        arms = [(s * x, 0.0, 0.75 * h) for s in (-1, 1)]
        parts.append(boxes(arms, (0.04, 1.6 * y, 0.02)))
        parts.append(
            boxes([(s * x, -0.7 * y, 0.63 * h) for s in (-1, 1)], (0.02, 0.02, 0.24 * h), METAL)
        )
    return within(join(parts), size)


def parasol(size: Size, rng: np.random.Generator) -> Solid:
    """An open parasol on a heavy foot, plain or striped, with a hem."""
    w, d, h = size
    n = 8
    turn = 2 * np.pi * np.arange(n + 1) / n + np.pi / 8
    rim = np.stack(
        [0.5 * w * np.cos(turn), 0.5 * d * np.sin(turn), np.full(n + 1, 0.8 * h)], axis=1
    )
    inner = rim * (0.5, 0.5, 1) + by(0, 0, 0.13 * h)
    top = np.array([0, 0, 0.985 * h])
    hem = rim - by(0, 0, 0.06 * h)
    a, b = slice(0, n), slice(1, n + 1)
    color = linear(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.3, 0.9))
    other = np.array([0.7, 0.68, 0.62]) if rng.random() < 0.5 else color
    colors = np.where(np.arange(n)[:, None] % 2, color, other)
    peak = np.tile(top, (n, 1))
    cloth = [
        quads(np.stack([rim[a], rim[b], inner[b], inner[a]], 1), SECOND, colors),
        quads(np.stack([inner[a], inner[b], peak, 0.5 * (peak + inner[a])], 1), SECOND, colors),
        quads(np.stack([hem[a], hem[b], rim[b], rim[a]], 1), SECOND, colors),
    ]
    spokes = bars(np.tile(top - by(0, 0, 0.2 * h), (n, 1)), inner[a], 0.01, tone=METAL, sides=4)
    pole = bars((0, 0, 0), (0, 0, h), 0.025, tone=METAL, sides=8)
    foot = boxes((0, 0, 0.04), (0.5, 0.5, 0.08), SECOND, (0.12, 0.12, 0.12))
    return within(join([*cloth, spokes, pole, foot]), size)


def market_stall(size: Size, rng: np.random.Generator) -> Solid:
    """A stall that faces -Y: crates of fruit or goods under a striped roof."""
    w, d, h = size
    posts = boxes(
        [(sx * (w / 2 - 0.04), sy * (d / 2 - 0.04), 0.45 * h) for sx in (-1, 1) for sy in (-1, 1)],
        (0.05, 0.05, 0.9 * h),
        METAL,
    )
    color = linear(rng.random(), rng.uniform(0.4, 0.85), rng.uniform(0.3, 0.7))
    n = max(2, int(w / 0.3))
    xs = np.linspace(-w / 2, w / 2, n + 1)
    one = np.ones(n)
    colors = np.where(np.arange(n)[:, None] % 2, color, np.array([0.7, 0.68, 0.62]))
    parts = [posts]
    for y0, y1, z0, z1 in ((-0.5, 0, 0.86, 0.99), (0, 0.5, 0.99, 0.86), (-0.5, -0.499, 0.78, 0.86)):
        corners = [(xs[:-1], y0, z0), (xs[1:], y0, z0), (xs[1:], y1, z1), (xs[:-1], y1, z1)]
        parts.append(
            quads(
                np.stack([np.stack([x, d * y * one, h * z * one], 1) for x, y, z in corners], 1),
                SECOND,
                colors,
            )
        )
    board = 0.34 * h
    parts.append(boxes((0, 0, board - 0.02), (0.94 * w, 0.8 * d, 0.04)))
    parts.append(boxes((0, -0.4 * d, board / 2), (0.94 * w, 0.02, board), SECOND, color * 0.7))
    cells = max(2, int(w / 0.42))
    for row in range(2):
        cx = (np.arange(cells) - (cells - 1) / 2) * 0.92 * w / cells
        y, z = (-0.22 + 0.4 * row) * d, board + 0.06 + 0.1 * row
        parts.append(
            boxes(
                np.stack([cx, 0 * cx + y, 0 * cx + z], 1),
                (0.88 * w / cells, 0.32 * d, 0.12),
                SECOND,
                (0.2, 0.12, 0.05),
            )
        )
        m = 14
        at = np.repeat(np.stack([cx, 0 * cx + y, 0 * cx + z + 0.08], 1), m, axis=0)
        at = at + rng.uniform(
            (-0.4 * w / cells, -0.13 * d, -0.01), (0.4 * w / cells, 0.13 * d, 0.04), (len(at), 3)
        )
        kinds = linear(
            rng.uniform(-0.05, 0.35, cells),
            rng.uniform(0.5, 0.9, cells),
            rng.uniform(0.4, 0.9, cells),
        )
        parts.append(
            boxes(at, rng.uniform(0.05, 0.1, (len(at), 1)), SECOND, np.repeat(kinds, m, axis=0))
        )
    return within(join(parts), size)


def kiosk(size: Size, rng: np.random.Generator) -> Solid:
    """A booth with a counter, a shutter that is folded up, and things for sale."""
    w, d, h = size
    y = -d / 2 + 0.35 * min(1.0, d)
    back = d / 2
    low, high = 0.4 * h, 0.78 * h
    wall = linear(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.6))
    parts = [
        boxes((0, (y + back) / 2, low / 2), (w - 0.2, back - y, low)),
        boxes((0, (y + back) / 2, (high + h) / 2), (w - 0.2, back - y, h - high)),
        boxes([(s * (w / 2 - 0.16), (y + back) / 2, h / 2) for s in (-1, 1)], (0.12, back - y, h)),
        boxes((0, back - 0.05, h / 2), (w - 0.2, 0.1, h), SECOND, wall),
        boxes((0, y - 0.12, low), (w - 0.2, 0.3, 0.05), SECOND, (0.3, 0.28, 0.25)),
        boxes((0, (y + back) / 2 - 0.05, h - 0.04), (w, d - 0.05, 0.08), SECOND, wall * 0.5),
        letters(
            (0, y - 0.02, (high + h) / 2),
            0.8 * w,
            0.4 * (h - high),
            np.array([0.75, 0.72, 0.65]),
            rng,
        ),
        upright((0.3 * w, y - 0.012, 0.5 * low), (0.3 * w, 0.8 * low), IMAGE, image=True),
    ]
    n = 44
    sizes = rng.uniform((0.06, 0.04, 0.08), (0.25, 0.2, 0.3), (n, 3)) * min(1.0, w / 2)
    at = rng.uniform((-0.38 * w, y + 0.1, 0), (0.38 * w, max(back - 0.25, y + 0.1), 0), (n, 3))
    at[:, 2] = (
        rng.choice([low, low + 0.3 * (high - low), low + 0.6 * (high - low)], n) + sizes[:, 2] / 2
    )
    parts.append(
        boxes(
            at,
            sizes,
            SECOND,
            linear(rng.random(n), rng.uniform(0.1, 0.9, n), rng.uniform(0.2, 0.9, n)),
        )
    )
    return within(join(parts), size)


def ad_column(size: Size, rng: np.random.Generator) -> Solid:
    """A round column for posters, with torn sheets and a cap."""
    w, _, h = size
    r, n = 0.46 * w, 10
    turn = 2 * np.pi * (np.arange(n + 1) - 0.5) / n
    rim = np.stack([r * np.cos(turn), r * np.sin(turn), 0 * turn], axis=1)
    a, b = rim[:-1], rim[1:]
    low, high = 0.1 * h, 0.86 * h
    sheets, split = [], 0.5 * (low + high) * float(rng.uniform(0.85, 1.15))
    for z0, z1 in ((low, split), (split + 0.02, high)):
        sheets.append(
            np.stack([a + by(0, 0, z0), b + by(0, 0, z0), b + by(0, 0, z1), a + by(0, 0, z1)], 1)
        )
    faces = np.concatenate(sheets)
    shown = rng.random(len(faces)) < 0.5
    paper = linear(
        rng.random(len(faces)), rng.uniform(0, 0.8, len(faces)), rng.uniform(0.4, 0.95, len(faces))
    )
    parts = [
        tube((0, 0, 0), (0, 0, low), 0.5 * w, sides=20),
        tube((0, 0, low), (0, 0, high), 0.97 * r, sides=20),
        tube((0, 0, high), (0, 0, 0.92 * h), 0.5 * w, sides=20),
        ball((0, 0, 0.92 * h), (0.45 * w, 0.45 * w, 0.08 * h), SURFACE, 6, 16),
    ]
    if shown.any():
        parts.append(quads(faces[shown], IMAGE, image=True))
    if not shown.all():
        parts.append(quads(faces[~shown], SECOND, paper[~shown]))
    return within(join(parts), size)


def fountain(size: Size, rng: np.random.Generator) -> Solid:
    """A round basin with water, a bowl and a column."""
    w, _, h = size
    r, rim = 0.5 * w, 0.32 * h
    stone = tube((0, 0, 0), (0, 0, 0.8 * rim), 0.94 * r, sides=28)
    edge = ring((0, 0, 0.8 * rim), (0, 0, 1), 0.9 * r, 0.09 * r, SURFACE, 28)
    water = tube((0, 0, 0.8 * rim), (0, 0, 0.86 * rim), 0.86 * r, tone=SECOND, sides=28).painted(
        (0.03, 0.07, 0.08)
    )
    column = tube((0, 0, 0.3 * rim), (0, 0, 0.7 * h), 0.13 * r, 0.09 * r, sides=14)
    bowl = tube((0, 0, 0.62 * h), (0, 0, 0.72 * h), 0.12 * r, 0.42 * r, sides=22)
    knob = ball((0, 0, 0.86 * h), (0.1 * r, 0.1 * r, 0.13 * h), SURFACE, 8, 14)
    n = 16
    turn = 2 * np.pi * np.arange(n) / n
    fall = np.stack(
        [0.42 * r * np.cos(turn), 0.42 * r * np.sin(turn), np.full(n, 0.71 * h)], axis=1
    )
    end = fall * (1.25, 1.25, 0) + by(0, 0, 0.86 * rim)
    jets = bars(fall, end, 0.012, 0.02, GLASS, sides=5)
    return within(join([stone, edge, water, column, bowl, knob, jets]), size)


def monument(size: Size, rng: np.random.Generator) -> Solid:
    """A pedestal of steps with an obelisk, an urn or a block on top."""
    w, d, h = size
    steps = boxes(
        [(0, 0, 0.03 * h), (0, 0, 0.09 * h)], [(w, d, 0.06 * h), (0.8 * w, 0.8 * d, 0.06 * h)]
    )
    base = boxes((0, 0, 0.28 * h), (0.5 * w, 0.5 * d, 0.32 * h))
    lip = boxes((0, 0, 0.45 * h), (0.58 * w, 0.58 * d, 0.03 * h))
    plate = upright((0, -0.252 * d, 0.3 * h), (0.3 * w, 0.12 * h), METAL)
    if rng.random() < 0.5:
        top = tube((0, 0, 0.46 * h), (0, 0, h), 0.2 * w, 0.07 * w, sides=4)
    else:
        top = join(
            [
                tube((0, 0, 0.46 * h), (0, 0, 0.6 * h), 0.09 * w, 0.06 * w, sides=14),
                tube((0, 0, 0.6 * h), (0, 0, 0.85 * h), 0.08 * w, 0.24 * w, sides=18),
                tube((0, 0, 0.85 * h), (0, 0, 0.9 * h), 0.27 * w, sides=18),
            ]
        )
    return within(join([steps, base, lip, plate, top]), size)


def beach_towel(size: Size, rng: np.random.Generator) -> Solid:
    """A towel with stripes, not quite flat."""
    w, d, h = size
    n = 9
    y = np.linspace(-d / 2, d / 2, n + 1)
    z = h * (0.5 + 0.4 * np.sin(np.arange(n + 1) * 1.7))
    color, other = linear(rng.random(2), rng.uniform(0.2, 0.9, 2), rng.uniform(0.4, 0.9, 2))
    edge = np.stack([np.full(n + 1, -w / 2), y, z], axis=1)
    far = edge * (-1, 1, 1)
    corners = np.stack([edge[:-1], far[:-1], far[1:], edge[1:]], axis=1)
    return within(quads(corners, SECOND, np.where(np.arange(n)[:, None] % 2, color, other)), size)


def deck_chair(size: Size, rng: np.random.Generator) -> Solid:
    """A folding chair of wood and striped cloth; it faces -Y."""
    w, d, h = size
    x = 0.46 * w
    wood = linear(0.08, 0.5, 0.6)
    frame = bars(
        [(s * x, -0.48 * d, 0.0) for s in (-1, 1)]
        + [(s * 0.9 * x, 0.48 * d, 0.0) for s in (-1, 1)],
        [(s * x, 0.48 * d, 0.98 * h) for s in (-1, 1)]
        + [(s * 0.9 * x, -0.4 * d, 0.42 * h) for s in (-1, 1)],
        0.022,
        tone=SECOND,
        color=wood,
    )
    n = 10
    t = np.linspace(0, 1, n + 1)
    y = (-0.38 + 0.85 * t) * d
    z = (0.4 + 0.58 * t**1.5) * h - 0.3 * h * np.sin(np.pi * t)
    xs = np.linspace(-0.85, 0.85, 6) * x
    corners = [
        [
            (xs[i], y[j], z[j]),
            (xs[i + 1], y[j], z[j]),
            (xs[i + 1], y[j + 1], z[j + 1]),
            (xs[i], y[j + 1], z[j + 1]),
        ]
        for j in range(n)
        for i in range(5)
    ]
    color = linear(rng.random(), 0.8, 0.6)
    stripes = np.where(np.tile(np.arange(5), n)[:, None] % 2, color, np.array([0.75, 0.73, 0.68]))
    return within(join([frame, quads(corners, SECOND, stripes)]), size)


MARKET: dict[str, Builder] = {
    "cafe_table": cafe_table,
    "cafe_chair": cafe_chair,
    "parasol": parasol,
    "market_stall": market_stall,
    "kiosk": kiosk,
    "ad_column": ad_column,
    "fountain": fountain,
    "monument": monument,
    "beach_towel": beach_towel,
    "deck_chair": deck_chair,
}
