"""Photos as backdrops: what Blender reads is what a viewer shows, or is refused in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.render.image_files import encode_jpeg, encode_png
from blender_addon.render.photos import (
    PHOTOS,
    Photos,
    read_backdrop,
    read_front,
    read_image,
    shown,
    upright,
)
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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_large_photos_are_read_smaller_and_upright(
    bpy: Any, tmp_path: Path, orientation: int
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(case_named(f"png_orientation_{orientation}").content)
    whole = read_image(path)
    small = read_image(path, whole.shape[0] * whole.shape[1] // 4)
    height, width = (n // 2 for n in whole.shape[:2])
    assert small.shape == (height, width, 3)
    means = whole.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - means).mean() < 2.0


def test_a_photo_is_decoded_once_and_little_is_kept(
    bpy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_addon.render import photos as module

    decoded: list[str] = []

    def counting(path: Path, most: int | None = None) -> np.ndarray:
        decoded.append(path.name)
        return read_image(path, most)

    monkeypatch.setattr(module, "read_image", counting)
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_bytes(encode_jpeg(noise, 90))
    photos = Photos(most_pixels=60 * 80, kept=2 * 60 * 80 * 3)
    for name in "ababcb":
        path = tmp_path / f"{name}.jpg"
        assert photos.small(path, 40).shape == (30, 40, 3)
        assert photos.backdrop(path, (0.5, 0.5, 0.5, 0.5), 16, 16, flip=True).shape == (16, 16, 3)
    assert decoded == ["a.jpg", "b.jpg", "c.jpg"]
    photos.small(tmp_path / "a.jpg", 40)
    assert decoded[3:] == ["a.jpg"]
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(noise // 2, 90))
    assert photos.small(tmp_path / "a.jpg", 40).mean() < 80


def test_a_front_covers_the_same_part_as_its_photo(bpy: Any, tmp_path: Path) -> None:
    mask = np.zeros((60, 80), np.uint8)
    mask[:, :40] = 255
    path = tmp_path / "a.front.png"
    path.write_bytes(encode_png(mask))
    crop = (0.25, 0.25, 0.5, 0.5)
    front = read_front(path, crop, 20, 15, flip=False)
    assert front.shape == (15, 20) and (front[:, :9] == 1).all() and (front[:, 11:] == 0).all()
    np.testing.assert_array_equal(read_front(path, crop, 20, 15, flip=True), front[:, ::-1])


def test_people_in_a_photo_leave_it_as_it_is_and_go_behind_its_front(
    bpy: Any, tmp_path: Path
) -> None:
    from blender_addon.datagen.renderer import Renderer
    from blender_addon.recipes.toml_io import parse_recipe
    from blender_addon.scene.assets import load_assets
    from blender_addon.scene.sampling import sample_scene

    y, x = np.mgrid[:96, :128]
    street = np.stack([90 + y, 110 + x // 2, 200 - y], axis=-1).astype(np.uint8)
    mask = np.where(x < 64, 255, 0).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(encode_png(street))
    (tmp_path / "a.front.png").write_bytes(encode_png(mask))
    (tmp_path / "a.photo.toml").write_text('horizon = 0.45\nlight = "overcast"\n')
    data = {
        "background": {"kinds": {"photo": 1}, "photos": str(tmp_path / "a.png"), "photo_zoom": 1},
        "people": {"count": 3, "lateral": 0},
        "camera": {"distance": 3.0},
        "occluders": {"enabled": False},
        "render": {"width": 128, "height": 96, "samples": 4, "passes": ["parts", "alpha"]},
    }
    recipe = parse_recipe(data, name="photo", folder=Path(), where="test")
    assets = load_assets(recipe, PHOTOS)
    spec = sample_scene(recipe, assets, 0, 0)
    pair = Renderer(assets).render(spec)
    shown_photo = PHOTOS.backdrop(
        tmp_path / "a.png", spec.background.photo_crop, 128, 96, flip=spec.background.photo_flip
    )
    mirrored = spec.background.photo_flip
    front = np.s_[:, 65:] if mirrored else np.s_[:, :63]
    np.testing.assert_array_equal(pair.image[front], shown_photo[front])
    assert pair.instances.any() and not pair.instances[front].any()
    assert not pair.extras["parts"][front].any() and not pair.extras["alpha"][front].any()
    inside = pair.instances > 0
    assert (pair.image[inside] != shown_photo[inside]).any(axis=-1).mean() > 0.9
    said = pair.annotation["background"]
    assert said["view"]["horizon_from"] == "side-car" and said["front"] == "a.front.png"
