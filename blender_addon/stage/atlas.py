"""The atlas of fabric and skin tiles (`wardrobe.fabric_images`) as one Blender image, and look-ups
in it.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..wardrobe.fabric_images import TILE_SCALE, atlas
from .nodes import Nodes

IMAGE = "PII fabrics"


def atlas_image() -> bpy.types.Image:
    """The image; it is drawn at the first call."""
    image = bpy.data.images.get(IMAGE)
    if image is None:
        pixels = atlas()
        height, width, _ = pixels.shape
        image = bpy.data.images.new(IMAGE, width, height, alpha=True)
        image.colorspace_settings.name = "Non-Color"
        image.alpha_mode = "CHANNEL_PACKED"  # the fourth channel is a height, no opacity
        image.pixels.foreach_set((pixels.astype(np.float32) / np.float32(255)).ravel())
        if not bpy.app.background:
            image.pack()  # or a saved file would lose it
    return image


def look_up(nodes: Nodes, place: Any, origin: Any) -> tuple[Any, Any, Any, Any]:
    """The four channels of a tile, see tile_grid.pack.

    Args:
        nodes: Where to build.
        place: A vector in tiles; they repeat.
        origin: Lower left corner of the tile, a vector.

    Returns:
        Sockets: share of the second colour, of the third, shade, height.
    """
    inside = nodes.vector("FRACTION", place)
    at = nodes.vector("MULTIPLY_ADD", inside, TILE_SCALE, origin)
    texture = nodes.node("ShaderNodeTexImage", image=atlas_image())
    nodes.put(at, texture.inputs["Vector"])
    return (*nodes.split(texture.outputs["Color"]), texture.outputs["Alpha"])
