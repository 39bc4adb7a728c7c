from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.render.image_files import encode_png


@pytest.fixture
def cache(bpy: Any) -> Any:
    from blender_addon.stage.images import ImageCache

    cache = ImageCache(entries=2)
    yield cache
    cache.clear()


@pytest.fixture
def png(tmp_path: Path) -> Any:
    def png(name: str, width: int = 8, height: int = 4) -> Path:
        path = tmp_path / f"{name}.png"
        path.write_bytes(encode_png(np.full((height, width, 3), 200, np.uint8)))
        return path

    return png


def test_an_image_is_read_once(cache: Any, png: Any) -> None:
    assert cache.get(png("a")) is cache.get(png("a"))
    assert len(cache) == 1


def test_the_least_recently_used_image_is_freed_from_blender(
    bpy: Any, cache: Any, png: Any
) -> None:
    before = len(bpy.data.images)
    for name in ("a", "b", "a", "c"):
        cache.get(png(name))
        cache.trim()

    assert len(bpy.data.images) == before + 2
    assert {Path(image.filepath).stem for image in bpy.data.images} & set("abc") == {"a", "c"}


def test_images_in_use_are_kept_however_many_they_are(cache: Any, png: Any) -> None:
    images = [cache.get(png(name)) for name in "abcde"]
    cache.trim()

    assert [image.size[0] for image in images] == [8] * 5
    cache.trim()  # now nobody has asked for them since
    assert len(cache) == 2


def test_the_budget_of_bytes_holds(bpy: Any, png: Any) -> None:
    from blender_addon.stage.images import ImageCache

    cache = ImageCache(entries=100, budget=3 * 64 * 64 * 4)
    for name in "abcdef":
        cache.get(png(name, 64, 64))
        cache.trim()
    assert len(cache) == 3 and cache.bytes() == 3 * 64 * 64 * 4
    cache.clear()


def test_a_reduced_image_holds_means(bpy: Any, cache: Any, tmp_path: Path) -> None:
    from blender_addon.stage.images import read_pixels

    rng = np.random.default_rng(0)
    image = bpy.data.images.new("noise", 32, 16, float_buffer=True)
    pixels = rng.random((16, 32, 4), dtype=np.float32)
    pixels[..., 3] = 1.0
    image.pixels.foreach_set(pixels.ravel())
    path = tmp_path / "noise.exr"
    image.filepath_raw, image.file_format = str(path), "OPEN_EXR"
    image.save()
    bpy.data.images.remove(image)

    full, small = read_pixels(cache.get(path)), read_pixels(cache.get(path, width=8))

    assert full.std() > 0.1
    np.testing.assert_allclose(small, full.reshape(4, 4, 8, 4, 4).mean(axis=(1, 3)), atol=1e-6)


def test_a_missing_file_is_named(cache: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        cache.get(tmp_path / "nowhere.png")


def test_a_file_that_is_no_image_is_named_and_leaves_nothing(
    bpy: Any, cache: Any, tmp_path: Path
) -> None:
    path = tmp_path / "text.png"
    path.write_text("not an image")
    before = len(bpy.data.images)

    with pytest.raises(ValueError, match=r"text\.png"):
        cache.get(path)
    assert len(bpy.data.images) == before


def test_a_cache_without_room_is_refused(bpy: Any) -> None:
    from blender_addon.stage.images import ImageCache

    with pytest.raises(ValueError, match="entries"):
        ImageCache(entries=0)
