"""Images from files, cached as long as there is room for them."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from .panorama import clean

MEGABYTE = 1 << 20
LARGEST = (
    4096  # px: wider images are reduced when they are read; no render shows more of a panorama
)


class ImageCache:
    """Blender images by file. The least recently used ones are freed above `entries` images or
    `budget` bytes of pixels.

    Images are freed in `trim` alone, and never one that was asked for since the `trim` before. So a
    caller asks for all images of a frame, trims, and keeps none for the next.
    """

    def __init__(self, entries: int = 16, budget: int = 256 * MEGABYTE) -> None:
        if entries < 1 or budget < 0:
            raise ValueError(f"entries {entries}, budget {budget}: expected at least 1 and 0")
        self.entries, self.budget = entries, budget
        self._images: OrderedDict[tuple[str, str, int], bpy.types.Image] = OrderedDict()
        self._bytes: dict[tuple[str, str, int], int] = {}
        self._used: set[tuple[str, str, int]] = set()

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[bpy.types.Image]:
        return iter(self._images.values())

    def get(
        self, path: str | Path, colorspace: str = "", width: int = 0, largest: int = LARGEST
    ) -> bpy.types.Image:
        """The image in a file.

        Args:
            path: The file.
            colorspace: Blender's name; empty leaves it to the file.
            width: Make a copy no wider than this (px), each of its pixels a mean.
            largest: Reduce an image that is wider or higher than this, px.

        Raises:
            FileNotFoundError: There is no file; the message names it.
            ValueError: The file is no image.
        """
        key = (str(path), colorspace, width if width else -largest)
        if key not in self._images:
            if width:
                self._images[key] = _reduced(self.get(path, colorspace), width)
            else:
                self._images[key] = _load(Path(path), colorspace, largest)
            self._bytes[key] = _bytes_of(self._images[key])
        self._images.move_to_end(key)
        self._used.add(key)
        return self._images[key]

    def trim(self) -> None:
        """Free the oldest images over the limits. Call it once a frame is set up."""
        for key in [key for key in self._images if key not in self._used]:
            if len(self._images) <= self.entries and self.bytes() <= self.budget:
                break
            bpy.data.images.remove(self._images.pop(key))
            del self._bytes[key]
        self._used.clear()

    def clear(self) -> None:
        """Free all images."""
        bpy.data.batch_remove(list(self._images.values()))
        self._images.clear()
        self._bytes.clear()
        self._used.clear()

    def bytes(self) -> int:
        """Memory the pixels take in Blender."""
        # Stored at loading: asking an image for its size takes Blender 5 ms each time.
        return sum(self._bytes.values())


def _bytes_of(image: bpy.types.Image) -> int:
    """Four channels of 4 bytes in a float image, of 1 byte in others."""
    width, height = image.size
    return width * height * (16 if image.is_float else 4)


def read_pixels(image: bpy.types.Image) -> NDArray[np.float32]:
    """(H, W, 4), bottom row first as Blender keeps it, linear."""
    width, height = image.size
    pixels = np.empty(height * width * 4, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, 4)


def _load(path: Path, colorspace: str, largest: int = LARGEST) -> bpy.types.Image:
    if not path.is_file():
        raise FileNotFoundError(f"image not found: {path}")
    image = bpy.data.images.load(str(path), check_existing=False)
    width, height = image.size  # reading it makes Blender open the file
    if width == 0:
        bpy.data.images.remove(image)
        raise ValueError(f"not an image Blender can read: {path}")
    if colorspace:
        image.colorspace_settings.name = colorspace
    if image.is_float:
        pixels, done = clean(read_pixels(image))
        if done:
            print(f"note: {path}: {done}", file=sys.stderr, flush=True)
            copy = _in_memory(image, pixels)
            bpy.data.images.remove(image)
            image = copy
    if largest < LARGEST and height > width > 0:
        largest = max(1, largest * width // height)
    if width > largest:
        image.scale(largest, max(1, round(height * largest / width)))
    return image


def _reduced(image: bpy.types.Image, width: int) -> bpy.types.Image:
    """A copy in memory whose pixels are means of n × n pixels of a linear image, at most `width`
    wide.
    """
    pixels = read_pixels(image)
    n = -(-pixels.shape[1] // width)
    height, wide = pixels.shape[0] // n, pixels.shape[1] // n
    means = pixels[: height * n, : wide * n].reshape(height, n, wide, n, 4).mean(axis=(1, 3))
    return _in_memory(image, means)


def _in_memory(image: bpy.types.Image, pixels: NDArray[np.float32]) -> bpy.types.Image:
    """An image without a file that has other pixels than `image`, and its colour space."""
    height, width = pixels.shape[:2]
    name = f"{image.name} {width}"
    copy = bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)
    copy.colorspace_settings.name = image.colorspace_settings.name
    copy.pixels.foreach_set(np.ascontiguousarray(pixels, dtype=np.float32).ravel())
    return copy
