"""Joint names and poses taken from one family to another."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.bodies.joints import (
    FAMILIES,
    PART_ALIASES,
    PARTS,
    family_of,
    fit_pose,
    part_of_joints,
)


def test_families_have_their_published_numbers_of_joints():
    assert {family: len(set(names)) for family, names in FAMILIES.items()} == {
        "smpl": 24,
        "smplh": 52,
        "smplx": 55,
    }


@pytest.mark.smplx
def test_joint_names_are_those_of_the_smplx_package():
    names = pytest.importorskip(
        "smplx.joint_names", reason="NOT TESTED: smplx is not installed; run make test-smplx"
    )
    assert [n.replace("_smplhf", "") for n in names.JOINT_NAMES[:55]] == list(FAMILIES["smplx"])
    assert names.SMPLH_JOINT_NAMES[:52] == list(FAMILIES["smplh"])


def test_every_part_has_a_published_name():
    assert set(PART_ALIASES.values()) == set(PARTS)


def test_fingers_belong_to_the_hand_and_jaw_and_eyes_to_the_head():
    parts = dict(
        zip(FAMILIES["smplx"], (PARTS[p] for p in part_of_joints(FAMILIES["smplx"])), strict=True)
    )
    assert parts["left_thumb2"] == "left_hand"
    assert parts["right_index1"] == "right_hand"
    assert parts["jaw"] == parts["left_eye"] == "head"
    assert parts["left_wrist"] == "left_wrist"


@pytest.mark.parametrize("source", FAMILIES)
@pytest.mark.parametrize("target", FAMILIES)
def test_joints_of_both_families_keep_their_rotation_and_others_are_zero(source, target, rng):
    pose = rng.normal(size=(4, len(FAMILIES[source]), 3))
    fitted = fit_pose(pose, target)
    assert fitted.shape == (4, len(FAMILIES[target]), 3)
    for k, name in enumerate(FAMILIES[target]):
        if name in FAMILIES[source]:
            np.testing.assert_array_equal(fitted[:, k], pose[:, FAMILIES[source].index(name)])
        else:
            assert not fitted[:, k].any()


def test_mean_hands_are_taken_only_where_the_source_has_no_fingers(rng):
    mean = rng.normal(size=(30, 3))
    relaxed = fit_pose(np.zeros((24, 3)), "smplx", mean)
    np.testing.assert_array_equal(relaxed[25:], mean)
    assert not relaxed[:25].any()
    assert not fit_pose(np.zeros((52, 3)), "smplx", mean).any()


def test_unknown_numbers_of_joints_and_families_are_refused():
    with pytest.raises(ValueError, match=r"16 joints; a body has 24 \(SMPL\), 52 \(SMPL-H\) or 55"):
        family_of(16)
    with pytest.raises(ValueError, match="expected one of smpl, smplh, smplx"):
        fit_pose(np.zeros((24, 3)), "flame")
    with pytest.raises(ValueError, match=r"pose: shape \(72,\)"):
        fit_pose(np.zeros(72), "smpl")
