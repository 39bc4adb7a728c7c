"""The filter of repainted persons: IoU, ignored pixels, baseline losses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion_synth.repaint.filtering import (
    ACCEPTED,
    LOW_IOU,
    NO_NUMBERS,
    ClassLoss,
    FilterSettings,
    cross_entropy,
    has_high_loss,
    judge,
    measure_class_loss,
    outline_band,
)

SETTINGS = FilterSettings()


def square(size: int = 40, low: int = 10, high: int = 30) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_a_person_that_is_found_is_accepted() -> None:
    mask = square()
    verdict = judge(np.where(mask, 0.9, 0.1), mask, SETTINGS)
    assert (verdict.iou, verdict.reason, verdict.accepted) == (1.0, ACCEPTED, True)


def test_a_person_that_is_not_found_is_rejected() -> None:
    mask = square()
    half = mask.copy()
    half[:, 20:] = False
    verdict = judge(half.astype(float), mask, SETTINGS)
    assert (verdict.iou, verdict.reason, verdict.accepted) == (0.5, LOW_IOU, False)
    assert judge(half.astype(float), mask, FilterSettings(min_iou=0.5)).accepted


def test_pixels_that_do_not_count_have_no_effect() -> None:
    mask = square()
    found = mask.astype(float)
    found[:5] = 1.0  # another person
    assert not judge(found, mask, SETTINGS).accepted
    where = np.ones_like(mask)
    where[:8] = False
    assert judge(found, mask, SETTINGS, where=where).iou == 1.0


def test_nan_is_rejected() -> None:
    verdict = judge(np.full((40, 40), np.nan), square(), SETTINGS)
    assert (verdict.reason, verdict.accepted) == (NO_NUMBERS, False)


def test_two_empty_masks_have_an_iou_of_zero() -> None:
    nothing = np.zeros((4, 4), bool)
    assert judge(nothing.astype(float), nothing, SETTINGS).iou == 0.0


@given(width=st.integers(0, 4))
def test_the_band_lies_on_both_sides_of_the_outline_and_not_on_the_border(width: int) -> None:
    mask = square()
    band = outline_band(mask, width)
    inside, outside = band & mask, band & ~mask
    assert inside[20].sum() == outside[20].sum() == 2 * width
    mask = np.zeros((40, 40), bool)
    mask[:, 20:] = True  # reaches the border of the image
    band = outline_band(mask, width)
    assert (band.sum(1) == 2 * width).all()


def test_pixels_with_a_high_loss_are_ignored() -> None:
    mask = np.array([[True, True, False, False]])
    probability = np.array([[0.9, 0.5, 0.1, 0.5]])
    baseline = ClassLoss(background=-np.log(0.5), person=-np.log(0.9))
    np.testing.assert_array_equal(
        has_high_loss(probability, mask, baseline, 1.25), [[False, True, False, False]]
    )
    verdict = judge(probability, mask, FilterSettings(min_iou=0, band=0), baseline=baseline)
    np.testing.assert_array_equal(verdict.ignore, [[False, True, False, False]])
    assert not judge(probability, mask, FilterSettings(min_iou=0, band=0)).ignore.any()


def test_baseline_losses_are_means_by_class() -> None:
    masks = [square(), square(low=0, high=10)]
    images = [np.full((40, 40, 3), value, np.uint8) for value in (51, 102)]

    def segment(image: np.ndarray) -> np.ndarray:
        return image[..., 0] / 255

    baseline = measure_class_loss(segment, zip(images, masks, strict=True))
    person = (400 * -np.log(0.2) + 100 * -np.log(0.4)) / 500
    background = (1200 * -np.log(0.8) + 1500 * -np.log(0.6)) / 2700
    assert (baseline.person, baseline.background) == pytest.approx((person, background), rel=1e-4)
    with pytest.raises(ValueError, match="both"):
        measure_class_loss(segment, [(images[0], np.zeros((40, 40), bool))])
    assert np.isfinite(cross_entropy(np.array([0.0, 1.0]), np.array([True, False]))).all()


def test_shapes_that_differ_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        judge(np.zeros((3, 4)), np.zeros((4, 4), bool), SETTINGS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_iou": 2},
        {"threshold": 0},
        {"threshold": 1},
        {"band": -1},
        {"loss_factor": float("nan")},
    ],
)
def test_invalid_settings_are_rejected(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FilterSettings(**wrong)
