"""Meshes that are put side by side into one mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .worn_part import NO_TONES, PartSurface

Array = np.ndarray
# Values of vertices or faces: an array, rows of another array, or so many zeros. What is only named
# here is copied once, in `joined`.
Rows = Array | tuple[Array, Array] | int


@dataclass
class Layout:
    """Faces and their attributes, mesh by mesh; vertices follow in the same order.

    Attributes:
        faces: The faces of each mesh, and what is to be added to the numbers of their vertices.
        material: Its number for each mesh.
        source, chart, cloth: As of `dressed.Dressed`, of each mesh.
        part_faces, uv, color, tones: The same, of the meshes that have colours of their own.
        surfaces: What those are made of; a material's number counts from `first_surface`.
        first_surface: Number of the materials that are not among `surfaces`.
    """

    first_surface: int
    faces: list[tuple[Array, int]] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    source: list[Array] = field(default_factory=list)
    chart: list[Rows] = field(default_factory=list)
    cloth: list[Rows] = field(default_factory=list)
    part_faces: list[Array] = field(default_factory=list)
    uv: list[Array] = field(default_factory=list)
    color: list[Array] = field(default_factory=list)
    tones: list[Array] = field(default_factory=list)
    surfaces: list[PartSurface] = field(default_factory=list)
    count: int = 0
    face_count: int = 0
    tone_count: int = 0

    def add(
        self,
        faces: Array,
        material: int,
        source: Array,
        chart: Rows,
        cloth: Rows,
        *,
        shared: int = 0,
    ) -> None:
        """Add a mesh. Its faces count from the last `shared` vertices that are there already."""
        self.faces.append((faces, self.count - shared))
        self.material.append(material)
        self.source.append(source)
        self.chart.append(chart)
        self.cloth.append(cloth)
        self.count += _count(chart)
        self.face_count += len(faces)

    def add_colored(
        self,
        faces: Array,
        surface: PartSurface,
        source: Array,
        vertices: int,
        uv: Array,
        color: Array,
        tones: Array = NO_TONES,
    ) -> None:
        """Add a mesh with colours of its own, whose material reads no chart."""
        tones = tones if len(tones) else np.zeros(len(faces), np.int32)
        self.tones.append(np.where(tones > 0, tones + self.tone_count, 0).astype(np.int32))
        self.tone_count = max(self.tone_count, int(self.tones[-1].max(initial=0)))
        if surface not in self.surfaces:
            self.surfaces.append(surface)
        self.part_faces.append(np.arange(len(faces), dtype=np.int32) + self.face_count)
        self.uv.append(uv)
        self.color.append(color)
        number = self.first_surface + self.surfaces.index(surface)
        self.add(faces, number, source, vertices, len(faces))

    def joined(self, channels: Sequence[str]) -> dict[str, Any]:
        """All of it, by the names of Dressed's fields; `channels` names the chart's columns."""
        of_all = _joined(self.chart, (self.count, len(channels)))
        faces = np.empty((self.face_count, 3), np.int32)
        start = 0
        for some, first in self.faces:
            np.add(some, first, out=faces[start : start + len(some)], casting="same_kind")
            start += len(some)
        material = np.repeat(
            np.array(self.material, np.int32), [len(some) for some, _ in self.faces]
        )
        none = np.zeros((0, 3), np.float32)
        return {
            "faces": faces,
            "material": material,
            "source": np.concatenate(self.source, dtype=np.int32, casting="same_kind"),
            "chart": {name: of_all[:, i] for i, name in enumerate(channels)},
            "cloth": _joined(self.cloth, (self.face_count, 3, 2)),
            "surfaces": tuple(self.surfaces),
            "part_faces": np.concatenate([np.zeros(0, np.int32), *self.part_faces]),
            "uv": np.concatenate([none.reshape(0, 3, 2), *self.uv]),
            "color": np.concatenate([none, *self.color]),
            "tones": np.concatenate([NO_TONES, *self.tones]),
        }


def _count(rows: Rows) -> int:
    if isinstance(rows, int):
        return rows
    return len(rows[1] if isinstance(rows, tuple) else rows)


def _joined(parts: Sequence[Rows], shape: tuple[int, ...]) -> Array:
    """All rows in one float32 array of a shape."""
    out = np.empty(shape, np.float32)
    start = 0
    for rows in parts:
        here = out[start : start + _count(rows)]
        if isinstance(rows, tuple):
            values, which = rows
            values.take(which, axis=0, out=here, mode="clip")
        else:
            here[:] = 0 if isinstance(rows, int) else rows
        start += len(here)
    return out
