"""Unusual bodies, and elders who stoop."""

from __future__ import annotations

import dataclasses

import numpy as np

from blender_addon.bodies.anatomy import within_limits
from blender_addon.bodies.library import default_body
from blender_addon.bodies.pose_library import load_poses
from blender_addon.bodies.rotations import rodrigues
from blender_addon.recipes.recipe import Recipe
from blender_addon.scene.physique import sample_physique, stooped


def recipe(unusual: float) -> Recipe:
    base = Recipe()
    return dataclasses.replace(base, bodies=dataclasses.replace(base.bodies, unusual=unusual))


def person(k: int) -> tuple[tuple[float, ...], float, float]:
    samples = default_body().shape_samples
    assert samples is not None
    return tuple(samples.betas[k].tolist()), float(samples.age[k]), float(samples.gender[k])


def test_nobody_is_unusual_without_a_share():
    betas, age, gender = person(5)
    drawn = sample_physique(
        recipe(0.0), default_body(), betas, age, gender, np.random.default_rng(0)
    )
    assert drawn.betas == betas
    assert drawn.stoop == 0.0


def test_unusual_bodies_differ_more_and_stay_human():
    body, extents = default_body(), []
    for k in range(60):
        betas, age, gender = person(k * 17)
        rng = np.random.default_rng(k)
        drawn = sample_physique(recipe(1.0), body, betas, age, gender, rng)
        assert np.abs(drawn.betas).max() <= max(3.6, np.abs(betas).max()) + 1e-3
        shaped, _ = body.shape_blend(drawn.betas)
        height = float(np.ptp(shaped[:, 1]))
        assert 0.7 < height < 2.3
        extents.append(np.linalg.norm(drawn.betas) / np.linalg.norm(betas))
        assert (drawn.stoop > 0) == (age >= 66)
    assert np.mean(np.array(extents) > 1.0) > 0.8


def test_a_stoop_bends_the_back_and_keeps_the_legs_and_arms():
    pose = next(p for p in load_poses() if p.name == "stand_relaxed")
    bent = stooped(pose.joints, 20.0)
    assert within_limits(bent)
    back = np.eye(3)
    for name, joints in (("before", pose.joints), ("after", bent)):
        chain = np.eye(3)
        for row in (3, 6, 9):  # the spine
            chain = chain @ rodrigues(joints[row])
        lean = np.degrees(np.arctan2(chain[2, 1], chain[1, 1]))
        back = (lean, back) if name == "after" else lean
    assert back[0] - back[1] > 12.0
    legs = [1, 2, 4, 5, 7, 8, 16, 17, 18, 19]
    np.testing.assert_allclose(bent[legs], pose.joints[legs])
    assert stooped(pose.joints, 0.0) is pose.joints
