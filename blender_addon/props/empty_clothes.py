"""Clothes that nobody wears: on hangers, hooks, racks, chairs and lines. See `sized`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .body_shapes import CHEST, SHAPES, SLEEVES, both, hanging
from .figures import fitted, folds, toned
from .primitives import (
    DARK,
    EARTH,
    METAL,
    SECOND,
    SURFACE,
    Builder,
    Size,
    Solid,
    ball,
    box,
    join,
    polygons,
    ring,
    tube,
)


def empty_top(rng: np.random.Generator) -> Solid:
    """A shirt, jacket, coat or dress as it hangs: its shoulders are at z = 0, its front at -Y."""
    body = hanging(float(rng.choice([68.0, 76.0, 82.0])), int(rng.integers(SHAPES)))
    kind = rng.random()
    sleeves = SLEEVES if kind < 0.75 else both("shoulder")
    if kind > 0.9:
        sleeves = ()
    top = body.solid(body.of(*CHEST, "pelvis", *sleeves), float(rng.uniform(0.012, 0.03)))
    corners = body.vertices[body.faces[body.of(*both("collar"))]].reshape(-1, 3)
    shoulder = float(np.percentile(corners[:, 2], 90))
    parts = [top]
    if rng.random() < 0.45:  # a coat or a dress goes on below the hips
        hips = body.vertices[body.faces[body.of("pelvis")]].reshape(-1, 3)
        radius = 0.58 * np.ptp(hips[:, :2], axis=0)
        low = float(hips[:, 2].max()) - rng.uniform(0.35, 0.85)
        flare = radius * rng.uniform(1.05, 1.5)
        middle = hips[:, :2].mean(axis=0)
        parts.append(folds((middle, middle), (radius, flare), (float(hips[:, 2].max()), low), rng))
    cloth = join(parts)
    # Nobody fills it: it hangs flat, with creases that run down.
    v = cloth.vertices.copy()
    v[:, 2] -= shoulder
    phase = rng.uniform(0, 6.3, 3)
    crease = sum(
        0.007 * np.sin(k * v[:, 0] + 3 * v[:, 2] + p)
        for k, p in zip((40, 67, 95), phase, strict=True)
    )
    v[:, 1] = (v[:, 1] - v[:, 1].mean()) * rng.uniform(0.3, 0.55) + crease * np.clip(
        -4 * v[:, 2], 0, 1.5
    )
    return replace(cloth, vertices=v)


def empty_trousers(rng: np.random.Generator) -> Solid:
    """Trousers that hang from their waist at z = 0."""
    body = hanging(80.0, int(rng.integers(SHAPES)))
    legs = both("hip", "knee") if rng.random() < 0.8 else both("hip")
    cloth = body.solid(body.of("pelvis", *legs), 0.015)
    v = cloth.vertices.copy()
    v[:, 2] -= v[:, 2].max()
    v[:, 1] = (v[:, 1] - v[:, 1].mean()) * 0.4 + 0.008 * np.sin(60 * v[:, 0] + 5 * v[:, 2])
    return replace(cloth, vertices=v)


def _hanger() -> list[Solid]:
    """A hanger for shoulders at z = 0, hung from a bar at z = .16."""
    arms = [tube((0, 0, 0.05), (s * 0.2, 0, -0.015), 0.008, tone=EARTH, sides=8) for s in (-1, 1)]
    return [
        *arms,
        tube((0, 0, 0.05), (0, 0, 0.13), 0.003, tone=METAL, sides=6),
        ring((0, 0, 0.15), (1, 0, 0), 0.02, 0.003, METAL, 12),
    ]


def _garment(rng: np.random.Generator, *, first: bool) -> Solid:
    """A garment in the surface of the prop, its second colour, or a colour of its own."""
    cloth = empty_trousers(rng) if rng.random() < 0.2 else empty_top(rng)
    kind = rng.random()
    if first or kind < 0.3:
        return cloth
    return toned(cloth, SECOND) if kind < 0.5 else cloth.painted(rng.uniform(0.01, 0.75, 3))


def _rack(size: Size, rng: np.random.Generator) -> Solid:
    """A rail on feet, full of garments on hangers."""
    wide = max(0.8, 1.65 * size[0] / size[2])
    bar = 1.6
    parts = [tube((-wide / 2, 0, bar), (wide / 2, 0, bar), 0.014, tone=METAL, sides=10)]
    for s in (-1, 1):
        x = s * wide / 2
        parts += [
            tube((x, 0, 0.08), (x, 0, bar), 0.014, tone=METAL, sides=10),
            box((x, 0, 0.07), (0.04, 0.5, 0.025), METAL),
            *[ball((x, y, 0.03), (0.03, 0.03, 0.03), DARK, 6, 10) for y in (-0.23, 0.23)],
        ]
    hung = join([_garment(rng, first=False), *_hanger()])
    x = -wide / 2 + 0.08
    while x < wide / 2 - 0.06:
        if rng.random() < 0.5:
            hung = join([_garment(rng, first=False), *_hanger()])
        turn = np.radians(90 + rng.normal(0, 12)) if rng.random() < 0.85 else rng.normal(0, 0.3)
        c, s = np.cos(turn), np.sin(turn)
        matrix = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        parts.append(hung.placed(matrix, (x, 0, bar - 0.16)))
        x += rng.uniform(0.05, 0.16)
    return fitted(join(parts), size)


def _coat_stand(size: Size, rng: np.random.Generator) -> Solid:
    """A stand with coats, a bag and a hat on its hooks: it has the outline of a person."""
    parts = [
        tube((0, 0, 0), (0, 0, 1.78), 0.022, tone=EARTH, sides=10),
        ball((0, 0, 1.79), (0.035, 0.035, 0.035), EARTH),
    ]
    for a in 2 * np.pi * np.arange(4) / 4 + rng.uniform(0, 1):
        out = np.array([np.cos(a), np.sin(a), 0])
        parts += [
            tube((0, 0, 0.25), 0.3 * out, 0.016, tone=EARTH, sides=8),
            tube((0, 0, 1.6), 0.14 * out + (0, 0, 1.7), 0.012, tone=EARTH, sides=8),
        ]
        if rng.random() < 0.7:
            turn = a + np.pi / 2 + rng.normal(0, 0.3)
            c, s = np.cos(turn), np.sin(turn)
            matrix = np.array([[0.75 * c, -1.6 * s, 0], [0.75 * s, 1.6 * c, 0], [0, 0, 1.0]])
            parts.append(
                _garment(rng, first=len(parts) < 5).placed(matrix, 0.13 * out + (0, 0, 1.62))
            )
    if rng.random() < 0.6:
        parts += [
            ball((0, 0, 1.82), (0.1, 0.12, 0.09), SECOND),
            tube((0, 0, 1.79), (0, 0, 1.8), 0.17, tone=SECOND, sides=24),
        ]
    return fitted(join(parts), size)


def _on_hooks(size: Size, rng: np.random.Generator) -> Solid:
    """A board with hooks at a wall, and coats on them; its back is at +Y."""
    wide = max(0.4, 1.1 * size[0] / max(size[2], 0.1))
    parts = [box((0, 0.1, 0.0), (wide, 0.02, 0.1), EARTH)]
    for x in np.arange(-wide / 2 + 0.15, wide / 2 - 0.1, 0.22):
        parts.append(tube((x, 0.1, 0), (x, 0.02, 0.03), 0.01, tone=METAL, sides=8))
        if rng.random() < 0.75:
            slim = rng.uniform(0.55, 0.8)
            parts.append(_garment(rng, first=False).placed(np.diag((slim, 1.3, 1.0)), (x, 0, 0)))
    low = min(float(part.vertices[:, 2].min()) for part in parts)
    if low > -0.9:
        parts.append(empty_top(rng).placed(np.diag((0.7, 1.3, 1.1)), (0, 0, 0)))
    return fitted(join(parts), size)


def _laundry(size: Size, rng: np.random.Generator) -> Solid:
    """A line between two posts with shirts, trousers and towels."""
    wide = max(1.5, 1.9 * size[0] / size[2])
    parts = [tube((s * wide / 2, 0, 0), (s * wide / 2, 0, 1.85), 0.03, tone=METAL) for s in (-1, 1)]
    parts.append(tube((-wide / 2, 0, 1.8), (wide / 2, 0, 1.8), 0.005, tone=SECOND, sides=6))
    x = -wide / 2 + 0.35
    while x < wide / 2 - 0.3:
        kind = rng.random()
        if kind < 0.7:
            cloth = empty_top(rng) if kind < 0.4 else empty_trousers(rng)
            part = cloth.placed(np.diag((0.9, 0.8, 0.9)), (x, 0, 1.8))
        else:
            part = _towel(rng).moved((x, 0, 1.8))
        if rng.random() < 0.7:
            part = part.painted(rng.uniform(0.05, 0.85, 3))
        parts.append(part)
        x += rng.uniform(0.5, 0.85)
    return fitted(join(parts), size)


def _towel(rng: np.random.Generator) -> Solid:
    """A cloth that hangs from its upper edge at z = 0, with waves below."""
    x, z = np.linspace(-0.25, 0.25, 13), np.linspace(0, -rng.uniform(0.5, 1.0), 7)
    X, Z = np.meshgrid(x, z)
    Y = 0.03 * np.sin(20 * X + rng.uniform(0, 6)) * (Z / Z.min())
    i, j = (a.ravel() for a in np.mgrid[0:6, 0:12])
    first = 13 * i + j
    faces = list(zip(first + 13, first + 14, first + 1, first, strict=True))
    return polygons(np.column_stack([X.ravel(), Y.ravel(), Z.ravel()]), faces, SURFACE, smooth=True)


def _heap(size: Size, rng: np.random.Generator) -> Solid:
    """Clothes thrown on the floor, flat, with arms and legs spread."""
    parts = []
    for k in range(int(rng.integers(1, 4))):
        cloth = _garment(rng, first=k == 0)
        turn, tilt = rng.uniform(0, 6.3), rng.uniform(-0.04, 0.04)
        c, s = np.cos(turn), np.sin(turn)
        flat = np.array([[c, 0, -s], [s, 0, c], [tilt, 0.5, tilt]])
        flat = flat if np.linalg.det(flat) > 0 else flat * np.array([[1.0], [1.0], [-1.0]])
        laid = cloth.placed(flat, (*rng.normal(0, 0.15, 2), 0.03 + 0.05 * k))
        v = laid.vertices.copy()
        v[:, 2] = 0.02 + np.abs(v[:, 2] + 0.03 * np.sin(9 * v[:, 0] + k) * np.cos(11 * v[:, 1]))
        parts.append(replace(laid, vertices=v))
    return fitted(join(parts), size)


def _on_chair(size: Size, rng: np.random.Generator) -> Solid:
    """A chair with a jacket over its back, and trousers over the seat."""
    parts = [
        box((0, 0, 0.45), (0.44, 0.44, 0.04), EARTH),
        box((0, 0.2, 0.75), (0.42, 0.03, 0.3), EARTH),
    ]
    parts += [
        tube((x, y, 0), (x, y, 0.45 if y < 0 else 0.9), 0.018, tone=EARTH, sides=8)
        for x in (-0.2, 0.2)
        for y in (-0.2, 0.2)
    ]
    parts.append(empty_top(rng).placed(np.diag((1.0, 1.5, 0.9)), (0, 0.22, 0.93)))
    if rng.random() < 0.5:
        lain = np.array([[0.9, 0, 0], [0, 0, 0.8], [0, -0.6, 0]])
        parts.append(toned(empty_trousers(rng), SECOND).placed(lain, (0, 0.2, 0.5)))
    return fitted(join(parts), size)


CLOTHES: dict[str, Builder] = {
    "clothes_rack": _rack,
    "coat_stand": _coat_stand,
    "coats_on_hooks": _on_hooks,
    "laundry": _laundry,
    "heap_of_clothes": _heap,
    "clothes_on_chair": _on_chair,
}
