"""Materials of the parts that people wear (`wardrobe.worn_part`), one for each kind of surface.

The colour of a face comes from an attribute of the mesh and multiplies the surface's image, so that
persons in other colours share a material, and Cycles compiles it once.
"""

from __future__ import annotations

import hashlib
from typing import Any

import bpy

from ..wardrobe.fabric_images import tile_origin
from ..wardrobe.fabric_weaves import WEAVES
from ..wardrobe.worn_part import PartSurface
from .atlas import look_up
from .body_mesh import UV_MAP
from .fabric_shader import layered_surface, object_property
from .formula import Formula, Value
from .images import ImageCache
from .nodes import Nodes, material_of, show_image
from .outfit_properties import PREFIX
from .shading import shading_group

# On faces: a factor on the image, and the share that the image's own hues have in it.
PART_COLOR = PREFIX + "color"
_COLOR, _NORMAL = "Color", "Normal map"  # names of the nodes whose images are set
_SPECULAR = {"hair": 0.12, "skin": 0.4, "leather": 0.5, "plastic": 0.5, "eye": 0.6}
_PREFIX = "PII Part "
_CONTRAST = 1.1  # of the shade of a weave, which is neutral at 0.5


def part_material(surface: PartSurface, images: ImageCache) -> bpy.types.Material:
    """The material of a surface, built at the first call; its images are loaded at every call.

    Raises:
        FileNotFoundError, ValueError: An image cannot be read; the message names it.
    """
    material = material_of(_name_of(surface), lambda nodes: _build(nodes, surface))
    for node_name, path, space in (
        (_COLOR, surface.color_image, ""),
        (_NORMAL, surface.normal_image, "Non-Color"),
    ):
        if path:
            show_image(material.node_tree.nodes[node_name], images.get(path, space))
    return material


def _name_of(surface: PartSurface) -> str:
    """A name of its own for every surface; Blender cuts names at 63 bytes."""
    return _PREFIX + hashlib.blake2b(repr(surface).encode(), digest_size=8).hexdigest()


def _image_node(nodes: Nodes, name: str) -> Any:
    """A texture by the part's own coordinates: the mesh's first ones are those of cloth."""
    texture = nodes.node("ShaderNodeTexImage", name=name)
    nodes.put(nodes.attribute(UV_MAP, "Vector"), texture.inputs["Vector"])
    return texture


def there(nodes: Nodes, alpha: Any) -> Any:
    """1 or 0 at each sample, 1 as often as `alpha` says.

    Half-transparent samples go on with weights beyond 1 now and then, which would make coverages
    beyond 1 of them; they are noisier, and no pixel needs them.
    """
    noise = nodes.node("ShaderNodeTexWhiteNoise")
    place = nodes.node("ShaderNodeNewGeometry").outputs["Position"]
    nodes.put(nodes.vector("MULTIPLY", place, (997.0, 991.0, 983.0)), noise.inputs["Vector"])
    return nodes.math("GREATER_THAN", alpha, noise.outputs["Value"])


def _build(nodes: Nodes, surface: PartSurface) -> None:
    if surface.kind == "glass":
        _build_glass(nodes, surface)
        return
    if surface.weave and not surface.color_image:
        _build_woven(nodes, surface)
        return
    color: Any = nodes.attribute(PART_COLOR, "Color")
    opacity: Any = None
    if surface.color_image:
        texture = _image_node(nodes, _COLOR)
        grey = nodes.node("ShaderNodeRGBToBW")
        nodes.put(texture.outputs["Color"], grey.inputs["Color"])
        own = nodes.attribute(PART_COLOR, "Alpha")
        pattern = nodes.mix(own, grey.outputs["Val"], texture.outputs["Color"])
        color = nodes.vector("MULTIPLY", color, pattern)
        if surface.cut_out:
            opacity = there(nodes, texture.outputs["Alpha"])
    principled = nodes.node("ShaderNodeBsdfPrincipled")
    nodes.put(color, principled.inputs["Base Color"])
    principled.inputs["Roughness"].default_value = surface.roughness
    principled.inputs["Specular IOR Level"].default_value = _SPECULAR.get(surface.kind, 0.3)
    if surface.kind == "metal":
        principled.inputs["Metallic"].default_value = 1.0
    if opacity is not None:
        nodes.put(opacity, principled.inputs["Alpha"])
    if surface.normal_image:
        texture = _image_node(nodes, _NORMAL)
        normal = nodes.node("ShaderNodeNormalMap", uv_map=UV_MAP)
        nodes.put(texture.outputs["Color"], normal.inputs["Color"])
        nodes.put(normal.outputs["Normal"], principled.inputs["Normal"])
    output = nodes.node("ShaderNodeOutputMaterial")
    shading = nodes.group(shading_group(), Surface=principled.outputs["BSDF"], Albedo=color)
    nodes.put(shading.outputs["Surface"], output.inputs["Surface"])


def _build_woven(nodes: Nodes, surface: PartSurface) -> None:
    """Cloth or leather: a tile of the atlas shades the colour and raises the surface."""
    weave = WEAVES[surface.weave]
    place = nodes.vector("SCALE", nodes.attribute(UV_MAP, "Vector"), 1.0 / weave.size)
    origin = (*tile_origin(surface.weave), 0.0)
    _, _, shade, height = look_up(nodes, place, origin)
    factor = nodes.math("MULTIPLY_ADD", shade, _CONTRAST, 1.0 - 0.5 * _CONTRAST)
    color = nodes.vector("SCALE", nodes.attribute(PART_COLOR, "Color"), factor)
    f = Formula(nodes)
    if surface.kind == "leather":  # a gloss on grain finer than a pixel sparkles
        bumpy = f.value(nodes.value("Bumpy", 0.0))
    else:
        _, bumpy = object_property(f, "gloss")  # whether the person is near enough
    closure = layered_surface(
        nodes,
        color,
        Value(nodes, nodes.value("Roughness", surface.roughness)),
        f.value(height) * weave.depth,
        bumpy,
    )
    output = nodes.node("ShaderNodeOutputMaterial")
    nodes.put(closure, output.inputs["Surface"])


def _build_glass(nodes: Nodes, surface: PartSurface) -> None:
    """A thin pane: nearly all light goes straight through, a little is mirrored.

    A Glass BSDF would bend rays twice a lens, and throw a shadow on the eyes. Each sample is one or
    the other, see `there`.
    """
    clear = nodes.node("ShaderNodeBsdfTransparent")
    nodes.put(nodes.attribute(PART_COLOR, "Color"), clear.inputs["Color"])
    gloss = nodes.node("ShaderNodeBsdfGlossy")
    gloss.inputs["Roughness"].default_value = surface.roughness
    weight = nodes.node("ShaderNodeFresnel")
    weight.inputs["IOR"].default_value = 1.5
    output = nodes.node("ShaderNodeOutputMaterial")
    mirrored = there(nodes, weight.outputs[0])
    mixed = nodes.mix_shader(mirrored, clear.outputs[0], gloss.outputs[0])
    nodes.put(mixed, output.inputs["Surface"])
