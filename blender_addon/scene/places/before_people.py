"""Tables and counters before people: they hide legs and are in nobody. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...props.tables import CLEAR
from ..ground_grid import Cells, box_cells, centers
from ..placement import PlacedPerson, facing
from ..spec import SurfaceSpec, vec3
from .rooms import Room
from .site import Array, Frame, Site

# Parents of the first 22 joints, which all body models share (SMPL's order).
_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
_FLESH = 0.1  # m between a bone and the outside of a body
_SEEN = 0.4  # least share of a person's joints that stays visible


@lru_cache(maxsize=32)
def bone_points(person: PlacedPerson) -> Array:
    """Points (N, 3) along the bones of a person, hands included, to the cm."""
    joints = person.joints[:22]
    child = np.arange(1, len(joints))
    parent = np.array(_PARENTS[1 : len(joints)])
    t = np.array((0.25, 0.5, 0.75, 1.0))[:, None, None]
    along = joints[parent] + t * (joints[child] - joints[parent])
    hands = [
        joints[w] + s * (joints[w] - joints[e])
        for w, e in ((20, 18), (21, 19))
        for s in (0.35, 0.7)
    ]
    head = joints[15] + np.array((0.0, 0.0, 0.12))
    return np.round(np.concatenate([along.reshape(-1, 3), hands, head[None]]), 2)


def clear_of_people(
    people: Sequence[PlacedPerson],
    where: Array,
    size: Sequence[float],
    turn: float,
    top: float,
    solid: bool = False,
) -> bool:
    """Whether a table touches nobody: legs may be below its top.

    Args:
        people: The people.
        where: (2,) m.
        size: Its extents, m.
        turn: Degrees about Z.
        top: Height of its top, m.
        solid: Whether it is closed down to the ground.
    """
    frame = Frame((float(where[0]), float(where[1])), turn)
    half = np.array(size[:2]) / 2
    for person in people:
        points = bone_points(person)
        local = np.abs(frame.local(points[:, :2]))
        inside = (local < half + _FLESH).all(axis=1)
        below = points[:, 2] < top - 0.03 - _FLESH
        legs = below & (np.abs(local - half + 0.05) < 0.05 + _FLESH).all(axis=1)
        over = points[:, 2] > top + CLEAR + 0.3
        if (inside & (~below | solid) & ~over).any() or legs.any():
            return False
    return True


def shows(site: Site, person: PlacedPerson, distance: float, height: float) -> bool:
    """Whether enough of a person is seen over an edge at `height`, `distance` m from the camera."""
    eye = site.crowd.camera.location[2]
    joints = person.joints[:22]
    away = np.maximum((joints[:, :2] - site.eye) @ site.ahead, 0.1)
    edge = eye + (height - eye) * away / max(distance, 0.1)
    visible = (away < distance) | (joints[:, 2] > edge)
    return bool(visible.mean() >= _SEEN)


def add_tables(
    room: Room,
    shape: str,
    sizes: Sequence[tuple[float, float]],
    surface: SurfaceSpec,
    *,
    top: float = 0.74,
    share: float = 0.8,
    chairs: str = "dining_chair",
    turned: float = 0.0,
) -> int:
    """Put tables before people, with free chairs around them.

    Args:
        room: The room.
        shape: A table whose name begins with laid_.
        sizes: Widths and depths to draw from, m.
        surface: Its surface.
        top: Height of its top, m.
        share: Share of the people who get one, where there is space.
        chairs: Shape of free chairs; '' for none.
        turned: Degrees by which the table is turned against its person.

    Returns:
        The number of tables.
    """
    rng, site, count = room.rng, room.site, 0
    for person in site.crowd.people:
        width, depth = sizes[int(rng.integers(len(sizes)))]
        wanted, jitter = rng.random() < share, float(rng.normal(0, 5))
        aside = float(rng.uniform(-0.2, 0.2))
        if not wanted:
            continue
        turn = round(facing(person.spec.body.pose[0])) + jitter
        ahead = np.array([np.sin(np.radians(turn)), -np.cos(np.radians(turn))])
        across = np.array([-ahead[1], ahead[0]])
        pelvis = np.round(person.joints[0, :2], 2)
        size = vec3((width, depth, top + CLEAR))
        for gap in (0.22, 0.3, 0.4, 0.52, 0.65):
            where = pelvis + (gap + depth / 2) * ahead + aside * across
            # The person sits at the table's -Y side.
            own = turn + 180.0 + turned
            if _put_table(room, shape, where, size, own, top, surface, person):
                count += 1
                if chairs:
                    _chairs(room, chairs, where, size, own, surface)
                break
    return count


def _put_table(
    room: Room,
    shape: str,
    where: Array,
    size: tuple[float, float, float],
    turn: float,
    top: float,
    surface: SurfaceSpec,
    person: PlacedPerson,
) -> bool:
    site = room.site
    reach = 0.5 * float(np.hypot(size[0], size[1]))
    seen = float((where - site.eye) @ site.ahead)
    if np.linalg.norm(where - site.eye) < reach + 0.25 or not _within(room, where, size, turn):
        return False
    if not clear_of_people(site.crowd.people, where, size, turn, top):
        return False
    near = max(seen - reach, 0.15)
    if not all(shows(site, other, near, top + 0.1) for other in site.crowd.people):
        return False
    cells = box_cells((float(where[0]), float(where[1])), (size[0], size[1]), turn)
    if site.crowd.occupied.hits(_apart(cells, person)):
        return False
    site.crowd.occupied.add(cells, grow=False)
    return site.put(
        shape, where, size, turn, surface, variant=int(room.rng.integers(24)), check=False
    )


def _within(room: Room, where: Array, size: Sequence[float], turn: float) -> bool:
    """Whether a thing lies within the walls."""
    half = np.array(size[:2]) / 2
    corners = Frame((float(where[0]), float(where[1])), turn).world(
        half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    )
    inside = np.abs(room.frame.local(corners)) < np.array(room.size[:2]) / 2 - 0.02
    return bool(inside.all())


def _apart(cells: Cells, person: PlacedPerson) -> Cells:
    """The cells that are not at the person's own: its legs may be below a table."""
    if len(person.cells) == 0:
        return cells
    away = np.abs(centers(cells)[:, None] - centers(person.cells)[None]).max(axis=-1).min(axis=1)
    return cells[away > 0.32]


