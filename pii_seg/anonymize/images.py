"""Decoded images: the frames of a still or an animation as arrays, and the metadata that is kept.

A file is written anew from these arrays (`image_reader`, `image_writer`). So nothing else in the
input (thumbnails, positions, comments, bytes after its end) can reach the output, except what
`KeptMetadata` allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pii_seg.data.frames import Frame

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
class KeptMetadata:
    """The metadata that the user asked to keep.

    Attributes:
        profile: An ICC profile that holds the numbers of the colours and nothing else.
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
    def is_animation(self) -> bool:
        """Whether the frames show one scene over time; the pages of a TIFF are independent."""
        return len(self.frames) > 1 and self.format != "TIFF"

    @property
    def suffix(self) -> str:
        """File name suffix of the output."""
        return SUFFIXES[self.format]

    @property
    def nbytes(self) -> int:
        """Memory of all frames."""
        return sum(frame.nbytes for frame in self.frames)
