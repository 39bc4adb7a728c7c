"""Draws of things that are not people: their shapes and sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..props.catalogue import OCCLUDERS
from .spec import Vec3


def allowed_shapes(names: Sequence[str], *, indoors: bool) -> list[str]:
    """The shapes of `names` that may stand indoors or outdoors; no names allow all shapes."""
    kinds = {name: OCCLUDERS[name] for name in (names or OCCLUDERS)}
    return [name for name, kind in kinds.items() if (kind.indoors if indoors else kind.outdoors)]


def sample_size(shape: str, rng: np.random.Generator) -> Vec3:
    """Draw the extents (x, y, z) of a shape, m."""
    kind = OCCLUDERS[shape]
    width, depth, height = (float(rng.uniform(*r)) for r in (kind.width, kind.depth, kind.height))
    if kind.width == kind.depth:
        depth = width * float(rng.uniform(0.8, 1.25))
    return (width, depth, height)
