"""The styles of hair that is geometry, and draws of them.

Painted hair has a table of its own (`hair`), whose draws must not change. Names that both have are
the same style.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..draws import pick
from . import palette
from .garment_kind import NEVER, Range, draw
from .outfit import Face, Hair, Outfit
from .palette import Color

Vec3 = tuple[float, float, float]
Weight = Callable[[float], float]  # of the age in years


@dataclass(frozen=True)
class MeshStyle:
    """All that hair of one style has in common. Lengths are rm.

    Attributes:
        man, woman: How often a man or a woman of an age has it, relative to the other styles.
        lengths: Length of the hair over the forehead, on top, at the sides and behind.
        fall: Height to which hair is cut, rm above the notch between the collar bones.
        volume: How far it stands off the scalp.
        recede: How far the hairline lies above the usual one in front, head units.
        top: Height above which the head is bald, head units.
        density: Share of the skin that its colour hides.
        ribbons: Number of locks; 0: none, only the skin's colour.
        points: Cross-sections of a lock.
        width: Half the width of a lock.
        over_top, over_side: Where hair on top and at the sides is combed to: outwards from the
            parting, up, to the front.
        whorl: How much hair on top grows away from the crown instead.
        parting: Place of the parting, -1 right ear .. 1 left ear.
        lift: How far locks stand off at the root, 0 flat .. 1 upright.
        weight: How fast they bend down.
        follow: How much they keep the direction in which they are combed.
        messy: How much locks differ in direction.
        clump: How far locks draw together towards their ends, 0..1.
        curl, turns: Radius of curls or waves, and their number in a metre of hair.
        bangs: Whether hair over the forehead falls straight and is cut above the eyes.
        tied: What hair is drawn to, one of TIED; empty: it hangs.
        ropes: Whether locks are ropes (braids, twists).
        hull: Share of the volume that is filled below the locks.
        ears: Whether it lies over the ears.
        thin: Share of the places on the scalp that hair grows from.
    """

    man: Weight
    woman: Weight
    lengths: tuple[float, float, float, float] = (0.05, 0.05, 0.03, 0.03)
    fall: Range | None = None
    volume: Range = (0.010, 0.018)
    recede: Range = (-0.06, 0.06)
    top: Range = (NEVER, NEVER)
    density: float = 0.9
    ribbons: int = 600
    points: int = 5
    width: float = 0.004
    over_top: Vec3 = (1.0, 0.0, 0.0)
    over_side: Vec3 = (0.1, -1.0, -0.25)
    whorl: float = 0.2
    parting: Range = (0.3, 0.55)
    lift: float = 0.3
    weight: float = 0.3
    follow: float = 0.35
    messy: float = 0.15
    clump: float = 0.5
    curl: float = 0.0
    turns: float = 20.0
    bangs: bool = False
    tied: str = ""
    ropes: bool = False
    hull: float = 0.0
    ears: bool = False
    thin: float = 1.0


TIED = ("bun", "top knot", "ponytail", "high ponytail", "braid", "pigtails", "half", "rows")


def _from(start: float, width: float = 8.0) -> Weight:
    """0 before an age, 1 after it."""

    return lambda age: float(np.clip((age - start) / width + 0.5, 0, 1))


def _until(end: float, width: float = 8.0) -> Weight:
    return lambda age: 1.0 - _from(end, width)(age)


def _times(factor: float, weight: Weight) -> Weight:
    return lambda age: factor * weight(age)


def _always(factor: float) -> Weight:
    return lambda age: factor


_LONG: dict[str, Any] = {
    "weight": 1.1,
    "follow": 0.22,
    "lift": 0.25,
    "messy": 0.10,
    "ears": True,
    "over_top": (1.0, 0.25, -0.5),
    "parting": (0.0, 0.36),
    "over_side": (0.15, -1.0, -0.2),
    "points": 9,
    "ribbons": 340,
    "width": 0.0075,
    "lengths": (0.4, 0.5, 0.5, 0.5),
    "volume": (0.014, 0.030),
    "recede": (-0.05, 0.08),
}
_BOB: dict[str, Any] = {
    **_LONG,
    "volume": (0.014, 0.026),
    "points": 8,
    "ribbons": 400,
    "width": 0.0062,
}
_BOB |= {"clump": 0.3}
_SHORT: dict[str, Any] = {"volume": (0.008, 0.016), "points": 4, "ribbons": 950, "width": 0.0036}
_TIED: dict[str, Any] = {
    "volume": (0.006, 0.012),
    "ribbons": 330,
    "points": 7,
    "width": 0.0055,
    "messy": 0.05,
    "clump": 0.2,
    "recede": (-0.05, 0.08),
}

HAIR_STYLES_MESH: dict[str, MeshStyle] = {
    "bald": MeshStyle(
        lambda age: 0.25 + 1.6 * np.clip((age - 28) / 45, 0, 1),
        _always(0.02),
        ribbons=0,
        density=0.0,
        top=(-NEVER, -NEVER),
    ),
    "buzz": MeshStyle(
        _always(1.1), _always(0.07), (0.004, 0.0045, 0.0035, 0.0035), None, (0.002, 0.004),
        density=0.88, ribbons=1300, points=2, width=0.0012, lift=0.5, messy=0.5, clump=0.0,
        over_top=(0.0, 0.0, 1.0), recede=(-0.06, 0.25),
    ),
    "crew": MeshStyle(
        _times(1.6, _from(5)), _always(0.03), (0.028, 0.024, 0.009, 0.009), None, (0.006, 0.012),
        points=3, ribbons=1300, width=0.0027, lift=0.55, over_top=(0.1, 0.25, 0.8), messy=0.35,
        recede=(-0.05, 0.2),
    ),
    "short": MeshStyle(
        _always(1.6), _times(0.5, _from(40)), (0.048, 0.052, 0.022, 0.022), None,
        over_top=(0.7, 0.1, 0.5), messy=0.25, **_SHORT,
    ),
    "side part": MeshStyle(
        _times(1.8, _from(12)), _always(0.1), (0.085, 0.075, 0.028, 0.024), None,
        over_top=(1.0, 0.15, -0.15), whorl=0.1, messy=0.1, lift=0.35, recede=(-0.04, 0.22),
        **{**_SHORT, "points": 5, "ribbons": 740},
    ),
    "slicked back": MeshStyle(
        _times(0.8, _from(18)), _always(0.12), (0.11, 0.10, 0.05, 0.045), None, (0.008, 0.014),
        over_top=(0.05, 0.2, -1.0), over_side=(0.0, -0.35, -1.0), whorl=0.0, messy=0.05,
        lift=0.3, follow=0.6, weight=0.15, clump=0.6, points=6, ribbons=520, width=0.0045,
        recede=(0.0, 0.3),
    ),
    "quiff": MeshStyle(
        lambda age: 1.3 * _from(13)(age) * _until(52)(age), _always(0.08),
        (0.085, 0.07, 0.008, 0.008), None, (0.016, 0.030), over_top=(0.15, 0.8, -0.35),
        whorl=0.0, lift=0.85, weight=0.1, messy=0.18, follow=0.45, points=5, ribbons=700,
        width=0.0042, recede=(-0.04, 0.12),
    ),
    "textured fringe": MeshStyle(
        lambda age: 1.3 * _from(9)(age) * _until(34)(age), _always(0.15),
        (0.065, 0.06, 0.012, 0.012), None, (0.014, 0.024), over_top=(0.15, 0.25, 1.0),
        over_side=(0.1, -1.0, 0.15), whorl=0.35, lift=0.5, messy=0.42, clump=0.85, curl=0.003,
        turns=14, points=5, ribbons=700, width=0.0045,
    ),
    "full": MeshStyle(
        _always(0.9), _times(0.3, _from(30)), (0.07, 0.075, 0.045, 0.05), None, (0.016, 0.028),
        over_top=(0.6, 0.3, 0.2), lift=0.5, messy=0.28, clump=0.6, curl=0.005, turns=14,
        points=6, ribbons=580, width=0.005,
    ),
    "shaggy": MeshStyle(
        lambda age: 0.8 * _until(45, 20)(age), _times(0.3, _from(5)), (0.08, 0.10, 0.10, 0.11),
        None, (0.014, 0.028), over_top=(1.0, 0.2, 0.15), weight=0.75, lift=0.4, messy=0.3,
        clump=0.75, curl=0.007, turns=11, points=7, ribbons=420, width=0.006, ears=True,
    ),
    "receding": MeshStyle(
        lambda age: 2.2 * np.clip((age - 28) / 45, 0, 1), _always(0.0),
        (0.03, 0.035, 0.02, 0.02), None, recede=(0.22, 0.5), density=0.65,
        over_top=(0.4, 0.1, -0.8), thin=0.75,
        **{**_SHORT, "ribbons": 500, "volume": (0.006, 0.012)},
    ),
    "ring": MeshStyle(
        lambda age: 1.5 * np.clip((age - 28) / 45, 0, 1) ** 2, _always(0.0),
        (0.02, 0.02, 0.02, 0.022), None, top=(0.18, 0.34), density=0.7,
        **{**_SHORT, "ribbons": 420, "volume": (0.005, 0.010)},
    ),
    "curly short": MeshStyle(
        _always(0.9), _times(0.4, _from(5)), (0.055, 0.06, 0.022, 0.022), None, (0.018, 0.032),
        over_top=(0.5, 0.5, 0.3), lift=0.8, messy=0.5, clump=0.6, curl=0.009, turns=26,
        points=7, ribbons=480, width=0.0045, hull=0.45,
    ),
    "afro short": MeshStyle(
        _always(0.7), _always(0.4), (0.022, 0.024, 0.012, 0.014), None, (0.014, 0.024),
        lift=1.0, weight=0.0, messy=0.7, clump=0.0, curl=0.006, turns=70, points=4,
        ribbons=900, width=0.0030, hull=0.85,
    ),
    "afro": MeshStyle(
        _always(0.3), _always(0.5), (0.05, 0.065, 0.05, 0.055), None, (0.040, 0.075),
        lift=1.0, weight=0.0, messy=0.6, clump=0.15, curl=0.010, turns=60, points=5,
        ribbons=660, width=0.0040, hull=0.82,
    ),
    "twists": MeshStyle(
        lambda age: 0.5 * _until(55, 20)(age), _always(0.35), (0.07, 0.075, 0.06, 0.06), None,
        (0.014, 0.026), lift=0.7, weight=0.8, messy=0.35, ropes=True, ribbons=165, points=6,
        width=0.0050, density=0.8, over_top=(0.5, 0.3, 0.3),
    ),
    "box braids": MeshStyle(
        _always(0.12), lambda age: 0.7 * _until(60, 20)(age), fall=(-0.28, -0.06), ropes=True,
        density=0.75, **{**_LONG, "ribbons": 110, "width": 0.0042, "volume": (0.010, 0.016)},
    ),
    "cornrows": MeshStyle(
        _times(0.35, _from(4)), _always(0.35), volume=(0.004, 0.007), tied="rows", ropes=True,
        ribbons=15, points=16, width=0.0062, density=0.8,
    ),
    "pixie": MeshStyle(
        _always(0.02), _times(1.1, _from(8)), (0.09, 0.075, 0.045, 0.03), None, (0.010, 0.020),
        over_top=(0.8, 0.1, 0.45), over_side=(0.05, -0.9, 0.25), messy=0.2, clump=0.6,
        weight=0.5, points=5, ribbons=640, width=0.0048,
    ),
    "bob": MeshStyle(
        _always(0.03), _always(1.5), fall=(0.0, 0.06),
        **{**_BOB, "volume": (0.016, 0.030)},
    ),
    "bob with bangs": MeshStyle(
        _always(0.0), _always(0.8), fall=(0.0, 0.06), bangs=True,
        **{**_BOB, "parting": (-0.05, 0.05)},
    ),
    "curly bob": MeshStyle(
        _always(0.05), _always(0.7), fall=(-0.01, 0.06), curl=0.011, turns=17, hull=0.25,
        **{**_LONG, "volume": (0.028, 0.045), "points": 11, "ribbons": 270, "lift": 0.5,
           "clump": 0.55, "messy": 0.25},
    ),
    "lob": MeshStyle(
        _always(0.08), _always(1.5), fall=(-0.05, 0.03), curl=0.004, turns=9, **_LONG
    ),
    "long": MeshStyle(_always(0.2), _always(1.9), fall=(-0.30, -0.08), **_LONG),
    "long wavy": MeshStyle(
        _always(0.15), _always(2.0), fall=(-0.28, -0.04), curl=0.009, turns=9, clump=0.75,
        **{**_LONG, "points": 11, "ribbons": 285, "width": 0.0065, "volume": (0.02, 0.036)},
    ),
    "long curly": MeshStyle(
        _always(0.1), _always(0.9), fall=(-0.20, 0.0), curl=0.013, turns=15, clump=0.6, hull=0.25,
        **{**_LONG, "points": 15, "ribbons": 195, "width": 0.008, "volume": (0.032, 0.055),
           "lift": 0.55, "messy": 0.3},
    ),
    "long with bangs": MeshStyle(
        _always(0.02), _always(0.9), fall=(-0.28, -0.02), bangs=True,
        **{**_LONG, "parting": (-0.1, 0.1)},
    ),
    "very long": MeshStyle(
        _always(0.04), _always(0.35), fall=(-0.52, -0.32), **{**_LONG, "points": 11, "ribbons": 290}
    ),
    "half up": MeshStyle(
        _always(0.06), lambda age: 0.7 * _until(50, 20)(age), fall=(-0.26, -0.02), tied="half",
        curl=0.005, turns=9, **{**_LONG, "ribbons": 270, "points": 8},
    ),
    "bun": MeshStyle(_always(0.03), _always(1.2), tied="bun", **_TIED),
    "top knot": MeshStyle(
        lambda age: 0.18 * _from(16)(age) * _until(45)(age), _always(0.6), tied="top knot", **_TIED
    ),
    "ponytail": MeshStyle(_always(0.1), _always(1.4), tied="ponytail", **_TIED),
    "high ponytail": MeshStyle(
        _always(0.02), lambda age: 0.9 * _until(45, 20)(age), tied="high ponytail", **_TIED
    ),
    "braid": MeshStyle(_always(0.03), lambda age: 0.6 * _until(60, 30)(age), tied="braid", **_TIED),
    "pigtails": MeshStyle(
        _always(0.0), lambda age: 0.1 + 1.6 * _until(12)(age), tied="pigtails",
        parting=(-0.02, 0.02), **_TIED,
    ),
    "mohawk": MeshStyle(
        lambda age: 0.07 * _from(14)(age) * _until(45)(age), _always(0.03),
        (0.07, 0.09, 0.006, 0.007), None, (0.02, 0.04), lift=1.0, weight=0.0, messy=0.12,
        clump=0.8, over_top=(0.0, 1.0, -0.3), whorl=0.0, points=5, ribbons=800, width=0.0045,
    ),
    "perm": MeshStyle(
        _always(0.0), _times(1.6, _from(60, 16)), (0.06, 0.065, 0.05, 0.05), None, (0.024, 0.036),
        lift=0.8, messy=0.45, weight=0.5, clump=0.5, curl=0.010, turns=24, points=8, ribbons=380,
        width=0.006, hull=0.6, over_top=(0.4, 0.4, -0.2),
    ),
    "set back": MeshStyle(
        _always(0.0), _times(0.9, _from(55, 16)), (0.085, 0.08, 0.06, 0.055), None,
        (0.018, 0.030), over_top=(0.5, 0.7, -0.6), over_side=(0.1, -0.5, -0.8), lift=0.6,
        weight=0.3, messy=0.18, clump=0.5, curl=0.005, turns=10, points=6, ribbons=480,
        width=0.006, hull=0.35,
    ),
}  # fmt: skip
_INFANT = {"buzz": 1.5, "bald": 0.7, "short": 1.0, "curly short": 0.5}  # until two years of age

# Colours that nobody is born with.
DYED = tuple(
    palette.linear(code)
    for code in ("#7d2a4a", "#a12c2c", "#2c4f8a", "#c46a9a", "#1f6b66", "#5a2f7a", "#b9a6c9")
)


def with_mesh_hair(
    rng: np.random.Generator, outfit: Outfit, age: float | None, gender: float | None
) -> Outfit:
    """`outfit` with hair of HAIR_STYLES_MESH, in the colour that it has, and a beard to match.

    Args:
        rng: Generator of hair that is geometry.
        outfit: A drawn outfit.
        age: Years; None where unknown.
        gender: 0 female .. 1 male; None where unknown.
    """
    if outfit.hair.volume <= 0 and outfit.hair.style != "bald":  # nothing stands off the body
        return outfit
    years = float(rng.uniform(18, 75)) if age is None else age
    male = float(rng.random() < 0.5) if gender is None else gender
    if outfit.face.beard > 0 and gender is None:
        male = 1.0
    hair = sample_mesh_hair(rng, years, male, outfit.hair.color)
    return replace(outfit, hair=hair, face=_face(rng, outfit.face, years, male))


def sample_mesh_hair(rng: np.random.Generator, age: float, male: float, color: Color) -> Hair:
    """Draw a style for a person of an age, 0 female .. 1 male, whose hair has a colour."""
    weights = (
        _INFANT
        if age < 2
        else {
            name: male * style.man(age) + (1 - male) * style.woman(age)
            for name, style in HAIR_STYLES_MESH.items()
        }
    )
    name = pick(rng, weights)
    style = HAIR_STYLES_MESH[name]
    dyed, which = rng.random(), int(rng.integers(len(DYED)))
    if 13 < age < 60 and dyed < 0.025:
        color = palette.vary(rng, DYED[which], 0.2)
    return Hair(
        style=name,
        color=color,
        recede=draw(rng, style.recede),
        top=draw(rng, style.top),
        volume=draw(rng, style.volume),
        density=style.density,
    )


def _face(rng: np.random.Generator, face: Face, age: float, male: float) -> Face:
    """The same face; beards are as often long or only stubble as in streets."""
    draws = rng.random(2)
    if male < 0.5 or age < 19:
        return replace(face, beard=0.0)
    beard = (0.0, 0.25, 0.5, 0.75, 1.0)[int(np.searchsorted((0.48, 0.70, 0.82, 0.93), draws[0]))]
    return replace(face, beard=beard)
