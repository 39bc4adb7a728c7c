"""Outfit: what one person looks like, from skin to hat, as plain data; and how to draw a plausible one.

Colours are linear Rec. 709, 0..1. Lengths are reference metres (rm): metres on a body scaled to 1.7 m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import palette
from .garments import HAIR_STYLES, KINDS, NEVER, PATTERNS, HairStyle, Kind, Range
from .palette import Color

GARMENTS = tuple(KINDS)


@dataclass(frozen=True)
class Fabric:
    """`pattern` is one of garments.PATTERNS. `scale`: length of one repeat, rm; `angle`: degrees that the pattern
    is turned (0: stripes run around the body); `weave`: contrast of the threads, 0..1."""

    pattern: str = "plain"
    color: Color = (0.2, 0.2, 0.2)
    color2: Color = (0.8, 0.8, 0.8)
    color3: Color = (0.4, 0.1, 0.1)
    scale: float = 0.06
    angle: float = 0.0
    roughness: float = 0.85
    weave: float = 0.2


@dataclass(frozen=True)
class Garment:
    """`kind` is one of garments.KINDS, which says what the edges mean. `looseness`: share of the kind's slack, 0..1."""

    kind: str
    fabric: Fabric = Fabric()
    hem: float = 0.0
    waist: float = NEVER
    sleeve: float = NEVER
    neck: float = -NEVER
    opening: float = -NEVER
    depth: float = -NEVER
    slope: float = 0.5
    looseness: float = 0.5

    @property
    def layer(self) -> str:
        """One of garments.LAYERS. Raises KeyError for an unknown kind."""
        return KINDS[self.kind].layer


@dataclass(frozen=True)
class Hair:
    """`style` is one of garments.HAIR_STYLES. `recede`, `top`: head units; `fall`: level; `volume`: rm;
    `density`: share of the skin that the hair hides."""

    style: str = "short"
    color: Color = (0.02, 0.015, 0.01)
    recede: float = 0.0
    top: float = NEVER
    fall: float = NEVER
    volume: float = 0.012
    density: float = 1.0


@dataclass(frozen=True)
class Face:
    """`beard`: density of facial hair, 0 none .. 1 full; `lipstick`: how much of the lips' colour is paint."""

    brows: Color = (0.02, 0.015, 0.01)
    lips: Color = (0.35, 0.12, 0.1)
    eyes: Color = (0.1, 0.05, 0.02)
    beard: float = 0.0
    lipstick: float = 0.0


@dataclass(frozen=True)
class Outfit:
    """`tone`: step of the Monk skin tone scale, 1 (lightest) .. 10, 0 when `skin` is none of them; `skin`: the
    colour itself. `garments`: at most one of each layer. `texture`: file of a UV texture that replaces all
    that is painted, '' for none. `seed`, 0..1, shifts noise, so that no two people have the same folds."""

    tone: int = 5
    skin: Color = (0.5, 0.3, 0.2)
    hair: Hair = Hair()
    face: Face = Face()
    garments: tuple[Garment, ...] = ()
    texture: str = ""
    seed: float = 0.0

    def worn(self, layer: str) -> Garment | None:
        """The garment of that layer, or None."""
        return next((g for g in reversed(self.garments) if g.layer == layer), None)


def plain_outfit() -> Outfit:
    """Everybody's outfit when clothes do not vary: a light grey suit from neck to wrists and ankles, brown hair."""
    grey = Fabric(color=(0.4, 0.4, 0.4), weave=0.0)
    top = Garment("long-sleeved top", grey, hem=0.05, sleeve=1.0, neck=0.0, looseness=0.0)
    bottom = Garment("leggings", grey, hem=-1.95, waist=0.15, looseness=0.0)
    hair = Hair(color=palette.HAIR["dark brown"], volume=0.0)
    return Outfit(
        tone=5, skin=palette.reflectance(palette.MONK[4]), hair=hair, garments=(bottom, top)
    )


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

    `age`: years, None: an adult of any age. `gender`: 0 female .. 1 male, None: either; it shifts weights.
    `tones`: first and last step of the Monk scale, drawn uniformly. `warmth`: 0 winter .. 1 high summer, None: any.
    `garments`, `patterns`: the only ones to use (empty: all); `loose=False` leaves the body's own outline.
    `textures`: UV texture files; when given, one of them replaces the paint.

    Raises ValueError for an unknown garment or pattern, or a range of tones outside 1..10.
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

    hair = _hair(head, age, male, tone)
    face = _face(head, age, male, skin, hair)
    kinds = _choose_kinds(clothes, age, male, warm, set(garments or GARMENTS))
    worn = tuple(_cut(clothes, kind, loose) for kind in kinds)
    worn = _fit_together(clothes, worn)
    allowed = set(patterns or PATTERNS)
    worn = tuple(replace(g, fabric=_fabric(cloth, g.kind, skin, allowed, age)) for g in worn)
    if not loose:
        hair = replace(hair, volume=0.0)
    path = str(textures[int(texture.integers(len(textures)))]) if len(textures) else ""
    return Outfit(tone, skin, hair, face, worn, path, seed)


