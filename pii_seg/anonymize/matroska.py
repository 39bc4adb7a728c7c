"""Read what a Matroska or WebM file says about its own length (RFC 8794, RFC 9559)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pii_seg.anonymize.container_ends import (
    REMEDY,
    Announced,
    Cursor,
    Seekable,
    cut_off,
    damaged,
    several,
    trailing,
)
from pii_seg.errors import MediaError

_EBML, _SEGMENT, _CLUSTER, _TRACKS, _TRACK = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE
_BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK, _VOID, _CRC = 0xA0, 0xA1, 0xA3, 0xEC, 0xBF
_NUMBER, _TYPE = 0xD7, 0x83
_LEVEL_1 = {
    *(_CLUSTER, _TRACKS, 0x114D9B74, 0x1549A966, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367)
}
_VIDEO = 1


def read_matroska(file: Seekable, size: int) -> Announced:
    """Count the blocks of the video track."""
    cursor = Cursor(file, size)
    _, start, end = _element(cursor, 0)
    identity, start, end = _element(cursor, end if end is not None else size)
    while identity in (_VOID, _CRC) and end is not None:
        identity, start, end = _element(cursor, end)
    if identity != _SEGMENT:
        raise MediaError(f"is damaged: its Matroska segment is missing; {REMEDY}")
    if end is not None and end > size:
        raise cut_off(end, size)
    if end is not None and _is_element(cursor, end, _EBML):
        raise several("Matroska")
    count = _Blocks(cursor).count(start, size if end is None else end)
    return Announced(packets=count, notes=trailing(size - (size if end is None else end)))


@dataclass
class _Blocks:
    cursor: Cursor
    tracks: dict[int, int] = field(default_factory=dict)  # number -> type
    blocks: dict[int, int] = field(default_factory=dict)  # number -> count

    def count(self, start: int, end: int) -> int | None:
        position = start
        while position < end:
            position = self._child(position, end)
        videos = [number for number, kind in self.tracks.items() if kind == _VIDEO]
        return self.blocks.get(videos[0], 0) if len(videos) == 1 else None

    def _child(self, position: int, limit: int) -> int:
        """Read one element of the segment; return where the next begins."""
        identity, start, end = _element(self.cursor, position)
        if end is None and identity != _CLUSTER:
            raise damaged(position)
        if end is not None and end > limit:
            raise cut_off(end, self.cursor.size)
        if identity == _TRACKS and end is not None:
            self._read_tracks(start, end)
        if identity != _CLUSTER:
            assert end is not None
            return end
        # The size of a cluster of a live recording is unknown: it ends where the next begins.
        return self._read_cluster(start, limit if end is None else end, open_end=end is None)

    def _read_cluster(self, position: int, end: int, *, open_end: bool) -> int:
        while position < end:
            identity, start, after = _element(self.cursor, position)
            if open_end and identity in _LEVEL_1:
                return position
            if after is None:
                raise damaged(position)
            if after > end:
                raise cut_off(after, self.cursor.size)
            if identity == _SIMPLE_BLOCK:
                self._count_block(start)
            elif identity == _BLOCK_GROUP:
                for inner, begin, _ in self._children(start, after):
                    if inner == _BLOCK:
                        self._count_block(begin)
            position = after
        return position

    def _count_block(self, start: int) -> None:
        content = self.cursor.at(start, 12)
        number, length = _number(content, keep_marker=False)
        flags = content[length + 2 : length + 4]
        laced = len(flags) == 2 and flags[0] & 0x06
        frames = flags[1] + 1 if laced else 1
        self.blocks[number] = self.blocks.get(number, 0) + frames

    def _read_tracks(self, start: int, end: int) -> None:
        for identity, begin, after in self._children(start, end):
            if identity != _TRACK:
                continue
            values = {
                inner: int.from_bytes(self.cursor.at(at, min(8, until - at)))
                for inner, at, until in self._children(begin, after)
                if inner in (_NUMBER, _TYPE)
            }
            self.tracks[values.get(_NUMBER, 0)] = values.get(_TYPE, 0)

    def _children(self, position: int, end: int) -> Iterator[tuple[int, int, int]]:
        while position < end:
            identity, start, after = _element(self.cursor, position)
            if after is None or after > end:
                raise damaged(position)
            yield identity, start, after
            position = after


def _element(cursor: Cursor, position: int) -> tuple[int, int, int | None]:
    """Read an element's header: (identity, start of its content, end or None if unknown)."""
    content = cursor.at(position, 12)
    if not content:
        raise cut_off(position + 1, cursor.size)
    identity, first = _number(content, keep_marker=True)
    length, second = _number(content[first:], keep_marker=False)
    if first == 0 or second == 0:
        if position + len(content) >= cursor.size:
            raise cut_off(cursor.size + 1, cursor.size)
        raise damaged(position)
    start = position + first + second
    unknown = length == (1 << 7 * second) - 1
    return identity, start, None if unknown else start + length


def _number(content: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """Read a number of variable length: (number, its length in bytes; 0 if there is none)."""
    if not content or not content[0]:
        return 0, 0
    length = 9 - content[0].bit_length()
    if len(content) < length:
        return 0, 0
    value = int.from_bytes(content[:length])
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), length


def _is_element(cursor: Cursor, position: int, identity: int) -> bool:
    return cursor.at(position, 4) == identity.to_bytes(4)
