"""Grain, sharpness and compression that are known come out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_addon.render.filters import gaussian_blur
from blender_addon.scene.photos.measure import blur_of, grain_of, jpeg_quality, visible_quality


def scene(sigma: float = 0.0) -> np.ndarray:
    """Flat areas, slopes and edges that are sharp, or blurred by `sigma` px."""
    fine = 4
    y, x = np.mgrid[: 160 * fine, : 240 * fine] / fine
    image = 0.2 + 0.001 * x + 0.5 * (np.sin(0.09 * x + 0.03 * y) > 0)
    image[np.hypot(x - 120, y - 80) < 50] = 0.45
    image = image.astype(np.float32)
    if sigma:
        image = gaussian_blur(image, sigma * fine)
    return image.reshape(160, fine, 240, fine).mean(axis=(1, 3))


@pytest.mark.parametrize("noise", [0.0, 0.005, 0.02, 0.05])
@pytest.mark.parametrize("size", [0.0, 0.6, 1.1])
def test_noise_of_a_known_deviation_is_measured(noise: float, size: float) -> None:
    grain = np.random.default_rng(0).standard_normal((160, 240)).astype(np.float32)
    grain = gaussian_blur(grain, size) if size else grain
    found = grain_of(scene() + noise * grain / grain.std())
    assert found.noise == pytest.approx(noise, rel=0.2, abs=0.0005)
    if noise:
        assert found.size == pytest.approx(size, abs=0.3)


def test_a_part_is_measured_alone() -> None:
    image = scene()
    noisy = np.zeros(image.shape, bool)
    noisy[:, 120:] = True
    image += 0.03 * noisy * np.random.default_rng(0).standard_normal(image.shape)
    assert grain_of(image, noisy).noise == pytest.approx(0.03, rel=0.25)
    assert grain_of(image, ~noisy).noise < 0.002
    assert grain_of(image, np.zeros_like(noisy)).noise == 0.0


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.0, 3.0])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_known_blur_is_measured(sigma: float, noise: float) -> None:
    image = scene(sigma) + noise * np.random.default_rng(0).standard_normal((160, 240))
    assert blur_of(image, noise) == pytest.approx(sigma, rel=0.35)


def test_sharp_and_empty_images_have_no_blur() -> None:
    assert blur_of(scene()) < 0.3
    assert blur_of(np.full((64, 64), 0.5)) == 0.0
    assert blur_of(np.zeros((4, 4))) == 0.0


@pytest.mark.parametrize("quality", [12, 40, 75, 92])
def test_the_quality_of_a_jpeg_is_read(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(path, quality=quality)
    assert jpeg_quality(path) == pytest.approx(quality, abs=2)
    path.write_bytes(path.read_bytes()[:40])
    assert jpeg_quality(path) == 0
    path.write_bytes(b"\x89PNG")
    assert jpeg_quality(path) == 0


def test_compression_is_not_seen_in_a_photo_that_was_made_smaller() -> None:
    assert visible_quality(50, 1.0) == 50
    assert 50 < visible_quality(50, 1.3) < 100
    assert visible_quality(50, 2.0) == visible_quality(0, 1.0) == visible_quality(99, 1.0) == 0
