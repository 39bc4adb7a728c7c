from __future__ import annotations

import numpy as np

from blender_addon.render.part_labels import AOVS, PART_COUNT, decode


def test_the_label_is_the_part_with_the_largest_share() -> None:
    shares = np.zeros((1, 5, PART_COUNT), np.float32)
    shares[0, 0, [2, 8]] = 0.4, 0.6  # between parts 3 and 9: never 6
    shares[0, 1, [2, 8]] = 0.5, 0.5
    shares[0, 2, 23] = 0.1
    shares[0, 3, 4] = 1.0  # outside the mask
    mask = np.array([[1, 7, 2, 0, 300]], np.uint16)  # the last: hair, say, that is no part
    assert decode(shares, mask).tolist() == [[9, 3, 24, 0, 0]]


def test_an_empty_mask_has_no_parts() -> None:
    assert not decode(np.ones((2, 3, PART_COUNT), np.float32), np.zeros((2, 3), np.uint8)).any()


def test_the_colours_hold_every_part() -> None:
    assert len(set(AOVS)) * 3 == PART_COUNT
