"""Cut pieces of cloth out of the surface of a body, along the edges of a garment.

Every vertex of a piece lies on an edge of the body's mesh, between two of its vertices. So a piece
follows any shape and any pose of the body: its vertices are interpolated between posed ones, and
its edge is as straight as the field that it was cut by, whatever the resolution of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def cut(faces: Array, field: Array, among: Array | None = None) -> Piece:
    """Cut out the part of a mesh where a field is positive (marching triangles).

    Args:
        faces: (F, 3) the body's faces.
        field: (V,) the field at its vertices, linear in between.
        among: (F,) bool, the faces that may be part of it; None for all.

    Returns:
        The piece.
    """
    inside = field > 0
    of_corner = inside.view(np.uint8)
    count = of_corner[faces[:, 0]] + of_corner[faces[:, 1]] + of_corner[faces[:, 2]]
    if among is not None:
        count *= among
    whole = np.flatnonzero(count == 3)
    # Turn mixed faces so that the corner that is alone on its side comes first.
    tips, stumps = (_turned(faces, inside, np.flatnonzero(count == n), n == 1) for n in (1, 2))
    points, corners, source, border = _parts(faces, field, tips, stumps)
    ends, kept, (own_whole, own_faces, own_border) = _numbered(
        len(field), faces.take(whole, axis=0), points, border
    )
    share = np.zeros(len(ends), np.float32)
    share[kept:] = _between(field, *ends[kept:].T)
    return Piece(
        ends=ends,
        share=share,
        faces=np.concatenate([own_whole, own_faces]),
        source=np.concatenate([whole, source]).astype(np.int32),
        corners=corners.astype(np.float32),
        border=own_border,
        whole=kept,
    )


def _numbered(V: int, whole: Array, *points: Array) -> tuple[Array, int, list[Array]]:
    """Number the corners of whole faces (n, 3), and points (..., 2) that are given by the two ends
    of their edge; one at a vertex has it twice.

    Returns:
        (ends (N, 2) int32 of each number, how many of the first are vertices, the numbers int32 of
        each array).
    """
    low, high = (
        np.concatenate([of_two(p[..., 0], p[..., 1]).ravel() for p in points])
        for of_two in (np.minimum, np.maximum)
    )
    at_vertex = low == high
    used = np.zeros(V, dtype=bool)
    used[whole.ravel()] = True
    used[low[at_vertex]] = True
    vertices = np.flatnonzero(used)
    number = np.empty(V, np.int32)
    number[vertices] = np.arange(len(vertices), dtype=np.int32)
    # Only the few points on the border have to be sorted.
    edges, edge_number = np.unique(
        low[~at_vertex].astype(np.int64) * V + high[~at_vertex], return_inverse=True
    )
    numbers = np.empty(len(low), np.int32)
    numbers[at_vertex] = number[low[at_vertex]]
    numbers[~at_vertex] = len(vertices) + edge_number.ravel()
    ends = np.empty((len(vertices) + len(edges), 2), np.int32)
    ends[: len(vertices)] = vertices[:, None]
    ends[len(vertices) :, 0], ends[len(vertices) :, 1] = np.divmod(edges, V)
    split = np.split(numbers, np.cumsum([p[..., 0].size for p in points])[:-1])
    return (
        ends,
        len(vertices),
        [
            number.take(whole),
            *(n.reshape(p.shape[:-1]) for n, p in zip(split, points, strict=True)),
        ],
    )


def _turned(faces: Array, inside: Array, which: Array, alone: bool) -> tuple[Array, Array]:
    """Face numbers, and (n, 3) their corners in turn, beginning with the one alone on its side."""
    first = np.argmax(inside[faces[which]] == alone, axis=1)
    return which, (first[:, None] + np.arange(3)) % 3


def _parts(
    faces: Array,
    field: Array,
    tips: tuple[Array, Array],
    stumps: tuple[Array, Array],
) -> tuple[Array, Array, Array, Array]:
    """Triangles that are cut: (n, 3, 2) ends of edges, their corners, sources, and the border."""
    ends, corners, sources = [], [], []
    tip = _Turned(faces, field, *tips)
    a, ab, ac = tip.point(0), tip.point(0, 1), tip.point(0, 2)
    stump = _Turned(faces, field, *stumps)
    p, q, b, c = stump.point(0, 1), stump.point(0, 2), stump.point(1), stump.point(2)
    for turned, triangle in ((tip, (a, ab, ac)), (stump, (p, b, c)), (stump, (p, c, q))):
        ends.append(np.stack([point.ends for point in triangle], axis=1))
        corners.append(np.stack([point.place for point in triangle], axis=1))
        sources.append(turned.which)
    border = [np.stack([ab.ends, ac.ends], axis=1), np.stack([q.ends, p.ends], axis=1)]
    return (
        np.concatenate(ends),
        np.concatenate(corners),
        np.concatenate(sources),
        np.concatenate(border),
    )


@dataclass(frozen=True)
class _Point:
    """One corner of many triangles: both ends of its edge (n, 2), its place in its face (n, 3)."""

    ends: Array
    place: Array


class _Turned:
    """Faces whose corners are counted from the one that is alone on its side of the cut."""

    def __init__(self, faces: Array, field: Array, which: Array, order: Array) -> None:
        self.which, self.field = which, field
        self.corner = np.take_along_axis(faces[which], order, axis=1)
        self.place = np.eye(3)[order]  # (n, 3 turned corners, 3 corners)

    def point(self, k: int, other: int | None = None) -> _Point:
        """Corner `k`, or where the cut crosses its edge to corner `other`."""
        start = self.corner[:, k]
        if other is None:
            return _Point(np.stack([start, start], axis=1), self.place[:, k])
        end = self.corner[:, other]
        t = _between(self.field, start, end)[:, None]
        place = self.place[:, k] * (1 - t) + self.place[:, other] * t
        return _Point(np.stack([start, end], axis=1), place)


def _between(field: Array, first: Array, second: Array) -> Array:
    """Where the field crosses 0 between two vertices, 0 .. 1 from the first."""
    a, b = field[first], field[second]
    return np.clip(a / np.where(a == b, 1.0, a - b), _NEAREST, 1 - _NEAREST)


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
