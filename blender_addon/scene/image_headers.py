"""Read the size, the orientation and the end of image files from their headers, without decoding.

Blender decodes images, and ignores the orientation that a camera writes beside the pixels. Formats:
JPEG (JFIF, Exif 2.32), PNG (third edition, chunk eXIf), WebP (RIFF container), TIFF 6.0, BMP,
Radiance HDR and OpenEXR.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

MAX_PIXELS = 1 << 29  # a panorama of 32768 × 16384 px; decoded, it takes 8 GiB
_MAX_PARTS = 10_000  # segments or chunks before the end; a 100 MP photo has some hundred
_MAX_EXIF = 1 << 17  # bytes: orientation is in the first directory, at the start
_ORIENTATION, _WIDTH, _HEIGHT, _COLOURS, _NUMBERS = 274, 256, 257, 262, 339  # TIFF tags
_STRIPS = ((273, 279), (324, 325))  # offsets and lengths of strips, and of tiles
_ALL_STRIPS = {tag for pair in _STRIPS for tag in pair}
_MAX_TAGS, _MAX_STRIPS = 1000, 1 << 17
_TAIL = 1 << 12  # bytes in which a JPEG's end is looked for first
_STEP = 1 << 20
_JPEG_KINDS = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # baseline to progressive: all that libjpeg decodes


class ImageHeaderError(ValueError):
    """A file is no image that Blender reads, or is damaged; the message is the reason alone."""


@dataclass(frozen=True)
class ImageHeader:
    """The beginning of an image file.

    Attributes:
        kind: "JPEG", "PNG", "WebP", "TIFF", "BMP", "HDR" or "EXR".
        width, height: Size as stored, px.
        orientation: 1 to 8, as Exif defines it; 1 is upright.
        inverted: Whether white is 0, as in a TIFF that was scanned.
        exif: The block of Exif of a JPEG, PNG or WebP, or nothing.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    inverted: bool = False
    exif: bytes = field(default=b"", repr=False)


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file, and check that the file does not end early.

    Its time does not depend on the number of pixels, except for a JPEG with data behind its end.

    Raises:
        ImageHeaderError: The file is empty, no image, cut short, or of more than MAX_PIXELS.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size == 0:
            raise ImageHeaderError("empty")
        file.seek(0)
        start = file.read(32)
        file.seek(0)
        for matches, read in _READERS:
            if matches(start):
                try:
                    header = read(file, size)
                except ImageHeaderError:
                    raise
                except (struct.error, IndexError, ValueError):
                    raise ImageHeaderError("cut short") from None
                break
        else:
            raise ImageHeaderError(_foreign(start))
    if header.width < 1 or header.height < 1:
        raise ImageHeaderError(f"damaged (its size is {header.width} x {header.height})")
    if header.width * header.height > MAX_PIXELS:
        raise ImageHeaderError(f"too large ({header.width} x {header.height} pixels)")
    return header


