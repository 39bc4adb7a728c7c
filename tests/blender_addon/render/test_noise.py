"""The noise of a mosaic is correlated, follows the light and keeps its strength."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.render.noise import mosaic_noise
from blender_addon.scene.colour import to_display

LUMA = np.float32([0.2126, 0.7152, 0.0722])


def noise_of(
    level: float, read: float = 0.1, denoising: float = 0.5, strength: float = 0.01
) -> np.ndarray:
    """Noise of display values (256, 256, 3) on a flat image."""
    flat = np.full((256, 256, 3), level, np.float32)
    noisy = mosaic_noise(flat, strength, read, denoising, np.random.default_rng(1))
    return to_display(noisy) - to_display(flat)


def lag(plane: np.ndarray) -> float:
    return float(np.corrcoef(plane[:, 1:].ravel(), plane[:, :-1].ravel())[0, 1])


@pytest.mark.parametrize("denoising", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("read", [0.05, 0.6])
def test_luma_is_as_strong_as_asked_whatever_smooths_it(denoising: float, read: float) -> None:
    assert (noise_of(0.18, read, denoising) @ LUMA).std() == pytest.approx(0.01, rel=0.05)


def test_neighbours_are_alike_and_more_so_after_denoising() -> None:
    weak, strong = (noise_of(0.18, denoising=d) for d in (0.0, 1.0))
    assert 0.02 < lag(weak @ LUMA) < 0.35
    assert lag(strong @ LUMA) > 0.5
    tint = strong[..., 0] - strong @ LUMA
    assert lag(tint) > lag(strong @ LUMA)  # chroma is smoothed more
    assert tint.std() < (weak[..., 0] - weak @ LUMA).std()


def test_noise_grows_with_the_root_of_the_light() -> None:
    dark, bright = (
        mosaic_noise(
            np.full((128, 128, 3), level, np.float32), 0.01, 0.0, 0.5, np.random.default_rng(0)
        )
        for level in (0.05, 0.8)
    )
    assert bright.std(axis=(0, 1))[1] / dark.std(axis=(0, 1))[1] == pytest.approx(4.0, rel=0.05)


def test_shadows_are_no_salt_and_pepper() -> None:
    assert (noise_of(0.003, read=0.9) @ LUMA).std() < 0.03
    assert (
        mosaic_noise(np.zeros((8, 8, 3), np.float32), 0.1, 0.5, 0.5, np.random.default_rng(0)) == 0
    ).all()


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (33, 20)])
def test_any_size_passes(shape: tuple[int, int]) -> None:
    out = mosaic_noise(
        np.full((*shape, 3), 0.2, np.float32), 0.1, 0.2, 0.5, np.random.default_rng(0)
    )
    assert out.shape == (*shape, 3)
    assert np.isfinite(out).all()
