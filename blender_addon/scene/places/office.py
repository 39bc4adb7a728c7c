"""Offices and meeting rooms: desks with monitors, office chairs, boards, ceiling panels."""

from __future__ import annotations

import numpy as np

from ...props.tables import CLEAR
from ...recipes.recipe import Recipe
from .. import surfaces
from ..spec import SurfaceSpec, vec3
from . import finishes
from .adapting import indoors
from .before_people import add_tables
from .dressing import (
    PUBLIC_IMAGES,
    add_door,
    add_pictures,
    add_small_things,
    add_windows,
    scatter,
    shown,
)
from .room_light import any_ceiling_lights, flash, windows_by_day
from .rooms import Room, plan_room
from .site import Place, Site

_POSES = ("standing", "sitting", "talking", "phoning", "walking", "carrying", "reaching", "bending")
_BOARD = SurfaceSpec("plain", (0.82, 0.82, 0.82), (0.02, 0.05, 0.3), 1.0, 0.2)
_CHAIR = SurfaceSpec("plain", (0.02, 0.02, 0.022), (0.1, 0.1, 0.1), 1.0, 0.8)
_ALONG_WALLS = (
    ("bookcase", (0.9, 0.32, 2.0)),
    ("bookcase", (1.2, 0.32, 1.2)),
    ("storage_shelf", (1.0, 0.4, 1.9)),
    ("sideboard", (1.4, 0.45, 1.15)),
    ("wardrobe", (0.9, 0.45, 1.9)),
    ("lockers", (1.2, 0.45, 1.8)),
    ("house_plant", (0.7, 0.7, 1.6)),
    ("vending_machine", (0.8, 0.75, 1.8)),
)


def adapt_office(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.7, 6.0), people=10, poses=_POSES)


def build_office(site: Site) -> Place:
    """Lay out an office around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(1.2, 5.0), beside=(0.8, 3.5), height=(2.5, 3.0))
    desk = finishes.lacquer(rng, 0.05) if rng.random() < 0.6 else finishes.wood(rng)
    seen = room.walls_in_view()
    meeting = rng.random() < 0.35
    if meeting:
        add_tables(room, "laid_home_table", ((1.8, 1.0), (1.4, 0.9)), desk, chairs="office_chair")
    else:
        add_tables(
            room,
            "laid_desk",
            ((1.4, 0.75), (1.6, 0.8)),
            shown(room, ("screen",), desk),
            share=0.7,
            chairs="",
        )
    for number, wall in enumerate(seen):
        if rng.random() < 0.6:
            add_windows(room, wall, max(1, int(wall.length / 2)), width=(1.2, 1.9),
                        sill=0.8, dressing="office")  # fmt: skip
        if number == 0 and rng.random() < 0.7:
            wide = float(rng.choice([1.2, 1.8, 2.4]))
            room.hang(wall, "writing_board", (wide, 0.05, 1.15), _BOARD, 0.9, variants=16)
        if rng.random() < 0.4:
            add_door(room, wall)
        for _ in range(int(3 * site.density)):
            shape, size = _ALONG_WALLS[int(rng.integers(len(_ALONG_WALLS)))]
            room.against(wall, shape, size, finishes.furniture(rng, 0.1), variants=12)
        if rng.random() < 0.4:
            room.hang(wall, "notice_board", (1.2, 0.03, 0.8), finishes.furniture(rng), 1.1)
        add_small_things(room, wall)
        add_pictures(room, wall, int(2 * site.density), PUBLIC_IMAGES)
    if not room.openings and rng.random() < 0.5:
        add_windows(room, room.hidden_wall(), 2)
    _rows(room, desk)
    scatter(room, [("office_chair", (0.6, 0.6, 1.05)), ("house_plant", (0.6, 0.6, 1.4)),
                   ("bin", (0.3, 0.3, 0.4)), ("storage_shelf", (0.9, 0.4, 1.1))],
            int(4 * site.density), _CHAIR)  # fmt: skip
    _light(room)
    floor = finishes.floor(rng, carpet=6, parquet=1.5, linoleum=2, tiles=1)
    return room.done(floor, finishes.plaster(rng, 0.2))


def _rows(room: Room, surface: SurfaceSpec) -> None:
    """Rows of desks with chairs and low screens between them on the free floor."""
    rng = room.rng
    w, d, _ = room.size
    wide, deep = 1.4, 0.75
    for y in np.arange(-d / 2 + 1.2, d / 2 - 0.8, 2.1):
        for x in np.arange(-w / 2 + 0.9, w / 2 - 0.8, wide + 0.05):
            where = room.frame.world((x, y))
            if rng.random() < 0.25 / max(room.site.density, 0.1) or not room.sees(where, 0.7):
                continue
            turn = room.frame.turn + float(rng.choice([0.0, 180.0]))
            size = vec3((wide, deep, 0.74 + CLEAR))
            screen = shown(room, ("screen",), surface)
            if room.site.put("laid_desk", where, size, turn, screen,
                             variant=int(rng.integers(16))):  # fmt: skip
                away = np.radians(turn)
                place = where - (deep / 2 + 0.3) * np.array((-np.sin(away), np.cos(away)))
                room.site.put("office_chair", place, (0.6, 0.6, 1.05),
                              turn + 180 + float(rng.normal(0, 35)), _CHAIR,
                              variant=int(rng.integers(4)))  # fmt: skip


def _light(room: Room) -> None:
    """Panels or tubes; windows_by_day; now and then a flash in the dark."""
    rng = room.rng
    cool = surfaces.warm_white(float(rng.normal(-0.05, 0.25)))
    share = float(rng.uniform(0.5, 1.1))
    windows_by_day(room, (1.0, 8.0), (0.3, 1.2))
    if rng.random() < 0.12:
        flash(room)
        share *= 0.15
        room.outside *= 0.02
    kinds = {"ceiling_panel": (0.62, 0.62, 0.03), "tube_lamp": (1.2, 0.14, 0.08),
             "ceiling_spot": (0.14, 0.14, 0.04)}  # fmt: skip
    any_ceiling_lights(room, kinds, (2.0, 2.2), share, cool, p=(0.55, 0.3, 0.15))
