"""The pieces of props: closed polygon meshes in numpy. Metres, Z up. No bpy here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Size = tuple[float, float, float]  # extents along x, y and z, m

# The material of a face: the prop's own surface or one of these. Faces of IMAGE show the image of
# the surface; those of LAMP shine.
SURFACE, DARK, SECOND, METAL, EARTH, GLASS, LAMP, IMAGE = range(8)


@dataclass(frozen=True, eq=False)
class Solid:
    """Polygons: face f has the corners loops[starts[f] : starts[f + 1]], counter-clockwise seen
    from outside.

    Attributes:
        vertices: (V, 3) m.
        loops: (L,) vertex of each corner.
        starts: (F,) first corner of each face.
        tones: (F,) SURFACE, DARK, SECOND, METAL, EARTH, GLASS, LAMP or IMAGE.
        smooth: (F,) shaded as part of a curved surface.
        paint: (F, 3) linear colours in place of the tones'; NaN where a face keeps its own.
        uv: (L, 2) place in the image, 0..1, for faces of tone IMAGE.
    """

    vertices: Array
    loops: NDArray[np.int32]
    starts: NDArray[np.int32]
    tones: NDArray[np.uint8]
    smooth: NDArray[np.bool_]
    paint: Array | None = None
    uv: Array | None = None

    def moved(self, by: ArrayLike) -> Solid:
        return self.placed(np.eye(3), by)

    def placed(self, matrix: ArrayLike, offset: ArrayLike) -> Solid:
        """vertices -> matrix · v + offset. A mirroring matrix turns the faces over: they still face
        outwards.
        """
        A = np.asarray(matrix, dtype=np.float64)
        vertices = self.vertices @ A.T + np.asarray(offset, dtype=np.float64)
        if np.linalg.det(A) > 0:
            return dataclasses.replace(self, vertices=vertices)
        order = self._reversed()
        uv = None if self.uv is None else self.uv[order]
        return dataclasses.replace(self, vertices=vertices, loops=self.loops[order], uv=uv)

    def painted(self, color: ArrayLike) -> Solid:
        """The solid in one linear colour (3,), or in one for each face (F, 3)."""
        paint = np.broadcast_to(np.asarray(color, dtype=np.float64), (len(self.starts), 3))
        return dataclasses.replace(self, paint=paint)

    def _reversed(self) -> NDArray[np.int64]:
        """Numbers (L,) of the corners, with those of each face in the other direction."""
        counts = np.diff(np.append(self.starts, len(self.loops)))
        first, last = np.repeat(self.starts, counts), np.repeat(self.starts + counts - 1, counts)
        return first + last - np.arange(len(self.loops))


# Builds a shape to its size; the generator draws its details.
Builder = Callable[[Size, np.random.Generator], Solid]


def polygons(
    vertices: ArrayLike, faces: Sequence[Sequence[int]], tone: int, smooth: bool = False
) -> Solid:
    """A Solid from faces given as lists of vertex indices."""
    counts = [len(face) for face in faces]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    loops = np.array([v for face in faces for v in face], dtype=np.int32)
    n = len(faces)
    return Solid(
        np.asarray(vertices, dtype=np.float64),
        loops,
        starts,
        np.full(n, tone, np.uint8),
        np.full(n, smooth, np.bool_),
    )


def join(solids: Iterable[Solid]) -> Solid:
    """Join solids into one."""
    parts = list(solids)
    first_vertex = np.cumsum([0] + [len(s.vertices) for s in parts])
    first_loop = np.cumsum([0] + [len(s.loops) for s in parts])
    return Solid(
        np.concatenate([s.vertices for s in parts]),
        np.concatenate([s.loops + v for s, v in zip(parts, first_vertex, strict=False)]).astype(
            np.int32
        ),
        np.concatenate([s.starts + n for s, n in zip(parts, first_loop, strict=False)]).astype(
            np.int32
        ),
        np.concatenate([s.tones for s in parts]),
        np.concatenate([s.smooth for s in parts]),
        _joined([s.paint for s in parts], [len(s.starts) for s in parts], 3, np.nan),
        _joined([s.uv for s in parts], [len(s.loops) for s in parts], 2, 0.0),
    )


def _joined(
    arrays: Sequence[Array | None], lengths: Sequence[int], width: int, fill: float
) -> Array | None:
    """The arrays in one; `fill` where there is none. None when there is none at all."""
    if all(array is None for array in arrays):
        return None
    return np.concatenate(
        [
            np.full((length, width), fill) if array is None else array
            for array, length in zip(arrays, lengths, strict=True)
        ]
    )


def picture(center: ArrayLike, size: tuple[float, float], tone: int = IMAGE) -> Solid:
    """An upright rectangle (width, height) that faces -Y and shows an image once."""
    x, z = size[0] / 2, size[1] / 2
    corners = np.array([(-x, 0, -z), (x, 0, -z), (x, 0, z), (-x, 0, z)]) + np.asarray(center)
    flat = polygons(corners, [(0, 1, 2, 3)], tone)
    return dataclasses.replace(flat, uv=np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)]))


def face_normals(solid: Solid) -> Array:
    """(F, 3) unit normals by Newell's sum, which also holds for bent and concave polygons; 0 for a
    degenerate one.
    """
    corners = solid.vertices[solid.loops]
    ends = np.append(solid.starts[1:], len(solid.loops))
    following = np.arange(1, len(solid.loops) + 1)
    following[ends - 1] = solid.starts
    sums = np.add.reduceat(np.cross(corners, corners[following]), solid.starts)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.divide(sums, length, out=np.zeros_like(sums), where=length > 1e-12)


def box(center: ArrayLike, size: ArrayLike, tone: int = SURFACE, taper: float = 1.0) -> Solid:
    """A box; its top is `taper` times as wide and deep as its bottom."""
    corners = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]) / 2.0
    corners[4:, :2] *= taper
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return polygons(
        corners * np.asarray(size, dtype=np.float64) + np.asarray(center, dtype=np.float64),
        faces,
        tone,
    )


def tube(
    start: ArrayLike,
    end: ArrayLike,
    radius: float,
    end_radius: float | None = None,
    tone: int = SURFACE,
    sides: int = 12,
) -> Solid:
    """A round bar between two points with flat ends; with `end_radius` a cone's frustum."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    r1 = radius if end_radius is None else end_radius
    u, v = _across(b - a)
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    vertices = np.concatenate([a + radius * ring, b + r1 * ring])
    walls = [(i, (i + 1) % sides, sides + (i + 1) % sides, sides + i) for i in range(sides)]
    ends = [tuple(range(sides))[::-1], tuple(range(sides, 2 * sides))]
    # The ends have vertices of their own: smooth walls must not bend round the rim.
    side = polygons(vertices, walls, tone, smooth=True)
    return join([side, polygons(vertices, ends, tone)])


