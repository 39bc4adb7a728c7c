"""The trims of each kind of garment, by the names that `garment_kind.Kind.trims` lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from . import collars, patches
from .chart import LEVEL_HEIGHT
from .coverage import COLLAR_LEVEL, front_field
from .garments import KINDS
from .patches import METAL, Builder, shade
from .sweeps import Row, Tube, arm, buttons, curve, leg, loft, ribbon, sweep, trunk
from .trims import Sewing, Trim
from .worn_part import PartSurface

Array = np.ndarray
LEATHER = PartSurface("leather", roughness=0.45)


def trims_of(sewing: Sewing) -> list[Trim]:
    """All trims of a garment."""
    return [trim for name in KINDS[sewing.garment.kind].trims for trim in TRIMS[name](sewing)]


def _edge(width: float, lift: float) -> tuple[Row, ...]:
    """Profile of a band that is folded around the edge of a garment."""
    return (
        (-0.002, -0.002),
        (-0.004, 0.5 * lift),
        (-0.002, lift),
        (width - 0.004, lift),
        (width, 0.4 * lift),
        (width, -0.001),
    )


def _cuffs(width: float, lift: float, least: float = 0.5, most: float = 2.0) -> Builder:
    def build(sewing: Sewing) -> list[Trim]:
        end = sewing.garment.sleeve
        if not least < end < most:
            return []
        rows = _edge(width, lift)
        return [
            trim for side in (1.0, -1.0) for trim in sweep(sewing, arm(sewing, side, end), rows)
        ]

    return build


def _hem(width: float, lift: float) -> Builder:
    def build(sewing: Sewing) -> list[Trim]:
        if sewing.layer.hangs:
            return []
        return sweep(sewing, trunk(sewing, sewing.garment.hem), _edge(width, lift), _open(sewing))

    return build


def _leg_hems(width: float, lift: float) -> Builder:
    def build(sewing: Sewing) -> list[Trim]:
        hem, rows = sewing.garment.hem, _edge(width, lift)
        return [
            trim for side in (1.0, -1.0) for trim in sweep(sewing, leg(sewing, side, hem), rows)
        ]

    return build


def _open(sewing: Sewing) -> float:
    """rad from the middle of the front to the front edge at the hips."""
    return float(max(0.0, sewing.garment.opening) / 0.13)


def _upside_down(rows: Sequence[Row]) -> list[Row]:
    return [(-float(distance), lift) for distance, lift in rows]  # type: ignore[arg-type]


def _is_covered(sewing: Sewing, tube: Tube) -> bool:
    """Whether something is worn over the line of a tube."""
    at_line = np.abs(tube.distance + 0.015) < 0.02
    return bool(np.mean(sewing.above[at_line] > 0) > 0.4) if at_line.any() else True


def _waistband(sewing: Sewing) -> list[Trim]:
    if _is_covered(sewing, trunk(sewing, sewing.garment.waist)):
        return []
    rows = _upside_down(_edge(0.036, 0.0025))
    return sweep(sewing, trunk(sewing, sewing.garment.waist), rows)


def _belt(sewing: Sewing) -> list[Trim]:
    dark = (0.012, 0.010, 0.009) if sewing.seed < 0.6 else (0.09, 0.045, 0.02)
    waist = trunk(sewing, sewing.garment.waist)
    if _is_covered(sewing, waist) or sewing.seed * 3 % 1 > 0.65:
        return []
    rows = ((-0.034, 0.002), (-0.033, 0.006), (-0.004, 0.006), (-0.003, 0.002))
    line = np.asarray(sewing.c["x"], dtype=np.float64)
    where = np.minimum(0.019 - np.abs(waist.distance + 0.018), sewing.c["front"])
    buckle = (0.5, 0.48, 0.42)
    return [
        *sweep(sewing, waist, rows, 0.0, dark, LEATHER),
        *ribbon(sewing, line, waist.distance, where, 0.024, 0.009, buckle, METAL),
    ]


def _placket(sewing: Sewing) -> list[Trim]:
    """The strip down the front of a shirt, with its buttons."""
    return _buttoned(sewing, np.full(len(sewing.shaped), 1.0), 0.085)


def _short_placket(sewing: Sewing) -> list[Trim]:
    below = (COLLAR_LEVEL - sewing.c["level"]) * LEVEL_HEIGHT
    return _buttoned(sewing, 0.15 - below, 0.05)


def _buttoned(sewing: Sewing, where: Array, apart: float) -> list[Trim]:
    c = sewing.c
    line = np.asarray(c["x"], dtype=np.float64)
    up = np.asarray(c["level"], dtype=np.float64) * LEVEL_HEIGHT
    where = np.minimum(where, c["front"])
    strip = ribbon(sewing, line, up, where, 0.016, 0.002)
    points = curve(sewing, line, up, where)
    if points is None:
        return strip
    places = np.arange(points.along[-1] - 0.02, points.along[0] + 0.015, -apart)
    light = max(sewing.garment.fabric.color) > 0.25
    color = (0.75, 0.73, 0.68) if light or sewing.seed < 0.4 else (0.02, 0.02, 0.02)
    return [*strip, *buttons(sewing, points, places, 0.0055, 0.0045, color)]


def _line(
    sewing: Sewing, start: tuple[float, float], end: tuple[float, float]
) -> tuple[Array, Array, Array]:
    """(line, along, where), as `sweeps.curve` takes them, between two points (x rm, level)."""
    x, y = np.asarray(sewing.c["x"], dtype=np.float64), sewing.c["level"] * LEVEL_HEIGHT
    (x0, l0), (x1, l1) = start, end
    y0, y1 = l0 * LEVEL_HEIGHT, l1 * LEVEL_HEIGHT
    length = float(np.hypot(x1 - x0, y1 - y0))
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length
    beside = ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length
    return beside, along, np.minimum(along, length - along)


def _slits(sewing: Sewing) -> list[Trim]:
    """The openings of trousers' pockets at the hips, and the fly."""
    waist, dark = sewing.garment.waist - 0.1, shade(sewing, 0.4)
    lines = [((side * 0.09, waist), (side * 0.15, waist - 0.3)) for side in (1.0, -1.0)]
    lines.append(((0.012, waist), (0.006, waist - 0.34)))
    out = []
    for start, end in lines:
        line, along, where = _line(sewing, start, end)
        where = np.minimum(where, sewing.c["front"])
        out += ribbon(sewing, line, along, where, 0.0025, 0.0012, dark)
    return out


