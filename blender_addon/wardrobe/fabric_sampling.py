"""Draws of cloth for garments that are meshes: weave, figure and colours to go with it.

Draws come from a stream of their own, which the outfit's seed begins, so that garments and painted
patterns stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..draws import log_uniform, pick
from . import palette
from .fabric_figures import FIGURES
from .fabric_images import PLAIN
from .garment_kind import PATTERNS
from .outfit import Fabric, Garment, Outfit
from .palette import Color

Weights = Mapping[str, float]

# The figures of a pattern, with weights. The first patterns can be painted, too.
FIGURES_OF: dict[str, Weights] = {
    "plain": {PLAIN: 1},
    "stripes": {"sailor": 3, "even": 2, "rugby": 1, "multi": 1.5, "pin": 1, "chest bands": 1},
    "checks": {
        "tartan": 2,
        "fine plaid": 2.5,
        "madras": 1,
        "window": 1.5,
        "buffalo": 1.5,
        "gingham": 2,
        "houndstooth": 0.6,
    },
    "dots": {"dots": 1, "small dots": 1.5},
    "print": {
        "number 7": 1,
        "number 23": 1,
        "number 86": 1,
        "slogan": 3,
        "brand": 3,
        "badge": 2.5,
        "poster": 2,
        "splash": 1,
    },
    "floral": {"flowers": 2, "ditsy": 2, "large bloom": 1, "leaves": 1.2, "paisley": 0.7},
    "melange": {"melange": 3, "marl": 1},
    "camouflage": {"woodland": 2, "digital": 1},
    "animal": {"leopard": 3, "zebra": 1, "snake": 1},
    "tie-dye": {"tie-dye": 1},
    "knitted": {"argyle": 1, "nordic": 1.5, "zigzag": 0.7},
    "geometric": {"triangles": 1, "zigzag": 1},
    "herringbone": {"herringbone": 2, "houndstooth": 1},
}
MESH_PATTERNS = tuple(name for name in FIGURES_OF if name not in PATTERNS)

_KNITS: Weights = {"knit": 3, "rib": 2, "cable": 1.5, "wool": 1.5, "jersey": 1}
_SHIRTING: Weights = {"smooth": 4, "linen": 1.5, "twill": 1.5, "canvas": 1, "denim": 0.6}
_TROUSERS: Weights = {"twill": 4, "wool": 1.5, "linen": 1, "corduroy": 1, "canvas": 1}
_TEE: Weights = {"jersey": 6, "rib": 0.6, "sport": 0.8}
_SWEAT: Weights = {"fleece": 2, "jersey": 3}
_SKIRTS: Weights = {
    "smooth": 3,
    "jersey": 2,
    "linen": 1.5,
    "twill": 1,
    "knit": 0.4,
    "velvet": 0.4,
    "leather": 0.3,
    "corduroy": 0.3,
}
_HOSIERY: Weights = {"smooth": 4, "jersey": 1}
_JACKETS: Weights = {
    "canvas": 3,
    "leather": 1.5,
    "denim": 1.2,
    "smooth": 2,
    "twill": 2,
    "quilted": 0.7,
    "corduroy": 0.5,
    "fleece": 0.6,
    "sherpa": 0.3,
}

_FLOWING: Weights = {"smooth": 4, "linen": 1}
_SWIM: Weights = {"smooth": 3, "rib": 1}
_WORK: Weights = {"twill": 3, "canvas": 2}
_HI_VIS: Weights = {"sport": 1, "smooth": 2, "canvas": 1}
_PADDED: Weights = {"puffer": 1}
_SUITS: Weights = {"wool": 4, "twill": 2, "smooth": 0.6}
_CHINOS: Weights = {"twill": 3, "canvas": 1}
_PARKAS: Weights = {"canvas": 3, "smooth": 2, "twill": 1}
_DENIM: Weights = {"denim": 1}

# What garments are made of.
CLOTHS: dict[str, Weights] = {
    **dict.fromkeys(("t-shirt", "v-neck", "tank top", "long-sleeved top", "crop top"), _TEE),
    "polo": {"sport": 3, "jersey": 1},
    **dict.fromkeys(("shirt", "short-sleeved shirt", "blouse"), _SHIRTING),
    **dict.fromkeys(("sweater", "cardigan", "turtleneck"), _KNITS),
    **dict.fromkeys(("hoodie", "sweatshirt"), _SWEAT),
    **dict.fromkeys(("dress", "skirt", "long dress", "mini skirt", "long skirt"), _SKIRTS),
    **dict.fromkeys(("abaya", "kaftan", "sari"), _FLOWING),
    **dict.fromkeys(("swimsuit", "bikini top", "bikini bottom"), _SWIM),
    "swim shorts": {"smooth": 3, "canvas": 1},
    **dict.fromkeys(("scrubs top", "scrubs trousers", "uniform shirt"), _WORK),
    **dict.fromkeys(("uniform trousers", "work overall", "jumpsuit"), _WORK),
    **dict.fromkeys(("apron", "lab coat"), _WORK),
    **dict.fromkeys(("hi-vis vest", "hi-vis jacket", "hi-vis trousers"), _HI_VIS),
    "jacket": _JACKETS,
    **dict.fromkeys(("hooded jacket", "parka"), _PARKAS),
    **dict.fromkeys(("denim jacket", "slim jeans"), _DENIM),
    "dungarees": {"denim": 3, "canvas": 1, "corduroy": 0.6},
    **dict.fromkeys(("puffer", "puffer vest"), _PADDED),
    **dict.fromkeys(("suit jacket", "suit trousers"), _SUITS),
    **dict.fromkeys(("chinos", "cargo shorts"), _CHINOS),
    "wide trousers": {"linen": 2, "twill": 2, "smooth": 1.5, "corduroy": 0.7},
    "blazer": {"wool": 4, "twill": 2, "linen": 1, "velvet": 0.4, "corduroy": 0.5},
    "coat": {"wool": 5, "twill": 2, "canvas": 1, "sherpa": 0.4, "smooth": 0.5},
    "down jacket": {"puffer": 5, "quilted": 1},
    "vest": {"puffer": 2, "quilted": 1.5, "knit": 1, "fleece": 1, "wool": 1, "canvas": 1},
    "jeans": {"denim": 1},
    "trousers": _TROUSERS,
    "joggers": {"fleece": 2, "jersey": 2, "smooth": 1, "sport": 0.5},
    "shorts": {"twill": 3, "denim": 2, "sport": 1.5, "linen": 1, "jersey": 1},
    **dict.fromkeys(("leggings", "tights"), _HOSIERY),
    "socks": {"rib": 1},
    "beanie": {"rib": 2, "knit": 2, "cable": 1},
    "cap": {"twill": 2, "canvas": 2, "corduroy": 0.4},
}
_OTHERS: Weights = {"jersey": 1, "twill": 1, "smooth": 1, "wool": 0.5}

# Patterns that plain garments have instead, by kind: (pattern, share).
_INSTEAD: dict[str, tuple[tuple[str, float], ...]] = {
    **dict.fromkeys(("t-shirt", "tank top", "v-neck"), (("tie-dye", 0.03), ("camouflage", 0.02))),
    **dict.fromkeys(
        ("hoodie", "sweatshirt"), (("tie-dye", 0.03), ("camouflage", 0.03), ("print", 0.15))
    ),
    **dict.fromkeys(("sweater", "cardigan", "turtleneck"), (("knitted", 0.10),)),
    **dict.fromkeys(
        ("dress", "long dress", "mini skirt", "long skirt", "kaftan", "swimsuit"),
        (("animal", 0.06), ("geometric", 0.06)),
    ),
    **dict.fromkeys(("shirt", "blouse"), (("animal", 0.02), ("geometric", 0.03))),
    "skirt": (("animal", 0.05), ("geometric", 0.05), ("checks", 0.08)),
    "leggings": (("animal", 0.03), ("geometric", 0.05), ("camouflage", 0.02)),
    **dict.fromkeys(("shorts", "joggers", "jacket", "vest"), (("camouflage", 0.05),)),
    **dict.fromkeys(("coat", "blazer"), (("herringbone", 0.15), ("checks", 0.05))),
    "trousers": (("camouflage", 0.02), ("herringbone", 0.03)),
}

_CAMOUFLAGE = (
    ("#6d6b4a", "#3b4229", "#4c3a28"),
    ("#8b8673", "#5a5c50", "#3a3b38"),
    ("#a8977a", "#7d6a4c", "#5a4a38"),
)
_NEUTRALS = ("#f0eee8", "#e6e0d2", "#15171c", "#1c2640", "#8d9094")
_NEUTRAL = 0.65  # share of figures whose second colour is one of those
_ANIMAL = {
    "leopard": ("#b98d55", "#1c1512", "#8a5a2c"),
    "zebra": ("#e6e2da", "#151413", "#151413"),
    "snake": ("#9a8d78", "#4a4238", "#2a2622"),
}


def cloth_of(fabric: Fabric) -> Fabric:
    """The fabric with what it leaves open: cloth, figure and its repeat that suit its pattern."""
    figure = fabric.figure or next(iter(FIGURES_OF.get(fabric.pattern, {PLAIN: 1})))
    cloth = fabric.cloth or "jersey"
    repeat = fabric.repeat
    if repeat <= 0.0:
        low, high = FIGURES[figure].size if figure != PLAIN else (0.2, 0.2)
        repeat = 0.5 * (low + high)
    return replace(fabric, cloth=cloth, figure=figure, repeat=repeat)


def with_cloth(outfit: Outfit, patterns: Sequence[str] = ()) -> Outfit:
    """The outfit with a weave and a figure for each garment.

    Args:
        outfit: What is worn; its seed begins the draws.
        patterns: Names of the only patterns to use; empty for all.
    """
    allowed = frozenset(patterns or FIGURES_OF)
    garments = []
    for garment in outfit.garments:
        kind = [ord(letter) for letter in garment.kind]
        rng = np.random.default_rng([int(outfit.seed * 2**32), 19, *kind])
        garments.append(replace(garment, fabric=_drawn(rng, garment, allowed)))
    return replace(outfit, garments=tuple(garments))


def _drawn(rng: np.random.Generator, garment: Garment, allowed: frozenset[str]) -> Fabric:
    fabric = garment.fabric
    change, which, size, colors = rng.spawn(4)
    pattern = _pattern(change, garment.kind, fabric.pattern, allowed)
    cloth = pick(which, CLOTHS.get(garment.kind, _OTHERS))
    figure = pick(which, FIGURES_OF[pattern])
    if cloth == "denim" and figure in (PLAIN, "melange", "marl"):
        figure = "wash"
    if figure in ("argyle", "nordic", "zigzag") and cloth not in ("jersey", "smooth"):
        cloth = "knit"
    low, high = FIGURES[figure].size if figure != PLAIN else (0.2, 0.2)
    repeat = log_uniform(size, low, high)
    fabric = _recoloured(colors, fabric, pattern, figure)
    return replace(
        fabric,
        pattern=pattern if pattern in PATTERNS else "plain",
        cloth=cloth,
        figure=figure,
        repeat=repeat,
        folds=float(size.uniform(0.5, 1.5)) * _LIMP.get(cloth, 1.0),
        roughness=_ROUGHNESS.get(cloth, fabric.roughness),
        weave=float(size.uniform(0.10, 0.22)),
    )


# Stiff cloth has shallow folds.
_LIMP = {"puffer": 0.15, "quilted": 0.25, "cable": 0.5, "knit": 0.6, "sherpa": 0.3, "leather": 1.2}
_ROUGHNESS = {"leather": 0.42, "smooth": 0.6, "puffer": 0.45, "velvet": 0.8}


def _pattern(rng: np.random.Generator, kind: str, pattern: str, allowed: frozenset[str]) -> str:
    """The pattern of a garment: the painted one, or one of those that only meshes have."""
    place = rng.random()
    if pattern == "plain" and pattern in allowed:
        for name, share in _INSTEAD.get(kind, ()):
            place -= share if name in allowed else 0.0
            if place < 0.0:
                return name
    if pattern in allowed or not allowed & set(MESH_PATTERNS):
        return pattern
    own = [name for name, _ in _INSTEAD.get(kind, ()) if name in allowed]
    return own[int(place * len(own))] if own else "plain"


def _recoloured(rng: np.random.Generator, fabric: Fabric, pattern: str, figure: str) -> Fabric:
    first, second, third = fabric.color, fabric.color2, fabric.color3
    if pattern == "camouflage":
        codes = _CAMOUFLAGE[int(rng.integers(len(_CAMOUFLAGE)))]
        first, second, third = (palette.vary(rng, palette.linear(code), 0.1) for code in codes)
    elif pattern == "animal":
        first, second, third = (palette.vary(rng, palette.linear(c), 0.1) for c in _ANIMAL[figure])
    elif figure == "wash":
        pale = palette.blend(first, (0.55, 0.60, 0.66), float(rng.uniform(0.05, 0.5)))
        second = third = pale
    elif pattern in ("stripes", "checks", "dots", "floral", "geometric", "knitted", "print"):
        if rng.random() < _NEUTRAL:
            code = _NEUTRALS[int(rng.integers(len(_NEUTRALS)))]
            second = palette.vary(rng, palette.linear(code), 0.1)
        second = _apart(rng, first, second)
        third = _apart(rng, second, third)
        if pattern in ("floral",):
            third = palette.blend(third, (0.06, 0.12, 0.05), float(rng.uniform(0.2, 0.8)))
    elif pattern == "herringbone":
        second = palette.blend(first, (0.45, 0.44, 0.42), float(rng.uniform(0.15, 0.4)))
    return replace(fabric, color=first, color2=second, color3=third)


def _apart(rng: np.random.Generator, from_: Color, color: Color) -> Color:
    """A colour that can be told from another: nearly white or black where it is too close."""
    if abs(sum(color) - sum(from_)) > 0.25 + 0.3 * min(sum(color), sum(from_)):
        return color
    code = "#eeece6" if sum(from_) < 0.9 else "#17191d"
    return palette.vary(rng, palette.linear(code), 0.1)
