"""A platform of a station: tracks, trains, a roof on columns, benches, signs and machines."""

from __future__ import annotations

import numpy as np

from ..spec import SurfaceSpec
from . import outdoor, palette
from .outdoor import house_row, litter, stand, tree
from .site import Frame, Place, Site

_DROP = 0.95  # m from the platform to the gravel
_LENGTH = 44.0  # m of the platform to both sides of the people
_GAUGE = 3.4  # m that a track takes


def build_station(site: Site) -> Place:
    """Lay out a platform under the people, whose edge may be at either side of it."""
    rng = site.rng
    frame, across = outdoor.frame_of_line(site, across=0.45, bend=25.0)
    feet, eye = frame.local(site.feet), frame.local(site.eye)
    points = np.concatenate([feet, [eye]]) if len(feet) else np.array([eye, (0.0, 0.0)])
    if rng.random() < 0.5 and across:  # tracks behind the people
        frame = Frame(frame.origin, frame.turn + 180.0)
        points = -points
    edge = float(points[:, 1].min()) - float(rng.uniform(0.9, 1.8))
    back = float(points[:, 1].max()) + float(rng.uniform(1.4, 3.5))
    depth = round(back - edge, 1)
    paving, gravel = palette.paving(rng), palette.gravel(rng)
    size = (2 * _LENGTH, depth, _DROP)
    _put(site, frame, "platform_edge", (0.0, edge + depth / 2), size, paving, -_DROP)
    _tracks(site, frame, edge, gravel)
    _behind(site, frame, edge + depth)
    _on_platform(site, frame, edge, edge + depth)
    if rng.random() < 0.7:
        _roof(site, frame, edge, edge + depth)
    for _ in range(int(6 * site.density)):
        where = frame.world((rng.uniform(-8, 8), rng.uniform(edge + 0.8, edge + depth - 0.5)))
        litter(site, where, 0.001)
    outdoor.close_view(site, "mixed", -_DROP)
    return site.done(ground=gravel, ground_height=-_DROP)


def _put(
    site: Site,
    frame: Frame,
    shape: str,
    where: tuple[float, float],
    size: tuple[float, float, float],
    surface: SurfaceSpec,
    height: float,
    turn: float = 0.0,
    variants: int = 6,
) -> None:
    variant = int(site.rng.integers(variants))
    site.put(
        shape,
        frame.world(where),
        size,
        frame.turn + turn,
        surface,
        height=height,
        variant=variant,
        check=False,
    )


def _tracks(site: Site, frame: Frame, edge: float, gravel: SurfaceSpec) -> None:
    """Two tracks beyond the edge, and trains on them."""
    rng = site.rng
    eye = frame.local(site.eye)
    livery = int(rng.integers(6))
    for k in range(2):
        y = edge - 1.75 - k * (_GAUGE + 0.3)
        _put(site, frame, "rails", (0.0, y), (2 * _LENGTH, 2.5, 0.25), gravel, -_DROP, variants=1)
        if eye[1] < y + 2.2 or rng.random() < 0.45:
            continue
        x = float(rng.uniform(-40, 10))
        while x < _LENGTH:
            variant_place = frame.world((x + 11.0, y))
            site.put(
                "train",
                variant_place,
                (21.6, 2.9, 3.9),
                frame.turn,
                gravel,
                height=-_DROP + 0.2,
                variant=livery,
                check=False,
            )
            x += 22.0
    _far_side(site, frame, edge - 2 * _GAUGE - 0.9)


