"""Hats, caps and helmets: crowns over the outline of the head, with brims and peaks."""

from __future__ import annotations

import numpy as np

from .head_frame import head_frame, head_map
from .outfit import Item
from .palette import Color, linear
from .part_fitting import worn
from .solids import CLOTH, KNIT, PLASTIC, SOFT, Mesh, band, dome, join, loft, tube
from .vectors import unit
from .worn_part import Fitting, PartSurface, WornPart

Array = np.ndarray

COLUMNS = 28
TURN = 2 * np.pi * np.arange(COLUMNS) / COLUMNS  # 0 in front
_SIN, _COS = np.sin(TURN), np.cos(TURN)
MAIN, SECOND = range(2)  # regions


class Crown:
    """The head under a hat."""

    def __init__(self, fitting: Fitting) -> None:
        self.fitting, self.head = fitting, head_frame(fitting)
        self.map, self.h = head_map(fitting), self.head.size
        self.hair = (0.002 + 0.45 * min(fitting.hair, 0.03)) * self.h  # pressed by the hat

    def edge(self, front: float, back: float, away: float) -> Array:
        """(K, 3) around the head, `front` and `back` rm above the eyes, `away` rm from it."""
        y = self.head.eyes[1] + (0.5 * (front + back) + 0.5 * (front - back) * _COS) * self.h
        return self.map.points(y, TURN, self.hair + away * self.h)

    def rows(
        self, edge: Array, top: float, power: float, count: int, tight: float = 0.003
    ) -> Array:
        """(count, K, 3) from an edge upwards to `top` rm above the crown, never inside the head.

        The profile is a superellipse: `power` 2 is round, more is boxy.
        """
        h = self.h
        centre = edge.mean(axis=0)
        high = self.head.crown + top * h + self.hair
        t = np.sin(np.linspace(0, np.pi / 2, count)) ** (2 / power)
        size = np.cos(np.linspace(0, np.pi / 2, count)) ** (2 / power)
        rows = centre + (edge - centre) * size[:, None, None]
        rows[..., 1] = edge[:, 1] + t[:, None] * (high - edge[:, 1])
        inside = self.map.points(rows[..., 1], TURN[None], self.hair + tight * h)
        axis = centre[[0, 2]]
        own = np.hypot(*np.moveaxis(rows[..., [0, 2]] - axis, -1, 0))
        least = np.hypot(*np.moveaxis(inside[..., [0, 2]] - axis, -1, 0))
        under = rows[..., 1] < self.head.eyes[1] + 0.09 * h
        grow = np.where(under & (own > 0), np.maximum(least / np.maximum(own, 1e-6), 1.0), 1.0)
        rows[..., [0, 2]] = axis + (rows[..., [0, 2]] - axis) * grow[..., None]
        return rows

    def part(
        self, name: str, mesh: Mesh, colors: tuple[Color, ...], surface: PartSurface
    ) -> WornPart:
        skin = self.fitting.rigid("head", len(mesh.vertices))
        return worn(self.fitting, name, mesh, colors, surface, skin, self.head.near)


def colors_of(item: Item, *default: str) -> tuple[Color, ...]:
    return (*item.colors, *(linear(code) for code in default[len(item.colors) :]))


def _brim(edge: Array, width: Array, drop: Array, thick: float, region: int = MAIN) -> Mesh:
    """A brim around an edge (K, 3): `width` and `drop` (K,) at its rim, m."""
    out = unit((edge - edge.mean(axis=0)) * np.array([1.0, 0.0, 1.0]))
    down = np.array([0.0, 1.0, 0.0])
    shares = (0.0, 0.5, 1.0)
    over = [edge + out * (s * width)[:, None] - down * (s**1.6 * drop)[:, None] for s in shares]
    under = [row - down * thick for row in reversed(over)]
    rows = np.array([*reversed(under), *reversed(over)])
    return loft(rows, region)