def _foreign(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        brand = start[8:12].decode("ascii", "replace")
        return f"not an image that Blender reads (an ISO media file, {brand!r}: HEIC, AVIF or MP4)"
    return "not an image"


def _jpeg(file: BinaryIO, size: int) -> ImageHeader:
    shape: tuple[int, int] | None = None
    exif = b""
    position = 2
    for _ in range(_MAX_PARTS):
        file.seek(position)
        marker = file.read(4)
        if len(marker) < 2:
            raise ImageHeaderError("cut short")
        if marker[0] != 0xFF:
            raise ImageHeaderError("damaged")
        code = marker[1]
        if code == 0xFF:  # fill bytes may come before a marker
            position += 1
            continue
        if code == 0xD9:
            raise ImageHeaderError("without an image in it")
        if code == 0x01 or 0xD0 <= code <= 0xD8:  # markers without a length
            position += 2
            continue
        (length,) = struct.unpack(">H", marker[2:4])
        if length < 2:
            raise ImageHeaderError("damaged")
        if code == 0xE1 and not exif:
            exif = _exif_of(file.read(length - 2))
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            bits, height, width = struct.unpack(">BHH", file.read(5))
            shape = width, height
            if bits != 8 or code not in _JPEG_KINDS:
                raise ImageHeaderError(f"a JPEG of {bits} bits or a rare kind (SOF {code & 15})")
        if code == 0xDA:
            break
        position += length + 2
    if shape is None:
        raise ImageHeaderError("damaged")
    if not _ends_with_eoi(file, position, size):
        raise ImageHeaderError("cut short")
    return ImageHeader("JPEG", *shape, _tiff_orientation(exif), exif=exif)


def _exif_of(segment: bytes) -> bytes:
    return segment[6:] if segment.startswith((b"Exif\0\0", b"Exif\0\xff")) else b""


def _ends_with_eoi(file: BinaryIO, start: int, size: int) -> bool:
    """Whether an end marker follows the pixels. It may have megabytes behind it: a motion photo."""
    file.seek(max(start, size - _TAIL))
    if b"\xff\xd9" in file.read(_TAIL):
        return True
    file.seek(start)
    before = b""
    while chunk := file.read(_STEP):
        if b"\xff\xd9" in before + chunk:
            return True
        before = chunk[-1:]
    return False


def _png(file: BinaryIO, size: int) -> ImageHeader:
    exif, shape = b"", (0, 0)
    position = 8
    for _ in range(_MAX_PARTS * 100):  # a large PNG has a chunk for each 8 kB
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if position + 12 + length > size:
            raise ImageHeaderError("cut short")
        if kind == b"IHDR":
            shape = struct.unpack(">II", file.read(8))
        elif kind == b"eXIf":
            exif = file.read(min(length, _MAX_EXIF))
        elif kind == b"IEND":
            return ImageHeader("PNG", *shape, _tiff_orientation(exif), exif=exif)
        position += 12 + length
    raise ImageHeaderError("damaged")


def _webp(file: BinaryIO, size: int) -> ImageHeader:
    (length,) = struct.unpack("<4xI4x", file.read(12))
    if length + 8 > size:
        raise ImageHeaderError("cut short")
    exif, shape = b"", (0, 0)
    position, end = 12, length + 8
    for _ in range(_MAX_PARTS):
        if position + 8 > end:
            break
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        content = file.read(min(length, _MAX_EXIF))
        if kind == b"VP8X":
            if content[0] & 2:
                raise ImageHeaderError("an animation")
            w, h = content[4:7], content[7:10]
            shape = int.from_bytes(w, "little") + 1, int.from_bytes(h, "little") + 1
        elif kind == b"VP8 " and shape == (0, 0):
            width, height = struct.unpack("<HH", content[6:10])
            shape = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and shape == (0, 0):
            bits = int.from_bytes(content[1:5], "little")
            shape = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            exif = _exif_of(content) or content
        position += 8 + length + length % 2
    return ImageHeader("WebP", *shape, _tiff_orientation(exif), exif=exif)


def _tiff(file: BinaryIO, size: int) -> ImageHeader:
    big = file.read(4)[2:] in (b"+\0", b"\0+")
    file.seek(0)
    numbers = _tiff_tags(file, size, big=big)
    tags = {tag: values[0] for tag, values in numbers.items() if values}
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise ImageHeaderError("damaged")
    for offsets, lengths in _STRIPS:
        ends = map(sum, zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=False))
        if max(ends, default=0) > size:
            raise ImageHeaderError("cut short")
    if tags.get(_COLOURS, 1) in (8, 9, 10) or tags.get(_NUMBERS, 1) not in (1, 3, 4):
        raise ImageHeaderError("a TIFF of Lab colours or signed numbers, which Blender cannot show")
    inverted = tags.get(_COLOURS) == 0
    orientation = _valid(tags.get(_ORIENTATION, 1))
    return ImageHeader("TIFF", tags[_WIDTH], tags[_HEIGHT], orientation, inverted)


