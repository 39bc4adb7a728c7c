"""Shops and supermarkets: aisles of shelves full of products, racks of clothes, counters."""

from __future__ import annotations

import numpy as np

from ...recipes.recipe import Recipe
from .. import surfaces
from ..spec import SurfaceSpec
from . import finishes
from .adapting import indoors
from .before_people import add_counter, bone_points
from .dressing import PUBLIC_IMAGES, add_pictures, add_windows, scatter
from .room_light import any_ceiling_lights, windows_by_day
from .rooms import Room, Wall, plan_room
from .site import Place, Site

_POSES = ("standing", "walking", "reaching", "carrying", "talking", "phoning", "bending")


def adapt_shop(recipe: Recipe) -> Recipe:
    return indoors(recipe, distance=(0.8, 8.0), height=(0.8, 3.0), people=14, poses=_POSES)


def build_shop(site: Site) -> Place:
    """Lay out a shop around the people."""
    rng = site.rng
    kind = str(rng.choice(["groceries", "clothes", "counter"], p=[0.5, 0.25, 0.25]))
    room = plan_room(site, beyond=(2.0, 6.0), beside=(1.0, 4.0), height=(2.7, 3.8),
                     turn=float(rng.uniform(-15, 15)))  # fmt: skip
    counter = None
    if kind == "counter":
        shape = str(rng.choice(["laid_checkout", "laid_counter", "laid_checkout"]))
        counter = add_counter(room, shape, finishes.furniture(rng, 0.3), top=0.95)
    shelf = finishes.lacquer(rng, 0.15, (0.55, 0.55, 0.55))
    if kind == "clothes":
        _clothes(room)
    elif counter is None:
        _aisles(room, shelf)
    for number, wall in enumerate(room.walls_in_view()):
        if kind != "groceries" and number and rng.random() < 0.4:
            add_windows(room, wall, 2, width=(1.6, 2.8), sill=0.3, dressing="none")
        _line(room, wall, kind, shelf)
        add_pictures(room, wall, 3, PUBLIC_IMAGES)
    floor = finishes.floor(rng, tiles=4, linoleum=4, parquet=1.5, concrete=1)
    _floor_things(room, kind)
    _light(room)
    return room.done(floor, finishes.plaster(rng, 0.4))


def _aisles(room: Room, surface: SurfaceSpec) -> None:
    """Rows of shelves along the room beside the people: they stand in an aisle."""
    rng, site = room.rng, room.site
    w, d, _ = room.size
    crowd = [room.frame.local(bone_points(person)[:, :2]) for person in site.crowd.people]
    eye = room.frame.local(site.eye)
    points = np.concatenate([*crowd, eye[None]])
    high = float(rng.choice([1.5, 2.0]))
    deep, long = 0.45, 1.2
    for side in (-1, 1):
        edge = float((side * points[:, 0]).max()) + 0.35 + float(rng.uniform(0.0, 0.5))
        x = side * (edge + deep / 2)
        if rng.random() < 0.3:  # the aisle is narrow where the people are apart
            x = side * (abs(float(eye[0])) + float(rng.uniform(0.9, 1.3)))
        while abs(x) < w / 2 - 0.3:
            for y in np.arange(-d / 2 + 0.6, d / 2 - 0.9, long):
                where = room.frame.world((x, y))
                if room.sees(where, long):
                    # A shelf of the left row has its front towards +X.
                    turn = room.frame.turn + side * -90.0
                    site.put("gondola", where, (long, deep, high), turn, surface,
                             variant=int(rng.integers(10)), slack=0.1)  # fmt: skip
            x += side * (deep + (0.02 if rng.random() < 0.5 else 1.5))


def _clothes(room: Room) -> None:
    """Racks of clothes, tables with folded clothes, mannequins where there are any."""
    things = [
        ("clothes_rack", (1.4, 0.55, 1.5)),
        ("clothes_rack", (1.0, 0.5, 1.35)),
        ("laid_home_table", (1.2, 0.8, 1.15)),
        ("bookcase", (1.0, 0.4, 1.2)),
    ]
    for shape, high in (("mannequin", 1.8), ("tailor_dummy", 1.5)):
        things.append((shape, (0.5, 0.4, high)))
    scatter(room, things, int(26 * room.site.density))


def _line(room: Room, wall: Wall, kind: str, surface: SurfaceSpec) -> None:
    """Shelves, racks or fridges along a wall."""
    rng = room.rng
    high = float(rng.choice([1.5, 2.0]))
    sizes = {
        "clothes": [("clothes_rack", (1.2, 0.5, 1.5)), ("bookcase", (1.2, 0.4, high))],
        "groceries": [("gondola", (1.2, 0.45, high)), ("vending_machine", (0.9, 0.7, 1.95))],
        "counter": [("gondola", (1.2, 0.45, high)), ("bottle_shelf", (1.2, 0.3, high)),
                    ("vending_machine", (0.8, 0.7, 1.9)), ("cake_case", (1.2, 0.6, 1.3))],
    }[kind]  # fmt: skip
    at = -wall.length / 2 + 0.7
    while at < wall.length / 2 - 0.7:
        pick = 0 if rng.random() < 0.75 else int(rng.integers(len(sizes)))
        shape, size = sizes[pick]
        room.against(wall, shape, size, surface, at, variants=10)
        at += size[0] + (0.02 if rng.random() < 0.8 else 0.5)


def _floor_things(room: Room, kind: str) -> None:
    """Baskets, boxes and stands that stand about."""
    things = [
        ("storage_shelf", (0.8, 0.6, 1.0)),
        ("gondola", (0.7, 0.4, 1.3)),
        ("cake_case", (0.9, 0.6, 1.1)),
        ("house_plant", (0.5, 0.5, 1.0)),
    ]
    scatter(room, things, int((3 if kind == "clothes" else 6) * room.site.density))


def _light(room: Room) -> None:
    """Even light from the ceiling, and windows_by_day through a shop window."""
    rng = room.rng
    cool = surfaces.warm_white(float(rng.normal(0.0, 0.25)))
    share = float(rng.uniform(0.7, 1.3))
    windows_by_day(room, (0.8, 5.0), (0.2, 0.7))
    kinds = {"ceiling_panel": (0.62, 0.62, 0.03), "tube_lamp": (1.5, 0.14, 0.08),
             "ceiling_spot": (0.16, 0.16, 0.05)}  # fmt: skip
    any_ceiling_lights(room, kinds, (2.2, 2.0), share, cool, p=(0.35, 0.45, 0.2))
