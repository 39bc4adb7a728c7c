"""Clothes stand off the body: outwards, where they are, and not too far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.bodies.model import BodyModel
from blender_addon.wardrobe.coverage import coverage
from blender_addon.wardrobe.outfit import Garment, Hair, Outfit
from blender_addon.wardrobe.sampling import sample_outfit
from blender_addon.wardrobe.shell import outfit_offsets

Chart = dict[str, np.ndarray]

BALD = Hair("bald", top=-99.0, volume=0.0)
T_SHIRT = Garment("t-shirt", hem=0.05, sleeve=0.35, neck=0.01, looseness=0.5)
COAT = Garment("coat", hem=-0.9, sleeve=1.0, neck=-0.02, looseness=0.7)
SKIRT = Garment("skirt", hem=-0.9, waist=0.2, looseness=0.5)


def offsets(chart: Chart, *garments: Garment, hair: Hair = BALD) -> np.ndarray:
    return outfit_offsets(chart, Outfit(hair=hair, garments=garments))


def test_bare_skin_does_not_move(chart: Chart) -> None:
    assert (offsets(chart) == 0).all()
    moved = np.linalg.norm(offsets(chart, T_SHIRT), axis=1)
    assert (moved[coverage(chart, T_SHIRT) == 0] == 0).all()
    assert np.median(moved[coverage(chart, T_SHIRT, 0.02) == 1]) > 0.003


def test_clothes_stand_off_outwards_by_centimetres(chart: Chart) -> None:
    for garment, low, high in ((T_SHIRT, 0.003, 0.025), (COAT, 0.012, 0.06)):
        moved = offsets(chart, garment)
        torso = (chart["level"] > 0.1) & (coverage(chart, garment, 0.02) == 1)
        assert low < np.median(np.linalg.norm(moved[torso], axis=1)) < high
        assert (np.einsum("vi,vi->v", moved[torso], chart["normal"][torso]) > 0).mean() > 0.98


def test_a_coat_over_a_shirt_stands_off_further_than_the_shirt(chart: Chart) -> None:
    shirt, both = offsets(chart, T_SHIRT), offsets(chart, T_SHIRT, COAT)
    torso = (chart["level"] > 0.2) & (coverage(chart, T_SHIRT) == 1)
    assert (
        np.linalg.norm(both[torso], axis=1).mean()
        > np.linalg.norm(shirt[torso], axis=1).mean() + 0.008
    )


def test_a_skirt_fills_the_gap_between_the_legs(chart: Chart) -> None:
    p = chart["position"]
    dressed = p + offsets(chart, SKIRT)
    inner = (np.abs(chart["level"] + 0.6) < 0.1) & (np.sin(chart["leg_angle"]) < -0.5)
    assert np.median(np.abs(p[inner, 0])) > 0.02
    assert np.median(np.abs(dressed[inner, 0])) < 0.012


def test_nothing_goes_below_the_sole(chart: Chart) -> None:
    boots = Garment("boots", hem=0.2, looseness=1.0)
    dressed = chart["position"] + offsets(chart, boots)
    assert dressed[:, 1].min() > -1e-4


def test_shoes_hide_the_gaps_between_the_toes(chart: Chart) -> None:
    # Seen from the front the bare toes are an outline with notches; a shoe's outline is nearly
    # convex.
    def notches(p: np.ndarray) -> float:
        foot = p[(p[:, 0] > 0) & (p[:, 1] < 0.05) & (p[:, 2] > 0.05)]
        cells = np.digitize(foot[:, 0], np.arange(foot[:, 0].min(), foot[:, 0].max(), 0.004))
        reach = np.array([foot[cells == i, 2].max() for i in np.unique(cells)])
        return float(np.abs(np.diff(reach, 2)).max())

    shoes = Garment("shoes", hem=0.07)
    assert notches(chart["position"] + offsets(chart, shoes)) < notches(chart["position"])


def test_hair_gives_the_head_volume_and_a_hat_takes_it(chart: Chart) -> None:
    top = chart["position"][:, 1].argmax()
    hair = Hair("full", volume=0.03)
    free = offsets(chart, hair=hair)[top, 1]
    assert free > 0.015
    beanie = Garment("beanie", hem=0.0, looseness=0.0)
    assert offsets(chart, beanie, hair=hair)[top, 1] < free


def test_cloth_is_cut_to_the_size_of_the_body(chart: Chart, body: BodyModel) -> None:
    outfit = Outfit(hair=BALD, garments=(COAT,))
    whole = outfit_offsets(chart, outfit, body.v_template)
    half = outfit_offsets(chart, outfit, body.v_template * 0.5)
    np.testing.assert_allclose(half, whole * 0.5, atol=2e-4)


def test_cloth_hangs_over_the_body_it_is_worn_by(chart: Chart, body: BodyModel) -> None:
    # A belly pushed out by 5 cm leaves cloth less to bridge there than the mean body does.
    belly = (np.abs(chart["level"] - 0.35) < 0.15) & (chart["front"] > 0.05)
    shaped = body.v_template + 0.05 * belly[:, None] * np.array([0.0, 0.0, 1.0])
    outfit = Outfit(hair=BALD, garments=(COAT,))
    mean_body, big_belly = (
        outfit_offsets(chart, outfit, s)[belly, 2].mean() for s in (body.v_template, shaped)
    )
    assert big_belly < mean_body


@pytest.mark.parametrize("seed", range(30))
def test_offsets_of_sampled_outfits_are_small_finite_and_repeatable(
    chart: Chart, seed: int
) -> None:
    outfit = sample_outfit(np.random.default_rng(seed), age=5.0 + 3 * seed)
    moved = outfit_offsets(chart, outfit)
    assert moved.dtype == np.float32 and np.isfinite(moved).all()
    assert np.linalg.norm(moved, axis=1).max() < 0.2
    np.testing.assert_array_equal(moved, outfit_offsets(chart, outfit))


def test_hands_and_face_never_move(chart: Chart) -> None:
    hands = chart["arm"] > 1.15
    eyes = chart["white"] > 0
    for seed in range(20):
        outfit = replace(sample_outfit(np.random.default_rng(seed)), hair=BALD)
        moved = np.linalg.norm(outfit_offsets(chart, outfit), axis=1)
        assert moved[hands].max() < 1e-6 and moved[eyes].max() < 1e-6


def test_tight_clothes_keep_the_outline_within_a_finger(chart: Chart) -> None:
    outfit = sample_outfit(np.random.default_rng(4), loose=False, garments=("t-shirt", "jeans"))
    assert np.linalg.norm(outfit_offsets(chart, outfit), axis=1).max() < 0.012


def test_a_uv_texture_leaves_the_body_as_it_is(chart: Chart) -> None:
    assert (outfit_offsets(chart, Outfit(texture="someone.jpg", garments=(COAT,))) == 0).all()