def _check(tones: tuple[int, int], garments: Sequence[str], patterns: Sequence[str]) -> None:
    if not (1 <= tones[0] <= tones[1] <= 10):
        raise ValueError(f"Monk skin tones are 1 to 10, not {tones[0]} to {tones[1]}")
    for word, given, known in (("garment", garments, GARMENTS), ("pattern", patterns, PATTERNS)):
        for name in given:
            if name not in known:
                raise ValueError(f"unknown {word} {name!r}; there are {', '.join(known)}")


def _between_tones(rng: np.random.Generator, tone: int, tones: tuple[int, int]) -> Color:
    """A colour near a step of the scale: people fill the gaps between its ten patches."""
    shift = float(rng.uniform(-0.5, 0.5))
    other = int(np.clip(tone + np.sign(shift), tones[0], tones[1]))
    return palette.blend(palette.MONK[tone - 1], palette.MONK[other - 1], abs(shift))


# --- hair and face --------------------------------------------------------------------------------------


def _hair(rng: np.random.Generator, age: float, male: float, tone: int) -> Hair:
    # style: (weight of a man, of a woman); men lose hair with age.
    loss = np.clip((age - 28) / 45, 0, 1)
    styles: Mapping[str, tuple[float, float]] = {
        "bald": (0.3 + 1.2 * loss, 0.03),
        "buzz": (1.2, 0.1),
        "short": (4.0, 1.0),
        "full": (1.6, 0.8),
        "receding": (2.2 * loss, 0.05 * loss),
        "ring": (1.6 * loss**2, 0.0),
        "bob": (0.3, 2.0),
        "long": (0.35, 3.2),
        "bun": (0.1, 1.4),
        "ponytail": (0.08, 1.4),
    }
    if age < 2:
        styles = {"buzz": (1, 1), "bald": (0.5, 0.5), "short": (1, 1)}
    names = tuple(styles)
    weights = np.array([male * m + (1 - male) * w for m, w in styles.values()])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    style: HairStyle = HAIR_STYLES[name]
    return Hair(
        style=name,
        color=_hair_color(rng, age, tone),
        recede=_draw(rng, style.recede),
        top=style.top,
        fall=_draw(rng, style.fall),
        volume=_draw(rng, style.volume),
        density=style.density,
    )


def _hair_color(rng: np.random.Generator, age: float, tone: int) -> Color:
    fair = np.clip((6.5 - tone) / 4, 0, 1)  # blond and red hair come with fair skin
    weights = {
        "black": 4.0 - 2.5 * fair,
        "dark brown": 3.0,
        "brown": 0.5 + 2.0 * fair,
        "light brown": 0.1 + 1.4 * fair,
        "blond": 0.03 + 1.2 * fair,
        "light blond": 0.01 + 0.5 * fair,
        "red": 0.02 + 0.3 * fair,
        "dyed": 0.12 if 12 < age < 70 else 0.0,
    }
    names, p = tuple(weights), np.array(tuple(weights.values()))
    color = palette.vary(rng, palette.HAIR[names[rng.choice(len(names), p=p / p.sum())]], 0.15)
    # Half of the hair is grey at 50 for many; some dye it.
    grey = float(np.clip((age - rng.normal(52, 9)) / 16, 0, 1)) * float(rng.random() < 0.8)
    return palette.blend(color, palette.HAIR["white" if age > 72 else "grey"], grey)


