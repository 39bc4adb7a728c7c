"""The atlas of drawn images (`props.drawn_images`) as one Blender image."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from ..props.drawn_images import atlas, atlas_size

IMAGE = "PII drawn images"
_DRAWN = "pii_drawn"  # property of the image: it has its pixels


def drawn_image() -> bpy.types.Image:
    """The image. It is black until `draw_where_shown` is told of a material that shows it: drawing
    takes seconds, and many scenes show none of it.
    """
    image = bpy.data.images.get(IMAGE)
    if image is None:
        width, height = atlas_size()
        image = bpy.data.images.new(IMAGE, width, height, alpha=True)
        image.alpha_mode = "CHANNEL_PACKED"  # alpha says where drawn persons are
    return image


def draw_where_shown(materials: Iterable[bpy.types.Material | None]) -> None:
    """Draw the image if one of these materials shows it, and it has not been drawn."""
    image = bpy.data.images.get(IMAGE)
    if image is None or image.get(_DRAWN):
        return
    if not any(material and _shows(material, image) for material in materials):
        return
    image.pixels.foreach_set((atlas()[::-1] / np.float32(255)).ravel())
    image.update()
    image[_DRAWN] = True
    if not bpy.app.background:
        image.pack()  # or a saved file would lose it


def _shows(material: bpy.types.Material, image: bpy.types.Image) -> bool:
    return any(getattr(node, "image", None) == image for node in material.node_tree.nodes)
