"""Carries garments from the default body over to bodies of another topology.

The default body takes the shape that is nearest to the other body's template; what is still between
the two surfaces, and what the other body's own betas add, moves the garment with the body's surface
near it. Everything is linear in the other body's betas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..bodies.mesh import vertex_normals
from ..bodies.model import BodyModel
from .nearest import nearest, nearest_few

Array = np.ndarray

MAX_BETAS = 32  # of the other body; what later ones add is below a millimetre
_NEIGHBOURS = 4  # vertices of the other body that one of the default body lies between
_AROUND = 8  # vertices of the default body that one of a garment moves with
_ROUNDS = 4  # of finding the nearest shape
_RIDGE = 2e-4  # m², of a beta against the squared distance of the surfaces
_SMOOTHING = 12


@dataclass(frozen=True, eq=False)
class Moved:
    """A garment on another body.

    Attributes:
        rest: (1 + B, G, 3) m, its template and what the other body's betas add.
        weights: (G, J) skinning weights of the other body's joints.
        near: (G,) the nearest vertex of the other body.
        hides: (F,) bool, the other body's faces that are covered.
    """

    rest: Array
    weights: Array
    near: Array
    hides: Array


@dataclass(frozen=True, eq=False)
class _Match:
    """Two bodies at rest, laid over each other.

    Attributes:
        betas: (B,) of the default body, where it is nearest to the other one's template.
        shape: (D, 3) m, the default body there.
        move: (1 + B', D, 3) m, from there to the other body, and what its betas add.
        weights: (D, J) the other body's skinning weights at the default body's vertices.
        back: (V,) the vertex of the default body nearest to each of the other body.
    """

    betas: Array
    shape: Array
    move: Array
    weights: Array
    back: Array


def transferred(rest: Array, default: BodyModel, hidden: Array, model: BodyModel) -> Moved:
    """Carry a garment over.

    Args:
        rest: (1 + B, G, 3) m, the garment on the default body.
        default: That body.
        hidden: (D,) bool, its vertices that the garment hides.
        model: The other body.
    """
    match = _matched(default, model)
    own = rest[0] + np.einsum("nga,n->ga", rest[1:], match.betas)
    around = nearest_few(own, match.shape, _AROUND)
    apart = np.linalg.norm(own[:, None] - match.shape[around], axis=2)
    share = 1 / (apart**2 + 1e-4)
    share /= share.sum(axis=1, keepdims=True)
    out = np.stack([np.einsum("gk,gka->ga", share, move[around]) for move in match.move])
    out[0] += own
    return Moved(
        rest=out,
        weights=np.einsum("gk,gkj->gj", share, match.weights[around]),
        near=nearest(out[0], model.v_template),
        hides=hidden[match.back][model.faces].any(axis=1),
    )


@lru_cache(maxsize=4)
def _matched(default: BodyModel, model: BodyModel) -> _Match:
    place = np.asarray(model.v_template, dtype=np.float64)
    betas, offset = _by_joints(default, model)
    for _ in range(_ROUNDS):
        betas, offset = _by_surface(default, betas, offset, model)
    shape = default.shape_blend(betas)[0].astype(np.float64)
    goal = place - offset
    few, share = _between(shape, goal, default.faces, np.asarray(model.faces))
    move = [_smoothed(np.einsum("dk,dka->da", share, goal[few]) - shape, default.faces)]
    move[0] += offset
    for i in range(min(model.num_betas, MAX_BETAS)):
        along = np.asarray(model.shapedirs[:, :, i], dtype=np.float64)
        move.append(np.einsum("dk,dka->da", share, along[few]))
    weights = np.einsum("dk,dkj->dj", share, np.asarray(model.weights, np.float64)[few])
    return _Match(betas, shape, np.stack(move), weights, nearest(goal, shape))


def _by_joints(default: BodyModel, model: BodyModel) -> tuple[Array, Array]:
    """Betas (B,) of the default body with the joints nearest to the model's, and a shift (3,)."""
    both = [n for n in default.joint_names if n in model.joint_names]
    mine = [default.joint_names.index(n) for n in both]
    B = default.num_betas
    at_zero = default.rest_joints()[mine]
    along = np.stack([default.rest_joints(b)[mine] - at_zero for b in np.eye(B)], axis=-1)
    theirs = model.rest_joints()[[model.joint_names.index(n) for n in both]]
    return _solved(at_zero, along, theirs, np.ones(len(both)), len(both) / 200)


def _by_surface(
    default: BodyModel, betas: Array, offset: Array, model: BodyModel
) -> tuple[Array, Array]:
    """Better betas and shift: vertices are drawn to the model's surface."""
    shape = default.shape_blend(betas)[0].astype(np.float64)
    some = np.arange(0, len(shape), 5)
    goal = np.asarray(model.v_template, dtype=np.float64) - offset
    near = nearest(shape[some], goal)
    facing = (
        vertex_normals(shape, default.faces)[some] * vertex_normals(goal, model.faces)[near]
    ).sum(axis=1)
    close = np.linalg.norm(shape[some] - goal[near], axis=1) < 0.08
    weight = ((facing > 0.3) & close).astype(float)
    if weight.sum() < 100:  # nothing to hold on to
        return betas, offset
    return _solved(
        np.asarray(default.v_template, np.float64)[some],
        np.asarray(default.shapedirs, np.float64)[some],
        goal[near] + offset,
        weight,
        1.0,
    )


def _solved(
    template: Array, along: Array, goal: Array, weight: Array, share: float
) -> tuple[Array, Array]:
    """Ridge regression of goal (n, 3) ~ template + along (n, 3, B) betas + shift."""
    n, _, B = along.shape
    design = np.concatenate([along, np.broadcast_to(np.eye(3), (n, 3, 3))], axis=2)
    rows = (design * weight[:, None, None]).reshape(3 * n, B + 3)
    right = ((goal - template) * weight[:, None]).reshape(3 * n)
    ridge = np.zeros(B + 3)
    ridge[:B] = _RIDGE * weight.sum() * share
    square = np.einsum("ij,ik->jk", rows, rows) + np.diag(ridge + 1e-9)
    solution = np.linalg.solve(square, np.einsum("ij,i->j", rows, right))
    return np.clip(solution[:B], -4, 4), solution[B:]


def _between(shape: Array, goal: Array, faces: Array, goal_faces: Array) -> tuple[Array, Array]:
    """(D, k) vertices of the other body around each vertex, and their shares; those that face
    away count little.
    """
    few = nearest_few(shape, goal, _NEIGHBOURS)
    apart = np.linalg.norm(shape[:, None] - goal[few], axis=2)
    facing = np.einsum(
        "da,dka->dk", vertex_normals(shape, faces), vertex_normals(goal, goal_faces)[few]
    )
    share = np.clip(facing, 0.02, 1.0) / (apart**2 + 1e-5)
    return few, share / share.sum(axis=1, keepdims=True)


def _smoothed(values: Array, faces: Array) -> Array:
    """Laplacian smoothing of (D, 3) values over the default body."""
    start = np.concatenate([faces[:, 0], faces[:, 1], faces[:, 2]])
    end = np.concatenate([faces[:, 1], faces[:, 2], faces[:, 0]])
    count = np.maximum(np.bincount(start, minlength=len(values)), 1)[:, None]
    out = values
    for _ in range(_SMOOTHING):
        mean = np.stack(
            [np.bincount(start, out[end, i], minlength=len(values)) for i in range(3)], axis=1
        )
        out = 0.5 * (out + mean / count)
    return out
