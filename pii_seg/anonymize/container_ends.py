"""Read what a video file says about its own length, and reject one that is cut off.

FFmpeg reads a file that was cut off up to its last byte and reports no error, as players do: a card
that was pulled out or a copy that stopped would give an output that lacks its end. Every container
but the MPEG streams says somewhere how long it is. That is read here: sizes are compared with the
file's, and packets are counted, which the reader compares with those that FFmpeg finds. Of the
content only headers are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pii_seg.errors import MediaError

REMEDY = (
    "copy it anew from the camera or card, or save the part that plays to a file of its own: "
    "ffmpeg -i FILE -c copy NEW.mkv"
)
MOST_ELEMENTS = 20_000_000
"""Headers that are read of one file: ten days of video. More are the work of an attacker."""


@dataclass
class Announced:
    """The length of a video according to its file.

    Attributes:
        packets: Packets of its video; None if the container does not say.
        seconds: Length of what is shown; None if the container does not say.
        shown: End of the part that is to be shown, in s; None: all is shown.
        notes: What the output will not hold.
    """

    packets: int | None = None
    seconds: float | None = None
    shown: float | None = None
    notes: tuple[str, ...] = ()


class Seekable(Protocol):
    """A file that can be read anywhere."""

    def read(self, count: int, /) -> bytes:
        """Read up to `count` bytes."""

    def seek(self, position: int, /) -> int:
        """Go to a position."""


@dataclass
class Cursor:
    """Reads headers of a file that nobody has checked.

    Attributes:
        file: Opened for reading.
        size: Bytes of the file.
    """

    file: Seekable
    size: int
    _read: int = field(default=0)

    def at(self, position: int, length: int) -> bytes:
        """Read up to `length` bytes; fewer at the end of the file."""
        self._read += 1
        if self._read > MOST_ELEMENTS:
            raise MediaError("has too many parts to be a video; convert it to another format")
        if position >= self.size:
            return b""
        self.file.seek(position)
        return self.file.read(length)


def cut_off(needed: int, size: int) -> MediaError:
    """Return the error of a file that has `size` bytes, and should have at least `needed`."""
    return MediaError(f"is cut off: it has {size} bytes, and {needed} belong to it; {REMEDY}")


def unfinished(what: str) -> MediaError:
    """Return the error of a recording that was not closed."""
    return MediaError(f"is a recording that was not finished ({what}); {REMEDY}")


def damaged(position: int) -> MediaError:
    """Return the error of a file whose parts do not fit together."""
    return MediaError(f"is damaged at byte {position}; {REMEDY}")


def several(name: str) -> MediaError:
    """Return the error of files that were appended to each other."""
    return MediaError(
        f"holds several {name} files one after another, of which players show the first; split it"
    )


def trailing(count: int) -> tuple[str, ...]:
    """Return the note on bytes after the end of a container."""
    return (f"left out: {count} bytes after the end of the video",) if count > 0 else ()


# --- AVI: Microsoft's RIFF, and OpenDML for more than 1 GB ---


def read_avi(file: Seekable, size: int) -> Announced:
    """Count the chunks of the video stream that hold a frame."""
    cursor = Cursor(file, size)
    position, frames, videos = 0, 0, 0
    while position + 12 <= size:
        kind, length = _chunk(cursor, position)
        form = cursor.at(position + 8, 4)
        if kind != b"RIFF" or form not in (b"AVI ", b"AVIX"):
            break
        if position and form == b"AVI ":
            raise several("AVI")
        if length in (0, 0xFFFFFFFF):
            raise unfinished("the size in its header is missing")
        end = position + 8 + length
        if end > size:
            raise cut_off(end, size)
        found, streams = _avi_list(cursor, position + 12, end)
        frames, videos = frames + found, videos + streams
        position = end + length % 2
    return Announced(packets=frames if videos == 1 else None, notes=trailing(size - position))


def _avi_list(cursor: Cursor, position: int, end: int) -> tuple[int, int]:
    """Count (chunks with a frame, video streams), also of the lists within."""
    frames = videos = 0
    pending = [(position, end)]
    while pending:
        position, end = pending.pop()
        while position + 8 <= end:
            kind, length = _chunk(cursor, position)
            after = position + 8 + length
            if after > end:
                raise cut_off(after, cursor.size)
            if kind == b"LIST" and length >= 4:
                pending.append((position + 12, after))
            elif kind == b"strh":
                videos += cursor.at(position + 8, 4) == b"vids"
            elif kind[2:] in (b"dc", b"db") and kind[:2].isdigit() and length:
                frames += 1
            position = after + length % 2
    return frames, videos


def _chunk(cursor: Cursor, position: int) -> tuple[bytes, int]:
    header = cursor.at(position, 8)
    return header[:4], int.from_bytes(header[4:8], "little")


# --- ASF (Windows Media): Microsoft's specification of 2012 ---

_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_BROADCAST = 1
_HEADER = 30  # bytes before the objects within the header object


def read_asf(file: Seekable, size: int) -> Announced:
    """Compare the number of data packets with the size of the file."""
    cursor = Cursor(file, size)
    end = int.from_bytes(cursor.at(16, 8), "little")
    position, packet, broadcast = _HEADER, 0, False
    while position + 24 <= min(end, size):
        header = cursor.at(position, 104)
        length = int.from_bytes(header[16:24], "little")
        if header[:16] == _FILE_PROPERTIES and len(header) == 104:
            broadcast = bool(header[88] & _BROADCAST)
            packet = int.from_bytes(header[92:96], "little")
        if length < 24:
            raise damaged(position)
        position += length
    header = cursor.at(end, 50)
    if len(header) < 50:
        raise cut_off(end + 50, size)
    if header[:16] != _DATA or not packet:
        raise damaged(end)
    if broadcast:  # its packets are not counted
        if (size - end - 50) % packet:
            raise unfinished("it ends within a packet")
        return Announced()
    after = end + 50 + packet * int.from_bytes(header[40:48], "little")
    if after > size:
        raise cut_off(after, size)
    # Every packet begins with the same flags. FFmpeg passes over what lies between them.
    flags = cursor.at(end + 50, 1)
    for position in range(end + 50, after, packet):
        if cursor.at(position, 1) != flags:
            raise damaged(position)
    return Announced()


# --- Flash video: Adobe's specification, version 10.1, annex E ---

_FLV_VIDEO = 9
_AVC = 7


def read_flv(file: Seekable, size: int) -> Announced:
    """Count the tags that hold a frame."""
    cursor = Cursor(file, size)
    position = int.from_bytes(cursor.at(5, 4)) + 4
    frames = 0
    while position < size:
        header = cursor.at(position, 13)
        length = int.from_bytes(header[1:4])
        after = position + 11 + length
        if len(header) < 11 or after > size:
            raise cut_off(max(after, position + 11), size)
        if header[0] & 0x1F == _FLV_VIDEO and length > 1:
            frames += _holds_frame(header[11], header[12])
        position = after + 4
    return Announced(packets=frames)


def _holds_frame(first: int, second: int) -> bool:
    """Not a header of the stream, its end, or a command to the player."""
    if first & 0x80:  # enhanced: the packet's type is in the lower half
        return first & 0x0F in (1, 3)
    if first >> 4 == 5:
        return False
    return second == 1 if first & 0x0F == _AVC else True


# --- Ogg: RFC 3533 ---


def read_ogg(file: Seekable, size: int) -> Announced:
    """Follow the pages to the end, and check that every stream is closed."""
    cursor = Cursor(file, size)
    position, begun, ended = 0, set(), set()
    while position < size:
        header = cursor.at(position, 27 + 255)
        if header[:4] != b"OggS":
            raise damaged(position)
        segments = header[27 : 27 + header[26]] if len(header) >= 27 else b""
        after = position + 27 + len(segments) + sum(segments)
        if len(header) < 27 + header[26] or after > size:
            raise cut_off(max(after, position + 27), size)
        begun.add(header[14:18])
        if header[5] & 4:
            ended.add(header[14:18])
        position = after
    if begun - ended:
        raise unfinished("its last page is missing")
    return Announced()


# --- MPEG program streams: ISO/IEC 13818-1, also of MPEG-1 ---

_PACK, _END = 0xBA, 0xB9


def read_program_stream(file: Seekable, size: int) -> Announced:
    """Follow the packets to the end."""
    cursor = Cursor(file, size)
    position = 0
    while position < size:
        header = cursor.at(position, 14)
        if not header.strip(b"\0"):  # padding
            position += len(header)
            continue
        if len(header) < 6 and header[3:4] != bytes([_END]):
            raise cut_off(position + 6, size)
        if header[:3] != b"\0\0\1" or header[3] < _END:
            raise damaged(position)
        if header[3] == _END:
            after = position + 4
        elif header[3] != _PACK:
            after = position + 6 + int.from_bytes(header[4:6])
        elif header[4] >> 6 == 1:  # of MPEG-2, with up to 7 bytes of padding
            after = position + 14 + (header[13] & 7 if len(header) == 14 else 0)
        else:
            after = position + 12
        if after > size:
            raise cut_off(after, size)
        position = after
    return Announced()


# --- Streams of equal packets ---


def read_dv(file: Seekable, size: int) -> Announced:
    """Check that there are whole frames: 120,000 bytes with 60 fields a second, else 144,000."""
    frame = 144_000 if Cursor(file, size).at(3, 1) >= b"\x80" else 120_000
    if size % frame:
        raise cut_off(size - size % frame + frame, size)
    return Announced()


def read_transport_stream(file: Seekable, size: int) -> Announced:
    """Check that there are whole packets."""
    found = transport_packets(Cursor(file, size).at(0, 1024))
    if found is not None:
        first, length = found
        if (size - first) % length:
            raise unfinished("it ends within a packet")
    return Announced()


def transport_packets(start: bytes) -> tuple[int, int] | None:
    """Find the packets of an MPEG transport stream: (offset of the first, bytes of each).

    `start` holds three packets or more. They have 188 bytes and begin with 0x47; a camera writes 4
    bytes of time before each, and a receiver 16 bytes of redundancy after each.
    """
    for length, before in ((188, 0), (192, 4), (204, 0)):
        for first in range(min(length, len(start) - before - 2 * length)):
            if all(byte == 0x47 for byte in start[first + before :: length]):
                return first, length
    return None
