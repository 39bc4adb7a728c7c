"""Bands and lines of cloth on the surface of a layer, finer than the body's own mesh.

A band is a profile of rows that run around a tube of the body: the neck, the trunk, an arm, a leg.
Each row is a level curve: where a distance that is known at the body's vertices crosses a value on
the mesh's edges. So bands fit every body that has a chart, and their edges are smooth however
coarse the mesh is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .chart import ARM_LENGTH, LEVEL_HEIGHT
from .palette import Color
from .trims import CLOTH, Sewing, Trim
from .worn_part import PartSurface

Array = np.ndarray
Amount = float | Callable[[Array], Array]  # rm, the same all around or by angle from the front
Row = tuple[Amount, Amount]  # distance from the tube's line; lift

COLUMNS = 36


@dataclass(frozen=True, eq=False)
class Tube:
    """A part of the body that is round.

    Attributes:
        distance: (V,) rm from a line around it.
        angle: (V,) rad around it, 0 in front.
        edges: (E, 2) the edges of the body's mesh that belong to it.
    """

    distance: Array
    angle: Array
    edges: Array


def neck(sewing: Sewing) -> Tube:
    """The neck, from the neckline of a garment outwards."""
    c = sewing.c
    distance = np.asarray(c["neck"], dtype=np.float64) - sewing.garment.neck
    # Up the neck the chart counts twice the way.
    distance = np.where(distance < 0, 0.5 * distance, distance)
    near = (np.abs(distance) < 0.32) & (c["arm"] < 0.3) & (c["head_y"] < -0.55)
    return _tube(sewing, distance, near, (0, 2))


def trunk(sewing: Sewing, level: float) -> Tube:
    """The trunk, from a level upwards."""
    c = sewing.c
    distance = (np.asarray(c["level"], dtype=np.float64) - level) * LEVEL_HEIGHT
    return _tube(sewing, distance, (np.abs(distance) < 0.14) & (c["arm"] < -0.05), (0, 2))


def arm(sewing: Sewing, side: float, end: float) -> Tube:
    """An arm, on the side of positive or negative x, from its end towards the shoulder."""
    c = sewing.c
    distance = (end - np.asarray(c["arm"], dtype=np.float64)) * ARM_LENGTH
    near = (np.abs(distance) < 0.14) & (c["x"] * side > 0) & (c["arm"] > -0.06)
    return _tube(sewing, distance, near, (1, 2))


def leg(sewing: Sewing, side: float, level: float) -> Tube:
    """A leg, on the side of positive or negative x, from a level upwards."""
    c = sewing.c
    distance = (np.asarray(c["level"], dtype=np.float64) - level) * LEVEL_HEIGHT
    near = (np.abs(distance) < 0.14) & (c["x"] * side > 0) & (c["arm"] < -0.05)
    return _tube(sewing, distance, near, (0, 2))


def _tube(sewing: Sewing, distance: Array, near: Array, across: tuple[int, int]) -> Tube:
    faces = sewing.body_faces[near[sewing.body_faces].all(axis=1)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    position = np.asarray(sewing.c["position"], dtype=np.float64)
    at_line = position[near & (np.abs(distance) < 0.03)]
    at_line = at_line if len(at_line) else position[near]
    if len(at_line) == 0:
        return Tube(distance, np.zeros(len(distance)), edges)
    centre = 0.5 * (at_line.min(axis=0) + at_line.max(axis=0))
    if across == (0, 2) and at_line[:, 0].min() < 0 < at_line[:, 0].max():
        centre[0] = 0.0
    a, b = across
    return Tube(distance, np.arctan2(position[:, a] - centre[a], position[:, b] - centre[b]), edges)


def sweep(
    sewing: Sewing,
    tube: Tube,
    rows: Sequence[Row],
    gap: float = 0.0,
    color: Color | None = None,
    surface: PartSurface = CLOTH,
) -> list[Trim]:
    """Sweep a profile around a tube.

    Args:
        sewing: The layer.
        tube: What it lies around.
        rows: The profile.
        gap: rad from the middle of the front to where it ends on both sides; 0: it is closed.
        color, surface: As of Trim.
    """
    closed = gap <= 0
    angles = (
        np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
        if closed
        else np.linspace(gap, 2 * np.pi - gap, COLUMNS)
    )
    made = [_row(sewing, tube, angles, distance, lift) for distance, lift in rows]
    if any(row is None for row in made):
        return []
    ends, share, offset, out = (np.concatenate(list(x)) for x in zip(*made, strict=True))
    faces = grid_faces(len(rows), COLUMNS, closed)
    if not closed:
        faces = np.concatenate([faces, *_caps(len(rows), COLUMNS)])
    return [_outwards(sewing, ends, share, offset, faces, out, color, surface)]


def _outwards(
    sewing: Sewing,
    ends: Array,
    share: Array,
    offset: Array,
    faces: Array,
    out: Array,
    color: Color | None,
    surface: PartSurface,
) -> Trim:
    """A trim whose faces look away from the body, but for those beneath a fold."""
    body = np.asarray(sewing.shaped, dtype=np.float64)
    points = body[ends[:, 0]] + share[:, None] * (body[ends[:, 1]] - body[ends[:, 0]]) + offset
    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if np.einsum("fi,fi->", normals, out[faces[:, 0]]) < 0:
        faces = faces[:, ::-1]
    source = sewing.face_of_vertex[ends[faces[:, 0], 0]]
    return Trim(ends, share, offset, faces.astype(np.int32), source, color, surface)


def grid_faces(rows: int, columns: int, closed: bool) -> Array:
    """(F, 3) triangles between rows of points, numbered row by row."""
    width = columns if closed else columns - 1
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(width), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    quads = np.stack([a, a + columns, b + columns, b], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _caps(rows: int, columns: int) -> list[Array]:
    """Fans that close both ends of an open band."""
    inner = np.arange(1, rows - 1)
    fan = np.stack([np.zeros_like(inner), inner, inner + 1], axis=1) * columns
    return [fan[:, [0, 2, 1]], fan + columns - 1]


def _row(
    sewing: Sewing, tube: Tube, angles: Array, distance: Amount, lift: Amount
) -> tuple[Array, Array, Array, Array] | None:
    """(ends (n, 2), share (n,), offset (n, 3) m, direction away from the body (n, 3)) of points at
    angles (n,) on a level curve, or None where the body does not reach so far.
    """
    wanted = distance(tube.angle) if callable(distance) else distance
    a, b, t = _crossings(tube.edges, tube.distance - wanted)
    if len(a) < 6:
        return None
    turn = (tube.angle[b] - tube.angle[a] + np.pi) % (2 * np.pi) - np.pi
    angle = (tube.angle[a] + t * turn) % (2 * np.pi)
    order = np.argsort(angle, kind="stable")
    a, b, t, angle = a[order], b[order], t[order], angle[order]
    surface, normal = sewing.surface, np.asarray(sewing.c["normal"])
    wrapped = angles % (2 * np.pi)
    at, out = (
        np.stack([np.interp(wrapped, angle, of[:, i], period=2 * np.pi) for i in range(3)], axis=1)
        for of in (v[a] + t[:, None] * (v[b] - v[a]) for v in (surface, normal))
    )
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    high = lift(wrapped) if callable(lift) else np.full(len(wrapped), lift)
    at = at + (high * sewing.scale)[:, None] * out
    nearest = _nearest(angle, wrapped)
    ends = np.stack([a, b], axis=1)[nearest]
    return (*_anchored(sewing, ends, t[nearest], at), out)


def _crossings(edges: Array, values: Array) -> tuple[Array, Array, Array]:
    """(start, end, share of the way) of the edges along which values (V,) cross 0."""
    a, b = edges.T
    crosses = (values[a] > 0) != (values[b] > 0)
    a, b = a[crosses], b[crosses]
    return a, b, values[a] / (values[a] - values[b])


def _anchored(
    sewing: Sewing, ends: Array, share: Array, points: Array
) -> tuple[Array, Array, Array]:
    body = np.asarray(sewing.shaped, dtype=np.float64)
    anchor = body[ends[:, 0]] + share[:, None] * (body[ends[:, 1]] - body[ends[:, 0]])
    return ends.astype(np.int32), share.astype(np.float32), points - anchor


def _nearest(sorted_angles: Array, wanted: Array) -> Array:
    """Number of the angle nearest to each wanted one, all in 0 .. 2 pi."""
    n = len(sorted_angles)
    right = np.searchsorted(sorted_angles, wanted) % n
    left = (right - 1) % n
    apart = [
        np.abs((sorted_angles[i] - wanted + np.pi) % (2 * np.pi) - np.pi) for i in (left, right)
    ]
    return np.where(apart[0] < apart[1], left, right)


@dataclass(frozen=True, eq=False)
class Curve:
    """Points along a line on a layer, in order.

    Attributes:
        ends, share: Their anchors.
        at: (n, 3) m on the layer.
        out: (n, 3) away from the body.
        along: (n,) rm, the coordinate by which they are ordered.
    """

    ends: Array
    share: Array
    at: Array
    out: Array
    along: Array


def curve(sewing: Sewing, line: Array, along: Array, where: Array) -> Curve | None:
    """The line on a layer where `line` (V,) is 0 and `where` (V,) positive, ordered by `along`
    (V,); None where there are fewer than two points.
    """
    where = np.minimum(where, sewing.layer.field + 0.001)
    near = (where > -0.05) & (np.abs(line) < 0.08)
    faces = sewing.body_faces[near[sewing.body_faces].all(axis=1)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    a, b, t = _crossings(edges, line)
    inside = where[a] + t * (where[b] - where[a]) > 0
    a, b, t = a[inside], b[inside], t[inside]
    order = np.argsort(along[a] + t * (along[b] - along[a]), kind="stable")
    a, b, t = a[order], b[order], t[order]
    coordinate = along[a] + t * (along[b] - along[a])
    apart = np.diff(coordinate, prepend=-np.inf) > 0.002
    a, b, t, coordinate = a[apart], b[apart], t[apart], coordinate[apart]
    if len(a) < 2:
        return None
    at, out = (
        v[a] + t[:, None] * (v[b] - v[a])
        for v in (sewing.surface, np.asarray(sewing.c["normal"], dtype=np.float64))
    )
    return Curve(np.stack([a, b], 1), t, at, out, coordinate)


def ribbon(
    sewing: Sewing,
    line: Array,
    along: Array,
    where: Array,
    half: float,
    lift: float,
    color: Color | None = None,
    surface: PartSurface = CLOTH,
) -> list[Trim]:
    """Lay a narrow strip of cloth along a line, see `curve`; half its width and lift in rm."""
    points = curve(sewing, line, along, where)
    if points is None:
        return []
    tangent = np.gradient(points.at, axis=0)
    beside = np.cross(points.out, tangent)
    beside /= np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-9)
    n, scale = len(points.at), sewing.scale
    rows = (
        points.at + scale * (half * side * beside + high * points.out)
        for side, high in ((-1.0, 0.0), (-0.9, lift), (0.9, lift), (1.0, 0.0))
    )
    ends, share = np.tile(points.ends, (4, 1)), np.tile(points.share, 4)
    anchors = _anchored(sewing, ends, share, np.concatenate(list(rows)))
    faces, out = grid_faces(4, n, False), np.tile(points.out, (4, 1))
    return [_outwards(sewing, *anchors, faces, out, color, surface)]


def buttons(
    sewing: Sewing, points: Curve, places: Array, radius: float, lift: float, color: Color
) -> list[Trim]:
    """Sew discs to a line, at coordinates (n,) along it; radius and lift in rm."""
    number = np.clip(np.searchsorted(points.along, places), 0, len(points.along) - 1)
    at, out = points.at[number], points.out[number]
    across = np.cross(out, [0.0, 1.0, 0.0])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    up = np.cross(across, out)
    turn = np.arange(8) * np.pi / 4
    scale, k = sewing.scale, 17
    rim = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * up[:, None]
    top = at[:, None] + scale * (0.85 * radius * rim + lift * out[:, None])
    foot = at[:, None] + scale * radius * rim
    middle = (at + scale * lift * out)[:, None]
    all_points = np.concatenate([middle, top, foot], axis=1).reshape(-1, 3)
    i, j = np.arange(8), (np.arange(8) + 1) % 8
    one = np.concatenate(
        [
            np.stack([np.zeros(8, int), 1 + i, 1 + j], 1),
            np.stack([1 + i, 9 + i, 9 + j], 1),
            np.stack([1 + i, 9 + j, 1 + j], 1),
        ]
    )
    faces = (one[None] + k * np.arange(len(places))[:, None, None]).reshape(-1, 3)
    ends, share = np.repeat(points.ends[number], k, axis=0), np.repeat(points.share[number], k)
    anchors = _anchored(sewing, ends, share, all_points)
    surface = PartSurface("plastic", roughness=0.4)
    return [_outwards(sewing, *anchors, faces, np.repeat(out, k, axis=0), color, surface)]
