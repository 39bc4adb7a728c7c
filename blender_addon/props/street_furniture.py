"""Things that stand on pavements: lamps, lights, signs, bins, benches, shelters. See `sized`."""

from __future__ import annotations

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, leaves, quads, upright, within
from .primitives import (
    DARK,
    EARTH,
    GLASS,
    IMAGE,
    LAMP,
    METAL,
    SECOND,
    SURFACE,
    Builder,
    Size,
    Solid,
    ball,
    join,
    tube,
)

_RED, _WHITE, _BLUE = (0.45, 0.01, 0.015), (0.7, 0.7, 0.68), (0.01, 0.05, 0.3)


def street_lamp(size: Size, rng: np.random.Generator) -> Solid:
    """A mast with a lantern on top, or with an arm towards -Y."""
    _w, d, h = size
    mast = bars(
        [(0, 0, 0), (0, 0, 0.12 * h)],
        [(0, 0, 0.12 * h), (0, 0, 0.97 * h)],
        [0.09, 0.055],
        [0.08, 0.04],
        sides=10,
    )
    if rng.random() < 0.5:
        arm = bars((0, 0, 0.95 * h), (0, -0.35 * d, 0.985 * h), 0.035, 0.03, sides=8)
        head = boxes((0, -0.38 * d, 0.985 * h), (0.2, min(0.6, 0.24 * d), 0.1))
        glow = boxes(
            (0, -0.38 * d, 0.985 * h - 0.055), (0.14, min(0.5, 0.2 * d), 0.02), SECOND, _WHITE
        )
        return within(join([mast, arm, head, glow]), size)
    lantern = tube((0, 0, 0.87 * h), (0, 0, 0.96 * h), 0.12, 0.19, tone=SECOND, sides=8)
    lid = tube((0, 0, 0.96 * h), (0, 0, h), 0.23, 0.05, sides=8)
    return within(join([mast, lantern.painted((0.6, 0.58, 0.5)), lid]), size)


def traffic_light(size: Size, rng: np.random.Generator) -> Solid:
    """A mast with a box of three lights that faces -Y; one is lit."""
    _w, _d, h = size
    box_h, z = 0.28 * h, 0.84 * h
    mast = bars((0, 0, 0), (0, 0, 0.98 * h), 0.05, sides=10)
    case = boxes((0, -0.12, z), (0.26, 0.16, box_h), DARK)
    on = int(rng.integers(3))
    hues = np.array([(0.9, 0.02, 0.02), (0.9, 0.4, 0.02), (0.05, 0.8, 0.25)])
    parts = [mast, case]
    for i, color in enumerate(hues):
        at = z + (1 - i) * 0.31 * box_h
        lens = tube(
            (0, -0.22, at), (0, -0.19, at), 0.085, tone=LAMP if i == on else SECOND, sides=14
        )
        parts.append(lens.painted(color if i == on else 0.08 * color))
        parts.append(boxes((0, -0.25, at + 0.1), (0.2, 0.12, 0.012), DARK))
    parts.append(boxes((0, -0.08, 0.34 * h), (0.1, 0.1, 0.18), SECOND, (0.6, 0.4, 0.02)))
    return within(join(parts), size)


