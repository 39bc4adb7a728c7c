"""Things that a person carries and that do not count as the person, apart from all else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .dressed import Dressed

Array = np.ndarray


def split(dressed: Dressed) -> tuple[Dressed, Dressed]:
    """Split a person from what is carried apart; both keep all vertices."""
    own = np.ones(len(dressed.faces), dtype=bool)
    own[dressed.apart] = False
    return _chosen(dressed, own), _chosen(dressed, ~own)


def _chosen(dressed: Dressed, faces: Array) -> Dressed:
    """Only some faces (F,) bool of a dressed person."""
    number = np.cumsum(faces, dtype=np.int32) - 1
    parts = faces[dressed.part_faces]
    return replace(
        dressed,
        faces=dressed.faces[faces],
        material=dressed.material[faces],
        source=dressed.source[faces],
        cloth=dressed.cloth[faces],
        part_faces=number[dressed.part_faces[parts]],
        uv=dressed.uv[parts],
        color=dressed.color[parts],
        tones=dressed.tones[parts],
        apart=dressed.apart[:0],
    )
