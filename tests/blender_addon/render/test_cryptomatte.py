from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blender_addon.render.cryptomatte import (
    PersonIds,
    instance_mask,
    murmur3_32,
    name_id,
    person_coverage,
)
from tests.fuzz import fuzz_settings

NAMES = ["a", "b", "c", "lamp"]


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"test", 0, 0xBA6BD213),
        (b"Hello, world!", 0, 0xC0363E43),
        (b"The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"\x21\x43\x65", 0, 0x7E4A8634),
        (b"\x21", 0, 0x72661CF4),
    ],
)
def test_murmur3_gives_the_published_values(data: bytes, seed: int, expected: int) -> None:
    assert murmur3_32(data, seed) == expected


def test_ids_are_those_that_cycles_writes_into_its_manifest() -> None:
    # From the header of an EXR that Blender 4.5 wrote for objects of these names.
    assert [f"{name_id(n):08x}" for n in ("p1", "p2")] == ["5726f896", "78dbd6fe"]


@given(st.text())
def test_every_id_is_a_normal_float(name: str) -> None:
    bits = name_id(name)
    assert 0 < bits >> 23 & 255 < 255
    assert np.uint32(bits).view(np.float32).view(np.uint32) == bits


def test_names_whose_hash_is_no_normal_float_have_one_bit_flipped() -> None:
    odd = [n for n in map(str, range(2000)) if murmur3_32(n.encode()) >> 23 & 255 in (0, 255)]
    assert odd
    assert all(name_id(n) ^ murmur3_32(n.encode()) == 1 << 23 for n in odd)


def ranks_of(pixels: list[list[tuple[str, float]]], levels: int = 4) -> np.ndarray:
    """(1, W, 2 levels) of pixels given as (name, coverage) pairs."""
    ranks = np.zeros((1, len(pixels), 2 * levels), dtype=np.float32)
    for x, pairs in enumerate(pixels):
        for i, (name, share) in enumerate(pairs):
            ranks[0, x, 2 * i] = np.uint32(name_id(name)).view(np.float32)
            ranks[0, x, 2 * i + 1] = share
    return ranks


def mask_of(pixels: list[list[tuple[str, float]]], persons: list[list[str]]) -> list[int]:
    coverage = person_coverage(ranks_of(pixels), PersonIds.of(persons))
    return instance_mask(coverage, len(persons))[0].tolist()


def test_persons_own_the_pixels_they_cover_by_half_together() -> None:
    pixels = [
        [("a", 1.0)],
        [("a", 0.5), ("lamp", 0.5)],
        [("a", 0.49), ("lamp", 0.51)],
        [("lamp", 0.4), ("a", 0.25), ("b", 0.35)],
        [("lamp", 1.0)],
        [],
        [("b", 0.5), ("a", 0.5)],  # a tie: the lower number
    ]
    assert mask_of(pixels, [["a"], ["b"]]) == [1, 1, 0, 2, 0, 0, 1]


def test_all_objects_of_a_person_count_together() -> None:
    pixels = [[("c", 0.4), ("a", 0.3), ("b", 0.3)]]
    assert mask_of(pixels, [["a", "b"], ["c"]]) == [1]
    assert mask_of(pixels, [["a"], ["b"], ["c"]]) == [3]


def test_without_persons_the_mask_is_empty() -> None:
    assert mask_of([[("a", 1.0)], []], []) == [0, 0]


def test_more_than_255_persons_need_16_bits() -> None:
    names = [[f"person {k}"] for k in range(1, 401)]
    coverage = person_coverage(
        ranks_of([[(names[k][0], 1.0)] for k in (0, 254, 255, 399)]), PersonIds.of(names)
    )
    wide = instance_mask(coverage, 400)
    assert wide.dtype == np.uint16
    assert wide[0].tolist() == [1, 255, 256, 400]
    assert instance_mask(coverage, 255).dtype == np.uint8
    with pytest.raises(ValueError, match="70000"):
        instance_mask(coverage, 70000)


def test_one_object_cannot_be_two_persons() -> None:
    with pytest.raises(ValueError, match="'a' of person 1"):
        PersonIds.of([["a"], ["b", "a"]])


@given(
    hnp.arrays(
        np.int8,
        st.tuples(st.integers(1, 4), st.integers(1, 5), st.just(4)),
        elements=st.integers(-1, 3),
    ),
    st.data(),
)
def test_coverage_equals_a_loop_over_pixels(which: np.ndarray, data: st.DataObject) -> None:
    H, W, L = which.shape
    share = data.draw(
        hnp.arrays(np.float32, which.shape, elements=st.sampled_from([0.0, 0.0625, 0.125, 0.25]))
    )
    share = np.where(which < 0, np.float32(0), share)
    ids = np.array([*map(name_id, NAMES), 0], dtype=np.uint32).view(np.float32)
    ranks = np.stack([ids[which], share], axis=-1).reshape(H, W, 2 * L)
    persons = [["a", "c"], ["b"]]
    coverage = person_coverage(ranks, PersonIds.of(persons))
    for y in range(H):
        for x in range(W):
            sums = [
                sum(s for i, s in zip(which[y, x], share[y, x], strict=True) if i in own)
                for own in ((0, 2), (1,))
            ]
            assert coverage.total[y, x] == sum(sums)
            assert coverage.person[y, x] == (0 if sum(sums) == 0 else int(np.argmax(sums)) + 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.5, 99.0])
def test_a_coverage_that_is_no_share_is_refused(value):
    """The mask of such a pixel would miss its person in silence."""
    ranks = np.zeros((2, 2, 8), np.float32)
    ranks[0, 1, 1] = value
    with pytest.raises(ValueError, match="coverage is not from 0 to 1"):
        person_coverage(ranks, PersonIds.of([["a"]]))


def test_noise_behind_transparent_hair_is_no_damage():
    ranks = np.zeros((1, 1, 4), np.float32)
    ranks[..., 0] = np.uint32(name_id("a")).view(np.float32)
    ranks[..., 1] = 1.24
    coverage = person_coverage(ranks, PersonIds.of([["a"]]))
    assert (coverage.person, coverage.total) == (1, 1.0)


@fuzz_settings
@given(hnp.arrays(np.uint32, (2, 3, 8), elements=st.integers(0, 2**32 - 1)))
def test_any_bits_give_a_mask_or_are_refused(bits):
    ids = PersonIds.of([["a"], ["b", "c"]])
    try:
        coverage = person_coverage(bits.view(np.float32), ids)
    except ValueError:
        return
    mask = instance_mask(coverage, 2)
    assert mask.max(initial=0) <= 2
    assert np.isfinite(coverage.total).all()
