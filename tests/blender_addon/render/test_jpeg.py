"""Compressions in memory leave the traces of real ones."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from blender_addon.render.jpeg import compressed


def photo() -> np.ndarray:
    """Shapes, a gradient and grain (96, 120, 3)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :120]
    image = np.stack([x * 2, y * 2, 255 - x - y], -1).astype(np.float32)
    image[(x - 60) ** 2 + (y - 48) ** 2 < 900] = (200, 60, 30)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def by_pillow(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


@pytest.mark.parametrize("quality", [25, 60, 90])
def test_it_is_nearly_what_libjpeg_leaves(quality: int) -> None:
    image = photo()
    ours, theirs = compressed(image, quality).astype(int), by_pillow(image, quality)
    assert np.abs(ours - theirs).mean() < 0.25 * np.abs(theirs - image).mean()


def test_it_is_reproducible_and_rougher_at_a_lower_quality() -> None:
    image = photo()
    low, again, high = (compressed(image, q).astype(int) for q in (20, 20, 95))
    assert (low == again).all()
    assert np.abs(low - image).mean() > 1.5 * np.abs(high - image).mean()


@pytest.mark.parametrize("scale", [0.6, 0.85, 1.5])
def test_another_size_moves_nothing(scale: float) -> None:
    image = np.zeros((64, 80, 3), np.uint8)
    image[20:44, 24:56] = 255
    out = compressed(image, 90, scale)[..., 1].astype(float)
    assert out.shape == (64, 80)
    assert np.average(np.arange(64), weights=out.sum(1)) == pytest.approx(31.5, abs=0.1)
    assert np.average(np.arange(80), weights=out.sum(0)) == pytest.approx(39.5, abs=0.1)


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (1, 1), (9, 40)])
def test_any_size_passes(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 130, np.uint8)
    for scale in (1.0, 0.7):
        assert np.abs(compressed(image, 70, scale).astype(int) - 130).max() <= 2
