"""ICC profiles: what describes colours, and nothing else that a profile may hold.

A profile names its owner, device, serial number and maker, and may hold private tags of any
content. `colours_only` makes a new one from the numbers that describe colours. ICC.1:2010 defines
the format; its sections are named below.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

LARGEST = 4 << 20  # bytes; those of presses, the largest, have 3 MB
MOST_TAGS = 100
D50 = struct.pack(">3i", 63190, 65536, 54061)  # 7.2.16: X, Y, Z × 65536

_SPACES = {b"RGB ": 3, b"GRAY": 1}
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_CURVES = {3: (b"rTRC", b"gTRC", b"bTRC"), 1: (b"kTRC",)}
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # 10.18: kind of a parametric curve -> how many


@dataclass(frozen=True)
class Profile:
    """A parsed profile.

    Attributes:
        header: 128 bytes.
        tags: Name -> content.
    """

    header: bytes
    tags: Mapping[bytes, bytes]

    @property
    def channels(self) -> int | None:
        """Channels of the image it belongs to; None for inks and other spaces."""
        return _SPACES.get(self.header[16:20])

    @property
    def is_matrix(self) -> bool:
        """Whether curves, and of RGB a matrix, describe the colours (annex F)."""
        names = self.tags.keys()
        if self.header[20:24] != b"XYZ ":
            return self.channels == 1 and b"kTRC" in names
        needed = _CURVES.get(self.channels or 0, (b"",)) + (_COLUMNS if self.channels == 3 else ())
        return names >= set(needed)


def parse(content: bytes) -> Profile:
    """Read the table of tags (7.3).

    Raises:
        ValueError: It is damaged or too large.
    """
    if not 132 <= len(content) <= LARGEST or content[36:40] != b"acsp":
        raise ValueError("is not an ICC profile")
    (count,) = struct.unpack_from(">I", content, 128)
    if count > MOST_TAGS or 132 + 12 * count > len(content):
        raise ValueError(f"lists {count} tags")
    tags = {}
    for number in range(count):
        name, start, length = struct.unpack_from(">4sII", content, 132 + 12 * number)
        if start < 132 or start + length > len(content):
            raise ValueError(f"places the tag {name!r} outside of itself")
        tags[name] = content[start : start + length]
    return Profile(content[:128], tags)


def colours_only(content: bytes) -> bytes | None:
    """Make a profile anew from the tags that describe colours.

    Args:
        content: A profile of an image, from anywhere.

    Returns:
        A profile of the same colours without any text, date or identity of the given one; None if
        it is damaged or of no RGB or grey image.
    """
    try:
        return _rebuilt(parse(content))
    except (ValueError, struct.error):
        return None


def _rebuilt(profile: Profile) -> bytes | None:
    if profile.channels is None or profile.header[20:24] not in (b"XYZ ", b"Lab "):
        return None
    kept: dict[bytes, bytes] = {}
    if profile.is_matrix:
        wanted = _CURVES[profile.channels] + (_COLUMNS if profile.channels == 3 else ())
    elif profile.header[20:24] in (b"Lab ", b"XYZ ") and b"A2B0" in profile.tags:
        wanted = (b"A2B0",)
        kept |= _valid(profile.tags, (b"A2B1", b"B2A0", b"B2A1"), optional=True)
    else:
        return None
    kept |= _valid(profile.tags, wanted)
    kept |= _valid(profile.tags, (b"wtpt", b"chad", b"bkpt", b"cicp"), optional=True)
    kept.setdefault(b"wtpt", b"XYZ " + bytes(4) + D50)
    is_new = profile.header[8] >= 4
    kept[b"desc"] = _text_of(b"Colours", new=is_new)
    kept[b"cprt"] = _text_of(b"CC0", new=is_new) if is_new else b"text" + bytes(4) + b"CC0\0"
    return _assembled(_header(profile.header), kept)


def _valid(
    tags: Mapping[bytes, bytes], names: tuple[bytes, ...], *, optional: bool = False
) -> dict[bytes, bytes]:
    """Cut tags to the length that their own numbers need, so that nothing hides behind them."""
    kept = {}
    for name in names:
        try:
            kept[name] = _cut(tags[name])
        except (KeyError, ValueError, struct.error):
            if not optional:
                raise ValueError(f"has no usable tag {name!r}") from None
    return kept


def _cut(tag: bytes) -> bytes:
    kind = tag[:4]
    if kind not in _LENGTHS:
        raise ValueError(f"holds a tag of type {kind!r}")
    length = _LENGTHS[kind](tag)
    if length > len(tag):
        raise ValueError(f"holds a tag of type {kind!r} that is cut off")
    return kind + bytes(4) + tag[8:length]


def _table_length(tag: bytes) -> int:
    """Return the length of a lookup table of 8 or 16 bits (10.10, 10.11)."""
    inputs, outputs, grid = tag[8:11]
    if not (1 <= inputs <= 4 and 1 <= outputs <= 4 and grid >= 1):
        raise ValueError("holds a table of impossible size")
    deep = tag[:4] == b"mft2"
    entries = struct.unpack_from(">2H", tag, 48) if deep else (256, 256)
    numbers = inputs * entries[0] + grid**inputs * outputs + outputs * entries[1]
    return (52 + 2 * numbers) if deep else 48 + numbers


_LENGTHS: dict[bytes, Callable[[bytes], int]] = {
    b"XYZ ": lambda tag: 20,
    b"curv": lambda tag: 12 + 2 * struct.unpack_from(">I", tag, 8)[0],
    b"para": lambda tag: 12 + 4 * _PARAMETERS[struct.unpack_from(">H", tag, 8)[0]],
    b"sf32": lambda tag: 8 + 4 * 9,  # chad is the only one
    b"cicp": lambda tag: 12,
    b"mft1": _table_length,
    b"mft2": _table_length,
}
"""Type of a tag -> the length of what it needs. KeyError: an unknown kind of curve."""


def _text_of(text: bytes, *, new: bool) -> bytes:
    """Encode the description (10.13 mluc; before version 4, 6.5.17 of ICC.1:2001 desc)."""
    if new:
        wide = text.decode().encode("utf-16-be")
        return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(wide), 28) + wide
    return b"desc" + struct.pack(">II", 0, len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)


def _header(given: bytes) -> bytes:
    """Make the header (7.2) from version, class, spaces and intent."""
    kind = given[12:16] if given[12:16] in _CLASSES else b"mntr"
    version = bytes([4 if given[8] >= 4 else 2, given[9] & 0xF0, 0, 0])
    intent = bytes([0, 0, 0, given[67] & 3])
    spaces = given[16:24]
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    parts = (bytes(4), version, kind, spaces, date, b"acsp", bytes(4 * 6), intent, D50)
    return bytes(4) + b"".join(parts) + bytes(128 - 80)


def _assembled(header: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name in sorted(tags):
        table += name + struct.pack(">II", start + len(data), len(tags[name]))
        data += tags[name] + bytes(-len(tags[name]) % 4)
    return struct.pack(">I", start + len(data)) + header[4:] + table + data


def linear(profile: Profile, name: bytes, numbers: np.ndarray) -> np.ndarray:
    """Apply a curve (10.5 curv, 10.18 para) to numbers 0..1.

    Raises:
        ValueError: The curve is damaged.
    """
    tag = _cut(profile.tags[name])
    if tag[:4] == b"curv":
        points = np.frombuffer(tag, ">u2", offset=12).astype(np.float64)
        if points.size == 0:
            return numbers
        if points.size == 1:
            return numbers ** (points[0] / 256)
        return np.interp(numbers, np.linspace(0, 1, points.size), points / 65535)
    if tag[:4] != b"para":
        raise ValueError("has a curve of an unknown kind")
    (kind,) = struct.unpack_from(">H", tag, 8)
    values = np.frombuffer(tag, ">i4", offset=12) / 65536
    g, a, b, c, d, e, f = {
        0: lambda p: (p[0], 1, 0, 0, -1, 0, 0),
        1: lambda p: (p[0], p[1], p[2], 0, -p[2] / p[1], 0, 0),
        2: lambda p: (p[0], p[1], p[2], 0, -p[2] / p[1], p[3], p[3]),
        3: lambda p: (*p, 0, 0),
        4: lambda p: tuple(p),
    }[kind](values)
    above = np.maximum(a * numbers + b, 0) ** g + e
    return np.where(numbers >= d, above, c * numbers + f)


def matrix(profile: Profile) -> np.ndarray:
    """Return the matrix from linear RGB to XYZ of D50, (3, 3)."""
    columns = [np.frombuffer(_cut(profile.tags[name]), ">i4", offset=8) for name in _COLUMNS]
    return np.stack(columns, axis=1) / 65536
