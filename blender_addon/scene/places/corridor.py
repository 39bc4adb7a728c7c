"""Corridors and stairways: doors on both sides, boards, coats, lockers, a flight of stairs."""

from __future__ import annotations

import numpy as np

from ...recipes.recipe import Recipe
from .. import surfaces
from . import finishes
from .adapting import indoors
from .dressing import PUBLIC_IMAGES, add_door, add_pictures, add_small_things, add_windows, scatter
from .room_light import any_ceiling_lights, flash, windows_by_day
from .rooms import Room, Wall, plan_room
from .site import Place, Site

_POSES = ("standing", "walking", "running", "carrying", "talking", "phoning", "waving", "sitting")


def adapt_corridor(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.8, 9.0), height=(0.8, 2.6), people=8, poses=_POSES)


def build_corridor(site: Site) -> Place:
    """Lay out a corridor or a hall along the view."""
    rng = site.rng
    room = plan_room(
        site,
        beyond=(2.0, 9.0),
        beside=(0.25, 0.9),
        behind=(0.3, 2.0),
        height=(2.4, 3.4),
        smallest=(1.5, 4.0),
        turn=float(rng.uniform(-9, 9)),
    )
    far, left, _, right = room.walls
    stairs = rng.random() < 0.35 and room.size[0] > 1.6
    if stairs:
        size = (float(min(round(room.size[0] - 0.3, 1), 2.0)), 2.6, room.size[2] + 0.4)
        room.against(far, "stairs", size, finishes.lacquer(rng, 0.1), 0.0, variants=4)
    elif rng.random() < 0.6:
        add_windows(room, far, 1, width=(0.9, 1.6), sill=0.1, dressing="none")
    else:
        add_door(room, far, 0.0)
    for wall in (left, right):
        _side(room, wall)
    scatter(
        room,
        [
            ("house_plant", (0.5, 0.5, 1.2)),
            ("bin", (0.3, 0.3, 0.6)),
            ("dining_chair", (0.45, 0.46, 0.88)),
            ("storage_shelf", (0.6, 0.45, 0.9)),
        ],
        int(4 * site.density),
    )
    _light(room)
    floor = finishes.floor(rng, linoleum=4, tiles=3, carpet=2, parquet=1, concrete=1)
    return room.done(floor, finishes.plaster(rng, 0.4))


def _side(room: Room, wall: Wall) -> None:
    """Doors at equal distances, and between them what hangs and stands in corridors."""
    rng = room.rng
    step = float(rng.uniform(2.2, 3.6))
    start = float(rng.uniform(0, step))
    for x in np.arange(-wall.length / 2 + start, wall.length / 2 - 0.5, step):
        if rng.random() < 0.8:
            add_door(room, wall, float(round(x, 2)))
    if rng.random() < 0.25:
        add_windows(room, wall, max(1, int(wall.length / 3)), dressing="none")
    things = [
        ("lockers", (1.6, 0.3, 1.8), 0.0),
        ("coats_on_hooks", (1.2, 0.2, 1.1), 0.7),
        ("notice_board", (1.2, 0.03, 0.8), 1.1),
        ("wall_cabinet", (0.45, 0.16, 0.6), 0.9),
        ("hand_rail", (2.0, 0.08, 0.1), 0.85),
        ("radiator", (1.2, 0.12, 0.55), 0.12),
        ("dining_chair", (0.45, 0.46, 0.88), 0.0),
        ("bookcase", (0.9, 0.24, 1.1), 0.0),
    ]
    for _ in range(int(7 * room.site.density)):
        shape, size, height = things[int(rng.integers(len(things)))]
        room.against(
            wall, shape, size, finishes.furniture(rng, 0.3), height=height, variants=12, tries=3
        )
    add_small_things(room, wall)
    add_pictures(room, wall, int(4 * room.site.density), PUBLIC_IMAGES)


def _light(room: Room) -> None:
    rng = room.rng
    color = surfaces.warm_white(float(rng.normal(0.05, 0.3)))
    share = float(rng.uniform(0.35, 1.1))
    windows_by_day(room, (1.0, 9.0), (0.3, 1.0))
    if rng.random() < 0.12:
        flash(room)
        share *= 0.12
        room.outside *= 0.01
    kinds = {"ceiling_panel": (0.6, 0.3, 0.03), "tube_lamp": (1.2, 0.14, 0.08),
             "ceiling_spot": (0.2, 0.2, 0.05)}  # fmt: skip
    any_ceiling_lights(room, kinds, (2.5, 2.4), share, color)