def _face(rng: np.random.Generator, age: float, male: float, skin: Color, hair: Hair) -> Face:
    flush = (min(skin[0] * 0.95 + 0.02, 0.9), skin[1] * 0.62, skin[2] * 0.62)
    lipstick = (
        float(rng.random() < 0.3 * (1 - male)) * float(age > 15) * float(rng.uniform(0.4, 1.0))
    )
    paint = palette.pick(rng, ("#a3202f", "#b5485a", "#7d2a35", "#c46a6a"))
    beard = (
        float(rng.random() < 0.45) * float(rng.choice([0.2, 0.45, 0.9]))
        if male > 0.5 and age > 19
        else 0.0
    )
    return Face(
        brows=palette.blend(hair.color, (0.01, 0.008, 0.006), 0.3),
        lips=palette.blend(flush, paint, lipstick),
        eyes=palette.EYES[_eye_index(rng, skin)],
        beard=beard,
        lipstick=lipstick,
    )


def _eye_index(rng: np.random.Generator, skin: Color) -> int:
    light = float(np.clip((skin[0] - 0.35) / 0.4, 0, 1))
    p = np.array([3.0, 2.5, 1.0 * light, 0.8 * light, 1.2 * light, 0.8 * light]) + 1e-3
    return int(rng.choice(len(p), p=p / p.sum()))


# --- clothes --------------------------------------------------------------------------------------------


def _choose_kinds(
    rng: np.random.Generator, age: float, male: float, warm: float, allowed: set[str]
) -> list[str]:
    """Kinds of a whole outfit, one a layer at most. `warm` 0 winter .. 1 high summer."""

    def choose(weights: Mapping[str, float]) -> str:
        return _weighted(
            rng, {kind: w for kind, w in weights.items() if not kind or kind in allowed}
        )

    cold = 1 - warm
    woman = (1 - male) * float(age > 2)
    top = choose(
        {
            "t-shirt": 3.5 + 4 * warm,
            "v-neck": 0.6,
            "tank top": 0.2 + 1.0 * warm * (0.4 + woman),
            "shirt": 2.0 * (age > 10),
            "short-sleeved shirt": 1.4 * warm,
            "sweater": 0.3 + 2.5 * cold,
            "hoodie": (0.3 + 1.8 * cold) * (age < 55),
            "long-sleeved top": 1.0 + 1.2 * cold,
            "dress": 1.8 * woman * (0.4 + warm),
        },
    )
    dress = top == "dress"
    bottom = ""
    if not dress:
        bottom = choose(
            {
                "jeans": 4.0,
                "trousers": 3.5,
                "joggers": 1.2,
                "shorts": 3.0 * warm**2 * (1.6 if age < 14 else 1.0),
                "skirt": 1.6 * woman * (0.5 + warm),
                "leggings": 1.5 * woman,
            },
        )
    outer = ""
    if rng.random() < 0.12 + 0.75 * cold:
        outer = choose(
            {
                "jacket": 3.0,
                "blazer": 1.3
                * (age > 17)
                * (top in ("shirt", "t-shirt", "v-neck", "dress", "long-sleeved top")),
                "coat": 2.2 * cold * (age > 3),
                "down jacket": 2.4 * cold,
                "cardigan": 0.6 + 0.6 * woman,
                "vest": 0.4,
            },
        )
    bare_legs = dress or bottom in ("skirt", "shorts")
    legs = ""
    if dress or bottom == "skirt":
        legs = choose({"tights": 0.2 + 0.6 * cold, "socks": 0.2, "": 0.6 * warm})
    else:
        legs = choose({"socks": 0.85, "": 0.15})
    shoes = choose(
        {
            "sneakers": 5.0,
            "shoes": 2.5 if age > 12 else 1.0,
            "boots": 0.3 + 1.5 * cold,
            "": 0.15 * bare_legs,
        },
    )
    hat = choose({"": 8.0, "beanie": 2.0 * cold, "cap": 0.9 + 0.5 * warm})
    return [kind for kind in (legs, bottom, top, outer, shoes, hat) if kind]


