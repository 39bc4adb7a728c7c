"""The focal length in Exif, of cameras held in any way."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_addon.scene.image_headers import read_header
from blender_addon.scene.photos.exif import focal_over_diagonal
from blender_addon.scene.photos.files import upright_size

SHORT, LONG, RATIONAL = 3, 4, 5
FOCAL_35 = (0xA405, SHORT, 35)
MEASURED = [  # 8 mm on a sensor of 8 by 6 mm: 500 pixels to a millimetre
    (0x920A, RATIONAL, (80, 10)),
    (0xA20E, RATIONAL, (50000, 10)),
    (0xA210, SHORT, 3),
    (0xA002, LONG, 4000),
    (0xA003, LONG, 3000),
]


def exif(tags: list[tuple], order: str = "<", orientation: int = 1) -> bytes:
    """An Exif block: a first directory with a pointer, and one with these tags."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    second = 8 + 2 + 2 * 12 + 4
    first = struct.pack(order + "H", 2)
    first += struct.pack(order + "HHIHH", 0x0112, SHORT, 1, orientation, 0)
    first += struct.pack(order + "HHII", 0x8769, LONG, 1, second) + bytes(4)
    entries, data = b"", b""
    for tag, kind, value in tags:
        entries += struct.pack(order + "HHI", tag, kind, 1)
        if kind == RATIONAL:
            entries += struct.pack(order + "I", second + 2 + len(tags) * 12 + 4 + len(data))
            data += struct.pack(order + "II", *value)
        else:
            code = "HH" if kind == SHORT else "I"
            entries += struct.pack(order + code, *((value, 0) if kind == SHORT else (value,)))
    return head + first + struct.pack(order + "H", len(tags)) + entries + bytes(4) + data


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_35_mm_equivalent_is_relative_to_the_diagonal(order: str) -> None:
    assert focal_over_diagonal(exif([FOCAL_35], order), 4000, 3000) == pytest.approx(35 / 43.2666)


@pytest.mark.parametrize("size", [(4000, 3000), (1000, 750), (750, 1000)])
def test_focal_length_and_density_give_it_for_files_of_any_size(size: tuple[int, int]) -> None:
    expected = 8 * 500 / math.hypot(4000, 3000)
    assert focal_over_diagonal(exif(MEASURED), *size) == pytest.approx(expected)


def test_a_photo_that_was_cropped_has_lost_its_focal_length() -> None:
    assert focal_over_diagonal(exif([*MEASURED, FOCAL_35]), 2000, 2000) is None


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [(0xA405, SHORT, 0)],
        [(0xA405, SHORT, 60000)],
        [(0x920A, RATIONAL, (8, 0)), *MEASURED[1:]],
        MEASURED[:2],
    ],
)
def test_what_says_nothing_is_none(tags: list[tuple]) -> None:
    assert focal_over_diagonal(exif(tags), 400, 300) is None


def test_damaged_blocks_are_none() -> None:
    whole = exif([FOCAL_35, *MEASURED])
    rng = np.random.default_rng(0)
    for end in range(len(whole)):
        focal_over_diagonal(whole[:end], 400, 300)
        bent = bytearray(whole)
        bent[rng.integers(len(bent))] = rng.integers(256)
        focal = focal_over_diagonal(bytes(bent), 400, 300)
        assert focal is None or 0 < focal < 100


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_headers_hand_exif_on_for_every_orientation(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    block = exif([FOCAL_35], orientation=orientation)
    path = tmp_path / "a"
    prefix = b"Exif\0\0" if kind != "PNG" else b""
    Image.new("RGB", (40, 30)).save(path, kind, exif=prefix + block)
    header = read_header(path)
    assert header.orientation == orientation
    assert upright_size(header) == ((30, 40) if orientation >= 5 else (40, 30))
    focal = focal_over_diagonal(header.exif, header.width, header.height)
    assert focal == pytest.approx(35 / 43.2666)
