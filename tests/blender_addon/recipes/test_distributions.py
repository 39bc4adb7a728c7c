import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.recipes.distributions import parse

numbers = st.floats(-1e6, 1e6, allow_nan=False)
positive = st.floats(1e-3, 1e6)


def ordered(values):
    return st.tuples(values, values).map(sorted).map(list)


toml_values = st.one_of(
    numbers,
    ordered(numbers),
    ordered(positive).map(lambda v: {"log": v}),
    st.tuples(numbers, st.floats(0, 100), ordered(numbers)).map(
        lambda t: {"normal": [t[0], t[1]], "min": t[2][0], "max": t[2][1]}
    ),
    st.lists(numbers, min_size=1, max_size=5).map(lambda v: {"choice": v}),
    st.lists(st.tuples(numbers, positive), min_size=1, max_size=5).map(
        lambda pairs: {"choice": [p[0] for p in pairs], "weights": [p[1] for p in pairs]}
    ),
)


@given(toml_values, st.integers(0, 2**32))
def test_draws_and_middle_stay_within_bounds(value, seed):
    distribution = parse(value)
    low, high = distribution.bounds
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    for drawn in (distribution.sample(np.random.default_rng(seed)), distribution.middle):
        assert low - slack <= drawn <= high + slack


@given(toml_values)
def test_toml_form_round_trips(value):
    distribution = parse(value)
    assert parse(distribution.to_toml()) == distribution


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**32))
def test_whole_number_range_includes_both_ends_and_nothing_else(low, width, seed):
    distribution = parse([low, low + width])
    rng = np.random.default_rng(seed)
    assert {distribution.sample_int(rng) for _ in range(300)} == set(range(low, low + width + 1))


def test_log_range_draws_as_many_from_each_decade():
    rng = np.random.default_rng(0)
    drawn = np.array([parse({"log": [1, 100]}).sample(rng) for _ in range(4000)])
    assert 0.47 < (drawn < 10).mean() < 0.53


def test_weights_decide_choices():
    rng = np.random.default_rng(0)
    drawn = [parse({"choice": [1, 2], "weights": [3, 1]}).sample_int(rng) for _ in range(4000)]
    assert 0.72 < drawn.count(1) / 4000 < 0.78


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([4, 1], "empty range"),
        ([1, 2, 3], "two numbers"),
        ([1, "2"], "two numbers"),
        ("1", "expected a number"),
        (True, "expected a number"),
        (math.nan, "expected a number"),
        ({"log": [0, 3]}, "positive"),
        ({"log": [3, 1]}, "empty range"),
        ({"normal": [0]}, "standard deviation"),
        ({"normal": [0, -1]}, "standard deviation"),
        ({"normal": [0, 1], "min": 2, "max": 1}, "empty range"),
        ({"normal": [0, 1], "min": "low"}, "min and max"),
        ({"normal": [0, 1], "weights": [1]}, "unknown key 'weights'"),
        ({"choice": []}, "at least one"),
        ({"choice": [1, 2], "weights": [1]}, "as many"),
        ({"choice": [1, 2], "weights": [0, 0]}, "not all 0"),
        ({"choice": [1], "weights": [-1]}, "weights"),
        ({"log": [1, 2], "normal": [0, 1]}, "exactly one"),
        ({}, "exactly one"),
        ({"gauss": [0, 1]}, "exactly one"),
    ],
)
def test_wrong_values_are_explained(value, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse(value)