def road_sign(size: Size, rng: np.random.Generator) -> Solid:
    """A sign on a pole: a round or square one, a triangle, or boards with place names."""
    w, _d, h = size
    pole = bars((0, 0, 0), (0, 0, h), 0.03, tone=METAL, sides=8)
    r = min(w, 0.7) / 2
    kind = int(rng.integers(5))
    z = h - r
    if kind == 0:
        ring = tube((0, -0.05, z), (0, -0.035, z), r, tone=SECOND, sides=24).painted(_RED)
        field = tube((0, -0.06, z), (0, -0.04, z), 0.76 * r, tone=SECOND, sides=24).painted(_WHITE)
        bar = boxes((0, -0.062, z), (0.9 * r, 0.01, 0.28 * r), SECOND, (0.02, 0.02, 0.02))
        return within(join([pole, ring, field, bar]), size)
    if kind == 1:
        disc = tube((0, -0.05, z), (0, -0.035, z), r, tone=SECOND, sides=24).painted(_RED)
        bar = boxes((0, -0.056, z), (1.4 * r, 0.01, 0.36 * r), SECOND, _WHITE)
        return within(join([pole, disc, bar]), size)
    if kind == 2:
        parts = [pole]
        for k, (scale, color) in enumerate(((1.0, _RED), (0.68, _WHITE))):
            y = -0.05 - 0.006 * k
            c = z - 0.2 * r
            tip, left, right = (
                (0, y, c + scale * r),
                (-scale * r, y, c - 0.6 * scale * r),
                (scale * r, y, c - 0.6 * scale * r),
            )
            parts.append(quads([left, (0, y, left[2]), right, tip], SECOND, color))
        parts.append(boxes((0, -0.06, z - 0.25 * r), (0.12 * r, 0.005, 0.5 * r), DARK))
        return within(join(parts), size)
    if kind == 3:
        board = boxes((0, -0.045, z), (2 * r, 0.02, 2 * r), SECOND, _BLUE)
        mark = upright(
            [(0.0, -0.06, z), (0.1 * r, -0.06, z + 0.3 * r)],
            [(0.25 * r, 1.3 * r), (0.7 * r, 0.7 * r)],
            SECOND,
            _WHITE,
        )
        image = upright((0, -0.057, z), (1.9 * r, 1.9 * r), IMAGE, image=True)
        return within(join([pole, board, mark if rng.random() < 0.5 else image]), size)
    n = int(rng.integers(1, 4))
    plate = linear(rng.uniform(0, 1), 0.8, 0.5) if rng.random() < 0.7 else np.array(_WHITE)
    zs = h - 0.12 - 0.22 * np.arange(n)
    at = np.stack([0 * zs, 0 * zs - 0.04, zs], axis=1)
    board = boxes(at, (w, 0.02, 0.19), SECOND, plate)
    ink = _WHITE if float(np.mean(plate)) < 0.4 else (0.02, 0.02, 0.02)
    words = upright(at - by(0.08 * w, 0.012, 0), (0.6 * w, 0.07), SECOND, ink)
    return within(join([pole, board, words]), size)


def litter_bin(size: Size, rng: np.random.Generator) -> Solid:
    """A round or square bin with an opening below a lid; some overflow."""
    w, d, h = size
    r = min(w, d) / 2
    if rng.random() < 0.5:
        body = tube((0, 0, 0.06 * h), (0, 0, 0.72 * h), 0.82 * r, 0.95 * r, sides=16)
        mouth = tube((0, 0, 0.72 * h), (0, 0, 0.86 * h), 0.8 * r, tone=DARK, sides=16)
        lid = tube((0, 0, 0.86 * h), (0, 0, 0.98 * h), 0.98 * r, 0.5 * r, tone=SECOND, sides=16)
        foot = tube((0, 0, 0), (0, 0, 0.06 * h), 0.6 * r, tone=DARK, sides=12)
        return within(join([body, mouth, lid, foot]), size)
    body = boxes((0, 0, 0.42 * h), (0.9 * w, 0.9 * d, 0.8 * h))
    slot = boxes((0, 0, 0.84 * h), (0.8 * w, 0.95 * d, 0.1 * h), DARK)
    lid = boxes((0, 0, 0.93 * h), (w, d, 0.1 * h), SECOND)
    label = upright((0, -0.46 * d, 0.5 * h), (0.4 * w, 0.25 * h), SECOND, _WHITE)
    return within(join([body, slot, lid, label]), size)


def park_bench(size: Size, rng: np.random.Generator) -> Solid:
    """A bench of slats on iron or concrete feet; some have no back."""
    w, d, h = size
    seat = 0.45 if h > 0.6 else 0.9 * h
    n = 5
    ys = np.linspace(-d / 2 + 0.06, 0.22 * d, n)
    at = np.stack([0 * ys, ys, seat - 0.03 * np.sin(np.linspace(0, np.pi, n))], axis=1)
    parts = [boxes(at, (w, 0.75 * abs(ys[1] - ys[0]), 0.035))]
    feet = 2 if w < 1.7 else 3
    xs = np.linspace(-0.42, 0.42, feet) * w
    iron = (0.02, 0.022, 0.02) if rng.random() < 0.6 else (0.35, 0.34, 0.32)
    for y in (-0.38 * d, 0.2 * d):
        legs = np.stack([xs, 0 * xs + y, 0 * xs + seat / 2 - 0.02], axis=1)
        parts.append(boxes(legs, (0.06, 0.07, seat - 0.04), SECOND, iron))
    rails = np.stack([xs, 0 * xs - 0.08 * d, 0 * xs + seat - 0.05], axis=1)
    parts.append(boxes(rails, (0.05, 0.75 * d, 0.04), SECOND, iron))
    if h > 0.6 and rng.random() < 0.85:
        zs = np.linspace(seat + 0.12, h - 0.05, 3)
        back = np.stack([0 * zs, 0.24 * d + 0.22 * d * (zs - seat) / (h - seat), zs], axis=1)
        parts.append(boxes(back, (w, 0.03, 0.09)))
        top = np.stack([xs, 0 * xs + 0.47 * d, 0 * xs + h], axis=1)
        low = np.stack([xs, 0 * xs + 0.22 * d, 0 * xs + seat - 0.1], axis=1)
        parts.append(bars(low, top, 0.022, tone=SECOND, color=iron, sides=6))
        arms = np.stack([xs, 0 * xs - 0.08 * d, 0 * xs + seat + 0.2], axis=1)
        parts.append(boxes(arms[[0, -1]], (0.05, 0.7 * d, 0.03), SECOND, iron))
    return within(join(parts), size)


