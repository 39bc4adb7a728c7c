"""Vehicles, and things that are pushed. Their fronts are towards -Y.

Builders give real proportions in metres; see `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cars import car, van
from .primitives import DARK, METAL, SECOND, Solid, ball, box, extrusion, join, ring, tube


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
    return car((1.82, 4.3, 1.47), np.random.default_rng(0))


def _van() -> Solid:
    return van((2.05, 5.2, 2.3), np.random.default_rng(0))


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


VEHICLES: dict[str, Callable[[], Solid]] = {
    "car": _car,
    "van": _van,
    "bicycle": _bicycle,
    "pushchair": _pushchair,
}
