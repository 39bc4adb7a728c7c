"""Tests of blender_addon.bodies.skinning."""

from __future__ import annotations

import numpy as np

from blender_addon.bodies.skinning import blended, weight_runs


def test_runs_of_vertices_blend_to_the_same_bits_as_all_at_once() -> None:
    rng = np.random.default_rng(0)
    V, J = 1300, 24
    weights = np.zeros((V, J), np.float32)
    first = np.arange(V) * (J - 3) // V  # as in a body, neighbours follow the same joints
    for k in range(3):
        weights[np.arange(V), first + k] = rng.random(V)
    weights /= weights.sum(axis=1, keepdims=True)
    transforms = rng.normal(size=(12, J)).astype(np.float32)
    runs = weight_runs(weights)
    assert [where.stop - where.start for where, _, _ in runs] == [512, 512, 276]
    assert max(len(joints) for _, joints, _ in runs) < J - 3
    expected = np.einsum("ij,jk->ik", transforms, np.ascontiguousarray(weights.T))
    np.testing.assert_array_equal(blended(transforms, runs), expected)


def test_vertices_that_follow_nothing_stay_at_the_origin() -> None:
    runs = weight_runs(np.zeros((3, 2), np.float32))
    np.testing.assert_array_equal(blended(np.ones((12, 2), np.float32), runs), np.zeros((12, 3)))
