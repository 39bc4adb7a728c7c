"""Shoes: an upper between the sole's outline and a collar, on a sole with a heel; or straps on one.

Measures of the foot are taken on the person's own body: stations along it from heel to toe, and
rings of the ankle and the leg from below upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .outfit import Item
from .palette import Color, linear
from .part_fitting import PerBody, bound, taut_loop, worn
from .shoe_forms import FORMS, STRAPS, Form, lowered
from .solids import Mesh, band, join, loft, resampled
from .vectors import unit
from .worn_part import Fitting, WornPart

Array = np.ndarray

UPPER, SOLE, ACCENT, LINING = range(4)  # regions; colours of an item: upper, accent, sole
_STATIONS, _RINGS, _COLUMNS = 14, 14, 24
_ROOM = 0.008  # rm between the skin and a collar, for padding and a sock
# Of the columns, 0 in front; there is none right in front, so that tips are blunt.
_TURN = 2 * np.pi * (np.arange(_COLUMNS) + 0.5) / _COLUMNS


@dataclass(frozen=True, eq=False)
class _Foot:
    """Measures of the left foot, m; x is counted from the middle of the body."""

    z: Array  # (S,) of the stations, from heel to toe
    inner: Array
    outer: Array
    top: Array
    bottom: Array
    ring_y: Array  # (R,)
    ring: Array  # (R, 4) smallest and largest x, smallest and largest z
    low: float  # z of the heel
    high: float  # z of the tip of the toes
    scale: float

    def at(self, values: Array, z: Array) -> Array:
        return np.interp(z, self.z, values)

    def ring_at(self, y: Array) -> tuple[Array, ...]:
        return tuple(np.interp(y, self.ring_y, self.ring[:, i]) for i in range(4))


_MEASURED: PerBody[tuple[Array, ...]] = PerBody()
_SKINS: PerBody[tuple[Array, ...]] = PerBody()
_HIDDEN: PerBody[Array] = PerBody()


def _places(mean: Fitting) -> tuple[Array, ...]:
    """Vertices of each station and of each ring of the left foot, padded to equal numbers."""
    chart = mean.chart
    p, height = np.asarray(chart["position"]), np.asarray(chart["height"])
    left = (p[:, 0] > 0) & (np.asarray(chart["arm"]) < 0)
    foot = np.flatnonzero(left & (height < 0.085))
    z = p[foot, 2]
    stations = np.linspace(z.min(), z.max(), _STATIONS)
    half = 0.75 * (stations[1] - stations[0])
    rows = [foot[np.abs(z - s) <= half] for s in stations]
    leg = np.flatnonzero(left & (height < 0.52))
    heights = np.concatenate([np.linspace(0.02, 0.14, 7), np.linspace(0.18, 0.5, _RINGS - 7)])
    reach = np.where(heights < 0.15, 0.012, 0.032)  # the mesh is coarser on the shin
    rings = [leg[np.abs(height[leg] - h) <= r] for h, r in zip(heights, reach, strict=True)]
    return _padded(rows), _padded(rings), foot


def _padded(rows: Sequence[Array]) -> Array:
    most = max(map(len, rows))
    return np.stack([np.resize(row, most) for row in rows])


def _measure(fitting: Fitting) -> _Foot:
    stations, rings, foot = _MEASURED.get(fitting, "foot", _places)
    v, scale = fitting.shaped, fitting.scale
    middle = float(fitting.joint("pelvis")[0])
    x, y, z = v[:, 0] - middle, v[:, 1], v[:, 2]
    inner, outer = x[stations].min(axis=1), x[stations].max(axis=1)
    extents = [x[rings].min(axis=1), x[rings].max(axis=1), z[rings].min(axis=1)]
    ring = np.stack([*extents, z[rings].max(axis=1)], axis=1)
    return _Foot(
        z[stations].mean(axis=1), inner, outer, y[stations].max(axis=1), y[stations].min(axis=1),
        0.5 * (y[rings].min(axis=1) + y[rings].max(axis=1)), ring, *_span(z[foot]), scale,
    )  # fmt: skip


def _span(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


class _Last:
    """One shoe around the left foot: its outline and its collar, column by column."""

    def __init__(self, foot: _Foot, form: Form, is_open: bool = False) -> None:
        self.foot, self.form, self.scale = foot, form, foot.scale
        self.open = is_open
        s = foot.scale
        self.low, self.high = foot.low - 0.005 * s, foot.high + form.ahead * s
        self.heel_bottom = float(foot.bottom[:4].min())
        self.outline = self._outline(0.003 * s)
        self.collar = self._collar()

    def _outline(self, room: float) -> Array:
        """(K, 3) where the upper meets the sole, at the height of the foot's bottom."""
        foot, form = self.foot, self.form
        u = (1 - np.cos(_TURN)) / 2  # 0 at the tip, 1 at the heel
        z = self.high - u * (self.high - self.low)
        inside = np.clip(z, foot.z[1], foot.z[-4])
        inner, outer = foot.at(foot.inner, inside), foot.at(foot.outer, inside)
        toe, heel = np.clip(u / 0.32, 0, 1), np.clip((1 - u) / 0.2, 0, 1)
        round_ = (1 - (1 - toe) ** form.toe) ** (1 / form.toe) * np.sqrt(1 - (1 - heel) ** 2)
        centre = inner + (outer - inner) * (0.5 - 0.06 * (1 - toe))
        x = centre + np.sign(np.sin(_TURN)) * round_ * (0.5 * (outer - inner) + room)
        return np.stack([x, self._foot_bottom(z), z], axis=1)

    def _foot_bottom(self, z: Array) -> Array:
        """The insole: level below heel and ball, sloped between where the heel is lifted."""
        s = self.scale
        ahead = np.clip((z / s - 0.03) / 0.13, 0.0, 1.0)
        return self.heel_bottom - self.form.heel * s * ahead

    def _collar(self) -> Array:
        """(K, 3) the upper edge around the ankle."""
        form, s = self.form, self.scale
        front, side, back = (self.heel_bottom + h * s for h in form.collar)
        c = np.cos(_TURN)
        y = side + np.where(c > 0, (front - side) * c**2, (back - side) * c**4)
        if form.throat:
            y = y - form.heel * s * form.throat * np.clip(c, 0, 1)
        return self.ring(y, _ROOM * s, form.throat)

    def ring(self, y: Array, room: float, throat: float = 0.0) -> Array:
        """(K, 3) around the leg at heights y (K,); `throat` draws its front towards the toes."""
        foot = self.foot
        x0, x1, z0, z1 = foot.ring_at(y)
        ankle = foot.ring_at(np.full_like(y, self.heel_bottom + 0.085 * self.scale))
        forwards = np.clip(np.cos(_TURN), 0.0, 1.0)
        z1 = z1 if not throat else ankle[3] + throat * (foot.z[-4] - ankle[3])
        at_front = np.clip(0.5 * (z0 + z1) + 0.5 * (z1 - z0) * np.cos(_TURN), foot.z[0], foot.z[-4])
        if throat:
            inner, outer = foot.at(foot.inner, at_front), foot.at(foot.outer, at_front)
            x0 = x0 + np.sqrt(forwards) * (np.maximum(inner, x0 - 0.01) + 0.008 * self.scale - x0)
            x1 = x1 + np.sqrt(forwards) * (np.minimum(outer, x1 + 0.02) - 0.01 * self.scale - x1)
        half_x, half_z = 0.5 * (x1 - x0) + room, 0.5 * (z1 - z0) + room
        sin, cos = (np.sign(a) * np.abs(a) ** 0.88 for a in (np.sin(_TURN), np.cos(_TURN)))
        x, z = 0.5 * (x0 + x1) + half_x * sin, 0.5 * (z0 + z1) + half_z * cos
        return np.stack([x, y, z], axis=1)

    def upper(self) -> Mesh:
        """From the sole over the foot to the collar, up the shaft, and back inside."""
        form, s = self.form, self.scale
        first = self.outline + np.array([0.0, form.rim * s * 0.6, 0.0])
        last = self.collar
        c = np.cos(_TURN)
        forwards = np.clip(c, 0.0, 1.0)[:, None]
        outwards = unit((first - last) * [1.0, 0.0, 1.0])
        height = last[:, 1] - first[:, 1]
        tip = (0.030 + 0.008 * (form.toe > 2.25)) * s  # height of the toe box
        rise = (1 - forwards[:, 0]) * 0.6 * height + forwards[:, 0] * 1.25 * tip
        one = first + outwards * 0.004 * s + rise[:, None] * [0.0, 1.0, 0.0]
        way = np.stack([0 * c, -0.8 + 0 * c, 0.75 * np.clip(c, 0, 1)], axis=1)
        way[:, [0, 2]] += 0.35 * outwards[:, [0, 2]] * np.abs(np.sin(_TURN))[:, None]
        reach = np.linalg.norm(last - first, axis=1) * (0.35 + 0.12 * forwards[:, 0])
        two = last + unit(way) * reach[:, None]
        t = np.array([0.0, 0.09, 0.22, 0.4, 0.6, 0.8, 1.0])[:, None, None]
        rows = (1 - t) ** 3 * first + 3 * t * (1 - t) ** 2 * one + 3 * t**2 * (1 - t) * two
        rows = rows + t**3 * last
        self.vamp = rows
        if form.shaft:
            top = self.heel_bottom + form.shaft * s
            share = np.linspace(0, 1, 2 + int(form.shaft / 0.09))[1:, None]
            y = last[:, 1] + share * (top - last[:, 1])
            loose = (form.loose - _ROOM) * s
            more = [
                self.ring(row, _ROOM * s + loose * k[0]) for row, k in zip(y, share, strict=True)
            ]
            rows = np.concatenate([rows, more])
        edge = rows[-1]
        inside = edge - unit((edge - edge.mean(axis=0)) * [1.0, 0.0, 1.0]) * 0.004 * s
        rows = np.concatenate([rows, [inside, inside - [0.0, 0.014 * s, 0.0]]])
        return loft(rows, self._regions(len(rows)))

    def _regions(self, rows: int) -> Array:
        region = np.full((rows - 1, _COLUMNS), UPPER)
        region[-2:] = LINING
        if self.form.cap:
            c = np.cos(_TURN + np.pi / _COLUMNS)
            region[:3, c > 0.9] = ACCENT
            region[:6, c < -0.85] = ACCENT
            region[3:6, np.abs(c + 0.25) < 0.16] = ACCENT
        return region

    def sole(self) -> Mesh:
        form, s = self.form, self.scale
        outline = self.outline
        centre = np.stack([0 * _TURN + outline[:, 0].mean(), outline[:, 1], outline[:, 2]], axis=1)
        away = unit((outline - centre) * [1.0, 0.0, 0.0] + [0, 0, 1e-6] * np.cos(_TURN)[:, None])
        ends = np.abs(np.cos(_TURN)) > 0.95
        away[ends] = unit(away[ends] * 0.3 + [0, 0, 1.0] * np.cos(_TURN)[ends, None])
        out = outline + away * form.welt * s
        u = (1 - np.cos(_TURN)) / 2
        hollow = form.arch * np.exp(-(((u - 0.56) / 0.1) ** 4))
        spring = 0.006 * np.clip(1 - u / 0.16, 0, 1) ** 2
        bottom = np.array(out)
        bottom[:, 1] -= (form.sole - np.minimum(hollow, form.sole * 0.8)) * s
        bottom[:, 1] += spring * s
        upper = np.array(out)
        upper[:, 1] += form.rim * s * (0.8 + 0.6 * np.clip(u - 0.35, 0, 1))
        inset = bottom - away * 0.003 * s
        inner = outline - away * 0.004 * s
        if self.open:
            inner[:, 1] += form.rim * s
        above = np.array([0.0, 0.002 * s, 0.0])
        rows = np.array([inset, bottom + above, upper, inner])
        return loft(rows, SOLE, first=True, last=True)

    def heel(self) -> list[Mesh]:
        """A heel below the lifted heel of the foot."""
        form, s = self.form, self.scale
        if not form.block:
            return []
        back = self.outline[np.cos(_TURN) < -0.75]
        middle = back.mean(axis=0)
        rows = []
        for share, size in ((0.0, form.block), (0.6, form.block * 1.1), (1.0, 0.95)):
            ring = middle + (back - middle) * [size, 0, size] + [0, 0, -0.004 * s * share]
            ring[:, 1] = self.heel_bottom - (form.heel + form.sole) * s * (1 - share)
            rows.append(ring)
        return [loft(np.array(rows), SOLE, first=True)]

    def laces(self) -> list[Mesh]:
        """Bands across the instep, from one side of the tongue to the other."""
        form, s = self.form, self.scale
        if not form.laces:
            return []
        rows = self.vamp[3:]
        path = rows[:, [-3, -1, 0, 2]]
        low = 0.8 if not form.shaft else 0.0
        place = np.linspace(low, len(rows) - 1.3, form.laces)[:, None, None]
        i = place[:, 0, 0].astype(int)
        lines = path[i] + (place - i[:, None, None]) * (path[i + 1] - path[i])
        up = unit(np.array([0.0, 1.0, 0.55]))
        lines = lines + up * 0.0015 * s
        return [band(lines, up, 0.007 * s, 0.0035 * s, region=ACCENT)]


