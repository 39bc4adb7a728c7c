"""The head of a body model as hair needs it: places of roots, the way outwards, what is in the way.

All of it is found once for a body model, as indices and shares of vertices, and then read on each
person's own body: `HeadMap.on(body)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..bodies.model import BodyModel
from .chart import HEAD_UNIT, REFERENCE_HEIGHT
from .coverage import numpy_chart
from .per_model import PerModel
from .vectors import clipped

Array = np.ndarray

JOINTS = ("head", "neck", "spine3", "left_collar", "right_collar")  # what hair follows
GUIDES = 170  # the first roots, evenly over the scalp; the others are interpolated between them
_ROOTS = 1900
_EAR = 0.02  # head units beside the skull from which on it is the ear
_NEAR = 6  # guides that a root knows
_AROUND, _UP = 56, 28  # cells of the map of the head's radius
_CELL = 0.04  # rm, cells in which the nearest places of shoulders, chest and back are listed
_LISTED = 8
_CHANNELS = ("scalp", "ear", "fall", "level", "head_y", "head_z", "hat", "neck")


@dataclass(frozen=True, eq=False)
class Places:
    """Places on the faces of a body.

    Attributes:
        face: (N,) int32.
        corner: (N, 3) its vertices.
        share: (N, 3) barycentric.
    """

    face: Array
    corner: Array
    share: Array

    def values(self, of_body: Array) -> Array:
        """Interpolate values (V, …) of the body's vertices: (N, …)."""
        share = self.share.reshape(*self.share.shape, *(1,) * (of_body.ndim - 1))
        return (of_body[self.corner] * share).sum(axis=1)

    def __getitem__(self, index: Array) -> Places:
        return Places(self.face[index], self.corner[index], self.share[index])


def scalp_field(xp: Any, c: Mapping[str, Any], recede: Any, top: Any) -> Any:
    """The field of the hair on the scalp, rm, as `coverage.hair_field`; above the ears there is
    hair, however wide the skull is.
    """
    front = xp.minimum(xp.maximum(c["head_z"] + 0.3, 0.0), 1.0)
    scalp = xp.minimum(c["scalp"] - front * recede, top - c["head_y"])
    off_ear = xp.maximum(_EAR - c["ear"], c["head_y"] - 0.06) * 6.0
    return xp.minimum(scalp, off_ear) * HEAD_UNIT


