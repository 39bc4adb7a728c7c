"""Green places: parks with paths, benches and playgrounds, and gardens behind houses."""

from __future__ import annotations

import numpy as np

from ...props.facades import front_line
from . import outdoor, palette
from .outdoor import SHRUB_SIZES, lay, litter, stand, tree
from .site import Frame, Place, Site

_REACH = 30.0  # m from the people that are filled with trees


def build_park(site: Site) -> Place:
    """Lay out a park around the people: a path along which they are, lawns, trees and shrubs."""
    rng = site.rng
    frame = site.view_frame(float(rng.uniform(-90, 90)))
    feet = frame.local(site.feet)
    middle = float(np.median(feet[:, 1])) if len(feet) else 0.0
    path = (palette.gravel if rng.random() < 0.6 else palette.asphalt)(rng)
    width = float(rng.choice([2.4, 3.2, 4.5]))
    if rng.random() < 0.85:
        site.put(
            "box",
            frame.world((0.0, middle)),
            (70.0, width, 0.012),
            frame.turn,
            path,
            variant=0,
            check=False,
        )
    _beside_path(site, frame, middle, width)
    if rng.random() < 0.4:
        _playground(site, frame, middle + float(rng.choice([-1, 1])) * (width + 7.0))
    if rng.random() < 0.5:
        _hedge_line(
            site, frame, middle + float(rng.choice([-1, 1])) * (width / 2 + rng.uniform(1.5, 9))
        )
    _greenery(site, frame, int(60 * site.density), middle, width)
    _grass(site)
    outdoor.close_view(site, "mixed" if rng.random() < 0.5 else "trees", nearest=34.0)
    return site.done(ground=palette.grass(rng))


def _beside_path(site: Site, frame: Frame, middle: float, width: float) -> None:
    """Benches, bins and lamps along both edges of the path."""
    rng = site.rng
    wood, iron = palette.wood(rng), palette.iron(rng)
    for side in (-1, 1):
        facing = frame.turn + (0.0 if side > 0 else 180.0)
        y = middle + side * (width / 2 + 0.7)
        for x in outdoor.along(rng, -_REACH, _REACH, (2.5, 7.0)):
            where, kind = frame.world((x, y + side * float(rng.uniform(0, 0.5)))), rng.random()
            if kind < 0.3:
                stand(site, "park_bench", where, (1.8, 0.62, 0.86), facing, wood)
            elif kind < 0.42:
                stand(site, "litter_bin", where, (0.46, 0.46, 0.95), facing, iron)
            elif kind < 0.58:
                stand(site, "street_lamp", where, (1.0, 1.0, 4.2), facing, iron, foot=(0.25, 0.25))
            elif kind < 0.7:
                stand(site, "flower_bed", where, (2.6, 0.9, 0.42), facing, palette.LEAVES)
            elif kind < 0.78:
                stand(site, "road_sign", where, (0.5, 0.2, 1.7), facing, palette.signed)
            elif kind < 0.86:
                stand(site, "bicycle", where, (0.55, 1.7, 1.02), facing + 90.0, palette.car_paint)


def _playground(site: Site, frame: Frame, y: float) -> None:
    rng = site.rng
    for shape, size in (
        ("swing", (3.4, 2.0, 2.3)),
        ("slide", (1.0, 3.6, 2.6)),
        ("picnic_table", (1.8, 1.5, 0.76)),
    ):
        where = frame.world((rng.uniform(-9, 9), y + rng.uniform(-3, 3)))
        stand(site, shape, where, size, float(rng.uniform(0, 360)), palette.wood, variants=4)


def _hedge_line(site: Site, frame: Frame, y: float) -> None:
    height = float(site.rng.choice([0.8, 1.3, 1.9]))
    for x in np.arange(-32.0, 32.0, 4.0):
        if site.rng.random() < 0.85:
            stand(
                site,
                "hedge",
                frame.world((x, y)),
                (4.0, 0.8, height),
                frame.turn,
                palette.LEAVES,
                variants=4,
            )


def _greenery(site: Site, frame: Frame, count: int, middle: float, width: float) -> None:
    """Trees and shrubs away from the path, in loose groups."""
    rng = site.rng
    for _ in range(count):
        x, y = rng.uniform(-_REACH, _REACH, 2)
        if abs(y - middle) < width / 2 + 1.0:
            continue
        where, kind = frame.world((x, y)), rng.random()
        if kind < 0.42:
            tree(site, where)
        elif kind < 0.9:
            size = SHRUB_SIZES[int(rng.integers(3))]
            stand(
                site, "shrub", where, size, float(rng.uniform(0, 360)), palette.LEAVES, variants=6
            )
        else:
            stand(
                site, "flower_bed", where, (2.6, 0.9, 0.42), frame.turn, palette.LEAVES, variants=4
            )


