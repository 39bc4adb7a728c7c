"""Directions and distances of cloth, shoes and hair over a body at rest, which `shell` mixes.

They depend on the body alone, so they are computed once, with the chart. Lengths are reference
metres (rm), see `chart`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..bodies.mesh import smooth, vertex_normals

Array = np.ndarray
Joints = Mapping[str, Array]


# The two tubes of cloth: trunk and legs. Levels of their upper and lower end, and from where cloth
# hangs down.
TRUNK = (0.95, -0.4, 0.72)
LEGS = (-0.2, -2.08, -0.3)
# Rows and columns of a tube's outline: 1 to 2 rcm each, finer than the mesh of a body.
FINE = (60, 48)


def cloth_shape(
    p: Array, faces: Array, joints: Joints, chart: Mapping[str, Array]
) -> dict[str, Array]:
    """Directions and distances of cloth over the body with vertices `p` (V, 3), rm. `joints`: the
    left or middle ones, rm.

    (V, 3) each: `normal`, the way in which cloth stands off; `fill` to cloth drawn over the small
    hollows of arms, neck and feet; `trunk` and `legs`: around which axis cloth is wrapped there, as
    `over_hollows` needs it; `last` from the foot to a shoemaker's last; `skirt`: half width, half
    depth and middle z of a skirt at that height; `curtain` from the neck to the inside of long
    hair. `folds` (V, 4): noise of unit variance at the lengths of folds. (V,) each: `room` 0..1,
    how much room loose cloth has: little in armpits, crotch and cuffs, none on hands and feet;
    `ease` the same without steps; `leg_angle` rad around the leg, 0 in front, pi behind, negative
    inside; `knot` head units from the middle of a bun.
    """
    normals = vertex_normals(p, faces)
    smoothed_normals = vertex_normals(smooth(p, faces, 12), faces)
    seam_z = p[:, 2] - chart["front"]
    hip, ankle = joints["hip"], joints["ankle"]
    leg_x = np.sign(p[:, 0]) * np.interp(p[:, 1], [ankle[1], hip[1]], [ankle[0], hip[0]])
    trunk = _tube(p, np.stack([np.zeros(len(p)), seam_z], axis=1), np.ones(len(p)))
    room = _room(p, joints, chart, smoothed_normals)
    # Chests differ from the mean body's: on the trunk cloth stands off straight away from the axis.
    on_trunk = np.clip((0.85 - chart["level"]) * 5, 0, 1) * np.clip(
        (chart["level"] + 0.25) * 8, 0, 1
    )
    on_trunk = (on_trunk * np.clip(-chart["arm"] * 10, 0, 1))[:, None]
    away = (p - np.stack([trunk[:, 0], p[:, 1], trunk[:, 1]], axis=1)) + 1e-9
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    blended = (1 - on_trunk) * smoothed_normals + on_trunk * away
    return {
        "normal": blended / np.maximum(np.linalg.norm(blended, axis=1, keepdims=True), 1e-9),
        "fill": _fill(p, faces, normals) * (1 - on_trunk),
        "trunk": trunk,
        "legs": _tube(p, np.stack([leg_x, seam_z], axis=1), np.sign(p[:, 0])),
        "last": _last(p, faces),
        "room": room,
        "ease": smooth(room, faces, 12),
        "folds": _folds(p),
        "curtain": _curtain(p, joints),
        "knot": np.linalg.norm(chart["head"] - [0.0, 0.62, -0.72], axis=1),
        **_skirt(p, joints, chart),
    }


def _fill(p: Array, faces: Array, normals: Array) -> Array:
    """(V, 3) outwards, never inwards, to a smoothed body: cloth bridges the hollows of arms, neck
    and feet.
    """
    out = np.einsum("vi,vi->v", smooth(p, faces, 40) - p, normals)
    return smooth(np.clip(out, 0.0, 0.008)[:, None] * normals, faces, 3)


def _tube(p: Array, axis: Array, side: Array) -> Array:
    """(V, 3): the vertical axis (x, z) and 0..1 around it from the front, outwards first."""
    from_axis = p[:, [0, 2]] - axis
    turn = np.arctan2(from_axis[:, 0] * side, from_axis[:, 1]) / (2 * np.pi) % 1.0
    return np.concatenate([axis, turn[:, None]], axis=1)


def over_hollows(
    p: Array,
    chart: Mapping[str, Array],
    tube: str,
    ends: tuple[float, float, float],
    limit: float,
    size: tuple[int, int] = FINE,
    pressed: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Cloth over the hollows of a shaped body `p` (V, 3), rm.

    Returns:
        (direction (V, 2) in x and z, tight (V,), hanging (V,)), rm. `tight`: the way to the convex
        hull of the body at that height, where cloth lies that is drawn around it. `hanging`: from
        there to cloth that hangs, which below the level ends[2] is nowhere nearer to the axis than
        further up. Both are 0 outside the `tube` ("trunk" or "legs", between the levels `ends`),
        and at most `limit`. `tight` is down to -`pressed` where the hull, which is smooth, cuts off
        a tip of the body. The outline has rows and columns of this `size`.
    """
    top, bottom, start = ends
    t = _tube_of(chart, tube, ends, size)
    rows, columns = size
    # The axis goes where this body's vertices went, on average, row by row and leg by leg.
    at = p.take(t.inside, axis=0).take([0, 2], axis=1)
    from_axis = at - (t.axis + _row_means(at - t.rest, t.row, t.legs, t.depth, rows))
    radius = np.hypot(from_axis[:, 0], from_axis[:, 1])

    outline = np.zeros(rows * columns)
    outline[t.cells] = np.maximum.reduceat(radius[t.by_cell], t.starts)
    hull = _blurred(_convex(outline.reshape(size)))
    hanging = hull.copy()
    first = int((top - start) / (top - bottom) * rows)
    hanging[first:] = _blurred(np.maximum.accumulate(hanging[first:], axis=0))
    to_hull = np.clip(t.looked_up(hull) - radius, -pressed, limit)
    to_hanging = np.clip(t.looked_up(hanging) - radius, 0.0, limit) - to_hull

    direction, tight, loose = np.zeros((len(p), 2)), np.zeros(len(p)), np.zeros(len(p))
    direction[t.inside] = from_axis / np.maximum(radius, 1e-6)[:, None]
    tight[t.inside], loose[t.inside] = to_hull, np.maximum(to_hanging, 0.0)
    return direction, tight, loose