def _weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the keys, '' when no weight is left."""
    p = np.array([float(w) for w in weights.values()])
    if p.sum() <= 0:
        return ""
    return tuple(weights)[rng.choice(len(p), p=p / p.sum())]


def _cut(rng: np.random.Generator, name: str, loose: bool) -> Garment:
    kind: Kind = KINDS[name]
    return Garment(
        kind=name,
        hem=_draw(rng, kind.hem),
        waist=_draw(rng, kind.waist),
        sleeve=_draw(rng, kind.sleeve),
        neck=_draw(rng, kind.neck),
        opening=_draw(rng, kind.opening),
        depth=_draw(rng, kind.depth),
        slope=kind.slope,
        looseness=float(rng.beta(2.0, 2.0)) if loose else 0.0,
    )


def _fit_together(rng: np.random.Generator, worn: tuple[Garment, ...]) -> tuple[Garment, ...]:
    """Tuck some tops in, push up some sleeves, close some coats, and let trousers fall over the shoes."""
    layers = {g.layer: g for g in worn}
    top, bottom, outer = layers.get("top"), layers.get("bottom"), layers.get("outer")
    if top and bottom and not KINDS[top.kind].skirt and bottom.kind != "leggings":
        tucked = {"shirt": 0.4, "skirt": 0.5}.get(top.kind, 0.5 if bottom.kind == "skirt" else 0.1)
        if rng.random() < tucked:
            layers["top"] = top = replace(top, hem=bottom.waist)
    if top and top.kind in ("shirt", "sweater", "hoodie") and not outer and rng.random() < 0.25:
        layers["top"] = replace(top, sleeve=float(rng.uniform(0.55, 0.75)))
    if outer and (outer.opening < 0.012 or rng.random() < 0.3):
        layers["outer"] = replace(outer, opening=-NEVER)
    return tuple(layers[g.layer] for g in worn)


def _draw(rng: np.random.Generator, limits: Range) -> float:
    return float(limits[0] if limits[0] == limits[1] else rng.uniform(*limits))


def _fabric(
    rng: np.random.Generator, name: str, skin: Color, allowed: set[str], age: float
) -> Fabric:
    kind = KINDS[name]
    weights = {pattern: weight for pattern, weight in kind.patterns if pattern in allowed}
    if name == "jeans" and "melange" not in allowed:
        weights = {}
    pattern = _weighted(rng, weights) if weights else "plain"
    color = _garment_color(rng, name, age)
    color2, color3 = palette.cloth(rng), palette.cloth(rng)
    if pattern == "melange":
        color2 = palette.blend(color, (0.6, 0.6, 0.62), 0.16 if name == "jeans" else 0.2)
    if pattern in ("stripes", "checks") and name in ("trousers", "blazer", "coat", "jacket"):
        color2 = palette.blend(color, color2, 0.25)  # suiting is patterned quietly
    return Fabric(
        pattern=pattern,
        color=color,
        color2=color2,
        color3=color3,
        scale=float(np.exp(rng.uniform(*np.log(_SCALES.get(pattern, (0.04, 0.1)))))),
        angle=_angle(rng, pattern, name),
        roughness=_draw(rng, kind.roughness),
        weave=float(rng.uniform(0.05, 0.35)),
    )


_SCALES = {
    "stripes": (0.012, 0.09),
    "checks": (0.015, 0.08),
    "dots": (0.012, 0.05),
    "print": (0.03, 0.12),
    "floral": (0.02, 0.1),
}


def _angle(rng: np.random.Generator, pattern: str, name: str) -> float:
    if pattern == "stripes":
        upright = name in ("shirt", "trousers", "blazer") or rng.random() < 0.2
        return 90.0 if upright else 0.0
    return float(rng.choice([0.0, 0.0, 45.0])) if pattern in ("checks", "dots") else 0.0


def _garment_color(rng: np.random.Generator, name: str, age: float) -> Color:
    codes = {
        "jeans": palette.DENIM,
        "trousers": palette.TROUSERS,
        "leggings": palette.HOSIERY,
        "tights": palette.HOSIERY,
        "socks": palette.SOCKS,
        "shoes": palette.LEATHER,
        "boots": palette.LEATHER,
        "sneakers": palette.SNEAKER,
    }.get(name)
    if name in ("joggers", "shorts", "blazer", "coat") and rng.random() < 0.6:
        codes = palette.TROUSERS
    if codes is None or (
        age < 12 and name in ("sneakers", "trousers", "leggings") and rng.random() < 0.5
    ):
        return palette.cloth(rng)
    return palette.pick(rng, codes, 0.15)
