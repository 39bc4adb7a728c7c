"""Move points by blended transforms: the last step of linear blend skinning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# Some vertices in a row, the joints that they follow, and the weights (joints, vertices).
WeightRun = tuple[slice, NDArray[np.intp], Array]

_RUN = 512  # vertices


def weight_runs(weights: Array) -> list[WeightRun]:
    """Cut skinning weights (V, J) into runs of vertices, each without the joints that none of it
    follows: most joints are those of fingers.
    """
    runs = []
    for start in range(0, len(weights), _RUN):
        where = slice(start, min(start + _RUN, len(weights)))
        of_run = weights[where].T
        joints = np.flatnonzero(of_run.any(axis=1))
        runs.append((where, joints, np.ascontiguousarray(of_run[joints])))
    return runs


def blended(transforms: Array, runs: Sequence[WeightRun]) -> Array:
    """Σ_k w_k G_k of each vertex, from the rows of the joints' transforms (12, J): (12, V).

    Joints are summed in one order, with the same result however many threads BLAS has.
    """
    out = np.empty((len(transforms), runs[-1][0].stop), dtype=np.float32)
    for where, joints, weights in runs:
        np.einsum("ij,jk->ik", transforms[:, joints], weights, out=out[:, where])
    return out


def moved(points: Array, transforms: Array) -> Array:
    """Move points (V, 3) by a transform each, from `blended_transforms` (12, V): (V, 3)."""
    A = transforms
    x, y, z = np.ascontiguousarray(points.T)
    out = np.empty((3, len(points)), dtype=np.float32)
    for i in range(3):
        out[i] = A[4 * i] * x + A[4 * i + 1] * y + A[4 * i + 2] * z + A[4 * i + 3]
    return np.ascontiguousarray(out.T)
