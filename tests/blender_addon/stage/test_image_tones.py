"""Images take other colours and keep their pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.render.filters import LUMINANCE
from blender_addon.stage.image_tones import LIGHTEST, ImageTones, toned_colors
from blender_addon.stage.images import ImageCache
from blender_addon.wardrobe.dressed import MATERIALS, Dressed
from blender_addon.wardrobe.worn_part import PartSurface

HALVES = np.zeros((8, 8, 4), np.float32)
HALVES[:4] = (0.5, 0.25, 0.25, 1.0)  # below: a reddish cloth
HALVES[4:] = (0.1, 0.1, 0.4, 1.0)  # above: a blue one


@pytest.fixture
def tones() -> Any:
    images = ImageTones(ImageCache())
    images._small["halves"] = HALVES
    return images, "halves"


def dressed(path: str, tone: list[int], v: list[float], color: Any) -> Dressed:
    count = len(tone)
    uv = np.stack([np.full((count, 3), 0.5), np.repeat(np.array(v)[:, None], 3, 1)], -1)
    none: Any = None
    return Dressed(
        vertices=none,
        faces=none,
        material=np.full(count, len(MATERIALS), np.int32),
        source=none,
        chart={},
        cloth=none,
        surfaces=(PartSurface(color_image=path),),
        part_faces=np.arange(count, dtype=np.int32),
        uv=uv.astype(np.float32),
        color=np.asarray(color, np.float32),
        tones=np.array(tone, np.int32),
        apart=np.zeros(0, np.int32),
    )


def test_each_region_takes_its_own_colour(tones: Any) -> None:
    images, path = tones
    wanted = [(0.2, 0.3, 0.1)] * 2 + [(0.05, 0.1, 0.3)] * 2
    worn = dressed(path, [1, 1, 2, 2], [0.2, 0.4, 0.7, 0.9], wanted)
    factors = toned_colors(worn, images)
    for row, factor, color in zip((2, 2, 6, 6), factors, wanted, strict=True):
        pixel = HALVES[row, 0, :3]
        grey = pixel @ LUMINANCE
        shown = (grey + factor[3] * (pixel - grey)) * factor[:3]  # as the shader has it
        assert np.allclose(shown, color, rtol=0.02)


def test_a_tone_of_0_keeps_the_image_s_own_colour(tones: Any) -> None:
    images, path = tones
    worn = dressed(path, [0, 0], [0.2, 0.7], [(1, 1, 1), (0.5, 1, 1)])
    assert np.array_equal(toned_colors(worn, images)[:, :3], worn.color)
    assert (toned_colors(worn, images)[:, 3] == 1).all()


def test_no_pixel_becomes_lighter_than_cloth(tones: Any) -> None:
    images, _ = tones
    pixels = np.ones((100, 4), np.float32) * (0.1, 0.1, 0.1, 1.0)
    pixels[:20, :3] = 0.5  # a light stripe
    factor = images.factor(np.array([0.8, 0.8, 0.8]), pixels)
    assert (factor * 0.5).max() <= LIGHTEST + 1e-4


def test_transparent_pixels_do_not_count(tones: Any) -> None:
    images, _ = tones
    pixels = np.array([[0.2, 0.2, 0.2, 1.0], [0.9, 0.0, 0.0, 0.0]], np.float32)
    assert np.allclose(images.factor(np.array([0.1, 0.1, 0.1]), pixels), 0.5)
    assert np.allclose(images.factor(np.array([0.1, 0.2, 0.3]), pixels[1:]), (0.1, 0.2, 0.3))


def test_images_of_8_bits_are_made_linear(tmp_path: Path) -> None:
    made = bpy.data.images.new("grey", 4, 4)
    made.pixels.foreach_set(np.tile(np.array([0.5, 0.5, 0.5, 1.0], np.float32), 16))
    made.filepath_raw, made.file_format = str(tmp_path / "grey.png"), "PNG"
    made.save()
    small = ImageTones(ImageCache()).small(str(tmp_path / "grey.png"))
    assert np.allclose(small[..., :3], 0.214, atol=0.01)
