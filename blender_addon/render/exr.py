"""Read the one kind of OpenEXR file that `engine` makes Cycles write: uncompressed float32
scanlines, all passes in one part.

Blender writes such a file faster than any other carrier of its passes, but pip's bpy has no module
that reads it back. Uncompressed scanlines are a header, a table of offsets and plain rows: numpy
reads them without copying. (OpenEXR file layout: openexr.com, "OpenEXR File Layout".)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = 20000630
_UNSUPPORTED = {0x200: "tiles", 0x800: "deep pixels", 0x1000: "several parts"}
_FLOAT = 2  # pixel types: 0 uint32, 1 half, 2 float
_CHUNK_HEAD = 2  # each scanline starts with two int32: its y and its size in bytes
_CHANNEL_ORDER = "rgbaxyzuv"  # OpenEXR stores channels by name; readers expect these orders


def read_passes(path: Path, view_layer: str) -> Passes:
    """Read the passes of one view layer. Blender names channels `LAYER.PASS.CHANNEL`.

    Returns:
        float32 (H, W, C) by pass name, top row first.

    Raises:
        ValueError: Another kind of EXR, or a file that is cut short; the message names it.
        OSError: The file cannot be read.
    """
    try:
        channels = read_channels(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Passes(channels, view_layer)


def read_channels(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Read the channels: float32 (H, W) by name, top row first. Raises ValueError for another kind
    of file.
    """
    header, names, start = _read_header(content)
    if header.get("compression") != b"\0":
        raise ValueError("compressed EXR; write it with codec NONE")
    if len(header["dataWindow"]) != 16:
        raise ValueError("damaged EXR (its dataWindow is no box2i)")
    x0, y0, x1, y1 = struct.unpack("<4i", header["dataWindow"])
    width, height = x1 - x0 + 1, y1 - y0 + 1
    if width < 1 or height < 1:
        raise ValueError(f"damaged EXR (its size is {width} x {height})")
    words = _CHUNK_HEAD + len(names) * width  # of 4 bytes, per scanline
    start += 8 * height  # the table of offsets: increasing y, so the rows simply follow each other
    if len(content) < start + 4 * words * height:
        raise ValueError("EXR cut short")
    rows = np.frombuffer(content, "<u4", words * height, start).reshape(height, words)
    if not np.array_equal(rows[:, 0].view(np.int32), np.arange(y0, y1 + 1)):
        raise ValueError("EXR scanlines are not in increasing order")
    pixels = rows[:, _CHUNK_HEAD:].view("<f4").reshape(height, len(names), width)
    return {name: pixels[:, i] for i, name in enumerate(names)}


class Passes(Mapping[str, NDArray[np.float32]]):
    """The passes of a view layer by name, each put together when it is asked for: a frame has
    channels that nobody reads, and may be large.
    """

    def __init__(self, channels: Mapping[str, NDArray[np.float32]], view_layer: str) -> None:
        self._channels: dict[str, list[tuple[int, NDArray[np.float32]]]] = {}
        for name, values in channels.items():
            if name.startswith(view_layer + "."):
                pass_name, _, channel = name[len(view_layer) + 1 :].rpartition(".")
                place = _CHANNEL_ORDER.find(channel.lower())
                self._channels.setdefault(pass_name, []).append((place, values))

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        found = sorted(self._channels[name], key=lambda channel: channel[0])
        return np.stack([values for _, values in found], -1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


def _read_header(content: bytes) -> tuple[dict[str, bytes], list[str], int]:
    """(attributes, channel names in file order, offset of the table of offsets)."""
    if len(content) < 8 or struct.unpack_from("<I", content)[0] != _MAGIC:
        raise ValueError("not an EXR file")
    flags = struct.unpack_from("<I", content, 4)[0]
    for flag, what in _UNSUPPORTED.items():
        if flags & flag:
            raise ValueError(f"EXR with {what}, which this reader does not know")
    attributes: dict[str, bytes] = {}
    position = 8
    try:
        while content[position]:
            name, position = _string(content, position)
            _, position = _string(content, position)  # the type follows from the name
            (size,) = struct.unpack_from("<I", content, position)
            position += 4
            attributes[name] = content[position : position + size]
            position += size
        names = _channel_names(attributes["channels"])
        attributes["dataWindow"], attributes["compression"]
    except (IndexError, struct.error):
        raise ValueError("EXR cut short") from None
    except KeyError as error:
        raise ValueError(f"EXR without {error.args[0]}") from None
    return attributes, names, position + 1


def _channel_names(table: bytes) -> list[str]:
    names = []
    position = 0
    while table[position]:
        name, position = _string(table, position)
        kind, _linear, *_reserved, sx, sy = struct.unpack_from("<I4B2i", table, position)
        if kind != _FLOAT or (sx, sy) != (1, 1):
            raise ValueError(f"EXR channel {name!r} is not 32-bit float at full resolution")
        names.append(name)
        position += 16
    return names


def _string(content: bytes, position: int) -> tuple[str, int]:
    end = content.find(b"\0", position)
    if end < 0:
        raise IndexError
    return content[position:end].decode("utf-8", "replace"), end + 1
