"""All persons are found, each with its own margin, up to the border of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pii_seg.anonymize.regions import (
    Region,
    persons,
    read_region,
    with_regions,
)
from pii_seg.errors import InputError
from pii_seg.inference.dilation import LEAST_MARGIN, dilate

masks = arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.booleans())


def square(top: int, left: int, size: int, side: int = 200) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[top : top + size, left : left + size] = True
    return mask


@settings(deadline=None)
@given(masks)
def test_single_pixels_count(mask: np.ndarray) -> None:
    found = persons(mask)
    assert sum(person.area for person in found) == mask.sum()
    for person in found:
        x, y, width, height = person.box
        assert mask[y : y + height, x : x + width].any()


def test_persons_are_sorted_by_size_with_their_probabilities() -> None:
    mask = square(5, 5, 3) | square(100, 100, 40)
    probability = np.where(mask, 0.8, 0.1).astype(np.float32)
    probability[5, 5] = 0.95
    large, small = persons(mask, probability)
    assert (large.box, large.area) == ((100, 100, 40, 40), 1600)
    assert small.highest == pytest.approx(0.95)
    assert large.mean == pytest.approx(0.8)


@settings(deadline=None)
@given(masks, st.floats(0, 0.5))
def test_a_margin_only_adds(mask: np.ndarray, share: float) -> None:
    before = mask.copy()
    assert (dilate(mask, share) >= before).all()
    np.testing.assert_array_equal(mask, before)


@settings(deadline=None)
@given(masks)
def test_every_neighbour_within_the_least_margin_is_covered(mask: np.ndarray) -> None:
    grown = dilate(mask, 0)
    rows, columns = np.indices(mask.shape)
    for y, x in zip(*np.nonzero(mask), strict=True):
        assert grown[np.hypot(rows - y, columns - x) <= LEAST_MARGIN].all()


def test_margins_follow_each_persons_own_size() -> None:
    large, small = square(20, 20, 100), square(180, 180, 4)
    grown = dilate(large | small, 0.1)
    np.testing.assert_array_equal(grown[150:, 150:], dilate(small, 0.1)[150:, 150:])
    assert np.flatnonzero(grown[70])[[0, -1]].tolist() == [10, 129]
    assert np.flatnonzero(grown[182])[[0, -1]].tolist() == [180 - LEAST_MARGIN, 183 + LEAST_MARGIN]


def test_corners_are_round() -> None:
    grown = dilate(square(50, 50, 100), 0.2)
    assert grown[50 - 20, 100]
    assert not grown[50 - 20, 50 - 20]


@pytest.mark.parametrize("edge", [(0, 0), (190, 190), (0, 190)])
def test_persons_at_the_border_are_covered_to_the_last_row_and_column(
    edge: tuple[int, int],
) -> None:
    mask = square(*edge, 10)
    grown = dilate(mask, 0.3)
    rows, columns = np.flatnonzero(grown.any(axis=1)), np.flatnonzero(grown.any(axis=0))
    assert (0 in rows) == (edge[0] == 0)
    assert (199 in rows) == (edge[0] == 190)
    assert (199 in columns) == (edge[1] == 190)


def test_excluded_regions_override_included_ones() -> None:
    mask = square(0, 0, 20, side=100)
    whole = with_regions(
        mask,
        [read_region("0.5,0.5,0.5,0.5")],
        [read_region("0,0,0.1,1"), read_region("0.9,0,0.1,1")],
    )
    assert whole[99, 80]
    assert not whole[99, 99]
    assert whole[10, 15]
    assert not whole[10, 5]


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.integers(1, 50), st.integers(1, 50))
def test_a_region_covers_at_least_a_pixel_and_stays_inside(
    x: float, y: float, height: int, width: int
) -> None:
    region = read_region(f"{x},{y},{1 - x},{1 - y}")
    mask = region.mask(height, width)
    assert mask.shape == (height, width)
    assert mask[-1, -1]


def test_the_whole_image_is_a_region() -> None:
    assert read_region("0,0,1,1").mask(7, 9).all()


def test_a_polygon_is_drawn() -> None:
    mask = read_region("0,0 1,0 0,1").mask(100, 100)
    assert mask[10, 10]
    assert not mask[90, 90]
    assert read_region("0,0 1,0 0,1") == Region(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "0,0,2,1", "a,b,c,d", "0,0 1,1", "0,0,nan,1", "-0.1,0,1,1"]
)
def test_invalid_regions_are_named(text: str) -> None:
    with pytest.raises(InputError, match="region"):
        read_region(text)
