"""The plan of an epoch follows from (seed, epoch), however many processes there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.data.sampler import EpochSampler, plan_epoch
from pii_seg.errors import DataError


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    weights=st.lists(st.floats(0, 10), min_size=5, max_size=5),
    count=st.integers(1, 120),
    epoch=st.integers(0, 9),
)
def test_a_plan_keeps_its_shares_and_repeats_no_image_early(
    sizes: list[int], weights: list[float], count: int, epoch: int
) -> None:
    weights = weights[: len(sizes)]
    shares = np.array(weights) * (np.array(sizes) > 0)
    if shares.sum() <= 0:
        with pytest.raises(DataError, match="weight"):
            plan_epoch(sizes, weights, count, seed=1, epoch=epoch)
        return
    plan = plan_epoch(sizes, weights, count, seed=1, epoch=epoch)
    assert plan.shape == (count, 2)
    for entry, size in enumerate(sizes):
        items = Counter(plan[plan[:, 0] == entry, 1].tolist())
        wished = shares[entry] / shares.sum() * count
        assert abs(sum(items.values()) - wished) < 1 + 1e-6
        assert set(items) <= set(range(size))
        if items:
            least = min(items.values()) if len(items) == size else 0
            assert max(items.values()) - least <= 1


def test_plans_differ_by_epoch_and_seed_and_repeat_otherwise() -> None:
    how: dict[str, Any] = {"sizes": [20, 5], "weights": [1, 1], "count": 30}
    first = plan_epoch(**how, seed=1, epoch=0)
    np.testing.assert_array_equal(first, plan_epoch(**how, seed=1, epoch=0))
    assert (first != plan_epoch(**how, seed=1, epoch=1)).any()
    assert (first != plan_epoch(**how, seed=2, epoch=0)).any()


def test_a_source_with_less_than_one_place_an_epoch_still_gets_its_share_over_many() -> None:
    plans = [
        plan_epoch([9, 9, 9], [1.0, 0.04, 0.03], 8, seed=0, epoch=epoch) for epoch in range(600)
    ]
    places = np.bincount(np.concatenate(plans)[:, 0], minlength=3) / (600 * 8)
    np.testing.assert_allclose(places, np.array([1.0, 0.04, 0.03]) / 1.07, atol=0.01)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_an_epoch_without_overlap(world: int) -> None:
    samplers = [
        EpochSampler([7, 4], [1, 2], 20, seed=3, rank=rank, world=world) for rank in range(world)
    ]
    for sampler in samplers:
        sampler.set_epoch(5)
    drawn = [list(sampler) for sampler in samplers]
    assert {len(part) for part in drawn} == {20 // world} == {len(sampler) for sampler in samplers}
    merged = [draw for group in zip(*drawn, strict=True) for draw in group]
    alone = EpochSampler([7, 4], [1, 2], 20, seed=3, rank=0, world=1)
    alone.set_epoch(5)
    assert merged == list(alone)[: len(merged)]
