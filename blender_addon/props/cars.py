"""Cars and vans: a body drawn over sections along its length, with windows, wheels and lamps.

The front is towards -Y. See `sized`; `vehicles` has the same as unit shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .pieces import boxes, within
from .primitives import (
    DARK,
    METAL,
    SECOND,
    SURFACE,
    Array,
    Builder,
    Size,
    Solid,
    join,
    polygons,
    tube,
)

# Sections from front to rear: place along the length; heights of sill, belt line and top, in
# heights; half width, in half widths.
_HATCHBACK = (
    (0.000, 0.28, 0.40, 0.42, 0.78),
    (0.014, 0.19, 0.46, 0.48, 0.90),
    (0.060, 0.15, 0.51, 0.53, 0.97),
    (0.250, 0.14, 0.62, 0.65, 1.00),
    (0.410, 0.14, 0.64, 0.965, 1.00),
    (0.550, 0.14, 0.65, 1.000, 1.00),
    (0.730, 0.14, 0.66, 0.985, 1.00),
    (0.880, 0.15, 0.67, 0.930, 0.98),
    (0.965, 0.17, 0.66, 0.690, 0.95),
    (0.988, 0.20, 0.55, 0.570, 0.92),
    (1.000, 0.28, 0.42, 0.440, 0.84),
)
_SALOON = (
    *_HATCHBACK[:6],
    (0.660, 0.14, 0.66, 0.985, 1.00),
    (0.750, 0.15, 0.67, 0.920, 0.98),
    (0.875, 0.16, 0.68, 0.705, 0.96),
    (0.985, 0.19, 0.60, 0.650, 0.92),
    (1.000, 0.28, 0.42, 0.440, 0.84),
)
_ESTATE = (
    *_HATCHBACK[:6],
    (0.780, 0.14, 0.67, 0.985, 1.00),
    (0.930, 0.15, 0.68, 0.950, 0.98),
    (0.978, 0.17, 0.68, 0.710, 0.96),
    (0.992, 0.20, 0.56, 0.580, 0.93),
    (1.000, 0.28, 0.42, 0.440, 0.86),
)
_VAN = (
    (0.000, 0.20, 0.32, 0.34, 0.84),
    (0.012, 0.14, 0.36, 0.38, 0.94),
    (0.040, 0.12, 0.41, 0.43, 0.99),
    (0.140, 0.11, 0.47, 0.50, 1.00),
    (0.270, 0.11, 0.49, 0.940, 1.00),
    (0.360, 0.11, 0.49, 1.000, 1.00),
    (0.600, 0.11, 0.49, 1.000, 1.00),
    (0.970, 0.11, 0.49, 0.990, 1.00),
    (0.992, 0.12, 0.49, 0.960, 0.99),
    (0.996, 0.14, 0.46, 0.940, 0.98),
    (1.000, 0.16, 0.42, 0.920, 0.97),
)


@dataclass(frozen=True)
class _Kind:
    """A kind of car.

    Attributes:
        sections: See _HATCHBACK; sections 3 and 4 are the ends of the windscreen, 7 and 8 of the
            rear window.
        side_glass: Segments with side windows.
        rear_glass: Whether the rear has a window.
        roof: Half width of the roof, in half widths.
        axles: Places of the wheels along the length.
    """

    sections: tuple[tuple[float, float, float, float, float], ...]
    side_glass: tuple[int, ...]
    rear_glass: bool
    roof: float
    axles: tuple[float, float]


_CARS = (
    _Kind(_HATCHBACK, (3, 4, 5, 6), True, 0.76, (0.19, 0.79)),
    _Kind(_SALOON, (3, 4, 5, 6), True, 0.74, (0.18, 0.78)),
    _Kind(_ESTATE, (3, 4, 5, 6), True, 0.79, (0.185, 0.785)),
)
_VANS = _Kind(_VAN, (3, 4), False, 0.93, (0.15, 0.8))
_POINTS = 8  # of half a section


def car(size: Size, rng: np.random.Generator) -> Solid:
    """A hatchback, saloon or estate."""
    return _vehicle(size, _CARS[int(rng.integers(len(_CARS)))], rng)


def van(size: Size, rng: np.random.Generator) -> Solid:
    """A delivery van."""
    return _vehicle(size, _VANS, rng)


def _vehicle(size: Size, kind: _Kind, rng: np.random.Generator) -> Solid:
    x, y, z = size
    half = 0.455 * x  # mirrors stand out
    points = _section_points(kind, half, y, z)
    parts = [*_shell(points, kind), *_pillars(points, kind)]
    radius = min(0.315 * y / 4.3, 0.24 * z, 0.25 * y)
    for t in kind.axles:
        for side in (-1, 1):
            parts += _wheel(side * half, (t - 0.5) * y, radius)
    parts += _lamps_and_plates(points, kind, half, y, z)
    parts += _trim(points, kind, half, y, z)
    return within(join(parts), size)


def _section_points(kind: _Kind, half: float, length: float, height: float) -> Array:
    """(S, 8, 3) points of the right half of each section, from the middle below to the top."""
    t, low, belt, top, wide = np.array(kind.sections).T
    low, belt, top, h = low * height, belt * height, top * height, wide * half
    cabin = top - belt > 0.1 * height
    edge = np.where(cabin, kind.roof, 0.9) * h
    xs = [0 * h, 0.86 * h, 0.97 * h, h, 0.975 * h, edge, 0.82 * edge, 0 * h]
    rise = np.where(cabin, top - 0.035 * height, belt + 0.6 * (top - belt))
    zs = [low, low, 0.7 * low + 0.3 * belt, 0.25 * low + 0.75 * belt, belt, rise, top, top]
    ys = np.broadcast_to((t - 0.5) * length, (_POINTS, len(t)))
    return np.stack([np.array(xs), ys, np.array(zs)], axis=-1).swapaxes(0, 1)


def _shell(points: Array, kind: _Kind) -> list[Solid]:
    """Body and panes: the faces between neighbouring sections, and the two ends."""
    count = len(points)
    mirrored = points[:, ::-1][:, 1:] * (-1, 1, 1)
    around = np.concatenate([points, mirrored], axis=1)  # (S, 15, 3), last equals first
    n = around.shape[1] - 1
    ring = around[:, :n]
    body: list[tuple[int, ...]] = []
    glass: list[tuple[int, ...]] = []
    for i in range(count - 1):
        for j in range(n):
            k = (j + 1) % n
            face = (i * n + k, i * n + j, (i + 1) * n + j, (i + 1) * n + k)
            part = min(j, n - 1 - j)
            side = part == 4 and i in kind.side_glass
            screen = part in (5, 6) and (i == 3 or (i == 7 and kind.rear_glass))
            rear_side = part == 4 and i == 7 and kind.rear_glass
            (glass if side or screen or rear_side else body).append(face)
    vertices = ring.reshape(-1, 3)
    ends = [tuple(range(n)), tuple((count - 1) * n + np.arange(n)[::-1])]
    return [
        polygons(vertices, body, SURFACE, smooth=True),
        polygons(vertices, ends, SURFACE),
        polygons(vertices, glass, DARK),
    ]


def _pillars(points: Array, kind: _Kind) -> list[Solid]:
    lines = [(3, 5, 4, 5), (5, 4, 5, 5)]
    if kind.rear_glass:
        lines += [(7, 4, 7, 5), (7, 5, 8, 5)]
    parts = []
    for side in (-1, 1):
        for a, p, b, q in lines:
            ends = points[[a, b], [p, q]] * (side, 1, 1)
            parts.append(tube(ends[0], ends[1], 0.032, sides=6))
    return parts


def _wheel(x: float, y: float, radius: float) -> list[Solid]:
    """Tyre, rim with spokes, and the dark arch above."""
    out = float(np.sign(x))
    arch = tube(
        (x - 0.15 * out, y, radius * 1.05),
        (x + 0.004 * out, y, radius * 1.05),
        1.17 * radius,
        tone=DARK,
        sides=22,
    )
    tyre = tube(
        (x - 0.2 * out, y, radius), (x + 0.012 * out, y, radius), radius, tone=DARK, sides=22
    )
    rim = tube((x, y, radius), (x + 0.018 * out, y, radius), 0.66 * radius, tone=METAL, sides=18)
    hub = tube((x, y, radius), (x + 0.03 * out, y, radius), 0.16 * radius, tone=METAL, sides=10)
    gaps = []
    for i in range(5):
        a = 2 * np.pi * (i + 0.5) / 5
        c, s = np.cos(a), np.sin(a)
        gaps.append(
            tube(
                (x + 0.012 * out, y + 0.42 * radius * c, radius * (1 + 0.42 * s)),
                (x + 0.021 * out, y + 0.42 * radius * c, radius * (1 + 0.42 * s)),
                0.17 * radius,
                tone=DARK,
                sides=8,
            )
        )
    return [arch, tyre, rim, hub, *gaps]


def _lamps_and_plates(
    points: Array, kind: _Kind, half: float, length: float, height: float
) -> list[Solid]:
    front, rear = -length / 2, length / 2
    white, red = (0.75, 0.75, 0.72), (0.35, 0.01, 0.01)
    z = float(points[1, 4, 2])
    tail = float(points[9, 4, 2])
    sides = np.array([-1.0, 1.0])
    lamps = boxes(
        np.stack([0.68 * half * sides, np.full(2, front + 0.075), np.full(2, 0.92 * z)], axis=1),
        (0.4 * half, 0.15, 0.09 * height),
        METAL,
        white,
    )
    tails = boxes(
        np.stack([0.76 * half * sides, np.full(2, rear - 0.075), np.full(2, 0.97 * tail)], axis=1),
        (0.26 * half, 0.15, 0.12 * height),
        SECOND,
        red,
    )
    plate_z = 0.62 * z
    plates = boxes(
        [(0, front + 0.03, plate_z), (0, rear - 0.03, 0.8 * tail)],
        (0.52, 0.06, 0.11),
        SECOND,
        white,
    )
    grille = boxes((0, front + 0.05, 0.86 * z), (0.75 * half, 0.1, 0.055 * height), DARK)
    intake = boxes((0, front + 0.05, 0.56 * z), (1.25 * half, 0.13, 0.05 * height), DARK)
    skirt = boxes((0, rear - 0.06, 0.5 * tail), (1.3 * half, 0.12, 0.06 * height), DARK)
    return [lamps, tails, plates, grille, intake, skirt]


def _trim(points: Array, kind: _Kind, half: float, length: float, height: float) -> list[Solid]:
    """Gaps of the doors, handles, mirrors and wipers."""
    belt, low = float(points[5, 4, 2]), float(points[5, 0, 2])
    cowl, middle, rear = (float(points[i, 4, 1]) for i in (3, 5, 6))
    ys = [cowl + 0.05 * length, middle, rear + 0.02 * length]
    gaps, handles, mirrors = [], [], []
    for s in (-1.0, 1.0):
        gaps += [(s * 0.985 * half, y, 0.5 * (belt + 1.3 * low)) for y in ys]
        handles += [(s * 0.99 * half, y - 0.06 * length, 0.94 * belt) for y in ys[1:]]
        mirrors.append((s * 1.05 * half, cowl + 0.04 * length, belt + 0.05 * height))
    seams = boxes(gaps, (0.032 * half, 0.012, 0.92 * belt - 1.1 * low), DARK)
    grips = boxes(handles, (0.04 * half, 0.15, 0.022), SURFACE)
    glasses = boxes(mirrors, (0.09 * half, 0.1, 0.085 * height), SURFACE)
    sills = boxes(
        [(s * 0.93 * half, 0.0, low + 0.03) for s in (-1, 1)],
        (0.1 * half, 0.5 * length, 0.07),
        DARK,
    )
    return [seams, grips, glasses, sills]


CARS: dict[str, Builder] = {
    "parked_car": car,
    "parked_van": van,
}
