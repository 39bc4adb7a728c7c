"""Decode stills and animations for anonymising: their pixels, and the metadata that may be kept."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from PIL import ExifTags, Image

from pii_seg.anonymize.images import SUFFIXES, ImageFile, KeptMetadata
from pii_seg.data.decoding import READABLE, decode
from pii_seg.data.frames import Frame, Limits
from pii_seg.data.shown import LEAST_CONTRAST, contrast

WRITTEN_AS = {**{name: name for name in SUFFIXES}, "MPO": "JPEG", "HEIF": "JPEG"}
"""The format that is read -> the format that is written; of those that are not here, PNG."""

DATE = re.compile(r"\d{4}:[01]\d:[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d")


def decode_file(
    content: bytes,
    *,
    keep: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    is_whole: bool = False,
) -> ImageFile:
    """Decode all frames of an image file.

    Args:
        content: The whole file.
        keep: Metadata to keep, a subset of KEEPABLE. Colours are converted to sRGB unless "icc",
            the profile, is kept.
        limits: Reject larger files.
        is_whole: The file was just encoded by this program, and is not checked for missing data.

    Returns:
        The frames, upright, and what is needed to write them again.

    Raises:
        MediaError: The file cannot be decoded in full. No other exception is raised.
    """
    keeps_profile = "icc" in keep
    decoded = decode(content, limits=limits, keeps_profile=keeps_profile, is_whole=is_whole)
    frames, notes = decoded.frames, [*decoded.notes]
    kind = _written_as(decoded.kind, frames)
    if kind == "TIFF" and decoded.kind != "TIFF":
        notes.append(f"the {len(frames)} images in the file became the pages of a TIFF")
    return ImageFile(
        kind,
        frames,
        KeptMetadata(frames[0].profile, _date(content) if "date" in keep else None),
        loop=decoded.loop,
        lossless=decoded.kind != "WEBP" or b"VP8 " not in set(_webp_chunks(content)),
        notes=tuple(notes),
    )


def contrast_notes(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Say which images need a check because nothing can be seen on them; empty if none does."""
    flat = [
        number
        for number, frame in enumerate(frames, 1)
        if contrast(frame.to_rgb8()) < LEAST_CONTRAST
    ]
    return flat_notes(flat, len(frames))


def flat_notes(flat: Sequence[int], count: int) -> tuple[str, ...]:
    """Say that the frames of the numbers `flat`, of `count`, need a check; empty if none does."""
    if not flat:
        return ()
    which = "" if count == 1 else f"frames {_listed(flat)}: "
    return (
        f"{which}next to no contrast (flat, black or white): the search may have missed persons",
    )


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    return shown if len(numbers) <= 5 else f"{shown} and {len(numbers) - 5} more"


def _written_as(kind: str, frames: tuple[Frame, ...]) -> str:
    """Choose a format that holds the frames."""
    if len(frames) == 1:
        written = WRITTEN_AS.get(kind, "PNG")
        return "PNG" if written == "JPEG" and frames[0].alpha is not None else written
    if kind == "AVIF":  # an animation
        return "PNG"
    return "TIFF" if WRITTEN_AS.get(kind) in ("JPEG", None) else WRITTEN_AS[kind]


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    """Yield the types of a WebP's chunks, also of its frames. "VP8 " is lossy, "VP8L" is not."""
    position = 12
    while position + 8 <= len(content):
        kind = content[position : position + 4]
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        yield kind
        position += 8 + (16 if kind == b"ANMF" else length + length % 2)


def _date(content: bytes) -> str | None:
    """Return the capture date if the field holds a date and nothing else."""
    try:
        with Image.open(io.BytesIO(content), formats=READABLE) as image:
            image.load()  # in a PNG the EXIF chunk may follow the pixels
            exif = image.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            date = taken or exif.get(ExifTags.Base.DateTime)
    except Exception:  # the pixels are decoded already: damaged metadata are left out
        return None
    return date if isinstance(date, str) and DATE.fullmatch(date) else None