def _peak(crown: Crown, edge: Array, turned: bool, length: float, droop: float = 0.016) -> Mesh:
    """The peak of a cap: a bent plate ahead of its edge."""
    h = crown.h
    wide = np.linspace(-1, 1, 11)
    angle = wide * 1.12 + (np.pi if turned else 0.0)
    place = angle / (2 * np.pi) * COLUMNS
    i = np.floor(place).astype(int)
    t = (place - i)[:, None]
    root = edge[i % COLUMNS] * (1 - t) + edge[(i + 1) % COLUMNS] * t
    ahead = np.array([0.0, 0.0, -1.0 if turned else 1.0])
    reach = length * h * (1 - np.abs(wide) ** 2.6) ** 0.6
    down = droop * h * (0.5 + 1.3 * wide**2)
    rows = []
    for s in (0.0, 0.35, 0.7, 1.0):
        row = root + ahead * (s * reach)[:, None]
        row[:, 1] -= s * down * (0.6 + 0.4 * s) * (reach / (length * h)) ** 0.3
        rows.append(row)
    thick = np.array([0.0, 0.0025 * h, 0.0])
    rows = [*(row + 0.4 * thick for row in rows), *(row - thick for row in rows[::-1])]
    return loft(np.array(rows), SECOND, closed=False)


def cap(fitting: Fitting, item: Item) -> list[WornPart]:
    """A baseball cap, a third of them worn backwards. Colours: crown, peak."""
    crown = Crown(fitting)
    turned = item.variant > 0.72
    edge = crown.edge(0.047 - 0.01 * turned, 0.0, 0.003)
    rows = crown.rows(edge, 0.012, 2.5, 7)
    button = crown.head.crown + 0.012 * crown.h + crown.hair
    top = rows[-1].mean(axis=0)
    knob = loft(
        [top + np.stack([_SIN * r, 0 * _SIN + y, _COS * r], axis=1)[::4] * crown.h
         for r, y in ((0.008, -0.002), (0.007, 0.003), (0.0, 0.004))], SECOND,
    )  # fmt: skip
    knob = knob.moved([0.0, button - top[1], 0.0])
    peak = _peak(crown, edge, turned, 0.072)
    mesh = join(dome(np.concatenate([_inside(edge, crown.h), rows])), knob, peak)
    colors = colors_of(item, "#16203a", "#16203a")
    return [crown.part("cap", mesh, colors, CLOTH)]


def _inside(edge: Array, h: float) -> Array:
    """(1, K, 3) the lower edge of the lining, so that rims have a thickness."""
    inwards = unit((edge.mean(axis=0) - edge) * np.array([1.0, 0.0, 1.0]))
    return (edge + inwards * 0.005 * h + np.array([0.0, 0.006 * h, 0.0]))[None]


def beanie(fitting: Fitting, item: Item) -> list[WornPart]:
    """A knitted hat with a turn-up; `variant` has some slack on top, or a bobble. Colours: hat,
    turn-up.
    """
    crown = Crown(fitting)
    h = crown.h
    slack = 0.012 + 0.035 * max(0.0, item.variant - 0.6) * 2.5
    edge = crown.edge(0.046, -0.022, 0.004)
    fold = crown.edge(0.046, -0.022, 0.010)
    high = crown.edge(0.088, 0.026, 0.009)
    rows = crown.rows(crown.edge(0.086, 0.024, 0.005), slack, 2.2, 6, tight=0.005)
    ribs = np.where(np.arange(COLUMNS) % 2 > 0, 0.0008, -0.0008) * h
    for row in (fold, high):
        row += unit((row - row.mean(axis=0)) * np.array([1.0, 0.0, 1.0])) * ribs[:, None]
    cuff = loft([*_inside(edge, h), edge, fold, 0.5 * (fold + high), high, rows[0]], SECOND)
    meshes = [dome(rows), cuff]
    if item.variant < 0.2:
        meshes.append(_ball(rows[-1].mean(axis=0) + np.array([0.0, 0.022 * h, 0.0]), 0.03 * h))
    colors = colors_of(item, "#4c4f54")
    return [crown.part("beanie", join(*meshes), colors, KNIT)]


def _ball(centre: Array, radius: float) -> Mesh:
    turn, tilt = 2 * np.pi * np.arange(10) / 10, np.linspace(-np.pi / 2, np.pi / 2, 7)
    wobble = 1 + 0.12 * np.sin(3 * turn[None] + 5 * tilt[:, None])
    flat = np.cos(tilt)[:, None] * wobble
    rows = np.stack(
        [flat * np.sin(turn), np.sin(tilt)[:, None] + 0 * flat, flat * np.cos(turn)], axis=-1
    )
    return loft(centre + radius * rows, SECOND)


