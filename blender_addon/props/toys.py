"""Things with the outline of a person: dolls, teddies, scarecrows, gnomes, robots, cut-outs."""

from __future__ import annotations

import numpy as np

from .body_shapes import CHEST, SHAPES, SLEEVES, both, figure
from .figures import fitted, folds, toned
from .primitives import (
    DARK,
    EARTH,
    METAL,
    SECOND,
    Array,
    Builder,
    Size,
    Solid,
    ball,
    box,
    join,
    picture,
    polygons,
    ring,
    tube,
)

_SKIN, _RED, _WHITE = (0.75, 0.48, 0.36), (0.5, 0.03, 0.03), (0.85, 0.85, 0.83)


def _face(y: float, z: float, size: float) -> list[Solid]:
    """Eyes and nose on the front of a head whose surface is at y."""
    eyes = [
        ball((s * 0.35 * size, y, z + 0.15 * size), 0.1 * size * np.ones(3), DARK, 6, 8)
        for s in (-1, 1)
    ]
    return [
        *eyes,
        ball((0, y - 0.1 * size, z - 0.1 * size), 0.13 * size * np.ones(3), SECOND, 6, 8),
    ]


def _teddy(size: Size, rng: np.random.Generator) -> Solid:
    """A stuffed bear or rabbit that sits."""
    parts = [
        ball((0, 0, 0.17), (0.15, 0.13, 0.18)),
        ball((0, -0.06, 0.16), (0.1, 0.09, 0.12), SECOND),
        ball((0, -0.01, 0.42), (0.13, 0.12, 0.12)),
        ball((0, -0.12, 0.39), (0.06, 0.05, 0.05), SECOND),
        *_face(-0.115, 0.42, 0.12),
    ]
    tall = 0.16 if rng.random() < 0.3 else 0.05
    for s in (-1, 1):
        parts += [
            ball((s * 0.09, 0.01, 0.52 + 0.7 * tall), (0.045, 0.03, tall)),
            tube((s * 0.12, 0, 0.27), (s * 0.22, -0.12, 0.16), 0.055, 0.05, sides=14),
            ball((s * 0.22, -0.12, 0.16), (0.055, 0.055, 0.055)),
            tube((s * 0.08, -0.05, 0.07), (s * 0.15, -0.26, 0.06), 0.07, 0.06, sides=14),
            ball((s * 0.15, -0.27, 0.08), (0.06, 0.04, 0.08), SECOND),
        ]
    return fitted(join(parts), size)


def _doll(size: Size, rng: np.random.Generator) -> Solid:
    """A doll with a large head, in a dress or trousers."""
    body = figure("stand_straight", int(rng.integers(SHAPES)))
    skin = body.solid(~body.of("head")).painted(_SKIN)
    z = float(body.vertices[:, 2].max()) + 0.1
    hair = rng.uniform(0.02, 0.5, 3)
    parts: list[Solid] = [
        skin,
        body.solid(body.of(*CHEST), 0.02),
        ball((0, -0.02, z), (0.24, 0.23, 0.27)).painted(_SKIN),
        ball((0, 0.04, z + 0.05), (0.26, 0.24, 0.27)).painted(hair),
        *_face(-0.235, z, 0.2),
    ]
    if rng.random() < 0.6:
        parts.append(
            folds(
                (np.zeros(2), np.zeros(2)),
                (np.array([0.16, 0.14]), np.array([0.42, 0.4])),
                (1.02, 0.5),
                rng,
            )
        )
    else:
        parts.append(toned(body.solid(body.of("pelvis", *both("hip", "knee")), 0.02), SECOND))
    return fitted(join(parts), size)


def _scarecrow(size: Size, rng: np.random.Generator) -> Solid:
    """An old shirt and trousers on a cross of wood, with a sack for a head and a hat."""
    body = figure("", int(rng.integers(SHAPES)))
    shirt = body.solid(body.of(*CHEST, "pelvis", *SLEEVES), 0.03)
    bounds = shirt.vertices.min(axis=0), shirt.vertices.max(axis=0)
    shoulder = float(body.vertices[body.faces[body.of("left_elbow")]].reshape(-1, 3)[:, 2].mean())
    z = float(body.vertices[:, 2].max())
    parts = [
        shirt,
        toned(body.solid(body.of("pelvis", *both("hip", "knee")), 0.02), SECOND),
        tube((0, 0.05, -0.3), (0, 0.05, z - 0.2), 0.025, tone=EARTH, sides=8),
        tube(
            (bounds[0][0] - 0.12, 0.02, shoulder),
            (bounds[1][0] + 0.12, 0.02, shoulder),
            0.02,
            tone=EARTH,
            sides=8,
        ),
        ball((0, 0, z - 0.12), (0.12, 0.12, 0.15)).painted((0.5, 0.36, 0.2)),
        *_face(-0.12, z - 0.12, 0.1),
        tube((0, 0, z - 0.02), (0, 0, z), 0.24, 0.24, DARK, 24),
        tube((0, 0, z), (0, 0, z + 0.14), 0.13, 0.09, DARK, 20),
    ]
    for side in (0, 1):
        for _ in range(14):
            start = np.array([bounds[side][0], 0.02, shoulder])
            tip = start + rng.normal((0.12 * (2 * side - 1), 0, 0), 0.05)
            parts.append(tube(start, tip, 0.004, tone=SECOND, sides=4).painted((0.55, 0.4, 0.12)))
    return fitted(join(parts), size)