class HeadMap:
    """Tables of a body model for hair."""

    def __init__(self, model: BodyModel, chart: Mapping[str, Array]) -> None:
        self.c = c = numpy_chart(chart)
        self.faces = np.asarray(model.faces)
        self.p = np.asarray(c["position"], dtype=np.float32)
        weights = np.asarray(model.weights, dtype=np.float64)
        weights = weights[:, [model.joint_names.index(name) for name in JOINTS]]
        self.vertex_weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
        self.vertex_weights[weights.sum(axis=1) < 1e-6] = np.eye(len(JOINTS))[2]
        self.vertex_weights = self.vertex_weights.astype(np.float32)
        self.brows: tuple[Places, Array] | None = None  # see facial_hair
        self.rng = np.random.default_rng(1)
        self._plant()
        self._measure_radius()
        self._list_body()

    # -- roots

    def _plant(self) -> None:
        c, f = self.c, self.faces
        may = (c["scalp"] > -0.45) & (c["neck"] < -0.04) & (c["white"] <= 0)
        may &= (c["ear"] < _EAR) | (c["head_y"] > 0.06)
        dense = self.scattered(np.flatnonzero(may[f].all(axis=1)), 4500)
        at = dense.values(self.p)
        self.roots = dense[_spread(at, min(_ROOTS, len(at)))]
        at = self.roots.values(self.p)
        self.of_root = {
            name: self.roots.values(np.asarray(c[name], dtype=np.float32)) for name in _CHANNELS
        }
        self.weight_of_root = self.roots.values(self.vertex_weights)
        apart = ((at[:, None] - at[None, :GUIDES]) ** 2).sum(axis=-1)
        self.near = np.argsort(apart, axis=1, kind="stable")[:, :_NEAR]
        self.near_distance = np.sqrt(np.take_along_axis(apart, self.near, axis=1))

    def scattered(self, among: Array, count: int) -> Places:
        """`count` places on the faces `among`, by their area."""
        corner = self.faces[among]
        a, b, c = (self.p[corner[:, i]] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        if not len(among) or area.sum() <= 0:
            none = np.zeros((0, 3))
            return Places(np.zeros(0, np.int32), none.astype(int), none)
        steps = (np.arange(count) + self.rng.random(count)) / count
        of = np.searchsorted(np.cumsum(area) / area.sum(), steps).clip(0, len(among) - 1)
        u, v = self.rng.random((2, count))
        flip = u + v > 1
        u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
        share = np.stack([1 - u - v, u, v], axis=1).astype(np.float32)
        return Places(among[of].astype(np.int32), corner[of], share)

    @cached_property
    def beard(self) -> tuple[Places, Array]:
        """Roots of a beard, evenly, and (N,) how far each is inside of it, head units."""
        may = self.c["beard"] > -0.02
        dense = self.scattered(np.flatnonzero(may[self.faces].all(axis=1)), 1500)
        at = dense.values(self.p)
        beard = dense[_spread(at, min(600, len(at)))]
        return beard, beard.values(np.asarray(self.c["beard"], dtype=np.float32))

    def on_face(self, across: Array, up: Array) -> Places:
        """Places on the front of the head at (x, y) rm on the mean body; none beside it."""
        c = self.c
        front = (c["neck"] < -0.08) & (c["head_z"] > 0.2) & (c["white"] <= 0)
        faces = np.flatnonzero(front[self.faces].all(axis=1))
        a, b, d = (self.p[self.faces[faces, i]][:, :2] for i in range(3))
        q = np.stack([across, up], axis=1)[:, None]
        whole = _cross2(b - a, d - a)
        u, v = _cross2(q - a, d - a) / whole, _cross2(b - a, q - a) / whole
        share = np.stack([1 - u - v, u, v], axis=-1)
        depth = (share * self.p[self.faces[faces]][:, :, 2]).sum(axis=-1)
        depth = np.where((share > -1e-6).all(axis=-1), depth, -9.0)
        best = depth.argmax(axis=1)
        rows = np.flatnonzero(depth.max(axis=1) > -9.0)
        chosen = faces[best[rows]]
        return Places(chosen.astype(np.int32), self.faces[chosen], share[rows, best[rows]])

    # -- what is in the way

    def _measure_radius(self) -> None:
        c = self.c
        head = (c["neck"] < -0.01) & (c["arm"] < 0)
        self._box = np.flatnonzero((c["neck"] < -0.08) & (c["head_y"] > 0.2))
        middle = self.middle_of(self.p)
        from_middle = self.p - middle
        far = np.linalg.norm(from_middle, axis=1)
        way = from_middle / np.maximum(far, 1e-9)[:, None]
        outer = head & ((way * c["normal"]).sum(axis=1) > 0.15) & (c["white"] <= 0)
        azimuth = (np.arange(_AROUND) + 0.5) / _AROUND * 2 * np.pi - np.pi
        height = np.arange(_UP) / (_UP - 1) * 2 - 1
        flat = np.sqrt(1 - height**2)
        cells = np.stack(
            [
                flat[:, None] * np.sin(azimuth),
                np.broadcast_to(height[:, None], (_UP, _AROUND)),
                flat[:, None] * np.cos(azimuth),
            ],
            axis=-1,
        ).reshape(-1, 3)
        self._radius = []
        for ears in (False, True):
            these = np.flatnonzero(outer & ((c["ear"] < 0) | ears))
            # The face has many more vertices than a map of the head needs.
            these = these[np.unique(np.round(self.p[these] / 0.006), axis=0, return_index=True)[1]]
            alike = cells @ way[these].T
            best = np.argpartition(-alike, 3, axis=1)[:, :4]
            near = np.maximum(1 - np.take_along_axis(alike, best, axis=1), 1e-5)
            share = near**-1.5
            share = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
            self._radius.append((these[best], share))

    def middle_of(self, body: Array) -> Array:
        """(3,) the middle of the skull."""
        box = body[self._box]
        low, high = box.min(axis=0), box.max(axis=0)
        return np.array([(low[0] + high[0]) / 2, high[1] - 1.0 * HEAD_UNIT, (low[2] + high[2]) / 2])

    def radius(self, body: Array, middle: Array, ears: bool) -> Array:
        """(_UP, _AROUND + 1) rm from the middle to the skin, by sine of the height and azimuth."""
        vertices, share = self._radius[int(ears)]
        off = body[vertices] - middle
        far = np.sqrt(np.einsum("nkc,nkc->nk", off, off))
        table = np.einsum("nk,nk->n", far, share).reshape(_UP, _AROUND)
        return np.concatenate([table, table[:, :1]], axis=1)

    def _list_body(self) -> None:
        """Lists of the body's nearest places around neck, shoulders, chest and back."""
        c = self.c
        region = (c["level"] > 0.25) & (c["arm"] < 0.35) & (c["neck"] > -0.10)
        vertices = np.flatnonzero(region)
        cell = np.unique(np.round(self.p[vertices] / 0.022).astype(int), axis=0, return_index=True)
        self.proxy = vertices[cell[1]]
        self.collar = vertices[np.abs(c["level"][vertices] - 1.06) < 0.06]
        self.proxy_normal = np.asarray(c["normal"], dtype=np.float32)[self.proxy]
        self.proxy_weight = self.vertex_weights[self.proxy]
        at = self.p[self.proxy]
        self._low = at.min(axis=0) - np.float32(0.06)
        self._shape = np.ceil((at.max(axis=0) + 0.1 - self._low) / _CELL).astype(np.int32)
        grid = np.stack(np.meshgrid(*map(np.arange, self._shape), indexing="ij"), -1).reshape(-1, 3)
        centre = self._low + (grid + 0.5) * _CELL
        apart = (at**2).sum(axis=1) - 2 * centre @ at.T
        self._list = np.argpartition(apart, _LISTED, axis=1)[:, :_LISTED]

    def proxies_near(self, points: Array, surface: Array) -> Array:
        """(N,) the proxy nearest to each point, of those listed for its cell."""
        cell = clipped(((points - self._low) / _CELL).astype(np.int32), 0, self._shape - 1)
        flat = (cell[:, 0] * self._shape[1] + cell[:, 1]) * self._shape[2] + cell[:, 2]
        listed = self._list[flat]
        apart = surface[listed] - points[:, None]
        best = np.einsum("nkc,nkc->nk", apart, apart).argmin(axis=1)
        return listed[np.arange(len(points)), best]

    def on(self, body: Array, outer: Array) -> Head:
        """The head of a person's own body, and the surface of the clothes, both (V, 3) m."""
        return Head(self, body, outer)


head_map = PerModel(HeadMap)
"""The map of a body model's head."""


class Head:
    """The head and shoulders of one person, in rm."""

    def __init__(self, of: HeadMap, body: Array, outer: Array) -> None:
        self.of = of
        self.scale = float(np.ptp(body[:, 1])) / REFERENCE_HEIGHT
        # Moved to the place of the mean body, so that the lists of the map hold.
        self.shift = body[of.proxy].mean(axis=0) / self.scale - of.p[of.proxy].mean(axis=0)
        self.shift = self.shift.astype(np.float32)
        self.body = np.multiply(body, 1 / self.scale, dtype=np.float32) - self.shift
        self.surface = (outer[of.proxy] / self.scale).astype(np.float32) - self.shift
        self.middle = of.middle_of(self.body)
        self.neck = float(self.body[of.collar, 1].mean())
        self.ears = False

    def metres(self, points: Array) -> Array:
        """Points of this class in the axes of the body at rest, m."""
        return (points + self.shift) * self.scale

    @cached_property
    def _bare(self) -> Array:
        return self.of.radius(self.body, self.middle, False)

    @cached_property
    def _with_ears(self) -> Array:
        return self.of.radius(self.body, self.middle, True)

    def radius(self, way: Array) -> Array:
        """(...) distance of the skin from the middle of the skull in the directions `way`."""
        table = (self._with_ears if self.ears else self._bare).ravel()
        row = clipped((way[..., 1] + 1) * (0.5 * (_UP - 1)), 0, _UP - 1.001)
        column = np.arctan2(way[..., 0], way[..., 2]) * (_AROUND / (2 * np.pi))
        column = (column + (_AROUND / 2 - 0.5)) % _AROUND
        i, j = row.astype(np.int32), np.minimum(column.astype(np.int32), _AROUND - 1)
        s, t = row - i.astype(np.float32), column - j.astype(np.float32)
        at = i * (_AROUND + 1) + j
        low, high = table.take(at), table.take(at + (_AROUND + 1))
        low += (table.take(at + 1) - low) * t
        high += (table.take(at + (_AROUND + 2)) - high) * t
        return low + (high - low) * s

    def outside(
        self, points: Array, clear: Array, below: Array | float, cling: Array | float = 0.0
    ) -> Array:
        """Push points out of head and clothes.

        Args:
            points: (..., 3).
            clear: (...) rm to keep from the head.
            below: (...) rm to keep from the clothes.
            cling: (...) share by which points on the head that are farther out are drawn back.
        """
        from_middle = points - self.middle
        far = np.sqrt(np.einsum("...c,...c->...", from_middle, from_middle))
        way = from_middle / np.maximum(far, 1e-6)[..., None]
        least = self.radius(way) + clear
        off = least - far
        on_head = clipped((way[..., 1] + 0.45) * 4, 0.0, 1.0)
        off = np.where(off > 0, off, off * cling * on_head)
        out = points + way * off[..., None]
        low = out[..., 1] < self.neck
        if low.any():
            p = out[low]
            near = self.of.proxies_near(p, self.surface)
            normal = self.of.proxy_normal[near]
            depth = np.einsum("nc,nc->n", p - self.surface[near], normal)
            room = np.broadcast_to(below, low.shape)[low]
            out[low] = p + normal * clipped(room - depth, 0.0, 0.06)[:, None]
        return out

    def weights(self, points: Array, of_root: Array) -> Array:
        """(N, 5) how much points follow each of JOINTS: hair on the head with its root, what hangs
        beside the neck more and more with the shoulders beneath.
        """
        out = of_root.astype(np.float32)
        hangs = clipped((self.neck + 0.12 - points[:, 1]) / 0.27, 0, 1)
        low = hangs > 0
        if low.any():
            near = self.of.proxies_near(points[low], self.surface)
            share = (hangs[low] ** 2 * (3 - 2 * hangs[low]))[:, None]
            out[low] += share * (self.of.proxy_weight[near] - out[low])
        return out


def _cross2(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _spread(points: Array, count: int) -> Array:
    """(count,) indices of points, each as far as possible from those before it."""
    chosen = np.empty(count, int)
    far = np.full(len(points), np.inf)
    index = 0
    for k in range(count):
        chosen[k] = index
        off = points - points[index]
        far = np.minimum(far, np.einsum("nc,nc->n", off, off))
        index = int(far.argmax())
    return chosen
