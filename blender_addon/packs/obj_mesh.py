"""Meshes from .obj files: positions, texture coordinates, faces of any number of corners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .text_files import LARGEST, Line, PackError, numbers, read_lines

Array = np.ndarray

MAX_VERTICES = 400_000
MAX_CORNERS = 2_000_000  # of all faces together
MAX_FACE = 64  # corners of one face
_ANY = 1e30  # of a number that is not used as it is


@dataclass(frozen=True, eq=False)
class ObjPolygons:
    """The faces of a file as they are.

    Attributes:
        vertices: (V, 3) float64.
        corners: (L,) int64, the vertex of each corner of each face.
        uv: (L, 2), texture coordinates, v upwards; 0 where the file has none.
        sizes: (P,) corners of each face.
        material: (P,) index into `materials`.
        materials: Names of materials, "" for faces before the first.
        libraries: Names of the material libraries, as written.
        has_uv: Whether the file has texture coordinates.
    """

    vertices: Array
    corners: Array
    uv: Array
    sizes: Array
    material: Array
    materials: tuple[str, ...]
    libraries: tuple[str, ...]
    has_uv: bool


@dataclass(frozen=True, eq=False)
class ObjMesh:
    """A triangle mesh.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int32; faces of more corners are divided into fans.
        uv: (F, 3, 2) float32, one coordinate per corner, v upwards; 0 where the file has none.
        polygons: (F,) int32, the face of the file that a triangle is a part of.
        has_uv: Whether the file has texture coordinates.
    """

    vertices: Array
    faces: Array
    uv: Array
    polygons: Array
    has_uv: bool


def read_obj(path: Path) -> ObjMesh:
    """Read a mesh.

    Args:
        path: A Wavefront .obj; groups, materials, normals, lines and curves are left out.

    Raises:
        PackError: The file is no mesh with faces; the message names the line.
    """
    file = read_polygons(path)
    fans, polygons = fan_triangles(file.sizes)
    return ObjMesh(
        vertices=file.vertices,
        faces=file.corners[fans].astype(np.int32),
        uv=file.uv[fans].astype(np.float32),
        polygons=polygons.astype(np.int32),
        has_uv=file.has_uv,
    )


def read_polygons(path: Path, most: int = MAX_FACE, *, strict: bool = True) -> ObjPolygons:
    """Read the faces of a mesh with their materials.

    Args:
        path: A Wavefront .obj; groups, normals, lines and curves are left out.
        most: Corners of one face.
        strict: Refuse faces of two corners and huge texture coordinates, which many programs write;
            else such faces are left out, and such coordinates are 0.

    Raises:
        PackError: The file is no mesh with faces; the message names the line.
    """
    by_word: dict[str, list[Line]] = {"v": [], "vt": [], "f": [], "usemtl": [], "mtllib": []}
    for number, words in read_lines(path):
        rows = by_word.get(words[0])
        if rows is not None:
            rows.append((number, words[1:]))
    if not strict:
        by_word["f"] = [row for row in by_word["f"] if len(row[1]) > 2]
    v = _table(path, by_word["v"], 3)
    vt = _table(path, by_word["vt"], 2, LARGEST if strict else _ANY)
    vt = np.where(np.abs(vt) <= LARGEST, vt, 0.0)
    if not len(v) or not by_word["f"]:
        raise PackError(path, None, "no vertices or no faces; export the mesh as .obj")
    if len(v) > MAX_VERTICES:
        raise PackError(path, None, f"{len(v)} vertices, expected at most {MAX_VERTICES}")
    corners, textured, sizes = _corners(path, by_word["f"], most)
    face_lines = np.array([number for number, _ in by_word["f"]])
    lines = np.repeat(face_lines, sizes)
    corners = _counted(path, lines, corners, len(v), "vertex")
    has_uv = bool(len(vt) and textured.any())
    if has_uv:
        of_uv = np.where(textured != 0, textured, 1)
        of_uv = _counted(path, lines, of_uv, len(vt), "texture coordinate")
        at_corner = np.where((textured != 0)[:, None], vt[of_uv], 0.0)
    else:
        at_corner = np.zeros((len(corners), 2))
    names = [" ".join(words) for _, words in by_word["usemtl"]]
    known = list(dict.fromkeys(["", *names]))
    used = np.array([0, *(known.index(name) for name in names)])
    before = np.searchsorted([number for number, _ in by_word["usemtl"]], face_lines)
    return ObjPolygons(
        vertices=v,
        corners=corners,
        uv=at_corner,
        sizes=sizes,
        material=used[before],
        materials=tuple(known),
        libraries=tuple(" ".join(words) for _, words in by_word["mtllib"]),
        has_uv=has_uv,
    )


def _table(path: Path, rows: list[Line], width: int, largest: float = LARGEST) -> Array:
    lines = [number for number, _ in rows]
    return numbers(path, lines, [words for _, words in rows], width, largest)


def _corners(path: Path, rows: list[Line], most: int) -> tuple[Array, Array, Array]:
    """(indices of vertices, of texture coordinates, 0 for none, as written; corners of a face)."""
    sizes = np.array([len(words) for _, words in rows])
    if sizes.min() < 3 or sizes.max() > most:
        bad = int(np.argmax((sizes < 3) | (sizes > most)))
        raise PackError(path, rows[bad][0], f"a face of {sizes[bad]} corners, expected 3 to {most}")
    if sizes.sum() > MAX_CORNERS:
        raise PackError(path, None, f"{sizes.sum()} corners, expected at most {MAX_CORNERS}")
    vertex, texture = [], []
    for number, words in rows:
        try:
            for word in words:
                parts = word.split("/")
                vertex.append(int(parts[0]))
                texture.append(int(parts[1]) if len(parts) > 1 and parts[1] else 0)
        except ValueError:
            raise PackError(
                path,
                number,
                f"expected corners such as 3/5, got {' '.join(words)[:80]!r}; export the file "
                "again",
            ) from None
    try:
        return np.array(vertex, np.int64), np.array(texture, np.int64), sizes
    except OverflowError:
        raise PackError(path, None, "a face has an index of 20 digits or more") from None


def _counted(path: Path, lines: Array, index: Array, count: int, thing: str) -> Array:
    """Indices from 0, of those from 1, or from -1 backwards."""
    out = np.where(index > 0, index - 1, index + count)
    wrong = (out < 0) | (out >= count) | (index == 0)
    if wrong.any():
        bad = int(np.argmax(wrong))
        raise PackError(
            path,
            int(lines[bad]),
            f"{thing} {index[bad]}, expected 1 to {count}; export the file again",
        )
    return out


def fan_triangles(sizes: Array) -> tuple[Array, Array]:
    """((F, 3) corners, (F,) faces) of the triangles of faces that have `sizes` corners."""
    first = np.cumsum(sizes) - sizes
    polygons = np.repeat(np.arange(len(sizes)), sizes - 2)
    start = np.cumsum(sizes - 2) - (sizes - 2)
    step = np.arange(len(polygons)) - start[polygons]
    base = first[polygons]
    return np.stack([base, base + step + 1, base + step + 2], axis=1), polygons
