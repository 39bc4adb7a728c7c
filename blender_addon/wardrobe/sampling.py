"""Draws of plausible outfits from the tables of garments, hair and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..draws import pick
from . import palette
from .fabric_sampling import FIGURES_OF
from .garment_kind import NEVER, PATTERNS, Kind, Wearer, draw
from .garments import KINDS, NOTHING, kinds_of
from .hair import sample_face, sample_hair
from .outfit import Fabric, Garment, Outfit
from .palette import Color


def sample_outfit(
    rng: np.random.Generator,
    *,
    age: float | None = None,
    gender: float | None = None,
    tones: tuple[int, int] = (1, 10),
    warmth: float | None = None,
    garments: Sequence[str] = (),
    patterns: Sequence[str] = (),
    loose: bool = True,
    textures: Sequence[str] = (),
) -> Outfit:
    """Draw an outfit as people wear in streets and homes.

    Args:
        rng: Generator of the outfit; each factor draws from a stream of its own.
        age: Years; None for an adult of any age.
        gender: 0 female .. 1 male, which shifts weights; None for either.
        tones: First and last step of the Monk scale, drawn uniformly.
        warmth: 0 winter .. 1 high summer; None for any.
        garments: Names of the only garments to use; empty for all of garments.KINDS.
        patterns: Names of the only fabric patterns to use; empty for all of garments.PATTERNS.
        loose: Whether clothes and hair stand off the body's own outline.
        textures: UV texture files; where there are any, one of them replaces the paint.

    Raises:
        ValueError: An unknown garment or pattern, or a range of tones outside 1..10.
    """
    _check(tones, garments, patterns)
    # Every factor draws from its own stream: forbidding hats must not change the trousers.
    person, head, clothes, cloth, texture = rng.spawn(5)
    age = float(person.uniform(18, 75)) if age is None else float(age)
    male = float(person.random() < 0.5) if gender is None else float(gender)
    warm = float(person.beta(1.6, 1.2)) if warmth is None else float(warmth)
    tone = int(person.integers(tones[0], tones[1] + 1))
    skin = palette.vary(person, palette.reflectance(_between_tones(person, tone, tones)), 0.06)
    seed = float(person.random())

    hair = sample_hair(head, age, male, tone)
    face = sample_face(head, age, male, skin, hair)
    kinds = choose_kinds(
        clothes, age, male, warm, set(garments or KINDS) & set(kinds_of("painted"))
    )
    worn = tuple(cut_garment(clothes, kind, loose) for kind in kinds)
    worn = fit_together(clothes, worn)
    allowed = set(patterns or PATTERNS)
    worn = tuple(replace(g, fabric=fabric_of(cloth, g.kind, skin, allowed, age)) for g in worn)
    if not loose:
        hair = replace(hair, volume=0.0)
    path = str(textures[int(texture.integers(len(textures)))]) if len(textures) else ""
    return Outfit(tone, skin, hair, face, worn, path, seed)


def _check(tones: tuple[int, int], garments: Sequence[str], patterns: Sequence[str]) -> None:
    if not (1 <= tones[0] <= tones[1] <= 10):
        raise ValueError(f"expected Monk skin tones from 1 to 10, got {tones[0]} to {tones[1]}")
    for word, given, known in (("garment", garments, KINDS), ("pattern", patterns, FIGURES_OF)):
        for name in given:
            if name not in known:
                raise ValueError(f"unknown {word} {name!r}; there are {', '.join(known)}")


def _between_tones(rng: np.random.Generator, tone: int, tones: tuple[int, int]) -> Color:
    """A colour near a step of the scale: people fill the gaps between its ten patches."""
    shift = float(rng.uniform(-0.5, 0.5))
    other = int(np.clip(tone + np.sign(shift), tones[0], tones[1]))
    return palette.blend(palette.MONK[tone - 1], palette.MONK[other - 1], abs(shift))


def choose_kinds(
    rng: np.random.Generator, age: float, male: float, warm: float, allowed: set[str]
) -> list[str]:
    """The kinds of a whole outfit, at most one of each layer."""
    chosen: dict[str, str] = {}

    def choose(layer: str) -> None:
        worn = {name: KINDS[name] for name in chosen.values() if name}
        wearer = Wearer(age, male, warm, worn)
        weights = {
            name: kind.weight(wearer)
            for name, kind in KINDS.items()
            if kind.layer == layer and name in allowed
        }
        if layer in NOTHING:
            nothing = {"": NOTHING[layer](wearer)}
            # Hats have it first. The order is part of what a seed gives.
            weights = {**nothing, **weights} if layer == "hat" else {**weights, **nothing}
        chosen[layer] = _weighted(rng, weights)

    choose("top")
    if not chosen["top"] or not (KINDS[chosen["top"]].skirt or KINDS[chosen["top"]].whole):
        choose("bottom")
    if rng.random() < 0.12 + 0.75 * (1 - warm):
        choose("outer")
    for layer in ("socks", "shoes", "hat"):
        choose(layer)
    order = ("socks", "bottom", "top", "outer", "shoes", "hat")
    return [chosen[layer] for layer in order if chosen.get(layer)]


def _weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the keys, '' when no weight is left."""
    return pick(rng, weights) if sum(weights.values()) > 0 else ""


