"""Plants, with leaves spread by fixed formulas and not at random.

Builders give real proportions in metres; see `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .primitives import EARTH, SECOND, Solid, ball, blade, join, tube

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # spreads leaves evenly, as plants do


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


PLANTS: dict[str, Callable[[], Solid]] = {
    "plant": _plant,
    "bush": _bush,
    "tree": _tree,
}
