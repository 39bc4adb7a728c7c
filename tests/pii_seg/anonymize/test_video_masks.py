"""Held masks follow the persons, cover who is missed, and never go over a cut or a kept track."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import pytest

from pii_seg.anonymize.detection import Detection
from pii_seg.anonymize.tracks import instances_of
from pii_seg.anonymize.video_masks import MaskFollower, VideoFrame
from pii_seg.anonymize.video_sampling import CHECK, chosen, numbered, settled
from pii_seg.inference.dilation import dilate

HEIGHT, WIDTH = 64, 96
ROWS, COLUMNS = 24, 10


def drawn(left: int, *, seed: int = 0, top: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Draw a person on a smooth background; return the frame and the person's pixels."""
    dark, bright = ((30, 110), (140, 220))[seed]
    noise = np.random.default_rng(seed).integers(dark, bright, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels = cv2.GaussianBlur(noise, (0, 0), 2)
    person = np.random.default_rng(7).integers(120, 255, (ROWS, COLUMNS, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    first, last = max(0, left), min(WIDTH, left + COLUMNS)
    if first < last:
        pixels[top : top + ROWS, first:last] = person[:, first - left : last - left]
        mask[top : top + ROWS, first:last] = True
    return pixels, mask


def search(frame: VideoFrame, mask: np.ndarray) -> VideoFrame:
    probability = mask.astype(np.float32)
    frame.instances = instances_of(mask, probability, 0.0)
    frame.found = Detection(dilate(mask, 0.0), (), probability)
    return frame


def nothing(frame: VideoFrame) -> np.ndarray:
    return np.zeros(frame.pixels.shape[:2], bool)


def followed(
    lefts: Sequence[int],
    misses: Sequence[int] = (),
    *,
    hold: int = 2,
    keep: frozenset[int] = frozenset(),
    seeds: Callable[[int], int] = lambda number: 0,
) -> list[tuple[VideoFrame, np.ndarray]]:
    """Return each frame with the true mask of its person."""
    scenes = [drawn(left, seed=seeds(number)) for number, left in enumerate(lefts)]
    frames = (
        search(frame, mask & (frame.number not in misses))
        for frame, (_, mask) in zip(numbered(p for p, _ in scenes), scenes, strict=True)
    )
    done = MaskFollower(hold, keep=keep).follow(frames, nothing)
    return list(zip(done, (mask for _, mask in scenes), strict=True))


def test_frames_come_out_in_order_and_cover_what_was_found() -> None:
    for number, (frame, person) in enumerate(followed(range(10, 50, 4))):
        assert frame.number == number
        assert (frame.mask >= dilate(person, 0.0)).all()
        assert frame.tracks == [1]


@pytest.mark.parametrize("step", [0, 4, 7])
def test_a_miss_is_covered_where_the_person_has_moved_to(step: int) -> None:
    frames = followed(range(10, 10 + 8 * max(step, 1), step) if step else [10] * 8, [3, 4])
    for frame, person in frames:
        assert (frame.mask >= person).all(), frame.number
        assert frame.mask.sum() < 6 * person.sum()
    assert frames[3][0].tracks == []


def test_a_track_goes_on_after_a_miss() -> None:
    frames = followed(range(10, 42, 4), [3])
    assert [frame.tracks for frame, _ in frames] == [[1]] * 3 + [[]] + [[1]] * 4


def test_a_person_who_is_found_is_not_smeared_over_the_neighbouring_frames() -> None:
    frames = followed(range(5, 75, 7))
    for frame, person in frames:
        assert frame.mask.sum() <= dilate(person, 0.1).sum() * 1.5  # 4 frames would be 28 px wider


def test_without_a_hold_a_miss_shows() -> None:
    frames = followed([10] * 5, [2], hold=0)
    assert [bool(frame.mask.any()) for frame, _ in frames] == [True, True, False, True, True]


def test_masks_stay_where_they_are_over_a_cut() -> None:
    frames = followed([10, 10, 60, 60], seeds=lambda number: int(number > 1))
    assert [frame.begins_scene for frame, _ in frames] == [True, False, True, False]
    assert frames[2][0].tracks == [2]
    assert frames[1][0].mask[30, 65] and frames[2][0].mask[30, 15]


def test_a_kept_track_stays_visible_and_the_frames_around_a_miss_too() -> None:
    frames = followed(range(10, 50, 4), [4], keep=frozenset({1}))
    assert not any(frame.mask.any() for frame, _ in frames)
    assert all(f.kept is not None and (f.kept >= p).all() for f, p in frames if f.number != 4)


@pytest.mark.parametrize("rights", [(60, 60, 30, 30), (52, 42, 30, 30)])
def test_a_person_who_comes_up_to_a_kept_one_stays_covered(rights: tuple[int, ...]) -> None:
    one, other = drawn(20)[1], drawn(30)[1]

    def frames() -> Iterator[VideoFrame]:
        for number, right in enumerate(rights):
            pixels, second = drawn(right)
            pixels[one] = drawn(20)[0][one]
            frame = VideoFrame(number, pixels, pixels[..., 0], number == 0)
            yield search(frame, one | second)

    done = list(MaskFollower(1, keep=frozenset({1})).follow(frames(), nothing))
    assert [frame.tracks for frame in done] == [[1, 2], [1, 2], [3], [3]]
    assert not done[0].mask[30, 24]
    for frame in done[2:]:  # they touch: nobody knows who is who
        assert (frame.mask >= (one | other)).all()


def test_no_more_frames_are_held_back_than_the_reach() -> None:
    taken = 0

    def endless() -> Iterator[VideoFrame]:
        nonlocal taken
        pixels, mask = drawn(10)
        while True:
            yield search(VideoFrame(taken, pixels, pixels[..., 0], taken == 0), mask)
            taken += 1

    follower = MaskFollower(2, every=3)
    for frame in follower.follow(endless(), nothing):
        assert taken - frame.number <= follower.reach == 6
        if frame.number == 40:
            break


def sampled(
    lefts: Sequence[int], every: int, *, seeds: Callable[[int], int] = lambda number: 0
) -> tuple[list[tuple[VideoFrame, np.ndarray]], list[int]]:
    """Follow a person with some frames searched; return the frames, and which were searched."""
    scenes = [drawn(left, seed=seeds(number)) for number, left in enumerate(lefts)]

    def searched(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        for frame in frames:
            yield search(frame, scenes[frame.number][1]) if frame.is_searched else frame

    def now(frames: list[VideoFrame]) -> None:
        for frame in frames:
            frame.is_searched = True
            search(frame, scenes[frame.number][1])

    selected = chosen(numbered(pixels for pixels, _ in scenes), every, check=False)
    done = list(MaskFollower(0, every).follow(settled(searched(selected), now), nothing))
    pairs = list(zip(done, (mask for _, mask in scenes), strict=True))
    return pairs, [frame.number for frame in done if frame.is_searched]


@pytest.mark.parametrize(("every", "wanted"), [(1, list(range(9))), (2, [0, 2, 4, 6, 8]),
                                               (3, [0, 3, 6, 8])])  # fmt: skip
def test_every_kth_frame_is_searched_and_the_last(every: int, wanted: list[int]) -> None:
    frames, searched = sampled([10] * 9, every)
    assert searched == wanted
    assert all((frame.mask >= person).all() for frame, person in frames)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_frames_between_are_covered_where_the_person_moves(step: int) -> None:
    frames, searched = sampled([5 + step * number for number in range(13)], 3)
    assert searched == [0, 3, 6, 9, 12]
    for frame, person in frames:
        assert (frame.mask >= person).all(), frame.number


def test_frames_are_searched_where_somebody_comes_or_is_lost() -> None:
    lefts = [-40, -40, -40, -40, 40, 40, 40, 40, 40]
    frames, searched = sampled(lefts, 3)
    assert searched == [0, 3, 4, 5, 6, 8]
    assert all((frame.mask >= person).all() for frame, person in frames)


def test_both_sides_of_a_cut_are_searched() -> None:
    frames = list(chosen(_scenes([0, 0, 0, 0, 0, 1, 1, 1, 1]), 3))
    assert [f.number for f in frames if f.is_searched] == [0, 3, 4, 5, 8]


def test_one_of_many_frames_is_checked() -> None:
    frames = list(chosen(_scenes([0] * (4 * CHECK)), 2))
    checked = [f.number for f in frames if f.is_checked]
    assert checked == [1, 1 + 2 * CHECK]


def _scenes(kinds: Sequence[int]) -> Iterator[VideoFrame]:
    pixels = np.zeros((2, 2, 3), np.uint8)
    for number, kind in enumerate(kinds):
        begins = number == 0 or kind != kinds[number - 1]
        yield VideoFrame(number, pixels, pixels[..., 0], begins)
