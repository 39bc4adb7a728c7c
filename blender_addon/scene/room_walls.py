"""The walls of a room whose place is fixed, for what stands in it or hangs on them. Pure numpy."""

from __future__ import annotations

import numpy as np

from .places.site import Array, Frame
from .spec import BackgroundSpec

_SMALLEST_ROOM = 2.4  # m


def roomy(room: BackgroundSpec | None) -> bool:
    """Whether things may be put: not into a car or a lift."""
    return room is None or min(room.room_size[:2]) > _SMALLEST_ROOM


def frame_of(room: BackgroundSpec) -> Frame:
    """The axes of a room, at the middle of its floor."""
    return Frame(room.room_center, room.room_turn)


def half_extents(room: BackgroundSpec) -> Array:
    """Half of its width and depth (2,), m."""
    return np.asarray(room.room_size[:2], dtype=np.float64) / 2


def inside(room: BackgroundSpec, where: Array, margin: float = 0.0) -> bool:
    """Whether a place (2,) m is in a room, `margin` m from its walls."""
    return bool((np.abs(frame_of(room).local(where)) < half_extents(room) - margin).all())


def on_wall(
    room: BackgroundSpec, hit: Array, axis: int, side: float, edge: float
) -> tuple[Array, Array] | None:
    """A place on a wall.

    Args:
        room: The room.
        hit: The place (2,) m in the frame of the room.
        axis, side: The axis of the room that the wall is across, and the sign of its place there.
        edge: Least distance from the corners, m.

    Returns:
        The place (2,) m in the world, and the wall's direction into the room (2,); None too near
        to a corner.
    """
    if abs(hit[1 - axis]) > half_extents(room)[1 - axis] - edge:
        return None
    frame, inwards = frame_of(room), np.zeros(2)
    inwards[axis] = -side
    return frame.world(hit), frame.world(inwards) - frame.world(np.zeros(2))


def facing_turn(direction: Array) -> float:
    """The turn of a prop (degrees about Z) whose front faces along `direction` (2,)."""
    return float(np.degrees(np.arctan2(direction[0], -direction[1])))
