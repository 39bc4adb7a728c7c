"""Where the image in a file ends, and what of the file a decoder needs to see.

Phones append videos and further pictures to photos, and editors leave parts of the picture that
was there before (CVE-2023-21036). Viewers show none of it. Decoders fill with grey what a cut JPEG
lacks; a strict decoder finds that out here.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pii_seg.errors import MediaError

_MARKER = re.compile(rb"\xff+[^\xff]", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_END_OF_JPEG = b"\xff\xd9"
_PADDING = bytes((0x35, 0xCA, 0x6B, 0x92, 0x1D, 0xE4, 0x57, 0xA9)) * 2  # any bytes but 0xFF
_LARGE = 1_000_000  # pixels, from which on completeness is checked at an eighth of the size
_MOST_SCANS = 200  # of a progressive JPEG; cameras write some ten, a hostile file thousands
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEEN_BY_DECODERS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"eXIf"}
)
_CUT = "is cut off or damaged: {}; take a whole copy of it from where it came"


@dataclass(frozen=True)
class Gif:
    """The frames that the blocks of a GIF declare.

    Attributes:
        sizes: (width, height) that each frame needs with the frames before it.
        end: Position after its last block; None if that is missing, and so may be frames.
    """

    sizes: tuple[tuple[int, int], ...]
    end: int | None


def damaged(what: str) -> MediaError:
    """Return the error of a file that is not whole."""
    return MediaError(_CUT.format(what))


def trailing_note(content: bytes, end: int) -> str | None:
    """Say what follows the image's end, unless it is nothing or padding."""
    rest = content[end:].strip(b"\0 \r\n")
    if not rest:
        return None
    media = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"ftyp", b"WEBPVP8")
    what = ", with a further picture or video," if any(mark in rest for mark in media) else ""
    return f"{len(content) - end} bytes after the end of the image{what} were dropped"


@dataclass(frozen=True)
class Jpeg:
    """The end of a JPEG, and its parts.

    Attributes:
        end: Position after the end of the first image.
        process: The start-of-frame marker: 0xC0, 0xC1 baseline, 0xC2 progressive, …
        picture: The image without applications' segments and comments.
        padded: The same with additional bytes wherever compressed data end.
    """

    end: int
    process: int
    picture: bytes
    padded: bytes


def read_jpeg_markers(content: bytes) -> Jpeg:
    """Walk over the markers of a JPEG (ITU T.81, annex B).

    Raises:
        MediaError: It has no end, more scans than any camera writes, or 12 bits a channel.
    """
    position, scans, process, restarts = 2, 0, 0, False
    picture, padded = [content[:2]], [content[:2]]
    while True:
        found = _MARKER.search(content, position)
        if found is None:
            raise damaged("its data have no end")
        marker, start = content[found.end() - 1], found.end()
        if marker == 0xD9:
            joined, longer = b"".join(picture), b"".join(padded)
            return Jpeg(start, process, joined + _END_OF_JPEG, longer + _END_OF_JPEG)
        if marker == 0xD8:
            raise damaged("another image begins inside it")
        if marker <= 0x01 or 0xD0 <= marker <= 0xD7:
            position = start
            continue
        position = start + max(2, int.from_bytes(content[start : start + 2]))
        if marker in _FRAMES:
            process = marker
            if content[start + 2 : start + 3] == b"\x0c":
                raise MediaError(
                    "is a JPEG of 12 bits a channel, which is not read; convert it to PNG of 16"
                )
        restarts = restarts or marker == 0xDD
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            segment = b"\xff" + content[found.end() - 1 : position]
            picture.append(segment)
            padded.append(segment)
        if marker == 0xDA:
            scans += 1
            if scans > _MOST_SCANS:
                raise MediaError(f"is a JPEG of more than {_MOST_SCANS} scans; save it anew")
            following = _AFTER_SCAN.search(content, position)
            end = len(content) if following is None else following.start()
            picture.append(content[position:end])
            padded.append(_padded_scan(content[position:end], restarts=restarts))
            position = end


