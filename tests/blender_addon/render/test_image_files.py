from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from blender_addon.render.image_files import (
    decode_png,
    encode_jpeg,
    encode_npy,
    encode_png,
    read_image,
    read_mask,
)

sides = st.integers(1, 12)
pictures = st.one_of(
    hnp.arrays(np.uint8, st.tuples(sides, sides)),
    hnp.arrays(np.uint16, st.tuples(sides, sides)),
    hnp.arrays(np.uint8, st.tuples(sides, sides, st.just(3))),
)


@given(pictures)
def test_png_comes_back_exactly_through_pillow_and_through_us(array: np.ndarray) -> None:
    content = encode_png(array)
    through_pillow = np.asarray(Image.open(io.BytesIO(content)))
    assert np.array_equal(through_pillow, array)
    ours = decode_png(content)
    assert ours.dtype == array.dtype
    assert np.array_equal(ours, array)
    assert content == encode_png(
        array[::-1][::-1]
    )  # the values decide the bytes, not the memory's layout


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2), np.int8),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2, 3), np.uint16),
        np.zeros((0, 2), np.uint8),
        np.zeros(3, np.uint8),
    ],
)
def test_other_arrays_have_no_png(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"PNG: expected uint8 .*, got "):
        encode_png(array)


@given(st.binary(max_size=80))
def test_damaged_png_is_a_value_error(tail: bytes) -> None:
    with pytest.raises(ValueError, match="PNG"):
        decode_png(encode_png(np.zeros((3, 3), np.uint8))[:30] + tail)


def test_png_of_another_writer_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 9), dtype=np.uint8)
    other = io.BytesIO()
    Image.fromarray(noise).save(other, "PNG")
    with pytest.raises(ValueError, match="another kind"):
        decode_png(other.getvalue())


def test_reading_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"no")
    with pytest.raises(ValueError, match=r"x\.png"):
        read_mask(path)
    path.write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8)))
    with pytest.raises(ValueError, match=r"x\.png.*one channel"):
        read_mask(path)
    with pytest.raises(OSError, match=r"none\.jpg"):
        read_image(tmp_path / "none.jpg")


def test_npy_keeps_infinity_and_type() -> None:
    depth = np.array([[1.5, np.inf]], np.float32)
    found = np.load(io.BytesIO(encode_npy(depth)))
    assert found.dtype == np.float32
    assert np.array_equal(found, depth)


def gradient(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 60)], -1).astype(np.uint8)


def test_jpeg_is_the_image_the_right_way_up(bpy: Any) -> None:
    rgb = gradient(40, 24)
    with Image.open(io.BytesIO(encode_jpeg(rgb, 95))) as image:
        assert image.format == "JPEG"
        assert abs(np.asarray(image).astype(int) - rgb).mean() < 2


def test_jpeg_bytes_depend_on_the_image_alone(bpy: Any) -> None:
    rgb = gradient(40, 24)
    first = encode_jpeg(rgb, 80)
    count = len(bpy.data.images)
    encode_jpeg(gradient(16, 16), 80)
    assert encode_jpeg(rgb, 80) == first
    assert len(encode_jpeg(rgb, 20)) < len(first)
    assert len(bpy.data.images) == count


def test_images_are_read_back(bpy: Any, tmp_path: Path) -> None:
    rgb = gradient(40, 24)
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(rgb, 90))
    (tmp_path / "a.png").write_bytes(encode_png(rgb))
    count = len(bpy.data.images)
    with Image.open(tmp_path / "a.jpg") as image:
        assert abs(read_image(tmp_path / "a.jpg").astype(int) - np.asarray(image)).max() <= 3
    assert np.array_equal(read_image(tmp_path / "a.png"), rgb)
    assert len(bpy.data.images) == count


@pytest.mark.parametrize(
    ("rgb", "quality"),
    [
        (np.zeros((2, 2, 3), np.float32), 90),
        (np.zeros((2, 2), np.uint8), 90),
        (np.zeros((2, 2, 3), np.uint8), 0),
        (np.zeros((2, 2, 3), np.uint8), 101),
    ],
)
def test_other_arrays_have_no_jpeg(rgb: np.ndarray, quality: int) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        encode_jpeg(rgb, quality)
