"""Geometry that a person wears and that follows the body: hair cards, shoes, hats, glasses, bags,
garments of a pack.

    part = BUILDERS[item.kind](fitting, item)       # once a person, at rest
    moved(part.vertices, part.transforms(G_rel))    # once a pose

A part is made on the person's own body at rest. It has skinning weights of its own, and a surface
that an image or a colour for each face describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..bodies.model import BodyModel
from ..bodies.rotations import rodrigues
from .chart import REFERENCE_HEIGHT
from .palette import Color

Array = np.ndarray

WHITE: Color = (1.0, 1.0, 1.0)
NO_TONES = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True)
class PartSurface:
    """The material of a part. Two parts of the same surface share one material of Blender.

    Attributes:
        kind: One of SURFACE_KINDS.
        color_image: File with the base colour, which the colour of the faces multiplies; empty for
            none. Its alpha is the opacity, when `cut_out`.
        normal_image: File with a tangent-space normal map; empty for none.
        cut_out: Whether the alpha of `color_image` is opacity.
        roughness: Roughness of the gloss, 0..1.
        weave: Name of a tile of `fabric_images` that shades it, where it has no image: then the
            coordinates are metres on the surface. Empty for none.
    """

    kind: str = "cloth"
    color_image: str = ""
    normal_image: str = ""
    cut_out: bool = False
    roughness: float = 0.8
    weave: str = ""


SURFACE_KINDS = ("cloth", "leather", "plastic", "metal", "glass", "hair", "skin", "eye")


@dataclass(frozen=True, eq=False)
class WornPart:
    """One mesh that a person wears, at rest on the person's own body.

    Attributes:
        name: What it is, for the annotation, such as "backpack".
        vertices: (N, 3) float32, m, in the axes of the body model at rest.
        faces: (F, 3) int32.
        uv: (F, 3, 2) float32, one coordinate per corner, v upwards.
        color: (F, 3) float32, linear; it multiplies the surface's image.
        joints: (N, K) int32, the joints of the body model that a vertex follows.
        weights: (N, K) float32, how much it follows each; they sum to 1.
        source: (F,) int32, the face of the body nearest to each face, whose part label it takes.
        surface: The material.
        hides: (B,) bool, faces of the body that the part covers for certain; empty for none.
        replaces: Layers of garments (garment_kind.LAYERS, or "hair") that the part stands for and
            that are not built beneath it.
        covers: Layers beneath the part that are left out where it hides the body.
        tones: (F,) int32, 0 where `color` multiplies the image; faces of one number above it have
            `color` as the mean of what their image shows; empty for all 0.
        hangs: (2, 3) for a part on one joint that hangs from a point and does not turn with the
            joint: that point, m, and the direction at rest that gravity pulls it to.
        near: (N,) int32, the vertex of the body nearest to each vertex; None where it is not known.
        depth: Parts of a larger depth lie over the others; 0 for those that are no layers.
        apart: Whether it does not count as the person in masks.
    """

    name: str
    vertices: Array
    faces: Array
    uv: Array
    color: Array
    joints: Array
    weights: Array
    source: Array
    surface: PartSurface = PartSurface()
    hides: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))
    replaces: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    tones: Array = field(default_factory=lambda: NO_TONES)
    hangs: Array | None = None
    near: Array | None = None
    depth: int = 0
    apart: bool = False

    def transforms(self, G_rel: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Array:
        """(12, N) rows of the blended transform of each vertex, for `skinning.moved`.

        Args:
            G_rel: (J, 3, 4), or (J, 4, 4), of `BodyModel.relative_transforms`.
            up: (3,) direction against gravity.
        """
        if self.hangs is not None:
            row = _hung(np.asarray(G_rel)[self.joints[0, 0], :3], self.hangs, up)
            return np.repeat(row.reshape(12, 1).astype(np.float32), len(self.vertices), axis=1)
        by_joint = np.asarray(G_rel, dtype=np.float32)[:, :3].reshape(-1, 12)
        if self.joints.shape[1] == 1:
            return np.ascontiguousarray(by_joint[self.joints[:, 0]].T)
        return np.einsum("nk,nkr->rn", self.weights, by_joint[self.joints], optimize=True)


def _hung(matrix: Array, hangs: Array, up: ArrayLike) -> Array:
    """(3, 4) `matrix`, turned about the point of `hangs` by the least angle that lets it hang."""
    point, rest = hangs
    place = matrix[:, :3] @ point + matrix[:, 3]
    now, goal = matrix[:, :3] @ rest, -np.asarray(up, dtype=np.float64)
    axis = np.cross(now, goal)
    if now @ goal < -0.999:  # upside down: any axis across will do
        axis = np.cross(now, [1.0, 0.0, 0.0] if abs(now[0]) < 0.9 else [0.0, 1.0, 0.0])
    sine = max(float(np.linalg.norm(axis)), 1e-9)
    turned = rodrigues(axis / sine * np.arctan2(sine, now @ goal))
    R = turned @ matrix[:, :3]
    return np.concatenate([R, (place - R @ point)[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Fitting:
    """The body on which parts are made.

    Attributes:
        model: The body model.
        chart: Its chart (`chart.body_chart`).
        shaped: (V, 3) m, the person's own body at rest.
        joint_places: (J, 3) m, its joints at rest.
        seed: 0..1, the outfit's.
        outer: (V, 3) m, the outermost surface of the clothes at rest; None for a bare body.
        hair: rm, how far the hair stands off the scalp.
        betas: (B,) the person's shape; empty for the mean one.
    """

    model: BodyModel
    chart: Mapping[str, Array]
    shaped: Array
    joint_places: Array
    seed: float = 0.0
    outer: Array | None = None
    hair: float = 0.0
    betas: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def surface(self) -> Array:
        """(V, 3) m, what a part lies on: the clothes, and the body where it is bare."""
        return np.asarray(self.shaped if self.outer is None else self.outer)

    @property
    def scale(self) -> float:
        """Metres of one reference metre on this body."""
        return float(np.ptp(self.shaped[:, 1])) / REFERENCE_HEIGHT

    def joint(self, name: str) -> Array:
        """(3,) m, a joint at rest. Raises ValueError when the body has none of that name."""
        return np.asarray(self.joint_places[self.model.joint_names.index(name)])

    def rigid(self, name: str, count: int) -> tuple[Array, Array]:
        """(joints, weights) of `count` vertices that all follow one joint."""
        index = self.model.joint_names.index(name)
        return np.full((count, 1), index, np.int32), np.ones((count, 1), np.float32)

    def follow(self, vertices: Array, most: int = 4) -> tuple[Array, Array]:
        """(joints, weights) of vertices that each move as the given vertex (N,) of the body."""
        of_body = np.asarray(self.model.weights)[vertices]
        joints = np.argsort(-of_body, axis=1, kind="stable")[:, :most].astype(np.int32)
        weights = np.take_along_axis(of_body, joints, axis=1)
        return joints, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