def iron_bollard(size: Size, rng: np.random.Generator) -> Solid:
    """A bollard of iron or stone with a band."""
    w, d, h = size
    r = min(w, d) / 2
    shaft = tube((0, 0, 0), (0, 0, 0.86 * h), r, 0.75 * r, sides=14)
    neck = tube((0, 0, 0.72 * h), (0, 0, 0.78 * h), 0.9 * r, tone=SECOND, sides=14)
    knob = ball((0, 0, 0.87 * h), (0.8 * r, 0.8 * r, 0.13 * h), SURFACE, 6, 12)
    return within(join([shaft, neck, knob]), size)


def bike_rack(size: Size, rng: np.random.Generator) -> Solid:
    """Hoops of tube in a row along X."""
    w, d, h = size
    n = max(1, int(w / 0.8))
    xs = (np.arange(n) - (n - 1) / 2) * w / n
    turn = np.linspace(0, np.pi, 9)
    path = np.stack(
        [
            0 * turn,
            0.46 * d * np.cos(turn),
            np.where(np.sin(turn) > 0, 0.55 * h + 0.42 * h * np.sin(turn), 0),
        ],
        axis=1,
    )
    starts = (path[:-1] + np.stack([xs, 0 * xs, 0 * xs], axis=1)[:, None]).reshape(-1, 3)
    ends = (path[1:] + np.stack([xs, 0 * xs, 0 * xs], axis=1)[:, None]).reshape(-1, 3)
    return within(bars(starts, ends, 0.024, tone=METAL), size)


