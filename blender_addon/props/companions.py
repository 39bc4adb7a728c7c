"""Aids and toys that people move with: wheelchair, rollator, sticks, scooter, trolley, racket.

Builders give real proportions in metres, fronts towards -Y; see `catalogue`. Where a body touches
them is in `bodies.companion_props`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .primitives import DARK, METAL, SECOND, Solid, ball, box, join, ring, tube


def _spokes(x: float, y: float, radius: float, count: int = 12) -> list[Solid]:
    angles = 2 * np.pi * np.arange(count) / count
    return [
        tube(
            (x, y, radius),
            (x, y + 0.93 * radius * np.cos(a), radius + 0.93 * radius * np.sin(a)),
            0.002,
            tone=METAL,
            sides=4,
        )
        for a in angles
    ]


def _wheelchair() -> Solid:
    """The seat is 0.5 high; the hand rims are outside of the wheels."""
    parts: list[Solid] = [
        box((0, 0.01, 0.485), (0.42, 0.42, 0.03), DARK),
        box((0, 0.235, 0.7), (0.4, 0.025, 0.4), DARK),
    ]
    for x in (-0.23, 0.23):
        wheel = 1.22 * x
        parts += [
            ring((wheel, 0.13, 0.3), (1, 0, 0), 0.288, 0.012, DARK, 32),
            ring((1.12 * wheel, 0.13, 0.3), (1, 0, 0), 0.258, 0.007, METAL, 32),
            *_spokes(wheel, 0.13, 0.3),
            tube((x, 0.13, 0.3), (1.08 * wheel, 0.13, 0.3), 0.022, tone=METAL),
            tube((x, 0.24, 0.3), (x, 0.26, 0.92), 0.012),
            tube((x, 0.26, 0.92), (x, 0.42, 0.93), 0.015, tone=DARK),
            tube((x, 0.24, 0.48), (x, -0.24, 0.48), 0.012),
            tube((x, 0.24, 0.3), (x, -0.26, 0.28), 0.012),
            tube((x, 0.24, 0.7), (x, -0.1, 0.7), 0.012),
            box((x, 0.06, 0.715), (0.05, 0.28, 0.03), DARK),
            tube((x, -0.1, 0.7), (x, -0.1, 0.48), 0.012),
            tube((x, -0.24, 0.48), (0.8 * x, -0.38, 0.1), 0.012),
            box((0.55 * x, -0.4, 0.085), (0.17, 0.13, 0.015), DARK),
            tube((x, -0.24, 0.3), (x, -0.25, 0.16), 0.012, tone=METAL),
            tube((x - 0.013, -0.22, 0.075), (x + 0.013, -0.22, 0.075), 0.075, tone=DARK, sides=16),
        ]
    return join(parts)


def _rollator() -> Solid:
    """The top is the height of its handles; pushed, its handles are at the rear, +Y."""
    parts: list[Solid] = [
        box((0, -0.02, 0.58), (0.36, 0.2, 0.025), DARK),
        box((0, -0.14, 0.42), (0.32, 0.14, 0.2), SECOND, taper=1.05),
    ]
    for x in (-0.26, 0.26):
        parts += [
            tube((x, -0.28, 0.1), (x, 0.05, 0.8), 0.013),
            tube((x, 0.24, 0.1), (x, 0.03, 0.7), 0.013),
            tube((x, 0.05, 0.8), (x, 0.08, 0.93), 0.012, tone=METAL),
            tube((x, 0.06, 0.93), (x, 0.26, 0.94), 0.016, tone=DARK),
            tube((x, 0.02, 0.58), (0.65 * x, 0.0, 0.58), 0.012),
        ]
        for y in (-0.29, 0.25):
            parts.append(tube((x - 0.017, y, 0.1), (x + 0.017, y, 0.1), 0.1, tone=DARK, sides=18))
    return join(parts)


def _trolley() -> Solid:
    """A shopping trolley of wire; its bar is the top of its rear, +Y."""
    parts: list[Solid] = []
    low, high, front, rear = 0.42, 0.92, -0.44, 0.4

    def corner(level: float, side: float, y: float) -> tuple[float, float, float]:
        share = (level - low) / (high - low)
        return (side * (0.19 + 0.07 * share), y - 0.06 * (1 - share) * np.sign(y), level)

    for level in np.linspace(low, high, 7):
        for a, b in (((-1, front), (1, front)), ((1, front), (1, rear)),
                     ((1, rear), (-1, rear)), ((-1, rear), (-1, front))):  # fmt: skip
            thick = 0.006 if level in (low, high) else 0.003
            parts.append(tube(corner(level, *a), corner(level, *b), thick, tone=METAL, sides=5))
    for share in np.linspace(0, 1, 9):
        y = front + (rear - front) * share
        for side in (-1.0, 1.0):
            parts.append(tube(corner(low, side, y), corner(high, side, y), 0.003, None, METAL, 5))
        parts.append(tube(corner(low, -1, y), corner(low, 1, y), 0.003, None, METAL, 5))
    for x in (-0.2, 0.2):
        parts += [
            tube((x, rear - 0.05, low), (x, 0.4, 0.12), 0.012, tone=METAL),
            tube((x, 0.4, 0.12), (x, -0.4, 0.12), 0.012, tone=METAL),
            tube((1.3 * x, rear, high), (1.3 * x, 0.47, 1.02), 0.012, tone=METAL),
        ]
        for y in (-0.38, 0.38):
            parts.append(tube((x - 0.015, y, 0.06), (x + 0.015, y, 0.06), 0.06, tone=DARK))
    parts.append(tube((-0.27, 0.47, 1.02), (0.27, 0.47, 1.02), 0.017))
    return join(parts)


def _stick() -> Solid:
    """A walking stick with a bent handle; the handle is its top."""
    return join(
        [
            tube((0, 0, 0.01), (0, 0, 0.88), 0.011),
            tube((0, 0.03, 0.885), (0, -0.09, 0.885), 0.014),
            tube((0, 0, 0), (0, 0, 0.04), 0.016, 0.013, DARK),
        ]
    )


def _crutch() -> Solid:
    """A crutch for the forearm; its grip is at four fifths of the height, towards -Y."""
    return join(
        [
            tube((0, 0, 0.01), (0, 0, 0.96), 0.011, tone=METAL),
            tube((0, 0.02, 0.96), (0, -0.11, 0.965), 0.015, tone=DARK),
            tube((0, 0, 0.96), (0, 0.1, 1.19), 0.011, tone=METAL),
            ring((0, 0.055, 1.17), (0, 0.35, 1), 0.048, 0.012, DARK, 16),
            tube((0, 0, 0), (0, 0, 0.05), 0.02, 0.014, DARK),
        ]
    )


def _scooter() -> Solid:
    """A kick scooter. The deck's top is 0.1 high; the bar is the top, at the front."""
    return join(
        [
            box((0, 0.08, 0.085), (0.14, 0.56, 0.03)),
            tube((0, -0.2, 0.09), (0, -0.4, 0.2), 0.022),
            tube((0, -0.42, 0.1), (0, -0.33, 0.98), 0.018, tone=METAL),
            tube((-0.24, -0.325, 1.0), (0.24, -0.325, 1.0), 0.016, tone=DARK),
            tube((-0.018, -0.43, 0.1), (0.018, -0.43, 0.1), 0.1, tone=DARK, sides=20),
            tube((-0.018, 0.43, 0.1), (0.018, 0.43, 0.1), 0.1, tone=DARK, sides=20),
            tube((0, 0.34, 0.09), (0, 0.43, 0.1), 0.02),
        ]
    )


