"""Headers of image files against Pillow, and against damage."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blender_addon.scene.image_headers import ImageHeader, ImageHeaderError, read_header
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of
from tests.image_cases import case_named, image_cases

READABLE = (".jpg", ".png", ".webp", ".tif", ".bmp", ".jfif", ".jpe")
EXR = b"\x76\x2f\x31\x01\x02\0\0\0dataWindow\0box2i\0\x10\0\0\0" + struct.pack("<4i", 0, 0, 7, 3)
HDR = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n"


def write(folder: Path, content: bytes) -> Path:
    path = folder / "image"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "case", [case for case in image_cases() if case.ending in READABLE], ids=lambda case: case.name
)
def test_size_and_orientation_are_those_of_pillow(tmp_path, case):
    try:
        header = read_header(write(tmp_path, case.content))
    except ImageHeaderError as error:
        assert "Lab colours or signed numbers" in str(error)
        return
    size = (header.width, header.height)
    assert (size[::-1] if header.orientation >= 5 else size) == case.shown.shape[1::-1]
    try:
        with Image.open(io.BytesIO(case.content)) as image:
            assert header.orientation == image.getexif().get(274, 1)
    except OSError:  # Pillow does not read every TIFF
        assert header.orientation == 1


@pytest.mark.parametrize(("content", "kind"), [(EXR, "EXR"), (HDR, "HDR")])
def test_panoramas_have_a_size(tmp_path, content, kind):
    assert read_header(write(tmp_path, content)) == ImageHeader(kind, 8, 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_files_that_were_cut_are_called_so(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind)
    whole = stream.getvalue()
    assert read_header(write(tmp_path, whole)).width == 80
    for share in (0.01, 0.3, 0.6, 0.95):
        with pytest.raises(ImageHeaderError, match=r"cut short|damaged"):
            read_header(write(tmp_path, whole[: max(20, round(share * len(whole)))]))


def test_data_behind_the_end_does_no_harm(tmp_path):
    """Phones write a short video, or a gain map, behind the photo."""
    for name in ("jpeg_orientation_6", "png_orientation_6"):
        header = read_header(write(tmp_path, case_named(name).content + b"\0" * (3 << 20)))
        assert header.orientation == 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>", "not an image"),
        (b"\0\0\0\x18ftypavif....", "ISO media file, 'avif'"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 60000, 60000) + bytes(9), "cut"),
        (HDR.replace(b"4 +X 8", b"99999 +X 99999"), "too large"),
        (HDR.replace(b"4 +X 8", b"0 +X 8"), "its size is 8 x 0"),
    ],
)
def test_faults_have_their_reason(tmp_path, content, reason):
    with pytest.raises(ImageHeaderError, match=reason):
        read_header(write(tmp_path, content))


def test_kinds_that_blender_cannot_decode_are_named(tmp_path):
    """It would fail at the image that draws them."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageHeaderError, match="an animation"):
        read_header(write(tmp_path, stream.getvalue()))
    content = case_named("colour_colour_jfif").content
    at = content.index(b"\xff\xc0")
    for changed in (
        content[:at] + b"\xff\xc3" + content[at + 2 :],  # lossless
        content[: at + 4] + b"\x0c" + content[at + 5 :],  # 12 bits
    ):
        with pytest.raises(ImageHeaderError, match=r"a JPEG of (8|12) bits or a rare kind"):
            read_header(write(tmp_path, changed))


@pytest.mark.parametrize("value", [0, 9, 200, 65535])
def test_an_orientation_out_of_range_is_upright(tmp_path, value):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 274, 3, 1, value, 0)
    content = case_named("jpeg_orientation_1").content
    marked = content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]
    assert read_header(write(tmp_path, marked)).orientation == 1


def _is_read_or_refused(path: Path) -> None:
    start = time.perf_counter()
    try:
        header = read_header(path)
    except ImageHeaderError as error:
        assert str(error)
    else:
        assert 1 <= header.orientation <= 8
        assert header.width > 0
    assert time.perf_counter() - start < 1.0


@pytest.mark.fuzz
def test_mutated_images_are_read_or_refused(tmp_path):
    seeds = [case.content for case in image_cases() if case.ending in READABLE] + [EXR, HDR]
    for number in range(fuzz_count()):
        numbers = random_of(number)
        _is_read_or_refused(write(tmp_path, mutated(numbers.choice(seeds), numbers)))


STARTS = (
    b"",
    b"\xff\xd8\xff\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"BM",
    b"#?",
)


@fuzz_settings
@given(st.sampled_from((*STARTS, EXR[:8], b"RIFF\x20\0\0\0WEBP")), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path, start, content):
    _is_read_or_refused(write(tmp_path, start + content))


@fuzz_settings
@given(st.sampled_from((b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0")), st.binary(max_size=60))
def test_any_exif_gives_an_orientation(tmp_path, start, directory):
    exif = b"Exif\0\0" + start + directory
    content = case_named("jpeg_orientation_1").content
    marked = content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]
    assert 1 <= read_header(write(tmp_path, marked)).orientation <= 8
