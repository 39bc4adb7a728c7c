"""Hair as geometry: ribbons that grow from the scalp, so that outlines are broken and heads differ.

A ribbon is a lock of hair, some millimetres wide and tapered. It starts on the scalp in the
direction in which the style is combed, bends under its weight, curls, and is kept outside of head,
neck and back. Everything is made once for a person, at rest; every point then moves with the part
of the body that it is nearest to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .chart import HEAD_UNIT, REFERENCE_HEIGHT
from .coverage import hair_cut, hair_field, numpy_chart
from .hair import HAIR_STYLES, HairStyle
from .outfit import Outfit

Array = np.ndarray

POINTS = 7  # along a ribbon
_CROWN = (
    0.0,
    0.6,
    -0.35,
)  # head units from the middle of the skull: the whorl from which hair grows away
_GUIDES = 300  # vertices of head and shoulders that ribbons follow
_MARGIN = 0.004  # rm between a ribbon and the skin


@dataclass(frozen=True)
class Strands:
    """Ribbons of hair at rest.

    Attributes:
        points: (N, 3) float32, m: two edges of each of POINTS cross-sections of each ribbon.
        faces: (F, 3) int32.
        follows: (N,) int32, the body vertex that each point moves with.
        shade: (N,) float32, another number for each ribbon, 0..1.
    """

    points: Array
    faces: Array
    follows: Array
    shade: Array


def strands_of(chart: Mapping[str, Array], outfit: Outfit, shaped: Array, faces: Array) -> Strands:
    """Grow the hair of a person; without hair there are no ribbons.

    Args:
        chart: The body chart.
        outfit: The hair and its seed.
        shaped: (V, 3) m, the body at rest.
        faces: (F, 3) of the body.
    """
    style = HAIR_STYLES[outfit.hair.style]
    if style.ribbons == 0 or outfit.hair.volume <= 0:
        none = np.zeros((0, 3), np.float32)
        return Strands(none, np.zeros((0, 3), np.int32), np.zeros(0, np.int32), none[:, 0])
    scale = float(np.ptp(shaped[:, 1])) / REFERENCE_HEIGHT
    rng = np.random.default_rng(int(outfit.seed * 2**32))
    grown = _Growth(numpy_chart(chart), outfit, shaped / scale, faces, style, rng)
    return grown.ribbons(scale)


class _Growth:
    """Grows all ribbons together, step by step. Lengths are rm."""

    def __init__(
        self,
        c: Mapping[str, Array],
        outfit: Outfit,
        body: Array,
        faces: Array,
        style: HairStyle,
        rng: np.random.Generator,
    ) -> None:
        self.c, self.hair, self.style, self.rng, self.body = c, outfit.hair, style, rng, body
        field = hair_field(np, c, *hair_cut(outfit.hair))
        on_scalp = (field > 0) & (c["neck"] < -0.06) & (c["fall"] > -5)
        near = np.flatnonzero((c["level"] > 0.55) & (c["arm"] < 0.1))
        self.near = near[:: max(1, len(near) // _GUIDES)]
        head = np.flatnonzero((c["neck"] < -0.08) & (c["head_y"] > -0.7))
        low, high = body[head].min(axis=0), body[head].max(axis=0)
        upper = body[head][c["head_y"][head] > 0.2]
        self.middle = 0.5 * (upper.min(axis=0) + upper.max(axis=0))
        self.middle[1] = high[1] - 1.15 * HEAD_UNIT
        self.radii = np.array(
            [
                0.5 * np.ptp(upper[:, 0]),
                high[1] - self.middle[1],
                0.5 * np.ptp(upper[:, 2]),
            ]
        )
        self.neck = np.array([0.0, low[1], self.middle[2] - 0.01])
        self._plant(faces[on_scalp[faces].all(axis=1)])

    def _plant(self, scalp: Array) -> None:
        """Choose roots on the scalp, evenly."""
        rng, body = self.rng, self.body
        a, b, c = (body[scalp[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal, axis=1)
        if not len(scalp) or area.sum() <= 0:
            self.root = np.zeros((0, 3))
            return
        steps = (np.arange(self.style.ribbons) + rng.random(self.style.ribbons)) / (
            self.style.ribbons
        )
        order = np.argsort(
            np.arctan2(a[:, 0], a[:, 2]) + 10 * np.round(a[:, 1] * 60), kind="stable"
        )
        of = order[np.searchsorted(np.cumsum(area[order]) / area.sum(), steps).clip(0, len(a) - 1)]
        u, v = rng.random((2, len(of), 1))
        flip = u + v > 1
        u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
        self.root = a[of] + u * (b[of] - a[of]) + v * (c[of] - a[of])
        self.normal = normal[of] / np.maximum(area[of, None], 1e-12)
        unit = (self.root - self.middle) / self.radii
        self.out = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)

    def ribbons(self, scale: float) -> Strands:
        path = self._paths()
        S = len(path)
        width = self._widths(S)
        along = np.gradient(path, axis=1) if S else path
        centre = self.middle - np.array([0, 0.04, 0])
        outwards = path - np.where(
            path[..., 1:2] < self.neck[1] + 0.06,
            path * [0, 1, 0] + [0, 0, self.neck[2]],
            centre,
        )
        side = np.cross(along, outwards)
        side /= np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-9)
        tilt = self.rng.normal(0, 0.35, (S, 1, 1))
        away = np.cross(side, along)
        away /= np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
        side = side * np.cos(tilt) + away * np.sin(tilt)
        edges = np.stack([path - side * width[..., None], path + side * width[..., None]], axis=2)
        points = edges.reshape(-1, 3)
        follows = np.repeat(self._nearest(path.reshape(-1, 3)), 2)
        shade = np.repeat(self.rng.random(S), POINTS * 2)
        return Strands(
            (points * scale).astype(np.float32),
            _ribbon_faces(S),
            follows.astype(np.int32),
            shade.astype(np.float32),
        )

    def _widths(self, S: int) -> Array:
        """(S, POINTS) half width of the ribbons."""
        taper = np.interp(np.linspace(0, 1, POINTS), [0, 0.2, 0.6, 1], [0.7, 1.0, 0.9, 0.08])
        return self.style.width * self.rng.uniform(0.6, 1.3, (S, 1)) * taper

    def _paths(self) -> Array:
        """(S, POINTS, 3) middle lines."""
        root, style, rng = self.root, self.style, self.rng
        S = len(root)
        path = np.empty((S, POINTS, 3))
        if not S:
            return path
        long = self._lengths()
        step = (long / (POINTS - 1))[:, None]
        comb = self._combed()
        lift = style.lift * rng.uniform(0.7, 1.3, (S, 1))
        base = 0.5 * self.hair.volume * rng.random((S, 1)) + _MARGIN * 0.5
        p = root + self.normal * base
        path[:, 0] = root
        turn = rng.uniform(0, 2 * np.pi, (S, 1))
        jitter = style.messy * (0.4 * rng.normal(0, 1, (S, 3)) + self._locks())
        for k in range(1, POINTS):
            t = k / (POINTS - 1)
            outward = (p - self.middle) / self.radii**2
            outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
            flow = comb - (comb * outward).sum(axis=1, keepdims=True) * outward
            flow /= np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-6)
            heavy = style.weight * t * np.minimum(long[:, None] / 0.12, 1.5)
            way = (
                flow * (1 - 0.8 * min(1.0, style.weight) * t)
                + outward * lift * (1 - t) * 1.5
                + np.array([0, -1.5, 0]) * heavy
                + jitter
            )
            way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
            across = np.cross(way, outward)
            angle = turn + style.curls * 2 * np.pi * t
            wave = style.curl * (across * np.cos(angle) + outward * np.sin(angle))
            p = self._outside(p + step * (way + wave), base, t)
            path[:, k] = p
        if style.curl < 0.3:  # being pushed outside bends locks sharply
            for _ in range(4):
                path[:, 1:-1] += 0.5 * (0.5 * (path[:, :-2] + path[:, 2:]) - path[:, 1:-1])
        return path

    def _locks(self) -> Array:
        """(S, 3) smooth noise over the head: neighbours go the same way."""
        waves = self.rng.normal(0, 1.6 / HEAD_UNIT, (10, 3))
        phase = self.rng.uniform(0, 2 * np.pi, 10)
        return np.sin(self.root @ waves.T + phase) @ self.rng.normal(0, 0.45, (10, 3))

    def _lengths(self) -> Array:
        """(S,) length of each ribbon: as far as the style's, and down to where hair falls."""
        style, hair = self.style, self.hair
        S = len(self.root)
        long = style.length * self.rng.uniform(0.75, 1.2, S)
        if hair.fall < 5:
            level = self.c["level"]
            order = np.argsort(level)
            floor = np.interp(hair.fall, level[order], self.body[order, 1])
            drop = np.maximum(self.root[:, 1] - floor, 0.02) + 0.05
            front = np.clip((self.out[:, 2] - 0.2) * 2, 0, 1)
            long = drop * self.rng.uniform(0.85, 1.05, S) * (1 - front * (1 - style.fringe))
        return long

    def _combed(self) -> Array:
        """(S, 3) the direction in which each ribbon is combed, not yet along the scalp."""
        style, root = self.style, self.root
        whorl = self.middle + np.array(_CROWN) * HEAD_UNIT
        away = root - whorl
        away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
        if style.parting is not None:  # to both sides of a line from front to back
            side = np.where(root[:, 0] > style.parting * self.radii[0], 1.0, -1.0)
            top = np.clip(self.out[:, 1] * 2 - 0.4, 0, 1)[:, None]
            apart = np.stack([side, np.full_like(side, -0.2), np.full_like(side, -0.25)], axis=1)
            away = away * (1 - top) + apart * top
        goal = np.array(style.towards)
        if np.any(goal):
            knot = self.middle + goal * self.radii
            pull = knot - root
            pull /= np.maximum(np.linalg.norm(pull, axis=1, keepdims=True), 1e-6)
            away = pull if style.tied else away * 0.4 + pull
        return away + self.rng.normal(0, 0.12, away.shape)

    def _outside(self, p: Array, base: Array, t: float) -> Array:
        """Push points out of head, neck and back."""
        room = _MARGIN + base * (1 - 0.5 * t)
        off = (p - self.middle) / (self.radii + room)
        depth = np.linalg.norm(off, axis=1, keepdims=True)
        p = np.where(depth < 1, self.middle + (p - self.middle) / np.maximum(depth, 1e-6), p)
        below = p[:, 1] < self.neck[1] + 0.1
        flat = p[:, [0, 2]] - self.neck[[0, 2]]
        distance = np.maximum(np.linalg.norm(flat, axis=1), 1e-6)
        wide = 0.068 + 0.02 * np.clip((self.neck[1] - p[:, 1]) / 0.05, 0, 1)
        out = np.where(below, np.maximum(wide / distance, 1.0), 1.0)
        p[:, [0, 2]] = self.neck[[0, 2]] + flat * out[:, None]
        return self._off_the_back(p)

    def _off_the_back(self, p: Array) -> Array:
        """Keep what hangs below the neck outside of shoulders, chest and back."""
        low = np.flatnonzero(p[:, 1] < self.neck[1] + 0.02)
        if len(low):
            near = self._nearest(p[low])
            inside = ((p[low] - self.body[near]) * self.c["normal"][near]).sum(axis=1)
            push = np.maximum(0.012 - inside, 0.0)
            p[low] += self.c["normal"][near] * push[:, None]
        return p

    def _nearest(self, points: Array) -> Array:
        """The body vertex nearest to each point, of those around head and shoulders."""
        at = self.body[self.near]
        # |p - a|² without |p|², which is the same for all.
        squared = (at**2).sum(axis=1) - 2 * np.einsum("pi,ai->pa", points, at)
        return self.near[squared.argmin(axis=1)]


def _ribbon_faces(count: int) -> Array:
    one = np.arange(POINTS - 1)[:, None] * 2
    quads = one + np.array([[0, 2, 3, 1]])
    quads = (np.arange(count)[:, None, None] * POINTS * 2 + quads[None]).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
