"""Colours of images, so that a part can take another one and keep the pattern of its image.

A T-shirt of a pack is worn in any colour: the image is multiplied by the wanted colour over the
mean of the image where the T-shirt is. No pixel becomes lighter than cloth is.
"""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..render.filters import LUMINANCE
from ..scene.colour import to_linear
from ..wardrobe.dressed import MATERIALS, Dressed
from .images import ImageCache, read_pixels

Array = NDArray[np.float32]

SIDE = 64  # px of the small copy of an image
HUES = 0.3  # share of an image's own hues that is left in another colour
LIGHTEST = 0.9  # reflectance
_STRONGEST = 12.0  # factor on an image; a black one stays dark
_MOST = 1024  # small copies that are kept


class ImageTones:
    """Small copies of images, each made when it is first asked for."""

    def __init__(self, images: ImageCache) -> None:
        self._images = images
        self._small: dict[str, Array] = {}

    def small(self, path: str) -> Array:
        """(H, W, 4) linear colour and opacity of the image in a file, at most SIDE px wide and
        high, bottom row first.

        Raises:
            FileNotFoundError, ValueError: The image cannot be read; the message names it.
        """
        if path not in self._small:
            if len(self._small) >= _MOST:
                self._small.clear()
            self._small[path] = _reduced(self._images.get(path))
        return self._small[path]

    def factor(self, color: NDArray[np.floating], pixels: NDArray[np.floating]) -> Array:
        """Find the factor by which pixels have `color` as their mean.

        Args:
            color: (3,) linear.
            pixels: (N, 4) linear colour and opacity.

        Returns:
            (3,) float32.
        """
        opaque = pixels[pixels[:, 3] > 0.3]
        if not len(opaque):
            return np.asarray(color, dtype=np.float32)
        mean = np.average(opaque[:, :3], axis=0, weights=opaque[:, 3])
        factor = np.minimum(np.asarray(color) / np.maximum(mean, 1e-4), _STRONGEST)
        light = np.percentile(opaque[:, :3] @ (factor / 3), 95)
        return (factor * min(1.0, LIGHTEST / max(light, 1e-6))).astype(np.float32)

    def whole(self, color: NDArray[np.floating], path: str) -> Array:
        """(3,) factor for a whole image; see `factor`."""
        return self.factor(color, self.small(path).reshape(-1, 4))


def toned_colors(dressed: Dressed, tones: ImageTones) -> Array:
    """(P, 4) factors on the images of the faces of parts, and the share of the images' own hues.

    Faces with a tone of 0 keep their colour and all hues; those of one tone share a factor that
    gives their image, where they are, their colour as its mean. Of blue jeans that are to be grey,
    worn knees would otherwise be orange.

    Raises:
        FileNotFoundError, ValueError: An image cannot be read; the message names it.
    """
    out = np.ones((len(dressed.color), 4), np.float32)
    out[:, :3] = dressed.color
    if not dressed.tones.any():
        return out
    material = dressed.material[dressed.part_faces] - len(MATERIALS)
    for tone in range(1, int(dressed.tones.max()) + 1):
        faces = np.flatnonzero(dressed.tones == tone)
        path = dressed.surfaces[material[faces[0]]].color_image if len(faces) else ""
        if path:
            pixels = _at(tones.small(path), dressed.uv[faces].mean(axis=1)).copy()
            grey = pixels[:, :3] @ LUMINANCE
            pixels[:, :3] = grey[:, None] + HUES * (pixels[:, :3] - grey[:, None])
            out[faces, :3] = tones.factor(dressed.color[faces[0]], pixels)
            out[faces, 3] = HUES
    return out


def _at(image: Array, uv: Array) -> Array:
    """(N, 4) pixels at coordinates (N, 2); the image repeats."""
    H, W = image.shape[:2]
    x = np.floor(uv[:, 0] * W).astype(np.int64) % W
    y = np.floor(uv[:, 1] * H).astype(np.int64) % H
    return image[y, x]


def _reduced(image: bpy.types.Image) -> Array:
    pixels = read_pixels(image)
    H, W = pixels.shape[:2]
    n, m = max(1, H // SIDE), max(1, W // SIDE)
    pixels = pixels[: H // n * n, : W // m * m]
    if not image.is_float and image.colorspace_settings.name == "sRGB":
        pixels = pixels.copy()
        pixels[..., :3] = to_linear(pixels[..., :3])
    shape = (H // n, n, W // m, m)
    opacity = pixels[..., 3:]
    weight = np.maximum(opacity, 1e-3).reshape(*shape, 1)
    color = (pixels[..., :3].reshape(*shape, 3) * weight).sum(axis=(1, 3))
    color /= weight.sum(axis=(1, 3))
    return np.concatenate([color, opacity.reshape(*shape, 1).mean(axis=(1, 3))], axis=-1)