def _skateboard() -> Solid:
    """The board's top is the top; it rolls along Y."""
    wheels = [
        tube((x - 0.018, y, 0.028), (x + 0.018, y, 0.028), 0.028, tone=SECOND, sides=14)
        for x in (-0.075, 0.075)
        for y in (-0.24, 0.24)
    ]
    axles = [tube((-0.07, y, 0.035), (0.07, y, 0.035), 0.012, tone=METAL) for y in (-0.24, 0.24)]
    ends = [box((0, y, 0.09), (0.17, 0.1, 0.012)) for y in (-0.36, 0.36)]
    return join([box((0, 0, 0.08), (0.2, 0.66, 0.012), DARK), *ends, *wheels, *axles])


def _racket() -> Solid:
    """Stands on its handle; the strings face -Y."""
    rim = ring((0, 0, 0), (0, 1, 0), 0.12, 0.009, sides=28)
    rim = rim.placed(np.diag([1.0, 1.0, 1.35]), (0, 0, 0.52))
    strings = [
        tube((x, 0, 0.52 - h), (x, 0, 0.52 + h), 0.0012, tone=SECOND, sides=4)
        for x in np.linspace(-0.1, 0.1, 9)
        for h in [0.16 * np.sqrt(max(1 - (x / 0.12) ** 2, 0.0))]
    ] + [
        tube((-h, 0, z), (h, 0, z), 0.0012, tone=SECOND, sides=4)
        for z in np.linspace(0.39, 0.65, 11)
        for h in [0.12 * np.sqrt(max(1 - ((z - 0.52) / 0.162) ** 2, 0.0))]
    ]
    throat = [tube((0, 0, 0.2), (x, 0, 0.39), 0.009) for x in (-0.06, 0.06)]
    return join([tube((0, 0, 0), (0, 0, 0.2), 0.015, tone=DARK), *throat, rim, *strings])


def _ball() -> Solid:
    """A ball with patches."""
    patches = []
    for theta in (0.0, 1.1, 2.04, np.pi):
        for k in range(1 if theta in (0.0, np.pi) else 5):
            phi = 2 * np.pi * (k + 0.5 * (theta > 1.5)) / 5
            way = np.array(
                [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
            )
            patches.append(ball(0.088 * way, (0.026, 0.026, 0.026), DARK, 5, 8))
    return join([ball((0, 0, 0), (0.11, 0.11, 0.11), rings=16, sides=24), *patches])


COMPANIONS: dict[str, Callable[[], Solid]] = {
    "wheelchair": _wheelchair,
    "rollator": _rollator,
    "trolley": _trolley,
    "stick": _stick,
    "crutch": _crutch,
    "scooter": _scooter,
    "skateboard": _skateboard,
    "racket": _racket,
    "ball": _ball,
}
