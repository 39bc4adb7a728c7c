"""Parts are fitted to a body by paths drawn taut around it, by what is computed once for each body
model, and by joints and weights of the skin beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from ..bodies.model import BodyModel
from .body_tables import tables_of
from .palette import Color
from .solids import Mesh, resampled, tangents
from .vectors import cross, unit
from .worn_part import Fitting, PartSurface, WornPart

Array = np.ndarray
T = TypeVar("T")

_CLOUD = 1500  # vertices of the body suffice to weigh joints


@dataclass(frozen=True, eq=False)
class Loop:
    """A closed path around a body, drawn taut.

    Attributes:
        points: (n, 3) m, equally far from each other.
        out: (n, 3) unit, in the loop's plane, away from what is inside.
        near: (n,) the vertex of the body that each point is nearest to.
    """

    points: Array
    out: Array
    near: Array


def taut_loop(
    surface: Array,
    among: Array,
    origin: ArrayLike,
    normal: ArrayLike,
    count: int,
    thick: float,
    start: ArrayLike = (0.0, 0.0, 1.0),
) -> Loop:
    """The convex hull of a body where a plane cuts it.

    Args:
        surface: (V, 3) m.
        among: Indices of the vertices that may be touched.
        origin, normal: The plane; the loop runs counter-clockwise, seen from the normal's side.
        count: Number of points.
        thick: Vertices this near to the plane count, m.
        start: The loop starts at its farthest point in this direction.
    """
    origin, w = np.asarray(origin, dtype=np.float64), unit(np.asarray(normal, dtype=np.float64))
    u = unit(np.asarray(start, dtype=np.float64) - (np.asarray(start) @ w) * w)
    v = cross(w, u)
    d = surface[among] - origin
    close = np.abs(d @ w) < thick
    near, d = among[close], d[close]
    if len(near) < 3:
        raise ValueError(f"expected a plane that cuts the body, it meets {len(near)} vertices")
    angle = 2 * np.pi * np.arange(72) / 72
    ways = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    chosen = np.argmax(d @ ways.T, axis=0)
    chosen = chosen[np.concatenate([[True], chosen[1:] != chosen[:-1]])]
    if len(chosen) > 1 and chosen[-1] == chosen[0]:
        chosen = chosen[:-1]
    corner = d[chosen] - (d[chosen] @ w)[:, None] * w
    points, place = resampled(corner, count, closed=True)
    for _ in range(2):
        points = (np.roll(points, 1, 0) + 2 * points + np.roll(points, -1, 0)) / 4
    out = unit(cross(tangents(points, closed=True), w))
    index = np.rint(place).astype(int) % len(chosen)
    return Loop(origin + points, out, near[chosen[index]])


def worn(
    fitting: Fitting,
    name: str,
    mesh: Mesh,
    colors: Sequence[Color],
    surface: PartSurface,
    skin: tuple[Array, Array],
    near: ArrayLike,
    **more: Any,
) -> WornPart:
    """A part made of a mesh.

    Args:
        fitting: The body.
        name: What it is.
        mesh: Its shape.
        colors: The colour of each region; the last one stands for those that are missing.
        surface: Its material.
        skin: Joints and weights of its vertices.
        near: The vertex of the body nearest to all of it, or (N,) to each of its vertices.
        more: Other fields of WornPart.
    """
    near = np.broadcast_to(np.asarray(near), len(mesh.vertices))
    palette = np.asarray(colors, dtype=np.float32)
    return WornPart(
        name,
        mesh.vertices.astype(np.float32),
        np.ascontiguousarray(mesh.faces, dtype=np.int32),
        mesh.uv.astype(np.float32),
        palette[np.minimum(mesh.region, len(palette) - 1)],
        *skin,
        tables_of(fitting.model, fitting.chart).face_of_vertex[near[mesh.faces[:, 0]]],
        surface,
        **more,
    )


class PerBody(Generic[T]):
    """Values that are computed once for each body model."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[BodyModel, dict[Hashable, T]] = WeakKeyDictionary()

    def get(self, fitting: Fitting, key: Hashable, make: Callable[[Fitting], T]) -> T:
        """The value of `key` for the fitting's body model; `make` gets its mean body."""
        values = self._values.setdefault(fitting.model, {})
        if key not in values:
            values[key] = make(mean_body(fitting))
        return values[key]


def mean_body(fitting: Fitting) -> Fitting:
    """The fitting's body model with its mean shape and no clothes."""
    model = fitting.model
    shaped = np.asarray(model.v_template, dtype=np.float64)
    return Fitting(model, fitting.chart, shaped, np.asarray(model.J_regressor) @ shaped)


def bound(fitting: Fitting, points: Array, among: Array, most: int = 8) -> tuple[Array, ...]:
    """Weigh joints for points that move as the vertices nearest to them.

    Args:
        fitting: The body.
        points: (N, 3) m.
        among: Indices of the vertices of the body that may move them.
        most: How many of them move each point.

    Returns:
        (joints (N, 4), weights (N, 4), near (N,) the nearest vertex of the body).
    """
    among = among[:: 1 + len(among) // _CLOUD]
    cloud = fitting.shaped[among]
    distance = np.linalg.norm(points[:, None] - cloud[None], axis=2)
    near = np.argsort(distance, axis=1)[:, :most]
    share = 1.0 / (np.take_along_axis(distance, near, axis=1) + 0.004) ** 2
    share /= share.sum(axis=1, keepdims=True)
    of_body = np.asarray(fitting.model.weights)[among]
    rows = np.einsum("nk,nkj->nj", share, of_body[near])
    return *four_of(rows), among[near[:, 0]]


def four_of(rows: Array) -> tuple[Array, Array]:
    """(joints (N, 4), weights (N, 4)) of weights for all joints (N, J)."""
    joints = np.argsort(-rows, axis=1, kind="stable")[:, :4].astype(np.int32)
    weights = np.take_along_axis(rows, joints, axis=1)
    return joints, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
