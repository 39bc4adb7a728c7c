"""A street: houses, pavements, a road with cars, and what stands on pavements.

The people decide where the street runs: most of them stand on one pavement, or on a crossing, or
in a street without cars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..spec import SurfaceSpec
from . import outdoor, palette
from .outdoor import house_row, lay, litter, stand, tree, vehicle
from .site import Array, Frame, Place, Site

KERB = 0.12  # m: the road lies below the pavements, on which people stand
_LENGTH = 42.0  # m of the street to both sides of the people
_WIDEST_PAVEMENT = 6.5  # m


@dataclass(frozen=True)
class _Street:
    """Lines of a street, by their y in its frame (x runs along it), m.

    Attributes:
        frame: Its axes; the near houses are at high y.
        near, far: The fronts of the houses on both sides.
        kerb, far_kerb: The edges of the road; equal where there is none.
    """

    frame: Frame
    near: float
    far: float
    kerb: float
    far_kerb: float

    @property
    def has_road(self) -> bool:
        return self.kerb > self.far_kerb


def build_street(site: Site) -> Place:
    """Lay out a street around the people."""
    rng = site.rng
    street, crossing = _lines(site)
    base = -KERB if street.has_road else 0.0
    pavement, road = palette.paving(rng), palette.asphalt(rng)
    _houses(site, street)
    if street.has_road:
        _pavements(site, street, pavement, crossing)
        _road(site, street, road)
        _kerb_things(site, street)
    else:
        _middle_things(site, street)
    _wall_things(site, street)
    _ground_details(site, street)
    outdoor.close_view(site, "mixed", base)
    return site.done(ground=road if street.has_road else pavement, ground_height=base)


def _lines(site: Site) -> tuple[_Street, tuple[float, float] | None]:
    """Choose the street, and the ends along x of a crossing that people use."""
    rng = site.rng
    frame, _ = outdoor.frame_of_line(site, across=0.4, bend=28.0)
    feet, eye = frame.local(site.feet), frame.local(site.eye)
    if not len(feet):
        feet = np.zeros((1, 2))
    low, high = float(feet[:, 1].min()) - 0.9, float(feet[:, 1].max()) + 0.9
    if eye[1] > high:  # the road is on the camera's side
        frame = Frame(frame.origin, frame.turn + 180.0)
        feet, eye = -feet, -eye
        low, high = -high, -low
    near = max(high + float(rng.uniform(0.3, 2.2)), float(eye[1]) + 2.4)
    kerb = low - float(rng.uniform(0.1, 1.0))
    width = float(rng.uniform(6.0, 10.0))
    crossing = None
    if high - low > _WIDEST_PAVEMENT:
        ends = (float(feet[:, 0].min()) - 1.0, float(feet[:, 0].max()) + 1.0)
        if ends[1] - ends[0] > 9.0 or rng.random() < 0.3:  # a street for walkers
            far = min(low - float(rng.uniform(0.5, 3.0)), float(eye[1]) - 2.4)
            return _Street(frame, near, far, low, low), None
        kerb = high - float(rng.uniform(1.0, 2.5))
        width, crossing = max(width, kerb - low - 1.0), ends
    far_kerb = kerb - width
    far = min(far_kerb - float(rng.uniform(2.2, 4.0)), float(eye[1]) - 2.4)
    return _Street(frame, near, far, kerb, far_kerb), crossing


def _houses(site: Site, street: _Street) -> None:
    rng = site.rng
    house_row(site, street.frame, street.near, -_LENGTH, _LENGTH, base=-0.02)
    house_row(site, street.frame, street.far, -_LENGTH, _LENGTH, facing=-1, base=-0.02)
    if rng.random() < 0.55:  # the street ends at houses across
        for end in (-1, 1):
            x = end * float(rng.uniform(0.75, 0.95)) * _LENGTH
            turned = outdoor.frame_at(street.frame, (x, 0.0), -90.0 * end)
            a, b = sorted((end * street.near, end * street.far))
            house_row(site, turned, 0.0, a, b, base=-0.02)


def _slab(
    site: Site,
    street: _Street,
    y: float,
    depth: float,
    x: tuple[float, float],
    surface: SurfaceSpec,
    turn: float,
) -> None:
    middle = street.frame.world(((x[0] + x[1]) / 2, y))
    size = (round(x[1] - x[0], 1), round(depth, 1), KERB)
    site.put(
        "pavement",
        middle,
        size,
        street.frame.turn + turn,
        surface,
        height=-KERB,
        variant=0,
        check=False,
    )


def _pavements(
    site: Site, street: _Street, surface: SurfaceSpec, crossing: tuple[float, float] | None
) -> None:
    """The slabs at both sides, whose kerbs face the road, and a crossing."""
    depth = round(street.near - street.kerb + 0.4, 1)
    _slab(site, street, street.kerb + depth / 2, depth, (-_LENGTH, _LENGTH), surface, 0.0)
    depth = round(street.far_kerb - street.far + 0.4, 1)
    _slab(site, street, street.far_kerb - depth / 2, depth, (-_LENGTH, _LENGTH), surface, 180.0)
    if crossing is None and site.rng.random() < 0.35:
        x = float(site.rng.uniform(-12, 12))
        crossing = (x, x + 4.0)
    if crossing is None:
        return
    middle = street.frame.world((sum(crossing) / 2, (street.kerb + street.far_kerb) / 2))
    size = (
        round(crossing[1] - crossing[0] + 1.2, 1),
        round(street.kerb - street.far_kerb, 1),
        KERB,
    )
    site.put(
        "crossing",
        middle,
        size,
        street.frame.turn,
        palette.asphalt(site.rng),
        height=-KERB,
        variant=1,
        check=False,
    )
    for x, y in (
        (crossing[0] - 0.5, street.kerb + 0.4),
        (crossing[1] + 0.5, street.far_kerb - 0.4),
    ):
        shape = "traffic_light" if site.rng.random() < 0.6 else "road_sign"
        size = (0.5, 0.6, 3.1) if shape == "traffic_light" else (0.62, 0.2, 2.5)
        turn = street.frame.turn + (90.0 if x < 0 else -90.0)
        stand(site, shape, street.frame.world((x, y)), size, turn, palette.signed)


def _road(site: Site, street: _Street, road: SurfaceSpec) -> None:
    """Lines, covers, patches, parked cars at both kerbs, and cars on their way."""
    rng, frame = site.rng, street.frame
    middle = (street.kerb + street.far_kerb) / 2
    line = (2 * _LENGTH - 4, 0.12, 0.004)
    site.put(
        "road_line",
        frame.world((0.0, middle)),
        line,
        frame.turn,
        road,
        height=-KERB + 0.002,
        variant=int(rng.integers(8)),
        check=False,
    )
    for x in outdoor.along(rng, -25.0, 25.0, (5.0, 12.0)):
        where = frame.world((x, rng.uniform(street.far_kerb + 0.5, street.kerb - 0.5)))
        if rng.random() < 0.5:
            lay(site, "manhole", where, (0.62, 0.62, 0.012), frame.turn, road, -KERB + 0.004)
        else:
            darker = SurfaceSpec("asphalt", road.color2, road.color2, 9.0, 0.8)
            size = (
                round(float(rng.uniform(0.8, 4.0)), 1),
                round(float(rng.uniform(0.6, 2.0)), 1),
                0.004,
            )
            lay(site, "repair", where, size, frame.turn, darker, -KERB + 0.003)
    for kerb, sign, full in ((street.kerb, -1, 0.75), (street.far_kerb, 1, 0.85)):
        if rng.random() < 0.2:
            continue
        for x in outdoor.along(rng, -_LENGTH, _LENGTH, (5.2, 6.6)):
            if rng.random() < full * site.density:
                turn = frame.turn + sign * 90.0 + float(rng.normal(0, 1.0))
                y = kerb + sign * float(rng.uniform(1.05, 1.25))
                vehicle(site, frame.world((x, y)), turn, -KERB)
    for x in outdoor.along(rng, -_LENGTH, _LENGTH, (12.0, 40.0)):
        side = 1 if rng.random() < 0.5 else -1
        vehicle(site, frame.world((x, middle + side * 1.5)), frame.turn + 90.0 * side, -KERB)


def _kerb_things(site: Site, street: _Street) -> None:
    """Lamps, trees, signs, bins, racks and more along both kerbs."""
    rng, frame = site.rng, street.frame
    trees = rng.random() < 0.5
    lamp, lamp_paint = (1.2, 2.4, 6.0), palette.iron(rng)
    for kerb, side in ((street.kerb, 1), (street.far_kerb, -1)):
        y = kerb + side * 0.5
        facing = frame.turn + (0.0 if side > 0 else 180.0)
        for x in outdoor.along(rng, -_LENGTH, _LENGTH, (14.0, 22.0)):
            stand(
                site,
                "street_lamp",
                frame.world((x, y)),
                lamp,
                facing,
                lamp_paint,
                foot=(0.25, 0.25),
            )
        if trees:
            for x in outdoor.along(rng, -_LENGTH + 5, _LENGTH - 5, (7.0, 12.0)):
                tree(site, frame.world((x, y + side * 0.2)), "leafy_tree")
        posts = rng.random() < 0.3
        for x in outdoor.along(rng, -30.0, 30.0, (1.6, 2.0) if posts else (1.8, 5.0)):
            if posts:
                stand(
                    site,
                    "iron_bollard",
                    frame.world((x, y - side * 0.15)),
                    (0.16, 0.16, 0.95),
                    0.0,
                    lamp_paint,
                )
            elif rng.random() < 0.8 * site.density:
                _kerb_thing(site, frame.world((x, y)), facing)


def _kerb_thing(site: Site, where: Array, facing: float) -> None:
    """One thing at the kerb; `facing` is the turn of a thing that faces the road."""
    rng = site.rng
    iron, any_color = palette.iron, palette.coloured
    kind = int(rng.choice(10, p=[0.16, 0.16, 0.1, 0.14, 0.07, 0.07, 0.12, 0.08, 0.04, 0.06]))
    if kind == 0:
        stand(
            site,
            "road_sign",
            where,
            (0.62, 0.2, 2.6),
            facing + 90.0 * float(rng.choice([-1, 1])),
            palette.signed,
        )
    elif kind == 1:
        stand(
            site,
            "litter_bin",
            where,
            (0.46, 0.46, 0.98),
            facing,
            any_color if rng.random() < 0.5 else iron,
        )
    elif kind == 2:
        stand(site, "cabinet", where, (0.95, 0.4, 1.25), facing + 180.0, iron)
    elif kind == 3:
        outdoor.bicycles(site, where, facing)
    elif kind == 4:
        stand(site, "post_box", where, (0.5, 0.5, 1.4), facing + 180.0, any_color)
    elif kind == 5:
        stand(site, "bus_shelter", where, (4.0, 1.5, 2.5), facing, any_color)
    elif kind == 6:
        stand(site, "planter", where, (1.2, 0.5, 0.95), facing, palette.stone)
    elif kind == 7:
        stand(site, "park_bench", where, (1.8, 0.62, 0.86), facing + 180.0, palette.wood)
    elif kind == 8:
        stand(site, "ad_column", where, (1.3, 1.3, 3.1), facing, any_color, foot=(1.3, 1.3))
    else:
        stand(site, "railing", where, (3.0, 0.06, 1.05), facing, iron)


def _wall_things(site: Site, street: _Street) -> None:
    """Boards, tables, planters and bicycles before the houses."""
    rng, frame = site.rng, street.frame
    for y, side in ((street.near, -1), (street.far, 1)):
        facing = frame.turn + (0.0 if side < 0 else 180.0)
        x = -28.0
        while x < 28.0:
            x += float(rng.uniform(1.2, 4.5)) / max(site.density, 0.2)
            kind = rng.random()
            off = float(rng.uniform(0.5, 0.9))
            where = frame.world((x, y + side * off))
            if kind < 0.2:
                stand(
                    site,
                    "a_board",
                    where,
                    (0.6, 0.62, 1.05),
                    facing + float(rng.normal(90, 30)),
                    palette.coloured,
                )
            elif kind < 0.45:
                outdoor.cafe(site, frame.world((x, y + side * (off + 0.8))), facing)
                x += 1.2
            elif kind < 0.65:
                stand(site, "planter", where, (0.6, 0.45, 0.9), facing, palette.stone)
            elif kind < 0.8:
                stand(site, "bicycle", where, (0.55, 1.7, 1.02), facing + 90.0, palette.car_paint)
            elif kind < 0.9:
                stand(site, "bin", where, (0.55, 0.6, 1.05), facing, palette.coloured)
            else:
                stand(site, "park_bench", where, (1.6, 0.55, 0.86), facing, palette.wood)


def _middle_things(site: Site, street: _Street) -> None:
    """Rows of things in a street without cars."""
    rng, frame = site.rng, street.frame
    trees = rng.random() < 0.6
    for y in (0.3 * street.near + 0.7 * street.far, 0.7 * street.near + 0.3 * street.far):
        for x in outdoor.along(rng, -_LENGTH, _LENGTH, (2.5, 6.0)):
            where, kind = frame.world((x, y + float(rng.normal(0, 0.3)))), rng.random()
            if kind < 0.15:
                stand(
                    site,
                    "street_lamp",
                    where,
                    (1.0, 1.0, 4.6),
                    frame.turn,
                    palette.iron,
                    foot=(0.25, 0.25),
                )
            elif kind < 0.4 and trees:
                tree(site, where, "leafy_tree")
            elif kind < 0.6:
                outdoor.cafe(site, where, frame.turn)
            else:
                _kerb_thing(site, where, frame.turn)
    for _ in range(int(22 * site.density)):
        where = outdoor.seen_place(site, 3.0, 28.0)
        if street.far + 1.0 < frame.local(where)[1] < street.near - 1.0:
            _kerb_thing(site, where, frame.turn + float(rng.choice([0.0, 90.0, 180.0])))


def _ground_details(site: Site, street: _Street) -> None:
    """Covers, leaves and stains on the pavement, and wires over the street."""
    rng, frame = site.rng, street.frame
    low, high = (street.kerb if street.has_road else street.far), street.near
    for _ in range(int(16 * site.density)):
        where = outdoor.seen_place(site, 1.2, 16.0)
        if not low + 0.5 < frame.local(where)[1] < high - 0.3:
            continue
        kind = rng.random()
        if kind < 0.3:
            lay(site, "manhole", where, (0.5, 0.5, 0.01), frame.turn, palette.iron, 0.001)
        elif kind < 0.75:
            litter(site, where, 0.001)
        else:
            dark = SurfaceSpec("plain", (0.045, 0.043, 0.04), (0.04, 0.04, 0.04), 1.0, 0.6)
            size = (round(float(rng.uniform(0.2, 0.9)), 1) + 0.05, 0.4, 0.003)
            lay(site, "repair", where, size, float(rng.uniform(0, 360)), dark, 0.001)
    if rng.random() < 0.35:
        for x in outdoor.along(rng, -30, 30, (10.0, 18.0)):
            middle = frame.world((x, (street.near + street.far) / 2))
            size = (round(street.near - street.far, 1), 1.0, 1.0)
            site.put(
                "cables",
                middle,
                size,
                frame.turn + 90.0,
                palette.LEAVES,
                height=6.0,
                variant=int(rng.integers(6)),
                check=False,
            )
