"""Reads image files, which may be rotated, truncated, huge or no images; encodes and resizes."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from pii_seg.errors import DataError

# More than nearly all cameras make, 384 MB as RGB; a decompression bomb declares far more.
MAX_PIXELS = 128_000_000
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
# Photos that cannot be decoded here: reported as faults instead of being passed over.
FOREIGN_ENDINGS = frozenset(
    {".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".jxl"}
)

_END_OF_JPEG = b"\xff\xd9"


def read_image(path: Path) -> np.ndarray:
    """Read an image, upright (EXIF orientation applied).

    OpenCV decodes JPEG 1.6 times as fast as Pillow, but fills what a truncated file lacks with
    grey. So a JPEG that does not end as it should goes to Pillow, which rejects it.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        DataError: The file cannot be read or decoded, or is too large.
    """
    content = read_bytes(path)
    opened = open_header(path, content)
    if (
        opened.format in ("JPEG", "MPO")
        and opened.mode in ("RGB", "L")
        and content.rstrip(b"\0").endswith(_END_OF_JPEG)
    ):
        array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        if array is not None:
            return array
    try:
        upright = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I"):
            # 16-bit grey: Pillow's own conversion would clip instead of scaling.
            grey = np.asarray(upright).astype(np.int64) >> 8
            upright = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        return np.ascontiguousarray(upright.convert("RGB"))
    except Exception as error:  # a hostile file makes Pillow raise nearly any exception
        raise DataError(f"{path}: cannot be decoded ({error}); replace or remove it") from None


def encode_image(image: np.ndarray, ending: str, *parameters: int) -> bytes:
    """Encode an image as the content of a file.

    Args:
        image: uint8 (H, W) or RGB (H, W, 3); a grey image may be uint16.
        ending: ".png" or ".jpg".
        parameters: Pairs of an OpenCV write flag and its value.
    """
    ordered = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    done, data = cv2.imencode(ending, ordered, list(parameters))
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be encoded as {ending}")
    return data.tobytes()


def read_bytes(path: Path) -> bytes:
    """Read a file; raise DataError when that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def open_header(path: Path, content: bytes) -> Image.Image:
    """Parse the header only, and reject what would not fit in memory."""
    try:
        opened = Image.open(io.BytesIO(content))
    except Image.DecompressionBombError:
        raise DataError(f"{path}: larger than {MAX_PIXELS // 10**6} Mpx; make it smaller") from None
    except Exception:
        raise DataError(f"{path}: is not an image, or is damaged; replace or remove it") from None
    if opened.width * opened.height > MAX_PIXELS:
        raise DataError(f"{path}: larger than {MAX_PIXELS // 10**6} Mpx; make it smaller")
    return opened


def resize_array(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an array (h, w) or (h, w, C): averaged when it shrinks, interpolated when it grows.

    An array of that size is returned as it is.
    """
    if array.shape[:2] == (height, width):
        return array
    shrinks = height * width < array.shape[0] * array.shape[1]
    return cv2.resize(
        array, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
