"""MakeHuman's base mesh with helpers, which garments are bound to, for any betas of the default
body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..bodies.library import default_body
from ..bodies.model import BodyModel
from ..bodies.rotations import rodrigues
from .mhclo import BASE_VERTICES

Array = np.ndarray

HELPER_PATH = Path(__file__).parent / "data" / "helper_mesh.npz"
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class HelperMesh:
    """The base mesh in the A-pose, in which garments are fitted, as a linear function of betas.

    Row 0 of an array (1 + B, …) is for betas of 0, row 1 + i what beta i adds.

    Attributes:
        body: The default body, whose betas these are.
        base: (D,) the vertex of the base mesh that each vertex of the default body is.
        weights: (V, J) float64, skinning weights, V = BASE_VERTICES.
        vertices: (1 + B, V, 3) float64, m, A-posed.
        linear: (J, 3, 3) rotations of the joints from the T-pose to the A-pose.
        shifts: (1 + B, J, 3) m: x_A = Σ w (linear x_T + shift).
        rest: (V, 3) m, in the T-pose at betas of 0.
    """

    body: BodyModel
    base: Array
    weights: Array
    vertices: Array
    linear: Array
    shifts: Array
    rest: Array


@lru_cache(maxsize=1)
def helper_mesh() -> HelperMesh:
    """The bundled mesh. Takes 0.2 s at the first call."""
    body = default_body()
    with np.load(HELPER_PATH, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    base, half, mirror = (data[name].astype(np.int64) for name in ("base", "half", "mirror"))
    unit = data["unit"]
    B, J = body.num_betas, body.num_joints
    in_t = np.zeros((1 + B, BASE_VERTICES, 3))
    in_t[0, half] = data["template"] * unit[0]
    in_t[1:, half] = np.moveaxis(data["directions"] * unit[1], -1, 0)
    in_t[:, mirror] = in_t[:, half] * _MIRROR
    in_t[0, base] = body.v_template
    in_t[1:, base] = np.moveaxis(body.shapedirs, -1, 0)
    weights = np.zeros((BASE_VERTICES, J))
    rows = np.zeros((len(half), J))
    np.put_along_axis(rows, data["joints"].astype(np.int64), data["weights"] / 65535, axis=1)
    weights[half] = rows
    weights[mirror] = rows[:, _mirrored(body.joint_names)]
    weights[base] = body.weights
    weights /= weights.sum(axis=1, keepdims=True)
    linear, shifts = _a_pose(body, data["pose"])
    blended = np.einsum("vj,jab->vab", weights, linear)
    vertices = np.einsum("vab,nvb->nva", blended, in_t)
    vertices += np.einsum("vj,nja->nva", weights, shifts)
    return HelperMesh(body, base, weights, vertices, linear, shifts, in_t[0].copy())


def _mirrored(names: tuple[str, ...]) -> list[int]:
    """The joint on the other side of each."""
    swap = {"left": "right", "right": "left"}
    return [
        names.index("_".join([swap.get(part, part) for part in name.split("_")])) for name in names
    ]


def _a_pose(body: BodyModel, pose: Array) -> tuple[Array, Array]:
    """Rotations (J, 3, 3) and shifts (1 + B, J, 3) of the joints that take the T-pose into `pose`.

    The joints are linear in betas, and the rotations fixed, so the shifts are linear too.
    """
    R = rodrigues(pose)
    eye = np.eye(body.num_betas)
    places = [body.rest_joints(betas) for betas in (np.zeros(body.num_betas), *eye)]
    frames = [body.relative_transforms(body.kinematic_chain(R, J), J) for J in places]
    shifts = np.stack([frame[:, :, 3] for frame in frames])
    shifts[1:] -= shifts[0]
    return frames[0][:, :, :3], shifts
