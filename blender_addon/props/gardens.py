"""Walls, fences, sheds and playgrounds, and what stands on platforms. See `sized`."""

from __future__ import annotations

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, quads, span, upright, within
from .primitives import (
    DARK,
    GLASS,
    IMAGE,
    METAL,
    SECOND,
    SURFACE,
    Builder,
    Size,
    Solid,
    extrusion,
    join,
)


def garden_wall(size: Size, rng: np.random.Generator) -> Solid:
    """A wall with piers and a coping."""
    w, d, h = size
    wall = boxes((0, 0, 0.47 * h), (w, 0.7 * d, 0.94 * h))
    coping = boxes((0, 0, 0.965 * h), (w, d, 0.07 * h), SECOND)
    n = max(2, round(w / 3) + 1)
    xs = np.linspace(-w / 2 + 0.5 * d, w / 2 - 0.5 * d, n)
    piers = boxes(np.stack([xs, 0 * xs, 0 * xs + 0.48 * h], axis=1), (0.9 * d, 0.9 * d, 0.96 * h))
    return within(join([wall, coping, piers]), size)


def board_fence(size: Size, rng: np.random.Generator) -> Solid:
    """Upright boards with gaps, a little uneven, on posts and rails."""
    w, d, h = size
    n = max(3, int(w / 0.13))
    xs = (np.arange(n) - (n - 1) / 2) * w / n
    high = h * rng.uniform(0.93, 1.0, n)
    gap = float(rng.uniform(0.7, 0.97))
    tone = linear(0.08, rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.6)) * rng.uniform(
        0.7, 1.15, (n, 1)
    )
    at = np.stack([xs, np.full(n, -0.3 * d), high / 2], axis=1)
    boards = boxes(
        at, np.stack([np.full(n, gap * w / n), np.full(n, 0.25 * d), high], 1), SECOND, tone
    )
    rails = boxes([(0, 0, z * h) for z in (0.2, 0.75)], (w, 0.3 * d, 0.08), SECOND, tone[0] * 0.8)
    m = max(2, round(w / 2.2) + 1)
    px = np.linspace(-w / 2 + 0.05, w / 2 - 0.05, m)
    posts = boxes(
        np.stack([px, 0 * px + 0.3 * d, 0 * px + h / 2], 1), (0.09, 0.35 * d, h), SECOND, tone[0]
    )
    return within(join([boards, rails, posts]), size)


def railing(size: Size, rng: np.random.Generator) -> Solid:
    """A fence of iron bars, some with spikes, or a guard rail of three tubes."""
    w, d, h = size
    iron = (0.02, 0.025, 0.02) if rng.random() < 0.7 else (0.4, 0.4, 0.42)
    m = max(2, round(w / 2) + 1)
    px = np.linspace(-w / 2 + 0.04, w / 2 - 0.04, m)
    posts = boxes(np.stack([px, 0 * px, 0 * px + h / 2], 1), (0.05, min(0.05, d), h), SECOND, iron)
    rail_z = (0.1, 0.9) if rng.random() < 0.7 else (0.35, 0.65, 0.97)
    rails = boxes([(0, 0, z * h) for z in rail_z], (w, min(0.04, d), 0.04), SECOND, iron)
    parts = [posts, rails]
    if len(rail_z) == 2:
        n = max(3, int(w / 0.12))
        xs = (np.arange(n) - (n - 1) / 2) * w / n
        parts.append(
            boxes(
                np.stack([xs, 0 * xs, 0 * xs + 0.5 * h], 1), (0.016, 0.016, 0.97 * h), SECOND, iron
            )
        )
    return within(join(parts), size)


