"""Mirrors near the people, and the geometry of reflections. Pure numpy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ..recipes.recipe import Recipe
from .people import Stream
from .placement import Crowd
from .places.site import Array, Site
from .room_walls import facing_turn, frame_of, half_extents, inside, on_wall, roomy
from .spec import BackgroundSpec, PropSpec, SurfaceSpec

PATTERN = "mirror"
# The pane of a mirror of this depth (m) is this far before its middle, see props.mirrors.
DEPTH, PANE = 0.05, 0.015
_TRIES = 8


def sample_mirror(
    recipe: Recipe, crowd: Crowd, stream: Stream, room: BackgroundSpec | None
) -> tuple[PropSpec, ...]:
    """Draw a mirror or a reflecting pane in which the camera sees one of the people.

    It hangs on the wall of a room where one shows a person, and else stands on free ground.

    Args:
        recipe: What may vary.
        crowd: The people and the ground; a standing mirror takes more of it.
        stream: The streams of the scene.
        room: The room, whose walls are fixed; None without one.
    """
    rng = stream("mirror")
    if rng.random() >= recipe.scenery.mirrors or not crowd.people or not roomy(room):
        return ()
    site = Site(recipe, crowd, rng)
    tint = float(rng.uniform(0.75, 0.95)) if rng.random() < 0.8 else float(rng.uniform(0.25, 0.5))
    frame = float(rng.uniform(0.02, 0.6))
    surface = SurfaceSpec(
        PATTERN, (tint, tint, 0.98 * tint), (frame, 0.7 * frame, 0.5 * frame), 1.0, 0.0
    )
    feet = site.feet
    for _ in range(_TRIES):
        person = feet[int(rng.integers(len(feet)))]
        width = float(rng.uniform(0.7, 2.0))
        height = float(rng.uniform(1.4, 2.1))
        if room is not None and rng.random() < 0.7:
            hung = _on_wall(site, room, person)
            if hung is None:
                continue
            where, inwards = hung
            low = float(rng.uniform(0.1, 0.7))
            height = min(height, room.room_size[2] - low - 0.1)
            where = where + inwards * (DEPTH / 2 + 0.005)
            turn = facing_turn(inwards)
            site.put(
                "mirror", where, (width, DEPTH, height), turn, surface, height=low, check=False
            )
            break
        aside = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.3))
        behind = float(rng.uniform(0.6, 2.2))
        across = crowd.across
        where = person + behind * crowd.heading + aside * across
        if room is not None and not inside(room, where, width / 2):
            continue
        normal = _unit(_unit(site.eye - where) + _unit(person - where))
        if site.put("mirror", where, (width, DEPTH, height), facing_turn(normal), surface):
            break
    return tuple(site.props)


def _on_wall(site: Site, room: BackgroundSpec, person: Array) -> tuple[Array, Array] | None:
    """Find where the camera sees the reflection of a person in a wall: the place (2,) and the
    wall's direction into the room (2,); None where none is in the frame.
    """
    if not (inside(room, site.eye) and inside(room, person)):
        return None
    frame, half = frame_of(room), half_extents(room)
    eye, there = frame.local(site.eye), frame.local(person)
    found: list[tuple[Array, Array]] = []
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            image = there.copy()
            image[axis] = 2 * side * half[axis] - there[axis]
            share = (side * half[axis] - eye[axis]) / (image[axis] - eye[axis])
            hit = on_wall(room, eye + share * (image - eye), axis, side, edge=0.5)
            if hit is None:
                continue
            ray = _unit(hit[0] - site.eye)
            if ray @ site.ahead > np.cos(np.radians(0.42 * site.crowd.camera.fov)):
                found.append(hit)
    return found[int(site.rng.integers(len(found)))] if found else None


def _unit(vector: Array) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float64)


def mirror_of(props: Iterable[PropSpec]) -> PropSpec | None:
    """The mirror among the things of a scene; the first, if there are several."""
    return next((prop for prop in props if prop.surface.pattern == PATTERN), None)


def plane_of(mirror: PropSpec) -> tuple[Array, Array]:
    """A point (3,) m and the unit normal (3,) of the pane of an upright mirror."""
    turn = np.radians(mirror.rotation[2])
    normal = np.array([np.sin(turn), -np.cos(turn), 0.0])
    return np.asarray(mirror.location, dtype=np.float64) + PANE * normal, normal


def reflection(mirror: PropSpec) -> Array:
    """The 4×4 matrix that reflects the world in the plane of a mirror."""
    point, normal = plane_of(mirror)
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(normal, normal)
    matrix[:3, 3] = 2 * (point @ normal) * normal
    return matrix


def before(mirror: PropSpec, points: ArrayLike) -> Array:
    """Distance (…,) m of points (…, 3) from the pane of a mirror: positive where it reflects."""
    point, normal = plane_of(mirror)
    return np.asarray((np.asarray(points, dtype=np.float64) - point) @ normal)
