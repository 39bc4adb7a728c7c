"""The traces of JPEG on an image, without a file. Pure numpy.

The last compression is that of the file itself, see image_files; these are the ones before it, of
images that were sent, shrunk and saved again. No sum depends on a library of linear
algebra and its threads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .filters import doubled, halved
from .resize import resized

Plane = NDArray[np.float32]

# Tables K.1 and K.2 of ITU-T T.81.
_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float32,
)  # fmt: skip
_CHROMA = np.full((8, 8), 99, np.float32)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

_N = np.arange(8)
_COSINES = np.cos((2 * _N[None, :] + 1) * _N[:, None] * np.pi / 16) / 2
_COSINES[0] /= np.sqrt(2)
_COSINES = _COSINES.astype(np.float32)  # row: frequency, column: place


def compressed(
    image: NDArray[np.uint8], quality: int, scale: float = 1.0, *, subsampled: bool = True
) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) as it is after being saved as JPEG and opened again.

    Args:
        image: sRGB.
        quality: 1..100, as libjpeg counts.
        scale: Size at which it was saved, relative to the image; it comes back at its own size.
        subsampled: Whether colours have half the size (4:2:0), as phones and messengers save them;
            else 4:4:4.
    """
    height, width = image.shape[:2]
    pixels = image.astype(np.float32)
    if scale != 1.0:
        size = (max(8, round(height * scale)), max(8, round(width * scale)))
        pixels = np.rint(resized(pixels, *size))
    luma, blue, red = _quantised(_to_ycc(pixels, subsampled), quality)
    pixels = np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1
    )
    pixels = np.clip(np.rint(pixels + np.float32(128)), 0, 255)
    if scale != 1.0:
        pixels = np.rint(resized(pixels, height, width))
    return pixels.astype(np.uint8)


def _to_ycc(pixels: Plane, subsampled: bool) -> tuple[Plane, Plane, Plane]:
    """Y (H, W), Cb and Cr, which may have half the size, each about 0, as JFIF has them."""
    r, g, b = (pixels[..., k] for k in range(3))
    luma = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
    blue, red = (b - luma) * np.float32(0.564334), (r - luma) * np.float32(0.713267)
    luma = np.rint(luma) - np.float32(128)
    if subsampled:
        blue, red = halved(blue), halved(red)
    return luma, np.rint(blue), np.rint(red)


def _table(base: Plane, quality: int) -> Plane:
    """The steps of quantisation for a quality, as libjpeg computes them."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * percent + 50) // 100, 1, 255).astype(np.float32)


def _quantised(planes: Sequence[Plane], quality: int) -> list[Plane]:
    """Y, Cb and Cr whose blocks of 8 × 8 have frequencies in whole steps, all (H, W)."""
    blocks = [_blocks(plane) for plane in planes]
    bases = (_LUMA, _CHROMA, _CHROMA)
    steps = np.concatenate(
        [
            np.broadcast_to(_table(base, quality)[..., None], one.shape)
            for base, one in zip(bases, blocks, strict=True)
        ],
        axis=-1,
    )
    values = np.concatenate(blocks, axis=-1)
    # Without BLAS (optimize=False), whose sums depend on its threads.
    frequencies = np.einsum("vx,uxn->uvn", _COSINES, np.einsum("uy,yxn->uxn", _COSINES, values))
    frequencies = np.rint(frequencies / steps) * steps
    values = np.einsum("vx,uvn->uxn", _COSINES, frequencies)
    values = np.clip(np.rint(np.einsum("uy,uxn->yxn", _COSINES, values)), -128, 127)
    out, start = [], 0
    for plane, one in zip(planes, blocks, strict=True):
        out.append(_plane(values[..., start : start + one.shape[2]], *plane.shape))
        start += one.shape[2]
    height, width = planes[0].shape
    return [
        plane if plane.shape == (height, width) else doubled(plane, height, width) for plane in out
    ]


def _blocks(plane: Plane) -> Plane:
    """The blocks (8 rows, 8 columns, N) of a plane whose edges are repeated."""
    plane = np.pad(plane, [(0, -side % 8) for side in plane.shape], mode="edge")
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    return plane.reshape(rows, 8, columns, 8).transpose(1, 3, 0, 2).reshape(8, 8, -1)


def _plane(blocks: Plane, height: int, width: int) -> Plane:
    """The inverse of `_blocks`."""
    rows, columns = -(-height // 8), -(-width // 8)
    plane = blocks.reshape(8, 8, rows, columns).transpose(2, 0, 3, 1)
    return plane.reshape(8 * rows, 8 * columns)[:height, :width]
