"""Cutting persons out and pasting them back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.repaint.crops import (
    Box,
    CropSettings,
    bounding_box,
    crop_box,
    cut,
    is_too_large,
    is_too_small,
    match_colours,
    model_size,
    paste_back,
)

SETTINGS = CropSettings(size=64, multiple=8)


@st.composite
def images_and_masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draw (image, mask) of any shape, with a person anywhere, also across the border."""
    height, width = draw(st.integers(2, 90)), draw(st.integers(2, 90))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    mask = np.zeros((height, width), bool)
    mask[top : top + draw(st.integers(1, 60)), left : left + draw(st.integers(1, 60))] = True
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), mask


@settings(deadline=None, max_examples=150)
@given(pair=images_and_masks(), margin=st.floats(0, 2), seed=st.integers(0, 99))
def test_no_pixel_outside_the_mask_changes(
    pair: tuple[np.ndarray, np.ndarray], margin: float, seed: int
) -> None:
    image, mask = pair
    before = image.copy()
    crop = cut(image, mask, CropSettings(margin=margin, size=64, multiple=8))
    painted = np.random.default_rng(seed).integers(0, 256, crop.image.shape, dtype=np.uint8)
    result = paste_back(image, mask, crop, painted)
    np.testing.assert_array_equal(result[~mask], image[~mask])
    np.testing.assert_array_equal(image, before)
    assert result.dtype == np.uint8
    assert crop.image.shape[:2] == crop.mask.shape
    assert all(side % 8 == 0 and 8 <= side <= 64 for side in crop.mask.shape)


@settings(deadline=None, max_examples=150)
@given(pair=images_and_masks(), margin=st.floats(0, 2))
def test_the_crop_holds_the_person_and_lies_in_the_image(
    pair: tuple[np.ndarray, np.ndarray], margin: float
) -> None:
    _, mask = pair
    height, width = mask.shape
    person = bounding_box(mask)
    box = crop_box(person, height, width, margin)
    assert 0 <= box.left <= person.left < person.right <= box.right <= width
    assert 0 <= box.top <= person.top < person.bottom <= box.bottom <= height
    side = int(np.ceil(max(person.width, person.height) * (1 + 2 * margin)))
    assert box.width == min(side, width)
    assert box.height == min(side, height)


def test_an_unchanged_crop_leaves_the_image_unchanged() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 25:35] = True
    crop = cut(
        image, mask, CropSettings(margin=2.0, size=64, multiple=8)
    )  # the whole image, at its own size
    np.testing.assert_array_equal(crop.image, image)
    np.testing.assert_array_equal(crop.mask, mask)
    np.testing.assert_array_equal(paste_back(image, mask, crop, crop.image), image)


def test_a_colour_cast_of_the_model_is_removed() -> None:
    rng = np.random.default_rng(1)
    wanted = rng.normal(120, 30, (40, 40, 3)).astype(np.float32)
    cast = (wanted - 128) * 0.9 + 140
    outside = np.ones((40, 40), bool)
    outside[10:30, 10:30] = False
    matched = match_colours(cast, wanted, outside)
    assert np.abs(matched - wanted).max() < 2
    assert np.abs(cast - wanted).mean() > 10
    np.testing.assert_array_equal(match_colours(cast, wanted, np.zeros((40, 40), bool)), cast)


def test_crops_keep_the_aspect_ratio_where_the_image_is_narrow() -> None:
    assert model_size(Box(0, 0, 100, 100), SETTINGS) == (64, 64)
    assert model_size(Box(0, 0, 50, 100), SETTINGS) == (64, 32)
    assert model_size(Box(0, 0, 100, 3), SETTINGS) == (8, 64)


def test_persons_with_few_pixels_are_too_small() -> None:
    assert is_too_small(Box(0, 0, 23, 23), SETTINGS)
    assert not is_too_small(Box(0, 0, 3, 24), SETTINGS)


def test_persons_above_the_limit_are_too_large() -> None:
    limited = CropSettings(size=64, multiple=8, largest=100)
    assert is_too_large(Box(0, 0, 3, 101), limited)
    assert not is_too_large(Box(0, 0, 100, 100), limited)
    assert not is_too_large(Box(0, 0, 9999, 9999), SETTINGS)


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool), "empty"),
        (np.zeros((8, 8, 3), np.uint8), np.ones((8, 9), bool), r"bool \(8, 8\).*got \(8, 9\)"),
        (np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.uint8), "mask bool .*got .*uint8"),
        (np.zeros((8, 8, 3), np.float32), np.ones((8, 8), bool), "float32"),
        (np.zeros((8, 8), np.uint8), np.ones((8, 8), bool), r"\(H, W, 3\)"),
    ],
)
def test_invalid_pairs_are_rejected(image: np.ndarray, mask: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        cut(image, mask, SETTINGS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": -1}, {"margin": float("nan")}, {"size": 60}, {"smallest": 0}, {"multiple": 0},
        {"largest": 23}, {"largest": 30, "smallest": 31},
    ],
)  # fmt: skip
def test_invalid_settings_are_rejected(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CropSettings(**{"size": 64, "multiple": 8, **wrong})


def test_a_painting_of_another_size_is_rejected() -> None:
    image, mask = np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), bool)
    crop = cut(image, mask, SETTINGS)
    with pytest.raises(DataError, match="expected a painted crop"):
        paste_back(image, mask, crop, np.zeros((8, 8, 3), np.uint8))
