"""The ground on which a place is built, and what it consists of. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...recipes.recipe import Recipe
from ..ground_grid import box_cells
from ..placement import Crowd
from ..spec import BackgroundSpec, LampSpec, PropSpec, SurfaceSpec, Vec3, vec3
from .yard import Rectangle, Yard

Array = NDArray[np.float64]

# A thing before a person covers at most this share of the frame's width.
_WIDEST_BEFORE = 0.35
HEAD_HEIGHT = 2.2  # m; what begins above it takes no ground
_LOW = 0.3  # m; what ends below it, such as a kerb or a platform, takes none either


@dataclass(frozen=True)
class Place:
    """A place without the people.

    Attributes:
        props: The things.
        background: Ground, room, lamps and openings.
    """

    props: tuple[PropSpec, ...]
    background: BackgroundSpec


@dataclass(frozen=True)
class Frame:
    """Axes of a part of a place on the ground: a street, a wall, a table.

    Attributes:
        origin: (2,) m.
        turn: Degrees about Z by which its own axes are turned.
    """

    origin: tuple[float, float]
    turn: float

    def world(self, points: ArrayLike) -> Array:
        """Take points (…, 2) m of this frame to the world."""
        c, s = np.cos(np.radians(self.turn)), np.sin(np.radians(self.turn))
        return np.asarray(points, dtype=np.float64) @ np.array([[c, s], [-s, c]]) + self.origin

    def local(self, points: ArrayLike) -> Array:
        """Take points (…, 2) m of the world to this frame."""
        c, s = np.cos(np.radians(self.turn)), np.sin(np.radians(self.turn))
        return (np.asarray(points, dtype=np.float64) - self.origin) @ np.array([[c, -s], [s, c]])


@dataclass(eq=False)
class Site:
    """People, camera and free ground for a builder, and the things that it has put there.

    Attributes:
        recipe: What may vary.
        crowd: The people, the camera and the ground that is taken; `put` takes more of it.
        rng: Generator of this place.
        density: How full the place is; 1 is usual.
        props, lamps: What was put.
    """

    recipe: Recipe
    crowd: Crowd
    rng: np.random.Generator
    density: float = 1.0
    props: list[PropSpec] = field(default_factory=list)
    lamps: list[LampSpec] = field(default_factory=list)

    @cached_property
    def eye(self) -> Array:
        """(2,) m: the camera on the ground."""
        return np.asarray(self.crowd.camera.location[:2], dtype=np.float64)

    @cached_property
    def ahead(self) -> Array:
        """Unit vector (2,) on the ground away from the camera."""
        return self.crowd.heading

    @cached_property
    def across(self) -> Array:
        """Unit vector (2,) on the ground to the right of the image."""
        return self.crowd.across

    @cached_property
    def feet(self) -> Array:
        """(P, 2) m: where the people are, to the centimetre: a body that was posed again differs in
        its last bits, and its place should not.
        """
        if not self.crowd.people:
            return np.zeros((0, 2))
        feet = [person.joints[:, :2].mean(axis=0) for person in self.crowd.people]
        return np.round(np.array(feet), 2)

    @cached_property
    def yard(self) -> Yard:
        """The ground that is taken, for many tests; it knows what is taken at its first use."""
        yard = Yard(self.crowd.occupied)
        for prop in self.crowd.things:
            low, top = prop.location[2], prop.location[2] + prop.size[2]
            if low < HEAD_HEIGHT and top > _LOW:
                yard.take(_rectangle(prop.location, prop.size, prop.rotation[2]))
        return yard

    @property
    def reach(self) -> float:
        """Distance from the camera to the first person, m."""
        return max(0.3, round(self.crowd.reach, 2))

    def view_frame(self, turn: float = 0.0) -> Frame:
        """A frame at the middle of the people, whose y axis points away from the camera, turned by
        `turn` degrees.
        """
        feet = self.feet
        middle = feet.mean(axis=0) if len(feet) else np.zeros(2)
        return Frame((float(middle[0]), float(middle[1])), self.crowd.camera.yaw + turn)

    def put(
        self,
        shape: str,
        where: ArrayLike,
        size: Sequence[float],
        turn: float,
        surface: SurfaceSpec,
        *,
        height: float = 0.0,
        variant: int | None = None,
        check: bool = True,
        slack: float = 0.0,
    ) -> bool:
        """Put a thing at a place if it is free, and take the ground.

        Args:
            shape: Name of the shape.
            where: (2,) m in the world.
            size: Extents along its own axes, m.
            turn: Degrees about Z; 0 faces -Y.
            surface: Its surface.
            height: Height of its lowest point above the ground, m. What begins above head height
                takes no ground.
            variant: Seed of its details; None draws one.
            check: False puts it whatever is there, and takes no ground.
            slack: The ground is as much smaller than the thing, m: a tenth lets things that touch
                stand side by side.

        Returns:
            Whether it was put.
        """
        place = np.asarray(where, dtype=np.float64)
        if variant is None:
            variant = int(self.rng.integers(1 << 16))
        if check and height < HEAD_HEIGHT:
            ground = (max(size[0] - slack, 0.02), max(size[1] - slack, 0.02))
            cells = box_cells((place[0], place[1]), ground, turn)
            if self.crowd.occupied.hits(cells) or self.hides(place, size, turn):
                return False
            if self.crowd.things and not self.yard.free(_rectangle(place, size, turn)):
                return False
            self.crowd.occupied.add(cells, grow=False)
        location = (float(place[0]), float(place[1]), float(height))
        self.props.append(
            PropSpec(shape, location, (0.0, 0.0, float(turn)), vec3(size), surface, variant=variant)
        )
        return True

    def hides(self, place: Array, size: Sequence[float], turn: float) -> bool:
        """Whether a thing stands so near before the camera that it would fill the frame, or before
        a person so that it would hide most of it.
        """
        camera = self.crowd.camera
        seen = float((place - self.eye) @ self.ahead)
        reach = 0.5 * float(np.hypot(size[0], size[1]))
        if seen < -reach:
            return False
        if size[2] < 0.35 * camera.location[2]:
            return float(np.linalg.norm(place - self.eye)) < 0.4 + reach
        nearest = float(np.linalg.norm(place - self.eye)) - reach
        farthest = self._farthest
        if nearest > farthest:
            return False
        half_width = float(np.tan(np.radians(camera.fov / 2)))
        share = 2 * reach / max(2 * max(seen - reach, 0.2) * half_width, 1e-6)
        aside = abs(float((place - self.eye) @ self.across)) - reach
        in_frame = aside < max(seen, 0.2) * half_width * 1.05
        return in_frame and share > _WIDEST_BEFORE

    @cached_property
    def _farthest(self) -> float:
        """Distance from the camera to the last person, m."""
        away = np.linalg.norm(self.feet - self.eye, axis=1)
        return max((float(distance) for distance in away), default=3.0)

    def done(self, *, room_size: Vec3 = (0.0, 0.0, 0.0), **rest: Any) -> Place:
        """The place that was built.

        Args:
            room_size: Width, depth and height of the room, m; zeros outdoors.
            rest: Further fields of BackgroundSpec.
        """
        lamps = tuple(self.lamps)
        return Place(
            tuple(self.props), BackgroundSpec("place", room_size=room_size, lamps=lamps, **rest)
        )


def _rectangle(where: ArrayLike, size: Sequence[float], turn: float) -> Rectangle:
    """The ground below a thing."""
    x, y = (float(v) for v in np.asarray(where)[:2])
    return Rectangle(x, y, abs(size[0]), abs(size[1]), turn)
