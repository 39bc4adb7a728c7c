"""Meshes that are put side by side into one mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .worn_part import NO_TONES, PartSurface

Array = np.ndarray


@dataclass
class Layout:
    """Faces and their attributes, mesh by mesh; vertices follow in the same order.

    Attributes:
        faces, material, source, chart, cloth: As of `dressed.Dressed`, of each mesh.
        part_faces, uv, color, tones: The same, of the meshes that have colours of their own.
        surfaces: What those are made of; a material's number counts from `first_surface`.
        first_surface: Number of the materials that are not among `surfaces`.
    """

    first_surface: int
    faces: list[Array] = field(default_factory=list)
    material: list[Array] = field(default_factory=list)
    source: list[Array] = field(default_factory=list)
    chart: list[Array] = field(default_factory=list)
    cloth: list[Array] = field(default_factory=list)
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
        chart: Array,
        cloth: Array,
        *,
        shared: int = 0,
    ) -> None:
        """Add a mesh. Its faces count from the last `shared` vertices that are there already."""
        self.faces.append(faces + (self.count - shared))
        self.material.append(np.full(len(faces), material, np.int32))
        self.source.append(source)
        self.chart.append(chart)
        self.cloth.append(cloth)
        self.count += len(chart)
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
        channels = self.chart[0].shape[1]
        self.add(
            faces,
            self.first_surface + self.surfaces.index(surface),
            source,
            np.zeros((vertices, channels), np.float32),
            np.zeros((len(faces), 3, 2), np.float32),
        )

    def joined(self, channels: Sequence[str]) -> dict[str, Any]:
        """All of it, by the names of Dressed's fields; `channels` names the chart's columns."""
        of_all = np.concatenate(self.chart)
        none = np.zeros((0, 3), np.float32)
        return {
            "faces": np.concatenate(self.faces).astype(np.int32),
            "material": np.concatenate(self.material),
            "source": np.concatenate(self.source).astype(np.int32),
            "chart": {name: of_all[:, i] for i, name in enumerate(channels)},
            "cloth": np.concatenate(self.cloth).astype(np.float32),
            "surfaces": tuple(self.surfaces),
            "part_faces": np.concatenate([np.zeros(0, np.int32), *self.part_faces]),
            "uv": np.concatenate([none.reshape(0, 3, 2), *self.uv]),
            "color": np.concatenate([none, *self.color]),
            "tones": np.concatenate([NO_TONES, *self.tones]),
        }
