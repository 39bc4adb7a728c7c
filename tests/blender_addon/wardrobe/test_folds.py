"""Folds stand out where joints bend, never inwards, and differ between people."""

from __future__ import annotations

import numpy as np

from blender_addon.wardrobe.folds import folds_of


def test_folds_never_lead_inwards_and_are_no_higher_than_a_hand_is_thick(body, chart):
    bend = dict.fromkeys(body.joint_names, 2.5)
    heights = folds_of(body, chart, 0.4).heights(bend)
    assert heights.min() >= 0
    assert 0.008 < heights.max() < 0.05


def test_a_bent_elbow_folds_its_own_sleeve_and_nothing_else(body, chart):
    folds = folds_of(body, chart, 0.4)
    more = folds.heights({"left_elbow": 1.6}) - folds.heights({})
    raised = more > 1e-4
    position, arm = chart["position"], chart["arm"]
    assert raised.sum() > 50
    assert (position[raised, 0] > 0).all() and (arm[raised] > 0.1).all()
    # Higher on the inside of the bend than on the outside.
    inside = position[:, 2] > np.median(position[raised, 2])
    assert more[raised & inside].mean() > 1.3 * more[raised & ~inside].mean()


def test_folds_differ_between_people_and_not_between_calls(body, chart):
    first, same, other = (folds_of(body, chart, s).heights({}) for s in (0.2, 0.2, 0.7))
    assert np.array_equal(first, same)
    assert np.abs(first - other).max() > 0.003


def test_head_hands_and_feet_have_no_folds(body, chart):
    heights = folds_of(body, chart, 0.1).heights(dict.fromkeys(body.joint_names, 2.0))
    for bare in (chart["neck"] < -0.05, chart["arm"] > 1.1, chart["height"] < 0.03):
        assert heights[bare].max() == 0.0
