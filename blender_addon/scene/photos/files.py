"""Files beside a photo: `NAME.photo.toml`, which describes it, and `NAME.front.png`, a mask of what
stands in front of people. They are checked before the first image is rendered.
"""

from __future__ import annotations

import math
import struct
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..image_headers import ImageHeader, ImageHeaderError, read_header
from .exif import FULL_FRAME_DIAGONAL

SIDE_CAR, FRONT = ".photo.toml", ".front.png"

_LARGEST = 1 << 16  # bytes of a side-car
_LIGHTS = ("sun", "overcast", "indoors")
_BLOCK = 1 << 20  # bytes decompressed at a time
_GREY, _RGB = 0, 2  # PNG colour types

# Keys of a side-car with their limits.
_LIMITS = {
    "focal_length_35mm": (4.0, 3000.0),
    "fov": (2.0, 170.0),
    "horizon": (-3.0, 4.0),
    "roll": (-45.0, 45.0),
    "camera_height": (0.05, 500.0),
    "ground_top": (0.0, 1.0),
    "sun_elevation": (0.0, 90.0),
    "sun_azimuth": (-360.0, 360.0),
}


class PhotoFileError(ValueError):
    """A file beside a photo cannot be used; the message is the reason, with a remedy."""


@dataclass(frozen=True)
class SideCar:
    """Facts about a photo that a user states; None where nothing is said.

    Attributes:
        focal: Focal length over the diagonal.
        fov: Horizontal field of view of the whole photo, upright, degrees.
        horizon: Height of the horizon in the middle, as a share of the photo from its top.
        roll: Degrees; positive turns the camera clockwise.
        camera_height: m above the ground.
        ground_top: Upper end of the open ground, as a share of the photo from its top.
        light: "sun", "overcast" or "indoors".
        sun_elevation: Degrees above the horizon.
        sun_azimuth: Degrees from the viewing direction, counter-clockwise: 90 is from the left.
    """

    focal: float | None = None
    fov: float | None = None
    horizon: float | None = None
    roll: float | None = None
    camera_height: float | None = None
    ground_top: float | None = None
    light: str = ""
    sun_elevation: float | None = None
    sun_azimuth: float | None = None


def is_beside(path: Path) -> bool:
    """Whether a file belongs to a photo, and is none itself."""
    return path.name.lower().endswith((SIDE_CAR, FRONT))


def beside(photo: Path, ending: str) -> Path | None:
    """The file of a photo with this ending, if it is there: `a.front.png` of `a.jpg`."""
    for name in (photo.stem, photo.name):
        path = photo.with_name(name + ending)
        if path.is_file():
            return path
    return None


def files_beside(photos: Sequence[str]) -> tuple[str, ...]:
    """All files beside these photos, in the order of the photos."""
    found = (beside(Path(photo), ending) for photo in photos for ending in (SIDE_CAR, FRONT))
    return tuple(str(path) for path in found if path is not None)


def read_side_car(photo: Path) -> SideCar:
    """Read what is said about a photo; nothing where it has no side-car.

    Raises:
        PhotoFileError: The side-car cannot be used; the message names it.
        OSError: It cannot be opened.
    """
    path = beside(photo, SIDE_CAR)
    if path is None:
        return SideCar()
    try:
        return _side_car(path, path.stat().st_mtime_ns)
    except PhotoFileError as error:
        raise PhotoFileError(f"{path}: {error}") from None


@lru_cache(maxsize=1 << 12)
def _side_car(path: Path, time: int) -> SideCar:
    if path.stat().st_size > _LARGEST:
        raise PhotoFileError(f"larger than {_LARGEST} bytes; it holds a few numbers only")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise PhotoFileError(f"not TOML in UTF-8 ({error})") from None
    return parse_side_car(data)


