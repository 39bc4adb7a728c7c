"""Collars, cuffs, hems, plackets, pockets, bands and buttons are trims, sewn onto a garment.

A trim lies on the surface of its layer. Every vertex is anchored between two vertices of the body
and stands off from there, so it follows any shape, pose and fold as the layer itself does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .body_tables import BodyTables
from .borders import smoothing
from .cloth_layers import ClothLayer
from .cut_mesh import cut
from .numbering import numbered
from .outfit import Garment
from .palette import Color
from .worn_part import PartSurface

Array = np.ndarray

CLOTH = PartSurface("cloth", roughness=0.85)

_SUNK = 0.0015  # m that the edge of a patch reaches into the cloth beneath


@dataclass(frozen=True, eq=False)
class Trim:
    """A mesh on a layer of clothes.

    Attributes:
        ends: (N, 2) vertices of the body that a vertex is anchored between.
        share: (N,) its place between them, as in `cut_mesh.Piece`.
        offset: (N, 3) m, from there on the body at rest to the vertex.
        faces: (F, 3).
        source: (F,) the body's face that each face lies on.
        color: Linear colour; None for the cloth of the garment.
        surface: What it is made of, where it has a colour of its own.
    """

    ends: Array
    share: Array
    offset: Array
    faces: Array
    source: Array
    color: Color | None = None
    surface: PartSurface = CLOTH

    def without(self, covered: Array) -> Trim:
        """The trim without the faces whose source is covered (B,)."""
        keep = ~covered[self.source]
        return replace(self, faces=self.faces[keep], source=self.source[keep])


@dataclass(frozen=True, eq=False)
class Sewing:
    """A layer of clothes to which trims are sewn.

    Attributes:
        c: The chart by the names of `coverage.numpy_chart`.
        tables: Of the body model.
        shaped: (V, 3) m, the body at rest.
        layer: The layer.
        scale: m for each rm.
        seed: 0..1, the outfit's.
        above: (V,) rm, positive where another layer lies over this one.
    """

    c: Mapping[str, Array]
    tables: BodyTables
    shaped: Array
    layer: ClothLayer
    scale: float
    seed: float
    above: Array

    @property
    def garment(self) -> Garment:
        assert self.layer.garment is not None
        return self.layer.garment

    @property
    def surface(self) -> Array:
        """(V, 3) m, the layer's outer surface at rest."""
        return self.shaped + self.layer.offset

    def patch(
        self,
        where: Array,
        lift: float,
        color: Color | None = None,
        surface: PartSurface = CLOTH,
        *,
        beyond: float = 0.0,
        smooth: bool = True,
    ) -> list[Trim]:
        """Sew on a second layer of cloth.

        Args:
            where: (V,) rm, positive where it lies.
            lift: rm that it stands off.
            color, surface: As of Trim.
            beyond: rm that it may reach over the edge of the garment.
            smooth: Whether its edge is smoothed.
        """
        inside = np.minimum(where, self.layer.field + beyond)
        among = self.tables.where_any(np.flatnonzero(inside > 0))
        if len(among) == 0:
            return []
        piece = cut(self.tables.faces[among], inside)
        if len(piece.faces) == 0:
            return []
        normal = piece.values(np.asarray(self.c["normal"], dtype=np.float64))
        offset = piece.values(np.asarray(self.layer.offset, dtype=np.float64))
        offset = offset + lift * self.scale * normal
        if smooth:
            at = piece.values(np.asarray(self.shaped, dtype=np.float64)) + offset
            offset = offset + smoothing(at, piece.faces, piece.border)
        rim, border = numbered(piece.border, len(offset))
        sunk = offset[rim] - (lift * self.scale + _SUNK) * normal[rim]
        a, b = piece.border[:, 1], piece.border[:, 0]
        c, d = border[:, 0] + len(offset), border[:, 1] + len(offset)
        strip = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        at_border = np.zeros(len(offset), np.int32)
        at_border[piece.faces.ravel()] = np.repeat(among[piece.source], 3)
        source = np.concatenate([among[piece.source], at_border[np.concatenate([b, b])]])
        return [
            Trim(
                np.concatenate([piece.ends, piece.ends[rim]]),
                np.concatenate([piece.share, piece.share[rim]]),
                np.concatenate([offset, sunk]),
                np.concatenate([piece.faces, strip]).astype(np.int32),
                source.astype(np.int32),
                color,
                surface,
            )
        ]


@dataclass(frozen=True, eq=False)
class SewnOn:
    """All trims of a person in one, ready to be posed.

    Attributes:
        ends, share, offset: As of Trim, of all of them.
        fold: (N,) m for each rm that their layer's folds stand out.
        out: (N, 3) the direction in which folds stand out there.
    """

    ends: Array
    share: Array
    offset: Array
    fold: Array
    out: Array

    def points(self, at_rest: Array, heights: Array, A: Array) -> Array:
        """Pose all trims.

        Args:
            at_rest: (V, 3) m, the body in the T-pose, with the pose's correctives.
            heights: (V,) rm of the folds.
            A: (12, V) blended transforms of the body's vertices.

        Returns:
            (N, 3) m.
        """
        first, second = self.ends.T
        share = self.share
        raised = heights[first] + share * (heights[second] - heights[first])
        point = at_rest[first] + share[:, None] * (at_rest[second] - at_rest[first])
        point = point + self.offset + (raised * self.fold)[:, None] * self.out
        x, y, z = point.T
        T = A[:, first] + share * (A[:, second] - A[:, first])
        return np.stack(
            [T[4 * i] * x + T[4 * i + 1] * y + T[4 * i + 2] * z + T[4 * i + 3] for i in range(3)],
            axis=1,
        ).astype(np.float32)


def sewn_on(c: Mapping[str, Array], trims: Sequence[tuple[Trim, ClothLayer]]) -> SewnOn:
    """Join trims, each with the layer that it is sewn to."""
    ends = np.concatenate([np.zeros((0, 2), np.int32), *(trim.ends for trim, _ in trims)])
    share = np.concatenate([np.zeros(0), *(trim.share for trim, _ in trims)]).astype(np.float32)
    offset = np.concatenate([np.zeros((0, 3)), *(trim.offset for trim, _ in trims)])
    fold = [between(layer.fold, trim.ends, trim.share) for trim, layer in trims]
    out = between(np.asarray(c["normal"], dtype=np.float32), ends, share)
    return SewnOn(ends, share, offset.astype(np.float32), np.concatenate([np.zeros(0), *fold]), out)


def between(values: Array, ends: Array, share: Array) -> Array:
    """Interpolate values (V, …) of the body's vertices to anchors: (N, …)."""
    first, second = values[ends[:, 0]], values[ends[:, 1]]
    return first + share.reshape(-1, *(1,) * (values.ndim - 1)) * (second - first)
