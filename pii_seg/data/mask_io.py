"""Reads mask files into numbers, shown colours and transparency, without giving them a meaning.

`pii_seg.data.mask_reading` gives the meaning: which pixels are persons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pii_seg.data.image_io import open_header, read_bytes
from pii_seg.errors import DataError

ORIENTATION = 0x0112  # EXIF tag
WHITE_IS_ZERO = (262, 0)  # TIFF tag and value
SEVERAL_IMAGES = frozenset({"TIFF", "GIF", "PNG", "WEBP", "AVIF", "HEIF"})  # formats that may be
ALWAYS_LOSSY = frozenset({"JPEG", "MPO", "JPEG2000", "AVIF", "HEIF"})
NOISE = 16  # a lossy file may store up to this value for black, and that much less for white
HALF = 128

TURNS = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: np.rot90(array),
}
"""EXIF orientation → the function that makes an array (H, W, ...) upright."""


@dataclass(frozen=True)
class MaskImage:
    """The content of a mask file, as stored: EXIF orientation is not applied yet.

    Attributes:
        path: The file, for messages.
        numbers: uint8 or uint16 (H, W): grey values, or indices of a palette; None: has colours.
        colours: uint8 (H, W, 3) as a viewer shows them; None where that is grey `numbers`.
        alpha: uint8 (H, W), or None if the file has none.
        indexed: Whether `numbers` are indices of a palette.
        lossy: Whether the format changes values, so that 0 may have become 3.
        orientation: EXIF orientation, 1..8.
    """

    path: Path
    numbers: np.ndarray | None
    colours: np.ndarray | None = None
    alpha: np.ndarray | None = None
    indexed: bool = False
    lossy: bool = False
    orientation: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) as stored."""
        array = self.numbers if self.numbers is not None else self.colours
        assert array is not None
        return array.shape[:2]

    @cached_property
    def filled(self) -> np.ndarray:
        """Bool (H, W): pixels whose number, or colour where there are no numbers, is not 0."""
        least = NOISE if self.lossy else 0
        if self.numbers is not None:
            return np.asarray(self.numbers > least)
        assert self.colours is not None
        return np.asarray((self.colours > least).any(axis=2))

    @cached_property
    def transparent(self) -> bool:
        """Whether some pixels are not fully opaque."""
        return self.alpha is not None and bool((self.alpha < 255).any())

    @property
    def shown(self) -> np.ndarray:
        """The colours, uint8 (H, W, 3), or the grey numbers, (H, W), that a viewer shows."""
        shown = self.colours if self.colours is not None else self.numbers
        assert shown is not None
        return shown

    def turned(self, orientation: int) -> MaskImage:
        """Return the mask with all arrays turned by an EXIF orientation."""
        if orientation not in TURNS:
            return replace(self, orientation=1)
        turn = TURNS[orientation]
        arrays: dict[str, Any] = {
            name: np.ascontiguousarray(turn(array))
            for name in ("numbers", "colours", "alpha")
            if (array := getattr(self, name)) is not None
        }
        return replace(self, orientation=1, **arrays)

    def fit(self, height: int, width: int, orientation_of_image: int = 1) -> MaskImage:
        """Turn the mask so that it covers its upright image, (height, width).

        A mask's own EXIF orientation counts first; then the mask is taken as stored (a copied tag
        that is not true), then as drawn on the stored pixels of a turned image.

        Raises:
            DataError: The sizes differ in every case.
        """
        for orientation in (self.orientation, 1, orientation_of_image):
            transposed = orientation >= 5
            if (self.shape[::-1] if transposed else self.shape) == (height, width):
                return self.turned(orientation)
        raise DataError(
            f"{self.path}: is {self.shape[1]}×{self.shape[0]}, its image {width}×{height}"
            + (" (was the image turned by its EXIF data?)" if self.shape == (width, height) else "")
            + "; make them the same size"
        )


