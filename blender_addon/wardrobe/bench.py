"""All trims of a person are made, and laid out with the other meshes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .cloth_layers import ClothLayer
from .layout import Layout
from .tailoring import trims_of
from .trims import Sewing, SewnOn, Trim, between, sewn_on

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Bench:
    """A person's body and outfit, as trims are made for them.

    Attributes:
        c, faces, shaped, scale, seed, face_of_vertex: As of Sewing.
        values: (V, C) the channels of the chart.
        cloth: (F, 3, 2) as of the chart.
    """

    c: Mapping[str, Array]
    faces: Array
    shaped: Array
    scale: float
    seed: float
    face_of_vertex: Array
    values: Array
    cloth: Array

    def sewn_on(
        self,
        parts: Layout,
        layers: Sequence[ClothLayer],
        deep: Sequence[Array],
        materials: Sequence[str],
    ) -> SewnOn:
        """Make all trims, and lay them out.

        Args:
            parts: Where their meshes are added.
            layers: The layers, from the skin outwards.
            deep: (F,) for each, the faces that it hides.
            materials: Names of the layers' materials.
        """
        sewn: list[tuple[Trim, ClothLayer]] = []
        for number, layer in enumerate(layers):
            if layer.garment is None:
                continue
            covered = np.zeros(len(self.faces), bool)
            for above in deep[number + 1 :]:
                covered |= above
            over = np.full(len(self.shaped), -1.0)
            for above_layer in layers[number + 1 :]:
                over = np.maximum(over, above_layer.field)
            sewing = Sewing(
                self.c,
                self.faces,
                self.shaped,
                layer,
                self.scale,
                self.seed,
                self.face_of_vertex,
                over,
            )
            seen = (trim.without(covered) for trim in trims_of(sewing))
            sewn += [(trim, layer) for trim in seen if len(trim.faces)]
        for trim, layer in sewn:
            if trim.color is None:
                chart = between(self.values, trim.ends, trim.share)
                number = list(materials).index(layer.name)
                parts.add(trim.faces, number, trim.source, chart, self.cloth[trim.source])
                continue
            color = np.tile(np.asarray(trim.color, np.float32), (len(trim.faces), 1))
            uv = np.zeros((len(trim.faces), 3, 2), np.float32)
            count = len(trim.ends)
            parts.add_colored(trim.faces, trim.surface, trim.source, count, uv, color)
        return sewn_on(self.c, sewn)