def shed(size: Size, rng: np.random.Generator) -> Solid:
    """A hut of boards with a door, a window and a sloping roof."""
    w, d, h = size
    top = 0.74 * h
    n = max(3, int(top / 0.14))
    zs = (np.arange(n) + 0.5) * top / n
    tone = linear(rng.uniform(0.02, 0.4), rng.uniform(0.2, 0.6), rng.uniform(0.25, 0.6))
    shade = tone * rng.uniform(0.8, 1.1, (n, 1))
    boards = boxes(
        np.stack([0 * zs, 0 * zs, zs], 1), (0.9 * w, 0.88 * d, 0.94 * top / n), SECOND, shade
    )
    core = boxes((0, 0, top / 2), (0.88 * w, 0.86 * d, top), SECOND, tone * 0.4)
    x, y, e = w / 2, d / 2, 0.985 * h
    roof = quads(
        [
            [(-x, -y, top), (x, -y, top), (x, 0, e), (-x, 0, e)],
            [(x, y, top), (-x, y, top), (-x, 0, e), (x, 0, e)],
        ],
        SECOND,
        (0.06, 0.055, 0.05),
    )
    gable = extrusion(
        [(-0.44 * d, top), (0.44 * d, top), (0, e)], -0.45 * w, 0.45 * w, SECOND
    ).painted(tone)
    door = boxes(
        (-0.18 * w, -0.445 * d, 0.36 * h), (0.26 * w, 0.02 * d, 0.72 * h * 0.95), SECOND, tone * 0.6
    )
    pane = upright((0.22 * w, -0.452 * d, 0.48 * h), (0.2 * w, 0.2 * h), GLASS)
    room = upright((0.22 * w, -0.448 * d, 0.48 * h), (0.2 * w, 0.2 * h), SECOND, (0.02, 0.02, 0.02))
    frame = boxes(
        (0.22 * w, -0.455 * d, 0.48 * h), (0.02, 0.02 * d, 0.2 * h), SECOND, (0.6, 0.6, 0.57)
    )
    return within(join([boards, core, roof, gable, door, pane, room, frame]), size)


def picnic_table(size: Size, rng: np.random.Generator) -> Solid:
    """A table of planks with benches on both long sides."""
    w, d, h = size
    ys = np.linspace(-0.2, 0.2, 4) * d
    top = boxes(np.stack([0 * ys, ys, 0 * ys + 0.97 * h], 1), (w, 0.11 * d, 0.04))
    seats = boxes([(0, s * 0.42 * d, 0.58 * h) for s in (-1, 1)], (w, 0.15 * d, 0.04))
    feet = [(x * w, s * 0.42 * d, 0.0) for x in (-0.36, 0.36) for s in (-1, 1)]
    heads = [(x * w, s * 0.14 * d, 0.95 * h) for x in (-0.36, 0.36) for s in (-1, 1)]
    legs = bars(feet, heads, 0.04)
    beams = boxes([(x * w, 0, 0.54 * h) for x in (-0.36, 0.36)], (0.05, 0.9 * d, 0.08))
    return within(join([top, seats, legs, beams]), size)


def swing(size: Size, rng: np.random.Generator) -> Solid:
    """A frame with two seats on chains."""
    w, d, h = size
    color = linear(rng.random(), 0.8, 0.6)
    ends = [(s * 0.47 * w, t * 0.48 * d, 0.0) for s in (-1, 1) for t in (-1, 1)]
    tops = [(s * 0.44 * w, 0.0, 0.97 * h) for s in (-1, 1) for _ in (0, 1)]
    frame = bars(
        [*ends, (-0.46 * w, 0, 0.97 * h)],
        [*tops, (0.46 * w, 0, 0.97 * h)],
        0.045,
        tone=SECOND,
        color=color,
        sides=8,
    )
    starts, stops, seats = [], [], []
    for x in (-0.22, 0.2):
        y, z = float(rng.uniform(-0.15, 0.15)) * d, 0.24 * h
        for s in (-0.22, 0.22):
            starts.append((x * w + s, 0, 0.97 * h))
            stops.append((x * w + s, y, z))
        seats.append((x * w, y, z))
    chains = bars(starts, stops, 0.008, tone=METAL, sides=4)
    return within(join([frame, chains, boxes(seats, (0.48, 0.2, 0.03), DARK)]), size)


