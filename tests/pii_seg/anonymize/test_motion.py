"""Motion of textured and of plain rectangles is measured, and what is not found is said so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pii_seg.anonymize.motion import Pattern, is_cut, thumbnail

HEIGHT, WIDTH = 96, 144
TOP, LEFT, ROWS, COLUMNS = 30, 40, 36, 15


def scene(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(40, 160, (HEIGHT, WIDTH), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def person(*, plain: bool = False) -> np.ndarray:
    if plain:
        return np.full((ROWS, COLUMNS), 230, np.uint8)
    return np.random.default_rng(9).integers(0, 255, (ROWS, COLUMNS), dtype=np.uint8)


def shown(drawn: np.ndarray, down: int = 0, right: int = 0) -> np.ndarray:
    grey = scene().copy()
    grey[TOP + down : TOP + down + ROWS, LEFT + right : LEFT + right + COLUMNS] = drawn
    return grey


def pattern(drawn: np.ndarray) -> Pattern:
    return Pattern(shown(drawn), np.ones((ROWS, COLUMNS), bool), TOP, LEFT, 1.0)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("step", [(0, 1), (3, -4), (-9, 14)])
def test_a_shift_is_measured(plain: bool, step: tuple[int, int]) -> None:
    drawn = person(plain=plain)
    move = pattern(drawn).find(shown(drawn, *step))
    assert (move.down, move.right) == step
    assert move.is_certain and move.growth <= 1


def test_what_stands_still_is_not_grown() -> None:
    drawn = person()
    noisy = shown(drawn).astype(int) + np.random.default_rng(1).integers(-3, 4, (HEIGHT, WIDTH))
    move = pattern(drawn).find(noisy.clip(0, 255).astype(np.uint8))
    assert (move.down, move.right, move.growth, move.is_certain) == (0, 0, 0, True)


def test_a_person_is_followed_farther_than_one_step_reaches() -> None:
    drawn = person()
    followed = pattern(drawn)
    for number in range(1, 5):
        move = followed.find(shown(drawn, 0, 14 * number))
        assert (move.right, move.is_certain) == (14 * number, True)


def test_a_part_that_moves_otherwise_grows_the_outline() -> None:
    drawn = person()
    after = shown(drawn, 0, 5)
    arm = drawn[:12].copy()
    after[TOP : TOP + 12, LEFT + 5 : LEFT + 5 + COLUMNS] = scene()[
        TOP : TOP + 12, 45 : 45 + COLUMNS
    ]
    after[TOP : TOP + 12, LEFT + 8 : LEFT + 8 + COLUMNS] = arm
    move = pattern(drawn).find(after)
    assert move.right == 5
    assert 3 <= move.growth <= 5


def test_who_is_gone_is_not_found_again() -> None:
    assert not pattern(person()).find(scene()).is_certain


def test_who_leaves_the_window_is_not_certain() -> None:
    drawn = person(plain=True)
    assert not pattern(drawn).find(shown(drawn, 0, 40)).is_certain


def test_frames_are_shrunk_and_scenes_told_apart() -> None:
    first, second = (np.repeat(scene(seed)[..., None], 3, axis=2) for seed in (0, 1))
    second = 255 - second
    assert thumbnail(np.tile(first, (4, 4, 1))).shape == (128, 192)
    assert is_cut(thumbnail(first), thumbnail(second))
    moved = np.roll(first, 2, axis=1)
    assert not is_cut(thumbnail(first), thumbnail(moved))


def test_a_person_of_a_pixel_at_the_border_is_no_error() -> None:
    thumb = scene()[:12, :16]
    found = Pattern(thumb, np.ones((1, 1), bool), 95, 127, 8.0).find(thumb)
    assert found.growth == 0
