"""Materials and images of glTF 2.0 files: metallic and roughness, base colours, normal maps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from ..files import IMAGE_ENDINGS, find_file
from ..text_files import PackError
from .gltf_buffers import Buffers, data_uri
from .image_store import stored_image
from .json_files import Fields
from .model import MAX_MATERIALS, ModelMaterial

MAX_IMAGES = 512
_TYPES = {"image/png": ".png", "image/jpeg": ".jpg", "image/jpg": ".jpg", "image/webp": ".webp"}
# Light that goes through a thing shows as a thin pane would.
_CLEAR = 0.25


@dataclass(frozen=True)
class UvPlace:
    """The place of the images of a material.

    Attributes:
        number: Of the set of texture coordinates.
        offset, scale, rotation: Of KHR_texture_transform, v downwards; rotation in rad.
    """

    number: int = 0
    offset: tuple[float, ...] = (0.0, 0.0)
    scale: tuple[float, ...] = (1.0, 1.0)
    rotation: float = 0.0

    def moved(self, uv: np.ndarray) -> np.ndarray:
        """Texture coordinates (V, 2) as the image is to be looked up."""
        c, s = np.cos(self.rotation), np.sin(self.rotation)
        return (uv * self.scale) @ np.array([[c, s], [-s, c]]) + self.offset


def read_materials(
    root: Fields, buffers: Buffers
) -> tuple[list[ModelMaterial], list[UvPlace], tuple[str, ...]]:
    """Read (the materials and a last one for what has none, their places, what is missing).

    Raises:
        PackError: They are damaged, or name files outside of the pack.
    """
    images = _Images(root, buffers)
    listed = root.objects("materials", MAX_MATERIALS)
    out = [_material(fields, images) for fields in listed]
    places = [_place(fields) for fields in listed]
    notes = tuple(dict.fromkeys(images.notes))
    return [*out, ModelMaterial((0.8, 0.8, 0.8), 1.0)], [*places, UvPlace()], notes


def _place(fields: Fields) -> UvPlace:
    """The place of the base colour, which the other images follow."""
    pbr = fields.object("pbrMetallicRoughness")
    texture = pbr.object("baseColorTexture") if pbr else None
    if texture is None:
        return UvPlace()
    number = texture.whole("texCoord", 0, high=15)
    extensions = texture.object("extensions")
    move = extensions.object("KHR_texture_transform") if extensions else None
    if move is None:
        return UvPlace(number)
    return UvPlace(
        move.whole("texCoord", number, high=15),
        move.row("offset", (0.0, 0.0)),
        move.row("scale", (1.0, 1.0)),
        move.number("rotation", 0.0),
    )


def _material(fields: Fields, images: _Images) -> ModelMaterial:
    pbr = fields.object("pbrMetallicRoughness") or Fields(fields.path, {}, fields.where)
    extensions = fields.object("extensions") or Fields(fields.path, {}, fields.where)
    specular = extensions.object("KHR_materials_pbrSpecularGlossiness")
    if specular is not None and "baseColorTexture" not in pbr.values:
        factor = specular.row("diffuseFactor", (1.0, 1.0, 1.0, 1.0))
        color_image = images.of(specular.object("diffuseTexture"))
        roughness, metallic, packed = 1.0 - specular.number("glossinessFactor", 0.3), 0.0, ""
    else:
        factor = pbr.row("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        color_image = images.of(pbr.object("baseColorTexture"))
        roughness, metallic = pbr.number("roughnessFactor", 1.0), pbr.number("metallicFactor", 1.0)
        packed = images.of(pbr.object("metallicRoughnessTexture"))
    blended = fields.text("alphaMode", "OPAQUE").upper() in ("MASK", "BLEND")
    opacity = factor[3] if blended else 1.0
    clear = extensions.object("KHR_materials_transmission")
    if clear is not None and clear.number("transmissionFactor", 0.0) > 0.5:
        opacity = min(opacity, _CLEAR)
    r, g, b = (min(max(c, 0.0), 1.0) for c in factor[:3])
    return ModelMaterial(
        color=(r, g, b),
        roughness=min(max(roughness, 0.05), 1.0),
        metallic=min(max(metallic, 0.0), 1.0),
        opacity=min(max(opacity, 0.0), 1.0),
        color_image=color_image,
        normal_image=images.of(fields.object("normalTexture")),
        roughness_image=packed,
        packed=bool(packed),
        cut_out=blended and bool(color_image),
    )


class _Images:
    """The image files of textures; images inside the file are stored as files of the cache."""

    def __init__(self, root: Fields, buffers: Buffers) -> None:
        self.path, self.buffers = root.path, buffers
        self.textures = root.objects("textures", MAX_IMAGES * 4)
        self.images = root.objects("images", MAX_IMAGES)
        self.notes: list[str] = []
        self._files: dict[int, str] = {}

    def of(self, texture: Fields | None) -> str:
        """The absolute path of the image of a texture reference; '' without one."""
        if texture is None:
            return ""
        number = texture.whole("index", high=max(len(self.textures) - 1, 0))
        if number >= len(self.textures):
            raise texture.fault(f"no texture {number}")
        image = self.textures[number].whole("source", -1, low=-1)
        if image >= len(self.images):
            raise texture.fault(f"no image {image}")
        if image < 0:
            self.notes.append("a texture has no PNG or JPEG; it is left out")
            return ""
        if image not in self._files:
            self._files[image] = self._file(self.images[image])
        return self._files[image]

    def _file(self, fields: Fields) -> str:
        if "bufferView" in fields.values:
            content, _ = self.buffers.view(fields.whole("bufferView"))
            return self._stored(fields.text("mimeType"), content)
        uri = fields.text("uri", longest=1 << 28)
        inline = data_uri(self.path, uri)
        if inline is not None:
            return self._stored(*inline)
        found = find_file(self.path, unquote(uri), IMAGE_ENDINGS)
        if found is None:
            self.notes.append(f"its image {uri[:80]!r} is missing")
            return ""
        return os.fspath(found)

    def _stored(self, media_type: str, content: bytes) -> str:
        ending = _TYPES.get(media_type.lower())
        if ending is None:
            raise PackError(self.path, None, f"an image of type {media_type[:40]!r}")
        return os.fspath(stored_image(Path(self.path), content, ending))