def _upper_straps(fitting: Fitting, last: _Last, kind: str) -> list[Mesh]:
    """Straps of sandals over the foot as it is."""
    foot, s = last.foot, last.scale
    straps = []
    length = last.high - last.low
    among = _MEASURED.get(fitting, "foot", _places)[2]
    for share, tilt, width in STRAPS[kind]:
        at = np.array([0.0, last.heel_bottom, last.low + share * length])
        loop = taut_loop(
            fitting.shaped, among, at, (0.0, -tilt, -1.0), 24, 0.012 * s, start=(0.0, -1.0, 0.0)
        )
        path = loop.points + loop.out * 0.003 * s
        path = path[path[:, 1] > last.heel_bottom + 0.001 * s]
        path, _ = resampled(path, 14)
        out = unit(path - [path[:, 0].mean(), last.heel_bottom, at[2]])
        straps.append(band(path, out, width * s, 0.004 * s, region=UPPER))
    if kind == "sandal":  # around the heel
        ring = last.ring(np.full(_COLUMNS, last.heel_bottom + 0.085 * s), 0.004 * s)
        out = unit((ring - ring.mean(axis=0)) * [1, 0, 1])
        straps.append(band(ring[::-1], out[::-1], 0.016 * s, 0.004 * s, closed=True))
    else:  # from between the toes to both sides
        tip = np.array([foot.inner[-4] + 0.32 * (foot.outer[-4] - foot.inner[-4]), 0, 0])
        tip[1:] = last.heel_bottom + 0.012 * s, foot.z[-4]
        for side in (foot.inner, foot.outer):
            z = last.low + 0.5 * length
            end = np.array([float(foot.at(side, np.array(z))), last.heel_bottom, z])
            t = np.linspace(0, 1, 8)[:, None]
            line = tip * (1 - t) + end * t
            line[:, 1] = foot.at(foot.top, line[:, 2]) * (1 - t[:, 0] ** 3) + end[1] * t[:, 0] ** 3
            line[0, 1] -= 0.012 * s
            straps.append(
                band(line + np.array([0, 0.002 * s, 0]), (0, 1, 0.2), 0.012 * s, 0.004 * s)
            )
    return straps


