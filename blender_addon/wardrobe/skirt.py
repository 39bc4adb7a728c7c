"""Skirts, dresses and coats below the hips: a curtain of cloth that hangs around both legs.

The curtain begins at the border where its garment was cut off the body, column by column, so that
the two make one surface. It is draped in every pose: a coarse grid of points falls, is held by the
length of its threads and pushed out of the legs (Müller et al., "Position Based Dynamics", 2007,
without velocities: cloth at rest). The number of steps is fixed, so the same pose always gives the
same cloth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

STEPS = 24
COLUMNS, ROW = 36, 0.045  # points around, and metres between two rows, of the coarse grid
FINE_ROW = 0.02  # m between two rows of the mesh
GAP = 0.006  # m that cloth keeps from what is under it
_FALL = 0.012  # m that a point falls in the first step
_LEG_LEVELS = (-0.08, -0.3, -0.6, -0.97, -1.35, -1.75)


@dataclass(frozen=True)
class Legs:
    """Capsules around both legs at rest: what a skirt lies on.

    Attributes:
        centre: (2, L, 3) m, middle of a leg at each of its levels, left leg first.
        radius: (2, L) m.
    """

    centre: Array
    radius: Array

    def posed(self, upper: Array, lower: Array) -> Array:
        """Move the centres with thighs and shins.

        Args:
            upper, lower: (2, 3, 4) transforms from rest of the hip and knee joints.

        Returns:
            (2, L, 3) m.
        """
        below = np.array(_LEG_LEVELS) < -1.0
        T = np.where(below[None, :, None, None], lower[:, None], upper[:, None])
        return np.einsum("slij,slj->sli", T[..., :3], self.centre) + T[..., 3]


def legs_of(chart: Mapping[str, Array], surface: Array) -> Legs:
    """Measure the legs of a body at rest; `surface` (V, 3) m is its skin or what it wears there."""
    level, side = chart["level"], chart["position"][:, 0] > 0
    on_legs = (chart["arm"] < 0) & (level < 0.05)
    centre, radius = np.zeros((2, len(_LEG_LEVELS), 3)), np.zeros((2, len(_LEG_LEVELS)))
    for s, of_side in enumerate((side, ~side)):
        for k, at in enumerate(_LEG_LEVELS):
            ring = surface[on_legs & of_side & (np.abs(level - at) < 0.07)].astype(np.float64)
            low, high = ring.min(axis=0), ring.max(axis=0)
            centre[s, k] = 0.5 * (low + high)
            radius[s, k] = np.percentile(
                np.linalg.norm((ring - centre[s, k])[:, [0, 2]], axis=1), 70
            )
    return Legs(centre, radius)


@dataclass(frozen=True)
class Curtain:
    """The hanging part of a garment at rest.

    Attributes:
        border: (n,) vertices of the piece that it hangs from, in order around the body.
        closed: Whether the last one is joined to the first; a coat is open in front.
        rest: (R, n, 3) m; the first row is the border.
        legs: What it lies on.
        pleats: (n,) m, how far its folds stand out at the hem.
    """

    border: Array
    closed: bool
    rest: Array
    legs: Legs
    pleats: Array

    @property
    def faces(self) -> Array:
        """(F, 3) indices into rest.reshape(-1, 3)."""
        R, n, _ = self.rest.shape
        width = n if self.closed else n - 1
        r, c = np.meshgrid(np.arange(R - 1), np.arange(width), indexing="ij")
        a, b = r * n + c, r * n + (c + 1) % n
        quads = np.stack([a, a + n, b + n, b], axis=-1).reshape(-1, 4)
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)

    def hung(self, border: Array, transforms: Mapping[str, Array], up: Array) -> Array:
        """Hang it in a pose.

        Args:
            border: (n, 3) m, the posed vertices it hangs from.
            transforms: (3, 4) transforms from rest, by joint: pelvis, left_hip, right_hip,
                left_knee and right_knee.
            up: (3,) unit vector against gravity.

        Returns:
            (R, n, 3) m.
        """
        R, n, _ = self.rest.shape
        column = (
            np.linspace(0, n, COLUMNS, endpoint=False)
            if self.closed
            else np.linspace(0, n - 1, COLUMNS)
        )
        rows = max(2, round((R - 1) * FINE_ROW / ROW) + 1)
        row = np.linspace(0, R - 1, rows)
        rest = _resampled(self.rest, row, column, self.closed)
        start = _resampled(border[None], np.zeros(1), column, self.closed)[0]
        points = _swung(rest, transforms)
        points += (start - points[0])[None] * np.linspace(1, 0, rows)[:, None, None] ** 2
        upper = np.stack([transforms["left_hip"], transforms["right_hip"]])
        lower = np.stack([transforms["left_knee"], transforms["right_knee"]])
        centre = self.legs.posed(upper, lower)
        points = _settle(points, rest, self.closed, centre, self.legs.radius + GAP, up)
        fine = _resampled(
            points,
            np.linspace(0, rows - 1, R),
            np.linspace(0, COLUMNS, n, endpoint=False)
            if self.closed
            else np.linspace(0, COLUMNS - 1, n),
            self.closed,
        )
        fine = self._pleated(fine, up)
        fine[0] = border
        return fine.astype(np.float32)

    def _pleated(self, points: Array, up: Array) -> Array:
        """Add folds that grow towards the hem."""
        along = np.roll(points, -1, axis=1) - np.roll(points, 1, axis=1)
        out = np.cross(along, up)
        out /= np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-6)
        depth = np.linspace(0, 1, len(points))[:, None, None]
        inwards = np.einsum("rni,rni->rn", out, points - points.mean(axis=1, keepdims=True)) < 0
        out = np.where(inwards[..., None], -out, out)
        return points + out * np.abs(self.pleats)[None, :, None] * depth


def curtain_of(
    chart: Mapping[str, Array],
    border: tuple[Array, bool],
    at: Array,
    surface: Array,
    hem: float,
    *,
    flare: float,
    seed: float,
) -> Curtain:
    """Cut a curtain.

    Args:
        chart: The body chart.
        border: (vertices of the piece in order, closed).
        at: (n, 3) m, their places at rest.
        surface: (V, 3) m, the body with what is worn beneath, at rest.
        hem: Level of the hem.
        flare: Growth of its width, m for each m down.
        seed: 0..1, chooses the folds.
    """
    vertices, closed = border
    legs = legs_of(chart, surface)
    level = chart["level"]
    floor = np.interp(hem, level[np.argsort(level)], surface[np.argsort(level), 1])
    length = max(float(at[:, 1].mean() - floor), 2 * FINE_ROW)
    R = max(3, round(length / FINE_ROW) + 1)
    hips = surface[(np.abs(level + 0.12) < 0.14) & (chart["arm"] < 0)]
    middle = 0.5 * (hips.min(axis=0) + hips.max(axis=0))[[0, 2]]
    half = 0.5 * np.ptp(hips, axis=0)[[0, 2]] + GAP
    flat = at[:, [0, 2]] - middle
    angle = np.arctan2(flat[:, 0] / half[0], flat[:, 1] / half[1])
    ellipse = np.stack([half[0] * np.sin(angle), half[1] * np.cos(angle)], axis=1)
    radius = np.linalg.norm(flat, axis=1, keepdims=True)
    wider = flat * np.maximum(np.linalg.norm(ellipse, axis=1, keepdims=True) / radius, 1.0)
    depth = np.linspace(0, length, R)
    share = np.clip(depth / 0.1, 0, 1)[:, None, None]
    share = share * share * (3 - 2 * share)
    ring = flat[None] * (1 - share) + wider[None] * share
    ring = ring * (1 + flare * depth[:, None, None] / np.linalg.norm(half))
    rest = np.empty((R, len(at), 3))
    rest[..., [0, 2]] = ring + middle
    rest[..., 1] = at[None, :, 1] - depth[:, None] * (at[None, :, 1] - floor) / length
    around = np.arange(len(at)) / len(at)
    waves = np.sin(2 * np.pi * (around * (9 + round(6 * seed)) + 3 * seed))
    pleats = 0.05 * flare * length * np.clip(waves, 0, None) ** 2
    return Curtain(vertices, closed, rest, legs, pleats)


def _swung(rest: Array, transforms: Mapping[str, Array]) -> Array:
    """Where the curtain would be if it followed hips and thighs: the start of the fall."""
    depth = rest[0, :, 1].mean() - rest[..., 1]
    follow = np.clip(depth / 0.3, 0, 1)[..., None, None] * 0.75
    width = np.abs(rest[0, :, 0]).max()
    left = np.clip(0.5 + 0.5 * rest[..., 0] / width, 0, 1)
    left = (left * left * (3 - 2 * left))[..., None, None]
    T = (1 - follow) * transforms["pelvis"] + follow * (
        left * transforms["left_hip"] + (1 - left) * transforms["right_hip"]
    )
    return np.einsum("rnij,rnj->rni", T[..., :3], rest) + T[..., 3]


def _settle(p: Array, rest: Array, closed: bool, centre: Array, radius: Array, up: Array) -> Array:
    """Let a grid (R, n, 3) fall, hold it by its threads, and push it out of the legs."""
    down = np.linalg.norm(np.diff(rest, axis=0), axis=-1)
    beside = np.roll(rest, -1, axis=1) - rest
    across = np.linalg.norm(beside, axis=-1)
    if not closed:
        across[:, -1] = np.inf  # no thread over the opening
    ends = (centre[:, :-1].reshape(-1, 3), centre[:, 1:].reshape(-1, 3))
    radii = (radius[:, :-1].ravel(), radius[:, 1:].ravel())
    top = p[0].copy()
    for step in range(STEPS):
        p = p - up * (_FALL * (1 - step / STEPS) + 0.001)
        p[0] = top
        _hold_columns(p, down)
        _hold_rows(p, across)
        p = _pushed_out(p, *ends, *radii)
        p[0] = top
    return p


def _hold_columns(p: Array, length: Array) -> None:
    for parity in (0, 1):
        a, b = p[parity:-1:2], p[parity + 1 :: 2]
        if len(a) == 0:
            continue
        way = b - a
        distance = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
        over = way * np.maximum(1 - length[parity::2, :, None] / distance, -0.3)
        fixed = np.full((len(a), 1, 1), 0.5)
        if parity == 0:
            fixed[0] = 0.0  # the border does not give
        a += over * fixed
        b -= over * (1 - fixed)


def _hold_rows(p: Array, length: Array) -> None:
    n = p.shape[1]
    for parity in (0, 1):
        a = np.arange(parity, n, 2)
        b = (a + 1) % n
        way = p[:, b] - p[:, a]
        distance = np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9)
        over = way * np.maximum(1 - length[:, a, None] / distance, 0.0) * 0.5
        p[:, a] += over
        p[:, b] -= over


def _pushed_out(p: Array, start: Array, end: Array, radius: Array, radius_end: Array) -> Array:
    """Move points out of capsules whose radius changes along their axis."""
    axis = end - start
    for k in range(len(start)):
        way = p - start[k]
        t = np.clip(way @ axis[k] / max(axis[k] @ axis[k], 1e-9), 0, 1)
        off = way - t[..., None] * axis[k]
        distance = np.maximum(np.sqrt(np.einsum("rni,rni->rn", off, off)), 1e-6)
        deep = np.maximum(radius[k] + t * (radius_end[k] - radius[k]) - distance, 0.0)
        p = p + off * (deep / distance)[..., None]
    return p


def _resampled(grid: Array, row: Array, column: Array, closed: bool) -> Array:
    """Bilinear samples of a grid (R, n, C) at fractional rows and columns."""
    R, n = grid.shape[:2]
    i = np.minimum(row.astype(int), max(R - 2, 0))
    s = (row - i)[:, None, None] if R > 1 else np.zeros((len(row), 1, 1))
    mixed = grid[i] * (1 - s) + grid[np.minimum(i + 1, R - 1)] * s
    j = np.floor(column).astype(int)
    if not closed:
        j = np.minimum(j, n - 2)
    t = (column - j)[None, :, None]
    return mixed[:, j % n] * (1 - t) + mixed[:, (j + 1) % n] * t
