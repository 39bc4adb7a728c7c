"""Hair that is tied: buns, ponytails, braids, pigtails, and braids along the scalp.

Hair lies on the skull from its root to the knot, on the shortest way; what hangs from the knot is
drawn from there.
"""

from __future__ import annotations

import numpy as np

from .hair_growth import Growth
from .locks import add_locks, lock_values
from .ribbons import HairMesh, evenly, ropes, steps, vector
from .vectors import cross, unit

Array = np.ndarray

_LOW = 0.012
_UP = vector(0.0, 1.0, 0.0)

# What hair is tied to -> the direction of the knot from the middle of the skull (x to one side),
# how far it stands off, and how thick a bun is.
_KNOTS = {
    "bun": ((0.0, -0.12, -1.0), 0.012, 0.034),
    "top knot": ((0.0, 1.0, -0.45), 0.010, 0.033),
    "ponytail": ((0.0, 0.02, -1.0), 0.014, 0.0),
    "high ponytail": ((0.0, 0.75, -1.0), 0.016, 0.0),
    "braid": ((0.0, -0.42, -1.0), 0.010, 0.0),
    "pigtails": ((0.85, 0.05, -0.55), 0.014, 0.0),
    "half": ((0.0, 0.35, -1.0), 0.012, 0.0),
}


def add_tied(mesh: HairMesh, growth: Growth) -> None:
    """Add all of a tied style."""
    style = growth.style
    if style.tied == "rows":
        _add_rows(mesh, growth)
        return
    way, off, bun = _KNOTS[style.tied]
    rng = growth.rng
    direction = unit(vector(*way) + rng.normal(0, 0.05, 3) * vector(0 if way[0] == 0 else 1, 1, 0))
    roots = growth.roots(style.ribbons)
    if style.tied == "half":
        up = growth.way[roots] @ unit(vector(0.0, 0.8, -0.35)) > 0.35
        guides, lines = growth.guides(style.points)
        low = roots[~up]
        add_locks(mesh, growth, low, growth.between(low, guides, lines), strays=True)
        roots = roots[up]
    two = style.tied == "pigtails"
    side = growth.side[roots] if two else np.ones(len(roots))
    add_locks(mesh, growth, roots, _to_knot(growth, roots, direction, side, off))
    for s in (1.0, -1.0) if two else (1.0,):
        knot = _knot(growth, direction * vector(s, 1, 1), off)
        if growth.line < 1.0 and _hat_at(growth, knot) > growth.line:
            continue  # under a hat
        if bun:
            _add_bun(mesh, growth, knot, unit(direction), bun * rng.uniform(0.8, 1.25))
        elif style.tied == "braid":
            _add_braid(mesh, growth, knot)
        else:
            _add_tail(mesh, growth, knot, unit(direction * vector(s, 1, 1)), 0.6 if two else 1.0)


def _hat_at(growth: Growth, point: Array) -> float:
    of = growth.head.of
    near = ((growth.at - point) ** 2).sum(axis=1).argmin()
    return float(of.of_root["hat"][near])


def _knot(growth: Growth, direction: Array, off: float) -> Array:
    head = growth.head
    head.ears = False
    way = unit(direction)
    return np.asarray(head.middle + way * (head.radius(way[None])[0] + off))


def _to_knot(growth: Growth, roots: Array, direction: Array, side: Array, off: float) -> Array:
    """(S, n, 3) lines over the skull to the knot of each root's side."""
    head, style = growth.head, growth.style
    head.ears = False
    n = style.points
    a = growth.way[roots]
    mirror = np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
    b = unit(np.broadcast_to(direction, a.shape) * mirror)
    angle = np.arccos(np.clip((a * b).sum(axis=1), -0.999, 0.999))[:, None]
    t = evenly(0, 1, n)
    part = (np.sin((1 - t) * angle) / np.sin(angle))[..., None]
    rest = (np.sin(t * angle) / np.sin(angle))[..., None]
    way = unit(part * a[:, None] + rest * b[:, None])
    flat = head.radius(way)
    # The skin at the root itself is not quite where the map has it.
    flat += (growth.size[roots] - flat[:, 0])[:, None] * (1 - t) ** 2
    rng = growth.rng
    room = growth.room(roots, n, rng.uniform(0.1, 1.0, len(roots)))
    near = off * rng.uniform(0.2, 1.0, (len(roots), 1)) * t**6
    sag = 0.004 * rng.normal(0, 1, (len(roots), 1)) * np.sin(np.pi * t)
    out = (
        way + style.messy * 0.3 * rng.normal(0, 1, (len(roots), 1, 3)) * np.sin(np.pi * t)[:, None]
    )
    out = unit(out)
    return np.asarray(head.middle + out * (flat + room + near + np.maximum(sag, 0))[..., None])