def _chairs(
    room: Room, shape: str, where: Array, size: Sequence[float], turn: float, surface: SurfaceSpec
) -> None:
    frame = Frame((float(where[0]), float(where[1])), turn)
    for side, along in ((0, 1), (180, 1), (90, 0), (270, 0)):
        out = size[along] / 2 + 0.12
        step = np.array([np.sin(np.radians(side)), -np.cos(np.radians(side))])
        # A chair faces the table, to which its front (-Y) is turned.
        place = frame.world(out * step)
        room.site.put(
            shape,
            place,
            (0.45, 0.46, 0.88),
            turn + side + 180 + float(room.rng.normal(0, 8)),
            surface,
            variant=int(room.rng.integers(6)),
        )


def add_counter(
    room: Room, shape: str, surface: SurfaceSpec, *, top: float = 1.05, depth: float = 0.6
) -> float | None:
    """Put a counter between the camera and all people, along the room's x axis.

    Returns:
        The y of its middle in the room's frame, m; None where there is no space for one.
    """
    site, rng = room.site, room.rng
    if not site.crowd.people:
        return None
    bodies = np.concatenate([room.frame.local(bone_points(p)[:, :2]) for p in site.crowd.people])
    props = [np.abs(p.size[:2]).max() / 2 for p in site.crowd.props] or [0.0]
    seats = [
        room.frame.local(p.location[:2])[1] - h
        for p, h in zip(site.crowd.props, props, strict=False)
    ]
    nearest = min([float(bodies[:, 1].min()) - 0.14, *seats])
    eye = float(room.frame.local(site.eye)[1])
    y = round(nearest - 0.04 - depth / 2, 2)
    if y - depth / 2 - eye < 0.35:
        return None
    left, right = float(bodies[:, 0].min()), float(bodies[:, 0].max())
    width = round(min(max(right - left + float(rng.uniform(1.2, 2.4)), 1.8), room.size[0] - 0.1), 1)
    x = float(
        np.clip(
            (left + right) / 2 + rng.uniform(-0.3, 0.3),
            (width - room.size[0]) / 2,
            (room.size[0] - width) / 2,
        )
    )
    where = room.frame.world((x, y))
    seen = max(y - depth / 2 - eye, 0.2)
    if not all(shows(site, person, seen, top + 0.12) for person in site.crowd.people):
        return None
    size = vec3((width, depth, top + CLEAR))
    if not clear_of_people(site.crowd.people, where, size, room.frame.turn, top, solid=True):
        return None
    site.crowd.occupied.add(box_cells((where[0], where[1]), (width, depth), room.frame.turn))
    site.put(
        shape, where, size, room.frame.turn, surface, variant=int(rng.integers(16)), check=False
    )
    return y