def _gnome(size: Size, rng: np.random.Generator) -> Solid:
    """A garden gnome: pointed hat, beard, boots."""
    parts = [
        tube((0, 0, 0.1), (0, 0, 0.45), 0.17, 0.12, sides=24),
        ball((0, 0, 0.5), (0.12, 0.12, 0.12)).painted(_SKIN),
        tube((0, 0.01, 0.57), (0, 0.05, 0.95), 0.135, 0.01, sides=24).painted(_RED),
        ball((0, -0.06, 0.42), (0.1, 0.08, 0.13)).painted(_WHITE),
        ring((0, 0, 0.27), (0, 0, 1), 0.155, 0.02, DARK, 24),
        *_face(-0.11, 0.52, 0.1),
    ]
    for s in (-1, 1):
        parts += [
            ball((s * 0.08, -0.04, 0.06), (0.07, 0.12, 0.06), DARK),
            tube((s * 0.14, 0, 0.4), (s * 0.2, -0.1, 0.25), 0.05, 0.04, sides=12),
            ball((s * 0.2, -0.11, 0.24), (0.045, 0.045, 0.045)).painted(_SKIN),
        ]
    return fitted(join(parts), size)


def _robot(size: Size, rng: np.random.Generator) -> Solid:
    """A toy robot of boxes."""
    parts = [
        box((0, 0, 0.95), (0.5, 0.3, 0.55)),
        box((0, -0.155, 0.97), (0.32, 0.02, 0.3), SECOND),
        box((0, 0, 1.4), (0.32, 0.28, 0.26)),
        tube((0, 0, 1.2), (0, 0, 1.3), 0.06, tone=METAL),
        tube((0, 0, 1.53), (0, 0, 1.68), 0.01, tone=METAL, sides=8),
        box((0, -0.145, 1.33), (0.16, 0.02, 0.04), DARK),
    ]
    bend = rng.uniform(-0.2, 0.4, 2)
    for s, forward in zip((-1, 1), bend, strict=True):
        elbow = (s * 0.36, -0.1 - forward, 0.82)
        hand = (s * 0.36, -0.22 - forward, 0.62 + forward)
        parts += [
            tube((s * 0.28, 0, 1.12), elbow, 0.06, tone=METAL),
            tube(elbow, hand, 0.05),
            ball(hand, (0.07, 0.07, 0.07), DARK),
            tube((s * 0.14, 0, 0.7), (s * 0.14, 0, 0.15), 0.08, tone=METAL),
            box((s * 0.14, -0.05, 0.07), (0.18, 0.34, 0.14)),
            ball((s * 0.08, -0.14, 1.44), (0.04, 0.03, 0.04), DARK),
        ]
    return fitted(join(parts), size)


def _snowman(size: Size, rng: np.random.Generator) -> Solid:
    parts = [
        ball((0, 0, 0.38), (0.42, 0.42, 0.38), rings=14, sides=24),
        ball((0, 0, 0.95), (0.3, 0.3, 0.28)),
        ball((0, 0, 1.35), (0.2, 0.2, 0.19)),
        tube((0, -0.18, 1.35), (0, -0.42, 1.33), 0.035, 0.005).painted((0.8, 0.25, 0.03)),
        tube((0, 0, 1.5), (0, 0, 1.72), 0.14, tone=DARK),
        tube((0, 0, 1.49), (0, 0, 1.51), 0.24, tone=DARK, sides=24),
        ring((0, 0, 1.18), (0, 0, 1), 0.18, 0.04).painted(_RED),
    ]
    for s in (-1, 1):
        tip = (s * rng.uniform(0.6, 0.8), -0.1, rng.uniform(0.9, 1.4))
        parts += [
            tube((s * 0.25, 0, 1.02), tip, 0.02, 0.008, EARTH, 6),
            ball((s * 0.07, -0.185, 1.4), (0.025, 0.02, 0.025), DARK, 6, 8),
        ]
    parts += [ball((0, -0.3, z), (0.03, 0.02, 0.03), DARK, 6, 8) for z in (0.85, 0.97, 1.08)]
    return fitted(join(parts), size)