def read_mask_image(path: Path) -> MaskImage:
    """Read a mask file of any pixel format.

    Raises:
        DataError: The file cannot be read or decoded, is too large, holds several images, or holds
            no whole numbers.
    """
    content = read_bytes(path)
    opened = open_header(path, content)
    try:
        if opened.format in SEVERAL_IMAGES and (count := getattr(opened, "n_frames", 1)) > 1:
            raise DataError(f"{path}: holds {count} images; a mask is one, export it alone")
        lossy = opened.format in ALWAYS_LOSSY or content[8:16] == b"WEBPVP8 "
        orientation = _orientation(opened)
        inverted = (
            opened.format == "TIFF"
            and opened.mode.startswith("I")
            and opened.tag_v2.get(WHITE_IS_ZERO[0]) == WHITE_IS_ZERO[1]  # type: ignore[attr-defined]
        )
        mask = _decode(path, opened, lossy=lossy)
    except DataError:
        raise
    except Exception as error:  # a hostile file makes Pillow raise nearly any exception
        raise DataError(f"{path}: cannot be decoded ({error}); export it again as PNG") from None
    if inverted:
        raise DataError(
            f"{path}: is a 16-bit TIFF in which 0 is white, so that its numbers and its look "
            "differ; export it as PNG"
        )
    return replace(mask, orientation=orientation)


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as numbers; of a palette image, the indices instead of the colours.

    Returns:
        uint8 or uint16 (H, W).

    Raises:
        DataError: As `read_mask_image`, or the file is a colour image.
    """
    mask = read_mask_image(path)
    if mask.numbers is None:
        raise DataError(
            f"{path}: is a colour image; a mask holds one number per pixel, grey or palette"
        )
    return mask.numbers


def orientation_of(path: Path) -> int:
    """Read the EXIF orientation, 1..8, of an image file; 1 if it has none or cannot be read."""
    try:
        return _orientation(open_header(path, read_bytes(path)))
    except DataError:
        return 1


def _orientation(opened: Image.Image) -> int:
    try:
        value = opened.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data says nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decode(path: Path, opened: Image.Image, *, lossy: bool) -> MaskImage:
    mode = opened.mode
    if mode in ("P", "PA"):
        return _decode_palette(path, opened)
    if mode in ("1", "L", "F") or mode.startswith("I"):
        level = opened.info.get("transparency")
        numbers = _whole_numbers(path, np.asarray(opened), mode)
        alpha = None
        if isinstance(level, int):  # the one grey value of a PNG that is transparent
            alpha = np.where(numbers == level, 0, 255).astype(np.uint8)
        return MaskImage(path, numbers, alpha=alpha, lossy=lossy)
    has_alpha = mode in ("LA", "La", "RGBA", "RGBa") or "transparency" in opened.info
    array = np.asarray(opened.convert("RGBA" if has_alpha else "RGB"))
    alpha = np.ascontiguousarray(array[..., 3]) if has_alpha else None
    colours = np.ascontiguousarray(array[..., :3])
    spread = int(np.ptp(colours, axis=2).max(initial=0))
    if spread <= (NOISE // 2 if lossy else 0):
        return MaskImage(path, np.ascontiguousarray(colours[..., 1]), alpha=alpha, lossy=lossy)
    return MaskImage(path, None, colours, alpha, lossy=lossy)


def _decode_palette(path: Path, opened: Image.Image) -> MaskImage:
    shown = np.asarray(opened.convert("RGBA"))
    indices = np.asarray(opened.getchannel(0) if opened.mode == "PA" else opened)
    alpha, colours = np.ascontiguousarray(shown[..., 3]), np.ascontiguousarray(shown[..., :3])
    if (colours == indices[..., None]).all():  # a grey ramp: both are the same
        return MaskImage(path, indices, alpha=alpha)
    return MaskImage(path, indices, colours, alpha, indexed=True)


def _whole_numbers(path: Path, array: np.ndarray, mode: str) -> np.ndarray:
    if array.dtype == bool:
        return array.astype(np.uint8)
    if array.dtype == np.uint8:
        return array
    whole = array.ndim == 2 and bool(np.isfinite(array).all()) and array.min() >= 0
    if not whole or array.max() > 65535 or (array.dtype.kind == "f" and (array % 1).any()):
        raise DataError(f"{path}: is not a mask of whole numbers 0..65535 (its mode is {mode})")
    return array.astype(np.uint16)
