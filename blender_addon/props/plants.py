"""Plants as unit shapes; `trees` has those that are built to size.

Builders give real proportions in metres; see `catalogue`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from .primitives import EARTH, SECOND, SURFACE, Solid, blade, join, tube
from .trees import broad_tree, wild_shrub

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
    return _in_two_greens(wild_shrub((1.4, 1.4, 1.2), np.random.default_rng(2)))


def _tree() -> Solid:
    return _in_two_greens(broad_tree((2.6, 2.6, 4.4), np.random.default_rng(3)))


def _in_two_greens(solid: Solid) -> Solid:
    """The plant in the two colours of its surface in place of its own greens."""
    own = solid.tones == SURFACE
    other = own & (np.arange(len(own)) % 3 == 0)
    paint = None if solid.paint is None else np.where(own[:, None], np.nan, solid.paint)
    return dataclasses.replace(solid, tones=np.where(other, SECOND, solid.tones), paint=paint)


PLANTS: dict[str, Callable[[], Solid]] = {
    "plant": _plant,
    "bush": _bush,
    "tree": _tree,
}
