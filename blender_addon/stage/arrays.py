"""Props, ground and walls as the arrays of one mesh. Pure numpy.

All things of an image go into one mesh that is written anew for each image: numpy assembles 20
props in a millisecond or two, and Blender then has one object instead of pools of hidden ones, one
for each shape that ever appeared.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..props.catalogue import solid_of
from ..props.drawn_images import tile_box
from ..props.primitives import (
    DARK,
    EARTH,
    GLASS,
    IMAGE,
    LAMP,
    METAL,
    SECOND,
    SURFACE,
    Solid,
    face_normals,
    polygons,
)
from ..scene.spec import SURFACE_PATTERNS, PropSpec, SurfaceSpec

Float = NDArray[np.float32]
Int = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Piece:
    """A solid in its own frame (m), its surface, and its place: x_world = matrix · x + offset."""

    solid: Solid
    surface: SurfaceSpec
    matrix: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.eye(3))
    offset: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True, eq=False)
class MeshArrays:
    """One mesh, in world metres, with its surfaces. V vertices, L corners, F faces."""

    vertices: Float  # (V, 3)
    loops: Int  # (L,)
    starts: Int  # (F,)
    smooth: NDArray[np.bool_]  # (F,)
    pattern: Int  # (F,) index into SURFACE_PATTERNS; beyond them into `images`
    place: Float  # (V, 3) in the piece's own frame, m: patterns stick to things that turn
    uv: Float  # (L, 2) the same, seen along the face's main axis; place in the atlas of images
    color: Float  # (F, 4) linear, alpha 1
    color2: Float  # (F, 4)
    finish: Float  # (F, 3) repeats per metre, roughness, metallic
    images: tuple[str, ...] = ()  # files that faces show


def prop_piece(prop: PropSpec) -> Piece:
    """The piece of a prop; a negative extent mirrors the shape.

    Raises:
        KeyError: An unknown shape.
        ValueError: An extent is 0.
    """
    return Piece(
        solid_of(prop.shape, prop.size, prop.variant),
        prop.surface,
        euler_matrix(prop.rotation),
        np.asarray(prop.location, dtype=np.float64),
    )


def rectangle(corner: ArrayLike, across: ArrayLike, up: ArrayLike, surface: SurfaceSpec) -> Piece:
    """A parallelogram from `corner` along `across` and `up` (m), facing along across × up."""
    a, u, v = (np.asarray(x, dtype=np.float64) for x in (corner, across, up))
    return Piece(polygons([a, a + u, a + u + v, a + v], [(0, 1, 2, 3)], SURFACE), surface)


def euler_matrix(degrees: Sequence[float]) -> NDArray[np.float64]:
    """3×3 rotation Rz · Ry · Rx: Blender's 'XYZ' Euler angles."""
    (cx, cy, cz), (sx, sy, sz) = (
        [f(math.radians(angle)) for angle in degrees] for f in (math.cos, math.sin)
    )
    return np.array(
        [
            [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
            [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
            [-sy, sx * cy, cx * cy],
        ]
    )


def assemble(pieces: Sequence[Piece]) -> MeshArrays:
    """Join pieces into one mesh. Raises KeyError, listing the patterns, for an unknown one."""
    if not pieces:
        return _EMPTY
    images = tuple(dict.fromkeys(p.surface.image for p in pieces if shows_file(p.surface)))
    parts = [_piece_arrays(piece, images) for piece in pieces]
    first_vertex = np.cumsum([0] + [len(part.vertices) for part in parts])
    first_loop = np.cumsum([0] + [len(part.loops) for part in parts])
    moved = [
        dataclasses.replace(part, loops=part.loops + v, starts=part.starts + n)
        for part, v, n in zip(parts, first_vertex, first_loop, strict=False)
    ]
    names = [field.name for field in dataclasses.fields(MeshArrays) if field.name != "images"]
    joined = {name: np.concatenate([getattr(part, name) for part in moved]) for name in names}
    joined["loops"], joined["starts"] = (
        joined["loops"].astype(np.int32),
        joined["starts"].astype(np.int32),
    )
    return MeshArrays(**joined, images=images)


def shows_file(surface: SurfaceSpec) -> bool:
    """Whether a surface shows an image file, instead of its pattern and on faces of tone IMAGE."""
    return bool(surface.image) and not surface.image.startswith("drawn:")


def drawn_persons(prop: PropSpec) -> MeshArrays:
    """The faces of a prop that show its image, 1 mm before it and only where it shows persons."""
    piece = prop_piece(prop)
    solid = piece.solid
    normals = np.zeros_like(solid.vertices)
    counts = np.diff(np.append(solid.starts, len(solid.loops)))
    shown = solid.tones == IMAGE
    corners = np.repeat(shown, counts)
    of_corners = np.repeat(face_normals(solid), counts, axis=0)[corners]
    np.add.at(normals, solid.loops[corners], of_corners)
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    faces = Solid(
        solid.vertices + 0.001 * normals / length,
        solid.loops[corners],
        (np.cumsum(counts[shown]) - counts[shown]).astype(np.int32),
        solid.tones[shown],
        solid.smooth[shown],
        uv=None if solid.uv is None else solid.uv[corners],
    )
    arrays = assemble([dataclasses.replace(piece, solid=faces)])
    pattern = np.full(len(arrays.pattern), _pattern_index("drawn_person"), np.int32)
    return dataclasses.replace(arrays, pattern=pattern)


def _piece_arrays(piece: Piece, images: Sequence[str] = ()) -> MeshArrays:
    solid, surface = piece.solid, piece.surface
    materials = [_tone_surface(surface, tone) for tone in range(IMAGE + 1)]
    table: dict[str, NDArray[Any]] = {
        "pattern": np.array([_pattern_index(m.pattern) for m in materials], dtype=np.int32),
        "color": np.array([(*m.color, 1.0) for m in materials], dtype=np.float32),
        "color2": np.array([(*m.color2, 1.0) for m in materials], dtype=np.float32),
        "finish": np.array(
            [(m.scale, m.roughness, m.metallic) for m in materials], dtype=np.float32
        ),
    }
    if shows_file(surface):
        table["pattern"][[SURFACE, IMAGE]] = len(SURFACE_PATTERNS) + images.index(surface.image)
        table["finish"][IMAGE, 0] = 1.0  # once on the face
    of_faces: dict[str, Any] = {name: values[solid.tones] for name, values in table.items()}
    if solid.paint is not None:
        _paint(of_faces, solid.paint)
    return MeshArrays(
        vertices=(solid.vertices @ piece.matrix.T + piece.offset).astype(np.float32),
        loops=solid.loops,
        starts=solid.starts,
        smooth=solid.smooth,
        place=solid.vertices.astype(np.float32),
        uv=_uv(solid, surface.image).astype(np.float32),
        **of_faces,
    )


def _paint(of_faces: dict[str, NDArray[Any]], paint: NDArray[np.float64]) -> None:
    """Give painted faces one even colour; lamps, glass and images take it as their tint."""
    painted = np.isfinite(paint[:, 0])
    for name in ("color", "color2"):
        of_faces[name][painted, :3] = paint[painted]
    even = painted & (of_faces["pattern"] < _pattern_index("image"))  # also not those of files
    of_faces["pattern"][even] = _pattern_index("plain")


def _uv(solid: Solid, image: str) -> NDArray[np.float64]:
    """(L, 2): the box projection, and the place in the atlas on faces that show an image."""
    uv = _box_projection(solid)
    if solid.uv is None or not image:
        return uv
    uv = uv.copy()
    left, bottom, right, top = (0, 0, 1, 1) if image[:6] != "drawn:" else tile_box(image)
    counts = np.diff(np.append(solid.starts, len(solid.loops)))
    shown = np.repeat(solid.tones == IMAGE, counts)
    inside = np.clip(solid.uv[shown], 0.0, 1.0)
    uv[shown] = inside * (right - left, top - bottom) + (left, bottom)
    return uv


@lru_cache(maxsize=256)
def _box_projection(solid: Solid) -> NDArray[np.float64]:
    """(L, 2): each face laid flat along its main axis; z stays up on upright faces. Shapes that are
    built to size are shown again and again: their coordinates are kept. Do not change the array.
    """
    main = np.abs(face_normals(solid)).argmax(axis=1)
    # Normal along x: (y, z). Along y: (x, z). Along z: (x, y).
    columns = np.array([[1, 2], [0, 2], [0, 1]])[main]
    counts = np.diff(np.append(solid.starts, len(solid.loops)))
    per_corner = np.repeat(columns, counts, axis=0)
    return np.take_along_axis(solid.vertices[solid.loops], per_corner, axis=1)


def _tone_surface(surface: SurfaceSpec, tone: int) -> SurfaceSpec:
    """The surface of the faces of one tone."""
    if tone == SECOND:
        return dataclasses.replace(surface, pattern="plain", color=surface.color2)
    if tone == IMAGE and surface.image:
        return dataclasses.replace(surface, pattern="image", color=(1.0, 1.0, 1.0))
    return _FIXED.get(tone, surface)


_FIXED = {
    DARK: SurfaceSpec("plain", (0.012, 0.012, 0.014), (0.0, 0.0, 0.0), 1.0, 0.2),
    METAL: SurfaceSpec("plain", (0.45, 0.45, 0.47), (0.0, 0.0, 0.0), 1.0, 0.35, 0.8),
    EARTH: SurfaceSpec("noise", (0.09, 0.055, 0.035), (0.035, 0.022, 0.015), 12.0, 0.9),
    GLASS: SurfaceSpec("glass", (0.9, 0.95, 0.93), (0.0, 0.0, 0.0), 1.0, 0.02),
    LAMP: SurfaceSpec("lamp", (1.0, 0.93, 0.82), (0.0, 0.0, 0.0), 4.0, 0.5),
}


def _pattern_index(name: str) -> int:
    if name not in SURFACE_PATTERNS:
        raise KeyError(f"no pattern {name!r}; there are: {', '.join(SURFACE_PATTERNS)}")
    return SURFACE_PATTERNS.index(name)


_EMPTY = MeshArrays(
    vertices=np.zeros((0, 3), np.float32),
    loops=np.zeros(0, np.int32),
    starts=np.zeros(0, np.int32),
    smooth=np.zeros(0, np.bool_),
    pattern=np.zeros(0, np.int32),
    place=np.zeros((0, 3), np.float32),
    uv=np.zeros((0, 2), np.float32),
    color=np.zeros((0, 4), np.float32),
    color2=np.zeros((0, 4), np.float32),
    finish=np.zeros((0, 3), np.float32),
)
