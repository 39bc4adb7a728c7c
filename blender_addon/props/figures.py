"""Figures that are not persons: statues, shop dummies, busts and tailor's dummies. See `sized`.

They have the geometry of people. A builder fits the figure into its extents, with its proportions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .body_shapes import CHEST, HEAD, SHAPES, SLEEVES, STATUES, Figure, both, figure
from .primitives import (
    DARK,
    METAL,
    SECOND,
    SURFACE,
    Array,
    Builder,
    Size,
    Solid,
    ball,
    box,
    join,
    polygons,
    tube,
)

_ARMS = both("shoulder", "elbow", "wrist", "hand")
_LEGS = both("hip", "knee", "ankle", "foot")


def fitted(solid: Solid, size: Size) -> Solid:
    """A solid scaled evenly into extents, on the ground and in the middle."""
    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    scale = float((np.array(size) / np.maximum(high - low, 1e-6)).min())
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return solid.placed(scale * np.eye(3), -scale * origin)


def toned(solid: Solid, tone: int) -> Solid:
    """A solid with all faces in one tone."""
    return replace(solid, tones=np.full(len(solid.tones), tone, np.uint8))


def _drawn(rng: np.random.Generator) -> Figure:
    pose = STATUES[int(rng.integers(len(STATUES)))]
    return figure(pose, int(rng.integers(SHAPES)))


def _statue(size: Size, rng: np.random.Generator) -> Solid:
    """A figure of one material on a plinth; half of them wear a robe."""
    body = _drawn(rng)
    keep = None
    if rng.random() < 0.15:
        keep = ~body.of(*HEAD) if rng.random() < 0.5 else ~body.of(*_ARMS)
    parts = [body.solid(keep)]
    if rng.random() < 0.6:
        parts += _robe(body, rng)
    wide = float(np.abs(body.vertices[:, :2]).max()) + 0.08
    high = float(rng.choice([0.06, 0.4, 0.9, 1.3]))
    if rng.random() < 0.5:
        plinth = [
            box((0, 0, -high / 2), (2 * wide, 2 * wide, high), SECOND, taper=0.92),
            box((0, 0, -0.04), (2.1 * wide, 2.1 * wide, 0.08), SECOND),
            box((0, 0, 0.06 - high), (2.3 * wide, 2.3 * wide, 0.12), SECOND),
        ]
    else:
        plinth = [
            tube((0, 0, -high), (0, 0, 0), 1.15 * wide, tone=SECOND, sides=28),
            tube((0, 0, -high), (0, 0, 0.1 - high), 1.3 * wide, tone=SECOND, sides=28),
        ]
    return fitted(join([*parts, *plinth]), size)


def _robe(body: Figure, rng: np.random.Generator) -> list[Solid]:
    """Cloth from the waist to the ground, in folds, and over the chest."""
    hips = body.vertices[body.faces[body.of("pelvis")]].reshape(-1, 3)
    legs = body.vertices[body.faces[body.of(*_LEGS)]].reshape(-1, 3)
    top, low = float(hips[:, 2].max()), float(rng.choice([0.02, 0.3, 0.5]))
    skirt = folds(
        (hips[:, :2].mean(axis=0), legs[:, :2].mean(axis=0)),
        (0.62 * np.ptp(hips[:, :2], axis=0), 0.6 * np.ptp(legs[:, :2], axis=0) + 0.03),
        (top, low),
        rng,
    )
    return [skirt, body.solid(body.of(*CHEST, "pelvis"), 0.022)]


def folds(
    middles: tuple[Array, Array],
    radii: tuple[Array, Array],
    heights: tuple[float, float],
    rng: np.random.Generator,
) -> Solid:
    """Cloth that hangs in folds from an upper to a lower oval: middles, radii (2,) and heights."""
    sides, rows = 48, 7
    phi = 2 * np.pi * np.arange(sides) / sides
    wave = sum(rng.normal(0, 0.05) * np.sin(k * phi + rng.uniform(0, 6.3)) for k in (5, 7, 9, 12))
    rings = []
    for t in np.linspace(0, 1, rows):
        middle = (1 - t) * middles[0] + t * middles[1]
        radius = (1 - t) * radii[0] + t * radii[1]
        around = np.column_stack([np.cos(phi), np.sin(phi)]) * radius
        around *= (1 + (0.3 + 0.9 * t) * wave)[:, None]
        height = (1 - t) * heights[0] + t * heights[1]
        rings.append(np.column_stack([around + middle, np.full(sides, height)]))
    j = np.arange(sides)
    k = (j + 1) % sides
    faces = [
        quad
        for i in range(rows - 1)
        for quad in np.column_stack(
            [(i + 1) * sides + j, (i + 1) * sides + k, i * sides + k, i * sides + j]
        )
    ]
    return polygons(np.concatenate(rings), faces, SURFACE, smooth=True)


def _mannequin(size: Size, rng: np.random.Generator) -> Solid:
    """A shop dummy of plastic: with a face, an egg for a head, or none; it wears clothes."""
    body = _drawn(rng)
    head = rng.random()
    skin = body.solid(None if head < 0.35 else ~body.of("head"))
    parts = [toned(skin, SECOND)]
    if 0.35 <= head < 0.75:
        corners = body.vertices[body.faces[body.of("head")]].reshape(-1, 3)
        low, high = corners.min(axis=0), corners.max(axis=0)
        parts.append(ball((low + high) / 2, (high - low) / 2 * (0.9, 0.95, 1.0), SECOND, 14, 20))
    parts += _clothes(body, rng)
    foot = tube((0, 0.05, -0.015), (0, 0.05, 0), 0.19, tone=METAL, sides=24)
    rod = tube((0, 0.12, 0), (0, 0.1, 0.45), 0.012, tone=METAL, sides=8)
    return fitted(join([*parts, foot, rod]), size)


def _clothes(body: Figure, rng: np.random.Generator) -> list[Solid]:
    """A shirt and trousers, a dress, or swimwear, each a skin of its own over the body."""
    kind, second = rng.random(), rng.uniform(0.02, 0.7, 3)
    if kind < 0.12:
        return []
    if kind < 0.24:
        return [body.solid(body.of("pelvis"), 0.008)]
    long = rng.random() < 0.55
    sleeves = SLEEVES if long else both("shoulder")
    if rng.random() < 0.2:
        sleeves = ()
    shirt = body.solid(body.of(*CHEST, "pelvis", *sleeves), float(rng.uniform(0.01, 0.02)))
    if kind < 0.6:
        legs = both("hip") if rng.random() < 0.25 else both("hip", "knee")
        trousers = body.solid(body.of("pelvis", *legs), 0.009).painted(second)
        return [shirt, trousers]
    robe = _robe(body, rng)[0]
    return [shirt, robe if rng.random() < 0.6 else robe.painted(second)]


def _bust(size: Size, rng: np.random.Generator) -> Solid:
    """Head and chest on a foot."""
    body = _drawn(rng)
    chest = body.solid(body.of(*HEAD, "spine3", *both("collar")))
    low = float(chest.vertices[:, 2].min())
    x, y = chest.vertices[:, :2].mean(axis=0)
    foot = [
        tube((x, y, low - 0.12), (x, y, low + 0.04), 0.06, 0.09, SECOND, 20),
        box((x, y, low - 0.15), (0.24, 0.24, 0.07), SECOND),
    ]
    return fitted(join([chest, *foot]), size)


def _tailor_dummy(size: Size, rng: np.random.Generator) -> Solid:
    """A torso of cloth on a wooden stand."""
    body = figure("stand_straight", int(rng.integers(SHAPES)))
    torso = body.solid(body.of(*CHEST, "pelvis", "neck"), 0.01)
    low, high = float(torso.vertices[:, 2].min()), float(torso.vertices[:, 2].max())
    x, y = torso.vertices[:, :2].mean(axis=0)
    legs = [
        tube((x, y, 0.3), (x + 0.24 * np.cos(a), y + 0.24 * np.sin(a), 0.0), 0.015, 0.01, DARK, 8)
        for a in np.pi * np.array([0.5, 7 / 6, 11 / 6])
    ]
    pole = tube((x, y, 0.25), (x, y, low + 0.2), 0.018, tone=DARK, sides=10)
    knob = ball((x, y, high + 0.02), (0.045, 0.045, 0.05), DARK)
    parts = [torso, *legs, pole, knob]
    if rng.random() < 0.4:
        parts.append(_robe(body, rng)[0].painted(rng.uniform(0.02, 0.7, 3)))
    return fitted(join(parts), size)


def _passer(size: Size, rng: np.random.Generator) -> Solid:
    """A dressed figure that only casts a shadow into the image."""
    body = _drawn(rng)
    return fitted(join([toned(body.solid(), SECOND), *_clothes(body, rng)]), size)


FIGURES: dict[str, Builder] = {
    "statue": _statue,
    "mannequin": _mannequin,
    "bust": _bust,
    "tailor_dummy": _tailor_dummy,
    "passer": _passer,
}
