"""Which persons a model misses, and the advice that follows."""

from __future__ import annotations

import numpy as np
import pytest

from pii_seg.data.sources import Sample
from pii_seg.evaluation.counting import SIZES, count_image
from pii_seg.evaluation.measure import ImageResult
from pii_seg.selftrain.error_analysis import BRIGHT, DARK, REMEDIES, Bucket, Errors, next_step


def result(
    *, value: int, found: bool, left: int = 20, side: int = 40, size: int = 100
) -> ImageResult:
    """One person, a grey square, found completely or not at all."""
    instances = np.zeros((size, size), np.uint16)
    instances[30 : 30 + side, left : left + side] = 1
    image = np.full((size, size, 3), 120, np.uint8)
    image[instances > 0] = value
    target = (instances > 0).astype(np.uint8)
    sample = Sample("a", image, target, instances, {1: 1.0})
    logits = np.where((instances > 0) & found, 8.0, -8.0).astype(np.float32)
    count = count_image(logits, target, instances, threshold=0.5, boundary=False)
    return ImageResult(sample, logits, count, 0.0)


@pytest.mark.parametrize(
    ("value", "left", "side", "kinds"),
    [
        (DARK - 1, 20, 40, {("light", "dark"), ("place", "whole"), ("size", "medium")}),
        (BRIGHT + 1, 20, 20, {("light", "bright"), ("place", "whole"), ("size", "small")}),
        (120, 0, 20, {("light", "medium"), ("place", "cut by the frame"), ("size", "small")}),
    ],
)
def test_person_counts_by_size_light_and_position(
    value: int, left: int, side: int, kinds: set[tuple[str, str]]
) -> None:
    errors = Errors()
    errors.add(result(value=value, found=False, left=left, side=side))
    assert {key for key, bucket in errors.buckets.items() if bucket.missed == 1} == kinds
    errors.add(result(value=value, found=True, left=left, side=side))
    assert all((bucket.persons, bucket.missed) == (2, 1) for bucket in errors.buckets.values())


def buckets(**missed: tuple[int, int]) -> Errors:
    """(persons, missed) of each kind."""
    axes = {"small": "size", "medium": "size", "large": "size", "dark": "light", "bright": "light"}
    return Errors({(axes[name], name): Bucket(*counts) for name, counts in missed.items()})


def test_advice_is_about_the_kind_missed_most_beyond_the_average() -> None:
    # Most missed persons are small; but nearly all dark ones are missed.
    advice = next_step(buckets(small=(100, 30), large=(100, 10), dark=(50, 40), bright=(150, 0)))
    assert advice.startswith("light: dark: 80.0% of 50") and "20.0% of all" in advice
    assert "render" in advice


def test_few_persons_give_no_advice() -> None:
    advice = next_step(buckets(small=(9, 9), large=(91, 3)))
    assert "small" not in advice and "no kind of person stands out" in advice


def test_false_areas_come_first_when_they_are_larger() -> None:
    errors = buckets(large=(100, 3))
    errors.person_free, errors.false_area = 10, 0.8
    assert next_step(errors).startswith("In photos without people 8.0%")


def test_advice_when_there_is_little_to_improve() -> None:
    assert next_step(buckets(large=(1000, 5))).startswith("Little to improve: 0.5%")
    assert "do not separate persons" in next_step(Errors())


def test_every_kind_has_advice() -> None:
    kinds = {("size", size) for size in SIZES} | {
        ("light", light) for light in ("dark", "medium", "bright")
    }
    assert set(REMEDIES) == kinds | {("place", "whole"), ("place", "cut by the frame")}
