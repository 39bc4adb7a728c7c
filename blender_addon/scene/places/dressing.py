"""Windows with curtains, doors, radiators, hooks and switches: what most rooms have. Pure numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...props.drawn_images import aspect, sample_image
from ..spec import SurfaceSpec, vec3
from . import finishes
from .rooms import Room, Wall

HOME_IMAGES = ("art", "art", "art", "view", "view", "poster", "portrait")
PUBLIC_IMAGES = ("poster", "poster", "poster", "sign", "art", "view", "mural")
_WHITE = SurfaceSpec("plain", (0.78, 0.78, 0.76), (0.7, 0.7, 0.68), 1.0, 0.45)
_HEATER = SurfaceSpec("plain", (0.75, 0.75, 0.73), (0.6, 0.6, 0.6), 1.0, 0.4)


def add_windows(
    room: Room,
    wall: Wall,
    count: int = 1,
    *,
    width: tuple[float, float] = (0.9, 2.2),
    sill: float | None = None,
    dressing: str = "home",
) -> int:
    """Cut windows into a wall and dress them.

    Args:
        room: The room.
        wall: The wall.
        count: Number of windows that are tried.
        width: Range of their widths, m.
        sill: Height of the sill, m; None draws one.
        dressing: "home" (curtains, nets), "office" (blinds) or "none".

    Returns:
        The number of windows.
    """
    rng, done = room.rng, 0
    wide = round(min(float(rng.uniform(*width)), 0.8 * wall.length), 1)
    low = sill if sill is not None else float(rng.choice([0.4, 0.8, 0.9, 1.0]))
    high = min(low + float(rng.choice([1.2, 1.4, 1.7])), room.size[2] - 0.15)
    frame = _WHITE if rng.random() < 0.75 else finishes.wood(rng)
    curtains = finishes.cloth(rng)
    for k in range(count):
        x = ((k + 0.5) / count - 0.5) * wall.length + float(rng.normal(0, 0.1))
        x = float(np.clip(x, -(wall.length - wide) / 2 + 0.1, (wall.length - wide) / 2 - 0.1))
        if high - low < 0.5 or wide < 0.4 or not room.open_wall(wall, x, wide, low, high):
            continue
        done += 1
        where = wall.frame.world((x, 0.06))
        if not room.sees(where, wide):
            continue
        size = (wide + 0.06, 0.18, high - low + 0.06)
        room.site.put("window", where, size, wall.frame.turn, frame, height=low - 0.03,
                      variant=int(rng.integers(8)), check=False)  # fmt: skip
        if dressing == "home":
            _curtains(room, wall, x, wide, low, high, curtains)
        elif dressing == "office" and rng.random() < 0.5:
            down = float(rng.choice([0.3, 0.6, 1.0])) * (high - low)
            room.site.put("blind", wall.frame.world((x, -0.03)), (wide, 0.05, down),
                          wall.frame.turn, _WHITE, height=high - down, variant=0,
                          check=False)  # fmt: skip
        if low > 0.6 and rng.random() < 0.7:
            room.against(wall, "radiator", (round(0.8 * wide, 1), 0.12, 0.55), _HEATER, x,
                         height=0.12, variants=6)  # fmt: skip
    return done


def _curtains(
    room: Room, wall: Wall, x: float, wide: float, low: float, high: float, surface: SurfaceSpec
) -> None:
    rng = room.rng
    if rng.random() < 0.2:
        return
    top = min(high + 0.15, room.size[2] - 0.03)
    foot = 0.03 if rng.random() < 0.6 else low - 0.1
    tall = round(top - foot, 2)
    for side in (-1, 1):
        share = float(rng.choice([0.2, 0.3, 0.45]))
        width = round(max(0.25, share * wide), 1)
        at = x + side * (0.5 * wide + 0.1 - 0.5 * width + 0.1)
        if abs(at) + width / 2 > wall.length / 2:
            continue
        room.site.put("curtain", wall.frame.world((at, -0.16)), (width, 0.12, tall),
                      wall.frame.turn, surface, height=foot, variant=int(rng.integers(4)),
                      check=False)  # fmt: skip
        wall.take(at, width, foot, top)


def net_curtains(room: Room) -> None:
    """Hang nets before some bright windows."""
    if room.outside < 1.0:
        return
    for opening in room.openings:
        if room.rng.random() < 0.25 and opening.low > 0.2:
            frame = room.walls[opening.wall].frame
            size = (round(opening.width, 1), 0.06, round(opening.height + 0.1, 1))
            room.site.put("net_curtain", frame.world((opening.x, -0.025)), size, frame.turn, _WHITE,
                          height=opening.low - 0.03, variant=int(room.rng.integers(4)),
                          check=False)  # fmt: skip


def add_door(room: Room, wall: Wall, x: float | None = None) -> bool:
    """Put a closed door into a wall, and a switch beside it."""
    rng = room.rng
    surface = _WHITE if rng.random() < 0.5 else finishes.furniture(rng)
    size = (float(rng.choice([0.85, 0.95])), 0.1, 2.05)
    at = room.against(wall, "door", size, surface, x, height=0.001, variants=8)
    if at is None:
        return False
    side = at + float(rng.choice([-1, 1])) * (0.5 * size[0] + 0.12)
    room.hang(wall, "wall_plate", (0.08, 0.015, 0.08), _WHITE, 1.05, side, variants=2)
    return True


def add_pictures(room: Room, wall: Wall, count: int, kinds: Sequence[str] = HOME_IMAGES) -> None:
    """Hang pictures and posters on the free parts of a wall."""
    rng = room.rng
    for _ in range(count):
        kind = str(rng.choice(list(kinds)))
        width = float(rng.choice([0.25, 0.3, 0.4, 0.5, 0.7, 0.9]))
        high = round(width / aspect(kind), 2)
        low = float(rng.uniform(1.35, 1.75)) - 0.5 * high
        shape = str(rng.choice(["framed_picture", "poster"], p=[0.65, 0.35]))
        size = vec3((width, 0.03, high))
        room.hang(wall, shape, size, shown(room, (kind,)), max(low, 0.4), variants=3)


def shown(room: Room, kinds: Sequence[str], surface: SurfaceSpec | None = None) -> SurfaceSpec:
    """A surface that shows a drawn image of one of these kinds."""
    image = sample_image(str(room.rng.choice(list(kinds))), room.rng)
    return dataclasses.replace(surface or finishes.lacquer(room.rng), image=image)


def add_small_things(room: Room, wall: Wall) -> None:
    """Sockets, a clock, hooks with coats, a notice board."""
    rng = room.rng
    for _ in range(int(rng.integers(1, 3))):
        room.hang(wall, "wall_plate", (0.08, 0.015, 0.08), _WHITE, 0.25, variants=2)
    if rng.random() < 0.25:
        r = float(rng.choice([0.25, 0.32]))
        room.hang(wall, "clock", (r, 0.05, r), finishes.lacquer(rng), 1.75, variants=8)
    if rng.random() < 0.3:
        wide = float(rng.choice([0.6, 0.9, 1.2]))
        room.against(wall, "coats_on_hooks", (wide, 0.2, 1.1), finishes.furniture(rng), height=0.7,
                     variants=16)  # fmt: skip
    if rng.random() < 0.15:
        room.hang(wall, "notice_board", (0.8, 0.03, 0.6), finishes.furniture(rng), 1.2)


def scatter(
    room: Room,
    shapes: Sequence[tuple[str, tuple[float, float, float]]],
    count: int,
    surface: SurfaceSpec | None = None,
) -> None:
    """Put things on free floor in view, between people and walls too.

    Args:
        room: The room.
        shapes: Names and sizes (m) to draw from.
        count: Number of things; there are more tries.
        surface: Their surface; None draws one for each.
    """
    rng = room.rng
    w, d, _ = room.size
    for _ in range(round(1.6 * count)):
        shape, size = shapes[int(rng.integers(len(shapes)))]
        reach = 0.5 * float(np.hypot(size[0], size[1]))
        half = np.array([w / 2 - reach - 0.05, d / 2 - reach - 0.05])
        if (half <= 0).any():
            continue
        where = room.frame.world(rng.uniform(-half, half))
        if room.sees(where, 0.3):
            turn = room.frame.turn + float(rng.choice([0, 90, 180, 270])) + float(rng.normal(0, 9))
            room.site.put(shape, where, size, turn, surface or finishes.furniture(rng),
                          variant=int(rng.integers(16)))  # fmt: skip