def bus_shelter(size: Size, rng: np.random.Generator) -> Solid:
    """A roof on posts with panes behind and at the sides, a seat, a plan and a poster."""
    w, d, h = size
    x, y = w / 2, d / 2
    corners = [
        (sx * (x - 0.05), sy * (y - 0.05) * (1 if sy > 0 else 0.3), h / 2)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    posts = boxes(corners, (0.07, 0.07, h), METAL)
    roof = boxes((0, 0, h - 0.06), (w, d, 0.1))
    middle = boxes([(s * x / 3, y - 0.05, h / 2) for s in (-1, 1)], (0.04, 0.04, h), METAL)
    pane = upright((0, y - 0.06, 0.52 * h), (w - 0.15, 0.75 * h), GLASS)
    seat = boxes((-0.1 * w, y - 0.3, 0.45), (0.55 * w, 0.3, 0.05), SECOND)
    legs = boxes(
        [(-0.1 * w + s * 0.2 * w, y - 0.25, 0.22) for s in (-1, 1)], (0.05, 0.05, 0.44), METAL
    )
    frame = boxes((x - 0.05, 0.1 * d, 0.48 * h), (0.1, 0.9, 0.78 * h), SECOND, (0.05, 0.05, 0.055))
    side = np.stack(
        [
            np.full(4, x - 0.106),
            0.1 * d + np.array([0.4, -0.4, -0.4, 0.4]),
            0.48 * h + 0.34 * h * np.array([-1, -1, 1, 1]),
        ],
        axis=1,
    )
    poster = quads(side, IMAGE, image=True)
    plan = upright((0.3 * w, y - 0.09, 0.6 * h), (0.5, 0.7), IMAGE, image=True)
    return within(join([posts, roof, middle, pane, seat, legs, frame, poster, plan]), size)


def cabinet(size: Size, rng: np.random.Generator) -> Solid:
    """A cabinet of power or telephone with doors, vents, stickers and scribbles."""
    w, d, h = size
    body = boxes((0, 0, 0.5 * h), (w, 0.92 * d, 0.92 * h))
    lid = boxes((0, 0, 0.97 * h), (w, d, 0.06 * h), SECOND)
    seam = boxes((0, -0.462 * d, 0.48 * h), (0.012, 0.01, 0.8 * h), DARK)
    vents = upright(
        [(s * 0.25 * w, -0.465 * d, 0.85 * h - 0.02 * k) for s in (-1, 1) for k in range(3)],
        (0.3 * w, 0.008),
        DARK,
    )
    n = int(rng.integers(2, 7))
    at = np.stack(
        [rng.uniform(-0.4, 0.4, n) * w, np.full(n, -0.468 * d), rng.uniform(0.2, 0.75, n) * h],
        axis=1,
    )
    marks = upright(
        at,
        rng.uniform(0.03, 0.18, (n, 2)),
        SECOND,
        linear(rng.random(n), rng.uniform(0, 0.9, n), rng.uniform(0.1, 0.9, n)),
    )
    return within(join([body, lid, seam, vents, marks]), size)


def post_box(size: Size, rng: np.random.Generator) -> Solid:
    """A round or square letter box."""
    w, d, h = size
    r = min(w, d) / 2
    if rng.random() < 0.5:
        parts = [
            tube((0, 0, 0), (0, 0, 0.9 * h), 0.9 * r, sides=18),
            tube((0, 0, 0.9 * h), (0, 0, 0.96 * h), r, sides=18),
            ball((0, 0, 0.95 * h), (0.95 * r, 0.95 * r, 0.05 * h), SURFACE, 6, 18),
        ]
    else:
        parts = [
            boxes((0, 0, 0.68 * h), (w, d, 0.6 * h)),
            boxes((0, 0, 0.2 * h), (0.2 * w, 0.2 * w, 0.4 * h), METAL),
        ]
    slot = boxes((0, -0.46 * d, 0.82 * h), (0.6 * w, 0.08 * d, 0.03 * h), DARK)
    plate = upright((0, -0.5 * d, 0.6 * h), (0.4 * w, 0.12 * h), SECOND, _WHITE)
    return within(join([*parts, slot, plate]), size)


def planter(size: Size, rng: np.random.Generator) -> Solid:
    """A tub with plants and flowers."""
    w, d, h = size
    tub_h = 0.5 * h
    tub = join(
        [
            boxes((0, 0, tub_h / 2), (w, d, tub_h)),
            boxes((0, 0, tub_h + 0.005), (0.92 * w, 0.92 * d, 0.02), EARTH),
        ]
    )
    n = int(np.clip(420 * w * d, 100, 700))
    at = rng.normal(0, 0.2, (n, 3)) * (w, d, 0) + by(0, 0, tub_h)
    at[:, 2] += (
        rng.random(n) ** 0.7
        * 0.9
        * (h - tub_h)
        * np.exp(-4 * ((at[:, 0] / w) ** 2 + (at[:, 1] / d) ** 2))
    )
    toward = rng.normal(0, 0.7, (n, 3)) + by(0, 0, 0.5)
    tone = linear(rng.uniform(0.2, 0.32) + rng.normal(0, 0.015, n), 0.6, rng.uniform(0.15, 0.5, n))
    bloom = rng.random(n) < rng.choice([0.0, 0.2])
    tone[bloom] = linear(rng.uniform(0.75, 1.15), 0.75, 0.8)
    size_of = float(np.clip(0.35 * (h - tub_h), 0.05, 0.16))
    return within(join([tub, quads(leaves(at, toward, size_of, 0.45, rng), SECOND, tone)]), size)


def cables(size: Size, rng: np.random.Generator) -> Solid:
    """Wires that hang between two ends along X, at the top of the extents."""
    w, d, h = size
    n = int(rng.integers(2, 6))
    t = np.linspace(-0.5, 0.5, 13)
    starts, ends = [], []
    for _ in range(n):
        sag = h * float(rng.uniform(0.3, 0.9))
        z = h - 0.02 - sag * (1 - 4 * t**2)
        y = float(rng.uniform(-0.45, 0.45)) * d
        path = np.stack([t * w, np.full(13, y), z], axis=1)
        starts.append(path[:-1])
        ends.append(path[1:])
    return within(
        bars(np.concatenate(starts), np.concatenate(ends), 0.012, tone=DARK, sides=4), size
    )


STREET_FURNITURE: dict[str, Builder] = {
    "street_lamp": street_lamp,
    "traffic_light": traffic_light,
    "road_sign": road_sign,
    "litter_bin": litter_bin,
    "park_bench": park_bench,
    "iron_bollard": iron_bollard,
    "bike_rack": bike_rack,
    "bus_shelter": bus_shelter,
    "cabinet": cabinet,
    "post_box": post_box,
    "planter": planter,
    "cables": cables,
}
