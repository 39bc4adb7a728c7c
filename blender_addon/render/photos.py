"""Image files as numpy arrays, through Blender's own readers, as a viewer shows them."""

from __future__ import annotations

import math
from collections import OrderedDict
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


def read_image(path: Path, most_pixels: int | None = None) -> NDArray[np.uint8]:
    """The sRGB pixels (H, W, 3) of an image, upright and with its top row first.

    Alpha is dropped; colour profiles are not applied. Numbers of more than 8 bits are shown from 0
    to the largest of the fewest bits that hold them.

    Args:
        path: The image.
        most_pixels: A larger image is made smaller by Blender, before its numbers are copied, so
            that a photo of 100 megapixels takes no more than Blender's own 4 bytes a pixel.

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
            if most_pixels is not None and image.size[0] * image.size[1] > most_pixels:
                _shrink(image, most_pixels)
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


def _shrink(image: Any, most_pixels: int) -> None:
    """Make a Blender image smaller by averaging, by a whole factor where there is one."""
    width, height = image.size
    factor = math.sqrt(width * height / most_pixels)
    image.scale(max(1, round(width / factor)), max(1, round(height / factor)))


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
    """A part of a photo as a linear image behind people; see `Photos.backdrop`.

    Returns:
        (height, width, 3) float32, linear Rec. 709. Errors are those of `read_image`.
    """
    return to_linear(PHOTOS.backdrop(path, crop, width, height, flip=flip) / np.float32(255))


def read_front(
    path: Path, crop: Crop, width: int, height: int, *, flip: bool
) -> NDArray[np.float32]:
    """(height, width) share of each pixel that the photo's own front covers, 0..1, for the same
    part of the photo as `read_backdrop`. Errors are those of `read_image`.
    """
    mask = PHOTOS.backdrop(path, crop, width, height, flip=flip)
    return mask[..., 0].astype(np.float32) / np.float32(255)


class Photos:
    """Reads photos, and keeps those that were read last: as uint8 and made smaller, so that memory
    is bounded whatever they are. It is a scene.photos.reader.PhotoReader.
    """

    def __init__(self, most_pixels: int = 1 << 22, kept: int = 64 << 20) -> None:
        """Set the pixels of a photo that is kept, and the bytes of all of them."""
        self._most, self._kept = most_pixels, kept
        self._photos: OrderedDict[tuple[Path, int, int], NDArray[np.uint8]] = OrderedDict()

    def small(self, path: Path, longest: int) -> NDArray[np.uint8]:
        """The whole photo, upright, (H, W, 3) sRGB, at most `longest` px long."""
        image = self._read(path, self._most)
        height, width = image.shape[:2]
        scale = max(height, width) / longest
        if scale <= 1.0:
            return image
        size = max(1, round(width / scale)), max(1, round(height / scale))
        return _bytes(fill_frame(_numbers(image), (0.0, 0.0, 1.0, 1.0), *size))

    def backdrop(
        self, path: Path, crop: Crop, width: int, height: int, *, flip: bool
    ) -> NDArray[np.uint8]:
        """A part of a photo as it is shown behind people.

        Args:
            path: The photo.
            crop: The part that is shown.
            width, height: Size of the image, px.
            flip: Whether to exchange left and right.

        Returns:
            (height, width, 3) sRGB. Errors are those of `read_image`.
        """
        # Two pixels of the photo to one of the image are enough for a good mean.
        needed = 4 * width * height / max(min(crop[2], crop[3]), 1e-3) ** 2
        image = self._read(path, max(self._most, math.ceil(needed)))
        left, top, right, bottom = _around(crop, image.shape)
        part = _numbers(image[top:bottom, left:right])
        H, W = image.shape[:2]
        h, w = part.shape[:2]
        inside = (
            (crop[0] * W - left) / w,
            (crop[1] * H - top) / h,
            crop[2] * W / w,
            crop[3] * H / h,
        )
        filled = fill_frame(part, inside, width, height)
        return _bytes(filled[:, ::-1] if flip else filled)

    def _read(self, path: Path, most: int) -> NDArray[np.uint8]:
        """A photo of at most `most` pixels, or what is kept of it where that is as good."""
        status = path.stat() if path.is_file() else None
        key = (path, status.st_mtime_ns if status else 0, most)
        if key in self._photos:
            self._photos.move_to_end(key)
            return self._photos[key]
        image = read_image(path, most)
        if image.nbytes <= self._kept:
            self._photos[key] = image
        while sum(each.nbytes for each in self._photos.values()) > self._kept:
            self._photos.popitem(last=False)
        return image


PHOTOS = Photos()
"""The photos of this process."""


def _around(crop: Crop, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of whole pixels around a crop, with a margin."""
    H, W = shape[:2]
    left, top = (max(0, math.floor(c * n) - 8) for c, n in ((crop[0], W), (crop[1], H)))
    right, bottom = (
        min(n, math.ceil((c + size) * n) + 8)
        for c, size, n in ((crop[0], crop[2], W), (crop[1], crop[3], H))
    )
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _numbers(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image.astype(np.float32) / np.float32(255)


def _bytes(display: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.clip(display, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
