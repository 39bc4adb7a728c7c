"""Materials of surfaces that show image files: grounds, walls and things in textures of packs.

One material for each file, made when a frame first shows it and removed when many others came
after it. Colours and scale are attributes of faces, as for patterns (`surfaces`).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..packs.scenery.texture_names import material_kind
from ..packs.scenery.texture_pack import TextureMaps, maps_of
from ..scene.image_headers import ImageHeaderError, read_header
from ..scene.spec import SURFACE_PATTERNS
from .images import ImageCache
from .nodes import Nodes, material_of, show_image
from .shading import shading_group
from .surfaces import COLOR, FINISH, PLACE, UV, faded

LARGEST = 2048  # px: wider images are reduced; a tile of 2 m is seldom seen from nearer than 1 m
PREFIX = "PII Image "
_KEPT = 96  # materials
_SWATCH = 200  # px: images below that are parts of tiles, which repeat as in a mirror
# Kinds without a grid: a second, turned copy hides the repeats.
_LOOSE = ("asphalt", "grass", "soil", "concrete", "plaster", "stone", "bark")
_COLOR, _COLOR_2, _NORMAL, _ROUGHNESS = "Color", "Color 2", "Normal map", "Roughness map"


class SurfaceImages:
    """Gives an object the materials of the images that its mesh shows."""

    def __init__(self, images: ImageCache) -> None:
        self.images = images
        self._made: OrderedDict[str, bpy.types.Material] = OrderedDict()
        self._used: set[str] = set()

    def __len__(self) -> int:
        return len(self._made)

    def show(self, obj: bpy.types.Object, files: Sequence[str], *, backdrop: bool) -> None:
        """Put the materials of image files into the slots after those of the patterns.

        Args:
            obj: Its mesh has a slot for each pattern.
            files: MeshArrays.images.
            backdrop: Whether the surface fades in the distance, see surfaces.backdrop_materials.

        Raises:
            FileNotFoundError, ValueError: An image cannot be read; the message names it.
        """
        slots = obj.data.materials
        while len(slots) > len(SURFACE_PATTERNS) + len(files):
            slots.pop()
        for number, file in enumerate(files, start=len(SURFACE_PATTERNS)):
            material = self._material(file, backdrop)
            if number >= len(slots):
                slots.append(material)
            elif slots[number] != material:
                slots[number] = material

    def trim(self) -> None:
        """Remove the oldest materials over the limit that no frame shows since the last call."""
        for name in [name for name in self._made if name not in self._used]:
            if len(self._made) <= _KEPT:
                break
            _free(self._made.pop(name))
        self._used.clear()

    def clear(self) -> None:
        """Remove all materials that no object shows."""
        while self._made:
            _free(self._made.popitem()[1])

    def _material(self, file: str, backdrop: bool) -> bpy.types.Material:
        material = image_material(file, self.images, backdrop=backdrop)
        self._made[material.name] = material
        self._made.move_to_end(material.name)
        self._used.add(material.name)
        return material


def _free(material: bpy.types.Material) -> None:
    if material.users == 0:  # the artist's scene may show it, too
        bpy.data.materials.remove(material)


def image_material(file: str, images: ImageCache, *, backdrop: bool) -> bpy.types.Material:
    """The material of an image file, built at the first call; its images are loaded at each.

    Raises:
        FileNotFoundError, ValueError: An image cannot be read; the message names it.
    """
    maps = maps_of(Path(file))
    key = hashlib.blake2b(repr((maps, backdrop)).encode(), digest_size=8).hexdigest()
    material = material_of(PREFIX + key, lambda nodes: _build(nodes, maps, backdrop))
    for name, path, space in (
        (_COLOR, maps.color, ""),
        (_COLOR_2, maps.color, ""),
        (_NORMAL, maps.normal if backdrop else None, "Non-Color"),
        (_ROUGHNESS, maps.roughness, "Non-Color"),
    ):
        node = material.node_tree.nodes.get(name)
        if node is not None and path is not None:
            show_image(node, images.get(path, space, largest=LARGEST))
    return material


def _build(n: Nodes, maps: TextureMaps, backdrop: bool) -> None:
    try:
        header = read_header(maps.color)
        width, height = header.width, header.height
    except (ImageHeaderError, OSError):
        width = height = 1  # the image itself is refused with a better reason
    mirrored = max(width, height) < _SWATCH
    scale, roughness, metallic = n.split(n.attribute(FINISH, "Vector"))
    at = n.vector("SCALE", n.attribute(UV, "Vector"), scale)
    at = n.vector("MULTIPLY", at, (1.0, width / height, 1.0))
    color = _image(n, _COLOR, at, mirrored).outputs["Color"]
    if material_kind(maps.color.stem, maps.color.parent.name).name in _LOOSE:
        color = _without_repeats(n, color, at, mirrored)
    color = n.vector("MULTIPLY", color, n.attribute(COLOR, "Color"))
    if maps.roughness is not None:
        packed = _image(n, _ROUGHNESS, at, mirrored).outputs["Color"]
        roughness = n.split(packed)[1]
    principled = n.node("ShaderNodeBsdfPrincipled")
    n.put(color, principled.inputs["Base Color"])
    n.put(roughness, principled.inputs["Roughness"])
    n.put(metallic, principled.inputs["Metallic"])
    if maps.normal is not None and backdrop and not mirrored:  # tangents cost things too much
        texture = _image(n, _NORMAL, at, mirrored).outputs["Color"]
        if maps.flipped:
            red, green, blue = n.split(texture)
            texture = n.join(red, n.math("SUBTRACT", 1.0, green), blue)
        normal = n.node("ShaderNodeNormalMap", uv_map=UV)
        n.put(texture, normal.inputs["Color"])
        n.put(normal.outputs["Normal"], principled.inputs["Normal"])
    shading = n.group(shading_group(), Surface=principled.outputs[0], Albedo=color)
    surface = shading.outputs["Surface"]
    if backdrop:
        surface = faded(n, surface)
    n.put(surface, n.node("ShaderNodeOutputMaterial").inputs["Surface"])


def _without_repeats(n: Nodes, color: Any, at: Any, mirrored: bool) -> Any:
    """Mix an image with a larger, turned copy of itself in patches, and vary its brightness."""
    turn = n.node("ShaderNodeVectorRotate", rotation_type="Z_AXIS")
    turn.inputs["Angle"].default_value = 0.65
    n.put(n.vector("MULTIPLY", at, (0.77, 0.77, 1.0)), turn.inputs["Vector"])
    second = _image(n, _COLOR_2, turn.outputs["Vector"], mirrored).outputs["Color"]
    noise = n.node("ShaderNodeTexNoise", noise_dimensions="3D")
    n.put(n.attribute(PLACE, "Vector"), noise.inputs["Vector"])
    noise.inputs["Scale"].default_value = 0.35
    noise.inputs["Detail"].default_value = 3.0
    mixed = n.mix(n.ramp(noise.outputs[0], 0.42, 0.58), color, second)
    return n.vector("SCALE", mixed, n.add(0.7, n.times(0.6, noise.outputs[0])))


def _image(n: Nodes, name: str, at: Any, mirrored: bool) -> bpy.types.Node:
    extension = "MIRROR" if mirrored else "REPEAT"
    texture = n.node("ShaderNodeTexImage", name=name, extension=extension)
    n.put(at, texture.inputs["Vector"])
    return texture
