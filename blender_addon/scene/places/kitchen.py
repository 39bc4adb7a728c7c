"""Kitchens: cupboards, worktops with things, hob, fridge, a table and chairs."""

from __future__ import annotations

from ...props.kitchen import WORKTOP
from ...recipes.recipe import Recipe
from ..spec import SurfaceSpec
from . import finishes
from .adapting import indoors
from .before_people import add_tables
from .dressing import add_door, add_pictures, add_small_things, add_windows, net_curtains, scatter
from .room_light import light_home
from .rooms import Room, Wall, plan_room
from .site import Place, Site

_POSES = ("standing", "sitting", "reaching", "carrying", "talking", "bending", "phoning", "walking")
_STEEL = SurfaceSpec("plain", (0.5, 0.5, 0.5), (0.6, 0.6, 0.6), 1.0, 0.35, 0.7)


def adapt_kitchen(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.6, 4.0), people=6, poses=_POSES)


def build_kitchen(site: Site) -> Place:
    """Lay out a kitchen around the people."""
    rng = site.rng
    room = plan_room(site, beyond=(0.9, 1.6), beside=(0.7, 1.6), height=(2.35, 2.8))
    seen = room.walls_in_view()
    top = finishes.furniture(rng).color
    fronts = finishes.lacquer(rng, 0.25, top) if rng.random() < 0.75 else finishes.wood(rng)
    table = finishes.furniture(rng)
    for wall in seen[:2]:
        if rng.random() < 0.6:
            add_windows(room, wall, sill=1.2, width=(0.7, 1.4), dressing="none")
    if not room.openings:
        add_windows(room, room.hidden_wall())
    add_tables(room, "laid_dining_table", ((1.2, 0.8), (1.4, 0.8), (0.8, 0.8)), table, share=0.6)
    for number, wall in enumerate(seen[:3]):
        if number < 2 or rng.random() < 0.4:
            _row(room, wall, fronts)
    for wall in seen:
        if rng.random() < 0.35:
            add_door(room, wall)
        if rng.random() < 0.5:
            room.hang(wall, "hanging_pans", (0.9, 0.1, 0.45), _STEEL, 1.45)
        add_small_things(room, wall)
        add_pictures(room, wall, int(2 + 3 * site.density))
    scatter(room, [("laid_dining_table", (1.2, 0.8, 1.1))], 3, table)
    scatter(room, [("dining_chair", (0.45, 0.46, 0.9)), ("bar_stool", (0.38, 0.38, 0.68)),
                   ("bin", (0.3, 0.3, 0.6))], int(8 * site.density), table)  # fmt: skip
    light_home(room, {"day": 5, "evening": 3, "dim": 0.5, "flash": 1.5})
    net_curtains(room)
    wall_surface = finishes.plaster(rng)
    return room.done(finishes.floor(rng, tiles=4, parquet=2, checks=1.5, linoleum=1), wall_surface)


def _row(room: Room, wall: Wall, fronts: SurfaceSpec) -> None:
    """A fridge, then base units with what hangs above them, as much as there is space for."""
    rng = room.rng
    side = float(rng.choice([-1, 1]))
    if rng.random() < 0.6:
        high = float(rng.choice([1.5, 1.8, 2.0]))
        surface = _STEEL if rng.random() < 0.4 else finishes.lacquer(rng, 0.1)
        edge = side * (wall.length / 2 - 0.32)
        room.against(wall, "fridge", (0.6, 0.62, high), surface, edge, variants=12)
    for length in (3.6, 3.0, 2.4, 1.8, 1.2, 0.6):
        if length > wall.length:
            continue
        ends = (wall.length - length) / 2 - 0.02
        for at in (-side * ends, -side * ends + side * 0.62, side * ends, 0.0):
            # The things on the worktop take less ground than the units; windows begin above them.
            put = room.against(wall, "kitchen_run", (length, 0.62, WORKTOP + 0.3), fronts,
                               round(at, 2), variants=20)  # fmt: skip
            if put is None:
                continue
            for part in (length, length / 2):
                if part >= 0.6 and rng.random() < 0.85:
                    room.against(wall, "wall_units", (round(part, 1), 0.34, 0.65), fronts, put,
                                 height=1.45, variants=12)  # fmt: skip
                    break
            return