@dataclass(frozen=True, eq=False)
class _Tube:
    """The part of `over_hollows` that the chart alone decides: a tube's vertices on a grid of
    rows downwards and columns around it.
    """

    inside: Array  # (n,) its vertices
    rest: Array  # (n, 2) their places on the mean body, x and z
    axis: Array  # (n, 2) the axis there
    depth: Array  # (n,) in rows
    row: Array
    legs: Array | int  # added to the row of one leg
    by_cell: Array  # (n,) order of the vertices by cell
    starts: Array  # (c,) where each cell that has vertices begins in it
    cells: Array  # (c,) those cells
    corners: Array  # (4, n) cells around each vertex: above left, above right, below left and right
    u: Array  # (n,) share of the right ones
    v: Array  # (n,) share of the ones below

    def looked_up(self, grid: Array) -> Array:
        """Bilinear between the middles of cells."""
        a, b, c, d = grid.ravel().take(self.corners)
        above = a * (1 - self.u) + b * self.u
        below = c * (1 - self.u) + d * self.u
        return np.asarray(above * (1 - self.v) + below * self.v)


_TUBES: dict[tuple[int, str, tuple[int, int]], tuple[weakref.ref[Array], _Tube]] = {}


def _tube_of(
    chart: Mapping[str, Array], tube: str, ends: tuple[float, float, float], size: tuple[int, int]
) -> _Tube:
    """The table of a tube, made once for a chart, which its array of levels stands for."""
    level = chart["level"]
    key = (id(level), tube, size)
    found = _TUBES.get(key)
    if found is None or found[0]() is not level:
        reference = weakref.ref(level, lambda _: _TUBES.pop(key, None))
        found = _TUBES[key] = (reference, _made_tube(chart, tube, ends, size))
    return found[1]


def _made_tube(
    chart: Mapping[str, Array], tube: str, ends: tuple[float, float, float], size: tuple[int, int]
) -> _Tube:
    (top, bottom, _), (rows, columns) = ends, size
    rest, level = chart["position"], chart["level"]
    inside = np.flatnonzero((level < top) & (level > bottom) & (chart["arm"] < -0.02))
    depth = (top - level[inside]) / (top - bottom) * rows  # grows downwards
    row = np.minimum(depth.astype(int), rows - 1)
    turn = chart[tube][inside, 2]
    column = np.minimum((turn * columns).astype(int), columns - 1)
    legs = np.where(rest[inside, 0] < 0, rows, 0) if tube == "legs" else 0
    cell = row * columns + column
    by_cell = np.argsort(cell, kind="stable")
    cells, starts = np.unique(cell[by_cell], return_index=True)
    y = np.clip(depth - 0.5, 0, rows - 1.001)
    x = turn * columns - 0.5
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    left, right = j % columns, (j + 1) % columns
    corners = np.stack([r * columns + k for r in (i, i + 1) for k in (left, right)])
    return _Tube(
        inside,
        rest[inside][:, [0, 2]],
        chart[tube][inside, :2],
        depth,
        row,
        legs,
        by_cell,
        starts,
        cells,
        corners,
        x - j,
        y - i,
    )


