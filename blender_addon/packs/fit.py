"""Fits garments of packs to a body: each becomes a body model of its own.

    fitted = fit_item(path, model)                  # once an item and body
    vertices = fitted.shaped(betas)                 # once a person, at rest (T-pose)

MakeHuman places a vertex of a garment at a weighted mean of three vertices of its base mesh, plus
an offset along the world's axes that grows with lengths of the body, in MakeHuman's A-pose. All of
this is linear in the body's betas when the A-pose is fixed; so is the way back from there into the
T-pose by the garment's own skinning weights. Template and directions of a garment are therefore
exact, and need no population of shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ..bodies.mesh import loose_parts
from ..bodies.model import BodyModel
from .covering import really_hidden
from .helper_mesh import HelperMesh, helper_mesh
from .kinds import kind_of
from .mhclo import BASE_VERTICES, Clothes, read_clothes
from .nearest import nearest
from .obj_mesh import ObjMesh, read_obj
from .pack import mesh_of
from .text_files import PackError
from .transfer import transferred

Array = np.ndarray

INFLUENCES = 4  # joints of a vertex
# Vertices and lengths of garments that do not say how they grow, as those of MakeHuman's own.
_SCALES = ((5399, 11998, 1.416), (791, 881, 2.3073), (962, 5320, 1.9231))
_ARMS = ("collar", "shoulder", "elbow", "wrist", "hand")
_BRIDGES = 3  # vertices from leg to leg that make a skirt
_SIDES = 12  # directions around a skirt
_HEM = 0.03  # m above the hem, from where on legs are hidden
_MOST = 5.0  # m from the body; what is farther is damaged


@dataclass(frozen=True, eq=False)
class FittedItem:
    """A garment as a body model of its own.

    Attributes:
        template: (G, 3) float32, m, at rest (T-pose) on the body at betas of 0.
        shapedirs: (G, 3, B) float32, m, what each beta adds; betas beyond them add nothing.
        joints: (G, K) int32, joints of the body model that a vertex follows.
        weights: (G, K) float32, they sum to 1.
        faces: (F, 3) int32.
        uv: (F, 3, 2) float32.
        near: (G,) int32, the nearest vertex of the body.
        hides: (body F,) bool, faces of the body that the garment covers.
        lower: (F,) bool, faces of its trousers or skirt, where these are a piece of their own.
    """

    template: Array
    shapedirs: Array
    joints: Array
    weights: Array
    faces: Array
    uv: Array
    near: Array
    hides: Array
    lower: Array

    def shaped(self, betas: ArrayLike) -> Array:
        """(G, 3) float32, m, the garment at rest on a person."""
        b = np.asarray(betas, dtype=np.float32)[: self.shapedirs.shape[2]]
        G, _, B = self.shapedirs.shape
        # In one order, whatever the number of threads, as `bodies.model` does it.
        added = np.einsum("ij,j->i", self.shapedirs.reshape(3 * G, B)[:, : len(b)], b)
        return self.template + added.reshape(G, 3)


def fit_item(path: Path, model: BodyModel) -> FittedItem:
    """Read and fit a garment.

    Args:
        path: Its .mhclo.
        model: The body, of any topology.

    Raises:
        PackError: A file cannot be used; the message names it and the line.
    """
    clothes = read_clothes(path)
    return fit(clothes, read_obj(mesh_of(clothes)), model)


def fit(clothes: Clothes, mesh: ObjMesh, model: BodyModel) -> FittedItem:
    """Fit a garment that has been read.

    Raises:
        PackError: The mesh has other vertices than the garment binds, or lies far off the body.
    """
    if len(mesh.vertices) != len(clothes.references):
        raise PackError(
            clothes.path,
            None,
            f"it binds {len(clothes.references)} vertices, its mesh has {len(mesh.vertices)}",
        )
    helper = helper_mesh()
    dense = _weights(clothes, helper)
    if kind_of(clothes.path, clothes.tags, clothes.name) == "hair":
        dense = _off_the_arms(dense, helper.body.joint_names)
    rest = _in_t_pose(_in_a_pose(clothes, helper), dense, helper)
    if not np.abs(rest[0]).max() <= _MOST:  # also false for NaN
        raise PackError(
            clothes.path, None, f"it lies more than {_MOST:g} m off the body; it is damaged"
        )
    hidden = np.zeros(BASE_VERTICES, dtype=bool)
    hidden[clothes.deleted] = True
    if same_body(model, helper.body):
        near = nearest(rest[0], model.v_template)
        hides = hidden[helper.base][model.faces].any(axis=1)
    else:
        moved = transferred(rest, helper.body, hidden[helper.base], model)
        rest, dense, near, hides = moved.rest, moved.weights, moved.near, moved.hides
    if hides.any():
        hides = really_hidden(hides, model.v_template, model.faces, rest[0], mesh.faces)
    dense, inside = _hanging(dense, rest[0], model)
    joints = np.argsort(-dense, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(dense, joints, axis=1)
    return FittedItem(
        template=rest[0].astype(np.float32),
        shapedirs=np.ascontiguousarray(np.moveaxis(rest[1:], 0, -1), dtype=np.float32),
        joints=joints.astype(np.int32),
        weights=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
        faces=mesh.faces,
        uv=mesh.uv,
        near=near.astype(np.int32),
        hides=hides | inside,
        lower=_lower(rest[0], mesh.faces, model),
    )


def _lower(vertices: Array, faces: Array, model: BodyModel) -> Array:
    """(F,) bool, faces of the connected pieces that lie below the waist for the most part."""
    piece = loose_parts(faces, len(vertices))
    count = np.bincount(piece, minlength=len(piece))
    height = np.bincount(piece, vertices[:, 1], len(piece)) / np.maximum(count, 1)
    waist = float(model.rest_joints()[model.joint_names.index("pelvis")][1])
    return np.asarray((height < waist)[piece[faces[:, 0]]])


def same_body(model: BodyModel, default: BodyModel) -> bool:
    """Whether `model` is the default body, or a copy of it with other UVs or labels."""
    return model is default or (
        model.joint_names == default.joint_names
        and np.array_equal(model.faces, default.faces)
        and np.array_equal(model.v_template, default.v_template)
        and np.array_equal(model.shapedirs, default.shapedirs)
    )


def _in_a_pose(clothes: Clothes, helper: HelperMesh) -> Array:
    """(1 + B, G, 3) m, the garment as MakeHuman places it."""
    V = helper.vertices
    out = np.zeros((len(V), len(clothes.references), 3))
    for k in range(3):
        out += clothes.weights[:, k, None] * V[:, clothes.references[:, k]]
    for axis, scale in enumerate(clothes.scales):
        first, second, length = scale or _SCALES[axis]
        apart = V[:, first, axis] - V[:, second, axis]
        out[..., axis] += clothes.offsets[:, axis] * (np.sign(apart[0]) * apart / length)[:, None]
    return out


def _weights(clothes: Clothes, helper: HelperMesh) -> Array:
    """(G, J) skinning weights."""
    share = np.maximum(clothes.weights, 0.0)
    share[share.sum(axis=1) < 1e-6] = 1 / 3
    out = np.einsum("gk,gkj->gj", share, helper.weights[clothes.references])
    return out / out.sum(axis=1, keepdims=True)


def _off_the_arms(weights: Array, names: tuple[str, ...]) -> Array:
    """Let long hair hang from head and back, whatever the arms do: (G, J) weights."""
    out = weights.copy()
    arms = [i for i, name in enumerate(names) if name.split("_")[-1] in _ARMS]
    out[:, names.index("spine3")] += out[:, arms].sum(axis=1)
    out[:, arms] = 0.0
    return out


def _in_t_pose(posed: Array, weights: Array, helper: HelperMesh) -> Array:
    """Undo the A-pose: (1 + B, G, 3)."""
    linear = np.einsum("gj,jab->gab", weights, helper.linear)
    shifts = np.einsum("gj,nja->nga", weights, helper.shifts)
    return np.einsum("gab,ngb->nga", np.linalg.inv(linear), posed - shifts)


def _hanging(weights: Array, rest: Array, model: BodyModel) -> tuple[Array, Array]:
    """Let what hangs around both legs follow both of them, so that a stride does not split it.

    Args:
        weights: (G, J) skinning weights.
        rest: (G, 3) m, the garment at rest.
        model: The body.

    Returns:
        (the weights, (F,) bool: faces of the body that are inside of the skirt).
    """
    names = model.joint_names
    place = dict(zip(names, model.rest_joints(), strict=True))
    hip, knee = place["left_hip"], place["left_knee"]
    leg = float(np.linalg.norm(hip - knee))
    across = np.abs(rest[:, 0] - place["pelvis"][0])
    low = (rest[:, 1] < hip[1]) & (across < 1.2 * leg)
    below_crotch = rest[:, 1] < hip[1] - 0.24 * leg
    ahead = np.abs(rest[:, 2] - hip[2])
    bridges = below_crotch & (across < 0.06 * leg) & (ahead > 0.12 * leg)
    # Trousers have cloth on the inner sides of the legs.
    trousers = (rest[:, 1] < hip[1] - 0.3 * leg) & (across < 0.16 * leg) & (ahead < 0.1 * leg)
    if bridges.sum() < _BRIDGES or trousers.sum() > _BRIDGES:
        return weights, np.zeros(len(model.faces), dtype=bool)
    out = weights.copy()
    which = np.flatnonzero(low)
    x = (rest[which, 0] - place["pelvis"][0]) / max(abs(hip[0] - place["pelvis"][0]), 1e-3)
    left = 1 / (1 + np.exp(-4.5 * x))  # from one leg to the other between their middles
    fade = np.clip((hip[1] - rest[which, 1]) / (0.3 * leg), 0.0, 1.0)
    for name in ("hip", "knee", "ankle", "foot"):
        pair = [names.index(f"left_{name}"), names.index(f"right_{name}")]
        both = weights[which][:, pair].sum(axis=1)
        for joint, share in zip(pair, (left, 1 - left), strict=True):
            own = weights[which, joint]
            out[which, joint] = own + fade * (both * share - own)
    return out, _inside(rest[low], hip, leg, model)


def _inside(skirt: Array, hip: Array, leg: float, model: BodyModel) -> Array:
    """(F,) bool, faces of the legs that a skirt hides: down to a little above its hem."""
    around = np.arctan2(skirt[:, 0], skirt[:, 2] - hip[2])
    side = ((around / (2 * np.pi) + 0.5) * _SIDES).astype(int) % _SIDES
    hem = np.full(_SIDES, np.inf)
    np.minimum.at(hem, side, skirt[:, 1])
    found = hem[np.isfinite(hem)]
    v = model.v_template
    inside = (v[:, 1] < hip[1]) & (v[:, 1] > found.max() + _HEM) & (np.abs(v[:, 0]) < 1.2 * leg)
    if len(found) < _SIDES - 2:  # open at a side
        inside[:] = False
    return np.asarray(inside[model.faces].all(axis=1))