def slide(size: Size, rng: np.random.Generator) -> Solid:
    """A ladder, a platform with a roof, and a chute towards -Y."""
    w, d, h = size
    colors = linear(rng.random(3), 0.85, rng.uniform(0.4, 0.8, 3))
    top, y = 0.55 * h, 0.2 * d
    posts = boxes(
        [(sx * 0.42 * w, yy, 0.43 * h) for sx in (-1, 1) for yy in (y, 0.46 * d)],
        (0.09, 0.09, 0.86 * h),
        SECOND,
        colors[0],
    )
    deck = boxes((0, (y + 0.46 * d) / 2, top), (0.85 * w, 0.28 * d, 0.05), SECOND, colors[1])
    t = np.linspace(0, 1, 9)
    ys = y - t * (y + 0.49 * d)
    zs = top * (0.06 + 0.94 * (0.5 + 0.5 * np.cos(np.pi * t**0.85)))
    left = np.stack([np.full(9, -0.3 * w), ys, zs], axis=1)
    right = left * (-1, 1, 1)
    chute = quads(np.stack([left[1:], right[1:], right[:-1], left[:-1]], 1), METAL)
    lips = [
        bars(side[:-1], side[1:], 0.035, tone=SECOND, color=colors[2]) for side in (left, right)
    ]
    x, m = 0.48 * w, (y + 0.46 * d) / 2
    roof = quads(
        [
            [(-x, 0.1 * d, 0.82 * h), (x, 0.1 * d, 0.82 * h), (x, m, 0.99 * h), (-x, m, 0.99 * h)],
            [(x, 0.5 * d, 0.82 * h), (-x, 0.5 * d, 0.82 * h), (-x, m, 0.99 * h), (x, m, 0.99 * h)],
        ],
        SECOND,
        colors[1],
    )
    rungs = boxes(
        [(0, 0.47 * d, z * top) for z in (0.2, 0.4, 0.6, 0.8)], (0.8 * w, 0.04, 0.04), METAL
    )
    return within(join([posts, deck, chute, *lips, roof, rungs]), size)


def train(size: Size, rng: np.random.Generator) -> Solid:
    """A coach along X: windows with seats behind, doors, stripes and bogies."""
    w, d, h = size
    low, belt, head, roof = 0.24 * h, 0.46 * h, 0.72 * h, 0.9 * h
    first = linear(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.25, 0.8))
    second = linear(rng.random(), rng.uniform(0.0, 0.9), rng.uniform(0.15, 0.9))
    y = 0.48 * d
    outline = [
        (-y, low),
        (y, low),
        (y, roof),
        (0.36 * d, 0.97 * h),
        (-0.36 * d, 0.97 * h),
        (-y, roof),
    ]
    lower = boxes((0, 0, (low + belt) / 2), (w, 2 * y, belt - low), SECOND, first)
    arch = extrusion([(-y, head), (y, head), *outline[2:]], -w / 2, w / 2, SECOND).painted(
        first * 0.8 + 0.05
    )
    n = max(1, int(w / 1.75))
    step = w / n
    xs = (np.arange(n) - (n - 1) / 2) * step
    doors = np.arange(n) % 5 == 2
    edge = np.append(xs - step / 2, w / 2)
    pillars = boxes(
        np.stack([edge, 0 * edge, 0 * edge + (belt + head) / 2], 1),
        (0.22, 2 * y, head - belt),
        SECOND,
        first,
    )
    stripe = boxes((0, 0, belt - 0.06 * h), (w, 2 * y + 0.012, 0.04 * h), SECOND, second)
    parts = [lower, arch, pillars, stripe]
    for s in (-1.0, 1.0):
        at = np.stack([xs, np.full(n, s * (y - 0.03)), np.full(n, (belt + head) / 2)], 1)
        panes = quads(_sheet(at[~doors], step, head - belt, s), GLASS)
        tall = at[doors] * (1, 1, 0) + by(0, s * 0.035, (low + head) / 2)
        leaf = boxes(tall, (1.3, 0.03, head - low), SECOND, second)
        glass = quads(
            _sheet(tall + by(0, s * 0.02, 0.2 * (head - low)), 0.9, 0.5 * (head - low), s),
            SECOND,
            (0.015, 0.017, 0.02),
        )
        gap = boxes(tall + by(0, s * 0.02, 0), (0.02, 0.02, head - low), DARK)
        parts += [panes, leaf, glass, gap] if doors.any() else [panes]
    inside = boxes(
        (0, 0, (belt + head) / 2), (0.98 * w, 0.1, head - belt), SECOND, (0.1, 0.1, 0.11)
    )
    seats = boxes(
        np.stack(
            [np.tile(xs, 2), np.repeat([-0.28 * d, 0.28 * d], n), np.full(2 * n, belt + 0.05 * h)],
            1,
        ),
        (0.16, 0.3 * d, 0.17 * h),
        SECOND,
        linear(rng.random(), 0.6, 0.4),
    )
    under = boxes(
        [(s * 0.33 * w, 0, 0.12 * h) for s in (-1, 1)], (0.16 * w, 0.8 * d, 0.22 * h), DARK
    )
    return within(join([*parts, inside, seats, under]), size)


