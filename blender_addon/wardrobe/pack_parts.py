"""Builds what people wear from packs of MakeHuman and MPFB assets (`packs`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..bodies.model import BodyModel
from ..packs.files import IMAGE_ENDINGS, find_file
from ..packs.fit import FittedItem, fit_item
from ..packs.kinds import kind_of
from ..packs.mhclo import read_clothes
from ..packs.mhmat import Material, read_material
from ..packs.pack import material_files
from ..packs.regions import layers_of, regions_of
from .body_tables import tables_of
from .outfit import Item
from .palette import Color
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
    surface, tint = _surface(asset, item.variant)
    faces = fitted.faces
    lower = fitted.lower if len(item.colors) > 1 else np.zeros(len(faces), dtype=bool)
    colors = np.array([*item.colors[:2]] or [WHITE], dtype=np.float32)
    color = colors[lower.astype(int)] * np.asarray(tint, dtype=np.float32)
    tones = 1 + lower.astype(np.int32) if item.colors and surface.color_image else NO_TONES
    face_of_vertex = tables_of(fitting.model, fitting.chart).face_of_vertex
    part = WornPart(
        name=asset.name,
        vertices=fitted.shaped(fitting.betas),
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
    )
    return [part]


@dataclass(frozen=True)
class _Asset:
    """A thing of a pack, without its shape."""

    name: str
    kind: str
    layers: tuple[str, ...]
    materials: tuple[tuple[Path, Material], ...]


@lru_cache(maxsize=512)
def _asset(source: str) -> _Asset:
    path = Path(source)
    clothes = read_clothes(path)
    kind = kind_of(path, clothes.tags, clothes.name)
    materials = [(own, read_material(own)) for own in material_files(path, clothes.material)]
    layers = layers_of(kind, regions_of(clothes), clothes.name)
    return _Asset(clothes.name, kind, layers, tuple(materials))


@lru_cache(maxsize=128)
def _fitted(source: str, model: BodyModel) -> FittedItem:
    return fit_item(Path(source), model)


def _surface(asset: _Asset, variant: float) -> tuple[PartSurface, Color]:
    """The surface of a thing, and the colour of its material."""
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
