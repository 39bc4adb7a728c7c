"""All shapes of things that are not people, and how large they are drawn.

A builder gives real proportions in metres, whatever its origin; `unit_shape` brings it to the frame
that PropSpec asks for: origin on the ground under the centre, Z up, front towards -Y, extents
1 × 1 × 1. No bpy here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from .carried import CARRIED
from .companions import COMPANIONS
from .furniture import FURNITURE
from .plants import PLANTS
from .primitives import Solid, ball, box, tube
from .sized import SIZED
from .street import STREET
from .vehicles import VEHICLES

Range = tuple[float, float]


@dataclass(frozen=True)
class OccluderKind:
    """The sizes of a shape and its places.

    Attributes:
        width, depth, height: Ranges of the extents, m.
        indoors, outdoors: Whether it may stand there.
        colors: "any", "plant", "metal" or "wood".
    """

    width: Range
    depth: Range
    height: Range
    indoors: bool = True
    outdoors: bool = True
    colors: str = "any"


OCCLUDERS: dict[str, OccluderKind] = {
    "box": OccluderKind((0.2, 1.0), (0.2, 1.0), (0.2, 1.3)),
    "pole": OccluderKind((0.05, 0.25), (0.05, 0.25), (1.8, 4.0), colors="metal"),
    "cylinder": OccluderKind((0.2, 0.7), (0.2, 0.7), (0.3, 1.4)),
    "sphere": OccluderKind((0.2, 0.8), (0.2, 0.8), (0.2, 0.8)),
    "cone": OccluderKind((0.25, 0.45), (0.25, 0.45), (0.4, 0.9), indoors=False),
    "plant": OccluderKind((0.3, 0.9), (0.3, 0.9), (0.5, 1.7), colors="plant"),
    "bush": OccluderKind((0.6, 1.8), (0.6, 1.8), (0.5, 1.4), indoors=False, colors="plant"),
    "tree": OccluderKind((1.5, 3.5), (1.5, 3.5), (2.8, 6.0), indoors=False, colors="plant"),
    "bench": OccluderKind((1.2, 2.0), (0.45, 0.65), (0.75, 0.95), indoors=False, colors="wood"),
    "chair": OccluderKind((0.42, 0.55), (0.45, 0.6), (0.8, 1.0), outdoors=False, colors="wood"),
    "stool": OccluderKind((0.3, 0.45), (0.3, 0.45), (0.42, 0.75), outdoors=False, colors="wood"),
    "table": OccluderKind((0.8, 1.8), (0.6, 1.0), (0.68, 0.8), colors="wood"),
    "car": OccluderKind((1.65, 1.9), (3.8, 4.8), (1.4, 1.65), indoors=False),
    "van": OccluderKind((1.9, 2.1), (4.6, 5.8), (2.0, 2.6), indoors=False),
    "bollard": OccluderKind((0.12, 0.25), (0.12, 0.25), (0.7, 1.1), indoors=False, colors="metal"),
    "fence": OccluderKind((1.5, 3.0), (0.05, 0.1), (0.8, 1.3), indoors=False, colors="wood"),
    "sign": OccluderKind((0.4, 0.8), (0.05, 0.1), (1.9, 2.6), indoors=False, colors="metal"),
    "bin": OccluderKind((0.35, 0.6), (0.35, 0.6), (0.7, 1.1)),
    "bicycle": OccluderKind((0.5, 0.6), (1.6, 1.8), (0.95, 1.1), indoors=False, colors="metal"),
    "suitcase": OccluderKind((0.35, 0.5), (0.2, 0.3), (0.5, 0.75)),
    "lamp_post": OccluderKind((0.3, 0.5), (0.3, 0.5), (3.0, 5.0), indoors=False, colors="metal"),
}


def _box() -> Solid:
    return box((0, 0, 0.5), (1, 1, 1))


def _pole() -> Solid:
    return tube((0, 0, 0), (0, 0, 3), 0.08, sides=16)


def _cylinder() -> Solid:
    return tube((0, 0, 0), (0, 0, 1), 0.5, sides=28)


def _sphere() -> Solid:
    return ball((0, 0, 0), (0.5, 0.5, 0.5), rings=16, sides=28)


SHAPES: dict[str, Callable[[], Solid]] = {
    "box": _box,
    "pole": _pole,
    "cylinder": _cylinder,
    "sphere": _sphere,
    **PLANTS,
    **FURNITURE,
    **VEHICLES,
    **STREET,
    **CARRIED,
    **COMPANIONS,
}


@cache
def unit_shape(name: str) -> Solid:
    """A shape in its own frame: x and y in -0.5..0.5, z in 0..1. It is cached; do not change its
    arrays.

    Raises:
        KeyError: An unknown shape; the message lists them.
    """
    if name not in SHAPES:
        raise KeyError(f"no shape {name!r}; there are: {', '.join((*SHAPES, *SIZED))}")
    solid = SHAPES[name]()
    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return solid.placed(np.diag(1 / (high - low)), -origin / (high - low))


def solid_of(shape: str, size: tuple[float, float, float], variant: int = 0) -> Solid:
    """A shape of this size in its own frame, m; a negative extent mirrors it.

    Args:
        shape: A name in SHAPES, which is stretched, or in SIZED, which is built to size.
        size: Extents along its axes, m.
        variant: Seed of the details of a sized shape.

    Raises:
        KeyError: An unknown shape; the message lists them.
        ValueError: An extent is 0.
    """
    if 0.0 in size:
        raise ValueError(f"prop {shape!r}: size {size}, expected three lengths that are not 0")
    if shape not in SIZED:
        return unit_shape(shape).placed(np.diag(size), np.zeros(3))
    x, y, z = (round(abs(extent), 4) for extent in size)
    solid = _sized(shape, (x, y, z), variant)
    signs = np.sign(size)
    return solid if (signs > 0).all() else solid.placed(np.diag(signs), np.zeros(3))


@lru_cache(maxsize=512)
def _sized(shape: str, size: tuple[float, float, float], variant: int) -> Solid:
    return SIZED[shape](size, np.random.default_rng(variant))
