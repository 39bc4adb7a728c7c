"""The promise per person on populations whose risk is known, and damaged ones in checkpoints."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest

from pii_seg.errors import CalibrationError
from pii_seg.evaluation import person_promise
from pii_seg.evaluation.counting import BIN_LOGITS, BINS, THRESHOLDS, count_image
from pii_seg.evaluation.person_counts import (
    UNCOVERED,
    ImagePersons,
    PersonTable,
    count_persons,
    table_of,
)
from pii_seg.evaluation.person_promise import (
    PersonPromise,
    cuts_of,
    read_person_promise,
)
from pii_seg.evaluation.risk_bounds import Confidence
from pii_seg.inference.dilation import MARGINS, dilate
from pii_seg.inference.settings import InferenceSettings

SETTINGS = asdict(InferenceSettings())
RECALL, ACCEPTED = 0.8, 0.1
LEVEL = UNCOVERED.index(ACCEPTED)
SPLITS, DRAWN = 200, 40
DELTA = 0.1
SLACK = 3 * math.sqrt(DELTA * (1 - DELTA) / SPLITS)


def counted(logits: np.ndarray, instances: np.ndarray, cuts: tuple[int, ...]) -> ImagePersons:
    target = (instances > 0).astype(np.uint8)
    persons = count_image(logits, target, instances, boundary=False).persons
    assert persons is not None
    return count_persons(persons, logits, target, instances, cuts)


@cache
def crowds() -> PersonTable:
    """600 images of 3 to 7 persons of 9 px, who are found or missed together."""
    rng = np.random.default_rng(0)
    images = {}
    for image in range(600):
        instances = np.zeros((24, 24), np.uint16)
        places = rng.permutation(36)[: rng.integers(3, 8)]
        for number, place in enumerate(places, start=1):
            top, left = place // 6 * 4, place % 6 * 4
            instances[top : top + 3, left : left + 3] = number
        of_image = rng.normal(2, 3)
        of_person = np.concatenate([[-9], of_image + rng.normal(0, 0.3, len(places))])
        logits = of_person[instances] + rng.normal(0, 0.2, instances.shape)
        images[f"{image:03d}"] = counted(logits, instances, ())
    return table_of(images)


@cache
def halves() -> PersonTable:
    """400 images of two persons of 8 × 90 px, the lower part of whom is not found."""
    rng = np.random.default_rng(1)
    images = {}
    for image in range(400):
        instances = np.zeros((100, 40), np.uint16)
        instances[5:95, 2:10], instances[5:95, 28:36] = 1, 2
        logits = np.full(instances.shape, -5.0)
        of_image = rng.normal(0.78, 0.1)
        for left in (2, 28):
            found = np.clip(of_image + rng.normal(0, 0.03), 0.1, 1)
            logits[5 : 5 + round(found * 90), left : left + 8] = 5
        images[f"{image:03d}"] = counted(logits, instances, cuts_of(0.5, 1.0)[:1])
    return table_of(images, cuts_of(0.5, 1.0)[:1])


def drawn_from(table: PersonTable, images: np.ndarray) -> PersonTable:
    starts = np.concatenate([[0], np.cumsum(table.persons)])
    rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in images])
    return PersonTable(
        table.persons[images], table.highest[rows], table.needed[rows], cuts=table.cuts
    )


def pooled(table: PersonTable) -> PersonTable:
    """Each person as an image of its own, as if they were independent."""
    return replace(table, persons=np.ones(len(table.highest), np.int64))


def promised(table: PersonTable, confidence: Confidence = 1 - DELTA) -> PersonPromise:
    return PersonPromise(confidence, table, SETTINGS, "ab" * 32)


def mean_over_images(lost: np.ndarray, persons: np.ndarray) -> float:
    starts = np.concatenate([[0], np.cumsum(persons)[:-1]])
    return float((np.add.reduceat(lost.astype(float), starts) / persons).mean())


def risk_by_threshold(table: PersonTable, promise: PersonPromise) -> float:
    at = promise.index(RECALL, ACCEPTED)
    return mean_over_images(table.highest[:, LEVEL] < at, table.persons)


def risk_by_margin(table: PersonTable, promise: PersonPromise) -> float:
    margin = promise.margin(RECALL, ACCEPTED, threshold=0.5, temperature=1.0)
    return mean_over_images(table.needed[:, 0, LEVEL] > MARGINS.index(margin), table.persons)


def risks(
    population: PersonTable,
    risk: Callable[[PersonTable, PersonPromise], float],
    *,
    confidence: Confidence = 1 - DELTA,
    change: Callable[[PersonTable], PersonTable] = lambda table: table,
) -> np.ndarray:
    """The true risk, (SPLITS,), of what promises on random images choose; a refusal has none."""

    def of(images: np.ndarray) -> float:
        try:
            return risk(population, promised(change(drawn_from(population, images)), confidence))
        except CalibrationError:
            return 0.0

    rng = np.random.default_rng(2)
    return np.array([of(row) for row in rng.integers(0, len(population.persons), (SPLITS, DRAWN))])


def by_mean_alone(losses: np.ndarray, risk: float, confidence: Confidence) -> int:
    return int(np.flatnonzero(losses.mean(axis=0) <= risk).max(initial=-1))


CASES = [(crowds, risk_by_threshold), (halves, risk_by_margin)]


@pytest.mark.parametrize(("population", "risk"), CASES)
def test_over_many_splits_the_promise_is_broken_as_seldom_as_it_says(
    population: Callable[[], PersonTable], risk: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = risks(population(), risk)
    assert (kept > 1 - RECALL).mean() <= DELTA + SLACK
    assert kept.mean() > 0.05  # and not by covering everything
    monkeypatch.setattr(person_promise, "last_within", by_mean_alone)
    assert (risks(population(), risk) > 1 - RECALL).mean() > DELTA + SLACK


def test_persons_counted_as_independent_break_the_promise() -> None:
    """The statistical test finds the mistake that images as the unit avoid."""
    broken = risks(crowds(), risk_by_threshold, change=pooled) > 1 - RECALL
    assert broken.mean() > DELTA + SLACK


@pytest.mark.parametrize(("population", "risk"), CASES)
def test_in_expectation_the_risk_is_within_the_promise(
    population: Callable[[], PersonTable], risk: Callable
) -> None:
    kept = risks(population(), risk, confidence="expectation")
    assert kept.mean() <= 1 - RECALL + 3 * kept.std() / math.sqrt(SPLITS)
    assert kept.mean() > 0.1


def test_persons_are_counted_as_they_are_covered() -> None:
    """Each number of the table, against the mask itself."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (40, 50)).astype(np.float32)
    logits[8:30, 5:20] += 4
    instances = np.zeros(logits.shape, np.uint16)
    instances[5:35, 3:25], instances[10:20, 30:33], instances[0, 49] = 2, 5, 7
    target = (instances > 0).astype(np.uint8)
    target[:7] = 255  # which ignores the last person, and a part of the first
    persons = count_image(logits, target, instances, boundary=False).persons
    assert persons is not None
    assert [person.id for person in persons] == [2, 5]
    cuts = cuts_of(0.7, 1.5)
    row = count_persons(persons, logits, target, instances, cuts)
    raw = THRESHOLDS[list(cuts)]
    probability = 1 / (1 + np.exp(-logits.astype(float)))
    for number, person in enumerate(persons):
        own = (instances == person.id) & (target == 1)
        for level, accepted in enumerate(UNCOVERED):
            highest = int(row.highest[number, level])
            missed = [(probability[own] < THRESHOLDS[k]).mean() for k in (highest, highest + 1)]
            assert missed[0] <= accepted + 1e-9 < missed[1] + 2e-9
            for cut, threshold in enumerate(raw):
                mask = probability >= threshold
                needed = int(row.needed[number, cut, level])
                for margin, enough in ((needed, True), (needed - 1, False)):
                    if 0 <= margin < len(MARGINS):
                        left = (own & ~dilate(mask, MARGINS[margin])).sum() / own.sum()
                        # Without a margin the mask itself covers, and so do the least 2 px.
                        assert (left <= accepted + 1e-9) == enough


