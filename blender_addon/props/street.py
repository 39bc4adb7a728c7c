"""Things that stand on a street. Builders give real proportions in metres; see `catalogue`."""

from __future__ import annotations

from collections.abc import Callable

from .primitives import DARK, METAL, SECOND, SURFACE, Solid, ball, blade, box, extrusion, join, tube


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


STREET: dict[str, Callable[[], Solid]] = {
    "cone": _cone,
    "bollard": _bollard,
    "wall_segment": _wall_segment,
    "fence": _fence,
    "sign": _sign,
    "bin": _bin,
    "lamp_post": _lamp_post,
    "dog": _dog,
}
