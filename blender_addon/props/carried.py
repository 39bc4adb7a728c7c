"""Things that people carry. Builders give real proportions in metres; see `catalogue`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .primitives import DARK, METAL, SECOND, SURFACE, Solid, ball, box, join, polygons, ring, tube


def _arch(
    base: tuple[float, float, float], half: float, height: float, thickness: float, tone: int = DARK
) -> Solid:
    """A handle: half an ellipse of bars above `base`, in the plane of x and z."""
    t = np.linspace(0, np.pi, 9)
    points = np.column_stack(
        [base[0] + half * np.cos(t), np.full(9, base[1]), base[2] + height * np.sin(t)]
    )
    return join(tube(a, b, thickness, tone=tone, sides=6) for a, b in pairwise(points))


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


CARRIED: dict[str, Callable[[], Solid]] = {
    "phone": _phone,
    "bag": _bag,
    "backpack": _backpack,
    "suitcase": _suitcase,
    "umbrella": _umbrella,
    "cup": _cup,
    "book": _book,
}