def test_each_image_weighs_the_same_however_many_persons_it_shows() -> None:
    """One person who is found, and 99 who are not: half of the mean, 99 % of the persons."""
    highest = np.full((100, len(UNCOVERED)), 10, np.uint16)
    highest[0] = BINS - 1
    table = PersonTable(np.array([1, 99]), highest, np.zeros((100, 0, len(UNCOVERED)), np.uint8))
    promise = promised(table)
    assert promise.uncovered_at(11, ACCEPTED) == 0.5
    assert promise.uncovered_at(10, ACCEPTED) == 0
    assert promise.share_of_persons(11, ACCEPTED) == 0.99


def test_the_threshold_is_the_highest_that_keeps_the_promise() -> None:
    """9 of 99 images are lost from 700 on: 9 lost and 1 in reserve is within .1."""
    highest = np.full((99, len(UNCOVERED)), 1500, np.uint16)
    highest[:9] = 699
    highest[:, 0] = 20  # nobody is covered entirely above that
    table = PersonTable(np.ones(99, np.int64), highest, np.zeros((99, 0, 8), np.uint8))
    promise = promised(table, "expectation")
    assert promise.index(0.9, 0.1) == 1500
    assert promise.index(0.91, 0.1) == 699
    assert promise.index(0.91, 0.123) == 699  # accepts 10 %, which is less
    assert promise.index(0.91, 0.009) == 20
    logit = BIN_LOGITS[698] / 2
    assert promise.threshold(0.91, 0.1, temperature=2.0) == pytest.approx(
        1 / (1 + math.exp(-logit))
    )


