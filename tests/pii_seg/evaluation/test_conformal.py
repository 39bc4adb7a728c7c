"""The promise on populations whose risk is known, and damaged promises in checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pii_seg.errors import CalibrationError
from pii_seg.evaluation import conformal, risk_bounds
from pii_seg.evaluation.conformal import (
    Promise,
    make_promise,
    missed_shares,
    read_promise,
    threshold_for,
)
from pii_seg.evaluation.counting import BIN_LOGITS, BINS, THRESHOLDS, count_image
from pii_seg.evaluation.risk_bounds import (
    Confidence,
    confident_risk_bound,
    expected_risk_bound,
    pictures_needed,
)
from pii_seg.inference.settings import InferenceSettings

LOOK = asdict(InferenceSettings())
FALSE_AREA = np.linspace(1, 0, BINS)


def typical_images(rng: np.random.Generator) -> np.ndarray:
    """Losses (5000, 48) of typical images: most persons found well, some badly, few not."""
    middle = np.where(rng.random(5000) < 0.9, rng.normal(5, 1.5, 5000), rng.normal(-3, 3, 5000))
    spread = rng.uniform(0.3, 1.5, 5000)
    thresholds = np.linspace(-16, 6, 48)
    losses = 1 / (1 + np.exp(-(thresholds - middle[:, None]) / spread[:, None]))
    losses[:, 0] = 0  # all is person
    return losses


def all_or_nothing(rng: np.random.Generator) -> np.ndarray:
    """Losses (5000, 48) of persons found or missed entirely, the hardest to bound."""
    return (rng.random((5000, 1)) < np.linspace(0, 0.3, 48)).astype(float)


def risks(
    losses: np.ndarray,
    bound: Callable[[np.ndarray], np.ndarray],
    *,
    n: int,
    alpha: float,
    splits: int,
) -> np.ndarray:
    """The true risk, (splits,), at the threshold that `bound` allows for `alpha` on `n` images."""
    rng = np.random.default_rng(1)
    risk = losses.mean(axis=0)
    chosen = []
    for _ in range(splits):
        bounds = np.maximum.accumulate(bound(losses[rng.integers(0, len(losses), n)]))
        chosen.append(max(np.flatnonzero(bounds <= alpha), default=0))
    return risk[chosen]


def uncorrected(losses: np.ndarray) -> np.ndarray:
    return losses.mean(axis=0)


def promised(losses: np.ndarray, confidence: Confidence = "expectation") -> Promise:
    return make_promise(
        losses, confidence=confidence, false_area=FALSE_AREA, inference=LOOK, data_sha256="ab" * 32
    )


def steps(*logits: float, n: int = 1) -> np.ndarray:
    """Losses (n · len(logits), BINS) of images whose person pixels all have one logit."""
    rows = []
    for logit in logits:
        histogram = np.zeros(BINS, np.int64)
        histogram[np.argmin(np.abs(BIN_LOGITS - logit))] = 10
        rows += [missed_shares(histogram)] * n
    return np.stack(rows)


@pytest.mark.parametrize("population", [typical_images, all_or_nothing])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_at_a_confidence_the_risk_is_within_the_promise_that_often(
    population, confidence: float
) -> None:
    losses, splits = population(np.random.default_rng(0)), 600
    slack = 3 * math.sqrt(confidence * (1 - confidence) / splits)

    def broken(bound: Callable[[np.ndarray], np.ndarray]) -> float:
        return float((risks(losses, bound, n=60, alpha=0.1, splits=splits) > 0.1).mean())

    assert broken(lambda drawn: confident_risk_bound(drawn, confidence)) <= 1 - confidence + slack
    assert broken(uncorrected) > 0.3
    assert broken(expected_risk_bound) > 1 - confidence + slack  # its statement is another


@pytest.mark.parametrize("population", [typical_images, all_or_nothing])
def test_in_expectation_the_risk_is_within_the_promise(population) -> None:
    losses = population(np.random.default_rng(0))
    kept = risks(losses, expected_risk_bound, n=10, alpha=0.1, splits=5000)
    assert kept.mean() <= 0.1 + 3 * kept.std() / math.sqrt(len(kept))
    assert kept.mean() > 0.04  # and not by giving up
    naive = risks(losses, uncorrected, n=10, alpha=0.1, splits=5000)
    assert naive.mean() > 0.1 + 3 * naive.std() / math.sqrt(len(naive))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0.5, 0.99),
)
def test_the_bound_is_the_formula(losses: list[float], confidence: float) -> None:
    """Bates et al., computed image by image, with R from 0 upwards."""
    delta, n = 1 - confidence, len(losses)

    def won(R: float) -> bool:
        capital, total, squares, variance = 1.0, 0.5, 0.25, 0.25
        for i, loss in enumerate(losses, start=1):
            bet = min(1, math.sqrt(2 * math.log(1 / delta) / (n * variance)))
            capital *= 1 - bet * (loss - R)
            if capital > 1 / delta:
                return True
            total += loss
            squares += (loss - total / (1 + i)) ** 2
            variance = squares / (1 + i)
        return False

    bound = float(confident_risk_bound(np.array(losses)[:, None], confidence)[0])
    assert bound == 1 or won(bound + 1e-6)
    assert bound == 0 or not won(bound - 1e-6)


def test_columns_are_bounded_independently(monkeypatch) -> None:
    losses = typical_images(np.random.default_rng(3))[:70]
    whole = confident_risk_bound(losses, 0.9)
    assert (np.diff(whole) >= 0).mean() > 0.9
    monkeypatch.setattr(risk_bounds, "BLOCK", 70 * 5)
    np.testing.assert_array_equal(confident_risk_bound(losses, 0.9), whole)


def test_more_images_and_less_confidence_give_tighter_bounds() -> None:
    losses = typical_images(np.random.default_rng(3))[:, 20]
    few, many, unsure = (
        float(confident_risk_bound(losses[:n, None], confidence)[0])
        for n, confidence in ((100, 0.95), (1600, 0.95), (100, 0.6))
    )
    assert losses.mean() < many < few
    assert unsure < few


def test_no_bound_is_below_the_measured_risk() -> None:
    """Images in a misleading order: all misses come after the bets are won."""
    losses = np.vstack([np.zeros((300, BINS)), np.tile(np.arange(BINS) > 9, (100, 1))])
    assert confident_risk_bound(losses[:, -1:], 0.8) < 0.25
    assert promised(losses, 0.8).bound[-1] == 0.25


@pytest.mark.parametrize(
    ("confidence", "recall", "needed"),
    [
        ("expectation", 0.9, 9),
        ("expectation", 0.99, 99),
        (0.95, 0.9, 32),
        (0.95, 0.99, 302),
        (0.5, 0.9, 8),
    ],
)
def test_fewer_images_than_needed_promise_nothing(
    confidence: Confidence, recall: float, needed: int
) -> None:
    assert pictures_needed(recall, confidence) == needed
    with pytest.raises(CalibrationError, match=f"at least {needed}"):
        promised(steps(3.0, n=needed - 1), confidence).index(recall)
    assert promised(steps(3.0, n=needed + needed // 4), confidence).index(recall)


def test_losses_are_the_shares_missed_at_each_threshold() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 6, (40, 50)).astype(np.float32)
    target = (rng.random(logits.shape) < 0.3).astype(np.uint8)
    target[:5] = 255
    losses = missed_shares(count_image(logits, target).person)
    probability = 1 / (1 + np.exp(-logits[target == 1].astype(float)))
    for k in (0, 1, 300, 1024, 1500, BINS - 1):
        assert losses[k] == pytest.approx((probability < THRESHOLDS[k]).mean(), abs=1e-6)
    assert losses[0] == 0
    with pytest.raises(ValueError, match="no person pixel"):
        missed_shares(np.zeros(BINS, np.int64))


def test_the_threshold_is_the_highest_that_keeps_the_promise() -> None:
    """9 of 99 images have logit −2, 90 have 4: 9 missed and 1 in reserve is within .1."""
    losses = steps(*[-2.0] * 9, *[4.0] * 90)
    promise = promised(losses)
    assert promise.threshold(0.9, 1.0) == pytest.approx(1 / (1 + math.exp(-4)), rel=1e-3)
    assert promise.threshold(0.91, 1.0) == pytest.approx(1 / (1 + math.exp(2)), rel=0.03)
    assert promise.missed[promise.index(0.9)] == pytest.approx(9 / 99)
    assert promise.missed[promise.index(0.9) + 1] == 1
    assert promise.false_area[promise.index(0.9)] < promise.false_area[promise.index(0.91)]


def test_bounds_never_fall_with_the_threshold(monkeypatch) -> None:
    """A bound above α anywhere below a threshold rules that threshold out."""
    dips = np.linspace(0, 1, BINS)
    dips[700] = 0.6
    monkeypatch.setattr(conformal, "confident_risk_bound", lambda losses, confidence: dips)
    promise = promised(np.zeros((3, BINS)), 0.9)
    assert promise.index(0.5) == 699
    assert promise.index(0.39) > 700


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, BINS - 1),
    st.floats(0.2, 10),
    st.integers(0, 1000),
)
def test_rounding_costs_no_pixel(k: int, temperature: float, seed: int) -> None:
    """All pixels at or above the chosen logit are in the mask, however float32 rounds."""
    promise = promised(steps(float(BIN_LOGITS[k]), n=30))
    assert promise.index(0.9) == k
    edge = BIN_LOGITS[k] - (BIN_LOGITS[1] - BIN_LOGITS[0]) / 2
    near = edge + np.concatenate([[0.0], np.random.default_rng(seed).exponential(1e-3, 200)])
    logits = np.nextafter(near.astype(np.float32), np.float32(np.inf))
    probability = torch.from_numpy(logits / np.float32(temperature)).sigmoid().numpy()
    assert (probability >= promise.threshold(0.9, temperature)).all()


def test_a_promise_goes_through_json_unchanged() -> None:
    losses = np.stack([steps(-1.0)[0], steps(2.0)[0]]).repeat(30, axis=0)
    for confidence in (0.95, "expectation"):
        promise = promised(losses, confidence)
        calibration = json.loads(json.dumps({"other": 1, **promise.plain()}, allow_nan=False))
        again = read_promise(calibration)
        assert (again.confidence, again.pictures, again.data_sha256) == (confidence, 60, "ab" * 32)
        for name in ("missed", "bound", "false_area"):
            np.testing.assert_array_equal(getattr(again, name), getattr(promise, name))
        assert threshold_for(
            calibration, 0.9, inference=LOOK, temperature=2.0
        ) == promise.threshold(0.9, 2.0)


def test_the_statement_claims_no_more_than_the_bound() -> None:
    sure, mean = (promised(steps(3.0, n=400), confidence) for confidence in (0.95, "expectation"))
    assert sure.statement(0.99) == (
        "With 95% confidence the expected share of missed person pixels is at most 1%: the share "
        "of an image's person pixels that are left out of its mask, on average over images with "
        "persons, drawn like the 400 calibration images; the confidence is about their draw."
    )
    assert mean.statement(0.999) == (
        "The expected share of missed person pixels is at most 0.1%: the share of an image's "
        "person pixels that are left out of its mask, on average over images with persons and over "
        "calibrations on 400 images drawn like them."
    )


def test_settings_other_than_those_calibrated_are_rejected() -> None:
    calibration = json.loads(json.dumps(promised(steps(3.0, n=50)).plain()))
    same = asdict(InferenceSettings(batch_pixels=7))  # a matter of memory
    assert threshold_for(calibration, 0.9, inference=same, temperature=1.0) > 0.9
    other = asdict(InferenceSettings(tiles="auto", scales=(1.0, 2.0)))
    with pytest.raises(
        CalibrationError, match=r"with scales \[1.0\], tiles 1, .* tiles auto.*pii_seg.calibrate"
    ):
        threshold_for(calibration, 0.9, inference=other, temperature=1.0)
    with pytest.raises(CalibrationError, match="flip"):
        threshold_for(
            calibration,
            0.9,
            inference={n: v for n, v in LOOK.items() if n != "flip"},
            temperature=1.0,
        )


@pytest.mark.parametrize(
    "calibration", [{}, None, [], "promise", {"pictures": 3, "threshold_from": "x"}]
)
def test_without_calibration_nothing_is_promised(calibration: object) -> None:
    with pytest.raises(CalibrationError, match=r"not calibrated.*python -m pii_seg\.calibrate"):
        threshold_for(calibration, 0.99, inference=LOOK, temperature=1.0)


def changed(**changes: object) -> dict[str, object]:
    stored = promised(steps(-1.0, 3.0, n=30)).plain()["promise"]
    return {"promise": {**stored, **changes}}


@pytest.mark.parametrize(
    ("calibration", "why"),
    [
        ({"promise": 7}, "damaged"),
        ({"promise": {}}, "'logits' is absent"),
        (changed(logits=[-8, 8]), "logits"),
        (changed(bound=[0.0] * BINS), "below what was measured"),
        (changed(bound=[0.5] * 7), "bound is not 2048 numbers"),
        (changed(bound=[float("nan")] * BINS), "bound is not 2048 numbers"),
        (changed(bound=[float("-inf")] * BINS), "bound is not 2048 numbers"),
        (changed(bound=[1.5] * BINS), "bound is not 2048 numbers"),
        (changed(bound=[[1.0]] * BINS), "bound is not 2048 numbers"),
        (changed(bound=[[1.0], 1.0]), "damaged"),
        (changed(bound="many"), "damaged"),
        (changed(bound=None), "bound is not 2048 numbers"),
        (changed(bound=[10**400] * BINS), "damaged"),
        (changed(bound=[1.0] * (BINS - 1) + [0.9]), "bound falls"),
        (changed(missed=[0.1] * (BINS - 1) + [0.0]), "missed falls"),
        (changed(false_area=list(np.linspace(0, 1, BINS))), "false_area rises"),
        (changed(pictures=0), "number of images"),
        (changed(pictures=2.5), "number of images"),
        (changed(confidence=1.0), "confidence"),
        (changed(confidence=float("nan")), "confidence"),
        (changed(confidence="high"), "confidence"),
        (changed(confidence=None), "confidence"),
        (changed(inference=3), "damaged"),
    ],
)
def test_a_damaged_calibration_is_rejected(calibration: object, why: str) -> None:
    with pytest.raises(CalibrationError, match=rf"damaged.*{why}|{why}.*calibrate again") as raised:
        threshold_for(calibration, 0.5, inference=LOOK, temperature=1.0)
    assert "pii_seg.calibrate" in str(raised.value)


def test_impossible_promises_are_rejected() -> None:
    promise = promised(steps(3.0, n=50), 0.95)
    with pytest.raises(
        CalibrationError, match=r"99% cannot .* confidence of 95% with 50 .* is 9\d\.\d\d%.* 302"
    ):
        promise.threshold(0.99, 1.0)
    for recall in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(CalibrationError, match="between 0 and 1"):
            promise.threshold(recall, 1.0)
    blind = promised(np.tile(np.arange(BINS) > 0, (50, 1)).astype(np.float32) * 0.5)
    with pytest.raises(CalibrationError, match=r"in expectation.*49\.01%"):
        blind.threshold(0.6, 1.0)
    with pytest.raises(CalibrationError, match="too few digits"):
        promised(steps(-10.0, n=50)).threshold(0.9, 0.01)
    with pytest.raises(CalibrationError, match="show no person"):
        promised(np.zeros((0, BINS)))
    with pytest.raises(CalibrationError, match="too few"):
        promised(steps(3.0, n=2), 0.95)
    for confidence in (0.0, 1.0, 95.0, float("nan")):
        with pytest.raises(CalibrationError, match="'expectation'"):
            promised(steps(3.0, n=50), confidence)