def _tiff_tags(file: BinaryIO, size: int, *, big: bool = False) -> dict[int, tuple[int, ...]]:
    """The tags of the first directory that hold whole numbers, and the first of those numbers."""
    order = "<" if file.read(2) == b"II" else ">"
    word = "Q" if big else "I"
    file.seek(8 if big else 4)
    (offset,) = struct.unpack(order + word, file.read(8 if big else 4))
    if offset >= size:
        raise ImageHeaderError("cut short")
    file.seek(offset)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    table = file.read(min(count, _MAX_TAGS) * entry.size)
    tags: dict[int, tuple[int, ...]] = {}
    for tag, kind, number, value in entry.iter_unpack(table):
        code = {3: "H", 4: "I", 16: "Q"}.get(kind)  # SHORT, LONG, LONG8
        if code is None or tag in tags:
            continue
        wanted = min(number, _MAX_STRIPS if tag in _ALL_STRIPS else 1)
        numbers = struct.Struct(f"{order}{wanted}{code}")
        if number * struct.calcsize(order + code) > len(value):
            file.seek(min(struct.unpack(order + word, value)[0], size))
            value = file.read(numbers.size)
        tags[tag] = numbers.unpack(value[: numbers.size])
    return tags


def _tiff_orientation(exif: bytes) -> int:
    """The orientation in a block of Exif, which is a small TIFF; 1 where it has none."""
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        return _valid(_tiff_tags(BytesIO(exif), len(exif)).get(_ORIENTATION, (1,))[0])
    except (struct.error, IndexError, ImageHeaderError):
        return 1


def _valid(orientation: int) -> int:
    return orientation if 1 <= orientation <= 8 else 1


def _bmp(file: BinaryIO, size: int) -> ImageHeader:
    start = file.read(34)
    pixels, header = struct.unpack_from("<II", start, 10)
    if header == 12:  # OS/2
        width, height, bits, compression = *struct.unpack_from("<HHxxH", start, 18), 0
    else:
        width, height, bits, compression = struct.unpack_from("<iixxHI", start, 18)
    stored = (abs(width) * bits + 31) // 32 * 4 * abs(height) if compression == 0 else 1
    if pixels + stored > size:
        raise ImageHeaderError("cut short")
    return ImageHeader("BMP", width, abs(height))


def _hdr(file: BinaryIO, size: int) -> ImageHeader:
    for _ in range(_MAX_PARTS):
        line = file.readline(_STEP)
        if not line:
            raise ImageHeaderError("cut short")
        words = line.split()
        if len(words) == 4 and words[0][1:] in (b"Y", b"X") and words[2][1:] in (b"Y", b"X"):
            first, second = int(words[1][:9]), int(words[3][:9])
            upright = words[0][1:] == b"Y"
            return ImageHeader("HDR", *((second, first) if upright else (first, second)))
    raise ImageHeaderError("damaged")


def _exr(file: BinaryIO, size: int) -> ImageHeader:
    start = file.read(min(size, _STEP))
    position = start.find(b"dataWindow\0box2i\0\x10\0\0\0")
    if position < 0:
        raise ImageHeaderError("damaged")
    x0, y0, x1, y1 = struct.unpack_from("<4i", start, position + 21)
    return ImageHeader("EXR", x1 - x0 + 1, y1 - y0 + 1)


Reader = Callable[[BinaryIO, int], ImageHeader]
_READERS: tuple[tuple[Callable[[bytes], bool], Reader], ...] = (
    (lambda start: start.startswith(b"\xff\xd8"), _jpeg),
    (lambda start: start.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda start: start[:4] == b"RIFF" and start[8:12] == b"WEBP", _webp),
    (lambda start: start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff),
    (lambda start: start.startswith(b"BM"), _bmp),
    (lambda start: start.startswith(b"#?"), _hdr),
    (lambda start: start.startswith(b"\x76\x2f\x31\x01"), _exr),
)
