"""Light of rooms: windows by day, lamps in the evening, panels, a flash. Pure numpy.

Two or three large lamps light a room, whatever is seen to shine: each sample of a pixel picks one
of them, so that many lamps, and small bright ones, make noise. One under the ceiling that nobody
sees stands for the light that the walls throw back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...draws import log_uniform, pick
from .. import surfaces
from ..spec import Color, LampSpec, SurfaceSpec, Vec3, vec3
from .rooms import Room, Wall

# W for each m² of floor at which white paper indoors is about as bright as outdoors.
_LEVEL = 2.4
# Light that walls throw back, as a share of that of panels under the ceiling.
_BOUNCED = 0.3
_SHADE = SurfaceSpec("plain", (0.7, 0.68, 0.62), (0.75, 0.74, 0.72), 1.0, 0.5)

# Weights of the light of a room: by day, in the evening, dim, and by flash.
HOME = {"day": 5, "evening": 3.5, "dim": 0.5, "flash": 1.5}


def fill(room: Room, share: float, color: Color) -> None:
    """The light that walls and ceiling throw back: a large lamp under the ceiling, not seen."""
    w, d, h = room.size
    x, y = room.frame.origin
    power = share * _LEVEL * room.floor_area
    room.site.lamps.append(
        LampSpec((x, y, h - 0.03), (0.0, 0.0, -1.0), (0.7 * w, 0.7 * d), power, color, seen=False)
    )


def daylight(room: Room, share: float, color: Color) -> None:
    """Light through the windows: a lamp before the largest."""
    if not room.openings:
        return
    opening = max(room.openings, key=lambda o: o.width * o.height)
    frame = room.walls[opening.wall].frame
    # Before the curtains: right behind them it would burn them, and what they throw back is noise.
    x, y = frame.world((opening.x, -0.25))
    inwards = frame.world((0.0, -1.0)) - np.asarray(frame.origin)
    room.site.lamps.append(
        LampSpec(
            (float(x), float(y), opening.low + opening.height / 2),
            vec3((inwards[0], inwards[1], -0.25)),
            (0.95 * opening.width, 0.95 * opening.height),
            share * _LEVEL * room.floor_area,
            color,
            seen=False,
        )
    )


def windows_by_day(room: Room, outside: tuple[float, float], share: tuple[float, float]) -> None:
    """Let daylight in through the windows, where there are any.

    Args:
        room: The room.
        outside: Range of the brightness of what the windows show.
        share: Range of the light through them; see `daylight`.
    """
    if room.openings:
        room.outside = log_uniform(room.rng, *outside)
        daylight(room, float(room.rng.uniform(*share)), surfaces.warm_white(-0.1))


def flash(room: Room, strength: float = 1.0) -> None:
    """The flash of a camera: a small lamp beside it, as bright as the first person needs."""
    camera, site = room.site.crowd.camera, room.site
    right = site.across
    x, y = site.eye + 0.05 * right
    down = np.tan(np.radians(camera.pitch))
    toward = vec3((*site.ahead, float(down)))
    power = strength * 9.0 * float(np.clip(site.reach, 0.6, 4.0)) ** 2
    place = (float(x), float(y), camera.location[2] + 0.04)
    site.lamps.append(LampSpec(place, toward, (0.05, 0.04), power, (1.0, 0.98, 0.95), seen=False))


def hanging_lamp(room: Room, at: tuple[float, float], power: float, color: Color) -> None:
    """A pendant at (x, y) of the room with its light."""
    rng, h = room.rng, room.size[2]
    wide = float(rng.choice([0.25, 0.35, 0.5]))
    drop = float(rng.choice([0.5, 0.7, 0.9]))
    drop = min(drop, h - 1.95)
    where = room.frame.world(at)
    if _near_camera(room, where) or drop < 0.25:
        drop = 0.25
    room.site.put(
        "pendant", where, (wide, wide, drop), 0.0, _SHADE, height=h - drop,
        variant=int(rng.integers(6)), check=False,
    )  # fmt: skip
    _light_below(room, where, h - drop - 0.02, 0.8 * wide, power, color)


def ceiling_lights(
    room: Room, shape: str, size: Vec3, spacing: tuple[float, float], share: float, color: Color
) -> None:
    """Panels, tubes or spots in a grid under the ceiling, with their light."""
    w, d, h = room.size
    columns, rows = (
        max(1, round(extent / step)) for extent, step in zip((w, d), spacing, strict=True)
    )
    turn = room.frame.turn
    for i in range(columns):
        for j in range(rows):
            at = ((i + 0.5) / columns - 0.5) * w, ((j + 0.5) / rows - 0.5) * d
            where = room.frame.world(at)
            if room.sees(where, 0.4):
                room.site.put(shape, where, size, turn, _SHADE, height=h - size[2] - 0.003,
                              variant=int(room.rng.integers(3)), check=False)  # fmt: skip
    # One lamp is as wide as all of them; in long rooms there are two.
    rows = 2 if d > 7 else 1
    for j in range(rows):
        at = 0.0, ((j + 0.5) / rows - 0.5) * d
        x, y = room.frame.world(at)
        place = (float(x), float(y), h - size[2] - 0.02)
        power = (share + _BOUNCED * share) * _LEVEL * room.floor_area / rows
        lit = (0.65 * w, 0.65 * d / rows)
        room.site.lamps.append(LampSpec(place, (0.0, 0.0, -1.0), lit, power, color, seen=False))


def any_ceiling_lights(
    room: Room,
    kinds: Mapping[str, Vec3],
    spacing: tuple[float, float],
    share: float,
    color: Color,
    p: Sequence[float] | None = None,
) -> None:
    """Draw one of some kinds of ceiling lights, and hang it; see `ceiling_lights`.

    Args:
        room: The room.
        kinds: Shapes and their sizes, m.
        spacing, share, color: See `ceiling_lights`.
        p: The probability of each kind; None for equal ones.
    """
    shape = str(room.rng.choice(list(kinds), p=p))
    ceiling_lights(room, shape, kinds[shape], spacing, share, color)


def standing_lamp(room: Room, wall: Wall, power: float, color: Color) -> None:
    """A floor lamp beside a wall; its light goes into the room."""
    rng = room.rng
    size = (0.42, 0.42, float(rng.choice([1.45, 1.6, 1.75])))
    at = room.against(wall, "floor_lamp", size, _SHADE, variants=2)
    if at is None:
        return
    where = wall.frame.world((at, -0.5))
    inwards = wall.frame.world((0.0, -1.0)) - np.asarray(wall.frame.origin)
    x, y = (float(v) for v in where)
    toward = vec3((inwards[0], inwards[1], -0.3))
    room.site.lamps.append(
        LampSpec((x, y, size[2] - 0.2), toward, (0.4, 0.35), power, color, seen=False)
    )


def light_home(room: Room, weights: Mapping[str, float] = HOME) -> str:
    """Light a room of a home or a restaurant. Returns the kind of light."""
    rng, kind = room.rng, pick(room.rng, weights)
    w, d, _ = room.size
    if kind == "day" and not room.openings:
        kind = "evening"
    warm = surfaces.warm_white(float(rng.uniform(0.2, 0.85)))
    cool = surfaces.warm_white(float(rng.normal(-0.1, 0.15)))
    level = _LEVEL * room.floor_area
    at = (float(rng.uniform(-0.15, 0.15)) * w, float(rng.uniform(-0.1, 0.25)) * d)
    if kind == "day":
        room.outside = log_uniform(rng, 1.2, 9.0)
        daylight(room, float(rng.uniform(0.8, 1.6)), cool)
        fill(room, float(rng.uniform(0.25, 0.6)), cool)
        hanging_lamp(room, at, float(rng.choice([0.0, 0.0, 0.5])) * level, warm)
    elif kind == "evening":
        room.outside = float(rng.uniform(0.0, 0.05))
        hanging_lamp(room, at, float(rng.uniform(0.7, 1.3)) * level, warm)
        fill(room, float(rng.uniform(0.2, 0.5)), warm)
        for wall in room.walls_in_view()[:1]:
            if rng.random() < 0.6:
                standing_lamp(room, wall, 0.35 * level, warm)
    elif kind == "dim":
        room.outside = float(rng.uniform(0.0, 0.02))
        fill(room, 0.2, warm)
        hanging_lamp(room, at, float(rng.uniform(0.1, 0.3)) * level, warm)
        for wall in room.walls_in_view()[:1]:
            standing_lamp(room, wall, 0.4 * level, warm)
    else:
        room.outside = float(rng.uniform(0.0, 0.05))
        fill(room, float(rng.uniform(0.1, 0.3)), warm)
        hanging_lamp(room, at, float(rng.uniform(0.0, 0.2)) * level, warm)
        flash(room, float(rng.uniform(0.7, 1.4)))
    return kind


def _light_below(
    room: Room, where: np.ndarray, height: float, wide: float, power: float, color: Color
) -> None:
    if power <= 0:
        return
    size = max(0.3, wide)
    place = (float(where[0]), float(where[1]), height)
    room.site.lamps.append(
        LampSpec(place, (0.0, 0.0, -1.0), (size, size), power, color, seen=False)
    )


def _near_camera(room: Room, where: np.ndarray) -> bool:
    return bool(np.linalg.norm(where - room.site.eye) < 1.7)
