"""Photos as backdrops: what Blender reads is what a viewer shows, or is refused in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.render.image_files import encode_jpeg
from blender_addon.render.photos import read_backdrop, read_image, shown, upright
from tests.image_cases import ImageCase, as_recorded, case_named, image_cases, upright_image

ENDINGS = (".jpg", ".png", ".webp", ".tif", ".bmp", ".jfif", ".jpe")
REFUSED = ("deep_signed16_tif", "colour_lab_tif")
CASES = [
    case
    for case in image_cases()
    if case.ending in ENDINGS and "profile" not in case.name  # docs/render.md: not applied
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_backdrop_is_what_a_viewer_shows(bpy: Any, tmp_path: Path, case: ImageCase) -> None:
    path = tmp_path / f"photo{case.ending}"
    path.write_bytes(case.content)
    if case.name in REFUSED:
        with pytest.raises(
            ValueError, match=r"photo\.tif: a TIFF of Lab colours or signed numbers"
        ):
            read_image(path)
    else:
        assert case.agrees(read_image(path))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_back(orientation: int) -> None:
    image = upright_image()
    np.testing.assert_array_equal(upright(as_recorded(image, orientation), orientation), image)


def test_a_crop_is_of_the_upright_photo(bpy: Any, tmp_path: Path) -> None:
    path = tmp_path / "phone.png"
    path.write_bytes(case_named("png_orientation_6").content)
    top = read_backdrop(path, (0.0, 0.0, 1.0, 1 / 3), 32, 16, flip=False)
    expected = upright_image()[:16]
    assert abs(top[:, :16].mean() - (expected[:, :16] / 255).mean()) < 0.01
    assert abs(top[:, 16:].mean() - 1.0) < 0.01


def test_a_photo_without_its_end_is_refused(bpy: Any, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    whole = encode_jpeg(noise, 90)
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")  # its end marker was put on again
    with pytest.raises(ValueError, match=r"cut\.jpg: damaged, a part of its pixels is missing"):
        read_image(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.jpg: cut short"):
        read_image(path)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.jpg")


def test_twelve_bits_in_sixteen_are_shown_from_black_to_white() -> None:
    twelve = np.linspace(0, 4095, 30, dtype=np.float32).reshape(2, 5, 3) / np.float32(65535)
    assert shown(twelve).max() == pytest.approx(1.0)
    full = np.linspace(0, 1, 30, dtype=np.float32).reshape(2, 5, 3)
    np.testing.assert_array_equal(shown(full), full)
    flat = np.full((4, 5, 3), 0.5, np.float32)
    assert np.isfinite(shown(flat)).all()
