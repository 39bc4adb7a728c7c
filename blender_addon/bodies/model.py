"""A body of the SMPL family and its forward pass, in numpy.

Loper, Mahmood, Romero, Pons-Moll, Black: "SMPL: A Skinned Multi-Person Linear Model", SIGGRAPH Asia
2015; "Eq." below refers to it. SMPL-H (Romero et al. 2017) and SMPL-X (Pavlakos et al. 2019) keep
the formula and add joints; SMPL-X adds expression directions, which act exactly as shape directions
do.

V vertices, F faces, J joints, B shape directions, E expression directions. Metres and radians
throughout. The model's own frame is Y-up and looks along +Z; pose[0], the root's orientation, takes
it to the world.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .model_check import check_model
from .rotations import product, rodrigues
from .skinning import WeightRun, blended, moved, weight_runs

log = logging.getLogger(__name__)

Array = NDArray[np.float32]

MAX_EXTENT = 1e4  # m: farther from the origin, float32 has not a millimetre left
MAX_ANGLE = 1e4  # rad
MAX_COEFFICIENT = 1e4  # of betas and expression, in standard deviations


@dataclass(frozen=True, eq=False)
class Posed:
    """The result of the forward pass, in world metres, after the translation.

    `transforms` are the joints' frames G_k of Eq. 4: x_world = transforms[k] @ (x_bone, 1), where a
    bone's frame has its origin in the joint and, at rest, the model's axes. So `transforms[:, :3,
    3]` are the joints, and a point x of the rest pose that is rigidly tied to joint k goes to
    `transforms[k] @ (x - rest_joints[k], 1)`.
    """

    vertices: Array  # (V, 3)
    joints: Array  # (J, 3)
    transforms: NDArray[np.float64]  # (J, 4, 4)


@dataclass(frozen=True, eq=False)
class ShapeSamples:
    """Shapes of N people that this model can have, and what is known of each; a sampler draws from
    them.
    """

    betas: Array  # (N, B)
    age: Array  # (N,) years
    gender: Array  # (N,) 0 female .. 1 male
    height: Array  # (N,) m


@dataclass(frozen=True, eq=False)
class BodyModel:
    """The parameters of one SMPL-family model. Arrays are checked, made float32 and read-only on
    construction.

    Raises:
        ValueError: Shapes disagree, a number is not finite, an index points outside, or the parents
        are no tree; the message names the array.
    """

    name: str
    family: str  # 'smpl' (24 joints), 'smplh' (52) or 'smplx' (55)
    gender: str  # 'female', 'male' or 'neutral'
    v_template: Array  # (V, 3)                the mean shape, T̄
    faces: NDArray[np.int32]  # (F, 3)
    shapedirs: Array  # (V, 3, B)             shape blend shapes, S
    posedirs: Array  # (V, 3, 9(J-1)), or (V, 3, 0) for a model without pose correctives, P
    J_regressor: Array  # (J, V)              script J
    weights: Array  # (V, J)                  blend weights, script W
    parents: NDArray[
        np.int64
    ]  # (J,)         -1 for the root, which is joint 0; a parent comes before its children
    joint_names: tuple[str, ...]  # J
    exprdirs: Array | None = None  # (V, 3, E) of SMPL-X and the default body
    hands_mean: Array | None = (
        None  # (30, 3) relaxed pose of the left, then the right fingers, from the flat hand
    )
    uv: Array | None = None  # (F, 3, 2)       one coordinate per corner of a face, v upwards
    part_labels: NDArray[np.uint8] | None = None  # (V,) index into joints.PARTS
    shape_samples: ShapeSamples | None = None
    licence: str = ""
    origin: str = ""
    expression_names: tuple[str, ...] = ()  # E, where each direction has a meaning

    def __post_init__(self) -> None:
        check_model(self)

    @property
    def num_vertices(self) -> int:
        return len(self.v_template)

    @property
    def num_joints(self) -> int:
        return len(self.parents)

    @property
    def num_betas(self) -> int:
        return self.shapedirs.shape[2]

    @property
    def num_expression(self) -> int:
        return 0 if self.exprdirs is None else self.exprdirs.shape[2]

    def pose(
        self,
        betas: ArrayLike = (),
        pose: ArrayLike | None = None,
        translation: ArrayLike = (0.0, 0.0, 0.0),
        offsets: ArrayLike | None = None,
        expression: ArrayLike = (),
    ) -> Posed:
        """The forward pass M(β, θ), Eq. 5 and 6, moved by `translation`.

        Fingers are posed from the flat hand (flat_hand_mean=True in the smplx package; so are
        AMASS's full poses).

        Args:
            betas: (≤ B,) shape coefficients; missing ones are 0.
            pose: (J, 3) axis-angle of each joint relative to its parent, rad; None is the T-pose.
            translation: (3,) m.
            offsets: (V, 3) m, added to the shaped body at rest (clothes; "SMPL+D"); they do not
                move the joints.
            expression: (≤ E,) coefficients of the face; of the default body's fingers too.

        Raises:
            ValueError: An argument has a wrong shape, or makes no body; the message names it.
        """
        theta = self._full_pose(pose)
        trans = _vector(translation, 3, "translation")
        given = betas, theta, trans, offsets, expression
        try:
            return self._forward(*given)
        except OverflowError as error:
            said = str(error)
        # Once in thousands of renders, the numbers of a body that fits were none.
        try:
            posed = self._forward(*given)
        except OverflowError:
            raise ValueError(said) from None
        log.warning("%s; it was right when computed again", said)
        return posed

    def _forward(
        self,
        betas: ArrayLike,
        theta: NDArray[np.float64],
        trans: NDArray[np.float64],
        offsets: ArrayLike | None,
        expression: ArrayLike,
    ) -> Posed:
        """Compute M(β, θ) of a whole pose; OverflowError if it is none within MAX_EXTENT."""
        T_shaped, J = self.shape_blend(betas, expression)
        R = rodrigues(theta)
        T_P = T_shaped + self.pose_blend(R)
        if offsets is not None:
            D = np.asarray(offsets, dtype=np.float32)
            if D.shape != self.v_template.shape:
                raise ValueError(f"offsets: shape {D.shape}, expected {self.v_template.shape}")
            T_P = T_P + D
        G = self.kinematic_chain(R, J)
        G[:, :3, 3] += trans
        with np.errstate(over="ignore", invalid="ignore"):
            vertices = self.skin(T_P, self.relative_transforms(G, J))
        if not np.abs(vertices).max() <= MAX_EXTENT:  # also false for NaN
            raise OverflowError(
                f"{self.name}: posed, it is not within {MAX_EXTENT:g} m of the origin; its betas, "
                "its translation or the model itself has numbers that are too large (up to "
                f"{np.abs(T_P).max():.3g} before it is posed, {np.abs(G).max():.3g} in its joints)"
            )
        return Posed(vertices, G[:, :3, 3].astype(np.float32), G)

    def rest_joints(self, betas: ArrayLike = (), expression: ArrayLike = ()) -> NDArray[np.float64]:
        """J(β), Eq. 10: (J, 3) joints of the shaped body in the T-pose, m."""
        b, e = self._coefficients(betas, expression)
        J = self._joints_template + self._joints_shapedirs[:, :, : len(b)] @ b
        return J + self._joints_exprdirs[:, :, : len(e)] @ e if len(e) else J

    def shape_blend(
        self, betas: ArrayLike = (), expression: ArrayLike = ()
    ) -> tuple[Array, NDArray[np.float64]]:
        """T̄ + B_S(β), Eq. 8: (V, 3) the shaped body in the T-pose, and its joints (J, 3)."""
        b, e = self._coefficients(betas, expression)
        T_shaped = self.v_template + _blend(self.shapedirs, b)
        if self.exprdirs is not None and len(e):
            T_shaped = T_shaped + _blend(self.exprdirs, e)
        return T_shaped, self.rest_joints(b, e)

    def pose_blend(self, R: NDArray[np.float64]) -> Array:
        """B_P(θ), Eq. 9: (V, 3) correctives for the joints' rotations R (J, 3, 3), linear in R(θ) -
        R(0).
        """
        if self.posedirs.shape[2] == 0:
            return np.zeros_like(self.v_template)
        return _blend(self.posedirs, (R[1:] - np.eye(3)).ravel())

    def kinematic_chain(
        self, R: NDArray[np.float64], J: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """G_k(θ, J), Eq. 4: (J, 4, 4) world frames of the joints, from their rotations and rest
        positions.
        """
        G = np.zeros((len(J), 4, 4))
        G[:, :3, :3] = R
        G[:, 3, 3] = 1.0
        G[0, :3, 3] = J[0]
        G[1:, :3, 3] = J[1:] - J[self.parents[1:]]
        for k in range(1, len(J)):
            G[k] = product(G[self.parents[k]], G[k])
        return G

    def relative_transforms(
        self, G: NDArray[np.float64], J: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """G'_k, Eq. 3: (J, 3, 4), each joint's frame with its rest frame taken off. At rest, all
        rotations are I.
        """
        G_rel = G[:, :3].copy()
        G_rel[:, :, 3] -= np.einsum("kij,kj->ki", G[:, :3, :3], J)
        return G_rel

    def skin(self, T_P: Array, G_rel: NDArray[np.float64]) -> Array:
        """W(T_P, J, θ, W), Eq. 2 and 7: linear blend skinning of T_P (V, 3) by G' (J, 3, 4): (V,
        3).
        """
        return moved(T_P, self.blended_transforms(G_rel))

    def blended_transforms(self, G_rel: NDArray[np.float64]) -> Array:
        """Σ_k w_k G'_k of each vertex, row by row: (12, V)."""
        # Rows of (12, V), not a matrix for each vertex: numpy then runs along V instead of along 3.
        return blended(G_rel.reshape(-1, 12).T.astype(np.float32), self._weight_runs)

    # J = script-J (T̄ + Σ β S) is linear in β: regress T̄ and each S once, not all V vertices for
    # every pose.

    @cached_property
    def _joints_template(self) -> NDArray[np.float64]:
        return product(self.J_regressor.astype(np.float64), self.v_template)

    @cached_property
    def _joints_shapedirs(self) -> NDArray[np.float64]:
        return _regress(self.J_regressor, self.shapedirs)

    @cached_property
    def _joints_exprdirs(self) -> NDArray[np.float64]:
        none = np.zeros((self.num_vertices, 3, 0), np.float32)
        return _regress(self.J_regressor, none if self.exprdirs is None else self.exprdirs)

    @cached_property
    def _weight_runs(self) -> list[WeightRun]:
        return weight_runs(self.weights)

    def _coefficients(
        self, betas: ArrayLike, expression: ArrayLike
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        b, e = np.asarray(betas, dtype=np.float64), np.asarray(expression, dtype=np.float64)
        for name, given, known in (
            ("betas", b, self.num_betas),
            ("expression", e, self.num_expression),
        ):
            if given.ndim != 1 or len(given) > known:
                raise ValueError(
                    f"{name}: shape {given.shape}, expected at most ({known},) for {self.name}"
                )
            if not np.isfinite(given).all():
                raise ValueError(f"{name}: not all finite")
            if np.abs(given).max(initial=0.0) > MAX_COEFFICIENT:
                raise ValueError(f"{name}: numbers beyond {MAX_COEFFICIENT:g}")
        return b, e

    def _full_pose(self, pose: ArrayLike | None) -> NDArray[np.float64]:
        if pose is None:
            return np.zeros((self.num_joints, 3))
        theta = np.asarray(pose, dtype=np.float64)
        if theta.shape != (self.num_joints, 3):
            raise ValueError(
                f"pose: shape {theta.shape}, expected {(self.num_joints, 3)} for {self.name}; "
                "joints.fit_pose takes a pose from one family to another"
            )
        if not np.isfinite(theta).all():
            raise ValueError("pose: not all finite")
        if np.abs(theta).max() > MAX_ANGLE:
            raise ValueError(f"pose: angles beyond {MAX_ANGLE:g} rad")
        return theta


def _blend(directions: Array, coefficients: NDArray[Any]) -> Array:
    """Σ_n c_n D_n for directions (V, 3, N) and n ≤ N coefficients: (V, 3)."""
    V, _, N = directions.shape
    used = directions.reshape(3 * V, N)[:, : len(coefficients)]
    return product(used, coefficients[:, None].astype(np.float32)).reshape(V, 3)


def _regress(J_regressor: Array, directions: Array) -> NDArray[np.float64]:
    """The joints' own directions (J, 3, N) of the vertices' directions (V, 3, N)."""
    V, _, N = directions.shape
    return product(J_regressor, directions.reshape(V, 3 * N)).reshape(-1, 3, N).astype(np.float64)


def _vector(value: ArrayLike, length: int, name: str) -> NDArray[np.float64]:
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (length,) or not np.isfinite(vector).all():
        raise ValueError(f"{name}: expected {length} finite numbers, got {value!r}")
    return vector