def _left(fitting: Fitting, kind: str) -> Mesh:
    form = FORMS[kind]
    last = _Last(_measure(fitting), form, kind in STRAPS)
    if kind in STRAPS:
        return join(last.sole(), *_upper_straps(fitting, last, kind))
    return join(last.upper(), last.sole(), *last.heel(), *last.laces())


def _standing(mean: Fitting, kind: str) -> Fitting:
    """The mean body with its feet as they are in these shoes."""
    heels = lowered([Item(kind)], mean.chart)
    if heels is None:
        return mean
    shaped = np.array(mean.shaped)
    shaped[:, 1] -= heels * mean.scale
    return replace(mean, shaped=shaped)


def _hidden(mean: Fitting, kind: str) -> Array:
    """(F,) faces of the body that are inside the shoe for certain."""
    if kind in STRAPS:
        return np.zeros(len(mean.model.faces), dtype=bool)
    mean = _standing(mean, kind)
    form, v = FORMS[kind], mean.shaped
    last = _Last(_measure(mean), form)
    collar = last.collar
    middle = float(mean.joint("pelvis")[0])
    p = np.stack([np.abs(v[:, 0] - middle), v[:, 1], v[:, 2]], axis=1)
    near = np.flatnonzero((np.asarray(mean.chart["height"]) < 0.45) & (mean.chart["arm"] < 0))
    centre = 0.5 * (collar.min(axis=0) + collar.max(axis=0))
    d = p[near] - centre
    turn = np.arctan2(d[:, 0], d[:, 2]) % (2 * np.pi)
    own = np.arctan2(collar[:, 0] - centre[0], collar[:, 2] - centre[2]) % (2 * np.pi)
    order = np.argsort(own)
    edge = np.interp(turn, own[order], collar[order, 1], period=2 * np.pi)
    if form.shaft:
        edge = np.full_like(edge, last.heel_bottom + form.shaft * last.scale)
    reach = np.hypot(collar[:, 0] - centre[0], collar[:, 2] - centre[2])[order]
    reach = np.interp(turn, own[order], reach, period=2 * np.pi) + 0.008 * last.scale
    outside = np.hypot(d[:, 0], d[:, 2]) > reach
    inside = np.zeros(len(v), dtype=bool)
    inside[near] = (p[near, 1] < edge - 0.007 * last.scale) | (
        outside & (p[near, 1] < last.heel_bottom + 0.1 * last.scale)
    )
    return np.asarray(inside[np.asarray(mean.model.faces)].all(axis=1))


