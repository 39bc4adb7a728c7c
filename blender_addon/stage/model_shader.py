"""Materials of the models of packs, one for each set of images.

Colours, opacity and finish are attributes of the mesh's faces, and the tint one of the object: all
models without images share two materials, and no number of a material is ever changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import bpy

from ..packs.scenery.model import ModelMaterial
from .images import ImageCache
from .nodes import Nodes, material_of, show_image
from .part_shader import there
from .shading import shading_group

# Attributes: of faces, of corners, and of the object.
MODEL_COLOR, MODEL_FINISH, MODEL_UV = "pii_model_color", "pii_model_finish", "pii_model_uv"
TINT = "PII tint"

_COLOR, _NORMAL, _ROUGHNESS = "Color", "Normal map", "Roughness map"  # names of nodes
PREFIX = "PII Model "
_SPECULAR = 0.35
LARGEST = 1024  # px: wider images are reduced


@dataclass(frozen=True)
class Look:
    """The part of a material of a model that attributes of faces cannot give.

    Attributes:
        color_image, normal_image, roughness_image: Files; "" for none.
        packed: Whether the roughness image holds metallic, too.
        cut_out: Whether the colour image's alpha is opacity.
        clear: Whether some faces are not opaque.
    """

    color_image: str = ""
    normal_image: str = ""
    roughness_image: str = ""
    packed: bool = False
    cut_out: bool = False
    clear: bool = False


def look_of(material: ModelMaterial) -> Look:
    """The look of a material; many materials of many models have the same."""
    return Look(
        material.color_image,
        material.normal_image,
        material.roughness_image,
        material.packed,
        material.cut_out,
        material.opacity < 1.0,
    )


def model_material(look: Look) -> bpy.types.Material:
    """The material of a look, built at the first call; `show_look` gives it its images."""
    name = PREFIX + hashlib.blake2b(repr(look).encode(), digest_size=8).hexdigest()
    return material_of(name, lambda nodes: _build(nodes, look))


def show_look(material: bpy.types.Material, look: Look, images: ImageCache) -> None:
    """Let a material show its images, which the cache may have freed meanwhile.

    Raises:
        FileNotFoundError, ValueError: An image cannot be read; the message names it.
    """
    for name, path, space in (
        (_COLOR, look.color_image, ""),
        (_NORMAL, look.normal_image, "Non-Color"),
        (_ROUGHNESS, look.roughness_image, "Non-Color"),
    ):
        if path:
            show_image(material.node_tree.nodes[name], images.get(path, space, largest=LARGEST))


def _build(n: Nodes, look: Look) -> None:
    face = n.node(
        "ShaderNodeAttribute", attribute_type="GEOMETRY", attribute_name=MODEL_COLOR
    ).outputs
    tint = n.attribute(TINT, "Vector", "OBJECT")
    color: Any = n.vector("MULTIPLY", face["Color"], tint)
    alpha: Any = face["Alpha"] if look.clear else None
    roughness, metallic, _ = n.split(n.attribute(MODEL_FINISH, "Vector"))
    if look.color_image:
        texture = _image(n, _COLOR)
        color = n.vector("MULTIPLY", color, texture.outputs["Color"])
        if look.cut_out:
            alpha = n.times(texture.outputs["Alpha"], face["Alpha"])
    if look.roughness_image:
        _, green, blue = n.split(_image(n, _ROUGHNESS).outputs["Color"])
        roughness = n.times(roughness, green)
        metallic = n.times(metallic, blue) if look.packed else metallic
    principled = n.node("ShaderNodeBsdfPrincipled")
    n.put(color, principled.inputs["Base Color"])
    n.put(roughness, principled.inputs["Roughness"])
    n.put(metallic, principled.inputs["Metallic"])
    principled.inputs["Specular IOR Level"].default_value = _SPECULAR
    if alpha is not None:
        n.put(there(n, alpha), principled.inputs["Alpha"])
    if look.normal_image:
        normal = n.node("ShaderNodeNormalMap", uv_map=MODEL_UV)
        n.put(_image(n, _NORMAL).outputs["Color"], normal.inputs["Color"])
        n.put(normal.outputs["Normal"], principled.inputs["Normal"])
    shading = n.group(shading_group(), Surface=principled.outputs["BSDF"], Albedo=color)
    n.put(shading.outputs["Surface"], n.node("ShaderNodeOutputMaterial").inputs["Surface"])


def _image(n: Nodes, name: str) -> bpy.types.Node:
    texture = n.node("ShaderNodeTexImage", name=name)
    n.put(n.attribute(MODEL_UV, "Vector"), texture.inputs["Vector"])
    return texture
