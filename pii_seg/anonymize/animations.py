"""Assemble animations from encoded frames, each with its time.

Pillow's writers join frames that are alike, which redacted frames often are: then the output has
fewer frames than the input, and nobody can tell whether one was lost. So each frame is encoded as a
still, and put into the container here, whole and at its own time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction

MOST = 65535  # of 16-bit fields


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, whole chunk) for each chunk of a well-formed PNG."""
    position = 8
    while position < len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4])
        yield content[position + 4 : position + 8], content[position:end]
        position = end


def join_png(
    stills: Sequence[bytes], durations: Sequence[float | None], size: tuple[int, int], loop: int
) -> bytes:
    """Assemble an APNG (PNG specification, third edition, section 11.3.6).

    Args:
        stills: PNG files of one size, depth and colour type.
        durations: In ms. None for the first: it is shown by programs without animation only.
        size: (width, height).
        loop: Repetitions; 0 for ever.
    """
    is_hidden = durations[0] is None and len(stills) > 1
    control = struct.pack(">II", len(stills) - is_hidden, loop)
    parts: list[bytes] = []
    sequence = 0
    for number, (still, duration) in enumerate(zip(stills, durations, strict=True)):
        chunks = list(png_chunks(still))
        if number == 0:
            before = [chunk for name, chunk in chunks if name not in (b"IDAT", b"IEND")]
            parts += [still[:8], before[0], _chunk(b"acTL", control), *before[1:]]
        if number or not is_hidden:
            delay = _delay(duration or 0)
            frame = struct.pack(">5I2H2B", sequence, *size, 0, 0, *delay, 0, 0)
            parts.append(_chunk(b"fcTL", frame))
            sequence += 1
        for name, chunk in chunks:
            if name != b"IDAT":
                continue
            if number == 0:
                parts.append(chunk)
            else:
                parts.append(_chunk(b"fdAT", struct.pack(">I", sequence) + chunk[8:-4]))
                sequence += 1
    return b"".join((*parts, _chunk(b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _delay(duration: float) -> tuple[int, int]:
    """Return a time in ms as (numerator, denominator) in s, each of 16 bits."""
    exact = Fraction(duration / 1000)
    for most in (MOST, 1000, 100, 10, 1):
        nearest = exact.limit_denominator(most)
        if nearest.numerator <= MOST:
            return nearest.numerator, nearest.denominator
    return MOST, 1


def join_gif(
    stills: Sequence[bytes],
    durations: Sequence[float | None],
    size: tuple[int, int],
    loop: int | None,
) -> bytes:
    """Assemble a GIF (GIF89a specification) whose frames replace each other.

    Args:
        stills: GIF files of one frame and one size.
        durations: In ms; the format counts hundredths of a second.
        size: (width, height).
        loop: Repetitions; 0 for ever, None once.
    """
    parts = [b"GIF89a", struct.pack("<HH3B", *size, 0, 0, 0)]
    if loop is not None:
        parts.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(loop, MOST)) + b"\0")
    for still, duration in zip(stills, durations, strict=True):
        palette, transparent, descriptor, data = _gif_parts(still)
        clear = transparent is not None
        flags = 2 << 2 | clear  # disposal 2: the canvas is cleared for the next frame
        time = min(MOST, round((duration or 0) / 10))
        parts.append(b"!\xf9\x04" + struct.pack("<BHB", flags, time, transparent or 0) + b"\0")
        depth = (len(palette) // 3).bit_length() - 2
        parts += [b",", descriptor, bytes([0x80 | depth]), palette, data]
    return b"".join((*parts, b";"))


def _gif_parts(still: bytes) -> tuple[bytes, int | None, bytes, bytes]:
    """Return (palette, transparent entry, 8 bytes of place and size, compressed data)."""
    flags, position, transparent = still[10], 13, None
    palette = b""
    if flags & 0x80:
        position += 3 << ((flags & 7) + 1)
        palette = still[13:position]
    while still[position] == 0x21:
        if still[position + 1] == 0xF9 and still[position + 3] & 1:
            transparent = still[position + 6]
        position = _after_blocks(still, position + 2)
    descriptor, own = still[position + 1 : position + 9], still[position + 9]
    position += 10
    if own & 0x80:
        length = 3 << ((own & 7) + 1)
        palette, position = still[position : position + length], position + length
    return palette, transparent, descriptor, still[position : _after_blocks(still, position + 1)]


def _after_blocks(content: bytes, position: int) -> int:
    while content[position]:
        position += 1 + content[position]
    return position + 1


def join_webp(
    stills: Sequence[bytes], durations: Sequence[float | None], size: tuple[int, int], loop: int
) -> bytes:
    """Assemble an animated WebP (RFC 9649, section 2.7) whose frames replace each other.

    Args:
        stills: WebP files of one size.
        durations: In ms.
        size: (width, height).
        loop: Repetitions; 0 for ever.
    """
    frames, is_clear = b"", False
    for still, duration in zip(stills, durations, strict=True):
        data = b""
        for name, chunk in _riff_chunks(still):
            is_clear |= name == b"ALPH" or (name == b"VP8X" and bool(chunk[8] & 0x10))
            is_clear |= name == b"VP8L" and bool(chunk[12] & 0x10)
            data += chunk if name in (b"ALPH", b"VP8 ", b"VP8L") else b""
        time = min((1 << 24) - 1, round(duration or 0))
        place = _three(0) + _three(0) + _three(size[0] - 1) + _three(size[1] - 1) + _three(time)
        # The last bits: do not blend with the frame before, do not clear.
        frames += _riff_chunk(b"ANMF", place + b"\x02" + data)
    header = bytes([0x02 | 0x10 * is_clear, 0, 0, 0]) + _three(size[0] - 1) + _three(size[1] - 1)
    control = bytes(4) + struct.pack("<H", min(loop, MOST))
    body = b"WEBP" + _riff_chunk(b"VP8X", header) + _riff_chunk(b"ANIM", control) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(content):
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + length + length % 2
        yield content[position : position + 4], content[position:end]
        position = end


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
