"""Locks of hair as middle lines: a few guides grow step by step, the others are drawn between them.

A guide starts on the scalp in the direction in which the style is combed, bends under its weight
and slides along head, neck, shoulders and clothes. All other locks lie between the guides that are
nearest to them on the same side of the parting, and draw together to clumps.
"""

from __future__ import annotations

import numpy as np

from .chart import HEAD_UNIT
from .hair_styles import HAIR_STYLES_MESH, MeshStyle
from .outfit import Hair
from .ribbons import Draws, evenly, vector
from .scalp import GUIDES, Head, scalp_field
from .vectors import clipped, cross

Array = np.ndarray

_WHORL = (0.05, 0.62, -0.55)  # from the middle of the skull, in its radii
_LOW = 0.014  # rm that hair keeps from clothes
_PRESSED = 0.0015  # rm under a hat


class Growth:
    """The loose hair of one person. Lengths are rm, on the places of `Head`."""

    def __init__(self, head: Head, hair: Hair, rng: Draws, line: float) -> None:
        """Choose the roots.

        Args:
            head: The person's head.
            hair: The hair.
            rng: Generator of the hair.
            line: The chart's `hat` above which something covers the hair.
        """
        self.head, self.hair, self.rng, self.line = head, hair, rng, line
        self.style: MeshStyle = HAIR_STYLES_MESH[hair.style]
        of = head.of
        edge = rng.normal(0, 0.004, len(of.roots.face))  # a broken hairline
        self.field = scalp_field(np, of.of_root, hair.recede, hair.top) + edge
        grows = (self.field > 0) & (of.of_root["neck"] < -0.055)
        if self.style.thin < 1:
            grows &= rng.random(len(grows)) < self.style.thin
        hat = of.of_root["hat"] > line
        if self.style.fall is None:  # nothing of it comes out again below
            grows &= ~hat
        else:
            grows &= of.of_root["hat"] < line + 0.35
        self.under = hat
        known = np.zeros(GUIDES, dtype=bool)
        known[np.flatnonzero(grows[:GUIDES])] = True
        self.grows = grows & known[of.near].any(axis=1)
        parting = rng.uniform(*self.style.parting) * (1.0 if rng.random() < 0.65 else -1.0)
        at = of.roots.values(head.body)
        self.at, way = at, at - head.middle
        self.size = np.linalg.norm(way, axis=1)
        self.way = way / np.maximum(self.size, 1e-6)[:, None]
        wave = 0.004 * np.sin(at[:, 2] * 160 + rng.uniform(0, 6))
        left = at[:, 0] - head.middle[0] + wave > parting * 0.075
        self.side = np.where(left, np.float32(1), np.float32(-1))
        self.own = float(rng.random())  # 0..1, how long it is for its style

    def roots(self, count: int) -> Array:
        """Indices of `count` roots, evenly over the hair."""
        return np.flatnonzero(self.grows)[:count]

    def room(self, roots: Array, points: int, least: Array) -> Array:
        """(S, points) rm from the skin: rising from the root, more on top than at the sides."""
        up = self.way[roots, 1]
        most = self.hair.volume * clipped(0.75 + 0.4 * up, 0.35, 1.1)
        most = np.minimum(most, (0.45 + 0.5 * self.style.lift) * self.lengths(roots))
        rise = np.minimum(evenly(0, 1, points) * 3.5, 1.0)
        edge = clipped(self.field[roots] / 0.035, 0.15, 1.0)  # flat at the hairline
        out = (0.0015 + most * edge * least)[:, None] * rise + 0.0008
        return np.where(self.under[roots][:, None], _PRESSED, out)

    def combed(self, roots: Array) -> Array:
        """(S, 3) unit directions in which locks leave their roots, along the scalp."""
        style, way, side = self.style, self.way[roots], self.side[roots]
        top = clipped(way[:, 1] * 2.2 - 0.55, 0, 1)[:, None]
        # At the sides the hair goes outwards on the side where it is, whatever the parting.
        own = np.where(way[:, 0] > 0, np.float32(1), np.float32(-1))
        over_top, over_side = vector(*style.over_top), vector(*style.over_side)
        comb = np.stack([side, np.ones_like(side), np.ones_like(side)], 1) * over_top * top
        comb += np.stack([own, np.ones_like(own), np.ones_like(own)], 1) * over_side * (1 - top)
        whorl = self.head.middle + vector(*_WHORL) * HEAD_UNIT
        away = self.at[roots] - whorl
        away /= np.maximum(_length(away), 1e-6)
        comb = comb + style.whorl * top * away
        if style.bangs:
            front = self.in_front(roots)[:, None]
            comb = comb * (1 - front) + front * (vector(0.0, -0.25, 1.0) + way * vector(0.35, 0, 0))
        waves = self.rng.normal(0, 1.5 / HEAD_UNIT, (6, 3))
        phase = self.rng.uniform(0, 2 * np.pi, 6)
        locks = np.sin(self.at[roots] @ waves.T + phase) @ self.rng.normal(0, 0.4, (6, 3))
        mess = self.rng.normal(0, 0.5, comb.shape) + locks
        comb = comb + style.messy * mess
        comb -= np.einsum("nc,nc->n", comb, way)[:, None] * way
        return comb / np.maximum(_length(comb), 1e-6)

    def in_front(self, roots: Array) -> Array:
        """(S,) 1 for hair that falls over the forehead as bangs."""
        way = self.way[roots]
        forward = clipped((way[:, 2] - 0.30) * 6, 0, 1) * clipped((way[:, 1] - 0.35) * 6, 0, 1)
        return forward * clipped((0.62 - np.abs(way[:, 0])) * 6, 0, 1)

    def lengths(self, roots: Array) -> Array:
        """(S,) lengths, by the place on the head."""
        way = self.way[roots]
        fringe, top, side, back = self.style.lengths
        up = clipped((way[:, 1] - 0.42) * 4.5, 0, 1)
        front = clipped((way[:, 2] - 0.15) * 3, 0, 1)
        behind = clipped(-way[:, 2] * 3, 0, 1)
        if self.style.over_top[1] >= 0.8 and self.style.over_top[0] == 0:  # a crest
            up = up * clipped((0.30 - np.abs(way[:, 0])) * 12, 0, 1)
            up = np.maximum(up, behind * clipped((0.16 - np.abs(way[:, 0])) * 12, 0, 1))
        low = side + (back - side) * behind
        high = top + (fringe - top) * front
        return low + (high - low) * up

    def guides(self, count: int) -> tuple[Array, Array]:
        """(indices of the guides' roots, (G, count, 3) their middle lines)."""
        head, style = self.head, self.style
        g = self.roots(len(self.grows))
        g = g[g < GUIDES]
        if not len(g):
            return g, np.zeros((0, count, 3))
        rng = self.rng
        long = self.lengths(g) * rng.uniform(0.85, 1.15, len(g))
        floor = self.floor(g)
        long = np.minimum(long, np.maximum(self.at[g, 1] - floor, 0.03) * 1.15 + 0.10)
        pace = evenly(0.45, 1.3, count - 1)  # finer where it bends over the head
        steps = long[:, None] * pace / pace.sum()
        comb, out = self.combed(g), self.way[g]
        lift = style.lift * rng.uniform(0.7, 1.3, (len(g), 1))
        way = comb * np.maximum(1 - 0.6 * lift, 0.0) + out * lift
        way /= np.maximum(_length(way), 1e-6)
        room = self.room(g, count, rng.uniform(0.45, 1.0, len(g)))
        near_neck = 0.085 + 0.03 * rng.random(len(g))
        line = np.empty((len(g), count, 3), np.float32)
        line[:, 0] = p = self.at[g]
        low = _LOW + 0.008 * rng.random(len(g))
        head.ears = style.ears
        cling = clipped(1.0 - lift[:, 0], 0.0, 0.9)
        # Beside the neck hair falls either in front of a shoulder or behind it.
        before = np.where(
            out[:, 2] > rng.uniform(-0.15, 0.35, len(g)), np.float32(0.5), np.float32(-0.7)
        )
        for k in range(1, count):
            away = p - head.middle
            away /= np.maximum(_length(away), 1e-6)
            on = comb - np.maximum(np.einsum("nc,nc->n", comb, away)[:, None], 0.0) * away
            way = way + style.follow * on * (1.0 - 0.6 * k / count)
            step = steps[:, k - 1]
            pull = style.weight * np.minimum(step / 0.016, 3.0) * 0.55
            way[:, 1] -= pull
            beside = clipped((head.neck + 0.10 - p[:, 1]) / 0.05, 0, 1) * np.minimum(pull, 1)
            way[:, 2] += beside * before * clipped((np.abs(p[:, 0]) - 0.03) * 20, 0, 1) * 0.8
            way /= np.maximum(_length(way), 1e-6)
            q = p + way * step[:, None]
            wide = clipped(np.abs(q[:, 0]) - near_neck, 0.0, 0.05) * np.minimum(beside * 2, 1)
            q[:, 0] -= wide * np.sign(q[:, 0])
            q = head.outside(q, room[:, k], low, cling)
            way = q - p
            way /= np.maximum(_length(way), 1e-6)
            line[:, k] = p = q
        return g, _cut(line, floor + rng.normal(0, 0.006, len(g)))

    def floor(self, roots: Array) -> Array:
        """(S,) height at which locks are cut."""
        floor = np.full(len(roots), -9.0, np.float32)
        if self.style.fall is not None:
            low, high = self.style.fall
            fall = low + (high - low) * self.own
            # Layers: hair over the face is shorter than behind.
            floor[:] = self.head.neck + fall
            floor += 0.035 * clipped(self.way[roots, 2], 0, 1)
        if self.style.bangs:
            front = self.in_front(roots)
            floor = np.where(front > 0.5, self.head.middle[1] + 0.016, floor)
        return floor

    def between(self, roots: Array, guides: Array, lines: Array) -> Array:
        """(S, count, 3) middle lines of all locks, from the guides' (G, count, 3)."""
        of, style, rng = self.head.of, self.style, self.rng
        S, count = len(roots), lines.shape[1]
        if not S or not len(guides):
            return np.zeros((0, count, 3))
        row = np.full(GUIDES, -1)
        row[guides] = np.arange(len(guides))
        near = row[of.near[roots]]
        same = self.side[roots][:, None] == self.side[of.near[roots]]
        top = self.way[roots, 1:2] > 0.3
        usable = (near >= 0) & (same | ~top)
        usable |= (near >= 0) & ~usable.any(axis=1, keepdims=True)
        share = usable / (of.near_distance[roots] + 0.004) ** 2
        best = share.argmax(axis=1)
        share /= share.sum(axis=1, keepdims=True)
        near = np.maximum(near, 0)
        rise = lines - lines[:, :1]
        line = np.zeros((S, count, 3), np.float32)
        for k in range(near.shape[1]):
            line += share[:, k, None, None] * rise[near[:, k]]
        line += self.at[roots][:, None]
        t = evenly(0, 1, count)
        strength = style.clump * rng.uniform(0.6, 1.1, (S, 1)) * t**0.8
        goal = lines[near[np.arange(S), best]]
        line += np.minimum(strength, 0.95)[..., None] * (goal - line)
        # Locks end at different lengths.
        ragged = rng.uniform(0.9, 1.0, S) if style.fall else rng.uniform(0.72, 1.0, S)
        line = _resampled(line, ragged)
        if style.curl > 0:
            line = self._curled(line, roots, best)
        head = self.head
        head.ears = style.ears
        spread = rng.uniform(max(0.35, style.hull), 1.05, S)  # above what fills it
        line = head.outside(line, self.room(roots, count, spread), _LOW)
        stray = self.strays(S)
        way = line[stray] + rng.normal(0, 0.02, (len(stray), 1, 3)) - head.middle
        far = rng.uniform(0.3, 1.0, (len(stray), 1)) * t**1.5 * min(0.35 * style.lengths[1], 0.022)
        line[stray] += way / np.maximum(_length(way), 1e-6) * far[..., None]
        return line

    def strays(self, count: int) -> Array:
        """Numbers of the locks, of `count`, that are single hairs which stand off the others."""
        every = 14 if self.style.weight > 0 and not self.style.ropes else count + 1
        return np.arange(every - 1, count, every)

    def _curled(self, line: Array, roots: Array, clump: Array) -> Array:
        style, rng = self.style, self.rng
        S, count = line.shape[:2]
        along = np.gradient(line, axis=1)
        step = np.sqrt((along**2).sum(axis=-1))
        along /= np.maximum(step, 1e-9)[..., None]
        far = np.cumsum(step, axis=1)
        phase = (self.head.of.near[roots][np.arange(S), clump] * 2.4) % (2 * np.pi)
        phase = phase + rng.normal(0, 0.5, S)
        most = style.turns * rng.uniform(0.75, 1.25, S)
        # No faster than the cross-sections can show.
        length = np.maximum(far[:, -1], 1e-6)
        most = np.minimum(most, 0.30 * (count - 1) / length)
        angle = phase[:, None] + 2 * np.pi * most[:, None] * far
        out = line - self.head.middle
        out[..., 1] *= line[..., 1] > self.head.neck
        across = cross(along, out)
        across /= np.maximum(_length(across), 1e-9)
        out = cross(across, along)
        radius = style.curl * rng.uniform(0.6, 1.3, (S, 1)) * np.minimum(far / 0.035, 1.0)
        return line + radius[..., None] * (
            across * np.cos(angle)[..., None] + out * np.sin(angle)[..., None]
        )


def _cut(lines: Array, floor: Array) -> Array:
    """Shorten lines where they first go below a height."""
    count = lines.shape[1]
    below = lines[..., 1] < floor[:, None]
    below[:, 0] = False
    first = np.where(below.any(axis=1), below.argmax(axis=1), count - 1)
    rows = np.arange(len(lines))
    high, low = lines[rows, np.maximum(first - 1, 0), 1], lines[rows, first, 1]
    part = clipped((high - floor) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    cut = below.any(axis=1)
    end = np.where(cut, first - 1 + part, count - 1)
    return _resampled(lines, np.maximum(end / (count - 1), 0.12))


def _resampled(lines: Array, end: Array) -> Array:
    """Lines (S, n, 3) up to a share (S,) of their way, with as many points."""
    count = lines.shape[1]
    place = evenly(0, count - 1, count) * end.astype(np.float32)[:, None]
    first = np.minimum(place.astype(np.int32), count - 2)
    t = (place - first.astype(np.float32))[..., None]
    rows = np.arange(len(lines))[:, None]
    a, b = lines[rows, first], lines[rows, first + 1]
    return a + t * (b - a)


def _length(vectors: Array) -> Array:
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))[..., None]
