"""Draws of garments as meshes, which are of more kinds than the painted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .garment_kind import PATTERNS
from .garments import KINDS, kinds_of
from .outfit import Garment, Outfit
from .sampling import choose_kinds, cut_garment, fabric_of, fit_together

_SET = {"suit jacket": 0.75, "hi-vis jacket": 0.5}  # share that is worn with what belongs to it
_BEACH = ("swimsuit", "bikini top")


def with_mesh_garments(
    rng: np.random.Generator,
    outfit: Outfit,
    age: float | None,
    gender: float | None,
    *,
    garments: Sequence[str] = (),
    patterns: Sequence[str] = (),
    loose: bool = True,
) -> Outfit:
    """Draw the garments of an outfit anew, from all kinds.

    Args:
        rng: Generator of the garments.
        outfit: The outfit; skin, hair and face stay.
        age: Years; None for an adult of any age.
        gender: 0 female .. 1 male; None for either.
        garments: Names of the only garments to use; empty for all.
        patterns: Names of the only fabric patterns to use; empty for all.
        loose: Whether clothes stand off the body's own outline.
    """
    person, clothes, cloth = rng.spawn(3)
    age = float(person.uniform(18, 75)) if age is None else float(age)
    male = float(person.random() < 0.5) if gender is None else float(gender)
    warm = float(person.beta(1.6, 1.2))
    allowed = set(garments or kinds_of("mesh"))
    names = _in_sets(clothes, choose_kinds(clothes, age, male, warm, allowed), allowed)
    worn = fit_together(clothes, tuple(cut_garment(clothes, name, loose) for name in names))
    figures = set(patterns or PATTERNS)
    worn = tuple(
        replace(g, fabric=fabric_of(cloth, g.kind, outfit.skin, figures, age)) for g in worn
    )
    return replace(outfit, garments=worn)


def _in_sets(rng: np.random.Generator, names: list[str], allowed: set[str]) -> list[str]:
    """Give suits and uniforms the trousers that belong to them, and swimwear nothing over it."""
    for name in names:
        partner = KINDS[name].set_with
        if partner in allowed and rng.random() < _SET.get(name, 1.0):
            names = [partner if KINDS[other].layer == "bottom" else other for other in names]
    if any(name in _BEACH for name in names):
        bare = ("outer", "socks", "shoes")
        names = [name for name in names if KINDS[name].layer not in bare]
    return names


def matched(outfit: Outfit) -> Outfit:
    """The outfit with one cloth for all garments of a set."""
    by_kind = {garment.kind: garment for garment in outfit.garments}
    cloth: dict[str, Garment] = {
        KINDS[name].set_with: garment
        for name, garment in by_kind.items()
        if KINDS[name].set_with in by_kind
    }
    if not cloth or "uniform shirt" in by_kind:  # shirts of a uniform differ from its trousers
        return outfit
    return replace(
        outfit,
        garments=tuple(
            replace(g, fabric=cloth[g.kind].fabric) if g.kind in cloth else g
            for g in outfit.garments
        ),
    )