def fedora(fitting: Fitting, item: Item) -> list[WornPart]:
    """A hat with a pinched crown, a ribbon and a brim. Colours: felt, ribbon."""
    crown = Crown(fitting)
    h = crown.h
    edge = crown.edge(0.05, 0.012, 0.004)
    centre = edge.mean(axis=0)
    high = crown.head.crown + crown.hair + 0.028 * h
    rows = [edge]
    for t, size in ((0.22, 1.0), (0.6, 0.97), (0.9, 0.88), (1.0, 0.72)):
        row = centre + (edge - centre) * size
        row[:, 1] = edge[:, 1] + t * (high - edge[:, 1])
        # Two dents in front, where fingers take it.
        dent = 0.012 * h * t * np.exp(-(((np.abs(TURN - np.pi) - np.pi + 0.62) / 0.35) ** 2))
        row += unit((centre - row) * np.array([1.0, 0.0, 1.0])) * dent[:, None]
        rows.append(row)
    crease = centre + (rows[-1] - centre) * np.array([0.25, 0.0, 0.75])
    crease[:, 1] = high - 0.016 * h + 0.006 * h * _COS
    rows.append(crease)
    region = np.zeros((len(rows) - 1, COLUMNS), int)
    region[0] = SECOND
    width = (0.055 + 0.012 * item.variant) * h * (1 + 0.06 * np.abs(_COS))
    drop = 0.012 * h * (_COS - 1.2 * np.abs(_SIN) + 0.2)
    mesh = join(loft(np.array(rows), region, last=True), _brim(edge, width, drop, 0.004 * h))
    colors = colors_of(item, "#3a3128", "#141210")
    return [crown.part("fedora", mesh, colors, SOFT)]


def sun_hat(fitting: Fitting, item: Item) -> list[WornPart]:
    """A straw hat with a wide, wavy brim. Colours: straw, ribbon."""
    crown = Crown(fitting)
    h = crown.h
    edge = crown.edge(0.05, -0.002, 0.004)
    rows = crown.rows(edge, 0.02, 3.0, 9)
    region = np.zeros((len(rows) - 1, COLUMNS), int)
    region[0] = SECOND
    waves = np.sin(3 * TURN + 6 * item.variant) + 0.6 * np.sin(5 * TURN + 9 * item.variant)
    width = np.full(COLUMNS, (0.085 + 0.05 * item.variant) * h)
    drop = (0.018 + 0.012 * waves * (1 - 0.8 * np.clip(_COS, 0, 1))) * h
    mesh = join(loft(rows, region, last=True), _brim(edge, width, drop, 0.004 * h))
    colors = colors_of(item, "#c9ab73", "#1b1d23")
    return [crown.part("sun hat", mesh, colors, CLOTH)]


def bucket_hat(fitting: Fitting, item: Item) -> list[WornPart]:
    """A soft hat with a sloping brim. Colours: cloth."""
    crown = Crown(fitting)
    h = crown.h
    edge = crown.edge(0.042, -0.008, 0.006)
    rows = crown.rows(edge, 0.014, 4.0, 9)
    width = np.full(COLUMNS, 0.042 * h) * (1 + 0.05 * np.sin(4 * TURN + 9 * item.variant))
    mesh = join(dome(rows), _brim(edge, width, np.full(COLUMNS, 0.026 * h), 0.004 * h, SECOND))
    return [crown.part("bucket hat", mesh, colors_of(item, "#7b6f55"), CLOTH)]


