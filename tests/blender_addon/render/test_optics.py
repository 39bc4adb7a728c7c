"""Effects of a lens on linear light."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.render import optics


def dots(height: int, width: int) -> np.ndarray:
    image = np.full((height, width, 3), 0.05, np.float32)
    image[height // 8, width // 8] = 1.0
    image[height // 2, width // 2] = 1.0
    return image


def centre_of(plane: np.ndarray, row: int, column: int) -> tuple[float, float]:
    """Centre of what is bright within 4 px of a place."""
    part = plane[row - 4 : row + 5, column - 4 : column + 5] - 0.05
    y, x = np.mgrid[-4:5, -4:5]
    return float((part * y).sum() / part.sum()), float((part * x).sum() / part.sum())


def test_aberration_parts_red_and_blue_in_the_corners_and_leaves_green() -> None:
    image = dots(128, 128)
    out = optics.aberrated(image, 10.0)
    assert (out[..., 1] == image[..., 1]).all()
    red, blue = (centre_of(out[..., k], 16, 16) for k in (0, 2))
    # The dot is .75 of half a diagonal away from the centre: 10 / 1000 of a diagonal of 181 px.
    apart = np.hypot(red[0] - blue[0], red[1] - blue[1])
    assert apart == pytest.approx(10 / 1000 * 181 * 0.75, rel=0.1)
    in_the_middle = centre_of(out[..., 0], 64, 64)
    assert np.hypot(*in_the_middle) < 0.1


def test_a_veil_keeps_the_light_and_lifts_the_black() -> None:
    image = np.zeros((32, 32, 3), np.float32)
    image[:16] = 0.8
    out = optics.glared(image, 0.05, 0.0, 0.0)
    assert out.mean() == pytest.approx(image.mean(), rel=1e-4)
    assert out[-1, 0, 0] == pytest.approx(0.02, rel=1e-3)


def test_only_burnt_pixels_bloom_and_less_with_the_distance() -> None:
    image = np.full((64, 64, 3), 0.2, np.float32)
    assert (optics.glared(image, 0.0, 0.5, 0.5) == image).all()
    image[30:34, 30:34] = 9.0
    more = optics.glared(image, 0.0, 0.5, 0.0)[32, :, 1] - image[32, :, 1]
    assert more[36] > 2 * more[44] > 4 * more[60] > 0


def test_a_lamp_is_reflected_to_the_other_side_of_the_centre() -> None:
    image = np.full((128, 128, 3), 0.01, np.float32)
    image[20:28, 20:28] = 50.0
    change = optics.glared(image, 0.0, 0.0, 0.5) - image
    assert change[64:, 64:].max() > 3 * max(change[:64, 64:].max(), change[64:, :64].max())


@pytest.mark.parametrize("shape", [(16, 16), (17, 31), (1, 1), (2, 3)])
def test_any_size_passes(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 3.0, np.float32)
    for out in (
        optics.aberrated(image, 1.0),
        optics.glared(image, 0.1, 0.1, 0.1),
    ):
        assert out.shape == image.shape
        assert np.isfinite(out).all()
