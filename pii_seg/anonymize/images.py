"""Decoded images: the frames of a still or an animation as arrays, and the metadata that is kept.

A file is written anew from these arrays (`image_reader`, `image_writer`). So nothing else in the
input (thumbnails, positions, comments, bytes after its end) can reach the output, except what
`KeptMetadata` allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "GIF": ".gif",
    "BMP": ".bmp",
}
"""The file name suffix of each format that is written, by Pillow's name of the format."""

KEEPABLE = frozenset({"icc", "date"})
"""The metadata that may be kept on request."""


@dataclass(frozen=True)
class Limits:
    """The largest file that is decoded.

    Attributes:
        pixels: Pixels of one frame.
        frames: Number of frames.
        decoded: Bytes of all decoded frames together.
    """

    pixels: int = 150_000_000
    frames: int = 2000
    decoded: int = 4 << 30


@dataclass(frozen=True)
class Frame:
    """One frame, upright.

    Attributes:
        pixels: uint8 or uint16 (H, W, C), C = 1 or 3.
        alpha: (H, W) of the same dtype; None without transparency.
        duration: In ms; None for a still.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    duration: float | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.pixels.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    def to_rgb8(self) -> np.ndarray:
        """Convert to uint8 (H, W, 3) for the segmenter.

        Transparent pixels keep their stored colour, so that a person hidden there is found.
        """
        pixels = self.pixels
        if pixels.dtype != np.uint8:
            pixels = (pixels >> 8).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


@dataclass(frozen=True)
class KeptMetadata:
    """The metadata that the user asked to keep.

    Attributes:
        profile: The ICC profile.
        date: When the image was taken, 'YYYY:MM:DD hh:mm:ss'.
    """

    profile: bytes | None = None
    date: str | None = None


@dataclass(frozen=True)
class ImageFile:
    """A decoded image file.

    Attributes:
        format: A key of SUFFIXES: the format of the output.
        frames: One or more; pages of a TIFF may differ in size.
        kept: Metadata for the output.
        loop: Repetitions of an animation: 0 for ever, None once.
        lossless: Whether a WebP stored its pixels without loss.
        notes: What the file held that the output does not, for the audit.
    """

    format: str
    frames: tuple[Frame, ...]
    kept: KeptMetadata = field(default_factory=KeptMetadata)
    loop: int | None = None
    lossless: bool = True
    notes: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """File name suffix of the output."""
        return SUFFIXES[self.format]

    @property
    def nbytes(self) -> int:
        """Memory of all frames."""
        return sum(frame.nbytes for frame in self.frames)
