"""Bands and lines of cloth on the surface of a layer, finer than the body's own mesh.

A band is a profile of rows that run around a tube of the body: the neck, the trunk, an arm, a leg.
Each row is a level curve: where a distance that is known at the body's vertices crosses a value on
the mesh's edges. So bands fit every body that has a chart, and their edges are smooth however
coarse the mesh is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .chart import ARM_LENGTH, LEVEL_HEIGHT
from .palette import Color
from .trims import CLOTH, Sewing, Trim
from .vectors import cross
from .worn_part import PartSurface

Array = np.ndarray
Amount = float | Callable[[Array], Array]  # rm, the same all around or by angle from the front
Row = tuple[Amount, Amount]  # distance from the tube's line; lift

COLUMNS = 36
_APART = 32.0  # rad between the angles of one row and those of the next, when all are sorted


@dataclass(frozen=True, eq=False)
class Tube:
    """A part of the body that is round.

    Attributes:
        distance: (V,) rm from a line around it.
        vertices: (n,) the vertices of the body that belong to it.
        near: (n,) the distance of those.
        angle: (n,) rad around it, 0 in front.
        edges: Both ends, each (E,), of the edges between them, counted among `vertices`.
        at: (n, 9) m, their places on the body and on the layer, and the direction outwards.
    """

    distance: Array
    vertices: Array
    near: Array
    angle: Array
    edges: tuple[Array, Array]
    at: Array


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
    vertices = np.flatnonzero(near)
    edges = sewing.tables.edges_among(vertices, near)
    of_near = distance[vertices]
    position = sewing.c["position"].take(vertices, axis=0).astype(np.float64)
    body = sewing.shaped.take(vertices, axis=0).astype(np.float64)
    surface = body + sewing.layer.offset.take(vertices, axis=0)
    at = np.concatenate([body, surface, sewing.c["normal"].take(vertices, axis=0)], axis=1)
    at_line = position[np.abs(of_near) < 0.03]
    at_line = at_line if len(at_line) else position
    if len(at_line) == 0:
        return Tube(distance, vertices, of_near, np.zeros(0), edges, at)
    centre = 0.5 * (at_line.min(axis=0) + at_line.max(axis=0))
    if across == (0, 2) and at_line[:, 0].min() < 0 < at_line[:, 0].max():
        centre[0] = 0.0
    a, b = across
    angle = np.arctan2(position[:, a] - centre[a], position[:, b] - centre[b])
    return Tube(distance, vertices, of_near, angle, edges, at)


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
    made = _rows(sewing, tube, angles, rows)
    if made is None:
        return []
    ends, share, offset, out = made
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
    first = sewing.shaped[ends[:, 0]]
    points = first + share[:, None] * (sewing.shaped[ends[:, 1]] - first) + offset
    corners = points[faces]
    normals = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if np.einsum("fi,fi->", normals, out[faces[:, 0]]) < 0:
        faces = faces[:, ::-1]
    source = sewing.tables.face_of_vertex[ends[faces[:, 0], 0]]
    return Trim(ends, share, offset, faces.astype(np.int32), source, color, surface)


@lru_cache(maxsize=256)
def grid_faces(rows: int, columns: int, closed: bool) -> Array:
    """(F, 3) triangles between rows of points, numbered row by row."""
    width = columns if closed else columns - 1
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(width), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    quads = np.stack([a, a + columns, b + columns, b], axis=-1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    faces.flags.writeable = False  # kept for the next call
    return faces


def _caps(rows: int, columns: int) -> list[Array]:
    """Fans that close both ends of an open band."""
    inner = np.arange(1, rows - 1)
    fan = np.stack([np.zeros_like(inner), inner, inner + 1], axis=1) * columns
    return [fan[:, [0, 2, 1]], fan + columns - 1]


def _rows(
    sewing: Sewing, tube: Tube, angles: Array, rows: Sequence[Row]
) -> tuple[Array, Array, Array, Array] | None:
    """(ends (n, 2), share (n,), offset (n, 3) m, direction away from the body (n, 3)) of points at
    angles on one level curve for each row, row by row; None where the body does not reach so far.
    """
    wanted = [of(tube.angle) if callable(of) else np.full_like(tube.near, of) for of, _ in rows]
    values = tube.near - np.stack(wanted)
    positive = values > 0
    first, second = tube.edges
    bits = np.packbits(positive, axis=0)
    crossed = (bits.take(first, axis=1) ^ bits.take(second, axis=1)).any(axis=0)
    a, b = first[crossed], second[crossed]
    row, edge = np.nonzero(positive.take(a, axis=1) != positive.take(b, axis=1))
    a, b = a[edge], b[edge]
    t = values[row, a]
    t = t / (t - values[row, b])
    if np.bincount(row, minlength=len(rows)).min() < 6:
        return None
    turn = (tube.angle[b] - tube.angle[a] + np.pi) % (2 * np.pi) - np.pi
    angle = (tube.angle[a] + t * turn) % (2 * np.pi)
    # Every crossing has a copy one turn on or back, which closes the circle.
    twice = np.tile(np.arange(len(a)), 2)
    key = np.concatenate([angle, angle + np.where(angle < np.pi, 2 * np.pi, -2 * np.pi)])
    key += row[twice] * _APART
    order = np.argsort(key, kind="stable")
    key, twice = key[order], twice[order]
    wrapped = angles % (2 * np.pi)
    sought = (np.arange(len(rows)) * _APART)[:, None] + wrapped
    right = np.searchsorted(key, sought.ravel()).clip(1, len(key) - 1)
    share = (sought.ravel() - key[right - 1]) / np.maximum(key[right] - key[right - 1], 1e-12)
    left, right = twice[right - 1], twice[right]
    at_a = tube.at[a]
    points = at_a + t[:, None] * (tube.at[b] - at_a)
    mixed = points[left] + share[:, None] * (points[right] - points[left])
    at, out = mixed[:, 3:6], mixed[:, 6:]
    out = out / np.maximum(np.sqrt((out * out).sum(axis=1, keepdims=True)), 1e-6)
    high = [of(wrapped) if callable(of) else np.full_like(wrapped, of) for _, of in rows]
    at = at + (np.concatenate(high) * sewing.scale)[:, None] * out
    nearest = np.where(share < 0.5, left, right)
    ends = tube.vertices[np.stack([a[nearest], b[nearest]], axis=1)].astype(np.int32)
    return ends, t[nearest].astype(np.float32), at - points[nearest, :3], out


def _anchored(
    sewing: Sewing, ends: Array, share: Array, points: Array
) -> tuple[Array, Array, Array]:
    first = sewing.shaped[ends[:, 0]].astype(np.float64)
    anchor = first + share[:, None] * (sewing.shaped[ends[:, 1]] - first)
    return ends.astype(np.int32), share.astype(np.float32), points - anchor


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


def curve(
    sewing: Sewing, line: Array, along: Array, where: Array, beyond: float = 0.001
) -> Curve | None:
    """The line on a layer where `line` (V,) is 0 and `where` (V,) positive, ordered by `along`
    (V,); None where there are fewer than two points. It may lie `beyond` the layer's edge, rm.
    """
    where = np.minimum(where, sewing.layer.field + beyond)
    near = (where > -0.05) & (np.abs(line) < 0.08)
    vertices = np.flatnonzero(near)
    first, second = sewing.tables.edges_among(vertices, near)
    positive = line.take(vertices) > 0
    crosses = np.flatnonzero(positive.take(first) != positive.take(second))
    a, b = vertices.take(first.take(crosses)), vertices.take(second.take(crosses))
    t = line[a] / (line[a] - line[b])
    inside = where[a] + t * (where[b] - where[a]) > 0
    a, b, t = a[inside], b[inside], t[inside]
    order = np.argsort(along[a] + t * (along[b] - along[a]), kind="stable")
    a, b, t = a[order], b[order], t[order]
    coordinate = along[a] + t * (along[b] - along[a])
    apart = np.diff(coordinate, prepend=-np.inf) > 0.002
    a, b, t, coordinate = a[apart], b[apart], t[apart], coordinate[apart]
    if len(a) < 2:
        return None
    shaped, offset, normal = sewing.shaped, sewing.layer.offset, sewing.c["normal"]
    at, out = (
        x + t[:, None] * (y - x)
        for x, y in (
            (shaped[a] + offset[a].astype(np.float64), shaped[b] + offset[b].astype(np.float64)),
            (normal[a].astype(np.float64), normal[b].astype(np.float64)),
        )
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
    *,
    smooth: int = 0,
) -> list[Trim]:
    """Lay a narrow strip of cloth along a line, see `curve`; half its width and lift in rm. The
    line is smoothed so many times.
    """
    points = curve(sewing, line, along, where)
    if points is None:
        return []
    for _ in range(smooth):
        points.at[1:-1] = 0.5 * points.at[1:-1] + 0.25 * (points.at[2:] + points.at[:-2])
    tangent = np.gradient(points.at, axis=0)
    beside = cross(points.out, tangent)
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


def loft(sewing: Sewing, rows: Sequence[tuple[Curve | None, float]], points: int) -> list[Trim]:
    """Span cloth between curves, each with a lift in rm, by shares of their coordinate."""
    made, outs = [], []
    for of, lift in rows:
        if of is None or of.along[-1] - of.along[0] < 0.02:
            return []
        wanted = np.linspace(of.along[0], of.along[-1], points)
        at, out = (
            np.stack([np.interp(wanted, of.along, v[:, i]) for i in range(3)], axis=1)
            for v in (of.at, of.out)
        )
        near = np.clip(np.searchsorted(of.along, wanted), 0, len(of.along) - 1)
        at = at + lift * sewing.scale * out
        made.append(_anchored(sewing, of.ends[near], of.share[near], at))
        outs.append(out)
    ends, share, offset = (np.concatenate(list(x)) for x in zip(*made, strict=True))
    faces = grid_faces(len(rows), points, False)
    return [_outwards(sewing, ends, share, offset, faces, np.concatenate(outs), None, CLOTH)]


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
