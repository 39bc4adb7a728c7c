"""Read what an MP4 or QuickTime file says about its own length (ISO/IEC 14496-12)."""

from __future__ import annotations

import itertools
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
    unfinished,
)
from pii_seg.errors import MediaError

PLAIN = {
    *(b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"emsg", b"prft"),
    *(b"free", b"skip", b"wide", b"pnot", b"udta", b"uuid", b"meta", b"pdin", b"pict", b"PICT"),
}
"""Boxes at the top of a file. Others are passed over; what is no box is no part of the video."""

PARENTS = {b"mdia", b"minf", b"stbl", b"edts", b"mvex"}
CHUNK = 1 << 20  # bytes that are searched at a time
MOST_EDITS = 100_000
ENCRYPTED = (b"encv", b"drmi")


@dataclass
class _Track:
    """The contents of the boxes of one track."""

    kind: bytes = b""
    codec: bytes = b""
    samples: int = 0
    edits: list[tuple[int, int, int]] = field(default_factory=list)  # duration, start, rate


@dataclass
class _Movie:
    """The contents of the boxes of one file."""

    scale: int = 0  # ticks of the movie's clock in one second
    fragments_end: int = 0  # ticks, of a fragmented movie
    fragmented: bool = False
    tracks: list[_Track] = field(default_factory=list)


def read_iso(file: Seekable, size: int) -> Announced:
    """Check that every box is there, and read the edit list of the video.

    Raises:
        MediaError: The file is cut off, a part of it is missing, or it is encrypted.
    """
    cursor = Cursor(file, size)
    movie: _Movie | None = None
    sequence: list[int] = []
    position, waiting, has_data = 0, False, False
    while position < size:
        kind, start, end = _box(cursor, position)
        known = kind in PLAIN
        if end <= position or not (known or (kind.isascii() and kind.isalnum() and end <= size)):
            break
        if end > size:
            raise cut_off(end, size)
        if kind == b"moov":
            if movie is not None:
                raise several("MP4")
            movie = _read_movie(cursor, start, end)
        elif kind == b"sidx":
            _check_index(cursor, start, end)
        elif kind == b"moof":
            waiting = True
            sequence += _sequence(cursor, start, end)
        elif kind == b"mdat":
            waiting, has_data = False, has_data or end > start
        position = end
    _check_tail(cursor, position)
    if waiting:
        raise unfinished("its last fragment has no content")
    if movie is None:
        raise unfinished("its index, the box moov, is missing")
    if not has_data and not movie.fragmented:
        raise MediaError(f"holds no frames, only an index; {REMEDY}")
    _check_sequence(sequence)
    return _announced(movie, trailing(size - position))


def _check_tail(cursor: Cursor, position: int) -> None:
    """Check that no frames stand behind the first bytes that are no box."""
    tail = b""
    while content := cursor.at(position, CHUNK):
        if any(name in tail + content for name in (b"moov", b"moof", b"mdat")):
            raise damaged(position)
        tail = content[-3:]
        position += len(content)


def _announced(movie: _Movie, notes: tuple[str, ...]) -> Announced:
    scale = max(1, movie.scale)
    seconds = movie.fragments_end / scale if movie.fragments_end else None
    videos = [track for track in movie.tracks if track.kind == b"vide"]
    if any(track.codec in ENCRYPTED for track in videos):
        raise MediaError("is encrypted; save it without copy protection first")
    shown = None
    if len(videos) == 1 and videos[0].edits and not movie.fragmented:
        # An entry that starts at -1 is a pause before the video; a duration of 0 is all the rest.
        entries = [entry for entry in videos[0].edits if entry[1] != -1]
        if any(rate != 1 << 16 for _, _, rate in entries):
            raise MediaError(
                "has an edit list that changes its speed; save it anew with a video editor, as it "
                "shall be seen"
            )
        if all(duration for duration, _, _ in entries):
            shown = sum(duration for duration, _, _ in videos[0].edits) / scale
    return Announced(seconds=seconds, shown=shown, notes=notes)


def _box(cursor: Cursor, position: int) -> tuple[bytes, int, int]:
    """Read a box's header: (type, start of its content, its end)."""
    header = cursor.at(position, 16)
    if len(header) < 8:
        return b"", position, position
    length, kind, start = int.from_bytes(header[:4]), header[4:8], position + 8
    if length == 1:
        if len(header) < 16:
            return kind, position, cursor.size + 1
        length, start = int.from_bytes(header[8:16]), position + 16
    elif length == 0:
        return kind, start, cursor.size
    return kind, start, position + length if position + length >= start else position


