"""Masks cover the misses of their neighbours, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.anonymize.mask_persistence import hold_masks


@given(st.lists(st.integers(0, 255), max_size=12), st.integers(0, 4))
def test_each_mask_is_the_union_of_its_window(found: list[int], frames: int) -> None:
    masks = [np.array([[value >> bit & 1 for bit in range(8)]], bool) for value in found]
    held = list(hold_masks(enumerate(masks), frames))
    assert [number for number, _ in held] == list(range(len(found)))
    for number, mask in held:
        window = masks[max(0, number - frames) : number + frames + 1]
        np.testing.assert_array_equal(mask, np.any(window, axis=0))


def test_no_more_frames_wait_than_the_window_has() -> None:
    drawn = 0

    def endless() -> Iterator[tuple[int, np.ndarray]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn, np.zeros((2, 2), bool)

    for number, _ in hold_masks(endless(), 3):
        assert drawn <= number + 3
        if number == 50:
            break