def _sheet(at: np.ndarray, width: float, height: float, side: float) -> np.ndarray:
    """Corners (N, 4, 3) of upright sheets that face along Y times `side`."""
    x, z = 0.5 * width * side, 0.5 * height
    return at[:, None] + np.array([(x, 0, -z), (-x, 0, -z), (-x, 0, z), (x, 0, z)])


def platform_roof(size: Size, rng: np.random.Generator) -> Solid:
    """A roof along X with beams, lamps and name boards below, without its columns."""
    w, d, h = size
    n = max(2, round(w / 6))
    xs = (np.arange(n) - (n - 1) / 2) * w / n
    zero = 0 * xs
    steel = linear(rng.uniform(0.3, 0.65), rng.uniform(0.05, 0.5), rng.uniform(0.2, 0.6))
    beams = boxes(
        np.stack([xs, zero, zero + 0.75 * h], 1), (0.14, 0.96 * d, 0.12 * h), SECOND, steel
    )
    arms = bars(
        np.concatenate([np.stack([xs, zero, zero + 0.1 * h], 1)] * 2),
        np.concatenate([np.stack([xs, zero + s * 0.25 * d, zero + 0.7 * h], 1) for s in (-1, 1)]),
        0.05,
        tone=SECOND,
        color=steel,
    )
    purlins = [(0, y * d, 0.86 * h) for y in (-0.45, -0.22, 0.0, 0.22, 0.45)]
    cover = span((-w / 2, -d / 2, 0.9 * h), (w / 2, d / 2, h))
    m = max(2, int(w / 3))
    lx = (np.arange(m) - (m - 1) / 2) * w / m
    lamps = np.stack([lx, 0 * lx - 0.3 * d, 0 * lx + 0.66 * h], 1)
    signs = np.stack([xs[:-1] + 0.5 * w / n, zero[:-1], zero[:-1] + 0.25 * h], 1)
    parts = [
        beams,
        arms,
        cover,
        boxes(purlins, (w, 0.08, 0.07 * h), SECOND, steel),
        boxes(lamps, (1.2, 0.12, 0.06 * h), SECOND, (0.8, 0.8, 0.75)),
        boxes(signs, (1.8, 0.12, 0.3 * h), SECOND, (0.01, 0.03, 0.16)),
        upright(signs - by(0, 0.062, 0), (1.2, 0.12 * h), SECOND, (0.7, 0.7, 0.68)),
    ]
    return within(join(parts), size)


