"""Strokes from anywhere are drawn or refused in one line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.app.strokes import LARGEST_RADIUS, MOST_STROKES, Stroke, corrected, parse_strokes
from pii_seg.errors import InputError
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

GOOD = [{"erases": False, "radius": 3.5, "points": [[1, 2], [3.25, 4]]}]


def drawn_or_refused(body: bytes) -> list[Stroke]:
    """Parse and draw; an error is one line."""
    try:
        strokes = parse_strokes(body)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 200
        return []
    mask = corrected(np.zeros((20, 30), bool), strokes)
    assert mask.shape == (20, 30) and mask.dtype == bool
    return strokes


def test_good_strokes_are_read() -> None:
    assert parse_strokes(json.dumps(GOOD).encode()) == [Stroke(False, 3.5, ((1, 2), (3.25, 4)))]


@fuzz_settings
@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    drawn_or_refused(body)


numbers = st.one_of(
    st.integers(), st.floats(), st.just(10**400), st.sampled_from([16_000, 16_384, 1e6, -1e6, 1e5])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["erases", "radius", "points", "x"]), inner, max_size=4),
    ),
    max_leaves=6,
)
coordinates = st.floats(-1e6, 1e6, exclude_min=True, exclude_max=True)
strokes_like = st.lists(
    st.fixed_dictionaries(
        {
            "erases": st.one_of(st.booleans(), values),
            "radius": st.one_of(st.floats(0, LARGEST_RADIUS, exclude_min=True), numbers, values),
            "points": st.one_of(
                st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4),
                st.lists(st.lists(numbers, max_size=3), max_size=4),
                values,
            ),
        }
    ),
    max_size=3,
)


@fuzz_settings
@given(values)
def test_any_json(value: Any) -> None:
    drawn_or_refused(json.dumps(value).encode())


@fuzz_settings
@given(strokes_like)
def test_anything_like_strokes(value: Any) -> None:
    drawn_or_refused(json.dumps(value).encode())


@pytest.mark.fuzz
def test_damaged_strokes() -> None:
    body = json.dumps(GOOD * 3).encode()
    for number in range(fuzz_count()):
        drawn_or_refused(mutated(body, random_of(number)))


@fuzz_settings
@given(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=3),
    st.floats(0, LARGEST_RADIUS, exclude_min=True),
)
def test_whatever_is_read_can_be_drawn(points: list[tuple[float, float]], radius: float) -> None:
    given = [{"erases": False, "radius": radius, "points": points}]
    (stroke,) = drawn_or_refused(json.dumps(given).encode())
    assert stroke.radius == radius


@pytest.mark.parametrize("radius", [16_384, 40_000, 999_999])
def test_a_brush_that_is_too_wide_is_refused(radius: float) -> None:
    body = json.dumps([{"erases": True, "radius": radius, "points": [[1, 1]]}]).encode()
    with pytest.raises(InputError, match="wider than 32000 px"):
        parse_strokes(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 1_000_000, "undo some"),
        (b"[" * 100_000, "reload"),
        (b'{"a":' * 100_000, "undo some"),
        (b"[" + b'{"erases":true,"radius":1,"points":[[1,1]]},' * MOST_STROKES + b"{}]", "undo"),
        (b"[1" + b"0" * 10_000 + b"]", "reload"),
        (b'[{"erases": 1, "radius": 1, "points": [[1, 1]]}]', "reload"),
        (b'[{"erases": true, "radius": "1", "points": [[1, 1]]}]', "reload"),
        (b'[{"erases": true, "radius": 1, "points": [[1, true]]}]', "reload"),
        (b'[{"erases": true, "radius": 1e400, "points": [[1, 1]]}]', "outside"),
        (b"\xff\xfe[", "reload"),
    ],
)
def test_size_depth_and_types_are_checked(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_strokes(body)
