"""The atlas of drawn images (`props.drawn_images`) as one Blender image."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from ..props.drawn_images import atlas
from .nodes import Nodes

IMAGE = "PII drawn images"
_NODE = "PII drawn"


def drawn_texture(nodes: Nodes) -> bpy.types.Node:
    """A texture node of the image. It has none until `draw_where_shown` is told of its material:
    drawing takes seconds, and many scenes show none of it.
    """
    return nodes.node("ShaderNodeTexImage", name=_NODE)


def draw_where_shown(materials: Iterable[bpy.types.Material | None]) -> None:
    """Give the image to those of the materials that show it; it is drawn at the first."""
    for material in materials:
        node = material.node_tree.nodes.get(_NODE) if material else None
        if node is not None and node.image is None:
            node.image = _drawn_image()


def _drawn_image() -> bpy.types.Image:
    image = bpy.data.images.get(IMAGE)
    if image is None:
        pixels = atlas()[::-1]
        height, width, _ = pixels.shape
        image = bpy.data.images.new(IMAGE, width, height, alpha=True)
        image.alpha_mode = "CHANNEL_PACKED"  # alpha says where drawn persons are
        image.pixels.foreach_set((pixels / np.float32(255)).ravel())
        if not bpy.app.background:
            image.pack()  # or a saved file would lose it
    return image
