"""Builds what people wear from packs of MakeHuman and MPFB assets (`packs`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..bodies.model import BodyModel
from ..packs.cache import fit_cached
from ..packs.files import IMAGE_ENDINGS, find_file
from ..packs.fit import FittedItem
from ..packs.kinds import kind_of
from ..packs.mhclo import read_clothes
from ..packs.mhmat import Material, read_material
from ..packs.pack import material_files
from ..packs.regions import layers_of, regions_of
from .body_tables import tables_of
from .outfit import Item
from .palette import Color
from .part_layers import pushes
from .worn_part import NO_TONES, WHITE, Fitting, PartSurface, WornPart

Array = np.ndarray

PACK_KINDS = ("pack", "pack hat")  # of outfit.Item
_SURFACES = {
    "hair": "hair",
    "eyebrows": "hair",
    "eyelashes": "hair",
    "shoes": "leather",
    "accessory": "plastic",
    "eyes": "eye",
}
_OFF_SKIN, _MOST_OFF, _BY_SKIN = 0.002, 0.015, 0.05  # m
_ON_FACE = ("eyebrows", "eyelashes")
_ROUGHEST, _SMOOTHEST = 0.92, 0.35


def pack_parts(fitting: Fitting, item: Item) -> Sequence[WornPart]:
    """Build one thing of a pack on a person's body.

    Args:
        fitting: The body.
        item: Its `source` is the path of a .mhclo; `variant` chooses among its materials, 0 the
            first. Its image takes the first of `colors`, trousers and skirts of a whole outfit the
            second; without colours it shows its own.

    Raises:
        PackError: A file of the pack cannot be used; the message names it and the line.
    """
    asset = _asset(item.source)
    fitted = _fitted(item.source, fitting.model)
    surface, tint = _surface(item.source, item.variant)
    faces = fitted.faces
    lower = fitted.lower if len(item.colors) > 1 else np.zeros(len(faces), dtype=bool)
    colors = np.array([*item.colors[:2]] or [WHITE], dtype=np.float32)
    color = colors[lower.astype(int)] * np.asarray(tint, dtype=np.float32)
    tones = 1 + lower.astype(np.int32) if item.colors and surface.color_image else NO_TONES
    face_of_vertex = tables_of(fitting.model, fitting.chart).face_of_vertex
    vertices = fitted.shaped(fitting.betas)
    if asset.kind in _ON_FACE:  # they follow expressions
        at_rest = fitting.model.shape_blend(fitting.betas)[0]
        vertices = vertices + (fitting.shaped - at_rest)[fitted.near].astype(np.float32)
    if asset.depth:
        vertices = _off_skin(fitting, item.source, fitted, vertices)
    part = WornPart(
        name=asset.name,
        vertices=vertices,
        faces=faces,
        uv=fitted.uv,
        color=color,
        joints=fitted.joints,
        weights=fitted.weights,
        source=face_of_vertex[fitted.near[faces[:, 0]]],
        surface=surface,
        hides=fitted.hides,
        replaces=asset.layers,
        tones=tones,
        near=fitted.near,
        depth=asset.depth,
    )
    return [part]


def _off_skin(fitting: Fitting, source: str, fitted: FittedItem, vertices: Array) -> Array:
    """Push a garment out of the skin that is seen beside it."""
    which = _by_skin(source, fitting.model)
    near = fitted.near[which]
    n = fitting.chart["normal"][near]
    away = vertices[which] - fitting.shaped[near].astype(np.float32)
    rise = _OFF_SKIN - np.einsum("ij,ij->i", away, n)
    push = np.zeros(len(vertices), np.float32)
    push[which] = np.clip(rise, 0.0, _MOST_OFF)
    push = pushes(push, fitted.faces)
    return vertices + push[:, None] * fitting.chart["normal"][fitted.near]


@lru_cache(maxsize=128)
def _by_skin(source: str, model: BodyModel) -> Array:
    """Vertices of a garment that are near skin which the garment does not hide."""
    fitted = _fitted(source, model)
    seen = np.zeros(model.num_vertices, dtype=bool)
    seen[np.asarray(model.faces)[~fitted.hides]] = True
    apart = np.linalg.norm(fitted.template - model.v_template[fitted.near], axis=1)
    return np.flatnonzero(seen[fitted.near] & (apart < _BY_SKIN))


@dataclass(frozen=True)
class _Asset:
    """A thing of a pack, without its shape."""

    name: str
    kind: str
    layers: tuple[str, ...]
    depth: int
    materials: tuple[tuple[Path, Material], ...]


@lru_cache(maxsize=512)
def _asset(source: str) -> _Asset:
    path = Path(source)
    clothes = read_clothes(path)
    kind = kind_of(path, clothes.tags, clothes.name)
    materials = [(own, read_material(own)) for own in material_files(path, clothes.material)]
    layers = layers_of(kind, regions_of(clothes), clothes.name)
    depth = 1001 + clothes.z_depth if kind in ("clothes", "shoes") else 0
    return _Asset(clothes.name, kind, layers, depth, tuple(materials))


@lru_cache(maxsize=128)
def _fitted(source: str, model: BodyModel) -> FittedItem:
    return fit_cached(Path(source), model)


@lru_cache(maxsize=1024)
def _surface(source: str, variant: float) -> tuple[PartSurface, Color]:
    """The surface of a thing, and the colour of its material."""
    asset = _asset(source)
    kind = _SURFACES.get(asset.kind, "cloth")
    if not asset.materials:
        return PartSurface(kind=kind), WHITE
    number = min(int(variant * len(asset.materials)), len(asset.materials) - 1)
    path, material = asset.materials[number]
    image = _image(path, material.diffuse)
    surface = PartSurface(
        kind=kind,
        color_image=image,
        normal_image=_image(path, material.normal),
        cut_out=bool(image) and material.transparent,
        roughness=_ROUGHEST - (_ROUGHEST - _SMOOTHEST) * material.shininess,
    )
    return surface, material.color


def _image(path: Path, name: str) -> str:
    found = find_file(path, name, IMAGE_ENDINGS) if name else None
    return "" if found is None else str(found)