def platform_edge(size: Size, rng: np.random.Generator) -> Solid:
    """A platform along X: its edge towards -Y has coping stones and a line of studs."""
    w, d, h = size
    slab = span((-w / 2, -d / 2 + 0.12, 0), (w / 2, d / 2, h))
    wall = span(
        (-w / 2, -d / 2 + 0.1, 0), (w / 2, -d / 2 + 0.14, 0.9 * h), SECOND, (0.12, 0.11, 0.1)
    )
    n = max(1, int(w / 0.9))
    xs = (np.arange(n) - (n - 1) / 2) * w / n
    tone = 0.4 * rng.uniform(0.8, 1.1, (n, 1)) * (1, 0.98, 0.93)
    stones = boxes(
        np.stack([xs, 0 * xs - d / 2 + 0.3, 0 * xs + h - 0.04], 1),
        (0.985 * w / n, 0.6, 0.081),
        SECOND,
        tone,
    )
    yellow = (0.55, 0.38, 0.03) if rng.random() < 0.5 else (0.6, 0.6, 0.57)
    line = boxes((0, -d / 2 + 0.72, h - 0.038), (w, 0.12, 0.08), SECOND, yellow)
    return within(join([slab, wall, stones, line]), size)


def rails(size: Size, rng: np.random.Generator) -> Solid:
    """A track along X: sleepers on gravel and two rails."""
    w, d, h = size
    bed = boxes((0, 0, 0.2 * h), (w, d, 0.4 * h))
    n = max(2, int(w / 0.65))
    xs = (np.arange(n) - (n - 1) / 2) * w / n
    sleepers = boxes(
        np.stack([xs, 0 * xs, 0 * xs + 0.5 * h], 1),
        (0.24, 0.85 * d, 0.35 * h),
        SECOND,
        (0.2, 0.18, 0.16),
    )
    lines = boxes([(0, s * 0.25 * d, 0.85 * h) for s in (-1, 1)], (w, 0.07, 0.3 * h), METAL)
    return within(join([bed, sleepers, lines]), size)


def ticket_machine(size: Size, rng: np.random.Generator) -> Solid:
    """A machine with a screen, slots and a keypad; it faces -Y."""
    w, d, h = size
    body = boxes((0, 0.02 * d, h / 2), (w, 0.92 * d, h))
    panel = boxes((0, -0.45 * d, 0.66 * h), (0.86 * w, 0.03 * d, 0.5 * h), SECOND)
    screen = upright((-0.1 * w, -0.475 * d, 0.74 * h), (0.5 * w, 0.22 * h), IMAGE, image=True)
    keys = boxes(
        [
            (0.28 * w + 0.05 * w * i, -0.475 * d, 0.62 * h + 0.03 * h * j)
            for i in range(3)
            for j in range(4)
        ],
        (0.035 * w, 0.02 * d, 0.02 * h),
        METAL,
    )
    slot = boxes(
        [(-0.1 * w, -0.47 * d, 0.52 * h), (0, -0.46 * d, 0.32 * h)],
        [(0.3 * w, 0.03 * d, 0.02 * h), (0.5 * w, 0.06 * d, 0.08 * h)],
        DARK,
    )
    head = boxes((0, -0.45 * d, 0.95 * h), (w, 0.08 * d, 0.09 * h), SURFACE)
    return within(join([body, panel, screen, keys, slot, head]), size)


GARDENS: dict[str, Builder] = {
    "garden_wall": garden_wall,
    "board_fence": board_fence,
    "railing": railing,
    "shed": shed,
    "picnic_table": picnic_table,
    "swing": swing,
    "slide": slide,
    "train": train,
    "platform_roof": platform_roof,
    "platform_edge": platform_edge,
    "rails": rails,
    "ticket_machine": ticket_machine,
}
