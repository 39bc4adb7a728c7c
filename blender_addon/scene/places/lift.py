"""The inside of a lift: metal walls near by, a camera in a corner or in a hand."""

from __future__ import annotations

import dataclasses

from ...draws import log_uniform
from ...recipes.recipe import Recipe
from .. import surfaces
from ..spec import SurfaceSpec
from . import finishes
from .adapting import indoors
from .room_light import ceiling_lights
from .rooms import plan_room
from .site import Place, Site


def adapt_lift(recipe: Recipe) -> Recipe:
    near = indoors(recipe, distance=(0.5, 1.8), height=(1.2, 2.2), people=5,
                   poses=("standing", "talking", "phoning", "carrying"))  # fmt: skip
    # Bodies and bags are near all walls: the frame cuts most of them.
    people = dataclasses.replace(near.people, in_frame=min(near.people.in_frame, 0.3))
    return dataclasses.replace(near, people=people)


def build_lift(site: Site) -> Place:
    """Lay walls of metal closely around camera and people."""
    rng = site.rng
    room = plan_room(site, behind=(0.15, 0.3), beyond=(0.1, 0.4), beside=(0.15, 0.5),
                     height=(2.2, 2.4), smallest=(1.4, 1.5),
                     turn=float(rng.choice([rng.uniform(-8, 8), rng.uniform(25, 45)])))  # fmt: skip
    # Rough enough that nobody is to be recognised in it: a reflection would be a person, too.
    bright = float(rng.uniform(0.25, 0.7))
    metal = SurfaceSpec("plain", (bright, bright, bright), (0.4, 0.4, 0.42), 1.0,
                        float(rng.uniform(0.38, 0.6)), float(rng.choice([0.0, 0.9])))  # fmt: skip
    panel = finishes.furniture(rng, 0.5) if rng.random() < 0.4 else metal
    seen = room.walls_in_view()
    for number, wall in enumerate(seen):
        if number == 0 and rng.random() < 0.5:
            room.against(wall, "lift_door", (min(1.3, wall.length - 0.1), 0.06, 2.1), metal, 0.0,
                         variants=1)  # fmt: skip
            continue
        size = (round(wall.length - 0.06, 2), 0.05, room.size[2] - 0.06)
        room.site.put("lift_wall", wall.frame.world((0, -0.027)), size, wall.frame.turn, panel,
                      height=0.03, variant=int(rng.integers(4)), check=False)  # fmt: skip
        x = float(rng.uniform(-0.35, 0.35)) * wall.length
        room.site.put("lift_buttons", wall.frame.world((x, -0.066)), (0.2, 0.025, 0.9),
                      wall.frame.turn, metal, height=0.85, variant=int(rng.integers(8)),
                      check=False)  # fmt: skip
        if rng.random() < 0.6:
            at = x + (0.5 if x < 0 else -0.5)
            size = (0.3, 0.012, 0.42)
            room.site.put("notice_board", wall.frame.world((at, -0.06)), size, wall.frame.turn,
                          finishes.lacquer(rng), height=1.3, variant=int(rng.integers(16)),
                          check=False)  # fmt: skip
    color = surfaces.warm_white(float(rng.normal(0.1, 0.3)))
    share = log_uniform(rng, 0.5, 1.2)
    ceiling_lights(room, "ceiling_panel", (0.5, 0.3, 0.03), (1.2, 1.2), share, color)
    floor = finishes.floor(rng, linoleum=3, tiles=2, carpet=1)
    return room.done(floor, metal)