def _row_means(values: Array, row: Array, offset: Array | int, depth: Array, rows: int) -> Array:
    """(n, 2) means of `values` (n, 2) by row, interpolated between the middles of rows."""
    key = row + offset
    count = np.maximum(np.bincount(key, minlength=2 * rows), 1)
    out = np.empty_like(values)
    y = np.clip(depth - 0.5, 0, rows - 1.001)
    i = y.astype(int)
    for axis in range(2):
        mean = np.bincount(key, values[:, axis], minlength=2 * rows) / count
        out[:, axis] = mean[i + offset] * (1 - (y - i)) + mean[i + 1 + offset] * (y - i)
    return out


def _convex(outline: Array) -> Array:
    """Rows of radii at equal angles -> the radii of each row's convex hull, from its support
    function.
    """
    cos, facing = _turned(outline.shape[1])
    support = _around(np.maximum, outline, cos)  # how far the body reaches in each direction
    return _around(np.minimum, support, facing)


@lru_cache(maxsize=8)
def _turned(columns: int) -> tuple[Array, Array]:
    """(columns, columns) each: cosines, and what a support is worth, k columns on from each."""
    angle = np.arange(columns) * 2 * np.pi / columns
    cos = np.cos(angle[:, None] - angle[None, :])
    facing = np.where(cos > 0.05, 1.0 / np.maximum(cos, 0.05), 1e6)
    at = np.arange(columns)
    on = (at[:, None] + at) % columns
    return cos[on, at], facing[on, at]


def _around(best: np.ufunc, rows: Array, factors: Array) -> Array:
    """The best of the products of each row (R, n) with `factors` (n, n), for each column."""
    columns = rows.shape[1]
    twice = np.concatenate([rows, rows], axis=1)
    out, product = rows * factors[0], np.empty_like(rows)
    for k in range(1, columns):
        np.multiply(twice[:, k : k + columns], factors[k], out=product)
        best(out, product, out=out)
    return out


def _blurred(grid: Array) -> Array:
    for _ in range(3):
        ring = np.concatenate([grid[:, -1:], grid, grid[:, :1]], axis=1)
        grid = (ring[:, :-2] + 2 * grid + ring[:, 2:]) / 4
        grid[1:-1] = (grid[:-2] + 2 * grid[1:-1] + grid[2:]) / 4
    return grid


def _last(p: Array, faces: Array) -> Array:
    """(V, 3) from the bare foot to a shoemaker's last, which has no toes.

    In front of the instep every cross-section becomes a superellipse with a flat base, and the toe
    box half a superellipsoid. Each vertex goes straight out from the middle to the rim: so toes,
    and the gaps between them, end on one smooth surface.
    """
    out = np.zeros_like(p)
    for side in (p[:, 0] > 0, p[:, 0] <= 0):
        foot = np.flatnonzero(side & (p[:, 1] < 0.11))
        x, y, z = p[foot].T
        low = z[y < 0.05].min()
        along = (z - low) / (z.max() - low)  # 0 at the heel, 1 at the longest toe
        ball = np.abs(along - 0.7) < 0.06
        middle, half = 0.5 * (x[ball].min() + x[ball].max()), 0.5 * np.ptp(x[ball]) + 0.002
        waist = np.abs(along - 0.5) < 0.06
        waist_middle, waist_half = 0.5 * (x[waist].min() + x[waist].max()), 0.5 * np.ptp(x[waist])
        centre = np.interp(along, [0.5, 0.7], [waist_middle, middle])
        width = np.interp(along, [0.5, 0.7], [waist_half, half])
        height = np.interp(along, [0.5, 0.62, 0.78, 1.0], [y[waist].max(), 0.056, 0.044, 0.038])
        # In units of the rim: across, up, and, in the toe box, ahead.
        a, b = (x - centre) / width, (y - 0.4 * height) / (0.6 * height)
        d = np.maximum(along - 0.74, 0.0) / 0.28
        to_rim = 1 / np.maximum((np.abs(a) ** 3 + np.abs(b) ** 3 + d**3) ** (1 / 3), 0.05)
        ahead = np.where(d > 0, 0.28 * d * (to_rim - 1), 0.0) * (z.max() - low)
        rim = np.stack(
            [centre + width * a * to_rim, 0.4 * height + 0.6 * height * b * to_rim, z + ahead],
            axis=1,
        )
        rim[:, 1] = np.maximum(rim[:, 1], 0.0)
        front = np.clip((along - 0.48) / 0.18, 0.0, 1.0)[:, None]
        out[foot] = front * (rim - p[foot])
    return smooth(out, faces, 1)