def require_whole_jpeg(jpeg: Jpeg) -> None:
    """Check that a JPEG's data reach to its last pixel.

    libjpeg, which every viewer uses, fills with grey what is missing and says nothing. But bytes
    that follow complete data are passed over, while bytes that follow incomplete data are decoded:
    then the image changes with them. Of large images that is seen, and costs little, at an eighth
    of the size, where only the mean of each block is computed. A progressive one may lack what that
    size does not need, or its last scans.

    Raises:
        MediaError: The data end before the image does.
    """
    if jpeg.process not in (0xC0, 0xC1, 0xC2):
        return  # arithmetic coding may end early (ITU T.81, D.1.8); the rest is not read
    if jpeg.process == 0xC2 and not _is_complete(jpeg.picture):
        raise damaged("scans are missing")
    if not np.array_equal(_decoded(jpeg.picture), _decoded(jpeg.padded)):
        raise damaged("its data end before the image does")


def _decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if image.width * image.height > _LARGE and "progressive" not in image.info:
            image.draft(image.mode, (1, 1))
        return np.asarray(image)


def _is_complete(picture: bytes) -> bool:
    """Whether the scans of a progressive JPEG hold each coefficient to its last bit (G.1.1)."""
    complete: set[tuple[int, int]] = set()
    components: set[int] = set()
    position = 2
    while (found := _AFTER_SCAN.search(picture, position)) and picture[found.end() - 1] != 0xD9:
        marker, start = picture[found.end() - 1], found.end()
        segment = picture[start + 2 : start + int.from_bytes(picture[start : start + 2])]
        if marker == 0xC2:
            components = set(segment[6::3])
        if marker == 0xDA:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            if bits & 15 == 0:
                names = segment[1 : 1 + 2 * count : 2]
                complete |= {(name, k) for name in names for k in range(first, last + 1)}
        position = start + 2 + len(segment)
    return complete >= {(name, k) for name in components for k in range(64)}


def _padded_scan(data: bytes, *, restarts: bool) -> bytes:
    """Add bytes wherever compressed data end: before each restart marker, and at the end.

    With restart markers another eight intervals follow, in case that the missing data begin there.
    """
    padded = _RESTART.sub(_PADDING + rb"\g<0>", data) + _PADDING
    if restarts:
        count = len(_RESTART.findall(data))
        padded += b"".join(bytes((0xFF, 0xD0 + (count + k) % 8)) + _PADDING for k in range(8))
    return padded


def read_png_chunks(content: bytes) -> tuple[bytes, int]:
    """Drop the chunks of a PNG that are not about pixels, colours and orientation.

    Texts may be compressed a thousandfold, and are never needed.

    Returns:
        The file without them and without what follows its end, and the position of its end.
    """
    kept, position = [content[:8]], 8
    while position + 12 <= len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4])
        name = content[position + 4 : position + 8]
        if name in _SEEN_BY_DECODERS:
            kept.append(content[position:end])
        position = end
        if name == b"IEND":
            return b"".join(kept), min(end, len(content))
    return b"".join((*kept, content[position:])), len(content)


def read_gif_blocks(content: bytes) -> Gif:
    """Walk over the blocks of a GIF (GIF89a specification), before a frame is decoded."""
    width, height = (int.from_bytes(content[at : at + 2], "little") for at in (6, 8))
    position = 13 + _palette_length(content[10:11])
    sizes: list[tuple[int, int]] = []
    while position < len(content):
        kind = content[position]
        if kind == 0x3B:
            return Gif(tuple(sizes), position + 1)
        if kind == 0x2C:
            numbers = content[position + 1 : position + 9]
            at_x, at_y, w, h = (int.from_bytes(numbers[k : k + 2], "little") for k in (0, 2, 4, 6))
            width, height = max(width, at_x + w), max(height, at_y + h)
            sizes.append((width, height))
            position += 10 + _palette_length(content[position + 9 : position + 10]) + 1
        elif kind == 0x21:
            position += 2
        else:
            position += 1  # between blocks, where decoders skip what they do not know
            continue
        while position < len(content) and content[position]:
            position += 1 + content[position]
        position += 1
    return Gif(tuple(sizes), None)


def _palette_length(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def end_of_riff(content: bytes) -> int:
    """Return the position after a WebP's last chunk, as its header declares it."""
    return 8 + int.from_bytes(content[4:8], "little")


def end_of_boxes(content: bytes) -> int:
    """Return the position before what is not part of an HEIF or AVIF image (ISO 14496-12, 4.2).

    Phones append a video in a box of its own (mpvd).
    """
    position = 0
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4])
        name = content[position + 4 : position + 8]
        if name == b"mpvd" or not name.isalnum():
            return position
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16])
        if size < 8:
            return len(content)
        position += size
    return len(content)
