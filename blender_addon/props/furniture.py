"""Furniture. Builders give real proportions in metres; see `catalogue`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .primitives import METAL, SECOND, Solid, box, join, ring, tube


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


FURNITURE: dict[str, Callable[[], Solid]] = {
    "bench": _bench,
    "chair": _chair,
    "stool": _stool,
    "seat_block": _seat_block,
    "table": _table,
}