def ball(
    center: ArrayLike, radii: ArrayLike, tone: int = SURFACE, rings: int = 10, sides: int = 16
) -> Solid:
    """An ellipsoid."""
    theta = np.pi * np.arange(1, rings) / rings
    phi = 2 * np.pi * np.arange(sides) / sides
    T, P = np.meshgrid(theta, phi, indexing="ij")
    around = np.stack([np.sin(T) * np.cos(P), np.sin(T) * np.sin(P), np.cos(T)], axis=-1).reshape(
        -1, 3
    )
    vertices = np.concatenate([around, [[0, 0, 1], [0, 0, -1]]]) * np.asarray(
        radii, dtype=np.float64
    ) + np.asarray(center, dtype=np.float64)
    top, bottom = len(around), len(around) + 1
    faces: list[tuple[int, ...]] = []
    for j in range(sides):
        k = (j + 1) % sides
        faces.append((top, j, k))
        faces += [
            (i * sides + j, (i + 1) * sides + j, (i + 1) * sides + k, i * sides + k)
            for i in range(rings - 2)
        ]
        faces.append((bottom, (rings - 2) * sides + k, (rings - 2) * sides + j))
    return polygons(vertices, faces, tone, smooth=True)


def ring(
    center: ArrayLike,
    axis: ArrayLike,
    radius: float,
    thickness: float,
    tone: int = SURFACE,
    sides: int = 20,
) -> Solid:
    """A torus: a tyre, a rim, a handle. `thickness` is the radius of the bar."""
    u, v = _across(np.asarray(axis, dtype=np.float64))
    w = np.cross(u, v)
    bar = 6
    angle = 2 * np.pi * np.arange(sides) / sides
    out = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    phi = 2 * np.pi * np.arange(bar) / bar
    vertices = (
        np.asarray(center)
        + out[:, None] * (radius + thickness * np.cos(phi))[None, :, None]
        + w * (thickness * np.sin(phi))[None, :, None]
    ).reshape(-1, 3)
    faces = []
    for i in range(sides):
        for j in range(bar):
            k, m = (i + 1) % sides, (j + 1) % bar
            faces.append((i * bar + j, k * bar + j, k * bar + m, i * bar + m))
    return polygons(vertices, faces, tone, smooth=True)


def extrusion(outline: ArrayLike, low: float, high: float, tone: int = SURFACE) -> Solid:
    """A closed outline (N, 2) of (y, z), counter-clockwise seen from +x, drawn out from x = low to
    x = high.
    """
    yz = np.asarray(outline, dtype=np.float64)
    n = len(yz)
    vertices = np.concatenate([np.column_stack([np.full(n, x), yz]) for x in (low, high)])
    faces: list[tuple[int, ...]] = [tuple(range(n))[::-1], tuple(range(n, 2 * n))]
    faces += [(i, (i + 1) % n, n + (i + 1) % n, n + i) for i in range(n)]
    return polygons(vertices, faces, tone)


def blade(
    root: ArrayLike, tip: ArrayLike, width: float, sag: float = 0.0, tone: int = SURFACE
) -> Solid:
    """A leaf: a thin lens-shaped strip from root to tip that hangs down by `sag` at the tip."""
    a, b = np.asarray(root, dtype=np.float64), np.asarray(tip, dtype=np.float64)
    side = np.cross(b - a, [0.0, 0.0, 1.0])
    if np.linalg.norm(side) < 1e-6:
        side = np.array([1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    t = np.linspace(0, 1, 5)[:, None]
    middle = a + (b - a) * t - np.array([0, 0, 1.0]) * sag * t**2
    half = 0.5 * width * np.sin(np.pi * (0.08 + 0.87 * t)) * side
    vertices = np.concatenate([middle - half, middle + half])
    return polygons(vertices, [(i, i + 1, 6 + i, 5 + i) for i in range(4)], tone, smooth=True)


def _across(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors u, v with u × v along `axis`."""
    w = axis / np.linalg.norm(axis)
    u = np.cross([0.0, 0.0, 1.0] if abs(w[2]) < 0.9 else [1.0, 0.0, 0.0], w)
    u /= np.linalg.norm(u)
    return u, np.cross(w, u)
