"""Draws of things that are not people: which shapes may stand there, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..props.catalogue import OCCLUDERS
from .spec import Vec3


def allowed_shapes(names: Sequence[str], *, indoors: bool) -> list[str]:
    """The shapes of `names` (empty: all) that may stand there. May be empty."""
    kinds = {name: OCCLUDERS[name] for name in (names or OCCLUDERS)}
    return [name for name, kind in kinds.items() if (kind.indoors if indoors else kind.outdoors)]


def sample_size(shape: str, rng: np.random.Generator) -> Vec3:
    """Extents (x, y, z) in m."""
    kind = OCCLUDERS[shape]
    width, depth, height = (float(rng.uniform(*r)) for r in (kind.width, kind.depth, kind.height))
    if kind.width == kind.depth:
        depth = width * float(rng.uniform(0.8, 1.25))
    return (width, depth, height)
