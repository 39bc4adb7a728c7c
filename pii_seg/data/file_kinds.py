"""Images and videos are recognised by their first bytes, whatever their names are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pii_seg.data.files import FileList, LeftOut, list_files
from pii_seg.data.image_io import FOREIGN_ENDINGS, IMAGE_ENDINGS

Kind = Literal["image", "video"]

START = 400
"""Bytes of a file that `kind_of_content` needs: two packets of an MPEG transport stream."""

_IMAGES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF and BigTIFF, with them most raw formats
    *(b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51"),  # JPEG 2000
    *(b"\0\0\0\x0cJXL \r\n", b"\xff\x0a"),  # JPEG XL
    *(b"8BPS", b"v/1\x01", b"FUJIFILMCCD-RAW", b"FOVb", b"IIRO", b"IIU\0", b"\0\0\x01\0"),
    *(b"#?RADIANCE", b"BPG\xfb", b"qoif", b"DDS ", b"SIMPLE  ="),
)
"""The first bytes of image formats, readable here or not: what cannot be read fails by name."""

_VIDEOS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\0\0\x01\xba",  # MPEG program stream: VOB, MPG
    b"\0\0\x01\xb3",  # MPEG video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
    b"FLV\x01",
    *(b".RMF", b"\x1f\x07\0"),  # RealMedia, DV
)
_IMAGE_BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    *(b"avif", b"avis", b"crx "),
)
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def kind_of_content(start: bytes) -> Kind | None:
    """Recognise a file by its first `START` bytes; None: neither an image nor a video."""
    if start.startswith(_IMAGES):
        return "image"
    if start.startswith(_VIDEOS):
        return "video"
    if start[:4] == b"RIFF":
        return {b"WEBP": "image", b"AVI ": "video"}.get(start[8:12])  # type: ignore[return-value]
    if start[4:8] in _BOXES:  # MP4, MOV, 3GP, HEIC, AVIF, CR3
        brand = start[8:12] if start[4:8] == b"ftyp" else b""
        return None if brand in _SOUND_BRANDS else "image" if brand in _IMAGE_BRANDS else "video"
    if start[:2] == b"BM" and start[6:10] == b"\0\0\0\0" and start[15:18] == b"\0\0\0":
        return "image"
    if start[:1] == b"P" and start[1:2] in b"1234567" and start[2:3].isspace():  # PBM, PGM, PPM
        return "image"
    if start[128:132] == b"DICM":
        return "image"
    # MPEG transport streams: every packet begins with 0x47; those of cameras have a time before it.
    if any(len(start) > at + size and start[at] == start[at + size] == 0x47
           for at, size in ((0, 188), (4, 192))):  # fmt: skip
        return "video"
    return None


def kind_of_file(path: Path) -> Kind | None:
    """Recognise a file by its content. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # a third of open()'s time
    try:
        return kind_of_content(os.read(descriptor, START))
    finally:
        os.close(descriptor)


def list_images(folder: Path, *, exclude: Sequence[Path] = ()) -> FileList:
    """List the images below `folder`: files that have an image's ending or an image's content.

    Formats that cannot be decoded are included: they fail by name. All else is left out with a
    reason; see `files.list_files`.
    """
    below = list_files(folder, exclude=exclude)
    images: list[tuple[Path, str]] = []
    others = list(below.left_out)
    for path, name in zip(below.files, below.names, strict=True):
        try:
            known = path.suffix.lower() in ENDINGS or kind_of_file(path) == "image"
        except OSError as error:
            others.append(LeftOut(path, f"cannot be read ({error.strerror})", fault=True))
            continue
        if known:
            images.append((path, name))
        else:
            others.append(LeftOut(path, "not an image"))
    return FileList(
        tuple(path for path, _ in images), tuple(name for _, name in images), tuple(others)
    )


ENDINGS = IMAGE_ENDINGS | FOREIGN_ENDINGS
