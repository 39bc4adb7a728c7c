"""A body model as bones: from the model's numbers to the bones' and back. Pure numpy.

Frames. A body model is Y-up and faces +Z. An armature at rest is Z-up, faces -Y and has the mean
body's feet on z = 0: a point x of the model is at S x + d in the armature, with S = MODEL_TO_WORLD
and d = (0, 0, lift). Bone k has its head in joint k, h_k = S p_k + d, and axes Q_k (columns:
across, along the bone, its front).

Poses. Joint k turns everything it moves by R_k about p_k, in the model's axes, before its parent
turns it. That is a turn of S R_k Sᵀ about h_k, and in the bone's own axes, which Blender uses,
l_k = Q_kᵀ S R_k Sᵀ Q_k. The root differs: R_0 maps the model's axes to the world's. With an
armature object that is moved and not turned, l_0 = Q_0ᵀ R_0 Sᵀ Q_0, and the object stands so that
h_0 comes to lie in p_0 + t (t: the translation), that is at p_0 + t - h_0.

Back. D_k, the rigid motion of bone k since rest, in the world, comes from Blender's matrices. No
matter how much of it is the object's and how much the bones', R_0 = D_0 S,
R_k = Sᵀ D_parentᵀ D_k S, and p_0 + t = D_0 h_0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bodies.model import BodyModel
from ..bodies.rotations import matrix_to_axis_angle, rodrigues
from ..scene.people import MODEL_TO_WORLD

Array = NDArray[np.float64]

UP = np.array([0.0, 0.0, 1.0])
FRONT = np.array([0.0, -1.0, 0.0])
SHORTEST = 0.02  # m: least length of a bone; Blender drops bones without length
RIGID = 1e-3  # tolerance: how far scales may be from 1, and joints (m) from their sockets

# Where a joint has several children, its bone points to the one of these.
_MAIN_CHILDREN = ("spine1", "neck", "left_middle1", "right_middle1")


class Rig:
    """The bones of a body model.

    Their places depend on the shape. Their directions are always those of the mean shape, so that
    a pose means the same on all shapes.
    """

    def __init__(self, model: BodyModel) -> None:
        self.model = model
        self.lift = -float(model.v_template[:, 1].min())  # the model's Y is the armature's Z

    def to_rest(self, points: ArrayLike) -> Array:
        """Points (..., 3) of the model at rest, in the armature's axes."""
        return np.asarray(points, dtype=np.float64) @ MODEL_TO_WORLD.T + (0.0, 0.0, self.lift)

    def heads(self, betas: ArrayLike = ()) -> Array:
        """(J, 3) m: the joints of the shaped body at rest, in the armature's axes."""
        return self.to_rest(self.model.rest_joints(betas))

    def lengths(self, betas: ArrayLike = ()) -> Array:
        """The lengths of the bones of the shaped body.

        Returns:
            (J,) m: to the main child, or to the end of the vertices that the joint moves.
        """
        shaped, joints = self.model.shape_blend(betas)
        lengths = np.empty(self.model.num_joints)
        for k, child in enumerate(self._main_child):
            moved = joints[[child]] if child is not None else shaped[self.model.weights[:, k] > 0.5]
            along = (moved - joints[k]) @ MODEL_TO_WORLD.T @ self.axes[k, :, 1]
            lengths[k] = along.max(initial=SHORTEST)
        return lengths

    @cached_property
    def axes(self) -> Array:
        """(J, 3, 3) Q: the axes of the bones, as columns.

        The third axis points to the front, or up where the bone itself points to the front.
        Mirrored bones then have mirrored axes, as Blender's X-mirror expects.
        """
        y = self._directions()
        z = np.where(np.abs(y @ FRONT)[:, None] > 0.9, UP, FRONT)
        z = z - (z * y).sum(axis=1, keepdims=True) * y
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        return np.stack([np.cross(y, z), y, z], axis=2)

    def _directions(self) -> Array:
        """(J, 3) unit vectors along the bones, in the mean shape.

        A bone points to its main child; without one, it continues the direction of its parent;
        where neither applies (the eyes), it points to the front.
        """
        heads, parents = self.heads(), self.model.parents
        out = np.tile(FRONT, (self.model.num_joints, 1))
        for k, child in enumerate(self._main_child):
            if child is not None:
                way = heads[child] - heads[k]
                length = np.linalg.norm(way)
                if length > 0:
                    out[k] = way / length
            elif self._main_child[parents[k]] == k:
                out[k] = out[parents[k]]
        return out

    @cached_property
    def _main_child(self) -> list[int | None]:
        """For each joint its only child, or the one of several that its bone points to."""
        names, parents = self.model.joint_names, self.model.parents
        children = [[int(c) for c in np.flatnonzero(parents == k)] for k in range(len(names))]
        main = [[c for c in own if len(own) == 1 or names[c] in _MAIN_CHILDREN] for own in children]
        return [next(iter(own), None) for own in main]


# --- the numbers of a body to those of bones, and back --------------------------------------------


