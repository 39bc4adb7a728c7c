"""The pages of a TIFF, those too that Pillow cannot read: 16 bits of colour, fractions, planes."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import cv2
import numpy as np
import tifffile

from pii_seg.data.image_ends import damaged
from pii_seg.errors import MediaError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY_INVERTED, _GREY, _RGB = 0, 1, 2  # photometric interpretation
_CAMERA = (32803, 34892)  # of raw files: a colour filter's samples, linear raw
_DNG_VERSION = 50706
_PLAIN, _ZIP = 1, (8, 32946)  # compression
MOST_PAGES = 10_000
_REDUCED = 1  # bit of NewSubfileType


@dataclass(frozen=True)
class Page:
    """A page, not decoded.

    Attributes:
        number: Its place in the file.
        height: As stored, before it is turned upright.
        width: The same.
        nbytes: Memory when decoded.
        deep: Pillow cannot read it or would cut it to 8 bits.
        reduced: A smaller version of another page.
        inverted: 0 is white.
        orientation: 1..8, as in EXIF.
        profile: ICC profile.
    """

    number: int
    height: int
    width: int
    nbytes: int
    deep: bool
    reduced: bool
    inverted: bool
    orientation: int
    profile: bytes | None


def read_pages(content: bytes) -> list[Page]:
    """List the pages of a TIFF.

    Raises:
        MediaError: It is a camera's raw file, or holds pixels of a kind that is not read.
    """
    if content[8:10] == b"CR":
        raise _raw()
    _check_chain(content)
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        pages = [_page(number, page) for number, page in enumerate(tiff.pages)]
    if not pages:
        raise damaged("it has no page")
    return pages


def _check_chain(content: bytes) -> None:
    """Follow the directories of the pages, and reject a chain that is endless."""
    order: Literal["little", "big"] = "little" if content[:1] == b"I" else "big"
    # A big TIFF has numbers of 8 bytes; a directory is a count, entries, and the next one's place.
    at, wide, counts, entry = (8, 8, 8, 20) if 43 in content[2:4] else (4, 4, 2, 12)
    place = int.from_bytes(content[at : at + wide], order)
    seen: set[int] = set()
    while place:
        if place in seen or place + counts > len(content):
            raise damaged("its pages lead nowhere")
        seen.add(place)
        if len(seen) > MOST_PAGES:
            raise MediaError(f"has more than {MOST_PAGES} pages; split it")
        number = int.from_bytes(content[place : place + counts], order)
        following = place + counts + number * entry
        if following + wide > len(content):
            raise damaged("the directory of a page is cut off")
        place = int.from_bytes(content[following : following + wide], order)


def _page(number: int, page: Any) -> Page:
    tags = page.tags
    kind, photometric = page.dtype, int(page.photometric)
    height, width = int(page.imagelength), int(page.imagewidth)
    if photometric in _CAMERA or _DNG_VERSION in tags or _holds_larger(page, height * width):
        raise _raw()
    if kind is None:
        raise MediaError("holds numbers of an unknown kind; convert it to PNG")
    deep = kind not in (np.uint8, np.bool_)
    if deep and (
        kind.kind not in "uif"
        or photometric > _RGB
        or page.samplesperpixel > 4
        or page.is_tiled > 1
    ):
        raise MediaError(
            f"holds {page.samplesperpixel} channels of type {kind} and kind {photometric}, which "
            "are not read; convert it to RGB or grey"
        )
    if page.imagedepth > 1:
        raise MediaError("holds a volume; convert its slices to pages")
    profile = tags.valueof(34675)
    return Page(
        number,
        height,
        width,
        height * width * max(4, page.samplesperpixel * (kind.itemsize if deep else 1)),
        deep,
        bool(int(page.subfiletype) & _REDUCED),
        photometric == _GREY_INVERTED,
        _orientation(tags.valueof(274)),
        profile if isinstance(profile, bytes) else None,
    )


def _orientation(value: Any) -> int:
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _holds_larger(page: Any, pixels: int) -> bool:
    """Whether a page hides a larger image below itself, as cameras' raw files do."""
    below = islice(page.pages or (), 16)
    return any(int(sub.imagelength) * int(sub.imagewidth) > pixels for sub in below)


def _raw() -> MediaError:
    return MediaError(
        "is a camera's raw file, of which only a preview could be read; export it as JPEG or TIFF"
    )


def decode_deep(content: bytes, page: Page) -> np.ndarray:
    """Decode a page of more than 8 bits.

    Returns:
        (H, W, C), C = 1..4, upright, RGB order, any type of number.

    Raises:
        MediaError: It cannot be decoded in full.
    """
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        stored: Any = tiff.pages[page.number]
        compression, packed = int(stored.compression), stored.bitspersample % 8
        if not packed and (compression == _PLAIN or compression in _ZIP):
            _check_segments(content, stored, compress=compression != _PLAIN)
            array = stored.asarray()
            if array.ndim == 3 and int(stored.planarconfig) == 2:  # planes
                array = np.moveaxis(array, 0, 2)
            array = array[..., None] if array.ndim == 2 else array
            return turned(array, page.orientation).astype(array.dtype.newbyteorder("="), copy=False)
        if int(stored.planarconfig) == 2 and stored.samplesperpixel > 1:
            raise MediaError("keeps its colours in separate planes; save it without compression")
    # libtiff knows the other compressions, and turns pages upright.
    _, pages = cv2.imdecodemulti(
        np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED, range=(page.number, page.number + 1)
    )
    if not pages:
        raise damaged("a page cannot be decoded")
    array = swap_red_blue(np.asarray(pages[0]))
    if sorted(array.shape[:2]) != sorted((page.height, page.width)):
        raise MediaError("is read differently by two decoders; save it anew")
    return array


def _check_segments(content: bytes, page: Any, *, compress: bool) -> None:
    """Reject a page whose strips or tiles are cut off, or unpack to more than they should."""
    largest = page.nbytes + (1 << 16)
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if length == 0 or start + length > len(content):
            raise damaged("a part of a page is missing")
        if compress:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(content[start : start + length], largest)
            if unpacker.unconsumed_tail or len(unpacked) == largest:
                raise MediaError("unpacks to more than its size; save it anew")
            if not unpacker.eof:
                raise damaged("a part of a page is missing")


def swap_red_blue(array: np.ndarray) -> np.ndarray:
    """Change between the channel orders of OpenCV (BGR, BGRA) and Pillow (RGB, RGBA).

    Args:
        array: (H, W) or (H, W, 1, 3 or 4).

    Returns:
        (H, W, C).

    Raises:
        MediaError: Another number of channels.
    """
    if array.ndim == 2:
        return array[..., None]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    if array.shape[2] not in order:
        raise MediaError(f"has {array.shape[2]} channels; convert it to RGB")
    return array[..., order[array.shape[2]]]


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an image of an EXIF orientation (tag 274) upright.

    Args:
        array: (H, W, …).
        orientation: 1..8; any other number means 1.
    """
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array