def _frame(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors across an axis."""
    other = vector(1.0, 0.0, 0.0) if abs(axis[0]) < 0.8 else vector(0.0, 1.0, 0.0)
    u = unit(cross(axis, other))
    return u, cross(axis, u)


def _add_bun(mesh: HairMesh, growth: Growth, knot: Array, axis: Array, size: float) -> None:
    """A ball of locks that are wound about its axis."""
    rng = growth.rng
    u, v = _frame(axis)
    S, n = 46, 9
    height = rng.uniform(-0.95, 0.95, (S, 1)) + evenly(-0.12, 0.12, n) * rng.signs((S, 1))
    height = np.clip(height, -0.98, 0.98)
    start = rng.uniform(0, 2 * np.pi, (S, 1))
    angle = start + evenly(0, 2.6, n) + rng.normal(0, 0.1, (S, 1))
    radius = size * np.sqrt(1 - height**2) * rng.uniform(0.86, 1.04, (S, 1))
    radius = radius * (1 + 0.06 * np.sin(3 * angle + 9 * height))
    centre = knot + axis * size * 0.55
    lines = (
        centre
        + (radius * np.cos(angle))[..., None] * u
        + (radius * np.sin(angle))[..., None] * v
        + (0.72 * size * height)[..., None] * axis
    )
    ends = rng.normal(0, 1, (S, 1, 3)) * evenly(0, 1, n)[:, None] ** 3 * 0.006
    _add_knotted(mesh, growth, lines + ends, lines - centre, knot)


def _add_tail(mesh: HairMesh, growth: Growth, knot: Array, axis: Array, thick: float) -> None:
    """Locks that fall from a knot."""
    rng, head = growth.rng, growth.head
    S, n = int(120 * thick), 9
    long = (0.16 + 0.20 * growth.own) * rng.uniform(0.75, 1.05, (S, 1))
    u, v = _frame(axis)
    place = rng.normal(0, 0.0065 * thick, (S, 2))
    p = knot + place[:, :1] * u + place[:, 1:] * v
    rises = 0.15 if axis[1] > 0.4 else -0.55
    way = unit(axis + 0.22 * (place[:, :1] * u + place[:, 1:] * v) / 0.008 + vector(0, rises, 0))
    lines = np.empty((S, n, 3), np.float32)
    lines[:, 0] = p
    step = long / (n - 1)
    head.ears = True
    low = _LOW + rng.uniform(0, 0.02, S)
    room = 0.008 + rng.uniform(0, 0.02, S)
    fuzz = rng.normal(0, 0.05, (S, 3))
    for k in range(1, n):
        way = unit(way - 0.75 * _UP + fuzz)
        q = head.outside(p + way * step, room, low)
        way = unit(q - p)
        lines[:, k] = p = q
    _add_knotted(mesh, growth, lines, lines - lines.mean(axis=0), knot)


def _add_braid(mesh: HairMesh, growth: Growth, knot: Array) -> None:
    """Three strands that cross each other down the back, and what sticks out of them."""
    rng, head = growth.rng, growth.head
    n = 31
    long = 0.22 + 0.16 * growth.own
    middle = np.empty((n, 3), np.float32)
    middle[0] = p = knot
    way = vector(0.0, -0.6, -0.6)
    head.ears = False
    for k in range(1, n):
        way = unit(way - 0.5 * _UP)
        q = head.outside((p + way * long / (n - 1))[None], vector(0.016), 0.016)[0]
        way = unit(q - p)
        middle[k] = p = q
    t = evenly(0, 1, n)
    radius = 0.0135 * steps(t, [0, 0.1, 0.8, 0.9, 0.93, 1], [0.8, 1, 0.75, 0.6, 0.55, 0.9])
    along = unit(np.asarray(np.gradient(middle, axis=0)))
    side = unit(cross(along, np.broadcast_to([0.0, 0.2, -1.0], along.shape)))
    back = cross(side, along)
    angle = t * long / 0.055 * 2 * np.pi + np.arange(3)[:, None] * 2 * np.pi / 3
    lines = (
        middle
        + (radius * 0.72 * np.sin(angle))[..., None] * side
        + (radius * 0.42 * np.sin(2 * angle))[..., None] * back
    )
    points, faces = ropes(
        lines, np.broadcast_to(back, lines.shape), np.tile(radius * 0.68, (3, 1)), 6
    )
    _add_mesh(mesh, growth, points, faces, lines, 6, knot)
    loose = 26
    start = rng.integers(2, n - 6, loose)
    rows = start[:, None] + np.arange(5)
    fly = middle[rows] + rng.normal(0, 0.006, (loose, 1, 3)) + rng.normal(0, 0.0035, (loose, 5, 3))
    _add_knotted(mesh, growth, fly, fly - middle[rows] + 1e-4, knot, 0.0012)


def _add_rows(mesh: HairMesh, growth: Growth) -> None:
    """Braids along the scalp from the hairline to the nape."""
    head, style, rng = growth.head, growth.style, growth.rng
    head.ears = False
    count, n = style.ribbons, style.points
    x = evenly(-0.9, 0.9, count)
    flat = np.sqrt(1 - x**2)[:, None]
    # From above the forehead over the crown to the nape; those at the sides are shorter.
    first = steps(np.abs(x), [0, 0.6, 0.9], [0.9, 0.75, 0.9])[:, None] + growth.hair.recede
    last = steps(np.abs(x), [0, 0.5, 0.9], [3.85, 3.75, 2.9])[:, None]
    angle = first + (last - first) * evenly(0, 1, n)
    way = np.stack(
        [np.broadcast_to(x[:, None], angle.shape), flat * np.sin(angle), flat * np.cos(angle)], -1
    )
    far = head.radius(way) + growth.hair.volume * 0.6
    lines = head.middle + way * far[..., None]
    radius = style.width * rng.uniform(0.9, 1.1, (count, 1)) * np.where(np.arange(n) % 2, 1.0, 0.72)
    points, faces = ropes(lines, way, radius, 5)
    _add_mesh(mesh, growth, points, faces, lines, 5, None)


def _add_knotted(
    mesh: HairMesh,
    growth: Growth,
    lines: Array,
    out: Array,
    knot: Array,
    width: float | None = None,
) -> None:
    """Add ribbons that hang from a knot."""
    near = ((growth.at - knot) ** 2).sum(axis=1).argmin()
    add_locks(mesh, growth, np.full(len(lines), near), lines, out=out, width=width)


def _add_mesh(
    mesh: HairMesh,
    growth: Growth,
    points: Array,
    faces: Array,
    lines: Array,
    sides: int,
    knot: Array | None,
) -> None:
    """Add ropes that hang from a knot, or that lie on the scalp."""
    head, of = growth.head, growth.head.of
    at = lines.reshape(-1, 3) if knot is None else knot[None]
    near = ((growth.at[None] - at[:, None]) ** 2).sum(axis=-1).argmin(axis=1)
    of_root = np.broadcast_to(of.weight_of_root[near], (lines[..., 0].size, 5))
    weights = np.repeat(head.weights(lines.reshape(-1, 3), of_root), sides, axis=0)
    values = lock_values(growth.rng, lines, sides, True)
    source = np.full(len(faces), of.roots.face[near[0]])
    mesh.add(points, faces, values, weights, source)
