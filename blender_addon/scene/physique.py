"""Bodies beyond the usual: much heavier, thinner, stronger, taller or smaller than others of their
age, and elders who stoop. Pure numpy.

An unusual body is a usual one whose difference from the mean of its age and sex is made larger.
It draws from a stream of its own, so that a recipe without it draws the same bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bodies import anatomy
from ..bodies.anatomy import JOINT, LIMITS
from ..bodies.model import BodyModel
from ..recipes.recipe import Recipe

Array = NDArray[np.float64]

_GROUP = 120  # people of about the same age whose mean counts
_FACTOR = (1.5, 2.4)  # by which a difference grows
_FARTHEST = 3.6  # standard deviations of any coefficient
_STOOPS_FROM, _STOOP = 66.0, (6.0, 24.0)  # years, and degrees of the whole back


@dataclass(frozen=True)
class Physique:
    """An unusual body: its betas, and the degrees by which the person stoops."""

    betas: tuple[float, ...]
    stoop: float = 0.0


def sample_physique(
    recipe: Recipe,
    model: BodyModel,
    betas: tuple[float, ...],
    age: float | None,
    gender: float | None,
    rng: np.random.Generator,
) -> Physique:
    """Draw whether a body is unusual, and how.

    Args:
        recipe: What may vary.
        model: The body model.
        betas: The usual body.
        age: Years; None where unknown.
        gender: 0 female .. 1 male; None where unknown.
        rng: Generator of the physique.
    """
    unusual, factor, stoop = rng.random(), rng.uniform(*_FACTOR), rng.uniform(*_STOOP)
    samples = model.shape_samples
    if unusual >= recipe.bodies.unusual or samples is None or age is None or gender is None:
        return Physique(betas)
    same = np.flatnonzero((samples.gender >= 0.5) == (gender >= 0.5))
    near = same[np.argsort(np.abs(samples.age[same] - age), kind="stable")[:_GROUP]]
    mean = samples.betas[near].mean(axis=0)
    own = np.zeros(len(mean))
    own[: len(betas)] = betas
    wide = np.clip(mean + factor * (own - mean), -_FARTHEST, _FARTHEST)
    wide = np.where(np.abs(own) > _FARTHEST, own, wide)
    return Physique(
        tuple(round(float(v), 4) for v in wide), float(stoop) if age >= _STOOPS_FROM else 0.0
    )


def stooped(joints: Array, stoop: float) -> Array:
    """The pose (J, 3) with the back bent forwards by `stoop` degrees and the head raised again."""
    if not stoop:
        return joints
    angles = anatomy.measure(joints[:24])
    before = angles.copy()
    flex = [a.word for a in anatomy.ANGLES["spine"]].index("flex")
    for name, share in (("spine1", 0.25), ("spine2", 0.35), ("spine3", 0.4)):
        angles[JOINT[name], flex] += share * stoop
    for name in ("neck", "head"):
        angles[JOINT[name], flex] -= 0.35 * stoop
    for side in ("left_", "right_"):
        angles[JOINT[side + "collar"], 1] += 0.3 * stoop  # shoulders fall forwards
    low, high = np.minimum(LIMITS[..., 0], before), np.maximum(LIMITS[..., 1], before)
    bent = anatomy.rebuild(np.clip(angles, low, high))
    result = joints.copy()
    rows = [JOINT[n] for n in ("spine1", "spine2", "spine3", "neck", "head", "left_collar",
                               "right_collar")]  # fmt: skip
    result[rows] = bent[rows]
    return result
