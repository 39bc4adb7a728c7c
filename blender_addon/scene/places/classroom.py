"""Classrooms and halls: rows of desks and chairs before a board, wall bars and mats in a gym."""

from __future__ import annotations

import numpy as np

from ...props.tables import CLEAR
from ...recipes.recipe import Recipe
from .. import surfaces
from ..spec import SurfaceSpec, vec3
from . import finishes
from .adapting import indoors
from .before_people import add_tables
from .dressing import PUBLIC_IMAGES, add_door, add_pictures, add_small_things, add_windows, scatter
from .room_light import any_ceiling_lights, windows_by_day
from .rooms import Room, plan_room
from .site import Place, Site

_POSES = ("standing", "sitting", "talking", "waving", "reaching", "walking", "carrying", "bending")
_SPORT = ("standing", "running", "playing", "reaching", "crouching", "waving", "bending", "walking")
_GREEN = SurfaceSpec("plain", (0.02, 0.055, 0.035), (0.7, 0.7, 0.68), 1.0, 0.7)
_WHITE = SurfaceSpec("plain", (0.82, 0.82, 0.82), (0.02, 0.04, 0.25), 1.0, 0.2)


def adapt_classroom(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.8, 7.0), people=16, poses=_POSES)


def adapt_gym(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(1.0, 12.0), height=(0.6, 3.0), people=16, poses=_SPORT)


def build_classroom(site: Site) -> Place:
    """Lay out a classroom around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(1.2, 4.0), beside=(1.0, 3.0), height=(2.7, 3.4))
    desk, chair = finishes.furniture(rng, 0.2), finishes.lacquer(rng, 0.7)
    add_tables(
        room, "laid_school_desk", ((1.3, 0.55), (0.7, 0.55)), desk, top=0.72, share=0.6, chairs=""
    )
    seen = room.walls_in_view()
    for number, wall in enumerate(seen):
        if number == 0 or rng.random() < 0.3:
            wide = float(rng.choice([1.8, 2.4, 3.2]))
            board = _GREEN if rng.random() < 0.5 else _WHITE
            room.hang(wall, "writing_board", (wide, 0.06, 1.2), board, 0.9, variants=16)
        elif rng.random() < 0.6:
            add_windows(
                room,
                wall,
                max(1, int(wall.length / 2.2)),
                width=(1.2, 1.9),
                sill=0.9,
                dressing="office",
            )
        if rng.random() < 0.5:
            add_door(room, wall)
        for shape, size in (
            ("bookcase", (1.2, 0.35, 1.3)),
            ("storage_shelf", (1.0, 0.4, 1.6)),
            ("lockers", (1.2, 0.4, 1.6)),
            ("sideboard", (1.4, 0.45, 1.1)),
        ):
            if rng.random() < 0.4 * site.density:
                room.against(wall, shape, size, finishes.furniture(rng, 0.3), variants=16)
        for _ in range(2):
            room.hang(wall, "notice_board", (1.4, 0.03, 0.9), finishes.furniture(rng), 1.1)
        add_small_things(room, wall)
        add_pictures(room, wall, int(5 * site.density), PUBLIC_IMAGES)
    if not room.openings:
        add_windows(room, room.hidden_wall(), 2)
    _rows(room, desk, chair)
    _light(room)
    return room.done(
        finishes.floor(rng, linoleum=4, parquet=3, tiles=1, carpet=1), finishes.plaster(rng, 0.4)
    )


def _rows(room: Room, desk: SurfaceSpec, chair: SurfaceSpec) -> None:
    """Rows of desks and chairs on the free floor."""
    rng = room.rng
    w, d, _ = room.size
    long, deep = float(rng.choice([0.7, 1.3])), 0.55
    turn = room.frame.turn + float(rng.choice([0.0, 180.0]))
    away = np.radians(turn)
    ahead = np.array((-np.sin(away), np.cos(away)))
    for y in np.arange(-d / 2 + 0.9, d / 2 - 0.8, 1.35):
        for x in np.arange(-w / 2 + 0.9, w / 2 - 0.8, long + 0.55):
            where = room.frame.world((x, y)) + rng.normal(0, 0.04, 2)
            if not room.sees(where, 0.5) or rng.random() < 0.12:
                continue
            size = vec3((long, deep, 0.72 + CLEAR))
            room.site.put(
                "laid_school_desk",
                where,
                size,
                turn + float(rng.normal(0, 3)),
                desk,
                variant=int(rng.integers(12)),
            )
            for aside in (0.0,) if long < 1 else (-0.3, 0.3):
                place = where - 0.52 * ahead + aside * np.array((ahead[1], -ahead[0]))
                room.site.put(
                    "dining_chair",
                    place,
                    (0.4, 0.42, 0.82),
                    turn + 180.0 + float(rng.normal(0, 12)),
                    chair,
                    variant=int(rng.integers(4)),
                )


def build_gym(site: Site) -> Place:
    """Lay out a gym or a hall: high, with wall bars, mats, benches and balls."""
    rng = site.rng
    room = plan_room(site, beyond=(3.0, 9.0), beside=(2.0, 5.0), height=(4.0, 6.0))
    wood = finishes.wood(rng)
    for wall in room.walls_in_view():
        if rng.random() < 0.5:
            add_windows(
                room,
                wall,
                max(1, int(wall.length / 3)),
                width=(1.6, 2.6),
                sill=2.4,
                dressing="none",
            )
        at = -wall.length / 2 + 0.6
        while at < wall.length / 2 - 0.6:
            shape, size = (
                ("wall_bars", (0.9, 0.15, 2.2)),
                ("mats", (1.6, 0.9, float(rng.choice([0.3, 0.6, 0.9])))),
                ("bench", (1.8, 0.45, 0.5)),
                ("storage_shelf", (1.2, 0.5, 1.7)),
                ("door", (1.0, 0.1, 2.05)),
                ("lockers", (1.2, 0.4, 1.8)),
            )[int(rng.integers(6))]
            surface = wood if shape in ("wall_bars", "bench") else finishes.lacquer(rng, 0.5)
            if rng.random() < 0.8:
                room.against(wall, shape, size, surface, at + size[0] / 2, variants=8)
            at += size[0] + 0.1
        add_pictures(room, wall, 3, PUBLIC_IMAGES)
    for _ in range(int(7 * site.density)):
        r = float(rng.choice([0.2, 0.24, 0.6]))
        scatter(room, [("sphere", (r, r, r))], 1, finishes.lacquer(rng, 0.9))
    scatter(
        room,
        [("mats", (1.6, 0.9, 0.12)), ("bench", (1.8, 0.4, 0.45)), ("cone", (0.25, 0.25, 0.4))],
        int(6 * site.density),
    )
    _light(room)
    return room.done(finishes.floor(rng, parquet=5, linoleum=3), finishes.plaster(rng, 0.4))


def _light(room: Room) -> None:
    rng = room.rng
    cool = surfaces.warm_white(float(rng.normal(-0.05, 0.25)))
    share = float(rng.uniform(0.3, 1.1))
    windows_by_day(room, (1.0, 8.0), (0.5, 1.3))
    kinds = {"ceiling_panel": (0.62, 0.62, 0.03), "tube_lamp": (1.5, 0.16, 0.08)}
    any_ceiling_lights(room, kinds, (2.4, 2.4), share, cool)
