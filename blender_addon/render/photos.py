"""Image files as numpy arrays, through Blender's own readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..scene.colour import to_linear
from .resize import Crop, fill_frame


def read_image(path: Path) -> NDArray[np.uint8]:
    """The sRGB pixels (H, W, 3) of an image, top row first.

    Raises:
        FileNotFoundError: There is no file; the message names it.
        ValueError: Blender cannot read it; the message names it.
    """
    import bpy

    if not path.is_file():
        raise FileNotFoundError(f"image not found: {path}")
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        width, height = image.size
        if width == 0 or height == 0:
            raise ValueError(f"cannot read the image {path}; remove it from the folder")
        pixels = np.empty(width * height * image.channels, dtype=np.float32)
        # For 8-bit files these are the values in the file, 0..1; floating-point ones are linear.
        image.pixels.foreach_get(pixels)
        channels = image.channels
    finally:
        bpy.data.images.remove(image)
    rgb = pixels.reshape(height, width, channels)[::-1, :, : min(3, channels)]
    rgb = np.repeat(rgb, 3, axis=2) if rgb.shape[2] < 3 else rgb
    return (np.clip(rgb, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def read_backdrop(
    path: Path, crop: Crop, width: int, height: int, *, flip: bool
) -> NDArray[np.float32]:
    """A part of a photo as a linear image behind people.

    Args:
        path: The photo.
        crop: The part that is shown.
        width, height: Size of the image, px.
        flip: Whether to exchange left and right.

    Returns:
        (height, width, 3) float32, linear Rec. 709. Errors are those of `read_image`.
    """
    display = read_image(path).astype(np.float32) / 255.0
    filled = fill_frame(display, crop, width, height)
    return to_linear(filled[:, ::-1] if flip else filled)
