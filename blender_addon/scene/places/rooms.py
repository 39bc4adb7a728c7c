"""Rooms around people and camera: walls with doors, windows and things along them. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..spec import Opening, SurfaceSpec
from .site import Array, Frame, Place, Site

# Share of a half frame by which things may lie outside of it and are still put.
_SEEN = 1.15


@dataclass(eq=False)
class Wall:
    """A wall of a room.

    Attributes:
        number: 0 the far wall (+Y of the room), then counter-clockwise.
        frame: At the middle of its foot; x runs along it, y points out of the room.
        length: m.
        taken: (x0, x1, z0, z1) m of the things along it.
    """

    number: int
    frame: Frame
    length: float
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def free(self, x: float, width: float, low: float, high: float) -> bool:
        """Whether nothing is at x ± width / 2 between two heights, and the wall is as long."""
        if abs(x) + width / 2 > self.length / 2 + 1e-6:
            return False
        a, b = x - width / 2, x + width / 2
        return all(b <= x0 or a >= x1 or high <= z0 or low >= z1 for x0, x1, z0, z1 in self.taken)

    def take(self, x: float, width: float, low: float, high: float) -> None:
        """Note that a thing is there."""
        self.taken.append((x - width / 2, x + width / 2, low, high))


@dataclass(eq=False)
class Room:
    """A room in the making.

    Attributes:
        site: People, camera and ground.
        frame: The middle of the floor; its y axis points to the far wall.
        size: Width, depth and height, m.
        walls: The far wall, then counter-clockwise.
        openings: Windows and doorways.
        outside: Brightness of the outside that the openings show.
    """

    site: Site
    frame: Frame
    size: tuple[float, float, float]
    walls: tuple[Wall, ...]
    openings: list[Opening] = field(default_factory=list)
    outside: float = 0.0

    @property
    def rng(self) -> np.random.Generator:
        return self.site.rng

    @property
    def floor_area(self) -> float:
        """m²."""
        return self.size[0] * self.size[1]

    def sees(self, point: ArrayLike, reach: float = 0.3) -> bool:
        """Whether a point (2,) m of the world is in view, or within `reach` of it."""
        away = np.asarray(point, dtype=np.float64) - self.site.eye
        ahead = float(away @ self.site.ahead)
        across = self.site.across
        half = np.tan(np.radians(min(self.site.crowd.camera.fov, 150) / 2))
        return ahead > -reach and abs(float(away @ across)) < _SEEN * half * max(ahead, 0) + reach

    def walls_in_view(self) -> list[Wall]:
        """The walls of which the camera sees a part, the most visible first."""

        def share(wall: Wall) -> int:
            along = np.linspace(-0.48, 0.48, 9) * wall.length
            points = wall.frame.world(np.column_stack([along, 0 * along]))
            return sum(self.sees(point, 0.0) for point in points)

        shares = [(share(wall), wall) for wall in self.walls]
        return [wall for n, wall in sorted(shares, key=lambda s: -s[0]) if n > 0]

    def hidden_wall(self) -> Wall:
        """The first wall that the camera does not see; the far wall where it sees all."""
        seen = self.walls_in_view()
        return next((wall for wall in self.walls if wall not in seen), self.walls[0])

    def against(
        self,
        wall: Wall,
        shape: str,
        size: Sequence[float],
        surface: SurfaceSpec,
        x: float | None = None,
        *,
        height: float = 0.0,
        variants: int = 24,
        gap: float = 0.0,
        tries: int = 5,
    ) -> float | None:
        """Put a thing with its back to a wall.

        Args:
            wall: The wall.
            shape: Name of the shape.
            size: Extents along its own axes, m.
            surface: Its surface.
            x: Place along the wall, m; None tries some.
            height: Of its lowest point, m. What begins above 0.5 m takes no ground.
            variants: Number of different details.
            gap: Free width on both sides, m.
            tries: Places that are tried.

        Returns:
            Its place along the wall; None where there is none.
        """
        half = max((wall.length - size[0]) / 2 - 0.02, 0.0)
        for _ in range(1 if x is not None else tries):
            at = float(self.rng.uniform(-half, half)) if x is None else x
            place = wall.frame.world((at, -size[1] / 2 - 0.004))
            if not self.sees(place, 0.5 * size[0]):
                continue
            if not wall.free(at, size[0] + 2 * gap, height, height + size[2]):
                continue
            on_ground = height < 0.5
            if not self.site.put(
                shape, place, size, wall.frame.turn, surface, height=height,
                variant=int(self.rng.integers(variants)), check=on_ground, slack=0.1,
            ):  # fmt: skip
                continue
            wall.take(at, size[0], height, height + size[2])
            return at
        return None

    def hang(
        self,
        wall: Wall,
        shape: str,
        size: Sequence[float],
        surface: SurfaceSpec,
        low: float,
        x: float | None = None,
        variants: int = 24,
    ) -> float | None:
        """Put a flat thing on a wall with its lower edge `low` m above the floor; see `against`."""
        return self.against(wall, shape, size, surface, x, height=low, variants=variants, gap=0.03)

    def open_wall(self, wall: Wall, x: float, width: float, low: float, high: float) -> bool:
        """Cut an opening into a wall, if the wall is free there."""
        if not wall.free(x, width + 0.1, low, high):
            return False
        self.openings.append(Opening(wall.number, x, low, width, high - low))
        wall.take(x, width, low, high)
        return True

    def done(self, ground: SurfaceSpec, wall: SurfaceSpec) -> Place:
        """The place that was built."""
        return self.site.done(
            ground=ground,
            wall=wall,
            room_size=self.size,
            room_center=self.frame.origin,
            room_turn=self.frame.turn,
            openings=tuple(self.openings),
            outside=self.outside,
        )


def plan_room(
    site: Site,
    *,
    behind: tuple[float, float] = (0.3, 1.2),
    beyond: tuple[float, float] = (0.6, 3.0),
    beside: tuple[float, float] = (0.4, 2.5),
    height: tuple[float, float] = (2.35, 3.0),
    smallest: tuple[float, float] = (2.5, 3.0),
    turn: float | None = None,
) -> Room:
    """Lay walls around camera and people.

    Args:
        site: People and camera.
        behind, beyond, beside: Ranges of free floor behind the camera, beyond the people and
            beside them, m.
        height: Range of the height, m.
        smallest: Least width and depth, m.
        turn: Turn of the room against the camera, degrees; None draws one.
    """
    rng = site.rng
    if turn is None:
        turn = float(rng.choice([rng.uniform(-8, 8), rng.uniform(-40, 40)]))
    frame = Frame((0.0, 0.0), site.crowd.camera.yaw + turn)
    points = frame.local(taken_points(site))
    low, high = points.min(axis=0), points.max(axis=0)
    eye = frame.local(site.eye)
    sides = rng.uniform(beside[0], beside[1], 2)
    low = low - np.array((sides[0], rng.uniform(*(behind if eye[1] < low[1] + 0.3 else beside))))
    high = high + np.array((sides[1], rng.uniform(*beyond)))
    for axis in range(2):
        lack = smallest[axis] - float(high[axis] - low[axis])
        if lack > 0:
            low[axis] -= 0.5 * lack
            high[axis] += 0.5 * lack
    low, high = np.round(low, 2), np.round(high, 2)
    middle = frame.world((low + high) / 2)
    camera = site.crowd.camera
    tallest = max([0.0, *(round(float(p.joints[:, 2].max()), 2) for p in site.crowd.people)])
    up = max(float(rng.uniform(*height)), camera.location[2] + 0.25, tallest + 0.35)
    width, depth = (float(extent) for extent in high - low)
    frame = Frame((float(middle[0]), float(middle[1])), frame.turn)
    walls = []
    for k in range(4):
        out = (depth if k % 2 == 0 else width) / 2
        angle = np.radians(90.0 * k)
        foot = frame.world((-out * np.sin(angle), out * np.cos(angle)))
        wall = Frame((float(foot[0]), float(foot[1])), frame.turn + 90.0 * k)
        walls.append(Wall(k, wall, width if k % 2 == 0 else depth))
    return Room(site, frame, (width, depth, round(up, 2)), tuple(walls))


def taken_points(site: Site) -> Array:
    """(N, 2) m: camera, joints of people and corners of what their poses need, to the cm."""
    points = [site.eye[None], (site.eye + 0.3 * site.ahead)[None]]
    if not site.crowd.people:
        points.append((site.eye + site.reach * site.ahead)[None])
    points += [person.joints[:, :2] for person in site.crowd.people]
    for prop in site.crowd.props:
        half = np.abs(prop.size[:2]) / 2
        corners = half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        points.append(Frame(prop.location[:2], prop.rotation[2]).world(corners))
    every = np.concatenate(points)
    grown = [every + step for step in ((0.15, 0.15), (-0.15, -0.15), (0.15, -0.15), (-0.15, 0.15))]
    points_grown: Array = np.asarray(np.concatenate(grown), dtype=np.float64)
    return np.round(points_grown, 2)