def _children(cursor: Cursor, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while position + 8 <= end:
        kind, start, after = _box(cursor, position)
        if after <= position:
            return  # QuickTime ends a list with 4 zero bytes
        if after > end:
            raise damaged(position)
        yield kind, start, after
        position = after


def _read_movie(cursor: Cursor, start: int, end: int) -> _Movie:
    movie = _Movie()
    pending: list[tuple[int, int, _Track | None]] = [(start, end, None)]
    while pending:
        start, end, track = pending.pop()
        for kind, begin, after in _children(cursor, start, end):
            if kind == b"trak":
                movie.tracks.append(_Track())
                pending.append((begin, after, movie.tracks[-1]))
            elif kind in PARENTS:
                movie.fragmented |= kind == b"mvex"
                pending.append((begin, after, track))
            elif kind == b"mvhd":
                content = cursor.at(begin, 28)
                at = 20 if content[:1] == b"\1" else 12
                movie.scale = int.from_bytes(content[at : at + 4])
            elif kind == b"mehd":
                content = cursor.at(begin, 12)
                length = 8 if content[:1] == b"\1" else 4
                movie.fragments_end = int.from_bytes(content[4 : 4 + length])
            elif track is not None:
                _read_track_box(cursor, track, kind, begin, after)
    return movie


def _read_track_box(cursor: Cursor, track: _Track, kind: bytes, start: int, end: int) -> None:
    if kind == b"hdlr" and not track.kind:
        track.kind = cursor.at(start + 8, 4)
    elif kind == b"stsd":
        track.codec = cursor.at(start + 12, 4)
    elif kind == b"elst":
        track.edits = _edits(cursor, start, end)


def _edits(cursor: Cursor, start: int, end: int) -> list[tuple[int, int, int]]:
    """Read an edit list: (duration, start in the track or -1, rate as 16.16 bits)."""
    version = cursor.at(start, 1)
    count = int.from_bytes(cursor.at(start + 4, 4))
    length = 8 if version == b"\1" else 4
    if count > MOST_EDITS or start + 8 + count * (2 * length + 4) > end:
        raise MediaError("has a damaged edit list; save it anew with a video editor")
    content = cursor.at(start + 8, count * (2 * length + 4))
    entries = [content[at : at + 2 * length + 4] for at in range(0, len(content), 2 * length + 4)]
    return [
        (
            int.from_bytes(entry[:length]),
            int.from_bytes(entry[length : 2 * length], signed=True),
            int.from_bytes(entry[2 * length :]),
        )
        for entry in entries
    ]


def _check_index(cursor: Cursor, start: int, end: int) -> None:
    """Check that the segments that a `sidx` names are there."""
    content = cursor.at(start, end - start if end - start < 1 << 20 else 1 << 20)
    wide = content[:1] == b"\1"
    first = int.from_bytes(content[20:28] if wide else content[16:20])
    at = 28 if wide else 20
    count = int.from_bytes(content[at + 2 : at + 4])
    sizes = [
        int.from_bytes(content[at + 4 + 12 * k : at + 8 + 12 * k]) & 0x7FFFFFFF
        for k in range(count)
    ]
    if end + first + sum(sizes) > cursor.size:
        raise cut_off(end + first + sum(sizes), cursor.size)


def _sequence(cursor: Cursor, start: int, end: int) -> list[int]:
    """Read the number of a fragment, which describes the samples of one track or more."""
    boxes = {kind: begin for kind, begin, _ in _children(cursor, start, end)}
    if b"traf" not in boxes or b"mfhd" not in boxes:
        raise damaged(start)
    return [int.from_bytes(cursor.at(boxes[b"mfhd"] + 4, 4))]


def _check_sequence(numbers: list[int]) -> None:
    """Check that no fragment is missing, where the fragments are numbered one by one."""
    pairs = list(itertools.pairwise(numbers))
    steps = [after - before for before, after in pairs]
    own_steps = len(steps) > 2 and len(set(steps)) == 1  # the writer counts 2, 4, 6, 8
    if steps and max(steps) > 1 and not own_steps:
        before, after = next((one, next_) for one, next_ in pairs if next_ - one > 1)
        raise MediaError(
            f"lacks a part: its fragment {before} is followed by fragment {after}; copy it anew, "
            "or save the part that plays to a file of its own: ffmpeg -i FILE -c copy NEW.mkv"
        )
