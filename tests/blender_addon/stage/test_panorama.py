"""Panoramas with numbers that are no light."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from blender_addon.scene.spec import BackgroundSpec, LightSpec, SceneSpec
from tests.fuzz import fuzz_settings


def clean(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    from blender_addon.stage.panorama import clean

    return clean(pixels)


def write_exr(path: Path, rgb: np.ndarray) -> Path:
    """Write float32 (H, W, 3) as an uncompressed EXR."""
    height, width = rgb.shape[:2]
    channels = b"".join(
        name + b"\0" + struct.pack("<I4B2i", 2, 0, 0, 0, 0, 1, 1) for name in (b"B", b"G", b"R")
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = (
        (b"channels", b"chlist", channels + b"\0"),
        (b"compression", b"compression", b"\0"),
        (b"dataWindow", b"box2i", window),
        (b"displayWindow", b"box2i", window),
        (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1)),
        (b"screenWindowCenter", b"v2f", bytes(8)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1)),
    )
    head = struct.pack("<2I", 20000630, 2) + b"".join(
        name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value
        for name, kind, value in attributes
    )
    head += b"\0"
    rows = [
        struct.pack("<2i", y, 12 * width) + row[:, ::-1].T.astype("<f4").tobytes()
        for y, row in enumerate(rgb)
    ]
    table = [len(head) + 8 * height + y * len(rows[0]) for y in range(height)]
    path.write_bytes(head + struct.pack(f"<{height}Q", *table) + b"".join(rows))
    return path


def sky(**values: float) -> np.ndarray:
    pixels = np.full((8, 16, 3), 0.5, np.float32)
    pixels[6] = 2.0
    for place, value in enumerate(values.values()):
        pixels[2, place] = value
    return pixels


def test_a_good_panorama_is_left_alone() -> None:
    pixels = sky(sun=3e5)
    assert clean(pixels) == (pixels, "")


def test_each_fault_is_mended_and_named() -> None:
    pixels = sky(inf=np.inf, nan=np.nan, minus=-0.5, huge=1e38)
    mended, done = clean(pixels)
    assert done == (
        "pixels set to 0 or to 2, the brightest: 1 not a number, 1 negative, 1 infinite, "
        "1 too bright"
    )
    assert mended[2, :4, 0].tolist() == [2.0, 0.0, 0.0, 2.0]
    np.testing.assert_array_equal(mended[3:], pixels[3:])


@fuzz_settings
@given(arrays.arrays(np.float32, (3, 4, 4), elements=st.floats(width=32)))
def test_any_numbers_become_light(pixels: np.ndarray) -> None:
    mended, _ = clean(pixels)
    light = mended[..., :3]
    assert np.isfinite(light).all()
    assert light.min() >= -0.01 * light.max()
    np.testing.assert_array_equal(mended[..., 3], pixels[..., 3])
    assert clean(mended)[1] == ""


@pytest.fixture
def lit_by(
    scene: Callable[..., SceneSpec], person: Any, shoot: Any
) -> Callable[[Path], np.ndarray]:
    def render(path: Path) -> np.ndarray:
        spec = scene(
            persons=(person(1),),
            light=LightSpec("hdri", hdri=str(path)),
            background=BackgroundSpec("hdri"),
        )
        return shoot(spec)["image"]

    return render


def test_an_infinite_sun_is_a_sun_like_any_other(
    lit_by: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = lit_by(write_exr(tmp_path / "good.exr", sky(sun=2.0)))
    assert not capsys.readouterr().err
    mended = lit_by(write_exr(tmp_path / "sun.exr", sky(sun=np.inf)))
    assert "sun.exr: pixels set to 0 or to 2" in capsys.readouterr().err
    np.testing.assert_allclose(mended, good, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, np.nan, -1.0])
def test_a_panorama_without_light_is_refused(lit_by: Any, tmp_path: Path, value: float) -> None:
    path = write_exr(tmp_path / "dark.exr", np.full((8, 16, 3), value, np.float32))
    with pytest.raises(ValueError, match=r"dark\.exr: this panorama is black"):
        lit_by(path)


def test_blender_s_own_panoramas_are_good(bpy: Any) -> None:
    from blender_addon.scene.assets import BUILTIN_HDRIS
    from blender_addon.stage.images import ImageCache
    from blender_addon.stage.light import hdri_path

    for name in BUILTIN_HDRIS:
        cache = ImageCache()
        assert cache.get(hdri_path(name)).filepath
        cache.clear()
