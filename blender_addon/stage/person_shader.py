"""The appearance of people: one material for all of them, with parameters in attributes of each
object.

The material reads the body chart from attributes of the mesh (written once, `attach_chart`) and the
outfit from custom properties of the object (written each frame, `apply_outfit`). An artist finds
them in the sidebar under Object Properties > Custom Properties. The reason for not using sockets of
a node group, one material per person: on two CPU cores, changing the sockets of 8 persons takes 12
ms and makes Cycles compile their shaders again (11 to 23 ms per frame); changing the properties
takes 0.4 ms and compiles nothing.

A garment lies where its field is positive (`wardrobe.coverage`; the functions that run on numpy
arrays build the nodes here). The layers are closures, mixed by masks from the outermost inwards,
see `_build_painted`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence

import bpy
import numpy as np

from ..wardrobe.dressed import MATERIALS, SKIN
from ..wardrobe.outfit import Outfit
from ..wardrobe.worn_part import PartSurface
from .fabric_properties import fabric_properties, skin_properties
from .formula import Formula
from .image_tones import ImageTones
from .images import ImageCache
from .nodes import Nodes, material_of, show_image
from .outfit_properties import PREFIX, outfit_properties
from .part_shader import part_material
from .person_painter import PersonPainter, surface
from .skin_shader import SKIN_FACTOR, SKIN_IMAGE

MATERIAL = "PII Person"
_TEXTURE = "Texture"  # name of the node with a UV texture

# --- per frame ------------------------------------------------------------------------------------


def apply_outfit(
    obj: bpy.types.Object,
    outfit: Outfit,
    images: ImageCache,
    *,
    layered: bool = False,
    used: Container[int] | None = None,
    pixel: float = 0.0,
    surfaces: Sequence[PartSurface] = (),
    tones: ImageTones | None = None,
) -> None:
    """Dress `obj`, whose mesh has a chart: set its properties and materials.

    Args:
        obj: The person.
        outfit: The clothes.
        images: Where UV textures come from.
        layered: Whether each layer is a mesh of its own, with a slot for each of
            wardrobe.dressed.MATERIALS; otherwise all is painted on the body, in one slot.
        used: The slots that faces of a layered mesh have; the others get no material, since Cycles
            searches the properties that any material of an object reads at each look-up of one.
            None for all.
        pixel: Size of a pixel at the person, m: finer threads are left out of a layered mesh.
        surfaces: What the parts of a layered mesh are made of, a slot each after those.
        tones: Colours of the images of skins; None for a mesh whose skin shows none.

    Raises:
        FileNotFoundError, ValueError: A UV texture cannot be read; the message names it.
    """
    properties = outfit_properties(outfit)
    if layered:
        properties.update(fabric_properties(outfit, pixel))
        properties.update(skin_properties(outfit, pixel))
        if outfit.skin_image and tones is not None:
            factor = tones.whole(np.array(outfit.skin), outfit.skin_image)
            r, g, b = (float(v) for v in factor)
            properties[SKIN_FACTOR] = (r, g, b, 1.0)
    for name, value in properties.items():
        obj[PREFIX + name] = value
    obj.update_tag()
    materials: list[bpy.types.Material | None]
    if outfit.texture:
        materials = [_textured(obj.name, images.get(outfit.texture))]
    elif layered:
        skin_image = outfit.skin_image if tones is not None else ""
        count = len(MATERIALS) + len(surfaces)
        materials = [
            _slot_material(slot, skin_image, surfaces, images)
            if used is None or slot in used
            else None
            for slot in range(count)
        ]
    else:
        materials = [person_material()]
    while len(obj.material_slots) < len(materials):
        obj.data.materials.append(None)
    materials += [None] * (len(obj.material_slots) - len(materials))  # those of an image before
    for slot, material in zip(obj.material_slots, materials, strict=True):
        if slot.link != "OBJECT" or slot.material != material:
            slot.link = "OBJECT"
            slot.material = material


def _slot_material(
    slot: int, skin_image: str, surfaces: Sequence[PartSurface], images: ImageCache
) -> bpy.types.Material:
    """The material of a slot of a layered mesh."""
    if slot >= len(MATERIALS):
        return part_material(surfaces[slot - len(MATERIALS)], images)
    if MATERIALS[slot] == SKIN and skin_image:
        return skin_material(images.get(skin_image))
    return layer_material(MATERIALS[slot])


# --- materials ------------------------------------------------------------------------------------


def person_material() -> bpy.types.Material:
    """The painted material; it is built at the first call."""
    return material_of(MATERIAL, _build_painted)


def layer_material(name: str) -> bpy.types.Material:
    """The material of a dressed mesh's skin, hair or layer of clothes; built at the first call.

    Args:
        name: One of wardrobe.dressed.MATERIALS.
    """
    return material_of(f"{MATERIAL} {name}", lambda nodes: _build_layer(nodes, name))


def skin_material(image: bpy.types.Image) -> bpy.types.Material:
    """The material of skin that shows an image, one for each file."""
    digest = hashlib.blake2b(image.filepath.encode("utf-8", "surrogateescape"), digest_size=8)
    material = material_of(
        f"{MATERIAL} {SKIN} {digest.hexdigest()}",
        lambda nodes: _build_layer(nodes, SKIN, skin_image=True),
    )
    show_image(material.node_tree.nodes[SKIN_IMAGE], image)
    return material


def _textured(person: str, image: bpy.types.Image) -> bpy.types.Material:
    """The material of one person's UV texture, made once per person; its image changes."""
    material = material_of(f"{MATERIAL} {person}", _build_textured)
    show_image(material.node_tree.nodes[_TEXTURE], image)
    return material


def _build_textured(nodes: Nodes) -> None:
    texture = nodes.node("ShaderNodeTexImage", name=_TEXTURE)
    output = nodes.node("ShaderNodeOutputMaterial")
    nodes.put(surface(nodes, texture.outputs["Color"], 0.7), output.inputs["Surface"])


def _build_layer(nodes: Nodes, name: str, *, skin_image: bool = False) -> None:
    output = nodes.node("ShaderNodeOutputMaterial")
    closure = PersonPainter(Formula(nodes)).layer(name, skin_image=skin_image)
    nodes.put(closure, output.inputs["Surface"])


def _build_painted(nodes: Nodes) -> None:
    """Mix closures by masks of 0 and 1, the outermost first.

    Cycles skips the side of a Mix Shader whose share is 0, with all nodes that only that side
    needs. So each layer has nodes of its own, few are shared, and a point on a T-shirt costs the
    masks down to the T-shirt and its cloth, and no more.
    """
    painter = PersonPainter(Formula(nodes))
    output = nodes.node("ShaderNodeOutputMaterial")
    nodes.put(painter.person(), output.inputs["Surface"])
