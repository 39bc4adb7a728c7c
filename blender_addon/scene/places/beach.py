"""A beach: sand, towels and parasols, the sea or a promenade behind."""

from __future__ import annotations

import numpy as np

from ..spec import SurfaceSpec
from . import outdoor, palette
from .outdoor import house_row, lay, litter, stand, tree
from .site import Frame, Place, Site


def build_beach(site: Site) -> Place:
    """Lay out a beach: the sea is behind the people, beside them, or behind the camera."""
    rng = site.rng
    turn = float(rng.choice([0.0, 0.0, 70.0, -70.0, 180.0])) + float(rng.uniform(-25, 25))
    frame = site.view_frame(turn)
    points = np.concatenate([frame.local(site.feet), [frame.local(site.eye)], [[0.0, 0.0]]])
    shore = float(points[:, 1].max()) + float(rng.uniform(1.5, 14.0))
    rear = float(points[:, 1].min()) - float(rng.uniform(8.0, 20.0))
    ground = palette.sand(rng)
    _sea(site, frame, shore)
    _promenade(site, frame, rear)
    for _ in range(int(38 * site.density)):
        where = frame.world((rng.uniform(-25, 25), rng.uniform(rear + 2.0, shore - 1.0)))
        _beach_thing(site, where, float(rng.uniform(0, 360)))
    for _ in range(int(7 * site.density)):
        where = frame.world((rng.uniform(-8, 8), rng.uniform(rear, shore - 1.0)))
        litter(site, where)
    return site.done(ground=ground)


def _sea(site: Site, frame: Frame, shore: float) -> None:
    """Water to the horizon, with wet sand and surf before it."""
    world, turn = frame.world, frame.turn
    wet = SurfaceSpec("noise", (0.16, 0.12, 0.08), (0.13, 0.1, 0.065), 1.5, 0.3)
    foam = SurfaceSpec("noise", (0.7, 0.72, 0.72), (0.3, 0.36, 0.38), 2.5, 0.6)
    for depth, y, height, surface in (
        (2.4, shore - 1.2, 0.006, wet),
        (0.7, shore + 0.3, 0.02, foam),
        (0.5, shore + 3.5, 0.03, foam),
        (0.6, shore + 8.0, 0.035, foam),
        (900.0, shore + 450.0, 0.012, palette.WATER),
    ):
        width = 1800.0 if depth > 100 else 160.0
        site.put(
            "box", world((0.0, y)), (width, depth, height), turn, surface, variant=0, check=False
        )


def _promenade(site: Site, frame: Frame, rear: float) -> None:
    """A low wall, palms and houses at the land's side."""
    rng = site.rng
    world, turn = frame.world, frame.turn
    wall = palette.stone(rng)
    for x in np.arange(-45.0, 45.0, 6.0):
        stand(
            site, "garden_wall", world((x, rear)), (6.0, 0.3, 0.9), turn + 180.0, wall, variants=2
        )
    for x in outdoor.along(rng, -40.0, 40.0, (5.0, 11.0)):
        size = ((4.0, 4.0, 6.0), (4.6, 4.6, 8.5))[int(rng.integers(2))]
        where = world((x, rear - float(rng.uniform(1, 4))))
        stand(
            site,
            "palm",
            where,
            size,
            float(rng.uniform(0, 360)),
            palette.LEAVES,
            foot=(0.5, 0.5),
            variants=4,
        )
    if rng.random() < 0.6:
        house_row(site, frame, rear - 12.0, -40.0, 40.0, facing=-1)
    else:
        for x in outdoor.along(rng, -40.0, 40.0, (4.0, 9.0)):
            tree(site, world((x, rear - float(rng.uniform(6, 14)))))


def _beach_thing(site: Site, where: np.ndarray, turn: float) -> None:
    kind = site.rng.random()
    if kind < 0.3:
        lay(site, "beach_towel", where, (0.9, 1.8, 0.03), turn, palette.LEAVES)
    elif kind < 0.55:
        stand(site, "parasol", where, (2.2, 2.2, 2.1), turn, palette.wood, foot=(0.4, 0.4))
        lay(
            site,
            "beach_towel",
            where + np.array([0.8, 0.4]),
            (0.9, 1.8, 0.03),
            turn,
            palette.LEAVES,
        )
    elif kind < 0.75:
        stand(site, "deck_chair", where, (0.62, 1.05, 0.9), turn, palette.wood)
    elif kind < 0.83:
        stand(site, "box", where, (0.4, 0.3, 0.32), turn, palette.coloured)
    elif kind < 0.93:
        lay(site, "grass_tufts", where, (2.0, 2.0, 0.4), turn, palette.LEAVES)
    else:
        stand(site, "litter_bin", where, (0.5, 0.5, 1.0), turn, palette.coloured)
