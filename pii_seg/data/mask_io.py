"""Reads mask files: one number per pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pii_seg.data.image_io import open_header, read_bytes
from pii_seg.errors import DataError


def read_mask(path: Path) -> np.ndarray:
    """Read a mask; of a palette image, the indices instead of the colours.

    A colour image whose channels are equal is grey; any other has no single meaning.

    Returns:
        uint8 or uint16 (H, W).

    Raises:
        DataError: The file cannot be read or decoded, is too large, or is no mask.
    """
    opened = open_header(path, read_bytes(path))
    try:
        if opened.mode in ("RGBA", "LA", "RGB", "CMYK"):
            channels = np.asarray(opened.convert("RGB"))
            if (channels != channels[..., :1]).any():
                raise DataError(
                    f"{path}: is a colour image; a mask holds one number per pixel, grey or palette"
                )
            return np.ascontiguousarray(channels[..., 0])
        array = np.asarray(opened)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: cannot be decoded ({error}); replace or remove it") from None
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.ndim != 2 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 65535:
        raise DataError(
            f"{path}: is not a mask of whole numbers 0..65535 (its mode is {opened.mode})"
        )
    return array if array.dtype == np.uint8 else array.astype(np.uint16)