def hard_hat(fitting: Fitting, item: Item) -> list[WornPart]:
    """A helmet of a building site. Colours: shell."""
    crown = Crown(fitting)
    h = crown.h
    edge = crown.edge(0.055, 0.02, 0.02)
    rows = crown.rows(edge, 0.036, 2.3, 8, tight=0.018)
    ahead = np.clip(_COS, 0, 1) ** 2
    brim = _brim(edge, (0.010 + 0.034 * ahead) * h, (0.004 + 0.012 * ahead) * h, 0.003 * h)
    ridges = []
    for column, width in ((0, 0.026), (3, 0.012), (COLUMNS - 3, 0.012)):
        opposite = (COLUMNS // 2 - column) % COLUMNS
        path = np.concatenate([rows[1:-1, column], rows[-1:].mean(axis=1), rows[-2:0:-1, opposite]])
        out = unit(path - edge.mean(axis=0))
        ridges.append(band(path - out * 0.003 * h, out, width * h, 0.009 * h))
    mesh = join(dome(np.concatenate([_inside(edge, h), rows])), brim, *ridges)
    return [crown.part("hard hat", mesh, colors_of(item, "#e3b62f"), PLASTIC)]


def bicycle_helmet(fitting: Fitting, item: Item) -> list[WornPart]:
    """A helmet with openings, and straps to the chin. Colours: shell, openings and straps."""
    crown = Crown(fitting)
    h, head = crown.h, crown.head
    edge = crown.edge(0.055, 0.012, 0.014)
    edge[:, 2] += 0.014 * h * np.where(_COS < 0, _COS * np.abs(_COS), 0.6 * _COS)
    rows = crown.rows(edge, 0.034, 2.2, 9, tight=0.012)
    region = np.zeros((len(rows) - 1, COLUMNS), int)
    region[1:4, [1, 2, 5, 6, 21, 22, 25, 26]] = SECOND
    region[4:7, [2, 3, 24, 25]] = SECOND
    region[2:5, [10, 11, 16, 17]] = SECOND
    region[0] = SECOND
    shell = loft(np.concatenate([_inside(edge, h), rows]),
                 np.concatenate([region[:1], region]), last=True)  # fmt: skip
    chin = np.array([head.eyes[0], head.eyes[1] - 0.118 * h, head.eyes[2] - 0.045 * h])
    straps = []
    for side in (1, -1):
        low = np.array(
            [head.eyes[0] + side * 0.058 * h, head.eyes[1] - 0.075 * h, head.ear[2] + 0.02]
        )
        for column in (5, 9):
            start = edge[side * column % COLUMNS] - [0.0, 0.0, 0.0]
            bulge = 0.5 * (start + low)
            bulge[0] = head.eyes[0] + side * max(
                abs(bulge[0] - head.eyes[0]), head.temple + 0.006 * h
            )
            straps.append(tube([start, bulge, low], 0.004 * h, flat=0.4, out=(1.0, 0, 0), sides=4,
                               region=SECOND))  # fmt: skip
        straps.append(
            tube([low, chin], 0.004 * h, flat=0.4, out=(0, 0, 1.0), sides=4, region=SECOND)
        )
    colors = colors_of(item, "#d8d8d6", "#0d0d0f")
    return [crown.part("bicycle helmet", join(shell, *straps), colors, PLASTIC)]


def kippah(fitting: Fitting, item: Item) -> list[WornPart]:
    """A small cap on the back of the crown. Colours: cloth, rim."""
    crown = Crown(fitting)
    h, head = crown.h, crown.head
    y = head.eyes[1] + 0.05 * h
    ring = crown.map.points(np.full(COLUMNS, y), TURN)
    centre = np.array([head.eyes[0], y, ring[:, 2].mean()])
    radii = np.array([0.5 * np.ptp(ring[:, 0]), head.crown - y, 0.5 * np.ptp(ring[:, 2])])
    radii += crown.hair + 0.003 * h
    rows = []
    for tilt in np.linspace(0.72 + 0.1 * item.variant, 0.0, 5):
        way = np.stack([np.sin(tilt) * _SIN, np.cos(tilt) + 0 * _SIN, np.sin(tilt) * _COS], axis=1)
        back = 0.5
        way = np.stack(
            [way[:, 0], way[:, 1] * np.cos(back) + way[:, 2] * np.sin(back),
             way[:, 2] * np.cos(back) - way[:, 1] * np.sin(back)], axis=1,
        )  # fmt: skip
        rows.append(centre + way * radii)
    region = np.zeros((4, COLUMNS), int)
    region[0] = SECOND
    mesh = loft(np.array(rows)[:, ::2], region[:, ::2])
    return [crown.part("kippah", mesh, colors_of(item, "#101114", "#b9bbbd"), CLOTH)]


HATS = {
    "cap": cap,
    "beanie": beanie,
    "fedora": fedora,
    "sun hat": sun_hat,
    "bucket hat": bucket_hat,
    "hard hat": hard_hat,
    "bicycle helmet": bicycle_helmet,
    "kippah": kippah,
}
