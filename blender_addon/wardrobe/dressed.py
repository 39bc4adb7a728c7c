"""A dressed person as one mesh: the skin that shows, and every garment as geometry of its own.

    wearable = Wearable(model, chart, betas, outfit)      # once a person
    dressed = wearable.posed(pose, up=...)                 # once a pose

Garments are cut out of surfaces over the body (`cloth_layers`, `cut_mesh`); skirts hang from them
(`skirt`); what else is worn are parts (`worn_part`). A fold turns the edge of each garment inwards,
so that cloth has a thickness. Faces that cloth hides for certain are left out: no skin can show
through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ..bodies.model import BodyModel
from ..bodies.rotations import rodrigues
from ..bodies.skinning import moved
from .body_tables import tables_of
from .borders import smoothing
from .chart import CHANNELS, REFERENCE_HEIGHT
from .cloth_layers import HAIR, SKIRT_LEVEL, ClothLayer, cloth_layers, hidden_under, outermost
from .contact import body_contact
from .coverage import numpy_chart
from .cut_mesh import Piece, cut, loops
from .folds import folds_of
from .garment_kind import LAYERS
from .garments import KINDS
from .items import parts_of
from .layout import Layout
from .numbering import numbered
from .outfit import Outfit
from .shoe_forms import lowered
from .skirt import JOINTS, Curtain, curtain_of
from .strands import shell_values, strands_of
from .trim_layout import covered_by_later, lay_out_trims
from .trims import between
from .worn_part import Fitting, PartSurface

Array = np.ndarray

SKIN = "skin"
MATERIALS = (SKIN, *LAYERS, HAIR)  # a face's material is an index into these
_TURNED_IN = 0.004  # m that the edge of a garment is folded towards the body
# Coordinates of the chart that a curtain has none of, and what it has instead.
_NOWHERE = {"arm": -1.0, "neck": 0.5, "fall": -9.0, "scalp": -9.0, "white": -1.0, "beard": -9.0}


@dataclass(frozen=True)
class Dressed:
    """A posed and dressed person.

    Attributes:
        vertices: (N, 3) float32, m, in the world.
        faces: (F, 3) int32.
        material: (F,) int32, index into MATERIALS, and from len(MATERIALS) on into `surfaces`.
        source: (F,) int32, the face of the body that each face lies on or is nearest to.
        chart: (N,) float32 by name: the coordinates of chart.CHANNELS, for the materials.
        cloth: (F, 3, 2) float32, as in the chart.
        surfaces: Materials of the parts that are worn, see `worn_part`.
        part_faces: (P,) int32, the faces that belong to parts, in the order of the next two.
        uv: (P, 3, 2) float32, coordinates of their corners in the surfaces' images.
        color: (P, 3) float32, linear colours of them.
        tones: (P,) int32, regions whose colour is the mean of their image, see `worn_part`.
        apart: (A,) int32, the faces that do not count as the person in masks, see `apart`.
    """

    vertices: Array
    faces: Array
    material: Array
    source: Array
    chart: Mapping[str, Array]
    cloth: Array
    surfaces: tuple[PartSurface, ...]
    part_faces: Array
    uv: Array
    color: Array
    tones: Array
    apart: Array


@dataclass(frozen=True)
class _Worn:
    layer: ClothLayer
    piece: Piece
    border: Array  # (E, 2) edges of the piece at which the cloth ends
    rim: Array  # (n,) vertices of the piece that have a second one, turned in
    edge: Array  # (m,) vertices of the piece that were moved to smooth its border
    shift: Array  # (m, 3) m at rest, how far
    curtain: Curtain | None
    vertices: Array  # (v,) those of the body that the piece lies between
    local: Piece  # the piece, its ends counted among those


class Wearable:
    """A person's body and clothes at rest, ready to be posed."""

    def __init__(
        self,
        model: BodyModel,
        chart: Mapping[str, Array],
        betas: ArrayLike,
        outfit: Outfit,
        expression: ArrayLike = (),
    ) -> None:
        """Cut and lay out all that the person wears.

        Args:
            model: The body.
            chart: Its chart.
            betas: The shape.
            outfit: The clothes.
            expression: Of face and fingers.
        """
        self.model = model
        self.shaped, self.joints = _standing(model, chart, betas, expression, outfit)
        self._tables = tables_of(model, chart)
        self._channels, self._chart = self._tables.channels, self._tables.values
        self._cloth = self._tables.cloth
        # Where the chart has a place on the body, the material of hair reads other numbers.
        self._place = [self._channels.index(name) for name in CHANNELS["place"]]
        layers = cloth_layers(chart, outfit, self.shaped)
        grows = outfit.locks and outfit.hair.volume > 0  # over the clothes
        outer = outermost(layers, self.shaped) if outfit.items or grows else None
        body = (model, chart, self.shaped, self.joints)
        own_betas = np.asarray(betas, dtype=np.float64)
        fitting = Fitting(*body, outfit.seed, outer, outfit.hair.volume, own_betas)
        self._items = parts_of(fitting, outfit.items)
        replaced = {layer for part in self._items for layer in part.replaces}
        layers = [layer for layer in layers if layer.name not in replaced]
        deep = [self._tables.where_all(hidden_under(chart, layer)) for layer in layers]
        by_later = covered_by_later(deep)
        hidden = np.zeros(len(model.faces), dtype=bool)
        self._worn: list[_Worn] = []
        parts = Layout(len(MATERIALS))
        for number, layer in enumerate(layers):
            covered = by_later[number].copy()
            for part in self._items:
                if layer.name in part.covers:
                    covered |= part.hides
            under = outermost(layers[:number], self.shaped) if layer.hangs else self.shaped
            worn = self._cut(chart, layer, covered, under, outfit.seed)
            self._worn.append(worn)
            hidden |= deep[number]
        for part in self._items:
            if len(part.hides):
                hidden |= part.hides
        self._drape, self._normal = outfit.drape, np.asarray(chart["normal"])
        self._folds = folds_of(model, chart, outfit.seed)
        self._strands = strands_of(fitting, outfit, replaced)
        hems = [w.layer.garment.hem for w in self._worn if w.curtain and w.layer.garment]
        self._touched = self._tables.below(min(hems, default=0.0))
        self._lay_out_skin(parts, ~hidden)
        for worn in self._worn:
            self._lay_out(parts, worn)
        self._lay_out_strands(parts)
        self._lay_out_items(parts)
        self._sewn = lay_out_trims(
            parts, layers, by_later, self._tables, numpy_chart(chart), self.shaped, outfit.seed,
            MATERIALS,
        )  # fmt: skip
        self._joined = parts.joined(self._channels)
        self.material, self.source = self._joined["material"], self._joined["source"]

    def _cut(
        self,
        chart: Mapping[str, Array],
        layer: ClothLayer,
        covered: Array,
        under: Array,
        seed: float,
    ) -> _Worn:
        piece = cut(self.model.faces, layer.field, ~covered, self._tables.corners)
        vertices, ends = numbered(piece.ends, self.model.num_vertices)
        local = replace(piece, ends=ends)
        curtain = None
        if layer.hangs and layer.garment is not None:
            level = piece.values(np.asarray(chart["level"], dtype=np.float64))
            low = np.abs(level[piece.border] - SKIRT_LEVEL).max(axis=1) < 0.01
            chains = loops(piece.border[low])
            if chains and layer.garment.hem < SKIRT_LEVEL - 0.1:
                kind = KINDS[layer.garment.kind]
                border = max(chains, key=lambda chain: len(chain[0]))
                at = piece.values(self.shaped + layer.offset).astype(np.float64)[border[0]]
                curtain = curtain_of(
                    chart,
                    border,
                    at,
                    under,
                    layer.garment.hem,
                    places=np.stack([self.joints[self.model.joint_names.index(j)] for j in JOINTS]),
                    flare=0.12 + 6 * kind.slack * layer.garment.looseness,
                    seed=seed,
                )
        if layer.name == HAIR:
            none = np.zeros(0, int)
            still = (none, none, np.zeros((0, 3)))
            return _Worn(layer, piece, piece.border, *still, curtain, vertices, local)
        ends = piece.border
        if curtain is not None:  # the cloth goes on there
            ends = ends[~np.isin(ends, curtain.border).all(axis=1)]
        at = local.values(self.shaped.take(vertices, axis=0) + layer.offset.take(vertices, axis=0))
        shift = smoothing(at, piece.faces, ends)
        edge = np.flatnonzero(shift.any(axis=1))
        rim, _ = numbered(ends, len(at))
        return _Worn(layer, piece, ends, rim, edge, shift[edge], curtain, vertices, local)

    def _lay_out_skin(self, parts: Layout, seen: Array) -> None:
        """The faces (F,) of the body that are seen."""
        self._skin = np.flatnonzero(seen)
        faces = self.model.faces.take(self._skin, axis=0)
        is_seen = np.zeros(self.model.num_vertices, dtype=bool)
        is_seen[faces.ravel()] = True
        self._skin_vertices = np.flatnonzero(is_seen)
        number_of = np.cumsum(is_seen, dtype=np.int32) - 1
        parts.add(
            number_of.take(faces),
            MATERIALS.index(SKIN),
            self._skin,
            (self._chart, self._skin_vertices),
            (self._cloth, self._skin),
        )

    def _lay_out(self, parts: Layout, worn: _Worn) -> None:
        piece, name = worn.piece, MATERIALS.index(worn.layer.name)
        chart = piece.values(self._chart)
        if worn.layer.name == HAIR:
            chart[:, self._place] = shell_values(chart[:, self._place])
        cloth = piece.corner_values(self._cloth)
        parts.add(piece.faces, name, piece.source, chart, cloth)
        if len(worn.rim):
            # The turned-in edge: its outer vertices are those of the piece.
            inner = np.searchsorted(worn.rim, worn.border) + len(chart)
            a, b = worn.border[:, 1], worn.border[:, 0]
            c, d = inner[:, 0], inner[:, 1]
            strip = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
            source = self._face_of_vertex(piece)[np.concatenate([worn.border[:, 0]] * 2)]
            rim_cloth = (self._cloth, source)
            parts.add(strip, name, source, (chart, worn.rim), rim_cloth, shared=len(chart))
        if worn.curtain is not None:
            self._lay_out_curtain(parts, worn, chart)

    def _lay_out_curtain(self, parts: Layout, worn: _Worn, chart: Array) -> None:
        curtain = worn.curtain
        assert curtain is not None
        rest, faces = curtain.rest, curtain.faces
        R, n, _ = rest.shape
        of_curtain = np.repeat(chart[curtain.border][None], R, axis=0).copy()
        hem = worn.layer.garment.hem if worn.layer.garment is not None else 0.0
        depth = np.linspace(0, 1, R)[:, None]
        for i, name in enumerate(self._channels):
            if name == "level":
                of_curtain[..., i] = SKIRT_LEVEL + depth * (hem - SKIRT_LEVEL)
            elif name in ("x", "z"):
                of_curtain[..., i] = rest[..., "xyz".index(name)]
            elif name in ("tread", "down"):
                of_curtain[..., i] = rest[..., 1] - rest[..., 1].min() + 0.2
            elif name in _NOWHERE:
                of_curtain[..., i] = _NOWHERE[name]
        along = np.linalg.norm(np.diff(rest[0], axis=0, append=rest[0, :1]), axis=1)
        u = np.concatenate([[0.0], np.cumsum(along)])
        flat = np.stack(np.broadcast_arrays(u[None, :n], np.zeros((R, 1))), axis=-1)
        cloth = flat.reshape(-1, 2)[faces]
        wraps = np.ptp(cloth[..., 0], axis=1) > u[-1] / 2  # over the seam
        cloth[wraps, :, 0] = np.where(
            cloth[wraps, :, 0] < u[-1] / 2, cloth[wraps, :, 0] + u[-1], cloth[wraps, :, 0]
        )
        source = self._face_of_vertex(worn.piece)[curtain.border[faces[:, 0] % n]]
        # Its first row is the border of the piece: one surface, without an edge in its shading.
        first = parts.count - len(worn.rim) - len(chart)
        joined = np.where(faces < n, curtain.border[faces % n] + first, faces + parts.count)
        name = worn.layer.name
        shape = of_curtain.reshape(R * n, -1)
        parts.add(joined, MATERIALS.index(name), source, shape, cloth, shared=parts.count)

    def _lay_out_strands(self, parts: Layout) -> None:
        strands = self._strands
        chart = np.zeros((len(strands.points), len(self._channels)), np.float32)
        chart[:, self._place] = strands.values
        faces = strands.faces
        parts.add(faces, MATERIALS.index(HAIR), strands.source, chart, len(faces))

    def _lay_out_items(self, parts: Layout) -> None:
        apart = [np.zeros(0, np.int32)]
        for part in self._items:
            if part.apart:
                apart.append(parts.face_count + np.arange(len(part.faces), dtype=np.int32))
            parts.add_colored(
                part.faces,
                part.surface,
                part.source,
                len(part.vertices),
                part.uv,
                part.color,
                part.tones,
            )
        self._apart = np.concatenate(apart)

    def _face_of_vertex(self, piece: Piece) -> Array:
        out = np.zeros(len(piece.ends), np.int32)
        out[piece.faces.ravel()] = np.repeat(piece.source, 3)
        return out

    def posed(self, pose: ArrayLike, translation: ArrayLike, up: Array | None = None) -> Dressed:
        """Pose body and clothes.

        Args:
            pose: (J, 3) axis-angle, rad.
            translation: (3,) m.
            up: (3,) direction against gravity; None for the world's Z.
        """
        model = self.model
        pose = np.asarray(pose, dtype=np.float64)
        R = rodrigues(pose)
        at_rest = self.shaped + model.pose_blend(R)
        G = model.kinematic_chain(R, self.joints)
        G[:, :3, 3] += np.asarray(translation)
        G_rel = model.relative_transforms(G, self.joints)
        A = model.blended_transforms(G_rel)
        skin = moved(at_rest, A)
        vertices = [skin[self._skin_vertices]]
        by_joint = dict(zip(model.joint_names, G_rel, strict=True))
        up = np.array([0.0, 0.0, 1.0]) if up is None else up
        hangs = any(worn.curtain is not None for worn in self._worn)
        contact, lies_on = None, skin.copy() if hangs else skin
        bends = np.linalg.norm(pose, axis=1)
        heights = self._folds.heights(dict(zip(model.joint_names, bends, strict=False)))
        for worn in self._worn:
            piece, layer, some = worn.piece, worn.layer, worn.vertices
            below = hangs and worn.curtain is None and contact is None
            if below:  # a skirt lies on all of it
                folded = layer.offset + (heights * layer.fold)[:, None] * self._normal
                on_body = moved(at_rest + folded, A)
                on = np.flatnonzero(layer.field > 0)
                lies_on[on] = on_body.take(on, axis=0)
                own = piece.values(on_body)
            else:
                raised = heights.take(some) * layer.fold.take(some)
                folded = raised[:, None] * self._normal.take(some, axis=0)
                folded = layer.offset.take(some, axis=0) + folded
                at = at_rest.take(some, axis=0) + folded
                own = worn.local.values(moved(at, A.take(some, axis=1)))
            if len(worn.edge):
                own[worn.edge] += _turned(worn.shift, piece.ends[worn.edge, 0], A)
            vertices.append(own)
            if len(worn.rim):
                inwards = between(skin, piece.ends[worn.rim], piece.share[worn.rim])
                vertices.append(_towards(own[worn.rim], inwards, _TURNED_IN))
            if worn.curtain is not None:
                if contact is None:
                    contact = body_contact(lies_on, self._normal, A, self._touched, up)
                hung, contact = worn.curtain.hung(
                    own[worn.curtain.border], by_joint, contact, drape=self._drape
                )
                vertices.append(hung.reshape(-1, 3))
        strands = self._strands
        vertices.append(moved(strands.points, strands.transforms(G_rel)))
        vertices += [moved(part.vertices, part.transforms(G_rel, up)) for part in self._items]
        vertices.append(self._sewn.points(at_rest, heights, A))
        points = np.concatenate(vertices, dtype=np.float32, casting="same_kind")
        return Dressed(points, **self._joined, apart=self._apart)


def _standing(
    model: BodyModel,
    chart: Mapping[str, Array],
    betas: ArrayLike,
    expression: ArrayLike,
    outfit: Outfit,
) -> tuple[Array, Array]:
    """Vertices and joints of the shaped body at rest, its feet as shoes hold them."""
    shaped, joints = model.shape_blend(betas, expression)
    heels = lowered(outfit.items, chart)
    if heels is not None:
        shaped = np.array(shaped)
        shaped[:, 1] -= heels * (np.ptp(shaped[:, 1]) / REFERENCE_HEIGHT)
    return shaped, joints


def _towards(points: Array, goals: Array, distance: float) -> Array:
    """Move points by `distance` towards their goals, and not beyond."""
    way = goals - points
    length = np.linalg.norm(way, axis=1, keepdims=True)
    return points + way * np.minimum(distance / np.maximum(length, 1e-6), 0.9)


def _turned(vectors: Array, follows: Array, A: Array) -> Array:
    """Turn vectors (N, 3) with the body's vertices (N,) that they follow."""
    T = A[:, follows]
    x, y, z = vectors.T
    return np.stack([T[4 * i] * x + T[4 * i + 1] * y + T[4 * i + 2] * z for i in range(3)], axis=1)
