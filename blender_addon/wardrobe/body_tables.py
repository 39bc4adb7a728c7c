"""Tables that dressing a person needs of a body model and its chart alone, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..bodies.mesh import edges_of
from ..bodies.model import BodyModel
from .chart import channel_values
from .contact import thinned
from .numbering import place_of, runs
from .per_model import PerModel

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class BodyTables:
    """Arrays of a body model and its chart, laid out for fast access.

    Attributes:
        chart: The chart that they are of.
        channels: Names of the chart's coordinates for materials.
        values: (V, C) float32, those coordinates.
        cloth: (F, 3, 2) float32.
        faces: (F, 3) int32.
        corners: (3, F) int32, the first, second and third corners of all faces.
        face_of_vertex: (V,) int32, a face at each vertex.
    """

    chart: Mapping[str, Array]
    channels: tuple[str, ...]
    values: Array
    cloth: Array
    faces: Array
    corners: Array
    face_of_vertex: Array

    def below(self, hem: float) -> Array:
        """(S,) int, vertices that stand for hips and legs where cloth down to a level lies on
        them, also when it slides down.
        """
        low = self.chart["level"][self._hips_and_legs]
        return self._hips_and_legs[low > hem - 0.4]

    @cached_property
    def _hips_and_legs(self) -> Array:
        among = np.flatnonzero((self.chart["level"] < 0.25) & (self.chart["arm"] < 0))
        return thinned(self.chart["position"], among)

    @cached_property
    def edges(self) -> Array:
        """(2, E) int32: the two ends of each edge of the body, every edge once, sorted."""
        return np.ascontiguousarray(edges_of(self.faces).T, dtype=np.int32)

    @cached_property
    def _first_edge(self) -> Array:
        """(V + 1,) where the edges begin whose first end is each vertex."""
        return np.searchsorted(self.edges[0], np.arange(len(self.values) + 1))

    def edges_among(self, vertices: Array, chosen: Array) -> tuple[Array, Array]:
        """The edges with both ends among some vertices.

        Args:
            vertices: (n,) int, ascending.
            chosen: (V,) bool, the same.

        Returns:
            (first ends, second ends), each (E,) int64, counted among `vertices`, sorted.
        """
        start = self._first_edge.take(vertices)
        count = self._first_edge.take(vertices + 1) - start
        second = self.edges[1].take(runs(start, count))
        inside = chosen.take(second)
        first = np.repeat(np.arange(len(vertices)), count)[inside]
        return first, place_of(vertices, len(chosen)).take(second[inside])

    @cached_property
    def _faces_at(self) -> tuple[Array, Array]:
        """((V + 1,) where the faces at each vertex begin, (3F,) those faces)."""
        order = np.argsort(self.faces.ravel(), kind="stable")
        starts = np.searchsorted(self.faces.ravel()[order], np.arange(len(self.values) + 1))
        return starts, order // 3

    def where_any(self, vertices: Array) -> Array:
        """(n,) int, ascending: the faces that have a corner among `vertices` (m,)."""
        starts, faces = self._faces_at
        start = starts.take(vertices)
        marked = np.zeros(len(self.faces), dtype=bool)
        marked[faces.take(runs(start, starts.take(vertices + 1) - start))] = True
        return np.flatnonzero(marked)

    def where_all(self, of_vertex: Array) -> Array:
        """(F,) bool, the faces all corners of which have `of_vertex` (V,) bool."""
        a, b, c = self.corners
        return of_vertex.take(a) & of_vertex.take(b) & of_vertex.take(c)


def _made(model: BodyModel, chart: Mapping[str, Array]) -> BodyTables:
    values = channel_values(chart)
    face_of_vertex = np.zeros(model.num_vertices, np.int32)
    face_of_vertex[model.faces.ravel()] = np.repeat(np.arange(len(model.faces), dtype=np.int32), 3)
    return BodyTables(
        chart,
        tuple(values),
        np.stack(list(values.values()), axis=1).astype(np.float32),
        np.ascontiguousarray(chart["cloth"], dtype=np.float32),
        model.faces,
        np.ascontiguousarray(model.faces.T),
        face_of_vertex,
    )


tables_of = PerModel(_made)
"""The tables of a model and its chart."""
