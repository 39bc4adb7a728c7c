"""Side-cars and front masks are checked before anything is rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.recipe import Background
from blender_addon.scene.asset_files import AssetFiles
from blender_addon.scene.photos.files import (
    PhotoFileError,
    check_front,
    files_beside,
    parse_side_car,
    read_side_car,
)
from tests.image_cases import exif_of


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "yard.jpg"
    Image.new("RGB", (40, 30), (90, 120, 60)).save(path)
    return path


def front(photo: Path, mask: np.ndarray | Image.Image, **options: object) -> None:
    image = Image.fromarray(mask) if isinstance(mask, np.ndarray) else mask
    image.save(photo.with_name("yard.front.png"), "PNG", **options)


def a_mask(width: int = 40, height: int = 30) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :] = 255
    return mask


def test_a_side_car_is_read(photo: Path) -> None:
    photo.with_name("yard.photo.toml").write_text('horizon = 0.4\nfov = 60\nlight = "sun"\n')
    said = read_side_car(photo)
    assert (said.horizon, said.fov, said.light, said.roll) == (0.4, 60.0, "sun", None)
    assert read_side_car(photo.with_name("other.jpg")).horizon is None
    photo.with_name("yard.photo.toml").write_text("horizon = ")
    with pytest.raises(PhotoFileError, match=r"yard\.photo\.toml: not TOML"):
        read_side_car(photo)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"horizont": 0.5}, "unknown key 'horizont'; there are: focal_length_35mm"),
        ({"horizon": "top"}, "horizon: expected a number, got 'top'"),
        ({"horizon": True}, "horizon: expected a number"),
        ({"fov": 400}, r"fov: must lie within \[2, 170\], got 400"),
        ({"fov": float("nan")}, "fov: must lie within"),
        ({"light": "moon"}, "light: expected one of sun, overcast, indoors"),
        ({"fov": 60, "focal_length_35mm": 28}, "say the same; keep one"),
    ],
)
def test_a_wrong_side_car_is_explained(data: dict, said: str) -> None:
    with pytest.raises(PhotoFileError, match=said):
        parse_side_car(data)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_mask_of_the_photos_size_is_fine(photo: Path, mode: str) -> None:
    front(photo, Image.fromarray(a_mask()).convert(mode))
    check_front(photo)
    assert files_beside([str(photo)]) == (str(photo.with_name("yard.front.png")),)


def test_a_mask_has_the_size_of_the_upright_photo(photo: Path) -> None:
    Image.new("RGB", (40, 30)).save(photo, exif=exif_of(6))
    front(photo, a_mask(30, 40))
    check_front(photo)
    front(photo, a_mask(40, 30))
    with pytest.raises(PhotoFileError, match=r"expected 30 x 40 .* as a viewer shows it"):
        check_front(photo)
    front(photo, a_mask(40, 30), exif=exif_of(6))
    check_front(photo)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("shape", [(40, 30), (7, 9)])
def test_an_all_white_mask_is_refused_whatever_the_filter(
    photo: Path, mode: str, shape: tuple[int, int]
) -> None:
    Image.new("RGB", shape).save(photo)
    white = Image.new(mode, shape, "white")
    front(photo, white)
    with pytest.raises(PhotoFileError, match="all white"):
        check_front(photo)
    white.putpixel((shape[0] - 1, shape[1] - 1), 0 if mode == "L" else (255, 255, 254))
    front(photo, white, optimize=True)
    check_front(photo)


@pytest.mark.parametrize("kind", range(5))
def test_each_filter_of_a_png_is_known(kind: int) -> None:
    import struct
    import zlib

    from blender_addon.scene.photos.files import _all_white

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + bytes(4)

    image = np.full((4, 6), 255)
    for dark in (False, True):
        image[2, 3] = 200 if dark else 255
        rows = b""
        for y, x_row in enumerate(image):
            up = image[y - 1] if y else np.zeros(6, int)
            left, corner = np.append(0, x_row[:-1]), np.append(0, up[:-1])
            guess = left + up - corner
            nearest = np.stack([abs(guess - left), abs(guess - up), abs(guess - corner)]).argmin(0)
            paeth = np.choose(nearest, [left, up, corner])
            predicted = [np.zeros(6, int), left, up, (left + up) // 2, paeth][kind]
            rows += bytes([kind]) + ((x_row - predicted) % 256).astype(np.uint8).tobytes()
        packed = zlib.compress(rows)
        content = bytes(8) + chunk(b"IDAT", packed[:9]) + chunk(b"IDAT", packed[9:])
        assert _all_white(content, 6, 1) is not dark


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (Image.new("L", (20, 15)), "expected 40 x 30 pixels, the photo's own size"),
        (Image.new("LA", (40, 30)), "expected 8 bits, grey or RGB"),
        (Image.new("1", (40, 30)), "expected 8 bits, grey or RGB"),
        (Image.new("I;16", (40, 30)), "expected 8 bits, grey or RGB"),
    ],
)
def test_other_masks_are_refused_with_a_remedy(photo: Path, mask: Image.Image, said: str) -> None:
    front(photo, mask)
    with pytest.raises(PhotoFileError, match=rf"yard\.front\.png: {said}"):
        check_front(photo)


def test_files_beside_photos_are_no_photos(photo: Path) -> None:
    front(photo, a_mask())
    photo.with_name("yard.photo.toml").write_text("horizon = 0.4\n")
    files = AssetFiles()
    assert files.photos([str(photo.parent)], "background.photos", fronts=True) == (str(photo),)
    assert files.notes == []


@pytest.mark.parametrize("content", [b"", b"no png", None])
def test_a_broken_mask_stops_the_run_before_the_first_image(
    photo: Path, content: bytes | None
) -> None:
    front(photo, a_mask())
    path = photo.with_name("yard.front.png")
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(RecipeError, match=r"background\.photos: .*yard\.front\.png: .*8-bit grey"):
        AssetFiles().photos([str(photo)], "background.photos", fronts=True)
    assert AssetFiles().photos([str(photo)], "background.photos", fronts=False) == (str(photo),)


def test_the_recipe_knows_every_switch() -> None:
    assert all(getattr(Background(), f"photo_{name}") for name in ("camera", "light", "front"))
