"""Draws of what is on the skin: blush, blotches, freckles, lines, stubble, tattoos; teeth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .outfit import Complexion, Item, Outfit
from .skin_tiles import SKIN_TILES
from .teeth import TEETH

INKS = tuple(name for name in SKIN_TILES if name.startswith("ink"))
_UPPER, _LOWER = (0.12, 0.38), (0.60, 0.85)  # places on the arm
_TATTOOED = 0.12  # share of adults with one that shows on an arm


def with_skin_detail(
    outfit: Outfit, age: float | None = None, gender: float | None = None
) -> Outfit:
    """The outfit with a complexion that goes with its skin, and with teeth.

    Args:
        outfit: Its seed begins the draws, its tone and colour decide what shows.
        age: Years; None for an adult of any age.
        gender: 0 female .. 1 male; None where unknown.
    """
    rng = np.random.default_rng([int(outfit.seed * 2**32), 23])
    blood, spots, lines, beard, gloss, ink, mouth = rng.spawn(7)
    age = float(lines.uniform(18, 75)) if age is None else age
    male = 0.5 if gender is None else gender
    light = float(np.clip((max(outfit.skin) - 0.10) / 0.5, 0.0, 1.0))
    old = float(np.clip((age - 25) / 50, 0.0, 1.0))
    freckled = spots.random() < 0.10 + 0.30 * light
    shaved = male > 0.5 and age > 17 and outfit.face.beard < 0.3
    tattooed = age > 17 and ink.random() < _TATTOOED
    return replace(
        outfit,
        items=(*outfit.items, Item(TEETH, variant=float(mouth.random()))),
        complexion=Complexion(
            blush=float(blood.uniform(0.25, 0.8)) * (0.55 + 0.45 * light),
            mottling=float(blood.uniform(0.10, 0.35)) * (0.6 + 0.4 * old),
            freckles=float(spots.uniform(0.3, 0.9) if freckled else spots.uniform(0.05, 0.25)),
            wrinkles=float(np.clip(1.1 * old**1.4 + lines.normal(0.03, 0.08), 0.0, 1.0)),
            shadow=float(np.clip(lines.uniform(0.25, 0.6) + 0.25 * old, 0.0, 1.0)),
            stubble=float(beard.uniform(0.0, 0.8)) if shaved else 0.0,
            shine=float(gloss.beta(1.5, 2.5)),
            pores=float(gloss.uniform(0.5, 1.0)) * (0.3 if age < 12 else 1.0),
            tattoo=INKS[int(ink.integers(len(INKS)))] if tattooed else "",
            tattoo_arm=float(ink.uniform(*(_UPPER if ink.random() < 0.6 else _LOWER))),
        ),
    )