def shoes(fitting: Fitting, item: Item) -> list[WornPart]:
    """A pair of shoes of one of FORMS. Colours: upper, second colour, sole."""
    kind, form = item.kind, FORMS[item.kind]
    left = _left(fitting, kind)
    middle = 2 * float(fitting.joint("pelvis")[0])
    mesh = join(left, left.mirrored().moved([middle, 0.0, 0.0]))

    def skin(mean: Fitting) -> tuple[Array, ...]:
        mean = _standing(mean, kind)
        pair = _left(mean, kind)
        pair = join(pair, pair.mirrored().moved([2 * float(mean.joint("pelvis")[0]), 0, 0]))
        low = (np.asarray(mean.chart["height"]) < 0.5) & (np.asarray(mean.chart["arm"]) < 0)
        halves = []
        for side in (1.0, -1.0):
            among = np.flatnonzero(low & (np.asarray(mean.chart["position"])[:, 0] * side > 0))
            half = slice(0, len(left.vertices)) if side > 0 else slice(len(left.vertices), None)
            halves.append(bound(mean, pair.vertices[half], among))
        return tuple(np.concatenate(values) for values in zip(*halves, strict=True))

    joints, weights, near = _SKINS.get(fitting, kind, skin)
    hides = _HIDDEN.get(fitting, kind, lambda mean: _hidden(mean, kind))
    return [
        worn(
            fitting, kind, mesh, _colors(item), form.surface, (joints, weights), near,
            hides=hides, replaces=("shoes",),
            covers=("socks", "bottom") if form.shaft > 0.2 else ("socks",),
        )
    ]  # fmt: skip


def _colors(item: Item) -> tuple[Color, ...]:
    """Colours of UPPER, SOLE, ACCENT and LINING."""
    given = (*item.colors, *(linear("#2a2420"), linear("#4a4038"), linear("#1a1715")))[:3]
    if item.colors and len(item.colors) < 3:
        given = (item.colors[0], item.colors[min(1, len(item.colors) - 1)], linear("#1a1715"))
    upper, accent, sole = given
    return upper, sole, accent, linear("#191512")
