"""Choice of pseudo-labelled images by the reliability of their labels."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.data.reliability import most_reliable


def line(index: int, value: float | None, *, persons: int) -> dict[str, Any]:
    return {
        "index": index,
        "persons": [{"id": k + 1} for k in range(persons)],
        "pseudo": {"reliability": value},
    }


def test_the_most_reliable_of_each_kind_are_chosen() -> None:
    """Images without persons agree perfectly, and would be all that is chosen."""
    lines = [
        line(0, 1.0, persons=0),
        line(1, 0.4, persons=1),
        line(2, 1.0, persons=0),
        line(3, 0.9, persons=2),
        line(4, 0.7, persons=1),
        line(5, 0.8, persons=0),
    ]
    assert most_reliable(lines, 0.5) == [0, 2, 3, 4]
    assert most_reliable(lines, 0.01) == [0, 3]
    assert most_reliable(lines, 1.0) == [0, 1, 2, 3, 4, 5]
    assert most_reliable(reversed(lines), 0.5) == [0, 2, 3, 4]
    assert most_reliable([], 0.5) == []


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2)), max_size=12),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_a_larger_share_contains_the_smaller_and_no_better_image_is_left_out(
    images: list[tuple[float, int]], first: float, second: float
) -> None:
    lines = [line(index, value, persons=persons) for index, (value, persons) in enumerate(images)]
    small, large = (set(most_reliable(lines, share)) for share in sorted((first, second)))
    assert small <= large
    for kept, left in itertools.product(small, set(range(len(lines))) - small):
        if bool(images[kept][1]) == bool(images[left][1]):
            assert images[kept][0] >= images[left][0]


def test_labels_without_reliability_cannot_be_ranked() -> None:
    with pytest.raises(ValueError, match="label with earlier checkpoints too"):
        most_reliable([line(0, None, persons=1)], 0.5)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1, float("nan")])
def test_invalid_shares_are_rejected(share: float) -> None:
    with pytest.raises(ValueError, match="share of reliable images"):
        most_reliable([], share)
