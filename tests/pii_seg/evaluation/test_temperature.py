"""Temperatures and thresholds on data whose solution is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.counting import THRESHOLDS, count_image, threshold_index
from pii_seg.evaluation.metrics import Totals, calibration_error
from pii_seg.evaluation.temperature import (
    choose_threshold,
    fit_temperature,
    negative_log_likelihood,
    rescale_threshold,
)


def overconfident(factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits `factor` times too large, and targets drawn from the calibrated ones."""
    rng = np.random.default_rng(11)
    honest = rng.normal(-1, 1.5, (300, 400))
    target = (rng.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.uint8)
    return (factor * honest).astype(np.float32), target


def totals_of(
    logits: np.ndarray, target: np.ndarray, instances: np.ndarray | None = None
) -> Totals:
    totals = Totals()
    totals.add(count_image(logits, target, instances))
    return totals


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_overconfidence(factor: float) -> None:
    totals = totals_of(*overconfident(factor))
    temperature = fit_temperature(totals)
    assert temperature == pytest.approx(factor, rel=0.03)
    before, after = (
        calibration_error(totals.person, totals.background, temperature=t)
        for t in (1.0, temperature)
    )
    assert after < 0.01
    assert factor == 1 or before > 3 * after


def test_the_likelihood_is_that_of_torch() -> None:
    logits, target = overconfident(2.0)
    totals = totals_of(logits, target)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits / 1.7), torch.from_numpy(target).float()
    )
    ours = negative_log_likelihood(totals.person, totals.background, 1.7)
    assert ours == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("wished", [0.5, 0.9, 0.99])
def test_the_threshold_is_the_highest_that_finds_enough_pixels(wished: float) -> None:
    totals = totals_of(*overconfident(1.0))
    threshold = choose_threshold(totals, wished)
    index = threshold_index(threshold)
    recall = totals.curves().recall
    assert recall[index] >= wished > recall[index + 1]
    assert threshold == THRESHOLDS[index]


def test_the_threshold_for_persons_counts_persons() -> None:
    """Ten persons, person k found at logit −k: finding eight of ten needs a threshold of σ(−7)."""
    instances = np.repeat(np.arange(1, 11, dtype=np.uint16), 30).reshape(1, -1)
    logits = -(instances - 0.0).astype(np.float32) + 0.001
    instances = np.concatenate([instances, np.zeros_like(instances)])
    logits = np.concatenate([logits, np.full_like(logits, -15)])
    totals = totals_of(logits, (instances > 0).astype(np.uint8), instances)
    assert choose_threshold(totals, 0.8, of="persons") == pytest.approx(
        1 / (1 + np.exp(8)), rel=0.02
    )


def test_rescaled_threshold_draws_the_same_mask() -> None:
    logits, _ = overconfident(3.0)
    for threshold, temperature in [(0.3, 2.0), (0.9, 0.5), (0.5, 7.0)]:
        fresh = rescale_threshold(threshold, temperature)
        same = (1 / (1 + np.exp(-logits / temperature)) >= fresh) == (
            1 / (1 + np.exp(-logits)) >= threshold
        )
        assert same.mean() > 0.9999


def test_data_that_determine_nothing_are_rejected() -> None:
    nobody = totals_of(np.zeros((4, 4), np.float32), np.zeros((4, 4), np.uint8))
    with pytest.raises(CalibrationError, match="persons and of background"):
        fit_temperature(nobody)
    with pytest.raises(CalibrationError, match="no pixels of persons"):
        choose_threshold(nobody, 0.9)
    blind = totals_of(np.full((4, 4), -99, np.float32), np.ones((4, 4), np.uint8))
    with pytest.raises(CalibrationError, match="no person instances"):
        choose_threshold(blind, 0.9, of="persons")
    with pytest.raises(CalibrationError, match="takes everything for a person"):
        choose_threshold(blind, 0.9)
    for wished in (0.0, 1.1, float("nan")):
        with pytest.raises(CalibrationError, match="between 0 and 1"):
            choose_threshold(blind, wished)
