"""Bytes of image files, made with what every Blender has: the standard library, numpy and, for
JPEG, bpy.

Blender's own PNG writer applies colour management, and its output depends on the version. Masks
must be exact, and the same on every machine, so PNG is written here: it is a header, zlib and a
checksum. Depth and normals are numpy's .npy: exact (a 16-bit PNG in mm ends at 65.5 m, in the
middle of a street), with inf for the sky, and read by np.load alone, without an EXR library.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2  # PNG colour types
_UP = 2  # PNG row filter: difference to the row above, which makes masks and renders small
_LEVEL = 6  # zlib's default: 9 takes thrice the time for 1 % of a mask

_JPEG_IMAGE = "PII Synth JPEG"


def encode_png(array: NDArray[Any]) -> bytes:
    """Encode a PNG. The same array gives the same bytes.

    Args:
        array: uint8 (H, W), uint16 (H, W) or uint8 (H, W, 3), top row first.

    Raises:
        ValueError: Another shape or dtype, or an empty array.
    """
    bits = {"u1": 8, "u2": 16}.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    grey = array.ndim == 2
    if (
        bits is None
        or 0 in array.shape
        or not (grey or (array.ndim == 3 and array.shape[2] == 3 and bits == 8))
    ):
        raise ValueError(
            "PNG: expected uint8 or uint16 (H, W) or uint8 (H, W, 3), "
            f"got {array.dtype} {array.shape}"
        )
    height, width = array.shape[:2]
    rows = np.ascontiguousarray(array, dtype=f">u{bits // 8}").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the filter is defined
    header = struct.pack(">2I5B", width, height, bits, _GREY if grey else _RGB, 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode_png(content: bytes) -> NDArray[Any]:
    """The inverse of `encode_png`. Raises ValueError for a PNG that `encode_png` would not have
    written.
    """
    if content[:8] != _SIGNATURE:
        raise ValueError("not a PNG file")
    try:
        chunks = dict(_chunks(content))
        width, height, bits, color, compression, filtering, interlace = struct.unpack(
            ">2I5B", chunks[b"IHDR"]
        )
        raw = zlib.decompress(chunks[b"IDAT"])
    except (KeyError, struct.error, zlib.error) as error:
        raise ValueError(f"damaged PNG ({error!r})") from None
    if (
        (bits, color) not in ((8, _GREY), (16, _GREY), (8, _RGB))
        or compression
        or filtering
        or interlace
    ):
        raise ValueError("a PNG of another kind than this program writes")
    bytes_per_pixel = bits // 8 * (3 if color == _RGB else 1)
    if len(raw) != height * (1 + width * bytes_per_pixel):
        raise ValueError("damaged PNG (wrong amount of pixels)")
    filtered = np.frombuffer(raw, np.uint8).reshape(height, -1)
    if (filtered[:, 0] != _UP).any():
        raise ValueError("a PNG of another kind than this program writes")
    rows = np.cumsum(filtered[:, 1:], axis=0, dtype=np.uint8)
    if color == _RGB:
        return rows.reshape(height, width, 3)
    return rows if bits == 8 else rows.view(">u2").astype(np.uint16)


def read_mask(path: Path) -> NDArray[np.unsignedinteger[Any]]:
    """Read a mask that this program wrote: (H, W) uint8 or uint16. Raises ValueError or OSError
    naming the file.
    """
    mask = _named(path, decode_png)
    if mask.ndim != 2:
        raise ValueError(f"{path}: a mask has one channel, this has {mask.shape[2]}")
    return mask


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image that this program wrote, PNG or JPEG (needs bpy): (H, W, 3) uint8 sRGB. Raises
    ValueError or OSError naming the file.
    """
    if path.suffix == ".png":
        return _named(path, decode_png)
    from .photos import read_image as read_any

    return read_any(path)


def encode_npy(array: NDArray[Any]) -> bytes:
    """Encode an array in numpy's .npy format, version 1.0."""
    buffer = io.BytesIO()
    np.lib.format.write_array(
        buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
    )
    return buffer.getvalue()


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """Encode a JPEG (4:2:0) by Blender's libjpeg; needs bpy. One image datablock is reused for all
    calls of one size.

    Args:
        rgb: (H, W, 3) uint8 sRGB, top row first.
        quality: 1..100.

    Raises:
        ValueError: Another shape or dtype, or a quality out of range.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"JPEG: expected uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality: expected 1..100, got {quality}")
    from .quiet import quiet

    height, width = rgb.shape[:2]
    image = _jpeg_image(width, height)
    pixels = np.ones((height, width, 4), dtype=np.float32)
    np.divide(
        rgb[::-1], np.float32(255), out=pixels[..., :3]
    )  # bottom row first; v/255 comes back as exactly v
    image.pixels.foreach_set(pixels.reshape(-1))
    image.file_format = (
        "JPEG"  # belongs to the pixels, not to the image: lost on images that have none yet
    )
    descriptor, name = tempfile.mkstemp(suffix=".jpg")
    os.close(descriptor)
    path = Path(name)
    try:
        with quiet():
            image.save(filepath=str(path), quality=quality, save_copy=True)
        return path.read_bytes()
    finally:
        path.unlink()


def _jpeg_image(width: int, height: int) -> Any:
    import bpy

    image = bpy.data.images.get(_JPEG_IMAGE)
    if image is None:
        image = bpy.data.images.new(_JPEG_IMAGE, width, height, alpha=False)
        image.colorspace_settings.name = "sRGB"
        image.filepath_raw = (
            "//unused.jpg"  # `save` wants a path, although `save_copy` never writes there
        )
    if tuple(image.size) != (width, height):
        image.scale(width, height)
    return image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of each chunk after the signature; `encode_png` writes no kind twice."""
    position = 8
    while position < len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        yield kind, content[position + 8 : position + 8 + size]
        position += size + 12


def _named(path: Path, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    try:
        return decode(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
