"""A paved square between houses: café tables, stalls, a fountain, trees, lamps, and people."""

from __future__ import annotations

import numpy as np

from ...draws import pick
from . import outdoor, palette
from .outdoor import house_row, lay, litter, stand, tree
from .site import Array, Place, Site

_THINGS = {
    "park_bench": 4,
    "litter_bin": 2,
    "street_lamp": 2,
    "tree": 5,
    "iron_bollard": 2,
    "bicycles": 2,
    "road_sign": 1,
    "planter": 3,
    "cafe": 5,
    "kiosk": 1,
    "market_stall": 2,
    "ad_column": 1,
    "a_board": 1,
    "cabinet": 1,
}
_SIZES = {
    "park_bench": (1.8, 0.62, 0.86),
    "litter_bin": (0.5, 0.5, 1.0),
    "iron_bollard": (0.18, 0.18, 0.95),
    "road_sign": (0.7, 0.2, 2.6),
    "planter": (1.2, 0.6, 1.0),
    "kiosk": (3.0, 2.5, 2.9),
    "market_stall": (3.0, 1.7, 2.5),
    "ad_column": (1.3, 1.3, 3.1),
    "a_board": (0.6, 0.62, 1.05),
    "cabinet": (0.95, 0.4, 1.25),
}


def build_square(site: Site) -> Place:
    """Lay out a square around the people."""
    rng = site.rng
    frame = site.view_frame(float(rng.uniform(-40, 40)))
    ground = palette.paving(rng)
    feet, eye = frame.local(site.feet), frame.local(site.eye)
    points = np.concatenate([feet, [eye]]) if len(feet) else np.array([eye, (0.0, 0.0)])
    low, high = points.min(axis=0) - 2.0, points.max(axis=0) + 2.0
    far = float(high[1] + rng.uniform(3.0, 16.0))
    left, right = float(low[0] - rng.uniform(3, 14)), float(high[0] + rng.uniform(3, 14))
    house_row(site, frame, far, left - 8, right + 8)
    for x, turn in ((right, -90.0), (left, 90.0)):
        corner = outdoor.frame_at(frame, (x, 0.0), turn)
        ends = sorted((float(np.sign(-turn)) * far, float(np.sign(-turn)) * (low[1] - 6.0)))
        house_row(site, corner, 0.0, ends[0], ends[1])
    _middle(site, frame.world((rng.uniform(left, right), rng.uniform(high[1], far))), frame.turn)
    area = (right - left) * (far - float(low[1]))
    count = int(np.clip(0.11 * area, 30, 75) * site.density)
    for _ in range(count):
        name = pick(rng, _THINGS)
        where = frame.world(rng.uniform((left + 1, low[1]), (right - 1, far - 1.5)))
        if rng.random() < 0.55:
            seen = outdoor.seen_place(site, 2.5, 30.0)
            x, y = frame.local(seen)
            where = seen if left + 1 < x < right - 1 and y < far - 1.5 else where
        turn = frame.turn + float(rng.choice([0, 90, 180, 270])) + float(rng.normal(0, 4))
        _put(site, name, where, turn)
    for _ in range(int(8 * site.density)):
        where = outdoor.seen_place(site, 1.2, 14.0)
        if rng.random() < 0.3:
            lay(site, "manhole", where, (0.6, 0.6, 0.01), frame.turn, palette.iron, 0.001)
        else:
            litter(site, where, 0.001)
    outdoor.close_view(site, "mixed")
    return site.done(ground=ground)


def _middle(site: Site, where: Array, turn: float) -> None:
    """A fountain or a monument."""
    shape = "fountain" if site.rng.random() < 0.5 else "monument"
    size = (4.2, 4.2, 2.2) if shape == "fountain" else (3.2, 3.2, 5.5)
    stand(site, shape, where, size, turn, palette.stone)


def _put(site: Site, name: str, where: Array, turn: float) -> None:
    if name == "tree":
        tree(site, where, "leafy_tree")
    elif name == "cafe":
        outdoor.cafe(site, where, turn)
    elif name == "bicycles":
        outdoor.bicycles(site, where, turn)
    elif name == "street_lamp":
        stand(site, name, where, (1.0, 1.6, 4.8), turn, palette.iron, foot=(0.25, 0.25))
    else:
        paint = {
            "park_bench": palette.wood,
            "planter": palette.stone,
            "iron_bollard": palette.iron,
            "road_sign": palette.signed,
            "cabinet": palette.iron,
        }.get(name, palette.coloured)
        stand(site, name, where, _SIZES[name], turn, paint)
