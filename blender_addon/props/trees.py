"""Trees, hedges and other plants of the open air: leaves by the thousand over dark inner masses.

A crown is a few clusters of leaves at the ends of branches, so that its outline is broken and the
sky shows between them. See `sized`; a place draws few sizes and variants, since a tree is large.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .colours import linear
from .pieces import bars, boxes, by, copies, directions, leaves, quads, within
from .primitives import EARTH, SECOND, SURFACE, Array, Builder, Size, Solid, ball, join


def _lump() -> Solid:
    """An uneven ball of flat faces: the dark inside of a cluster of leaves."""
    round_one = ball((0, 0, 0), (1, 1, 1), SURFACE, 5, 7)
    rough = np.random.default_rng(0).uniform(0.6, 1.15, (len(round_one.vertices), 1))
    flat = np.zeros(len(round_one.starts), dtype=np.bool_)
    return dataclasses.replace(round_one, vertices=round_one.vertices * rough, smooth=flat)


_LUMP = _lump()


def _green(rng: np.random.Generator) -> tuple[float, float, float]:
    """HSV of the leaves of one plant; some are autumnal."""
    if rng.random() < 0.12:
        return float(rng.uniform(0.04, 0.13)), float(rng.uniform(0.6, 0.85)), 0.5
    hue, saturation = float(rng.uniform(0.2, 0.31)), float(rng.uniform(0.4, 0.7))
    return hue, saturation, float(rng.uniform(0.28, 0.48))


def _shades(green: tuple[float, float, float], light: Array, rng: np.random.Generator) -> Array:
    """(N, 3) colours of leaves; `light` (N,) is 0 deep in the crown and 1 at its edge."""
    h, s, v = green
    n = len(light)
    return linear(
        h + rng.normal(0, 0.012, n),
        s + rng.normal(0, 0.06, n),
        v * (0.55 + 0.45 * light) * rng.uniform(0.7, 1.3, n),
    )


def _crown(
    centers: Array,
    radii: Array,
    count: int,
    leaf: float,
    green: tuple[float, float, float],
    rng: np.random.Generator,
) -> list[Solid]:
    """Clusters of leaves about centres (K, 3) with radii (K,), and dark lumps inside."""
    of = rng.integers(len(centers), size=count)
    out = directions(count, rng)
    out[:, 2] = np.where(rng.random(count) < 0.3, abs(out[:, 2]), out[:, 2])
    share = rng.uniform(0.45, 1.12, count)
    at = centers[of] + out * (radii[of] * share)[:, None] * (1.0, 1.0, 0.8)
    toward = out + rng.normal(0, 0.7, (count, 3)) - by(0, 0, 0.25)
    corners = leaves(at, toward, leaf * rng.uniform(0.7, 1.3, (count, 1)), 0.62, rng)
    light = np.clip((share - 0.45) / 0.6, 0, 1)
    foliage = quads(corners, SURFACE, _shades(green, light, rng))
    h, s, v = green
    dark = linear(h, s, v * rng.uniform(0.35, 0.6, len(centers)))
    lumps = copies(_LUMP, centers, radii[:, None] * (0.62, 0.62, 0.5), dark)
    return [foliage, lumps]


def _bark(rng: np.random.Generator) -> Array:
    return linear(rng.uniform(0.05, 0.1), rng.uniform(0.15, 0.45), rng.uniform(0.2, 0.42))


def leafy_tree(size: Size, rng: np.random.Generator) -> Solid:
    """A broad-leaved tree: round, tall or spreading."""
    return within(broad_tree(size, rng), size)


def broad_tree(size: Size, rng: np.random.Generator) -> Solid:
    """A broad-leaved tree, some leaves of which stand out of the extents."""
    w, d, h = size
    r = min(w, d) / 2
    low = h * float(rng.uniform(0.26, 0.42))
    middle, half = (low + h) / 2, (h - low) / 2
    k = int(rng.integers(10, 17))
    z = 1 - 2 * (np.arange(k) + 0.5) / k
    turn = np.arange(k) * np.pi * (3 - np.sqrt(5)) + rng.uniform(0, 6.3) + rng.normal(0, 0.3, k)
    level = np.sqrt(np.clip(1 - z * z, 0, 1)) * rng.uniform(0.75, 1.0, k)
    radii = r * rng.uniform(0.32, 0.48, k)
    reach = r - radii
    centers = np.stack(
        [
            reach * level * np.cos(turn),
            reach * level * np.sin(turn),
            middle + z * np.maximum(half - radii, 0.1 * half) * rng.uniform(0.85, 1.0, k),
        ],
        axis=1,
    )
    leaf = float(np.clip(0.17 * r, 0.1, 0.42))
    parts = _crown(centers, radii, 2100, leaf, _green(rng), rng)
    bark = _bark(rng)
    foot = 0.02 * h + 0.03
    bend = rng.normal(0, 0.012 * h, (4, 2)).cumsum(axis=0)
    zs = np.array([0.0, 0.33, 0.66, 1.0]) * middle
    spine = np.concatenate([bend - bend[0], zs[:, None]], axis=1)
    thick = foot * np.array([1.25, 0.95, 0.8, 0.45])
    parts.append(bars(spine[:-1], spine[1:], thick[:-1], thick[1:], SECOND, bark, sides=9))
    forks = spine[rng.integers(1, 4, size=k)]
    parts.append(bars(forks, centers, 0.35 * foot, 0.12 * foot, SECOND, bark, sides=5))
    return join(parts)


def spruce(size: Size, rng: np.random.Generator) -> Solid:
    """A conifer: whorls of hanging twigs about a straight trunk."""
    w, d, h = size
    r = min(w, d) / 2
    n = 1800
    t = 1 - np.sqrt(rng.random(n))  # most twigs are low, where the tree is wide
    whorls = 16
    level = np.round(t * whorls) / whorls
    turn = rng.uniform(0, 2 * np.pi, n)
    arms = np.round(turn * 7 / np.pi + 3 * level * whorls) * np.pi / 7
    turn = arms + rng.normal(0, 0.16, n)
    share = rng.uniform(0.15, 1.0, n)
    out = np.stack([np.cos(turn), np.sin(turn), np.zeros(n)], axis=1)
    reach = r * (1 - level) * share
    z = h * (0.08 + 0.9 * level) - 0.28 * reach + rng.normal(0, 0.012 * h, n)
    at = out * reach[:, None]
    at[:, 2] = np.maximum(z, 0.05)
    toward = out + rng.normal(0, 0.45, (n, 3)) - by(0, 0, 0.45)
    leaf = float(np.clip(0.24 * r, 0.1, 0.4))
    corners = leaves(at, toward, leaf * rng.uniform(0.7, 1.3, (n, 1)), 0.3, rng)
    green = (float(rng.uniform(0.28, 0.42)), float(rng.uniform(0.25, 0.5)), 0.3)
    steps = np.arange(9)
    cone = bars(
        np.stack([0 * steps, 0 * steps, h * (0.1 + 0.09 * steps)], axis=1),
        np.stack([0 * steps, 0 * steps, h * (0.22 + 0.09 * steps)], axis=1),
        0.62 * r * (1 - steps / 9.5),
        0.2 * r * (1 - steps / 9.5),
        SECOND,
        linear(green[0], 0.5, 0.08),
        sides=8,
    )
    trunk = bars((0, 0, 0), (0, 0, 0.97 * h), 0.015 * h + 0.04, 0.01, SECOND, _bark(rng), sides=8)
    return within(join([quads(corners, SURFACE, _shades(green, share, rng)), cone, trunk]), size)


def palm(size: Size, rng: np.random.Generator) -> Solid:
    """A palm: a ringed trunk and drooping fronds of narrow leaves."""
    w, d, h = size
    r = min(w, d) / 2
    top = 0.8 * h
    rings = 9
    z = np.linspace(0, top, rings + 1)
    x = 0.06 * w * (z / h) ** 2
    spine = np.stack([x, 0 * x, z], axis=1)
    bark = linear(0.08, 0.25, 0.4) * rng.uniform(0.75, 1.1, (rings, 1))
    trunk = bars(spine[:-1], spine[1:], 0.017 * h + 0.06, 0.014 * h + 0.04, SECOND, bark, sides=8)
    fronds, each = 15, 44
    turn = np.repeat(np.arange(fronds) * 2.4 + rng.normal(0, 0.1, fronds), each)
    rise = np.repeat(rng.uniform(-0.1, 0.9, fronds), each)
    s = np.tile(np.linspace(0.06, 1.0, each // 2).repeat(2), fronds)
    side = np.tile([-1.0, 1.0], fronds * each // 2)
    out = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    left = np.stack([-np.sin(turn), np.cos(turn), 0 * turn], axis=1)
    at = out * (s * 0.9 * r)[:, None] + spine[-1]
    at[:, 2] += 0.2 * h * (rise * s - (0.4 + rise) * s**2)
    long = 0.3 * r * np.sin(np.pi * (0.12 + 0.8 * s))
    toward = 0.6 * out + side[:, None] * left - by(0, 0, 0.5)
    tip = toward / np.linalg.norm(toward, axis=1, keepdims=True)
    corners = leaves(at + 0.5 * long[:, None] * tip, toward, long[:, None], 0.16, rng)
    green = (float(rng.uniform(0.2, 0.28)), 0.6, float(rng.uniform(0.35, 0.5)))
    return within(join([trunk, quads(corners, SURFACE, _shades(green, s, rng))]), size)


def shrub(size: Size, rng: np.random.Generator) -> Solid:
    """A bush of clusters from the ground up; some are in flower."""
    return within(wild_shrub(size, rng), size)


def wild_shrub(size: Size, rng: np.random.Generator) -> Solid:
    """A bush, some leaves of which stand out of the extents."""
    w, d, h = size
    k = 8
    radii = 0.5 * np.array([w, d, h]) * rng.uniform(0.5, 0.62, (k, 1))
    room = 0.5 * np.array([w, d, h]) - radii
    centers = directions(k, rng) * room * 0.95
    flat = radii.min(axis=1)
    rise = np.append(1.0, rng.random(k - 1))
    centers[:, 2] = 0.5 * flat + rise * (h - 1.35 * flat)
    leaf = float(np.clip(0.16 * min(w, h), 0.05, 0.16))
    parts = _crown(centers, flat, 1100, leaf, _green(rng), rng)
    if rng.random() < 0.3:
        n = 130
        at = centers[rng.integers(k, size=n)] + directions(n, rng) * flat.mean() * 1.02
        bloom = linear(rng.uniform(0.75, 1.15), rng.uniform(0.1, 0.7), rng.uniform(0.6, 0.9))
        parts.append(quads(leaves(at, directions(n, rng), 0.07, 0.9, rng), SECOND, bloom))
    return join(parts)


def hedge(size: Size, rng: np.random.Generator) -> Solid:
    """A clipped hedge: leaves on all sides of a dark block."""
    w, d, h = size
    areas = np.array([w * h, w * h, d * h, d * h, w * d])
    n = int(np.clip(65 * areas.sum(), 250, 2600))
    side = rng.choice(5, size=n, p=areas / areas.sum())
    at = rng.uniform((-w / 2, -d / 2, 0.02), (w / 2, d / 2, h), (n, 3))
    normal = np.array([(0, -1, 0), (0, 1, 0), (-1, 0, 0), (1, 0, 0), (0, 0, 1.0)])[side]
    edge = np.array([d / 2, d / 2, w / 2, w / 2, h])[side]
    axis = np.array([1, 1, 0, 0, 2])[side]
    sign = np.array([-1, 1, -1, 1, 1])[side]
    wave = 0.03 * np.sin(5 * at.sum(axis=1)) - 0.05
    at[np.arange(n), axis] = sign * edge + sign * (wave + rng.normal(0, 0.025, n))
    leaf = float(np.clip(np.sqrt(2.2 * areas.sum() / n), 0.07, 0.3))
    toward = normal + rng.normal(0, 0.6, (n, 3))
    green = _green(rng)
    shades = _shades(green, np.clip(0.3 + 0.7 * at[:, 2] / h, 0, 1), rng)
    foliage = quads(
        leaves(at, toward, leaf * rng.uniform(0.7, 1.3, (n, 1)), 0.55, rng), SURFACE, shades
    )
    inner = boxes(
        (0, 0, 0.47 * h), (0.94 * w, 0.82 * d, 0.9 * h), SECOND, linear(green[0], 0.6, 0.1)
    )
    return within(join([foliage, inner]), size)


def flower_bed(size: Size, rng: np.random.Generator) -> Solid:
    """A bed of earth with green and flowers in a few colours, within a low edge."""
    w, d, h = size
    earth = boxes((0, 0, 0.1 * h), (w, d, 0.2 * h), EARTH)
    n = int(np.clip(130 * w * d, 120, 1600))
    foot = rng.uniform((-0.48 * w, -0.48 * d, 0.2 * h), (0.48 * w, 0.48 * d, 0.6 * h), (n, 3))
    toward = rng.normal(0, 0.6, (n, 3)) + by(0, 0, 1)
    long = float(np.clip(0.5 * h, 0.06, 0.2))
    green = quads(
        leaves(foot, toward, long, 0.4, rng), SURFACE, _shades(_green(rng), rng.random(n), rng)
    )
    m = n // 3
    at = rng.uniform((-0.47 * w, -0.47 * d, 0.6 * h), (0.47 * w, 0.47 * d, 0.98 * h), (m, 3))
    hues = rng.uniform(0.7, 1.2, 3)[rng.integers(3, size=m)]
    bloom = linear(hues, rng.uniform(0.3, 0.9, m), rng.uniform(0.6, 0.95, m))
    flowers = quads(leaves(at, directions(m, rng), 0.5 * long, 0.9, rng), SECOND, bloom)
    return within(join([earth, green, flowers]), size)


def grass_tufts(size: Size, rng: np.random.Generator) -> Solid:
    """Blades of grass, thinner towards the edges of the patch."""
    w, d, h = size
    n = int(np.clip(150 * w * d, 150, 1200))
    at = rng.normal(0, 0.2, (n, 3)) * (w, d, 0)
    tall = h * rng.uniform(0.4, 0.9, (n, 1))
    toward = rng.normal(0, 0.35, (n, 3)) * (1, 1, 0) + by(0, 0, 1)
    corners = leaves(at + by(0, 0, 0.5) * tall, toward, tall, 0.12, rng)
    h0, s0, v0 = float(rng.uniform(0.18, 0.26)), 0.55, float(rng.uniform(0.45, 0.62))
    return within(quads(corners, SURFACE, _shades((h0, s0, v0), rng.random(n), rng)), size)


def litter(size: Size, rng: np.random.Generator) -> Solid:
    """Leaves, and some scraps of paper, that lie on the ground."""
    w, d, h = size
    n = int(np.clip(12 * w * d, 20, 250))
    at = rng.normal(0, 0.2, (n, 3)) * (w, d, 0) + by(0, 0, 0.35 * h)
    toward = rng.normal(0, 1, (n, 3)) * (1, 1, 0.05)
    corners = leaves(at, toward, rng.uniform(0.04, 0.11, (n, 1)), 0.6, rng)
    corners[:, :, 2] = 0.35 * h + 0.3 * (corners[:, :, 2] - 0.35 * h)
    colors = linear(rng.uniform(0.05, 0.16, n), rng.uniform(0.3, 0.8, n), rng.uniform(0.2, 0.6, n))
    colors[rng.random(n) < 0.06] = 0.7
    return within(quads(corners, SECOND, colors), size)


def far_trees(size: Size, rng: np.random.Generator) -> Solid:
    """A wood or a row of trees seen from afar, w wide."""
    w, d, h = size
    k = max(4, int(0.9 * w))
    x = np.linspace(-w / 2, w / 2, k) + rng.normal(0, 0.6, k)
    radii = np.minimum(rng.uniform(0.16, 0.3, k) * h, 0.45 * d)
    y = rng.uniform(-0.5, 0.5, k) * np.maximum(d - 2 * radii, 0)
    z = np.maximum(h * rng.uniform(0.35, 1.0, k) - radii, 0.8 * radii)
    centers = np.stack([np.clip(x, -w / 2 + radii, w / 2 - radii), y, z], axis=1)
    under = centers.copy()
    under[:, 2] *= 0.45
    n = int(np.clip(95 * w, 200, 1500))
    leaf = float(np.clip(0.085 * h, 0.1, 0.9))
    parts = _crown(np.concatenate([centers, under]), np.tile(radii, 2), n, leaf, _green(rng), rng)
    foot = centers * (1, 1, 0)
    parts.append(bars(foot, centers, 0.02 * h, 0.01 * h, SECOND, _bark(rng), sides=5))
    return within(join(parts), size)


TREES: dict[str, Builder] = {
    "leafy_tree": leafy_tree,
    "spruce": spruce,
    "palm": palm,
    "shrub": shrub,
    "hedge": hedge,
    "flower_bed": flower_bed,
    "grass_tufts": grass_tufts,
    "litter": litter,
    "far_trees": far_trees,
}
