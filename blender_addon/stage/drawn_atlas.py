"""The atlas of drawn images (`props.drawn_images`) as one Blender image."""

from __future__ import annotations

import bpy
import numpy as np

from ..props.drawn_images import atlas

IMAGE = "PII drawn images"


def drawn_image() -> bpy.types.Image:
    """The image; it is drawn at the first call."""
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
