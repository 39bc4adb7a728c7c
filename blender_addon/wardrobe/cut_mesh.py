"""Cut pieces of cloth out of the surface of a body, along the edges of a garment.

Every vertex of a piece lies on an edge of the body's mesh, between two of its vertices. So a piece
follows any shape and any pose of the body: its vertices are interpolated between posed ones, and
its edge is as straight as the field that it was cut by, whatever the resolution of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .numbering import distinct, place_of

Array = np.ndarray

# No corner of a cut is nearer to a vertex than this share of its edge: slivers would shade badly.
_NEAREST = 0.02


@dataclass(frozen=True)
class Piece:
    """Triangles on the surface of a body.

    Attributes:
        ends: (N, 2) int32, the two body vertices that a vertex lies between.
        share: (N,) float32, its place between them: 0 at the first .. 1 at the second.
        faces: (F, 3) int32, indices of vertices of the piece.
        source: (F,) int32, the body's face that each face is a part of.
        corners: (C, 3, 3) float32, place of each corner of the last C faces in its source,
            barycentric. The faces before them are whole faces of the body.
        border: (E, 2) int32, edges along the cut, with the piece on their left seen from outside.
        whole: Number of the first vertices that are vertices of the body.
    """

    ends: Array
    share: Array
    faces: Array
    source: Array
    corners: Array
    border: Array
    whole: int

    def values(self, of_body: Array) -> Array:
        """Interpolate values (V, …) of the body's vertices to the vertices of the piece (N, …)."""
        out = of_body.take(self.ends[:, 0], axis=0)
        first, second = out[self.whole :], of_body.take(self.ends[self.whole :, 1], axis=0)
        share = self.share[self.whole :].reshape(-1, *(1,) * (of_body.ndim - 1))
        first += share.astype(out.dtype, copy=False) * (second - first)
        return out

    def corner_values(self, of_body: Array) -> Array:
        """Interpolate values (F, 3, C) of the body's face corners: (F, 3, C)."""
        out = of_body.take(self.source, axis=0)
        cut = out[len(out) - len(self.corners) :]
        cut[:] = np.einsum("fij,fjc->fic", self.corners, cut)
        return out


def cut(
    faces: Array, field: Array, among: Array | None = None, columns: Array | None = None
) -> Piece:
    """Cut out the part of a mesh where a field is positive (marching triangles).

    Args:
        faces: (F, 3) the body's faces.
        field: (V,) the field at its vertices, linear in between.
        among: (F,) bool, the faces that may be part of it; None for all.
        columns: (3, F) the faces' corners, which are faster to read; None to take them of `faces`.

    Returns:
        The piece.
    """
    inside = field > 0
    of_corner = inside.view(np.uint8)
    a, b, c = faces.T if columns is None else columns
    count = of_corner.take(a) + of_corner.take(b) + of_corner.take(c)
    if among is not None:
        count *= among
    whole = np.flatnonzero(count == 3)
    # Tips have one corner inside, stumps two; corners are turned so that the one alone on its side
    # comes first. The cut crosses its edges to the other two.
    tips, stumps = np.flatnonzero(count == 1), np.flatnonzero(count == 2)
    mixed, n = np.concatenate([tips, stumps]), len(tips)
    corner = faces.take(mixed, axis=0)
    alone = inside[corner] == (np.arange(len(mixed)) < n)[:, None]
    turn = alone.argmax(axis=1)
    corner = corner.take(_TURNS.take(turn, axis=0) + 3 * np.arange(len(mixed))[:, None])
    place = _PLACES.take(turn, axis=0)  # (n, 3 turned corners, 3 corners)
    t = _between(field, corner[:, :1], corner[:, 1:])[:, :, None]
    crossing = place[:, :1] * (1 - t) + place[:, 1:] * t

    uncut = faces.take(whole, axis=0)
    ends, kept, number, edge = _numbered(len(field), uncut, corner, n)
    share = np.zeros(len(ends), np.float32)
    share[kept:] = _between(field, *ends[kept:].T)
    own = number.take(corner)
    parts = [_triangles(own, edge)[:n], *(x[n:] for x in _quads(own, edge))]
    places = [_triangles(place, crossing)[:n], *(x[n:] for x in _quads(place, crossing))]
    border = edge.copy()
    border[n:] = edge[n:, ::-1]
    return Piece(
        ends=ends,
        share=share,
        faces=np.concatenate([number.take(uncut), *parts]),
        source=np.concatenate([whole, tips, stumps, stumps]).astype(np.int32),
        corners=np.concatenate(places).astype(np.float32),
        border=border,
        whole=kept,
    )


_TURNS = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
_PLACES = np.eye(3)[_TURNS]


def _triangles(corner: Array, crossing: Array) -> Array:
    """The tips of faces: corners (n, 3, …) and crossings of the edges of the first (n, 2, …)."""
    return np.concatenate([corner[:, :1], crossing], axis=1)


def _quads(corner: Array, crossing: Array) -> tuple[Array, Array]:
    """Cut the tips off faces: two triangles are left of each."""
    return (
        np.concatenate([crossing[:, :1], corner[:, 1:]], axis=1),
        np.concatenate([crossing[:, :1], corner[:, 2:], crossing[:, 1:]], axis=1),
    )


def _numbered(V: int, whole: Array, mixed: Array, tips: int) -> tuple[Array, int, Array, Array]:
    """Number the vertices of a piece: first the body's, then the crossings of edges.

    Args:
        V: Number of the body's vertices.
        whole: (w, 3) corners of faces that are in it.
        mixed: (n, 3) corners of faces that are cut, the one alone on its side first.
        tips: How many of the first of those have that corner inside.

    Returns:
        (ends (N, 2) int32 of each vertex, how many of them are the body's, (V,) int32 the number of
        each of those, (n, 2) int32 the numbers of the crossings from the first corner to the second
        and third).
    """
    used = np.zeros(V, dtype=bool)
    used[whole.ravel()] = True
    used[mixed[:tips, 0]] = True
    used[mixed[tips:, 1:].ravel()] = True
    vertices = np.flatnonzero(used)
    number = place_of(vertices, V).astype(np.int32)
    first, others = mixed[:, :1].astype(np.int64), mixed[:, 1:]
    code = np.minimum(first, others) * V + np.maximum(first, others)
    edges, edge = distinct(code)
    ends = np.empty((len(vertices) + len(edges), 2), np.int32)
    ends[: len(vertices)] = vertices[:, None]
    ends[len(vertices) :, 0], ends[len(vertices) :, 1] = np.divmod(edges, V)
    edge = (edge + len(vertices)).astype(np.int32)
    return ends, len(vertices), number, edge


def _between(field: Array, first: Array, second: Array) -> Array:
    """Where the field crosses 0 between two vertices, 0 .. 1 from the first."""
    a, b = field[first], field[second]
    share = a / np.where(a == b, 1.0, a - b)
    return np.minimum(np.maximum(share, _NEAREST), 1 - _NEAREST)


def loops(border: Array) -> list[tuple[Array, bool]]:
    """The border's edges joined to chains: [((n,) vertices in order, whether it is closed), …]."""
    following = dict(border.tolist())
    ends = set(following.values())
    chains = []
    for start in [s for s in following if s not in ends] + list(following):
        if start not in following:
            continue
        chain = [start]
        while chain[-1] in following:
            chain.append(following.pop(chain[-1]))
        closed = chain[0] == chain[-1] and len(chain) > 2
        chains.append((np.array(chain[:-1] if closed else chain), closed))
    return chains
