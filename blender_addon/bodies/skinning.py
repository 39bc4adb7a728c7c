"""Move points by blended transforms: the last step of linear blend skinning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def moved(points: Array, transforms: Array) -> Array:
    """Move points (V, 3) by a transform each, from `blended_transforms` (12, V): (V, 3)."""
    A = transforms
    x, y, z = np.ascontiguousarray(points.T)
    out = np.empty((3, len(points)), dtype=np.float32)
    for i in range(3):
        out[i] = A[4 * i] * x + A[4 * i + 1] * y + A[4 * i + 2] * z + A[4 * i + 3]
    return np.ascontiguousarray(out.T)
