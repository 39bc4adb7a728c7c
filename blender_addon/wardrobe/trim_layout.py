"""All trims of a person are made, and laid out with the other meshes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .body_tables import BodyTables
from .chart import REFERENCE_HEIGHT
from .cloth_layers import ClothLayer
from .layout import Layout
from .tailoring import trims_of
from .trims import Sewing, SewnOn, Trim, between, sewn_on

Array = np.ndarray


def covered_by_later(hides: Sequence[Array]) -> list[Array]:
    """For each layer the faces (F,) bool that the layers after it hide.

    Args:
        hides: (F,) bool for each layer, from the skin outwards.
    """
    out = [np.zeros_like(hides[-1])] if hides else []
    for hidden in reversed(hides[1:]):
        out.append(out[-1] | hidden)
    return out[::-1]


def lay_out_trims(
    parts: Layout,
    layers: Sequence[ClothLayer],
    covered: Sequence[Array],
    tables: BodyTables,
    c: Mapping[str, Array],
    shaped: Array,
    seed: float,
    materials: Sequence[str],
) -> SewnOn:
    """Make the trims of all layers, and lay them out.

    Args:
        parts: Where their meshes are added.
        layers: The layers, from the skin outwards.
        covered: (F,) for each, the faces that later layers hide.
        tables: Of the body model.
        c, shaped, seed: As of Sewing.
        materials: Names of the layers' materials.
    """
    scale = float(np.ptp(shaped[:, 1])) / REFERENCE_HEIGHT
    sewn: list[tuple[Trim, ClothLayer]] = []
    for number, layer in enumerate(layers):
        if layer.garment is None:
            continue
        above = np.full(len(shaped), -1.0)
        for later in layers[number + 1 :]:
            above = np.maximum(above, later.field)
        sewing = Sewing(c, tables, shaped, layer, scale, seed, above)
        seen = (trim.without(covered[number]) for trim in trims_of(sewing))
        sewn += [(trim, layer) for trim in seen if len(trim.faces)]
    for trim, layer in sewn:
        if trim.color is None:
            chart = between(tables.values, trim.ends, trim.share)
            material = materials.index(layer.name)
            parts.add(trim.faces, material, trim.source, chart, (tables.cloth, trim.source))
        else:
            color = np.tile(np.asarray(trim.color, np.float32), (len(trim.faces), 1))
            uv = np.zeros((len(trim.faces), 3, 2), np.float32)
            count = len(trim.ends)
            parts.add_colored(trim.faces, trim.surface, trim.source, count, uv, color)
    return sewn_on(c, sewn)