def _grass(site: Site) -> None:
    """Tufts and leaves on the ground near the camera and the people."""
    rng = site.rng
    feet = site.feet if len(site.feet) else np.zeros((1, 2))
    for _ in range(int(14 * site.density)):
        t = float(rng.uniform(0.15, 1.3))
        target = feet[int(rng.integers(len(feet)))]
        where = site.eye + t * (target - site.eye) + rng.normal(0, 1.2, 2)
        if rng.random() < 0.75:
            turn = float(rng.uniform(0, 360))
            lay(site, "grass_tufts", where, (2.0, 2.0, 0.14), turn, palette.LEAVES)
        else:
            litter(site, where, thickness=0.03)


def build_garden(site: Site) -> Place:
    """Lay out a garden or a yard: a fence around, a house, a shed, a table, beds and trees."""
    rng = site.rng
    frame = site.view_frame(float(rng.uniform(-35, 35)))
    points = np.concatenate([frame.local(site.feet), [frame.local(site.eye)], [[0.0, 0.0]]])
    low = points.min(axis=0) - rng.uniform(1.2, 4.0, 2)
    high = points.max(axis=0) + rng.uniform(1.2, 6.0, 2)
    yard = rng.random() < 0.3
    house = rng.random() < 0.5
    if house:
        surface = palette.house_wall(rng)
        x = float(rng.uniform(low[0], high[0]))
        where = frame.world((x, high[1] + 0.3 - front_line(9.0)))
        site.put(
            "facade",
            where,
            (12.0, 9.0, 7.0),
            frame.turn,
            surface,
            variant=int(rng.integers(24)),
            check=False,
        )
    _enclosure(site, frame, (float(low[0]), float(low[1])), (float(high[0]), float(high[1])), house)
    for _ in range(int(34 * site.density)):
        where = frame.world(rng.uniform(low + 0.6, high - 0.6))
        _garden_thing(site, where, frame.turn)
    for _ in range(16):  # neighbours' trees
        x = rng.uniform(low[0] - 14, high[0] + 14)
        tree(site, frame.world((x, high[1] + rng.uniform(3, 14))))
    if not yard:
        _grass(site)
    outdoor.close_view(site, "mixed", nearest=32.0)
    return site.done(ground=(palette.paving if yard else palette.grass)(rng))


def _enclosure(
    site: Site, frame: Frame, low: tuple[float, float], high: tuple[float, float], house: bool
) -> None:
    """A fence, a wall or a hedge along each side."""
    rng = site.rng
    kinds = (
        ("board_fence", 0.1, (1.2, 1.8), palette.wood),
        ("garden_wall", 0.3, (1.1, 2.0), palette.garden_brick),
        ("hedge", 0.8, (1.3, 1.9), palette.wood),
        ("railing", 0.06, (1.1, 1.3), palette.iron),
    )
    x0, y0, x1, y1 = *low, *high
    for start, end, turn in (
        ((x0, y1), (x1, y1), 0.0),
        ((x0, y0), (x0, y1), 90.0),
        ((x1, y0), (x1, y1), -90.0),
    ):
        shape, depth, heights, paint = kinds[int(rng.integers(4))]
        surface, height = paint(rng), float(rng.choice(heights))
        length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        n = max(1, round(length / 4.0))
        for i in range(n):
            t = (i + 0.5) / n
            where = frame.world(
                (start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1]))
            )
            size = (round(length / n, 1) + 0.05, depth, height)
            if not (house and turn == 0.0 and rng.random() < 0.3):
                stand(site, shape, where, size, frame.turn + turn, surface, variants=3)


def _garden_thing(site: Site, where: np.ndarray, turn: float) -> None:
    rng = site.rng
    turn = turn + float(rng.choice([0, 90, 180, 270])) + float(rng.normal(0, 6))
    kind = rng.random()
    if kind < 0.3:
        stand(
            site,
            "shrub",
            where,
            SHRUB_SIZES[int(rng.integers(3))],
            turn,
            palette.LEAVES,
            variants=6,
        )
    elif kind < 0.42:
        stand(site, "flower_bed", where, (2.6, 0.9, 0.42), turn, palette.LEAVES, variants=4)
    elif kind < 0.52:
        tree(site, where)
    elif kind < 0.58:
        stand(site, "shed", where, (2.6, 2.2, 2.5), turn, palette.wood, variants=6)
    elif kind < 0.66:
        stand(site, "picnic_table", where, (1.8, 1.5, 0.76), turn, palette.wood)
    elif kind < 0.74:
        outdoor.cafe(site, where, turn)
    elif kind < 0.8:
        stand(site, "deck_chair", where, (0.62, 1.05, 0.9), turn, palette.wood)
    elif kind < 0.86:
        stand(site, "planter", where, (0.6, 0.45, 0.8), turn, palette.stone)
    elif kind < 0.9:
        stand(site, "bicycle", where, (0.55, 1.7, 1.02), turn, palette.car_paint)
    elif kind < 0.95:
        stand(site, "bin", where, (0.55, 0.6, 1.05), turn, palette.coloured)
    else:
        stand(site, "slide", where, (0.9, 3.0, 2.1), turn, palette.wood, variants=4)
