"""The shapes of things that are not people: SHAPES names each and the function that builds it.

A builder gives real proportions in metres, whatever its origin; `unit_shape` brings it to the frame that PropSpec
asks for: origin on the ground under the centre, Z up, front towards -Y, extents 1 × 1 × 1. Leaves and blades are
spread by fixed formulas, not at random. No bpy here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np

from .primitives import (
    DARK,
    EARTH,
    METAL,
    SECOND,
    SURFACE,
    Solid,
    ball,
    blade,
    box,
    extrusion,
    join,
    polygons,
    ring,
    tube,
)

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # spreads leaves evenly, as plants do


@cache
def unit_shape(name: str) -> Solid:
    """The shape `name` in its own frame: x and y in -0.5..0.5, z in 0..1. Cached; do not change its arrays.

    Raises KeyError that lists the shapes for an unknown name.
    """
    if name not in SHAPES:
        raise KeyError(f"no shape {name!r}; there are: {', '.join(SHAPES)}")
    solid = SHAPES[name]()
    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return solid.placed(np.diag(1 / (high - low)), -origin / (high - low))


def _box() -> Solid:
    return box((0, 0, 0.5), (1, 1, 1))


def _pole() -> Solid:
    return tube((0, 0, 0), (0, 0, 3), 0.08, sides=16)


def _cylinder() -> Solid:
    return tube((0, 0, 0), (0, 0, 1), 0.5, sides=28)


def _sphere() -> Solid:
    return ball((0, 0, 0), (0.5, 0.5, 0.5), rings=16, sides=28)


def _cone() -> Solid:
    stripes = [
        tube(
            (0, 0, 0.04 + 0.14 * i),
            (0, 0, 0.18 + 0.14 * i),
            0.15 - 0.025 * i,
            0.125 - 0.025 * i,
            tone,
            20,
        )
        for i, tone in enumerate((SURFACE, SECOND, SURFACE, SECOND, SURFACE))
    ]
    return join([box((0, 0, 0.02), (0.4, 0.4, 0.04), DARK), *stripes])


def _plant() -> Solid:
    leaves = []
    for i in range(34):
        angle, rise = i * GOLDEN_ANGLE, 0.25 + 0.75 * ((i * 0.618) % 1.0)
        reach = 0.42 * np.sqrt(1.1 - rise)
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        root = np.array([0, 0, 0.32 + 0.35 * rise]) + 0.03 * out
        tip = out * (0.1 + reach) + np.array([0, 0, 0.4 + 0.8 * rise])
        leaves.append(blade(root, tip, 0.12, sag=0.15))
    stems = [
        tube((0, 0, 0.3), (0.06 * np.cos(a), 0.06 * np.sin(a), 0.9), 0.012, sides=6)
        for a in (0.3, 2.4, 4.5)
    ]
    pot = tube((0, 0, 0), (0, 0, 0.32), 0.15, 0.2, SECOND, 20)
    return join(
        [pot, tube((0, 0, 0.29), (0, 0, 0.33), 0.185, tone=EARTH, sides=20), *stems, *leaves]
    )


def _bush() -> Solid:
    return _crown(46, (0.5, 0.5, 0.42), 0.42, leaf=0.17, inner=0.82)


def _tree() -> Solid:
    crown = _crown(90, (1.1, 1.1, 1.15), 2.9, leaf=0.3, inner=0.8)
    branches = [
        tube((0, 0, 1.4), (0.6 * np.cos(a), 0.6 * np.sin(a), 2.5), 0.07, 0.03, EARTH, 7)
        for a in (0.4, 2.3, 4.3)
    ]
    return join([tube((0, 0, 0), (0, 0, 2.6), 0.14, 0.07, EARTH, 12), *branches, crown])


def _crown(
    count: int, radii: tuple[float, float, float], height: float, leaf: float, inner: float
) -> Solid:
    """A lumpy mass of foliage: overlapping balls, with leaves standing out of them."""
    parts: list[Solid] = []
    r = np.array(radii)
    for i in range(count):
        z = 1 - 2 * (i + 0.5) / count
        angle = i * GOLDEN_ANGLE
        out = np.array([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z])
        wave = 0.5 + 0.5 * np.sin(7.3 * i)
        if i % 3 == 0:
            lump = leaf * (1.5 + 0.8 * wave)
            parts.append(
                ball(out * r * (inner - 0.15) + (0, 0, height), (lump,) * 3, rings=7, sides=9)
            )
        tip = out * r * (1.0 + 0.18 * wave) + (0, 0, height)
        for turn in (-0.5, 0.1, 0.6):
            side = np.array([-out[1], out[0], 0.25 * turn]) * turn * leaf
            parts.append(
                blade(
                    out * r * inner * 0.9 + (0, 0, height), tip + side, leaf * 0.55, sag=leaf * 0.3
                )
            )
    parts.append(ball((0, 0, height), r * inner * 0.85, rings=10, sides=14))
    return join(parts)


def _bench() -> Solid:
    seat = [box((0, -0.16 + 0.14 * i, 0.45), (1.5, 0.12, 0.04)) for i in range(3)]
    back = [box((0, 0.235 + 0.03 * i, 0.6 + 0.14 * i), (1.5, 0.035, 0.1)) for i in range(2)]
    legs = [
        box((x, y, 0.215), (0.06, 0.06, 0.43), METAL) for x in (-0.6, 0.6) for y in (-0.16, 0.14)
    ]
    posts = [tube((x, 0.2, 0.43), (x, 0.29, 0.84), 0.025, tone=METAL, sides=8) for x in (-0.6, 0.6)]
    return join([*seat, *back, *legs, *posts])


def _chair() -> Solid:
    legs = [box((x, y, 0.22), (0.04, 0.04, 0.44)) for x in (-0.19, 0.19) for y in (-0.19, 0.19)]
    posts = [box((x, 0.2, 0.67), (0.035, 0.035, 0.46)) for x in (-0.19, 0.19)]
    back = [box((0, 0.2, z), (0.36, 0.022, 0.1)) for z in (0.63, 0.83)]
    return join([*legs, *posts, *back, box((0, 0, 0.455), (0.44, 0.44, 0.035), SECOND)])


def _stool() -> Solid:
    legs = [
        tube(
            (0.19 * np.cos(a), 0.19 * np.sin(a), 0),
            (0.1 * np.cos(a), 0.1 * np.sin(a), 0.58),
            0.016,
            sides=8,
        )
        for a in np.pi / 4 + np.pi / 2 * np.arange(4)
    ]
    foot = ring((0, 0, 0.22), (0, 0, 1), 0.158, 0.01, METAL)
    return join([*legs, foot, tube((0, 0, 0.58), (0, 0, 0.63), 0.17, tone=SECOND, sides=24)])


def _seat_block() -> Solid:
    return join(
        [box((0, 0, 0.2), (0.46, 0.46, 0.4)), box((0, 0, 0.425), (0.48, 0.48, 0.05), SECOND)]
    )


def _table() -> Solid:
    legs = [box((x, y, 0.35), (0.06, 0.06, 0.7)) for x in (-0.62, 0.62) for y in (-0.32, 0.32)]
    return join(
        [*legs, box((0, 0, 0.72), (1.4, 0.8, 0.04)), box((0, 0, 0.66), (1.24, 0.64, 0.08), SECOND)]
    )


def _wheel(x: float, y: float, radius: float, width: float) -> list[Solid]:
    outwards = np.sign(x)
    tyre = tube((x - width / 2, y, radius), (x + width / 2, y, radius), radius, tone=DARK, sides=20)
    hub = tube(
        (x, y, radius),
        (x + outwards * (width / 2 + 0.012), y, radius),
        radius * 0.6,
        tone=METAL,
        sides=16,
    )
    return [tyre, hub]


def _car() -> Solid:
    """A hatchback, front towards -Y."""
    body = [
        (-2.1, 0.3),
        (2.1, 0.3),
        (2.13, 0.62),
        (2.02, 0.92),
        (-0.95, 0.95),
        (-1.95, 0.76),
        (-2.16, 0.55),
    ]
    glass = [(-0.98, 0.9), (1.98, 0.9), (1.62, 1.36), (1.3, 1.42), (-0.18, 1.42)]
    roof = [(-0.3, 1.405), (1.72, 1.34), (1.55, 1.43), (1.2, 1.47), (0.0, 1.47)]
    # Pillars stand a finger's width outside the glass, so that the two never fight for the same pixels.
    pillars = [
        tube((x, y0, 0.9), (0.93 * x, y1, 1.42), 0.035, sides=6)
        for x in (-0.76, 0.76)
        for y0, y1 in ((-0.92, -0.22), (0.35, 0.38), (1.25, 1.15), (1.95, 1.6))
    ]
    lamps = [box((x, -2.04, 0.66), (0.34, 0.16, 0.13), METAL) for x in (-0.62, 0.62)]
    lamps += [box((x, 2.05, 0.76), (0.26, 0.14, 0.16), DARK) for x in (-0.68, 0.68)]
    bumpers = [box((0, y, 0.4), (1.5, 0.2, 0.14), DARK) for y in (-2.1, 2.08)]
    wheels = [
        part for x in (-0.78, 0.78) for y in (-1.32, 1.3) for part in _wheel(x, y, 0.32, 0.22)
    ]
    mirrors = [box((x, -0.75, 0.98), (0.2, 0.08, 0.12)) for x in (-0.93, 0.93)]
    return join(
        [
            extrusion(body, -0.86, 0.86),
            extrusion(glass, -0.74, 0.74, DARK),
            extrusion(roof, -0.72, 0.72),
            *pillars,
            *lamps,
            *bumpers,
            *wheels,
            *mirrors,
        ]
    )


def _van() -> Solid:
    """A delivery van, front towards -Y."""
    body = [
        (-2.5, 0.35),
        (2.5, 0.35),
        (2.5, 2.2),
        (2.42, 2.3),
        (-1.3, 2.3),
        (-1.62, 2.2),
        (-2.06, 1.2),
        (-2.5, 1.0),
    ]
    screen = [(-2.09, 1.24), (-2.02, 1.22), (-1.62, 2.12), (-1.69, 2.14)]
    side_windows = [box((x, -1.3, 1.62), (0.03, 0.75, 0.55), DARK) for x in (-0.975, 0.975)]
    wheels = [
        part for x in (-0.88, 0.88) for y in (-1.6, 1.55) for part in _wheel(x, y, 0.36, 0.24)
    ]
    lamps = [box((x, -2.49, 0.82), (0.28, 0.06, 0.2), METAL) for x in (-0.72, 0.72)]
    doors = [
        box((0, 2.5, 1.65), (1.5, 0.03, 0.6), DARK),
        box((0, 2.52, 0.48), (1.9, 0.12, 0.18), DARK),
    ]
    return join(
        [
            extrusion(body, -0.97, 0.97),
            extrusion(screen, -0.86, 0.86, DARK),
            *side_windows,
            *wheels,
            *lamps,
            *doors,
            box((0, -2.5, 0.46), (1.94, 0.14, 0.22), DARK),
        ]
    )


def _bollard() -> Solid:
    return join(
        [
            tube((0, 0, 0), (0, 0, 0.82), 0.09, sides=20),
            tube((0, 0, 0.6), (0, 0, 0.68), 0.093, tone=SECOND, sides=20),
            ball((0, 0, 0.82), (0.09, 0.09, 0.06), rings=8, sides=20),
        ]
    )


def _wall_segment() -> Solid:
    return join([box((0, 0, 1.0), (2.0, 0.2, 2.0)), box((0, 0, 2.03), (2.06, 0.26, 0.06), SECOND)])


def _fence() -> Solid:
    boards = [box((-0.96 + 0.16 * i, -0.02, 0.53), (0.11, 0.02, 0.94)) for i in range(13)]
    rails = [box((0, 0.005, z), (2.0, 0.03, 0.08)) for z in (0.3, 0.8)]
    posts = [box((x, 0.03, 0.5), (0.07, 0.02, 1.0)) for x in (-0.96, 0.96)]
    return join([*boards, *rails, *posts])


def _sign() -> Solid:
    disc = tube((0, -0.045, 2.0), (0, -0.02, 2.0), 0.3, sides=28)
    middle = tube((0, -0.05, 2.0), (0, -0.03, 2.0), 0.22, tone=SECOND, sides=28)
    bar = box((0, -0.05, 2.0), (0.3, 0.012, 0.07))
    return join([tube((0, 0, 0), (0, 0, 2.28), 0.03, tone=METAL, sides=12), disc, middle, bar])


def _bin() -> Solid:
    body = box((0, 0, 0.47), (0.44, 0.48, 0.86), taper=1.15)
    lid = extrusion([(-0.3, 0.9), (0.29, 0.9), (0.29, 0.97), (-0.3, 0.99)], -0.27, 0.27, SECOND)
    wheels = [
        tube((x - 0.02, 0.22, 0.07), (x + 0.02, 0.22, 0.07), 0.07, tone=DARK) for x in (-0.2, 0.2)
    ]
    return join([body, lid, *wheels, box((0, 0.29, 0.88), (0.4, 0.04, 0.04), DARK)])


def _bicycle() -> Solid:
    """Rides towards -Y."""
    front, rear, crank = (0, -0.53, 0.34), (0, 0.53, 0.34), (0, 0.08, 0.3)
    head, head_low, seat = (0, -0.36, 0.92), (0, -0.4, 0.78), (0, 0.23, 0.88)
    wheels = [ring(hub, (1, 0, 0), 0.32, 0.02, DARK, 28) for hub in (front, rear)]
    spokes = [
        tube(
            hub,
            (0, hub[1] + 0.31 * np.cos(a), hub[2] + 0.31 * np.sin(a)),
            0.0025,
            tone=METAL,
            sides=4,
        )
        for hub in (front, rear)
        for a in np.pi / 6 * np.arange(12)
    ]
    bars = [(head, head_low), (head_low, crank), (head, seat), (crank, (0, 0.26, 0.97))]
    frame = [tube(a, b, 0.018, sides=8) for a, b in bars]
    stays = [
        tube(a, (x, b[1], b[2]), 0.01, sides=6)
        for x in (-0.05, 0.05)
        for a, b in ((crank, rear), (seat, rear), (head_low, front))
    ]
    steering = [
        tube(head, (0, -0.36, 1.0), 0.015, tone=METAL, sides=8),
        tube((-0.25, -0.33, 1.01), (0.25, -0.33, 1.01), 0.013, tone=METAL, sides=8),
        *[
            tube((x, -0.33, 1.01), (x, -0.2, 1.02), 0.016, tone=DARK, sides=8)
            for x in (-0.25, 0.25)
        ],
    ]
    saddle = ball((0, 0.26, 1.0), (0.07, 0.14, 0.035), DARK)
    drive = [
        ring(crank, (1, 0, 0), 0.09, 0.012, METAL),
        tube((-0.09, 0.08, 0.3), (0.09, 0.08, 0.3), 0.012, tone=DARK),
    ]
    pedals = [
        box((0.13, 0.08, 0.13), (0.1, 0.07, 0.02), DARK),
        box((-0.13, 0.08, 0.47), (0.1, 0.07, 0.02), DARK),
    ]
    arms = [
        tube((x, 0.08, 0.3), (x, 0.08, z), 0.01, tone=METAL, sides=6)
        for x, z in ((0.09, 0.13), (-0.09, 0.47))
    ]
    return join([*wheels, *spokes, *frame, *stays, *steering, saddle, *drive, *pedals, *arms])


def _phone() -> Solid:
    """Stands upright, screen towards -Y."""
    return join(
        [
            box((0, 0, 0.075), (0.072, 0.008, 0.15)),
            box((0, -0.0045, 0.075), (0.066, 0.001, 0.142), DARK),
        ]
    )


def _bag() -> Solid:
    """A shopping or hand bag; the top of the handle is its top."""
    handles = [_arch((0, y, 0.3), 0.11, 0.2, 0.009) for y in (-0.05, 0.05)]
    return join([box((0, 0, 0.15), (0.32, 0.14, 0.3), taper=0.9), *handles])


def _backpack() -> Solid:
    """The straps are at its back, +Y."""
    body = ball((0, 0, 0.24), (0.16, 0.1, 0.25), rings=12, sides=20)
    pocket = ball((0, -0.08, 0.15), (0.12, 0.06, 0.12), SECOND, rings=8)
    straps = [
        tube((x, 0.08, z0), (x, 0.11, z1), 0.016, tone=DARK, sides=8)
        for x in (-0.09, 0.09)
        for z0, z1 in ((0.1, 0.26), (0.42, 0.26))
    ]
    return join([body, pocket, *straps, _arch((0, 0.03, 0.47), 0.035, 0.045, 0.008, DARK)])


def _suitcase() -> Solid:
    ribs = [box((0.08 * i, 0, 0.31), (0.02, 0.235, 0.5), SECOND) for i in (-1, 0, 1)]
    wheels = [
        ball((x, y, 0.025), (0.025, 0.025, 0.025), DARK, 6, 8)
        for x in (-0.15, 0.15)
        for y in (-0.08, 0.08)
    ]
    return join(
        [
            box((0, 0, 0.31), (0.4, 0.22, 0.54)),
            *ribs,
            *wheels,
            _arch((0, 0.07, 0.58), 0.1, 0.1, 0.01, METAL),
        ]
    )


def _umbrella() -> Solid:
    """Open, handle down."""
    n, rows = 16, 5
    phi, theta = 2 * np.pi * np.arange(n) / n, np.linspace(0.12, 1.1, rows)
    T, P = np.meshgrid(theta, phi, indexing="ij")
    scallop = 1 - 0.03 * (1 + np.cos(8 * P)) * (T / 1.1) ** 2
    r = 0.56 * np.sin(T) / np.sin(1.1) * scallop
    z = 0.55 + 0.3 * (np.cos(T) - np.cos(1.1)) / (1 - np.cos(1.1))
    vertices = np.stack([r * np.cos(P), r * np.sin(P), z], axis=-1).reshape(-1, 3)
    faces: list[tuple[int, ...]] = [tuple(range(n))]
    tones = [SURFACE]
    for i in range(rows - 1):
        for j in range(n):
            faces.append(
                (i * n + j, (i + 1) * n + j, (i + 1) * n + (j + 1) % n, i * n + (j + 1) % n)
            )
            tones.append(SURFACE if (j // 2) % 2 else SECOND)
    cloth = polygons(vertices, faces, SURFACE, smooth=True)
    cloth = Solid(
        cloth.vertices, cloth.loops, cloth.starts, np.array(tones, np.uint8), cloth.smooth
    )
    hook = ring((0, -0.03, 0.02), (1, 0, 0), 0.03, 0.01, DARK, 12)
    return join([cloth, tube((0, 0, 0.02), (0, 0, 0.88), 0.008, tone=METAL, sides=8), hook])


def _pushchair() -> Solid:
    """Rolls towards -Y."""
    wheels = [
        part
        for x, y, r in (
            (-0.25, -0.35, 0.1),
            (0.25, -0.35, 0.1),
            (-0.27, 0.25, 0.14),
            (0.27, 0.25, 0.14),
        )
        for part in _wheel(x, y, r, 0.05)
    ]
    rods = [
        tube((x, y, z), (x, y1, z1), 0.014, tone=METAL, sides=8)
        for x in (-0.24, 0.24)
        for y, z, y1, z1 in ((-0.35, 0.1, 0.42, 1.0), (0.25, 0.14, -0.2, 0.6))
    ]
    seat = extrusion(
        [(-0.25, 0.38), (0.12, 0.4), (0.32, 0.85), (0.26, 0.87), (0.08, 0.48), (-0.25, 0.44)],
        -0.2,
        0.2,
    )
    angles = np.linspace(0.15, 1.75, 9)
    outer = [(0.27 - 0.36 * np.sin(a), 0.72 + 0.3 * np.cos(a)) for a in angles]
    inner = [(0.27 - 0.34 * np.sin(a), 0.72 + 0.28 * np.cos(a)) for a in angles[::-1]]
    hood = extrusion([*outer, *inner], -0.22, 0.22, SECOND)
    handle = tube((-0.24, 0.42, 1.0), (0.24, 0.42, 1.0), 0.018, tone=DARK, sides=8)
    return join(
        [*wheels, *rods, seat, hood, handle, box((0, -0.32, 0.25), (0.38, 0.14, 0.02), DARK)]
    )


def _cup() -> Solid:
    return join(
        [
            tube((0, 0, 0), (0, 0, 0.1), 0.03, 0.04, sides=20),
            tube((0, 0, 0.1), (0, 0, 0.112), 0.042, 0.038, SECOND, 20),
        ]
    )


def _book() -> Solid:
    """Lies closed, its spine at -X."""
    covers = [box((0, 0, z), (0.16, 0.23, 0.004)) for z in (0.002, 0.028)]
    pages = box((-0.002, 0, 0.015), (0.15, 0.22, 0.022), SECOND)
    return join([*covers, pages, box((-0.08, 0, 0.015), (0.004, 0.23, 0.03))])


def _trolley() -> Solid:
    """A shopping trolley, pushed towards -Y."""
    wires = []
    for i in range(9):
        y = -0.45 + 0.1 * i
        low, high = 0.52 + 0.012 * i, 0.9 + 0.015 * i
        for x in (-0.24, 0.24):
            wires.append(tube((0.85 * x, y, low), (x, y, high), 0.005, tone=METAL, sides=4))
        wires.append(tube((-0.2, y, low), (0.2, y, low), 0.005, tone=METAL, sides=4))
    rails = []
    for k in range(5):
        t = k / 4
        z0, z1, x = 0.52 + 0.38 * t, 0.62 + 0.4 * t, 0.205 + 0.035 * t
        rails += [
            tube((s * x, -0.45, z0), (s * x, 0.35, z1), 0.006, tone=METAL, sides=4) for s in (-1, 1)
        ]
        rails += [tube((-x, -0.45, z0), (x, -0.45, z0), 0.006, tone=METAL, sides=4)]
    frame = [
        tube((x, a[0], a[1]), (x, b[0], b[1]), 0.014, tone=METAL, sides=8)
        for x in (-0.22, 0.22)
        for a, b in (
            ((-0.4, 0.12), (0.42, 0.2)),
            ((0.42, 0.2), (0.35, 0.6)),
            ((0.35, 0.6), (0.5, 1.02)),
        )
    ]
    wheels = [
        tube((x - 0.015, y, 0.06), (x + 0.015, y, 0.06), 0.06, tone=DARK)
        for x in (-0.22, 0.22)
        for y in (-0.4, 0.4)
    ]
    return join(
        [*wires, *rails, *frame, *wheels, tube((-0.25, 0.5, 1.02), (0.25, 0.5, 1.02), 0.02)]
    )


def _lamp_post() -> Solid:
    return join(
        [
            tube((0, 0, 0), (0, 0, 0.5), 0.11, 0.08, sides=12),
            tube((0, 0, 0.5), (0, 0, 3.6), 0.05, 0.04, sides=12),
            tube((0, 0, 3.6), (0, 0, 3.95), 0.12, 0.19, SECOND, 12),
            tube((0, 0, 3.95), (0, 0, 4.1), 0.22, 0.05, sides=12),
        ]
    )


def _dog() -> Solid:
    """Looks towards -Y."""
    legs = [
        tube((x, y, 0), (x * 0.9, y * 0.95, 0.34), 0.025, 0.045, sides=8)
        for x in (-0.08, 0.08)
        for y in (-0.2, 0.25)
    ]
    ears = [
        blade((x, -0.33, 0.68), (1.7 * x, -0.31, 0.58), 0.07, tone=SECOND) for x in (-0.05, 0.05)
    ]
    return join(
        [
            *legs,
            *ears,
            ball((0, 0.03, 0.42), (0.12, 0.33, 0.13), rings=12, sides=18),
            tube((0, -0.2, 0.46), (0, -0.33, 0.6), 0.085, 0.065),
            ball((0, -0.36, 0.63), (0.075, 0.1, 0.08)),
            tube((0, -0.42, 0.62), (0, -0.53, 0.6), 0.045, 0.032, SECOND),
            ball((0, -0.53, 0.615), (0.02, 0.016, 0.018), DARK, 6, 8),
            tube((0, 0.33, 0.46), (0, 0.52, 0.62), 0.025, 0.012, sides=8),
        ]
    )


def _arch(
    base: tuple[float, float, float], half: float, height: float, thickness: float, tone: int = DARK
) -> Solid:
    """A handle: half an ellipse of bars above `base`, in the plane of x and z."""
    t = np.linspace(0, np.pi, 9)
    points = np.column_stack(
        [base[0] + half * np.cos(t), np.full(9, base[1]), base[2] + height * np.sin(t)]
    )
    return join(tube(a, b, thickness, tone=tone, sides=6) for a, b in pairwise(points))


SHAPES: dict[str, Callable[[], Solid]] = {
    "box": _box,
    "pole": _pole,
    "cylinder": _cylinder,
    "sphere": _sphere,
    "cone": _cone,
    "plant": _plant,
    "bush": _bush,
    "tree": _tree,
    "bench": _bench,
    "chair": _chair,
    "stool": _stool,
    "seat_block": _seat_block,
    "table": _table,
    "car": _car,
    "van": _van,
    "bollard": _bollard,
    "wall_segment": _wall_segment,
    "fence": _fence,
    "sign": _sign,
    "bin": _bin,
    "bicycle": _bicycle,
    "phone": _phone,
    "bag": _bag,
    "backpack": _backpack,
    "suitcase": _suitcase,
    "umbrella": _umbrella,
    "pushchair": _pushchair,
    "cup": _cup,
    "book": _book,
    "trolley": _trolley,
    "lamp_post": _lamp_post,
    "dog": _dog,
}
