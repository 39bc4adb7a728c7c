"""Helpers of the places in the open air. Pure numpy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...draws import log_uniform
from ...props.facades import front_line
from ...recipes.recipe import Light, Recipe
from ..spec import SurfaceSpec
from . import palette
from .palette import LEAVES
from .site import Array, Frame, Site
from .yard import Rectangle

VARIANTS = 10  # of each heavy shape: few, so that they are built once
FAR = 40.0  # m from the people at which the view is closed

# Shape: extents, m. Trees come in few sizes, which are built once.
TREE_SIZES = ((2.6, 2.6, 4.2), (4.0, 4.0, 6.5), (5.5, 5.5, 9.0))
SPRUCE_SIZES = ((2.2, 2.2, 4.5), (3.6, 3.6, 9.0))
SHRUB_SIZES = ((0.9, 0.9, 0.8), (1.4, 1.4, 1.2), (2.2, 1.8, 1.9))

_FACADE_WIDTHS = (7.0, 9.0, 12.0, 15.0)
_FACADE_HEIGHTS = (7.0, 9.5, 12.5, 16.0)
_FACADE_DEPTH = 9.0

# Share of the things that may stand before a person: some people are partly hidden.
_COVERED = 0.15

Paint = Callable[[np.random.Generator], SurfaceSpec]


def adapt_street(recipe: Recipe) -> Recipe:
    """People nearer to the middle, since houses stand at both sides; things come from the place."""
    return adapt_open(recipe, 0.7)


def adapt_open(recipe: Recipe, lateral: float = 1.0) -> Recipe:
    """Things come from the place alone: others would stand in its walls or above its road."""
    wide = recipe.people.lateral
    people = dataclasses.replace(
        recipe.people,
        lateral=dataclasses.replace(wide, values=tuple(lateral * v for v in wide.values))
        if wide.kind in ("uniform", "constant", "normal")
        else wide,
    )
    occluders = dataclasses.replace(recipe.occluders, enabled=False)
    return dataclasses.replace(
        recipe, people=people, occluders=occluders, light=clear_sky(recipe.light, 3.0)
    )


def adapt_beach(recipe: Recipe) -> Recipe:
    """Do as `adapt_open`, and take no panorama where there is a choice: its land would stand in the
    sea.
    """
    recipe = adapt_open(recipe)
    return dataclasses.replace(recipe, light=clear_sky(recipe.light, 1e6))


def clear_sky(light: Light, times: float) -> Light:
    """The light with the sky `times` as often: a panorama of few pixels blurs what is behind sharp
    houses.
    """
    kinds = {k: w * times if k == "sun_sky" else w for k, w in light.kinds.items()}
    return dataclasses.replace(light, kinds=kinds)


def in_view(site: Site, where: ArrayLike, margin: float = 0.0) -> bool:
    """Whether a point (2,) m of the world may be seen, or is within `margin` m of what is."""
    x, y = np.asarray(where, dtype=np.float64).tolist()
    ex, ey = site.eye.tolist()
    yaw = math.radians(site.crowd.camera.yaw)
    hx, hy = -math.sin(yaw), math.cos(yaw)
    deep = (x - ex) * hx + (y - ey) * hy
    aside = abs((x - ex) * hy - (y - ey) * hx)
    half = 1.12 * math.tan(math.radians(min(site.crowd.camera.fov, 150.0) / 2)) + 0.05
    return deep > -margin and aside < max(deep, 0.0) * half + margin


def covers_people(site: Site, place: Array, size: Sequence[float]) -> bool:
    """Whether a thing would stand before the middle of a person, seen from the camera."""
    people = site.feet - site.eye
    if not len(people) or size[2] < 0.5:
        return False
    away = place - site.eye
    distance, reach = float(np.hypot(*away)), 0.5 * float(np.hypot(size[0], size[1]))
    beside = abs(people[:, 0] * away[1] - people[:, 1] * away[0]) / max(distance, 1e-6)
    far = np.hypot(people[:, 0], people[:, 1])
    nearer = (people @ away > 0) & (far > distance)
    # The lines of sight pass the thing at this distance from its middle.
    passing = beside * distance / np.maximum(far, 1e-6)
    return bool((nearer & (passing < reach)).any())


def _painted(surface: SurfaceSpec | Paint, rng: np.random.Generator) -> SurfaceSpec:
    return surface if isinstance(surface, SurfaceSpec) else surface(rng)


def stand(
    site: Site,
    shape: str,
    where: ArrayLike,
    size: tuple[float, float, float],
    turn: float,
    surface: SurfaceSpec | Paint,
    *,
    height: float = 0.0,
    foot: tuple[float, float] | None = None,
    variants: int = VARIANTS,
) -> bool:
    """Put a thing where it can be seen, if its ground is free; see Site.put.

    Args:
        site: The ground.
        shape, where, size, turn, height: See Site.put.
        surface: Its surface, or what draws it.
        foot: Extents on the ground of a thing that is wider above, such as a tree. Half of its
            extents stay free of people.
        variants: Number of variants to draw from.
    """
    place = np.asarray(where, dtype=np.float64)
    reach = 0.5 * max(size[0], size[1])
    if not in_view(site, place, reach + 2.0):
        return False
    taken, hiding = (size[0], size[1]), size
    if foot is not None:
        taken = (max(foot[0], 0.52 * size[0]), max(foot[1], 0.52 * size[1]))
        hiding = (*foot, size[2])
        if float(np.linalg.norm(place - site.eye)) < reach + 0.5:
            return False
    box = Rectangle(float(place[0]), float(place[1]), *taken, turn)
    if not site.yard.free(box) or site.hides(place, hiding, turn):
        return False
    wide = hiding if size[2] > 3.0 else size
    if covers_people(site, place, wide) and site.rng.random() > _COVERED:
        return False
    site.yard.take(box)
    paint = _painted(surface, site.rng)
    variant = int(site.rng.integers(variants))
    return site.put(shape, place, size, turn, paint, height=height, variant=variant, check=False)


def lay(
    site: Site,
    shape: str,
    where: ArrayLike,
    size: Sequence[float],
    turn: float,
    surface: SurfaceSpec | Paint,
    height: float = 0.0,
) -> None:
    """Put a flat thing on the ground, under people too, where it can be seen."""
    if in_view(site, where, 0.5 * max(size[0], size[1]) + 0.5):
        paint = _painted(surface, site.rng)
        variant = int(site.rng.integers(VARIANTS))
        site.put(shape, where, size, turn, paint, height=height, variant=variant, check=False)


def litter(site: Site, where: ArrayLike, height: float = 0.0, thickness: float = 0.02) -> None:
    """Lay leaves and litter on the ground, `thickness` m high."""
    turn = float(site.rng.uniform(0, 360))
    lay(site, "litter", where, (2.4, 2.0, thickness), turn, LEAVES, height)


def frame_of_line(site: Site, across: float, bend: float) -> tuple[Frame, bool]:
    """The frame of a street or a platform, whose x axis runs along it.

    Args:
        site: The ground.
        across: Share of those that run across the view; the others run along it.
        bend: Largest turn against that, degrees.

    Returns:
        (the frame; whether it runs across).
    """
    rng = site.rng
    runs_across = bool(rng.random() < across)
    turn = float(rng.uniform(-bend, bend))
    if not runs_across:
        turn = 90.0 + turn + (180.0 if rng.random() < 0.5 else 0.0)
    return site.view_frame(turn), runs_across


def tree(site: Site, where: ArrayLike, kind: str = "", height: float = 0.0) -> bool:
    """Put a tree of a random size."""
    rng = site.rng
    name = kind or ("spruce" if rng.random() < 0.2 else "leafy_tree")
    sizes = SPRUCE_SIZES if name == "spruce" else TREE_SIZES
    size = sizes[int(rng.integers(len(sizes)))]
    foot = (1.4, 1.4) if name == "spruce" else (0.5, 0.5)
    turn = float(rng.uniform(0, 360))
    return stand(site, name, where, size, turn, LEAVES, height=height, foot=foot, variants=6)


def frame_at(frame: Frame, where: tuple[float, float], turn: float) -> Frame:
    """A frame at a place of another one, turned by `turn` degrees against it."""
    x, y = frame.world(where).tolist()
    return Frame((x, y), frame.turn + turn)


def house_row(
    site: Site,
    frame: Frame,
    y: float,
    low: float,
    high: float,
    *,
    facing: int = 1,
    base: float = 0.0,
) -> None:
    """Houses side by side along x of a frame, their fronts on the line `y`.

    Args:
        site: The ground.
        frame: Its axes.
        y: m.
        low, high: Ends of the row along x, m.
        facing: 1 when they face -y, -1 when they face +y.
        base: Height of the ground, m.
    """
    rng = site.rng
    x = low - float(rng.uniform(0, 5))
    turn = frame.turn + (0.0 if facing > 0 else 180.0)
    tall = int(rng.integers(1, 4))
    while x < high:
        variant = int(rng.integers(10))
        level = min(max(tall + int(rng.integers(-1, 2)), 0), 3)
        width = _FACADE_WIDTHS[variant % 4]
        if in_view(site, frame.world((x + width / 2, y)), width / 2 + 3.0):
            where = frame.world((x + width / 2, y - facing * front_line(_FACADE_DEPTH)))
            size = (width - 0.02, _FACADE_DEPTH, _FACADE_HEIGHTS[level])
            wall = palette.house_wall(rng)
            site.put("facade", where, size, turn, wall, height=base, variant=variant, check=False)
        x += width


def close_view(site: Site, what: str = "mixed", base: float = 0.0, nearest: float = FAR) -> None:
    """Close the view behind everything by woods or houses, before the ground fades."""
    rng, camera = site.rng, site.crowd.camera
    people = site.feet
    far = float(np.linalg.norm(people - site.eye, axis=1).max()) if len(people) else 0.0
    radius = max(nearest, far + 10.0)
    half = min(camera.fov, 150.0) / 2 * 1.15 + 4.0
    aside = -half
    while aside < half + 8.0:
        houses = what == "houses" or (what == "mixed" and rng.random() < 0.4)
        yaw = camera.yaw - aside
        away = np.array([-np.sin(np.radians(yaw)), np.cos(np.radians(yaw))])
        where = site.eye + (radius + float(rng.uniform(0, 4))) * away
        variant = int(rng.integers(6))
        if not houses:
            shape, size, surface = "far_trees", (14.0, 5.0, float(rng.choice([7.0, 10.0]))), LEAVES
        elif radius < 60.0:
            height = _FACADE_HEIGHTS[int(rng.integers(4))]
            shape, size = "facade", (_FACADE_WIDTHS[variant % 4], _FACADE_DEPTH, height)
            surface = palette.house_wall(rng)
        else:
            shape, size = "far_houses", (24.0, 8.0, float(rng.choice([7.0, 10.0, 13.0])))
            surface = palette.house_wall(rng)
        site.put(shape, where, size, yaw, surface, height=base, variant=variant, check=False)
        aside += float(np.degrees(0.92 * size[0] / radius))


def seen_place(site: Site, near: float, far: float) -> Array:
    """(2,) m: a place in the frame, as often near to the camera as far from it, so that things fill
    the image evenly.
    """
    rng, camera = site.rng, site.crowd.camera
    distance = log_uniform(rng, near, max(far, 1.1 * near))
    yaw = np.radians(camera.yaw + 0.52 * min(camera.fov, 150.0) * float(rng.uniform(-1, 1)))
    return site.eye + distance * np.array([-np.sin(yaw), np.cos(yaw)])


def along(
    rng: np.random.Generator, low: float, high: float, gap: tuple[float, float]
) -> list[float]:
    """Places from `low` to `high` with random gaps."""
    places, x = [], low + float(rng.uniform(0, gap[1]))
    while x < high:
        places.append(x)
        x += float(rng.uniform(*gap))
    return places


def cafe(site: Site, where: Array, turn: float, height: float = 0.0) -> None:
    """A table with chairs, some under a parasol."""
    rng = site.rng
    side = float(rng.uniform(0.6, 0.8))
    seats, top = palette.coloured(rng), palette.wood
    if rng.random() < 0.5:
        stand(site, "parasol", where, (2.8, 2.8, 2.5), turn, top, height=height, foot=(0.3, 0.3))
    else:
        stand(site, "cafe_table", where, (side, side, 0.92), turn, top, height=height)
    for k in range(int(rng.integers(2, 5))):
        angle = np.radians(turn + 90 * k + rng.normal(0, 12))
        out = np.array([np.sin(angle), -np.cos(angle)])
        facing = float(np.degrees(angle)) + 180.0
        stand(
            site, "cafe_chair", where + 0.72 * out, (0.48, 0.54, 0.86), facing, seats, height=height
        )


def bicycles(site: Site, where: Array, turn: float) -> None:
    """A rack with some bicycles in it."""
    rng = site.rng
    axis = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    for k in range(int(rng.integers(1, 5))):
        place = where + axis * (0.55 * k + float(rng.normal(0, 0.05)))
        size = (0.55, 1.7, float(rng.uniform(0.98, 1.08)))
        stand(
            site,
            "bicycle",
            place,
            size,
            turn + float(rng.normal(0, 8)) + 180.0 * (k % 2),
            palette.car_paint,
        )
    stand(site, "bike_rack", where - 0.9 * axis, (0.8, 0.75, 0.82), turn, palette.signed)


def vehicle(site: Site, where: ArrayLike, turn: float, height: float = 0.0) -> bool:
    """Put a car or a van that faces its own -Y."""
    rng = site.rng
    if rng.random() < 0.14:
        size = (2.05, 5.3, 2.35)
        shape, paint = "parked_van", palette.car_paint
    else:
        length = float(rng.choice([3.9, 4.35, 4.7]))
        size = (1.82, length, 1.62 if rng.random() < 0.25 else 1.46)
        shape, paint = "parked_car", palette.car_paint
    return stand(site, shape, where, size, turn, paint, height=height, variants=3)