def test_the_margin_is_the_smallest_that_keeps_the_promise() -> None:
    needed = np.zeros((99, 2, len(UNCOVERED)), np.uint8)
    needed[:9, 0], needed[9:20, 0], needed[20:, 0] = 51, 12, 3
    needed[:9, 1] = 7
    cuts = (1025, 900)
    highest = np.full((99, len(UNCOVERED)), 800, np.uint16)
    promise = promised(PersonTable(np.ones(99, np.int64), highest, needed, cuts), "expectation")

    def margin(recall: float, threshold: float = 0.5) -> float:
        return promise.margin(recall, 0.1, threshold=threshold, temperature=1.0)

    assert margin(0.9) == 0.12
    assert margin(0.78) == 0.03
    with pytest.raises(CalibrationError, match=r"any margin up to 50%.*highest .* 90\.00%.*--thr"):
        margin(0.95)
    low = float(THRESHOLDS[899])
    assert margin(0.95, low) == 0.07
    assert margin(0.95, low / 10) == 0.07  # a mask that holds that one
    assert margin(0.9, low * 1.1) == 0.12  # between the two: that of the higher
    with pytest.raises(CalibrationError, match=r"thresholds up to 0\.5.*got 0\.6"):
        margin(0.9, 0.6)


def test_margins_are_calibrated_at_the_own_threshold_and_below() -> None:
    for threshold, temperature in ((0.5, 1.0), (0.03, 2.5), (0.999, 0.4)):
        raw = math.log(threshold / (1 - threshold)) * temperature
        cuts = cuts_of(threshold, temperature)
        logits = [cut / 64 - 16 for cut in cuts]
        assert 0 < logits[0] - raw < 0.03  # a mask that the own threshold's holds
        assert list(cuts) == sorted(set(cuts), reverse=True)
    assert cuts_of(1e-9, 1.0) == (1,)


def test_a_promise_goes_through_json_unchanged() -> None:
    for confidence in (0.95, "expectation"):
        promise = promised(halves(), confidence)
        again = read_person_promise(json.loads(json.dumps({"other": 1, **promise.plain()})))
        assert (again.confidence, again.data_sha256) == (confidence, "ab" * 32)
        assert again.table.cuts == promise.table.cuts
        for name in ("persons", "highest", "needed"):
            np.testing.assert_array_equal(getattr(again.table, name), getattr(promise.table, name))
        again.require_inference(SETTINGS)
        with pytest.raises(CalibrationError, match="flip True"):
            again.require_inference({**SETTINGS, "flip": True})