def _room(p: Array, joints: Joints, chart: Mapping[str, Array], normals: Array) -> Array:
    shoulder, hip = joints["shoulder"], joints["hip"]
    folded = np.abs(p) * [1, 1, 0] + p * [0, 0, 1]
    armpit = np.linalg.norm(folded - (shoulder + np.array([-0.01, -0.09, 0.0])), axis=1)
    crotch = np.linalg.norm((p - [0.0, hip[1] - 0.09, hip[2]]) * [1.0, 1.0, 0.6], axis=1)
    room = np.minimum(np.clip(armpit / 0.16, 0.1, 1), np.clip(crotch / 0.14, 0.1, 1))
    room *= np.clip((1.08 - chart["arm"]) * 6, 0.25, 1)  # cuffs are narrow
    room *= np.clip((chart["level"] + 2.12) * 4, 0.0, 1)  # so are the ends of trousers
    # Cloth rests on the shoulders, and on the upper side of the arms in the T-pose.
    room *= np.where(chart["level"] > 0.6, np.clip(0.75 - 0.6 * normals[:, 1], 0.15, 1), 1.0)
    room *= np.where(chart["arm"] > 0, 0.7, 1.0)
    return room * np.clip(chart["neck"] / 0.08, 0.1, 1)  # and collars


def _skirt(p: Array, joints: Joints, chart: Mapping[str, Array]) -> dict[str, Array]:
    hip, ankle = joints["hip"], joints["ankle"]
    trunk = p[(np.abs(chart["level"] + 0.1) < 0.12) & (chart["arm"] < 0)]
    half_width = np.abs(trunk[:, 0]).max()
    back, front = trunk[:, 2].min(), trunk[:, 2].max()
    narrow = np.clip(
        1 + 0.06 * chart["level"], 0.8, 1.0
    )  # a straight skirt narrows a little towards the hem
    middle = np.full(len(p), 0.5 * (front + back))
    skirt = np.stack([half_width * narrow, 0.5 * (front - back) * narrow, middle], axis=1)
    # About the leg below the crotch, about the trunk above the hips, and in between between.
    axis = np.interp(p[:, 1], [ankle[1], hip[1] - 0.14, hip[1] + 0.02], [ankle[0], hip[0], 0.0])
    seam = p[:, 2] - chart["front"]
    return {"skirt": skirt, "leg_angle": np.arctan2(np.abs(p[:, 0]) - axis, p[:, 2] - seam)}


def _curtain(p: Array, joints: Joints) -> Array:
    """From the neck outwards to a radius of 8.5 rcm: long hair does not cling to the neck."""
    neck, head = joints["neck"], joints["head"]
    axis_z = np.interp(p[:, 1], [neck[1], head[1]], [neck[2], head[2]])
    out = np.stack([p[:, 0], np.zeros(len(p)), p[:, 2] - axis_z], axis=1)
    radius = np.linalg.norm(out, axis=1, keepdims=True)
    missing = np.clip(0.085 - radius, 0.0, 0.04) * np.clip((p[:, 1:2] - neck[1] + 0.06) * 15, 0, 1)
    return out / np.maximum(radius, 1e-6) * missing


def _folds(p: Array) -> Array:
    """(V, 4) four independent smooth noises, unit variance, of wavelengths from 25 to 6 rcm: sums
    of random waves.
    """
    rng = np.random.default_rng(0)  # a property of the chart, not of a person: always the same
    noises = []
    for length in (0.25, 0.16, 0.10, 0.06):
        directions = rng.normal(size=(12, 3)) * [1.0, 0.6, 1.0]
        waves = (
            directions / np.linalg.norm(directions, axis=1, keepdims=True) * (2 * np.pi / length)
        )
        noises.append(np.sin(p @ waves.T + rng.uniform(0, 2 * np.pi, 12)).sum(axis=1) / np.sqrt(6))
    return np.stack(noises, axis=1)