def bone_quaternions(pose: ArrayLike, axes: Array) -> Array:
    """Convert a pose to rotations of bones, for an armature object that is not turned.

    Args:
        pose: (J, 3) axis-angle, rad; the root is the orientation in the world.
        axes: (J, 3, 3) Q, see `Rig.axes`.

    Returns:
        (J, 4) unit quaternions w, x, y, z in the bones' own axes.
    """
    theta = np.array(pose, dtype=np.float64)
    # In turned axes C, the rotation about ω becomes the one about C ω. The root's rotation is
    # R_0 Sᵀ, in the armature's axes.
    theta[1:] = theta[1:] @ MODEL_TO_WORLD.T
    theta[0] = matrix_to_axis_angle(rodrigues(theta[0]) @ MODEL_TO_WORLD.T)
    local = np.einsum("kji,kj->ki", axes, theta)
    half = np.linalg.norm(local, axis=1, keepdims=True) / 2
    return np.concatenate([np.cos(half), local / 2 * np.sinc(half / np.pi)], axis=1)


def object_location(translation: ArrayLike, pelvis_head: Array, lift: float) -> Array:
    """The place of the armature object.

    Args:
        translation: (3,) m, of a BodySpec.
        pelvis_head: (3,) m, h_0 of the shape.
        lift: m, see `Rig.lift`.

    Returns:
        (3,) m.
    """
    return rest_pelvis(pelvis_head, lift) + np.asarray(translation, dtype=np.float64) - pelvis_head


def rest_pelvis(pelvis_head: Array, lift: float) -> Array:
    """(3,) m: the root joint p_0 of the shaped body, in the model, from its bone's head h_0."""
    return (pelvis_head - (0.0, 0.0, lift)) @ MODEL_TO_WORLD


def read_bones(
    deforms: Array, heads: Array, parents: Sequence[int], names: Sequence[str], lift: float
) -> tuple[Array, Array]:
    """Convert posed bones to a pose.

    Args:
        deforms: (J, 4, 4) D_k, the motion of each bone since rest, in the world.
        heads: (J, 3) m, h_k.
        parents: index of each joint's parent.
        names: names of the bones, for errors.
        lift: m, see `Rig.lift`.

    Returns:
        pose (J, 3), axis-angle, and translation (3,), m, of a BodySpec.

    Raises:
        ValueError: a bone or the object is scaled, or a bone is moved out of its joint, which no
            pose does; the message names it.
    """
    linear = deforms[:, :3, :3]
    gram = np.swapaxes(linear, 1, 2) @ linear
    stretched = (np.abs(gram - np.eye(3)).max(axis=(1, 2)) > RIGID) | (np.linalg.det(linear) < 0)
    if stretched.all():
        raise ValueError(
            f"the object or the bone {names[0]} is scaled, set its scale to 1: "
            "shape keys make a body taller"
        )
    if stretched.any():
        raise ValueError(f"the bone {names[int(stretched.argmax())]} is scaled, set its scale to 1")
    joints = np.einsum("kij,kj->ki", linear, heads) + deforms[:, :3, 3]
    for k, parent in enumerate(parents[1:], start=1):
        by_parent = linear[parent] @ heads[k] + deforms[parent, :3, 3]
        if np.abs(joints[k] - by_parent).max() > RIGID:
            raise ValueError(f"the bone {names[k]} is moved out of its joint, clear its location")
    R = np.empty_like(linear)
    R[0] = linear[0] @ MODEL_TO_WORLD
    turned = np.swapaxes(linear[list(parents[1:])], 1, 2) @ linear[1:]
    R[1:] = MODEL_TO_WORLD.T @ turned @ MODEL_TO_WORLD
    return matrix_to_axis_angle(R), joints[0] - rest_pelvis(heads[0], lift)


# --- pose correctives as formulas of a bone's quaternion ------------------------------------------

ELEMENTS = tuple((i, j) for i in range(3) for j in range(3))
"""The elements of R - I that a joint's nine pose correctives are weighted by, in order."""


def corrective_formula(axes: Array, i: int, j: int) -> str:
    """Write an element of R - I of a joint as a formula of its bone's quaternion w, x, y, z.

    Args:
        axes: (3, 3) Q of the bone.
        i: row of R - I.
        j: column of R - I.

    Returns:
        A driver expression of + - * and brackets only, which Blender computes without Python, and
        shorter than Blender's limit of 255 characters.
    """
    # The quaternion's vector in the model's axes is u = Sᵀ Q (x, y, z), and
    # R - I = 2 w [u]× + 2 (u uᵀ - |u|² I).
    u = [_linear(row) for row in MODEL_TO_WORLD.T @ axes]
    if i == j:
        a, b = (u[k] for k in range(3) if k != i)
        return f"-2*({a}*{a}+{b}*{b})"
    sign = "-" if (j - i) % 3 == 1 else "+"
    return f"2*({u[i]}*{u[j]}{sign}w*{u[3 - i - j]})"


def _linear(row: Array) -> str:
    """'(0.5*x-0.25*y+1*z)' with six digits, so that a formula of four of them fits."""
    terms = (f"{value:+.6f}*{name}" for value, name in zip(row, "xyz", strict=True))
    return "(" + "".join(terms).removeprefix("+") + ")"