def test_the_statement_claims_no_more_than_the_bound() -> None:
    promise = promised(halves(), 0.95)
    assert promise.statement(0.8, 0.1) == (
        "With 95% confidence the expected share of uncovered persons is at most 20%: the share of "
        "an image's persons of whom more than 10% of the pixels are left out of its mask, on "
        "average over images with persons, drawn like the 400 calibration images (800 persons); "
        "the confidence is about their draw."
    )
    mean = promised(halves(), "expectation").statement(0.8, 0.05, margin=0.07)
    assert "left out of its mask with the margin of 7%" in mean
    assert "confidence" not in mean
    assert "over calibrations on 400 images" in mean


def test_impossible_promises_are_rejected() -> None:
    promise = promised(drawn_from(halves(), np.arange(20)), 0.95)
    with pytest.raises(
        CalibrationError, match=r"99% with at most 10%.* 20 images: .*--uncovered.*302"
    ):
        promise.index(0.99, 0.1)
    for recall in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(CalibrationError, match="between 0 and 1"):
            promise.index(recall, 0.1)
    for uncovered in (-0.1, 1.0, float("nan")):
        with pytest.raises(CalibrationError, match="uncovered pixels"):
            promise.index(0.5, uncovered)


@pytest.mark.parametrize("calibration", [{}, None, [], "x", {"promise": {}}])
def test_without_persons_nothing_is_promised_about_them(calibration: object) -> None:
    with pytest.raises(CalibrationError, match=r"no persons.*tell persons apart.*pii_seg\.calib"):
        read_person_promise(calibration)


def packed(numbers: object, dtype: str) -> str:
    return base64.b64encode(np.array(numbers).astype(dtype).tobytes()).decode()


def changed(**changes: object) -> dict[str, object]:
    table = drawn_from(halves(), np.arange(3))
    return {"person_promise": {**promised(table).plain()["person_promise"], **changes}}


@pytest.mark.parametrize(
    ("calibration", "why"),
    [
        ({"person_promise": 7}, "subscriptable"),
        ({"person_promise": {}}, "'confidence' is absent"),
        (changed(logits=[-8, 8]), "logits"),
        (changed(uncovered=[0.1]), "uncovered"),
        (changed(margins=7), "margins"),
        (changed(cuts=3), "cuts"),
        (changed(cuts=[1.5]), "cuts"),
        (changed(cuts=[True]), "cuts"),
        (changed(cuts=[0]), "falling"),
        (changed(cuts=[BINS]), "falling"),
        (changed(cuts=[9, 5]), "reshape"),
        (changed(cuts=list(range(90, 1, -1))), "cuts"),
        (changed(persons="!"), ""),
        (changed(persons=3), "packed"),
        (changed(persons=packed([2, 2], "<u4")), "fit together"),
        (changed(persons=packed([6, 0], "<u4")), "fit together"),
        (changed(persons=""), "fit together"),
        (changed(persons="A" * 10**6), "packed"),
        (changed(highest=packed([[5] * 8] * 5, "<u2")), ""),
        (changed(highest=packed([range(9, 1, -1)] * 6, "<u2")), "rising"),
        (changed(highest=packed([[BINS] * 8] * 6, "<u2")), "rising"),
        (changed(highest="abc"), ""),
        (changed(needed=packed([[52] * 8] * 6, "u1")), "margins"),
        (changed(needed=packed([range(8)] * 6, "u1")), "uncovered"),
        (changed(needed=packed([[5] * 8] * 6, "u1"), highest=packed([[2000] * 8] * 6, "<u2")),
         "where the mask covers"),
        (changed(confidence=1.0), "confidence"),
        (changed(confidence=float("nan")), "confidence"),
        (changed(confidence="high"), "confidence"),
        (changed(confidence=None), "confidence"),
        (changed(inference=3), "int"),
    ],
)  # fmt: skip
def test_a_damaged_calibration_is_rejected(calibration: object, why: str) -> None:
    with pytest.raises(CalibrationError, match=rf"damaged \(.*{why}.*calibrate again") as raised:
        read_person_promise(calibration)
    assert re.search(r"pii_seg\.calibrate", str(raised.value))
    assert "\n" not in str(raised.value)
