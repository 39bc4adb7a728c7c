"""Living rooms: sofas, shelves, a television, low tables, rugs, curtains and pictures."""

from __future__ import annotations

import numpy as np

from ...recipes.recipe import Recipe
from ..spec import SurfaceSpec
from . import finishes
from .adapting import INDOOR_POSES, indoors
from .dressing import (
    add_door,
    add_pictures,
    add_small_things,
    add_windows,
    net_curtains,
    scatter,
    shown,
)
from .room_light import light_home
from .rooms import Room, Wall, plan_room
from .site import Place, Site

_POT = SurfaceSpec("plain", (0.5, 0.35, 0.25), (0.2, 0.15, 0.1), 1.0, 0.7)


def adapt_living_room(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.6, 5.0), people=7, poses=(*INDOOR_POSES, "lying"))


def build_living_room(site: Site) -> Place:
    """Lay out a living room around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(0.5, 2.2), beside=(0.5, 2.0))
    seen = room.walls_in_view()
    for wall in seen[:3]:
        if rng.random() < 0.5:
            add_windows(room, wall, int(rng.integers(1, 3)))
    if seen and not room.openings and rng.random() < 0.6:
        add_windows(room, seen[0])
    if not room.openings:  # a window behind the camera lights the room by day
        add_windows(room, room.hidden_wall())
    if seen and rng.random() < 0.5:
        add_door(room, seen[int(rng.integers(len(seen)))])
    surface = finishes.cloth(rng)
    for wall in seen:
        _furnish(room, wall, surface)
    _middle(room, surface)
    for wall in seen:
        add_small_things(room, wall)
        add_pictures(room, wall, int(2 + 3 * site.density))
    light_home(room)
    net_curtains(room)
    return room.done(finishes.floor(rng, parquet=5, carpet=3, tiles=1), finishes.plaster(rng))


def _furnish(room: Room, wall: Wall, cloth: SurfaceSpec) -> None:
    """Stand furniture along a wall, the large pieces first."""
    rng = room.rng
    wood = finishes.furniture(rng)
    shelf = float(rng.choice([1.3, 2.0]))
    pieces = [
        ("couch", (float(rng.choice([1.5, 1.9, 2.3])), 0.9, 0.82), cloth),
        ("bookcase", (float(rng.choice([0.8, 1.2, 1.6])), 0.3, shelf), wood),
        ("sideboard", (float(rng.choice([1.0, 1.4, 1.8])), 0.42, 1.1), wood),
        ("couch", (0.85, 0.85, 0.85), cloth),
        ("wardrobe", (float(rng.choice([0.9, 1.4])), 0.55, 2.0), wood),
        ("house_plant", (0.7, 0.7, float(rng.choice([0.9, 1.2, 1.6]))), _POT),
        ("bookcase", (0.6, 0.28, 0.9), wood),
        ("laid_home_table", (0.9, 0.5, 1.1), wood),
        ("dining_chair", (0.45, 0.46, 0.9), wood),
    ]  # fmt: skip
    chances = np.array([3, 4, 3, 2, 1, 3, 2, 1.5, 1.5])
    count = max(1, int((2.0 + wall.length / 0.9) * room.site.density))
    order = rng.choice(len(pieces), size=min(count, len(pieces)), replace=False,
                       p=chances / chances.sum())  # fmt: skip
    for k in order:
        shape, size, surface = pieces[k]
        at = room.against(wall, shape, size, surface, variants=12)
        if at is None:
            continue
        if shape == "sideboard" and rng.random() < 0.6:
            wide = float(rng.choice([0.8, 1.0, 1.2]))
            screen = shown(room, ("screen",)) if rng.random() < 0.5 else finishes.lacquer(rng)
            room.hang(wall, "screen", (wide, 0.05, round(0.58 * wide, 2)), screen, 1.15, at,
                      variants=1)  # fmt: skip
    if rng.random() < 0.35:
        wide = float(rng.choice([0.6, 0.9, 1.2]))
        room.against(wall, "bookcase", (wide, 0.24, 0.34), wood, height=1.5, variants=12)


def _middle(room: Room, cloth: SurfaceSpec) -> None:
    """A rug below the people, a low table, and what lies about."""
    rng = room.rng
    if rng.random() < 0.65:
        size = (float(rng.choice([1.6, 2.0, 2.4])), float(rng.choice([1.2, 1.6])), 0.008)
        half = np.array(room.size[:2]) / 2 - 0.9
        where = np.clip(room.frame.local(room.site.view_frame().origin), -half, half)
        room.site.put("rug", room.frame.world(where), size, room.frame.turn, finishes.cloth(rng),
                      variant=int(rng.integers(12)), check=False)  # fmt: skip
    if rng.random() < 0.7:
        _sofa_group(room, cloth)
    table = (float(rng.choice([0.8, 1.1])), float(rng.choice([0.5, 0.6])), 0.75)
    scatter(room, [("coffee_table", table)], 3)
    scatter(room, [("couch", (0.85, 0.85, 0.85))], 2, cloth)
    scatter(
        room,
        [
            ("dining_chair", (0.45, 0.46, 0.9)),
            ("house_plant", (0.5, 0.5, 0.8)),
            ("laid_pub_table", (0.5, 0.5, 0.95)),
            ("seat_block", (0.5, 0.5, 0.42)),
        ],
        int(9 * room.site.density),
    )


def _sofa_group(room: Room, cloth: SurfaceSpec) -> None:
    """A sofa beside or behind the people that faces them, and a low table before it."""
    rng, site = room.rng, room.site
    for _ in range(8):
        angle = float(rng.choice([0.0, 90.0, -90.0])) + float(rng.normal(0, 12))
        frame = site.view_frame(angle)
        long = float(rng.choice([1.5, 1.9, 2.3]))
        away = float(rng.uniform(0.8, 1.6))
        where = frame.world((0.0, away + 0.45))
        half = np.array(room.size[:2]) / 2 - 0.6
        if (np.abs(room.frame.local(where)) > half).any() or not room.sees(where, 0.5):
            continue
        if site.put("couch", where, (long, 0.9, 0.82), frame.turn, cloth,
                    variant=int(rng.integers(12))):  # fmt: skip
            table = frame.world((0.0, away - 0.35))
            site.put("coffee_table", table, (0.9, 0.5, 0.75), frame.turn, finishes.furniture(rng),
                     variant=int(rng.integers(12)))  # fmt: skip
            return