def _far_side(site: Site, frame: Frame, far: float) -> None:
    """Another platform beyond the tracks, or a fence with trees."""
    rng = site.rng
    if rng.random() < 0.5:
        _put(
            site,
            frame,
            "platform_edge",
            (0.0, far - 3.0),
            (2 * _LENGTH, 6.0, _DROP),
            palette.paving(rng),
            -_DROP,
            180.0,
        )
        _roof(site, frame, far - 5.6, far - 1.6)
        for x in outdoor.along(rng, -24.0, 24.0, (3.0, 7.0)):
            stand(
                site,
                "park_bench",
                frame.world((x, far - 3.0)),
                (1.8, 0.62, 0.86),
                frame.turn + 180.0,
                palette.wood,
            )
        house_row(site, frame, far - 8.0, -_LENGTH, _LENGTH, facing=-1, base=-_DROP)
    else:
        for x in np.arange(-_LENGTH, _LENGTH, 4.0):
            where = frame.world((x, far - 0.5))
            stand(
                site,
                "railing",
                where,
                (4.0, 0.06, 1.3),
                frame.turn,
                palette.iron,
                height=-_DROP,
                variants=1,
            )
            tree(site, frame.world((x, far - float(rng.uniform(3, 9)))), height=-_DROP)


def _behind(site: Site, frame: Frame, back: float) -> None:
    """Close the platform by the house of the station, a wall, or a fence with bushes."""
    rng, kind = site.rng, site.rng.random()
    if kind < 0.4:
        house_row(site, frame, back + 0.1, -_LENGTH, _LENGTH)
        return
    shape, depth, paint = (
        ("garden_wall", 0.3, palette.garden_brick)
        if kind < 0.7
        else ("railing", 0.06, palette.iron)
    )
    surface = paint(rng)
    for x in np.arange(-_LENGTH, _LENGTH, 6.0):
        stand(
            site,
            shape,
            frame.world((x + 3.0, back - 0.2)),
            (6.0, depth, 1.7),
            frame.turn,
            surface,
            variants=2,
        )
        tree(site, frame.world((x, back + float(rng.uniform(2.5, 7)))), height=-_DROP)
        if rng.random() < 0.3:
            where = frame.world((x + 2.0, back - 0.45))
            stand(
                site,
                "poster",
                where,
                (1.2, 0.06, 1.7),
                frame.turn,
                palette.coloured,
                height=0.0,
            )


def _on_platform(site: Site, frame: Frame, edge: float, back: float) -> None:
    rng = site.rng
    for y, turn in ((back - 0.8, 0.0), (0.5 * (edge + back), 180.0 * float(rng.integers(2)))):
        for x in outdoor.along(rng, -32.0, 32.0, (1.5, 5.0)):
            where, kind = frame.world((x, y + float(rng.normal(0, 0.1)))), rng.random()
            facing = frame.turn + turn
            if kind < 0.3:
                stand(site, "park_bench", where, (1.8, 0.62, 0.86), facing, palette.wood)
            elif kind < 0.45:
                stand(site, "litter_bin", where, (0.5, 0.5, 1.0), facing, palette.iron)
            elif kind < 0.57:
                stand(site, "ticket_machine", where, (0.8, 0.6, 1.8), facing, palette.display)
            elif kind < 0.67:
                stand(site, "road_sign", where, (1.1, 0.2, 2.7), facing, palette.signed)
            elif kind < 0.75:
                stand(
                    site,
                    "suitcase",
                    where,
                    (0.42, 0.26, 0.65),
                    facing + float(rng.normal(0, 40)),
                    palette.coloured,
                )
            elif kind < 0.83:
                stand(site, "bus_shelter", where, (4.0, 1.5, 2.5), facing, palette.coloured)
            elif kind < 0.9:
                stand(site, "cabinet", where, (0.9, 0.5, 1.9), facing, palette.coloured)
            else:
                stand(
                    site,
                    "street_lamp",
                    where,
                    (1.0, 1.6, 4.6),
                    facing,
                    palette.iron,
                    foot=(0.25, 0.25),
                )


def _roof(site: Site, frame: Frame, edge: float, back: float) -> None:
    """A roof on columns; those that would stand in people or the camera are left out."""
    y = 0.5 * (edge + back) + 0.6
    depth = round(min(2 * (y - edge), 6.0), 1)
    iron = palette.iron(site.rng)
    _put(site, frame, "platform_roof", (0.0, y), (48.0, depth, 1.2), iron, 3.2)
    for x in (np.arange(8) - 3.5) * 6.0:
        stand(site, "pole", frame.world((x, y)), (0.24, 0.24, 4.1), 0.0, iron, foot=(0.24, 0.24))
