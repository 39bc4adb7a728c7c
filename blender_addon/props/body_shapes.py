"""The default body as a small mesh in fixed poses: statues, dummies, and the cut of empty clothes.

Vertices that lie in one cell are joined (vertex clustering, Rossignac and Borrel 1993), each part
of the body by itself, so that a figure has some 5,000 faces. No bpy here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from ..bodies.joints import PARTS
from ..bodies.library import default_body
from ..bodies.pose_library import load_poses
from .primitives import SURFACE, Array, Solid

# Cells (m) of the parts that are looked at, and of the others.
_FINE, _COARSE = 0.014, 0.034
_FINE_PARTS = ("head", "left_hand", "right_hand", "left_wrist", "right_wrist")
# A body model is Y-up and faces +Z; this takes it to Z-up, facing -Y.
_UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
SHAPES = 12  # bodies to choose from


def both(*parts: str) -> tuple[str, ...]:
    """Names of these parts of the left and of the right side."""
    return tuple(f"{side}_{part}" for side in ("left", "right") for part in parts)


HEAD = ("head", "neck")
CHEST = ("spine1", "spine2", "spine3", *both("collar"))
SLEEVES = both("shoulder", "elbow")

# Poses in which statues and dummies stand.
STATUES = (
    "stand_relaxed", "stand_weight_on_one_leg", "stand_hand_on_hip", "stand_hands_on_hips",
    "stand_arms_crossed", "stand_look_up", "stand_step", "walk_stroll", "stand_legs_apart",
    "stand_hands_clasped", "stand_look_back", "walk_passing",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Figure:
    """A posed body of few faces: metres, Z up, facing -Y, its lowest point at z = 0.

    Attributes:
        vertices: (V, 3).
        normals: (V, 3) unit.
        faces: (F, 3).
        parts: (F,) index into bodies.joints.PARTS.
    """

    vertices: Array
    normals: Array
    faces: NDArray[np.int32]
    parts: NDArray[np.int64]

    def solid(self, keep: NDArray[np.bool_] | None = None, thicker: float = 0.0) -> Solid:
        """The faces of `keep` (F,), moved outwards by `thicker` m; None keeps all."""
        faces = self.faces if keep is None else self.faces[keep]
        used, corners = np.unique(faces.ravel(), return_inverse=True)
        count = len(faces)
        return Solid(
            self.vertices[used] + thicker * self.normals[used],
            corners.reshape(-1).astype(np.int32),
            3 * np.arange(count, dtype=np.int32),
            np.full(count, SURFACE, np.uint8),
            np.ones(count, np.bool_),
        )

    def of(self, *parts: str) -> NDArray[np.bool_]:
        """(F,): the faces of these parts."""
        return np.isin(self.parts, [PARTS.index(part) for part in parts])


@cache
def _clusters() -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """(cluster of each vertex, faces (F, 3), part of each face)."""
    model = default_body()
    labels = model.part_labels
    assert labels is not None  # the bundled body has them
    labels = labels.astype(np.int64)
    fine = np.isin(labels, [PARTS.index(part) for part in _FINE_PARTS])
    cell = np.where(fine, _FINE, _COARSE)[:, None]
    keys = np.column_stack([labels, np.floor(model.v_template / cell).astype(np.int64)])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    faces = group[model.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    faces = faces[np.sort(first)].astype(np.int32)
    of_group = np.zeros(group.max() + 1, np.int64)
    of_group[group] = labels
    return group, faces, np.sort(of_group[faces], axis=1)[:, 1]


@cache
def _poses() -> dict[str, Array]:
    return {pose.name: pose.joints for pose in load_poses()}


@lru_cache(maxsize=64)
def figure(pose: str, shape: int) -> Figure:
    """A body in a pose of the library ('' is the T-pose), one of SHAPES grown-ups."""
    model = default_body()
    joints = _poses()[pose] if pose else np.zeros((24, 3))
    posed = model.pose(_betas(shape), joints).vertices.astype(np.float64) @ _UPRIGHT.T
    return _figure(posed)


@lru_cache(maxsize=8)
def hanging(drop: float, shape: int) -> Figure:
    """A body whose arms hang down, `drop` degrees below the T-pose."""
    joints = np.zeros((24, 3))
    for side, sign in (("left", -1), ("right", 1)):
        joints[PARTS.index(f"{side}_shoulder"), 2] = sign * np.radians(drop)
    posed = default_body().pose(_betas(shape), joints).vertices.astype(np.float64) @ _UPRIGHT.T
    return _figure(posed)


def _betas(shape: int) -> Array:
    samples = default_body().shape_samples
    assert samples is not None
    grown = np.flatnonzero((samples.age > 20) & (samples.age < 50))
    return np.asarray(samples.betas[grown[shape * len(grown) // SHAPES]], dtype=np.float64)


def _figure(posed: Array) -> Figure:
    group, faces, parts = _clusters()
    counts = np.bincount(group).astype(np.float64)
    vertices: Array = np.column_stack([np.bincount(group, posed[:, k]) for k in range(3)])
    vertices = vertices / counts[:, None]
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    vertices -= ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2])
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    of_faces = np.cross(b - a, c - a)
    normals = np.column_stack(
        [np.bincount(faces.ravel(), np.repeat(of_faces[:, k], 3), len(vertices)) for k in range(3)]
    )
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Figure(vertices, normals / length, faces, parts)
