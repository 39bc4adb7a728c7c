"""The sums compared with brute-force definitions and with torchmetrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.classification import (
    BinaryCalibrationError,
    BinaryJaccardIndex,
    BinaryRecallAtFixedPrecision,
)

from pii_seg.evaluation.counting import (
    BINS,
    LIMIT,
    SIZES,
    THRESHOLDS,
    boundary_distance,
    boundary_of,
    count_image,
    snap,
    threshold_index,
)
from pii_seg.evaluation.metrics import SUMS, Totals, calibration_error, reliability


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def random_image(
    seed: int, height: int = 40, width: int = 50, *, people: int = 3, ignore: bool = True
):
    """Logits correlated with the persons, a target with ignored pixels, disjoint instances."""
    rng = np.random.default_rng(seed)
    instances = np.zeros((height, width), np.uint16)
    for number in rng.choice(np.arange(1, 400), people, replace=False):
        y, x = rng.integers(0, height - 5), rng.integers(0, width - 5)
        instances[y : y + rng.integers(2, 20), x : x + rng.integers(2, 20)] = number
    target = (instances > 0).astype(np.uint8)
    if ignore:
        target[rng.random((height, width)) < 0.1] = 255
    truth = instances > 0
    logits = (rng.normal(0, 2, (height, width)) + 2 * truth - 1).astype(np.float32)
    return logits, target, instances


def totals_of(pictures, threshold: float = 0.5) -> Totals:
    totals = Totals(threshold)
    for logits, target, instances in pictures:
        totals.add(count_image(logits, target, instances, threshold=threshold))
    return totals


IMAGES = [random_image(seed, people=seed % 4) for seed in range(8)]


def found_at(logits: np.ndarray, threshold: float) -> np.ndarray:
    return logits >= np.float32(math.log(threshold / (1 - threshold)))


@pytest.mark.parametrize("wished", [0.5, 0.3, 0.9, 0.02])
def test_scores_follow_their_definitions(wished: float) -> None:
    threshold = snap(wished)
    scores = totals_of(IMAGES, threshold).scores()
    hit = miss = false = right = 0
    ious, shares, boundaries, coverages = [], [], [], {s: [] for s in SIZES}
    for logits, target, instances in IMAGES:
        found, scored, person = found_at(logits, threshold), target != 255, target == 1
        hit, miss = hit + (found & person).sum(), miss + (~found & person).sum()
        false, right = (
            false + (found & scored & ~person).sum(),
            right + (~found & scored & ~person).sum(),
        )
        if person.any():
            ious.append((found & person).sum() / ((found & scored) | person).sum())
            boundaries.append(brute_boundary(found & scored, person))
        else:
            shares.append((found & scored).sum() / scored.sum())
        for number in np.unique(instances)[1:]:
            pixels = (instances == number) & scored
            if pixels.any():
                area = (instances == number).sum()
                size = "small" if area < 32**2 else "medium" if area < 96**2 else "large"
                coverages[size].append(found[pixels].mean())
    every = np.concatenate([coverages[s] for s in SIZES])
    assert scores.pictures == len(IMAGES)
    assert scores.persons == len(every) > 5
    assert scores.person_free_pictures == len(shares) == 2
    assert scores.iou == pytest.approx(hit / (hit + miss + false))
    assert scores.miou == pytest.approx(
        (hit / (hit + miss + false) + right / (right + miss + false)) / 2
    )
    assert scores.iou_per_picture == pytest.approx(np.mean(ious))
    assert scores.recall == pytest.approx(hit / (hit + miss))
    assert scores.precision == pytest.approx(hit / (hit + false))
    assert scores.boundary_iou_per_picture == pytest.approx(np.mean([i / u for i, u in boundaries]))
    assert scores.boundary_iou == pytest.approx(
        sum(i for i, _ in boundaries) / sum(u for _, u in boundaries)
    )
    assert scores.missed == pytest.approx((every < 0.5).mean())
    assert scores.untouched == pytest.approx((every < 0.1).mean())
    assert scores.false_area == pytest.approx(np.mean(shares))
    assert scores.foreground == pytest.approx((hit + false) / (hit + miss + false + right))
    assert scores.foreground_true == pytest.approx((hit + miss) / (hit + miss + false + right))
    assert scores.missed_by_size["small"] == pytest.approx(
        (np.array(coverages["small"]) < 0.5).mean()
    )
    assert math.isnan(scores.missed_by_size["large"])


def brute_boundary(found: np.ndarray, person: np.ndarray) -> tuple[int, int]:
    d = boundary_distance(*person.shape)
    a, b = brute_edge(found, d), brute_edge(person, d)
    return int((a & b).sum()), int((a | b).sum())


def brute_edge(mask: np.ndarray, distance: int) -> np.ndarray:
    """Mask pixels within `distance` rows and columns of a pixel outside it or outside the image."""
    edge = np.zeros_like(mask)
    padded = np.pad(mask, distance)
    for y, x in zip(*np.nonzero(mask), strict=True):
        edge[y, x] = not padded[y : y + 2 * distance + 1, x : x + 2 * distance + 1].all()
    return edge


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 6),
    st.floats(0.3, 1.0),
)
def test_boundary_is_what_an_erosion_removes(
    seed: int, height: int, width: int, distance: int, density: float
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < density
    np.testing.assert_array_equal(boundary_of(mask, distance), brute_edge(mask, distance))


def test_boundary_iou_detects_errors_that_iou_hides() -> None:
    """A large disc with an edge a few pixels off: IoU .93, boundary IoU far lower."""
    y, x = np.mgrid[:400, :400]
    radius = np.hypot(y - 200, x - 200)
    logits = np.where(radius < 155, 5.0, -5.0).astype(np.float32)
    scores = totals_of([(logits, (radius < 150).astype(np.uint8), None)]).scores()
    assert scores.iou > 0.92
    assert 0.3 < scores.boundary_iou < 0.75
    assert scores.boundary_iou == scores.boundary_iou_per_picture


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.001, 0.999))
def test_curves_hold_the_scores_of_every_threshold(seed: int, threshold: float) -> None:
    pictures = [random_image(seed + k, 20, 25) for k in range(2)]
    at_half, here = totals_of(pictures), totals_of(pictures, threshold).scores()
    there = at_half.scores(threshold)
    for name in (
        "iou",
        "iou_per_picture",
        "recall",
        "precision",
        "missed",
        "untouched",
        "foreground",
    ):
        assert getattr(there, name) == pytest.approx(getattr(here, name), nan_ok=True), name
    curves = at_half.curves()
    assert (np.diff(curves.recall) <= 0).all()
    assert (np.diff(curves.missed) >= 0).all()
    assert curves.recall[0] == 1


def test_torchmetrics_agrees() -> None:
    logits, target, _ = zip(*IMAGES, strict=True)
    totals = totals_of(IMAGES)
    scores = totals.scores()
    probability = torch.from_numpy(sigmoid(np.stack(logits)))
    truth = torch.from_numpy(np.stack(target)).int()
    iou = BinaryJaccardIndex(ignore_index=255)
    assert scores.iou == pytest.approx(float(iou(probability, truth)), abs=1e-6)
    error = BinaryCalibrationError(n_bins=15, ignore_index=255)
    assert scores.calibration_error == pytest.approx(float(error(probability, truth)), abs=2e-3)
    for precision in (0.6, 0.9):
        recall = BinaryRecallAtFixedPrecision(precision, ignore_index=255)
        expected = float(recall(probability, truth)[0])
        ours = totals.scores(min_precision=precision).recall_at_precision
        assert ours == pytest.approx(expected, abs=0.01), precision
        assert ours > 0


def test_a_calibrated_network_has_no_calibration_error() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (400, 500)).astype(np.float32)
    target = (rng.random(logits.shape) < sigmoid(logits)).astype(np.uint8)
    picture = count_image(logits, target)
    assert calibration_error(picture.person, picture.background) < 0.01
    assert calibration_error(picture.person, picture.background, temperature=0.2) > 0.05
    confidence, share, pixels = reliability(picture.person, picture.background)
    assert pixels.sum() == logits.size
    np.testing.assert_allclose(confidence, share, atol=0.04)


def test_totals_add_up_in_any_grouping() -> None:
    whole = totals_of(IMAGES)
    halves = totals_of(IMAGES[:3]) + totals_of(IMAGES[3:])
    for name in SUMS:
        np.testing.assert_allclose(
            getattr(halves, name), getattr(whole, name), rtol=1e-12, err_msg=name
        )
    with pytest.raises(ValueError, match="expected totals for threshold"):
        whole + Totals(0.3)
    with pytest.raises(ValueError, match="another threshold"):
        whole.add(count_image(*IMAGES[0], threshold=0.7))


def test_ignored_pixels_change_nothing() -> None:
    logits, target, instances = IMAGES[3]
    other = logits.copy()
    other[target == 255] = 9.0
    assert (target == 255).any()
    # equal_nan through repr: dataclasses of nan are never equal
    assert repr(totals_of([(other, target, instances)]).scores()) == repr(
        totals_of([(logits, target, instances)]).scores()
    )


def test_uncovered_persons_are_averaged_in_their_image_first() -> None:
    """One of nine persons of an image, and the only one of another, lack 2 of their 10 px."""
    totals = Totals()
    for count, missed in ((9, 1), (1, 1)):
        instances = np.repeat(np.arange(1, count + 1, dtype=np.uint16)[:, None], 10, axis=1)
        logits = np.full(instances.shape, 3, np.float32)
        logits[:missed, :2] = -3
        logits[-1, -1] = -3 if count == 9 else 3  # a tenth is accepted
        totals.add(count_image(logits, np.ones(instances.shape, np.uint8), instances))
    assert totals.scores().uncovered == pytest.approx((1 / 9 + 1) / 2)
    assert totals.scores(0.01).uncovered == 0
    assert totals.scores(0.99).uncovered == 1


def test_a_fully_ignored_person_is_not_counted() -> None:
    instances = np.zeros((20, 20), np.uint16)
    instances[:5, :5], instances[10:, 10:] = 7, 65535
    target = (instances > 0).astype(np.uint8)
    target[:5, :5] = 255
    (person,) = count_image(np.ones((20, 20), np.float32), target, instances).persons
    assert (person.id, person.area, person.box) == (65535, 100, (10, 10, 20, 20))
    assert person.coverage(threshold_index(0.5)) == 1


@pytest.mark.parametrize(
    ("side", "size"), [(31, "small"), (32, "medium"), (95, "medium"), (96, "large")]
)
def test_sizes_are_those_of_coco(side: int, size: str) -> None:
    instances = np.zeros((100, 100), np.uint16)
    instances[:side, :side] = 1
    (person,) = count_image(
        np.zeros((100, 100)), (instances > 0).astype(np.uint8), instances
    ).persons
    assert SIZES[person.size] == size


def test_without_instances_person_scores_are_undefined() -> None:
    logits, target, _ = IMAGES[3]
    scores = totals_of([(logits, target, None)]).scores()
    assert scores.persons == 0
    assert math.isnan(scores.missed)
    assert 0 < scores.iou < 1


def test_empty_totals_give_nan_without_warnings(recwarn: pytest.WarningsRecorder) -> None:
    scores = Totals().scores()
    assert math.isnan(scores.iou)
    assert math.isnan(scores.recall_at_precision)
    assert math.isnan(scores.calibration_error)
    assert scores.pictures == 0
    all_ignored = (np.zeros((5, 5)), np.full((5, 5), 255, np.uint8), None)
    assert totals_of([all_ignored]).scores().pictures == 0
    assert not recwarn.list


def test_recall_is_zero_if_the_precision_is_never_reached() -> None:
    logits = np.array([[3.0, 2.0, 1.0, 0.0]], np.float32)
    target = np.array([[0, 1, 0, 0]], np.uint8)
    assert totals_of([(logits, target, None)]).scores(min_precision=0.9).recall_at_precision == 0


def test_thresholds_are_exact_at_their_edges() -> None:
    edge = THRESHOLDS[1200]
    logit = -LIMIT + 1200 * 2 * LIMIT / BINS
    logits = np.array([[logit, logit - 1e-4]], np.float32)
    picture = count_image(logits, np.ones((1, 2), np.uint8), threshold=edge)
    assert picture.threshold_index == 1200
    assert picture.person[1200:].sum() == 1
    assert snap(0.5) == 0.5
    assert abs(snap(0.3) - 0.3) < 0.002


def test_extreme_logits_stay_in_the_outer_bins() -> None:
    logits = np.array([[-1e30, 1e30, -np.inf, np.inf]])
    picture = count_image(logits, np.array([[1, 1, 0, 0]], np.uint8))
    assert (picture.person[[0, -1]] == 1).all()
    assert (picture.background[[0, -1]] == 1).all()


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_thresholds_are_rejected(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        threshold_index(threshold)


def test_wrong_input_is_rejected() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        count_image(np.zeros((4, 5)), np.zeros((5, 4), np.uint8))
    with pytest.raises(ValueError, match="got NaN"):
        count_image(np.full((4, 5), np.nan), np.zeros((4, 5), np.uint8))


def test_heads_are_counted_by_person_at_every_threshold() -> None:
    totals, brute = Totals(0.5), []
    lower = snap(0.12)
    limit = math.log(lower / (1 - lower))
    for logits, target, instances in IMAGES:
        heads = np.zeros(target.shape, bool)
        heads[: len(heads) // 2] = True
        totals.add(count_image(logits, target, instances, heads=heads))
        for number in set(instances[instances > 0]):
            own = (instances == number) & heads & (target == 1)
            if own.any():
                brute.append((int(own.sum()), int((logits[own] >= limit).sum())))
    areas, found = np.array(brute).T
    scores = totals.scores(lower)
    assert scores.heads == len(brute) > 5
    assert scores.head_recall == pytest.approx(found.sum() / areas.sum())
    assert scores.heads_covered == pytest.approx((found >= 0.9 * areas).mean())
    assert 0 < scores.heads_covered < 1
    assert totals.scores(THRESHOLDS[1]).heads_covered == 1


def test_without_instances_an_image_has_one_head() -> None:
    logits, target, _ = IMAGES[3]
    heads = target == 1
    totals = Totals(0.5)
    totals.add(count_image(logits, target, heads=heads))
    totals.add(count_image(logits, target, heads=np.zeros_like(heads)))
    totals.add(count_image(logits, target))
    assert totals.scores().heads == 1
    assert totals.scores().head_recall == pytest.approx(totals.scores().recall)
    assert math.isnan(Totals(0.5).scores().head_recall)
