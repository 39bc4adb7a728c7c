"""What a segmenter's second look keeps, and what it leaves out."""

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
    is_lossy,
    judge,
    measure_class_loss,
    outline_band,
)

SETTINGS = FilterSettings()


def square(size: int = 40, low: int = 10, high: int = 30) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_a_person_found_again_is_kept() -> None:
    mask = square()
    verdict = judge(np.where(mask, 0.9, 0.1), mask, SETTINGS)
    assert (verdict.iou, verdict.reason, verdict.accepted) == (1.0, ACCEPTED, True)


def test_a_person_not_found_again_is_left_out() -> None:
    mask = square()
    half = mask.copy()
    half[:, 20:] = False
    verdict = judge(half.astype(float), mask, SETTINGS)
    assert (verdict.iou, verdict.reason, verdict.accepted) == (0.5, LOW_IOU, False)
    assert judge(half.astype(float), mask, FilterSettings(min_iou=0.5)).accepted


def test_what_does_not_count_does_not_count() -> None:
    mask = square()
    found = mask.astype(float)
    found[:5] = 1.0  # another person
    assert not judge(found, mask, SETTINGS).accepted
    where = np.ones_like(mask)
    where[:8] = False
    assert judge(found, mask, SETTINGS, where=where).iou == 1.0


def test_values_that_are_no_numbers_are_not_kept() -> None:
    verdict = judge(np.full((40, 40), np.nan), square(), SETTINGS)
    assert (verdict.reason, verdict.accepted) == (NO_NUMBERS, False)


def test_an_empty_world_has_no_iou() -> None:
    nothing = np.zeros((4, 4), bool)
    assert judge(nothing.astype(float), nothing, SETTINGS).iou == 0.0


@given(width=st.integers(0, 4))
def test_the_band_lies_on_both_sides_of_the_outline_and_not_on_the_frame(width: int) -> None:
    mask = square()
    band = outline_band(mask, width)
    inside, outside = band & mask, band & ~mask
    assert inside[20].sum() == outside[20].sum() == 2 * width
    mask = np.zeros((40, 40), bool)
    mask[:, 20:] = True  # runs out of the picture
    band = outline_band(mask, width)
    assert (band.sum(1) == 2 * width).all()


def test_the_loss_rule_ignores_what_the_segmenter_doubts_more_than_usual() -> None:
    mask = np.array([[True, True, False, False]])
    probability = np.array([[0.9, 0.5, 0.1, 0.5]])
    usual = ClassLoss(background=-np.log(0.5), person=-np.log(0.9))
    np.testing.assert_array_equal(
        is_lossy(probability, mask, usual, 1.25), [[False, True, False, False]]
    )
    verdict = judge(probability, mask, FilterSettings(min_iou=0, band=0), usual=usual)
    np.testing.assert_array_equal(verdict.ignore, [[False, True, False, False]])
    assert not judge(probability, mask, FilterSettings(min_iou=0, band=0)).ignore.any()


def test_usual_losses_are_means_by_class() -> None:
    masks = [square(), square(low=0, high=10)]
    images = [np.full((40, 40, 3), value, np.uint8) for value in (51, 102)]

    def segment(image: np.ndarray) -> np.ndarray:
        return image[..., 0] / 255

    usual = measure_class_loss(segment, zip(images, masks, strict=True))
    person = (400 * -np.log(0.2) + 100 * -np.log(0.4)) / 500
    background = (1200 * -np.log(0.8) + 1500 * -np.log(0.6)) / 2700
    assert (usual.person, usual.background) == pytest.approx((person, background), rel=1e-4)
    with pytest.raises(ValueError, match="both"):
        measure_class_loss(segment, [(images[0], np.zeros((40, 40), bool))])
    assert np.isfinite(cross_entropy(np.array([0.0, 1.0]), np.array([True, False]))).all()


def test_shapes_that_differ_are_refused() -> None:
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
def test_settings_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FilterSettings(**wrong)
