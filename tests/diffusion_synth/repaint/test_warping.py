"""The warp baseline: the best-fitting donor fills the mask, and the rest does not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffusion_synth.errors import DataError
from diffusion_synth.repaint.dataset_reader import Scene
from diffusion_synth.repaint.warping import Donor, DonorBank, spread, warp_into


def person(kind: str) -> np.ndarray:
    """Return bool (96, 64): a block, an L, or a T."""
    height, width = 96, 64
    mask = np.zeros((height, width), bool)
    if kind == "block":
        mask[8:-8, 8:-8] = True
    elif kind == "L":
        mask[8:-8, 8 : width // 3] = True
        mask[-height // 3 : -8, 8:-8] = True
    else:
        mask[8 : height // 3, 8:-8] = True
        mask[8:-8, width // 2 - 8 : width // 2 + 8] = True
    return mask


COLOURS = {"block": (200, 0, 0), "L": (0, 200, 0), "T": (0, 0, 200)}


def persons() -> list[tuple[np.ndarray, np.ndarray, Scene]]:
    found = []
    for index, (kind, colour) in enumerate(COLOURS.items()):
        image = np.full((96, 64, 3), 90, np.uint8)
        mask = person(kind)
        image[mask] = colour
        found.append((image, mask, (0, index)))
    return found


@pytest.mark.parametrize("kind", COLOURS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_best_fitting_person_is_taken_at_any_size_and_mirrored(
    kind: str, mirrored: bool
) -> None:
    mask = np.zeros((300, 200), bool)
    wanted = person(kind).repeat(2, 0).repeat(2, 1)
    mask[40:232, 30:158] = wanted[:, ::-1] if mirrored else wanted
    donor, fit = DonorBank(persons()).best(mask)
    image = np.zeros((300, 200, 3), np.uint8)
    painted = warp_into(image, mask, donor)
    assert fit > 0.9
    assert (painted[mask] == COLOURS[kind]).all(1).mean() > 0.97


@pytest.mark.parametrize("mirrored", [False, True])
def test_persons_of_the_same_scene_are_not_donors(mirrored: bool) -> None:
    bank = DonorBank(persons())
    mask = person("L")[:, ::-1] if mirrored else person("L")
    itself, best = bank.best(mask)
    assert (itself.scene, itself.mirrored().scene) == ((0, 1), (0, 1))
    other, fit = bank.best(mask, (0, 1))
    assert other.scene != (0, 1)
    assert 0 < fit < best
    assert bank.best(mask, (7, 1))[0].scene == (
        0,
        1,
    )  # the same number of another seed is another person
    only = DonorBank(persons()[:1])
    with pytest.raises(DataError, match=r"from the scene \(0, 0\) itself"):
        only.best(mask, (0, 0))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(sorted(COLOURS)))
def test_the_mask_is_covered_and_the_rest_does_not_change(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    mask = rng.random((50, 70)) < rng.choice([0.001, 0.1, 0.9])
    mask[rng.integers(50), rng.integers(70)] = True
    only = [one for one, name in zip(persons(), COLOURS, strict=True) if name == kind]
    donor = DonorBank(only).donors[0]
    painted = warp_into(image, mask, donor)
    np.testing.assert_array_equal(painted[~mask], image[~mask])
    assert (
        painted[mask].max(1) > 60
    ).all()  # the donor's colour, or its edge's: none of the noise below


def test_unknown_pixels_take_the_nearest_colour() -> None:
    image = np.zeros((1, 7, 3), np.uint8)
    image[0, 0], image[0, 6] = 10, 20
    known = np.zeros((1, 7), bool)
    known[0, [0, 6]] = True
    assert spread(image, known)[0, :, 0].tolist()[:3] == [10, 10, 10]
    assert spread(image, known)[0, :, 0].tolist()[4:] == [20, 20, 20]


def test_small_and_hidden_persons_are_not_donors() -> None:
    with pytest.raises(DataError, match="48 px"):
        DonorBank([(np.zeros((40, 40, 3), np.uint8), np.ones((40, 40), bool), None)])
    with pytest.raises(DataError):
        DonorBank([(np.zeros((90, 90, 3), np.uint8), np.zeros((90, 90), bool), None)])
    assert len(DonorBank(persons() * 3, limit=4)) == 4


def test_a_thin_donor_still_fills_the_mask() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:8, 5:8] = True
    thin = np.zeros((400, 400), bool)
    thin[0, 0] = thin[399, 399] = True
    painted = warp_into(
        np.zeros((20, 20, 3), np.uint8), mask, Donor(np.full((400, 400, 3), 9, np.uint8), thin)
    )
    assert (painted[mask] == 9).all()
