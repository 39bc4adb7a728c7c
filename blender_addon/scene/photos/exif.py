"""The focal length that a camera writes beside its pixels (Exif 2.32, section 4.6.5). Pure Python.

Only numbers are read, from the Exif directory that the first directory points to.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

FULL_FRAME_DIAGONAL = math.hypot(36.0, 24.0)  # mm; "35 mm equivalent" is relative to it (CIPA)

_EXIF_POINTER = 0x8769
_FOCAL, _FOCAL_35, _DENSITY_X, _DENSITY_UNIT = 0x920A, 0xA405, 0xA20E, 0xA210
_PIXELS_X, _PIXELS_Y = 0xA002, 0xA003
_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # mm in a unit of density: inch, cm, mm, µm
_SIZES = {3: 2, 4: 4, 5: 8, 9: 4, 10: 8}  # bytes of SHORT, LONG, RATIONAL, SLONG, SRATIONAL
_MOST_ENTRIES = 1000
_PLAUSIBLE = (
    0.15,
    40.0,
)  # focal lengths over the diagonal: a fisheye of 6 mm, a telescope of 1.7 m
_ASPECT = 0.02  # relative difference from which a photo counts as cropped


def focal_over_diagonal(exif: bytes, width: int, height: int) -> float | None:
    """The focal length over the diagonal of the photo; None where Exif does not tell.

    A photo that was cropped after it was taken (its proportions are not those in Exif) has lost its
    focal length: the answer is None.

    Args:
        exif: The block of Exif, a small TIFF; may be empty or damaged.
        width, height: Size of the photo as stored, px.
    """
    try:
        tags = _tags(exif)
    except (struct.error, IndexError, ValueError):
        return None
    taken = (tags.get(_PIXELS_X, 0.0), tags.get(_PIXELS_Y, 0.0))
    if min(taken) > 0 and not _same_shape(taken, (width, height)):
        return None
    equivalent = tags.get(_FOCAL_35, 0.0)
    if equivalent > 0:
        return _plausible(equivalent / FULL_FRAME_DIAGONAL)
    focal, density = tags.get(_FOCAL, 0.0), tags.get(_DENSITY_X, 0.0)
    if focal <= 0 or density <= 0 or min(taken) <= 0:
        return None
    # The density is that of the pixels that were taken; the file may have been made smaller since.
    pixels = focal * density / _MM.get(int(tags.get(_DENSITY_UNIT, 2.0)), 25.4)
    return _plausible(pixels / math.hypot(*taken))


def _plausible(focal: float) -> float | None:
    return focal if math.isfinite(focal) and _PLAUSIBLE[0] <= focal <= _PLAUSIBLE[1] else None


def _same_shape(taken: tuple[float, float], stored: tuple[int, int]) -> bool:
    """Whether two sizes have the same proportions; a file may have been turned meanwhile."""
    ratio = max(taken) / min(taken) / (max(stored) / min(stored))
    return abs(ratio - 1.0) <= _ASPECT


def _tags(exif: bytes) -> Mapping[int, float]:
    """The first number of each entry of the Exif directory."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return {}
    (first,) = struct.unpack_from(order + "I", exif, 4)
    pointer = _directory(exif, first, order).get(_EXIF_POINTER)
    return {} if pointer is None else _directory(exif, int(pointer), order)


def _directory(exif: bytes, offset: int, order: str) -> dict[int, float]:
    (count,) = struct.unpack_from(order + "H", exif, offset)
    numbers: dict[int, float] = {}
    for i in range(min(count, _MOST_ENTRIES)):
        place = offset + 2 + 12 * i
        tag, kind, number = struct.unpack_from(order + "HHI", exif, place)
        size = _SIZES.get(kind)
        if size is None or number < 1 or tag in numbers:
            continue
        at = place + 8
        if size * number > 4:
            (at,) = struct.unpack_from(order + "I", exif, at)
        if at + size > len(exif):
            continue
        numbers[tag] = _number(exif, at, kind, order)
    return numbers


def _number(exif: bytes, at: int, kind: int, order: str) -> float:
    if kind in (5, 10):
        above, below = struct.unpack_from(order + ("II" if kind == 5 else "ii"), exif, at)
        return above / below if below else 0.0
    code = {3: "H", 4: "I", 9: "i"}[kind]
    return float(struct.unpack_from(order + code, exif, at)[0])
