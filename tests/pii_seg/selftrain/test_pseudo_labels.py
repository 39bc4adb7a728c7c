"""From probabilities to labels: persons, ignored pixels, reliability, and the choice by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pii_seg.selftrain.pseudo_labels import (
    PseudoLabelSettings,
    band_width,
    iou,
    label,
    numbers_of,
    reliability,
)

PLAIN = PseudoLabelSettings(least_confidence=0.5, band=0, least_person=0)
"""Ignores nothing."""

PROBABILITIES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)
MASKS = arrays.arrays(bool, (4, 5))


def scene() -> np.ndarray:
    """60 × 80 px: a large person, a small one, a component of 2 px, and an uncertain area."""
    probability = np.full((60, 80), 0.02, np.float32)
    probability[30:50, 50:70] = 0.99
    probability[5:15, 5:13] = 0.95
    probability[55, 2:4] = 0.97
    probability[20:25, 20:30] = 0.45
    return probability


def test_persons_are_separate_and_the_largest_is_the_first() -> None:
    made = label(scene(), PLAIN)
    assert made.instances.dtype == np.uint8
    assert made.persons == (
        {"id": 1, "bbox": [50, 30, 20, 20], "area": 400},
        {"id": 2, "bbox": [5, 5, 8, 10], "area": 80},
        {"id": 3, "bbox": [2, 55, 2, 1], "area": 2},
    )
    assert made.instances[40, 60] == 1 and made.instances[10, 8] == 2 and made.instances[55, 3] == 3
    assert not made.ignore.any()


def test_persons_that_touch_are_one_instance() -> None:
    probability = np.zeros((10, 10), np.float32)
    probability[:5, :5] = probability[5:, 5:] = 1  # at a corner
    assert len(label(probability, PLAIN).persons) == 1


def test_uncertain_pixels_are_ignored() -> None:
    probability = np.array([[0.04, 0.05, 0.06, 0.5, 0.94, 0.95, 0.96]], np.float64)
    settings = PseudoLabelSettings(least_confidence=0.95, band=0, least_person=0)
    assert label(probability, settings).ignore.tolist() == [
        [False, False, True, True, True, False, False]
    ]


def test_threshold_of_the_settings_is_used() -> None:
    probability = np.array([[0.2, 0.3, 0.6]], np.float32)
    settings = PseudoLabelSettings(threshold=0.3, least_confidence=0.5, band=0, least_person=0)
    assert label(probability, settings).instances.tolist() == [[0, 1, 1]]


def test_small_components_are_ignored_and_are_no_persons() -> None:
    settings = PseudoLabelSettings(least_confidence=0.5, band=0, least_person=3 / 4800)
    made = label(scene(), settings)
    assert len(made.persons) == 2
    assert np.argwhere(made.ignore).tolist() == [[55, 2], [55, 3]]
    assert not made.instances[55].any()
    # A component of exactly the least size is a person.
    assert len(label(scene(), PseudoLabelSettings(least_person=2 / 4800)).persons) == 3


def test_band_is_ignored_on_both_sides_of_a_border_but_not_along_the_frame() -> None:
    probability = np.zeros((40, 30), np.float32)
    probability[10:] = 1
    settings = PseudoLabelSettings(band=0.06, least_person=0)
    assert band_width(probability.shape, settings.band) == 3
    ignored = label(probability, settings).ignore
    assert ignored.all(axis=1).tolist() == [7 <= row < 13 for row in range(40)]
    assert (ignored.all(axis=1) == ignored.any(axis=1)).all()


@pytest.mark.parametrize(
    ("shape", "share", "px"), [((3, 4), 0.0, 0), ((3, 4), 0.001, 1), ((300, 400), 0.01, 5)]
)
def test_width_of_the_band_in_px(shape: tuple[int, int], share: float, px: int) -> None:
    assert band_width(shape, share) == px


def test_many_persons_need_a_16_bit_mask() -> None:
    probability = np.zeros((40, 40), np.float32)
    probability[::2, ::2] = 1  # 400 of 1 px
    made = label(probability, PLAIN)
    assert made.instances.dtype == np.uint16
    assert sorted(np.unique(made.instances)) == list(range(401))


def test_persons_beyond_the_limit_of_a_mask_are_ignored() -> None:
    probability = np.zeros((514, 514), np.float32)
    probability[::2, ::2] = 1  # 66,049 of 1 px
    made = label(probability, PLAIN)
    assert len(made.persons) == made.instances.max() == 65535
    assert made.ignore.sum() == 66049 - 65535


@given(
    PROBABILITIES,
    st.floats(0.5, 0.99),
    st.sampled_from([0.0, 0.01, 0.1]),
    st.sampled_from([0.0, 0.05]),
)
def test_every_label_is_consistent(
    probability: np.ndarray, confidence: float, band: float, least: float
) -> None:
    settings = PseudoLabelSettings(least_confidence=confidence, band=band, least_person=least)
    made = label(probability, settings)
    person = probability >= settings.threshold
    assert made.instances.shape == made.ignore.shape == probability.shape
    assert not (made.instances.astype(bool) & ~person).any()
    # A pixel from the threshold on belongs to an instance or is ignored.
    assert (made.ignore | (made.instances > 0) | ~person).all()
    assert made.ignore[np.maximum(probability, 1 - probability) < confidence].all()
    for listed in made.persons:
        rows, columns = np.nonzero(made.instances == listed["id"])
        x, y, width, height = listed["bbox"]
        assert listed["area"] == len(rows) >= least * probability.size
        assert (columns.min(), rows.min()) == (x, y)
        assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (width, height)
    assert [p["id"] for p in made.persons] == list(range(1, len(made.persons) + 1))
    assert made.instances.max() == len(made.persons)
    areas = [p["area"] for p in made.persons]
    assert areas == sorted(areas, reverse=True)
    assert all(0 <= value <= 1 for value in numbers_of(probability, made, settings).values())


def test_probabilities_that_are_not_finite_are_refused() -> None:
    probability = scene()
    probability[3, 3] = np.nan
    with pytest.raises(FloatingPointError, match="not finite"):
        label(probability, PLAIN)


def test_measurements_of_an_image() -> None:
    probability = np.array([[0.5, 1.0, 0.0, 0.89]], np.float32)
    settings = PseudoLabelSettings(band=0, least_person=0)
    numbers = numbers_of(probability, label(probability, settings), settings)
    assert numbers["confident"] == 0.5
    assert numbers["known"] == 0.5
    assert numbers["person"] == 0.75
    assert numbers["entropy"] == pytest.approx((1 + 0 + 0 + 0.49992) / 4, abs=1e-4)


# Reliability


def test_iou_of_two_masks() -> None:
    first, second = np.zeros((2, 4), bool), np.zeros((2, 4), bool)
    assert iou(first, second) == 1  # both find no person: they agree
    first[0] = True
    assert iou(first, second) == 0
    second[0, :2] = second[1, :2] = True
    assert iou(first, second) == pytest.approx(2 / 6)


@given(MASKS, MASKS)
def test_iou_is_symmetric_and_1_only_for_equal_masks(first: np.ndarray, second: np.ndarray) -> None:
    assert 0 <= iou(first, second) == iou(second, first) <= 1
    assert (iou(first, second) == 1) == bool((first == second).all())


def test_reliability_is_the_mean_agreement_with_the_last_checkpoint() -> None:
    last = np.array([[True, True, False, False]])
    half = np.array([[True, False, False, False]])
    assert reliability([half, last], last) == pytest.approx((0.5 + 1) / 2)
    assert reliability([~last], last) == 0
    assert reliability([], last) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 0.0),
        ("threshold", 1.0),
        ("least_confidence", 0.49),
        ("least_confidence", 1.0),
        ("band", -0.1),
        ("band", 0.2),
        ("least_person", float("nan")),
        ("least_person", 0.2),
    ],
)
def test_invalid_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"labels\.{name} is"):
        PseudoLabelSettings(**{name: value})
