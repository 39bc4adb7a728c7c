"""Radii of a body around an upright axis, row by row: what hats, veils and scarves are cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .part_fitting import PerBody
from .worn_part import Fitting

Array = np.ndarray

ANGLES = 36
_CANDIDATES = 4  # vertices of a row that may be on the outline in each direction
_TURN = 2 * np.pi * np.arange(ANGLES) / ANGLES  # 0 in front, growing to the left of the body
_SIN, _COS = np.sin(_TURN), np.cos(_TURN)
_SUPPORT = np.cos(_TURN[:, None] - _TURN[None, :])


@dataclass(frozen=True, eq=False)
class RoundMap:
    """The convex outline of a body at several heights.

    Attributes:
        y: (R,) m, growing.
        centre: (R, 2) x and z of the axis.
        radius: (R, ANGLES) m.
        near: (R, ANGLES) the vertex of the body at each place.
    """

    y: Array
    centre: Array
    radius: Array
    near: Array

    def points(self, y: Array, turn: Array, away: Array | float = 0.0) -> Array:
        """(..., 3) on the outline and `away` from it, at heights and angles of the same shape."""
        y, turn = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(turn, np.float64))
        row = np.interp(y, self.y, np.arange(len(self.y)))
        i = np.minimum(row.astype(int), len(self.y) - 2)
        v = row - i
        column = turn / (2 * np.pi) * ANGLES
        j = np.floor(column).astype(int)
        u = column - j
        left, right = j % ANGLES, (j + 1) % ANGLES
        r = self.radius
        radius = (1 - v) * ((1 - u) * r[i, left] + u * r[i, right]) + v * (
            (1 - u) * r[i + 1, left] + u * r[i + 1, right]
        )
        centre = self.centre[i] * (1 - v)[..., None] + self.centre[i + 1] * v[..., None]
        out = radius + away
        return np.stack(
            [centre[..., 0] + out * np.sin(turn), y, centre[..., 1] + out * np.cos(turn)], axis=-1
        )

    def vertices(self, y: Array, turn: Array) -> Array:
        """Vertices of the body near to those points."""
        row = np.rint(np.interp(y, self.y, np.arange(len(self.y)))).astype(int)
        return self.near[row, np.rint(turn / (2 * np.pi) * ANGLES).astype(int) % ANGLES]


_ROWS: PerBody[Array] = PerBody()


def round_map(
    fitting: Fitting, surface: Array, name: str, heights: Sequence[float], widest: float
) -> RoundMap:
    """Measure a body.

    Args:
        fitting: The body.
        surface: (V, 3) m: its skin, or its clothes.
        name: Another one for every other choice of the following.
        heights: rm above the eyes, growing: the rows.
        widest: No vertex farther out on the arm counts, in the chart's coordinate `arm`.
    """

    def rows(mean: Fitting) -> Array:
        chart = mean.chart
        p, head = np.asarray(chart["position"]), np.asarray(chart["head"])
        eyes = p[np.argmin(np.abs(head[:, 1]) + np.abs(p[:, 0])), 1]
        above = p[:, 1] - eyes
        inside = np.flatnonzero(np.asarray(chart["arm"]) < widest)
        level = np.asarray(heights, dtype=np.float64)
        half = 0.55 * np.gradient(level)
        found = []
        for h, reach in zip(level, half, strict=True):
            near = np.abs(above[inside] - h)
            row = inside[near <= reach]
            row = row if len(row) >= 8 else inside[np.argsort(near)[:8]]
            # Few vertices can ever be on the outline: those that reach farthest somewhere.
            out = p[row][:, [0]] * _SIN + p[row][:, [2]] * _COS
            best = np.argsort(-out, axis=0, kind="stable")[:_CANDIDATES]
            found.append(row[np.unique(best)])
        most = max(map(len, found))
        return np.stack([np.resize(row, most) for row in found])

    places = _ROWS.get(fitting, name, rows)
    q = surface[places]  # (R, m, 3)
    x, y, z = q[..., 0], q[..., 1], q[..., 2]
    middle = float(fitting.joint("neck")[0])
    centre = np.stack([np.full(len(q), middle), 0.5 * (z.min(axis=1) + z.max(axis=1))], axis=1)
    centre[:, 1] = np.convolve(np.pad(centre[:, 1], 2, mode="edge"), np.full(5, 0.2), mode="valid")
    dx, dz = x - centre[:, :1], z - centre[:, 1:]
    reach = dx[..., None] * _SIN + dz[..., None] * _COS  # (R, m, A)
    best = reach.argmax(axis=1)
    support = np.take_along_axis(reach, best[:, None], axis=1)[:, 0]
    facing = np.where(_SUPPORT > 0.05, 1 / np.maximum(_SUPPORT, 0.05), 1e6)
    radius = (support[:, :, None] * facing).min(axis=1)
    height = 0.5 * (y.min(axis=1) + y.max(axis=1))
    return RoundMap(
        np.maximum.accumulate(height), centre, radius, np.take_along_axis(places, best, axis=1)
    )
