"""Animals: dogs, cats, horses, cows, sheep and birds, standing, grazing or walking. See `sized`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from .figures import fitted
from .primitives import (
    DARK,
    SECOND,
    SURFACE,
    Array,
    Builder,
    Size,
    Solid,
    ball,
    join,
    polygons,
    tube,
)


def tapered(points: ArrayLike, radii: ArrayLike, tone: int = SURFACE, sides: int = 14) -> Solid:
    """A closed round body along points (N, 3), with radii (N,) across, or (N, 2) across and up."""
    spine = np.asarray(points, dtype=np.float64)
    width = np.asarray(radii, dtype=np.float64)
    width = np.column_stack([width, width]) if width.ndim == 1 else width
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, np.array([0.0, 0.0, 1.0]))
    steep = np.linalg.norm(across, axis=1) < 0.2
    across[steep] = (1.0, 0.0, 0.0)
    across -= (across * along).sum(axis=1, keepdims=True) * along
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(across, along)
    phi = 2 * np.pi * np.arange(sides) / sides
    rings = (
        spine[:, None]
        + (width[:, :1] * np.cos(phi))[..., None] * across[:, None]
        + (width[:, 1:] * np.sin(phi))[..., None] * up[:, None]
    )
    n = len(spine)
    j = np.arange(sides)
    k = (j + 1) % sides
    faces: list[tuple[int, ...]] = []
    for i in range(n - 1):
        corners = (i * sides + k, i * sides + j, (i + 1) * sides + j, (i + 1) * sides + k)
        faces += [tuple(row) for row in np.stack(corners, axis=1).tolist()]
    faces += [tuple(range(sides)), tuple(range((n - 1) * sides, n * sides))[::-1]]
    return polygons(rings.reshape(-1, 3), faces, tone, smooth=True)


@dataclass(frozen=True)
class Beast:
    """Proportions of an animal on four legs, in heights of its shoulder. It faces -Y.

    Attributes:
        length: From chest to rump.
        girth, belly: Half height of the chest, and of the belly.
        leg: Half width of a leg at the top.
        neck, raised: Length of the neck, and its angle above level, degrees.
        head, snout: Half size and length of the head.
        ears: Length of the ears; negative ones hang.
        tail, tail_up: Length, and angle above level, degrees.
    """

    length: float
    girth: float
    belly: float
    leg: float
    neck: float
    raised: tuple[float, float]
    head: float
    snout: float
    ears: float
    tail: float
    tail_up: tuple[float, float]
    horns: bool = False
    mane: bool = False
    wool: bool = False


_DOG = Beast(1.15, 0.24, 0.17, 0.07, 0.42, (30, 60), 0.15, 0.3, 0.2, 0.55, (-30, 70))
_CAT = Beast(1.4, 0.25, 0.24, 0.075, 0.35, (25, 55), 0.19, 0.14, 0.16, 1.0, (-40, 80))
_HORSE = Beast(1.05, 0.24, 0.22, 0.08, 0.62, (-35, 55), 0.12, 0.42, 0.12, 0.5, (-85, -60))
_COW = Beast(1.2, 0.29, 0.32, 0.08, 0.4, (-45, 20), 0.15, 0.36, -0.16, 0.55, (-88, -75))
_SHEEP = Beast(1.15, 0.34, 0.34, 0.055, 0.3, (-40, 30), 0.12, 0.24, -0.15, 0.2, (-80, -60))
BEASTS = {
    "dog": _DOG,
    "cat": _CAT,
    "horse": replace(_HORSE, mane=True),
    "cow": replace(_COW, horns=True),
    "sheep": replace(_SHEEP, wool=True),
}


def beast(b: Beast, rng: np.random.Generator) -> Solid:
    """An animal on four legs: its height at the shoulder is 1."""
    half, back = b.length / 2, 1.0 - b.girth
    arch = rng.uniform(-0.02, 0.03)
    spine = [
        (0, -half - 0.5 * b.girth, back + 0.02),
        (0, -half, back),
        (0, -0.2 * half, back + arch),
        (0, 0.4 * half, back + arch + 0.01),
        (0, half, back),
        (0, half + 0.5 * b.girth, back + 0.02),
    ]
    up = np.array([0.45, 1.0, 0.95, b.belly / b.girth, 0.85, 0.3]) * b.girth
    parts = [tapered(spine, np.column_stack([0.78 * up, up]), sides=20)]
    if b.wool:
        for _ in range(60):
            u = rng.normal(size=3)
            u /= np.linalg.norm(u)
            at = (0, 0, back) + u * (0.75 * b.girth, half + 0.2 * b.girth, b.girth)
            parts.append(ball(at, 0.09 * np.ones(3), rings=6, sides=8))
    parts += _legs(b, rng)
    parts += _head(b, rng, np.array([0, -half - 0.25 * b.girth, back + 0.35 * b.girth]))
    angle = np.radians(rng.uniform(*b.tail_up))
    root = np.array([0, half + 0.35 * b.girth, back + 0.5 * b.girth])
    t = np.linspace(0, 1, 6)[:, None]
    curl = np.array([[0.1 * rng.normal(), 0, 0.25 * b.tail * rng.normal()]])
    tail = root + t * b.tail * np.array([[0, np.cos(angle), np.sin(angle)]]) + t**2 * curl
    parts.append(tapered(tail, np.linspace(0.055, 0.03, 6) * (1.6 if b.mane else 1), sides=8))
    return join(parts)


def _legs(b: Beast, rng: np.random.Generator) -> list[Solid]:
    """Four legs with bent joints; a walking animal has swung them."""
    legs = []
    swing = rng.uniform(0, 0.14) * np.sin(
        rng.uniform(0, 6.3) + np.array([0, np.pi, np.pi / 2, 4.7])
    )
    places = [(s, e) for e in (-1, 1) for s in (-1, 1)]
    for (side, end), by in zip(places, swing, strict=True):
        x, y = side * 0.5 * b.girth, end * (b.length / 2 - 0.06)
        bend = 0.06 * end
        points = [
            (0.8 * x, y, 1 - 0.9 * b.girth),
            (x, y - 0.3 * bend, 0.62),
            (x, y + bend + 0.5 * by, 0.33),
            (x, y + by, 0.08),
            (x, y + by - 0.03, 0.0),
        ]
        radii = np.array([2.2, 1.5, 0.75, 0.6, 0.8]) * b.leg
        legs.append(tapered(points, radii, sides=10))
        legs.append(ball((x, y + by - 0.04, 0.025), (0.9 * b.leg, 1.2 * b.leg, 0.03), DARK, 6, 8))
    return legs


def _head(b: Beast, rng: np.random.Generator, chest: Array) -> list[Solid]:
    """Neck, head, ears, and horns or a mane."""
    raised, aside = np.radians(rng.uniform(*b.raised)), rng.normal(0, 0.25)
    ahead = np.array([0.3 * aside, -np.cos(raised), np.sin(raised)])
    poll = chest + b.neck * ahead
    look = np.array([0.5 * aside, -1.0, -0.35 - 0.4 * max(0.0, -raised)])
    look /= np.linalg.norm(look)
    nose = poll + b.snout * look
    thick = np.array([0.75 * b.girth, 0.55 * b.girth, 0.85 * b.head])
    neck = [chest, (chest + poll) / 2 + (0, 0, 0.02), poll]
    parts = [
        tapered(neck, np.column_stack([0.6 * thick, thick])),
        ball(poll, b.head * np.array([0.85, 1.0, 0.95])),
        tapered(
            [poll, poll + 0.5 * b.snout * look, nose - 0.02 * look, nose + 0.02 * look],
            b.head * np.array([0.9, 0.7, 0.5, 0.25]),
        ),
        ball(nose + 0.01 * look, 0.28 * b.head * np.ones(3), DARK, 6, 10),
    ]
    for s in (-1, 1):
        root = poll + b.head * np.array([0.6 * s, 0.15, 0.7])
        tip = root + abs(b.ears) * np.array([0.35 * s, 0.1, 1.0 if b.ears > 0 else -0.4])
        middle = (root + tip) / 2
        parts.append(tapered([root, middle, tip], [0.3 * b.head, 0.28 * b.head, 0.03], sides=8))
        eye = poll + b.head * np.array([0.68 * s, -0.55, 0.25])
        parts.append(ball(eye, 0.13 * b.head * np.ones(3), DARK, 6, 8))
        if b.horns:
            horn = poll + b.head * np.array([0.5 * s, 0, 0.9])
            bow = horn + np.array([(0, 0, 0), (0.1 * s, 0, 0.04), (0.13 * s, -0.02, 0.13)])
            parts.append(tapered(bow, [0.035, 0.028, 0.008], SECOND, 8))
    if b.mane:
        for t in np.linspace(0, 1, 9):
            at = chest + t * (poll - chest) + (0.05, 0.14 - 0.06 * t, 0.06)
            parts.append(
                tapered(at + np.array([(0, 0, 0), (0.05, 0.02, -0.14)]), [0.05, 0.02], DARK, 6)
            )
    return parts


def _beast(name: str) -> Builder:
    def build(size: Size, rng: np.random.Generator) -> Solid:
        return fitted(beast(BEASTS[name], rng), size)

    return build


def _sitting_dog(size: Size, rng: np.random.Generator) -> Solid:
    """A dog or cat that sits upright."""
    spine = [(0, 0.3, 0.16), (0, 0.22, 0.25), (0, 0.05, 0.45), (0, -0.08, 0.68), (0, -0.1, 0.78)]
    parts = [tapered(spine, [0.1, 0.2, 0.2, 0.15, 0.1], sides=18)]
    for s in (-1, 1):
        parts += [
            tapered(
                [(s * 0.1, -0.1, 0.6), (s * 0.1, -0.14, 0.3), (s * 0.1, -0.18, 0.02)],
                [0.09, 0.06, 0.05],
            ),
            ball((s * 0.1, -0.22, 0.03), (0.055, 0.09, 0.035)),
            ball((s * 0.17, 0.12, 0.15), (0.1, 0.2, 0.15)),
            ball((s * 0.19, -0.05, 0.04), (0.06, 0.14, 0.04)),
        ]
    kind = BEASTS["dog" if rng.random() < 0.6 else "cat"]
    parts += _head(kind, rng, np.array([0, -0.08, 0.7]))
    t = np.linspace(0, 1, 5)[:, None]
    tail = np.array([0, 0.35, 0.08]) + t * np.array([[0.3 * rng.normal(), 0.35, 0.0]])
    parts.append(tapered(tail, np.linspace(0.06, 0.03, 5), sides=8))
    return fitted(join(parts), size)


def _bird(size: Size, rng: np.random.Generator) -> Solid:
    """A bird on its legs: a pigeon, a crow, a gull."""
    parts = [
        tapered(
            [(0, -0.3, 0.5), (0, -0.22, 0.46), (0, 0, 0.4), (0, 0.25, 0.4), (0, 0.6, 0.38)],
            [(0.1, 0.1), (0.16, 0.17), (0.2, 0.2), (0.13, 0.11), (0.08, 0.02)],
        ),
        ball((0, -0.33, 0.66), (0.1, 0.11, 0.1)),
        tapered([(0, -0.28, 0.48), (0, -0.32, 0.64)], [0.11, 0.08]),
        tapered([(0, -0.42, 0.66), (0, -0.54, 0.63)], [0.03, 0.006], SECOND, 8),
    ]
    for s in (-1, 1):
        wing = [(s * 0.17, -0.15, 0.46), (s * 0.2, 0.1, 0.43), (s * 0.1, 0.5, 0.4)]
        parts += [
            tapered(wing, [(0.03, 0.09), (0.03, 0.12), (0.015, 0.03)], SECOND, 10),
            tube((s * 0.08, 0, 0.25), (s * 0.08, -0.02, 0), 0.014, tone=DARK, sides=6),
            ball((s * 0.08, -0.37, 0.69), (0.018, 0.018, 0.018), DARK, 6, 8),
            *[
                tube(
                    (s * 0.08, -0.02, 0.01), (s * 0.08 + d, -0.12, 0.005), 0.01, tone=DARK, sides=5
                )
                for d in (-0.06, 0.0, 0.06)
            ],
        ]
    return fitted(join(parts), size)


ANIMALS: dict[str, Builder] = {
    **{name if name != "dog" else "standing_dog": _beast(name) for name in BEASTS},
    "sitting_dog": _sitting_dog,
    "bird": _bird,
}
