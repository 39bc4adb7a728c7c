"""Image files as numpy arrays, through Blender's own readers, as a viewer shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..scene.colour import to_display, to_linear
from ..scene.image_headers import ImageHeaderError, read_header
from .quiet import captured
from .resize import Crop, fill_frame

_STDERR = 2
_CUT_SHORT = (b"premature end", b"Premature end")  # libjpeg, which then shows grey for the rest

_DEPTHS = (8, 10, 12, 14, 16)  # bits that sensors have, stored in 16
_LOW_CONTRAST = 1 / 16  # share of that range; less is stretched


def read_image(path: Path) -> NDArray[np.uint8]:
    """The sRGB pixels (H, W, 3) of an image, upright and with its top row first.

    Alpha is dropped; colour profiles are not applied. Numbers of more than 8 bits are shown from 0
    to the largest of the fewest bits that hold them.

    Raises:
        FileNotFoundError: There is no file; the message names it.
        ValueError: Blender cannot read it; the message names it.
    """
    import bpy

    if not path.is_file():
        raise FileNotFoundError(f"image not found: {path}")
    try:
        header = read_header(path)
    except ImageHeaderError as error:
        raise ValueError(f"{path}: {error}") from None
    with captured(_STDERR) as said:
        image = bpy.data.images.load(str(path), check_existing=False)
        try:
            width, height = image.size
            channels, deep = image.channels, image.is_float
            pixels = np.empty(width * height * channels, dtype=np.float32)
            # For 8-bit files these are the values in the file, 0..1; Blender makes others linear.
            image.pixels.foreach_get(pixels)
        finally:
            bpy.data.images.remove(image)
    if not pixels.size:
        raise ValueError(f"{path}: Blender cannot read this {header.kind}")
    if any(sign in said[_STDERR] for sign in _CUT_SHORT):
        raise ValueError(f"{path}: damaged, a part of its pixels is missing")
    rgb = pixels.reshape(height, width, channels)[::-1, :, : min(3, channels)]
    rgb = np.repeat(rgb[..., :1], 3, axis=2) if rgb.shape[2] < 3 else rgb
    if deep:
        if not np.isfinite(rgb).all():
            raise ValueError(f"{path}: holds numbers that are not finite; take it out")
        rgb = shown(np.where(rgb < 0, rgb * np.float32(12.92), to_display(rgb)))
        rgb = 1 - rgb if header.inverted else rgb
    rgb = upright(rgb, header.orientation)
    return (np.clip(rgb, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An image (H, W, …) turned and mirrored as its Exif orientation, 1 to 8, asks for."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image


def shown(display: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers of more than 8 bits (H, W, C), as shares of 16 bits, as a viewer shows them, 0..1.

    Sensors of 12 bits store 0 to 4095 in 16 bits. What fills less than a sixteenth of its range is
    stretched from its darkest to its brightest, without the outermost thousandth.
    """
    low, high = float(display.min()), float(display.max())
    white = next((2**bits - 1 for bits in _DEPTHS if high * 65535 <= 2**bits - 0.5), 65535) / 65535
    if high <= 1 + 1e-4 and high - low >= _LOW_CONTRAST * white:
        return display / np.float32(white)
    low, high = (float(value) for value in np.quantile(display, (0.001, 0.999)))
    return (display - np.float32(low)) / np.float32(max(high - low, 1e-9))


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