def parse_side_car(data: Mapping[str, Any]) -> SideCar:
    """Check the content of a side-car.

    Raises:
        PhotoFileError: An unknown key or a wrong value; the message names it.
    """
    numbers: dict[str, float] = {}
    for key, value in data.items():
        if key == "light":
            if value not in _LIGHTS:
                raise PhotoFileError(f"light: expected one of {', '.join(_LIGHTS)}, got {value!r}")
            continue
        if key not in _LIMITS:
            raise PhotoFileError(
                f"unknown key {key[:80]!r}; there are: {', '.join((*_LIMITS, 'light'))}"
            )
        low, high = _LIMITS[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PhotoFileError(f"{key}: expected a number, got {str(value)[:80]!r}")
        if not low <= value <= high:
            raise PhotoFileError(f"{key}: must lie within [{low:g}, {high:g}], got {value:g}")
        numbers[key] = float(value)
    if "fov" in numbers and "focal_length_35mm" in numbers:
        raise PhotoFileError("fov and focal_length_35mm say the same; keep one")
    equivalent = numbers.pop("focal_length_35mm", None)
    focal = None if equivalent is None else equivalent / FULL_FRAME_DIAGONAL
    return SideCar(focal=focal, light=str(data.get("light", "")), **numbers)


def upright_size(header: ImageHeader) -> tuple[int, int]:
    """(width, height) of an image after its Exif orientation."""
    turned = header.orientation >= 5
    return (header.height, header.width) if turned else (header.width, header.height)


def check_front(photo: Path) -> None:
    """Check the mask of what stands in front, where a photo has one, without decoding the photo.

    Raises:
        PhotoFileError: It cannot be used; the message names it and says what to do.
        OSError: It cannot be opened.
    """
    path = beside(photo, FRONT)
    if path is not None:
        status = path.stat()
        fault = _front_fault(path, photo, status.st_mtime_ns, status.st_size)
        if fault:
            raise PhotoFileError(f"{path}: {fault}")


@lru_cache(maxsize=1 << 14)
def _front_fault(path: Path, photo: Path, time: int, size: int) -> str:
    try:
        header = read_header(path)
    except ImageHeaderError as error:
        return f"{error}; save the mask again as an 8-bit greyscale PNG"
    wanted, got = upright_size(read_header(photo)), upright_size(header)
    if header.kind != "PNG":
        return f"a {header.kind}; save the mask as an 8-bit greyscale PNG, which loses nothing"
    if got != wanted:
        hint = "as a viewer shows it" if got == wanted[::-1] else "the photo's own size"
        return (
            f"expected {wanted[0]} x {wanted[1]} pixels, {hint} (upright), got {got[0]} x {got[1]}"
        )
    content = path.read_bytes()
    bits, color, interlace = content[24], content[25], content[28]
    if bits != 8 or color not in (_GREY, _RGB) or interlace:
        return "expected 8 bits, grey or RGB, without alpha or interlacing; export the mask so"
    try:
        white = _all_white(
            content, header.width * (3 if color == _RGB else 1), 1 + 2 * (color // 2)
        )
    except (zlib.error, struct.error):
        return "damaged; save the mask again as an 8-bit greyscale PNG"
    return "all white: nothing of any person would be seen; paint black what is behind" * white


def _all_white(content: bytes, row: int, step: int) -> bool:
    """Whether all pixels of an 8-bit PNG are 255, decompressed block by block.

    Each row filter (PNG, third edition, 9.2) turns an all-white row below an all-white row into one
    known row of bytes, so nothing has to be unfiltered; the first other row ends the search.
    """
    rows = _rows(content, row + 1)
    if next(rows, b"") not in _white_rows(row, step, True):
        return False
    below = _white_rows(row, step, False)
    return all(line in below for line in rows)


def _rows(content: bytes, length: int) -> Iterator[bytes]:
    """The rows of a PNG as they are stored: the number of a filter, and the filtered bytes."""
    unpack, position, kept = zlib.decompressobj(), 8, b""
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        packed = content[position + 8 : position + 8 + size] if kind == b"IDAT" else b""
        while packed:
            kept += unpack.decompress(packed, _BLOCK)
            packed = unpack.unconsumed_tail
            whole = len(kept) // length * length
            yield from (kept[at : at + length] for at in range(0, whole, length))
            kept = kept[whole:]
        position += 12 + size


@lru_cache(maxsize=8)
def _white_rows(row: int, step: int, first: bool) -> frozenset[bytes]:
    rest = row - step
    none, sub = b"\0" + b"\xff" * row, b"\x01" + b"\xff" * step + b"\0" * rest
    if first:  # the row above counts as black
        average = b"\x03" + b"\xff" * step + b"\x80" * rest
        return frozenset((none, sub, b"\x02" + b"\xff" * row, average, b"\x04" + sub[1:]))
    average = b"\x03" + b"\x80" * step + b"\0" * rest
    return frozenset((none, sub, b"\x02" + b"\0" * row, average, b"\x04" + b"\0" * row))


def diagonal_fov(fov: float, width: int, height: int) -> float:
    """Focal length over the diagonal for a horizontal field of view, degrees."""
    return width / 2 / math.tan(math.radians(fov) / 2) / math.hypot(width, height)
