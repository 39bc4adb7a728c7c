"""A calibrated margin is the one with which `dilate` covers a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pii_seg.inference.dilation import MARGINS, dilate, margins_needed

masks = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.booleans())


@settings(max_examples=60, deadline=None)
@given(masks, st.sampled_from(range(len(MARGINS))))
def test_a_margin_covers_exactly_the_pixels_that_need_no_more(mask: np.ndarray, k: int) -> None:
    needed = margins_needed(mask, ~mask)
    np.testing.assert_array_equal(needed <= k, dilate(mask, MARGINS[k]))


def test_margins_follow_the_size_of_each_component() -> None:
    """Two bars, 40 and 8 px high; 12 px away, 28 % of the one and none of the other reach."""
    mask = np.zeros((80, 80), bool)
    mask[20:60, 10:14] = True
    mask[36:44, 60:64] = True
    needed = margins_needed(mask, ~mask)
    assert MARGINS[needed[40, 13 + 12]] == 0.28
    assert needed[40, 60 - 12] == len(MARGINS)
    assert needed[40, 13 + 2] == 0  # the least margin


def test_nothing_covers_where_nothing_is_found_and_nothing_is_needed_elsewhere() -> None:
    empty, wanted = np.zeros((6, 7), bool), np.zeros((6, 7), bool)
    wanted[2, 3] = True
    needed = margins_needed(empty, wanted)
    assert needed[2, 3] == len(MARGINS)
    assert needed.sum() == len(MARGINS)
    assert not margins_needed(~empty, empty).any()


@pytest.mark.parametrize("size", [1, 7, 100, 333])
def test_larger_masks_need_no_larger_margins(size: int) -> None:
    """So a margin holds at every lower threshold: a component that grows has a larger margin."""
    rng = np.random.default_rng(size)
    scores = rng.normal(size=(30, 30)).cumsum(axis=0).cumsum(axis=1)
    small, large = scores > np.quantile(scores, 0.8), scores > np.quantile(scores, 0.6)
    wanted = np.ones_like(small)
    assert (margins_needed(large, wanted & ~large) <= margins_needed(small, wanted & ~small)).all()
