"""The upper teeth, which show where the mouth opens. The lips hide them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .body_tables import tables_of
from .chart import HEAD_UNIT
from .outfit import Item
from .worn_part import Fitting, PartSurface, WornPart

TEETH = "teeth"  # the kind of the item
_COUNT = 10  # teeth that can be seen
# Head units: half the width and the depth of the arch, how far it lies behind the lips, and its
# upper and lower edge above their middle.
_WIDE, _DEEP, _BEHIND, _TOP, _BOTTOM = 0.175, 0.10, 0.115, 0.14, -0.065
_ENAMEL = (0.56, 0.49, 0.38)  # linear
_GAP = 0.10  # share of a tooth that its edges take


def teeth(fitting: Fitting, item: Item) -> Sequence[WornPart]:
    """Build the arch of the upper teeth; a body without lips has none.

    Args:
        fitting: The body; its lips are found by its chart.
        item: The variant makes teeth lighter or darker.
    """
    lip = np.flatnonzero(fitting.chart["lips"] > 0.6)
    if not len(lip):
        return []
    unit = HEAD_UNIT * fitting.scale
    middle = fitting.shaped[lip].mean(axis=0)
    front = fitting.shaped[lip][:, 2].max() - _BEHIND * unit
    # Two columns of points a tooth, so that each is flat, with a dark gap between them.
    steps = np.arange(_COUNT)[:, None] + np.array([_GAP, 1.0 - _GAP])
    angle = np.radians(66.0) * (2.0 * steps.ravel() / _COUNT - 1.0)
    columns = len(angle)
    row = np.stack(
        [
            middle[0] + _WIDE * unit * np.sin(angle),
            np.zeros(columns),
            front - _DEEP * unit * (1.0 - np.cos(angle)),
        ],
        axis=1,
    )
    # The teeth in the middle are longer, and their edges are a little round.
    inner = np.abs(np.arange(columns) // 2 - (_COUNT - 1) / 2)
    low = middle[1] + (_BOTTOM + 0.008 * np.minimum(inner, 3.0)) * unit
    vertices = np.concatenate([row, row])
    vertices[:columns, 1], vertices[columns:, 1] = middle[1] + _TOP * unit, low
    a = np.arange(columns - 1)
    b, c, d = a + 1, a + columns, a + columns + 1
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    shade = 0.85 + 0.3 * item.variant
    color = np.tile(np.array(_ENAMEL, np.float32) * np.float32(shade), (len(faces), 1))
    color[np.tile(a % 2 == 1, 2)] *= 0.45
    joints, weights = fitting.rigid("head", len(vertices))
    source = tables_of(fitting.model, fitting.chart).face_of_vertex[lip[0]]
    return [
        WornPart(
            name=TEETH,
            vertices=vertices.astype(np.float32),
            faces=faces,
            uv=np.zeros((len(faces), 3, 2), np.float32),
            color=color,
            joints=joints,
            weights=weights,
            source=np.full(len(faces), source, np.int32),
            surface=PartSurface("skin", roughness=0.25),
        )
    ]