def _cutout(size: Size, rng: np.random.Generator) -> Solid:
    """A cardboard stand-up that shows an image of a whole person, cut along its outline."""
    x, y, z = size
    board = _outline(x, z).moved((0, -y / 2, 0))
    back = polygons(
        board.moved((0, 0.006, 0)).vertices, [tuple(range(len(board.vertices)))[::-1]], EARTH
    )
    foot = box((0, 0, 0.004), (0.6 * x, y, 0.008), SECOND)
    strut = tube((0, 0.02 - y / 2, 0.5 * z), (0, y / 2 - 0.02, 0.012), 0.01, tone=EARTH, sides=6)
    return join([board, back, foot, strut])


def _outline(x: float, z: float) -> Solid:
    """A flat shape with head and shoulders that shows an image."""
    half = [(0.3, 0), (0.36, 0.45), (0.48, 0.62), (0.46, 0.8), (0.22, 0.86), (0.18, 0.97), (0, 1)]
    right = [(u * x, v * z) for u, v in half]
    outline = np.array([*right, *[(-u, v) for u, v in right[-2::-1]]])
    corners = np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]])
    flat = polygons(corners, [tuple(range(len(corners)))], picture((0, 0, 0), (1, 1)).tones[0])
    return Solid(
        flat.vertices,
        flat.loops,
        flat.starts,
        flat.tones,
        flat.smooth,
        uv=np.column_stack([outline[:, 0] / x + 0.5, outline[:, 1] / z]),
    )


def _punch_bag(size: Size, rng: np.random.Generator) -> Solid:
    """A bag on a round foot."""
    parts = [
        tube((0, 0, 0), (0, 0, 0.25), 0.3, 0.26, DARK, 28),
        tube((0, 0, 0.25), (0, 0, 0.6), 0.06, tone=METAL),
        tube((0, 0, 0.6), (0, 0, 1.55), 0.19, sides=28),
        ball((0, 0, 1.55), (0.19, 0.19, 0.16)),
        ball((0, 0, 0.6), (0.19, 0.19, 0.1)),
    ]
    return fitted(join(parts), size)


def _balloons(size: Size, rng: np.random.Generator) -> Solid:
    """A bunch of balloons on strings, or one with the shape of a head."""
    parts = [box((0, 0, 0.03), (0.12, 0.12, 0.06), DARK)]
    for _ in range(int(rng.integers(1, 7))):
        at: Array = np.array([*rng.normal(0, 0.22, 2), rng.uniform(1.4, 1.9)])
        tone = rng.uniform(0.02, 0.9, 3)
        parts += [
            ball(at, (0.14, 0.14, 0.18), rings=12, sides=18).painted(tone),
            tube((0, 0, 0.05), at - (0, 0, 0.18), 0.004, tone=SECOND, sides=4),
        ]
    return fitted(join(parts), size)


def _post(size: Size, rng: np.random.Generator) -> Solid:
    """A hydrant or an old post, with shoulders and a cap like a head."""
    parts = [
        tube((0, 0, 0), (0, 0, 0.06), 0.2, sides=24),
        tube((0, 0, 0.06), (0, 0, 0.6), 0.13, 0.12, sides=24),
        tube((0, 0, 0.6), (0, 0, 0.64), 0.17, sides=24),
        ball((0, 0, 0.66), (0.13, 0.13, 0.14)),
        tube((0, 0, 0.78), (0, 0, 0.84), 0.03, tone=SECOND, sides=6),
        tube((0, -0.2, 0.42), (0, 0, 0.42), 0.07, tone=SECOND, sides=14),
    ]
    parts += [tube((s * 0.2, 0, 0.48), (0, 0, 0.48), 0.05, tone=SECOND, sides=14) for s in (-1, 1)]
    return fitted(join(parts), size)


TOYS: dict[str, Builder] = {
    "teddy": _teddy,
    "doll": _doll,
    "scarecrow": _scarecrow,
    "gnome": _gnome,
    "robot": _robot,
    "snowman": _snowman,
    "cutout": _cutout,
    "punch_bag": _punch_bag,
    "balloons": _balloons,
    "hydrant": _post,
}
