"""Tracks follow one person each, and end where it is not clear who goes on."""

from __future__ import annotations

import numpy as np
import pytest

from pii_seg.anonymize.motion import NOT_FOUND, Move
from pii_seg.anonymize.tracks import MOST_FOLLOWED, Tracker, instances_of, intersection, paint
from pii_seg.inference.dilation import dilate

HEIGHT, WIDTH = 60, 120
STILL = Move()
Box = tuple[int, int, int, int]


def mask_of(*boxes: Box) -> np.ndarray:
    """Boxes are x, y, width, height."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


def instances(*boxes: Box) -> tuple:
    mask = mask_of(*boxes)
    return instances_of(mask, mask.astype(np.float32) * 0.9, 0.05)


def numbers(frames: list[list[Box]], moves: dict[int, Move] | None = None) -> list[list]:
    """Track boxes over frames in which, unless said otherwise, every track moves by `moves`."""
    tracker, found = Tracker(), []
    for number, boxes in enumerate(frames):
        known = {track.number: STILL for track in tracker.tracks} | (moves or {})
        found.append(tracker.add(number, instances(*boxes), known, reach=2))
    return found


A, B = (10, 10, 12, 30), (60, 10, 10, 30)


def test_instances_are_sorted_and_their_margins_are_those_of_the_image() -> None:
    mask = mask_of(A, B, (100, 50, 1, 1))
    found = instances_of(mask, np.where(mask, np.float32(0.8), 0), 0.05)
    assert [one.area for one in found] == [360, 300, 1]
    assert [found[0].mean, found[0].highest] == pytest.approx([0.8, 0.8])
    painted = np.zeros_like(mask)
    for one in found:
        paint(painted, one)
    np.testing.assert_array_equal(painted, dilate(mask, 0.05))


def test_an_instance_is_painted_where_it_moved_and_cut_at_the_border() -> None:
    (one,) = instances(A)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    paint(mask, one, Move(down=-15, right=100, growth=3))
    grown = dilate(mask_of(A), 0.0)  # 2 px
    assert mask[0:25, 110:120].all()
    assert mask.sum() > grown[:25, :12].sum() / 2
    paint(mask, one, Move(down=1000, right=1000))  # outside: no error


def test_who_stays_keeps_the_number() -> None:
    assert numbers([[A, B], [A, B], [A, B]]) == [[1, 2]] * 3


def test_who_moves_as_measured_keeps_the_number() -> None:
    moved = (A[0] + 20, *A[1:])
    assert numbers([[A], [moved]], {1: Move(right=20)}) == [[1], [1]]
    assert numbers([[A], [moved]]) == [[1], [2]]


def test_an_uncertain_motion_ends_a_track() -> None:
    uncertain = Move(is_certain=False, growth=1)
    assert numbers([[A], [A]], {1: uncertain}) == [[1], [2]]


def test_a_miss_is_bridged_for_as_long_as_masks_are_held() -> None:
    assert numbers([[A], [], [A]]) == [[1], [], [1]]
    assert numbers([[A], [], [], [A]]) == [[1], [], [], [2]]


def test_two_who_become_one_end_both_tracks() -> None:
    both = [(10, 10, 60, 30)]
    assert numbers([[A, B], both, [A, B]]) == [[1, 2], [3], [4, 5]]


def test_a_small_person_who_joins_a_large_one_ends_both_tracks() -> None:
    large, child = (10, 5, 30, 50), (44, 40, 6, 12)
    together = [(10, 5, 30, 50), (40, 40, 10, 12)]
    assert numbers([[large, child], together]) == [[1, 2], [3]]


def test_one_who_becomes_two_ends_the_track() -> None:
    assert numbers([[(10, 10, 40, 30)], [(10, 10, 25, 30), (37, 10, 13, 30)]]) == [[1], [2, 3]]


def test_an_arm_that_comes_off_and_back_changes_no_number() -> None:
    whole, body, arm = (10, 10, 30, 40), (10, 10, 26, 40), (38, 12, 2, 8)
    assert numbers([[whole], [body, arm], [whole], [body, arm]])[::2] == [[1], [1]]


def test_one_who_swells_suddenly_ends_the_track() -> None:
    """Somebody who was missed before may have come up to the person."""
    assert numbers([[A], [(10, 10, 22, 30)]]) == [[1], [2]]


def test_a_scene_begins_with_new_numbers() -> None:
    tracker = Tracker()
    assert tracker.add(0, instances(A), {}, 2) == [1]
    tracker.scene_begins()
    assert tracker.add(1, instances(A), {1: STILL}, 2) == [2]


def test_specks_beyond_the_most_are_not_followed() -> None:
    specks = [(2 * k % WIDTH, 2 * (2 * k // WIDTH), 1, 1) for k in range(MOST_FOLLOWED + 5)]
    found = instances(*specks)
    assert sum(not one.is_followed for one in found) == 5
    assert Tracker().add(0, found, {}, 2)[-5:] == [None] * 5


def test_shared_pixels_are_counted_after_the_motion() -> None:
    (one,), (other,) = instances(A), instances((12, 12, 12, 30))
    assert intersection(one, STILL, other) == 10 * 28
    assert intersection(one, Move(down=2, right=2), other) == 360
    assert intersection(one, Move(right=50), other) == 0
    assert NOT_FOUND != STILL
