"""Bars and restaurants: people behind or at a counter, and at tables with glasses and plates."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...draws import log_uniform
from ...recipes.distributions import Distribution
from ...recipes.recipe import Recipe
from .. import surfaces
from ..spec import LampSpec, SurfaceSpec, vec3
from . import finishes
from .adapting import indoors
from .before_people import add_counter, add_tables
from .dressing import add_pictures, add_small_things, add_windows, net_curtains, scatter
from .room_light import daylight, fill, flash, hanging_lamp
from .rooms import Room, plan_room
from .site import Place, Site

_POSES = ("sitting", "standing", "talking", "reaching", "phoning", "waving")
_SLATE = SurfaceSpec("plain", (0.02, 0.022, 0.022), (0.7, 0.7, 0.68), 1.0, 0.8)


def adapt_bar(recipe: Recipe) -> Recipe:
    """People sit or stand towards the camera, which is near and at eye height."""
    near = indoors(recipe, distance=(0.7, 3.5), height=(1.0, 1.8), people=8, poses=_POSES)
    people = near.people
    if people.facing.bounds == (-180.0, 180.0):
        facing = Distribution("normal", (0.0, 55.0), min=-180.0, max=180.0)
        people = dataclasses.replace(people, facing=facing)
    return dataclasses.replace(near, people=people)


def build_bar(site: Site) -> Place:
    """Lay out a bar or a restaurant around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(0.8, 3.5), beside=(0.8, 3.0), height=(2.6, 3.4),
                     turn=float(rng.uniform(-18, 18)))  # fmt: skip
    wood = finishes.wood(rng)
    counter = None
    if rng.random() < 0.45:
        counter = add_counter(room, "laid_counter", wood, top=1.05)
    if counter is None:
        shape = str(rng.choice(["laid_dining_table", "laid_pub_table"]))
        sizes = ((0.8, 0.8), (1.2, 0.8), (0.7, 0.7), (1.6, 0.8))
        add_tables(room, shape, sizes, wood, share=0.9)
    seen = room.walls_in_view()
    for number, wall in enumerate(seen):
        if rng.random() < 0.35:
            add_windows(room, wall, 2, width=(1.2, 2.6), sill=0.5, dressing="none")
        for _ in range(3 if number == 0 or counter is not None else 1):
            size = (float(rng.choice([1.2, 1.6, 2.0])), 0.3, 1.1)
            room.against(wall, "bottle_shelf", size, wood, height=0.95, variants=16)
        if number == 0 and counter is not None:
            room.against(wall, "sideboard", (1.8, 0.45, 0.9), wood, variants=12)
        if rng.random() < 0.4:
            room.hang(wall, "writing_board", (0.8, 0.03, 1.1), _SLATE, 1.0, variants=16)
        add_small_things(room, wall)
        add_pictures(room, wall, int(2 + 3 * site.density))
    _tables(room)
    _light(room)
    net_curtains(room)
    return room.done(
        finishes.floor(rng, parquet=4, tiles=3, checks=1, concrete=1), finishes.plaster(rng, 0.6)
    )


def _tables(room: Room) -> None:
    """More tables with their chairs on free floor, and stools."""
    rng = room.rng
    wood = finishes.furniture(rng)
    w, d, _ = room.size
    for _ in range(int(14 * room.site.density)):
        at = rng.uniform((-w / 2 + 0.8, -d / 2 + 0.8), (w / 2 - 0.8, d / 2 - 0.8))
        where = room.frame.world(at)
        wide = float(rng.choice([0.7, 0.8, 1.2]))
        size = vec3((wide, 0.75, 1.1))
        if not room.sees(where, 0.6) or not room.site.put(
            "laid_pub_table", where, size, room.frame.turn, wood, variant=int(rng.integers(16))
        ):
            continue
        for side in (-1, 1):
            place = room.frame.world(at + np.array((0.0, side * 0.58)))
            turn = room.frame.turn + (180.0 if side < 0 else 0.0) + float(rng.normal(0, 10))
            room.site.put("dining_chair", place, (0.44, 0.46, 0.88), turn, wood,
                          variant=int(rng.integers(6)))  # fmt: skip
    scatter(
        room,
        [
            ("bar_stool", (0.38, 0.38, 0.76)),
            ("house_plant", (0.6, 0.6, 1.3)),
            ("dining_chair", (0.44, 0.46, 0.88)),
        ],
        8,
    )


def _light(room: Room) -> None:
    """Warm lamps over tables; by day also windows; now and then a flash."""
    rng = room.rng
    kind = str(rng.choice(["warm", "day", "flash"], p=[0.55, 0.25, 0.2]))
    warm = surfaces.warm_white(float(rng.uniform(0.35, 1.0)))
    level = 2.4 * room.floor_area
    w, d, _ = room.size
    if kind == "day" and room.openings:
        room.outside = log_uniform(rng, 1.2, 7.0)
        daylight(room, float(rng.uniform(0.7, 1.2)), surfaces.warm_white(-0.1))
        fill(room, 0.4, warm)
    else:
        room.outside = 0.02
        fill(room, float(rng.uniform(0.1, 0.35)), warm)
    share = {"warm": float(rng.uniform(0.4, 1.0)), "day": 0.2, "flash": 0.1}[kind]
    across = np.linspace(-0.3, 0.3, 3) * w
    for x in across:
        y = float(rng.uniform(-0.1, 0.3)) * d
        hanging_lamp(room, (float(x), y), 0.0, warm)
    x, y = room.frame.world((0.0, 0.1 * d))
    at = (float(x), float(y), room.size[2] - 0.75)
    room.site.lamps.append(
        LampSpec(at, (0.0, 0.0, -1.0), (0.5 * w, 0.5 * w), share * level, warm, seen=False)
    )
    if kind == "flash":
        flash(room, float(rng.uniform(0.6, 1.3)))