def _zip(sewing: Sewing) -> list[Trim]:
    metal = (0.35, 0.35, 0.36) if sewing.seed < 0.5 else (0.02, 0.02, 0.02)
    line, up = np.asarray(sewing.c["x"], dtype=np.float64), sewing.c["level"] * LEVEL_HEIGHT
    return ribbon(sewing, line, up, sewing.c["front"], 0.004, 0.002, metal, METAL)


def _strings(sewing: Sewing) -> list[Trim]:
    """The strings of a hood, on the chest."""
    color, out = shade(sewing, 1.7), []
    for side, length in ((1.0, 0.35), (-1.0, 0.42)):
        start, end = (side * 0.03, COLLAR_LEVEL + 0.02), (side * 0.035, COLLAR_LEVEL - length)
        line, along, where = _line(sewing, start, end)
        where = np.minimum(where, sewing.c["front"])
        out += ribbon(sewing, line, along, where, 0.003, 0.005, color)
    return out


def _seams(sewing: Sewing) -> list[Trim]:
    """The seams down the outside of trousers' legs."""
    up = sewing.c["level"] * LEVEL_HEIGHT
    line = np.asarray(sewing.c["front"], dtype=np.float64)
    out = []
    for side in (1.0, -1.0):
        outside = np.where(sewing.c["x"] * side > 0, np.sin(sewing.c["leg_angle"]), -1.0)
        out += ribbon(sewing, line, up, outside, 0.002, 0.001, shade(sewing, 0.6))
    return out


def _lapels(sewing: Sewing) -> list[Trim]:
    """Flaps along a V, from the collar down to where the front closes."""
    garment, c = sewing.garment, sewing.c
    if garment.depth < 0.08:
        return []
    above = (c["level"] - COLLAR_LEVEL) * LEVEL_HEIGHT + garment.depth
    edge = front_field(np, c, garment.opening, garment.depth, garment.slope)
    width = 0.072 * np.clip(above / garment.depth, 0.0, 1.0) ** 0.8
    out = []
    for side in (1.0, -1.0):
        where = np.minimum(c["front"] + 0.01, c["x"] * side)
        inner = curve(sewing, edge - 0.002, above, np.minimum(where, above - 0.002), 0.01)
        below_notch = np.minimum(where, np.minimum(above - 0.002, garment.depth - 0.02 - above))
        outer = curve(sewing, edge - width - 0.002, above, below_notch)
        rows = ((inner, -0.002), (inner, 0.010), (outer, 0.012), (outer, -0.001))
        out += loft(sewing, rows, 14)
    return out


