"""Reads image files, which may be rotated, truncated, huge or no images; encodes and resizes."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pii_seg.data.decoding import HEIF, decode
from pii_seg.data.frames import Limits
from pii_seg.errors import DataError, MediaError

# More than nearly all cameras make, 384 MB as RGB; a decompression bomb declares far more.
MAX_PIXELS = 128_000_000
IMAGE_ENDINGS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff"),
        *(".gif", ".avif", ".jp2", ".mpo"),
        *((".heic", ".heif") if HEIF else ()),
    }
)
# Photos that cannot be decoded here: reported as faults instead of being passed over.
FOREIGN_ENDINGS = (
    frozenset({".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".jxl"})
    - IMAGE_ENDINGS
)


def read_image(path: Path) -> np.ndarray:
    """Read an image as a person sees it: upright, sRGB, dark or bright as a viewer shows it.

    Of an animation or a TIFF of several pages the first is read.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        DataError: The file cannot be read or decoded in full, or is too large.
    """
    content = read_bytes(path)
    try:
        return (
            decode(content, limits=Limits(pixels=MAX_PIXELS), only_first=True).frames[0].to_rgb8()
        )
    except MediaError as error:
        raise DataError(f"{path}: {error}") from None


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