def cut_garment(rng: np.random.Generator, name: str, loose: bool) -> Garment:
    """Draw the edges of a garment of a kind, without its cloth."""
    kind: Kind = KINDS[name]
    return Garment(
        kind=name,
        hem=draw(rng, kind.hem),
        waist=draw(rng, kind.waist),
        sleeve=draw(rng, kind.sleeve),
        neck=draw(rng, kind.neck),
        opening=draw(rng, kind.opening),
        depth=draw(rng, kind.depth),
        slope=kind.slope,
        looseness=float(rng.beta(2.0, 2.0)) if loose else 0.0,
    )


def fit_together(rng: np.random.Generator, worn: tuple[Garment, ...]) -> tuple[Garment, ...]:
    """Tuck some tops in, push up some sleeves, close some coats, and let trousers fall over the
    shoes.
    """
    layers = {g.layer: g for g in worn}
    top, bottom, outer = layers.get("top"), layers.get("bottom"), layers.get("outer")
    tuck_in = KINDS[bottom.kind].tuck_in if bottom else 0.0
    if top and bottom and tuck_in and not KINDS[top.kind].skirt:
        tuck = KINDS[top.kind].tuck
        if rng.random() < (tuck_in if tuck is None else tuck):
            layers["top"] = top = replace(top, hem=bottom.waist)
    if top and KINDS[top.kind].rolls_up and not outer and rng.random() < 0.25:
        layers["top"] = replace(top, sleeve=float(rng.uniform(0.55, 0.75)))
    if outer and (outer.opening < 0.012 or rng.random() < 0.3):
        layers["outer"] = replace(outer, opening=-NEVER)
    return tuple(layers[g.layer] for g in worn)


def fabric_of(
    rng: np.random.Generator, name: str, skin: Color, allowed: set[str], age: float
) -> Fabric:
    """Draw the cloth of a garment of a kind."""
    kind = KINDS[name]
    weights = {pattern: weight for pattern, weight in kind.patterns if pattern in allowed}
    pattern = _weighted(rng, weights) if weights else "plain"
    color = _garment_color(rng, kind, age)
    color2, color3 = palette.cloth(rng), palette.cloth(rng)
    if pattern == "melange":
        color2 = palette.blend(color, (0.6, 0.6, 0.62), kind.melange)
    if pattern in ("stripes", "checks") and kind.quiet:
        color2 = palette.blend(color, color2, 0.25)
    return Fabric(
        pattern=pattern,
        color=color,
        color2=color2,
        color3=color3,
        scale=float(np.exp(rng.uniform(*np.log(_SCALES.get(pattern, (0.04, 0.1)))))),
        angle=_angle(rng, pattern, kind),
        roughness=draw(rng, kind.roughness),
        weave=float(rng.uniform(0.05, 0.35)),
    )


_SCALES = {
    "stripes": (0.012, 0.09),
    "checks": (0.015, 0.08),
    "dots": (0.012, 0.05),
    "print": (0.03, 0.12),
    "floral": (0.02, 0.1),
}


def _angle(rng: np.random.Generator, pattern: str, kind: Kind) -> float:
    if pattern == "stripes":
        upright = kind.upright_stripes or rng.random() < 0.2
        return 90.0 if upright else 0.0
    return float(rng.choice([0.0, 0.0, 45.0])) if pattern in ("checks", "dots") else 0.0


def _garment_color(rng: np.random.Generator, kind: Kind, age: float) -> Color:
    codes = kind.colors
    if kind.dark and rng.random() < kind.dark:
        codes = palette.TROUSERS
    if not codes or (age < 12 and kind.childish and rng.random() < 0.5):
        return palette.cloth(rng)
    return palette.pick(rng, codes, 0.15)