def _seam_line(level: float) -> Builder:
    """A seam around the trunk at a level."""

    def build(sewing: Sewing) -> list[Trim]:
        rows = ((-0.002, 0.0), (-0.001, 0.0015), (0.001, 0.0015), (0.002, 0.0))
        return sweep(sewing, trunk(sewing, level), rows, 0.0, shade(sewing, 0.6))

    return build


def _neck_band(sewing: Sewing) -> list[Trim]:
    """A band along the neckline, V or round."""
    garment, c = sewing.garment, sewing.c
    if garment.depth < 0.02 and garment.opening < 0:
        return collars.crew(sewing)
    front = front_field(np, c, garment.opening, garment.depth, garment.slope)
    from_edge = np.minimum(c["neck"] - garment.neck, front)
    position = np.asarray(c["position"], dtype=np.float64)
    middle = position[np.abs(c["neck"]) < 0.012, 2].mean()
    angle = np.arctan2(position[:, 0], position[:, 2] - middle)
    # It begins and ends behind, where the angle jumps.
    where = np.minimum(c["level"] * LEVEL_HEIGHT - 0.1, np.pi - 0.05 - np.abs(angle))
    return ribbon(sewing, from_edge - 0.006, angle, where, 0.008, 0.0025, smooth=5)


def _front_line(sewing: Sewing) -> list[Trim]:
    """The closure down the front of a robe."""
    line, up = np.asarray(sewing.c["x"], dtype=np.float64), sewing.c["level"] * LEVEL_HEIGHT
    return ribbon(sewing, line, up, sewing.c["front"], 0.0025, 0.001, shade(sewing, 0.5))


def _back_slits(sewing: Sewing) -> list[Trim]:
    """The openings of trousers' pockets behind."""
    level, out = sewing.garment.waist - 0.22, []
    for side in (1.0, -1.0):
        line, along, where = _line(sewing, (side * 0.05, level), (side * 0.12, level))
        where = np.minimum(where, -sewing.c["front"])
        out += ribbon(sewing, line, along, where, 0.003, 0.0012, shade(sewing, 0.4))
    return out


def _front_buttons(sewing: Sewing) -> list[Trim]:
    """Two buttons below the V of a jacket."""
    garment, c = sewing.garment, sewing.c
    line = np.asarray(c["x"], dtype=np.float64) - max(garment.opening, 0.0) - 0.016
    up = np.asarray(c["level"], dtype=np.float64) * LEVEL_HEIGHT
    points = curve(sewing, line, up, c["front"])
    if points is None:
        return []
    top = COLLAR_LEVEL * LEVEL_HEIGHT - max(garment.depth, 0.1)
    places = np.array([top - 0.02, top - 0.12])
    return buttons(sewing, points, places, 0.010, 0.005, shade(sewing, 0.5))


TRIMS: Mapping[str, Builder] = {
    "crew": collars.crew,
    "turtle": collars.turtle,
    "shirt collar": collars.shirt,
    "polo collar": collars.polo,
    "stand": collars.stand,
    "turned down": collars.turned_down,
    "hood": collars.hood,
    "lapels": _lapels,
    "neck band": _neck_band,
    "front edges": patches.front_edges,
    "cuffs": _cuffs(0.065, 0.003),
    "rib cuffs": _cuffs(0.055, 0.0025),
    "sleeve hem": _cuffs(0.022, 0.0012, 0.05, 0.9),
    "rib hem": _hem(0.06, 0.003),
    "hem": _hem(0.022, 0.0012),
    "leg hems": _leg_hems(0.025, 0.0014),
    "rib legs": _leg_hems(0.05, 0.003),
    "seams": _seams,
    "waistband": _waistband,
    "belt": _belt,
    "placket": _placket,
    "short placket": _short_placket,
    "chest pocket": patches.chest_pocket,
    "slits": _slits,
    "back pockets": patches.back_pockets,
    "flap pockets": patches.patch_pockets,
    "pouch": patches.pouch,
    "zip": _zip,
    "strings": _strings,
    "reflective": patches.reflective,
    "reflective sleeves": patches.reflective_sleeves,
    "reflective legs": patches.reflective_legs,
    "two pockets": patches.pockets(0.08, 0.63, (0.045, 0.05), 0.003),
    "thigh pockets": patches.thigh_pockets,
    "bib pocket": patches.middle_pocket(0.5, (0.07, 0.05)),
    "apron pocket": patches.middle_pocket(0.05, (0.11, 0.06)),
    "epaulettes": patches.epaulettes,
    "badge": patches.badge,
    "sash": patches.sash,
    "waist seam": _seam_line(0.26),
    "front line": _front_line,
    "back slits": _back_slits,
    "front buttons": _front_buttons,
    "side stripes": patches.side_stripes,
}
