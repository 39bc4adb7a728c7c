"""Garages, workshops and cellars: tools on walls, shelves with boxes, benches, bicycles, a car."""

from __future__ import annotations

import numpy as np

from ...recipes.recipe import Recipe
from .. import objects, surfaces
from ..spec import SurfaceSpec, vec3
from . import finishes
from .adapting import indoors
from .before_people import add_tables
from .dressing import PUBLIC_IMAGES, add_door, add_pictures, add_small_things, add_windows, scatter
from .room_light import ceiling_lights, flash, windows_by_day
from .rooms import plan_room
from .site import Place, Site

_POSES = ("standing", "bending", "crouching", "reaching", "carrying", "walking", "talking")
_GREY = SurfaceSpec("plain", (0.3, 0.3, 0.31), (0.15, 0.15, 0.16), 1.0, 0.5)


def adapt_workshop(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.8, 6.0), people=6, poses=_POSES)


def build_workshop(site: Site) -> Place:
    """Lay out a workshop around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(0.8, 4.0), beside=(0.6, 3.0), height=(2.3, 3.6))
    add_tables(room, "laid_workbench", ((1.5, 0.7), (1.8, 0.7)), finishes.wood(rng), top=0.88,
               share=0.35, chairs="")  # fmt: skip
    seen = room.walls_in_view()
    for wall in seen:
        if rng.random() < 0.3:
            add_windows(room, wall, 1, width=(0.8, 1.8), sill=1.3, dressing="none")
        at = room.against(wall, "laid_workbench", (1.8, 0.65, 1.24), finishes.wood(rng),
                          variants=16)  # fmt: skip
        if at is not None:
            room.hang(wall, "tool_wall", (1.6, 0.08, 0.8), finishes.furniture(rng, 0.4), 1.3, at)
        for _ in range(int(4 * site.density)):
            shape, size = (
                ("storage_shelf", (1.2, 0.45, 2.0)),
                ("storage_shelf", (1.6, 0.5, 1.6)),
                ("lockers", (0.9, 0.4, 1.8)),
                ("wardrobe", (1.0, 0.5, 1.9)),
            )[int(rng.integers(4))]
            room.against(wall, shape, size, _GREY, variants=24)
        for _ in range(2):
            room.hang(wall, "tool_wall", (1.2, 0.08, 0.8), finishes.furniture(rng, 0.4), 1.2)
        room.against(wall, "pipes", (round(0.8 * wall.length, 1), 0.2, 0.4), _GREY,
                     height=room.size[2] - 0.45, variants=8)  # fmt: skip
        room.hang(wall, "wall_cabinet", (0.5, 0.15, 0.7), _GREY, 1.1)
        if rng.random() < 0.3:
            add_door(room, wall)
        add_small_things(room, wall)
        add_pictures(room, wall, 3, PUBLIC_IMAGES)
    if rng.random() < 0.4 and min(room.size[:2]) > 4.0:
        size = objects.sample_size("car", rng)
        where = room.frame.world(rng.uniform(-0.3, 0.3, 2) * np.array(room.size[:2]))
        if room.sees(where, 1.0):
            site.put("car", where, size, room.frame.turn + float(rng.choice([0, 90])),
                     surfaces.sample_surface("car", rng))  # fmt: skip
    things: list[tuple[str, tuple[float, float, float]]] = [
        ("storage_shelf", (0.8, 0.5, 0.6)),
        ("bin", (0.4, 0.4, 0.8)),
        ("bicycle", (0.55, 1.7, 1.05)),
        ("bar_stool", (0.36, 0.36, 0.6)),
        ("laid_workbench", (1.2, 0.6, 1.2)),
        ("suitcase", (0.4, 0.25, 0.6)),
    ]
    scatter(room, things, int(9 * site.density))
    color = surfaces.warm_white(float(rng.normal(0.0, 0.35)))
    share = float(rng.uniform(0.25, 0.9))
    windows_by_day(room, (1.0, 8.0), (0.3, 0.8))
    if rng.random() < 0.15:
        flash(room)
        share *= 0.15
    ceiling_lights(room, "tube_lamp", vec3((1.2, 0.14, 0.08)), (2.6, 2.8), share, color)
    return room.done(finishes.floor(rng, concrete=5, tiles=1), finishes.plaster(rng, 0.15))
