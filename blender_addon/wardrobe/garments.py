"""The kinds of garment and of hair: how far each reaches, how thick it is, and how far it stands off the body.

Edges are given as ranges that `outfit.sample_outfit` draws from; see `chart` for levels and `coverage` for
what the other edges mean. Slack and thickness are reference metres, see `chart`.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]

LAYERS = (
    "socks",
    "bottom",
    "top",
    "outer",
    "shoes",
    "hat",
)  # from the skin outwards; shoes cover trousers

PATTERNS = ("plain", "stripes", "checks", "dots", "print", "floral", "melange")

NEVER = 99.0


@dataclass(frozen=True)
class Kind:
    """What garments of one kind have in common.

    `hem` and `waist`: levels of the lower and upper edge (of shoes, `hem` is the height of the shaft, rm; of hats,
    how far up from the usual line they sit, head units; of socks, `waist` is where they end). `sleeve`: on the arm,
    0 shoulder .. 1 wrist. `neck`: rm off the neckline. `opening`: half-width of an open front, rm, negative when
    closed; `depth`: of the V, rm, negative when none; `slope` of its sides. `thickness`: rm; `slack`: how far the
    loosest of its kind stands off the body; `drape`: share of the way across the hollows below chest and thighs
    that it hangs. `skirt`: spans the gap between the legs. `roughness` of its cloth. `patterns`: what is made of
    it, with weights.
    """

    layer: str
    hem: Range
    waist: Range = (NEVER, NEVER)
    sleeve: Range = (-NEVER, -NEVER)
    neck: Range = (-NEVER, -NEVER)
    opening: Range = (-NEVER, -NEVER)
    depth: Range = (-NEVER, -NEVER)
    slope: float = 0.5
    thickness: float = 0.003
    slack: float = 0.0
    drape: float = 0.0
    skirt: bool = False
    roughness: Range = (0.75, 0.95)
    patterns: tuple[tuple[str, float], ...] = (("plain", 1.0),)


_EVERY = (
    ("plain", 6),
    ("stripes", 1.5),
    ("checks", 0.7),
    ("dots", 0.4),
    ("print", 1.5),
    ("floral", 0.5),
    ("melange", 1),
)
_SHIRT = (("plain", 5), ("stripes", 2), ("checks", 3), ("dots", 0.5), ("floral", 0.5))
_KNIT = (("plain", 5), ("stripes", 1.2), ("melange", 2), ("print", 0.7))
_DRESS = (("plain", 4), ("stripes", 1), ("dots", 1.2), ("checks", 0.6), ("floral", 2.5))
_SUITING = (("plain", 8), ("stripes", 0.5), ("checks", 0.7), ("melange", 1.5))
_FAR = -NEVER

KINDS: dict[str, Kind] = {
    # torso
    "t-shirt": Kind(
        "top",
        hem=(-0.02, 0.14),
        sleeve=(0.22, 0.46),
        neck=(0.0, 0.015),
        slack=0.014,
        drape=0.6,
        patterns=_EVERY,
    ),
    "v-neck": Kind(
        "top",
        hem=(-0.02, 0.14),
        sleeve=(0.2, 0.44),
        neck=(0.005, 0.015),
        depth=(0.05, 0.11),
        slack=0.012,
        drape=0.5,
        patterns=_KNIT,
    ),
    "tank top": Kind(
        "top",
        hem=(0.0, 0.16),
        sleeve=(-0.11, -0.07),
        neck=(0.015, 0.03),
        depth=(0.02, 0.06),
        slope=1.0,
        slack=0.008,
        drape=0.4,
        patterns=_EVERY,
    ),
    "shirt": Kind(
        "top",
        hem=(-0.1, 0.1),
        sleeve=(0.92, 1.0),
        neck=(-0.045, -0.025),
        depth=(0.02, 0.07),
        slope=0.45,
        slack=0.016,
        drape=0.7,
        patterns=_SHIRT,
    ),
    "short-sleeved shirt": Kind(
        "top",
        hem=(-0.05, 0.1),
        sleeve=(0.3, 0.48),
        neck=(-0.045, -0.025),
        depth=(0.03, 0.09),
        slope=0.45,
        slack=0.018,
        drape=0.8,
        patterns=_SHIRT,
    ),
    "sweater": Kind(
        "top",
        hem=(-0.04, 0.1),
        sleeve=(0.94, 1.02),
        neck=(-0.05, 0.005),
        thickness=0.006,
        slack=0.022,
        drape=0.6,
        patterns=_KNIT,
        roughness=(0.9, 1.0),
    ),
    "hoodie": Kind(
        "top",
        hem=(-0.06, 0.06),
        sleeve=(0.95, 1.02),
        neck=(-0.03, -0.01),
        thickness=0.009,
        slack=0.028,
        drape=0.75,
        patterns=_KNIT,
        roughness=(0.85, 1.0),
    ),
    "long-sleeved top": Kind(
        "top",
        hem=(0.0, 0.14),
        sleeve=(0.6, 1.0),
        neck=(-0.005, 0.03),
        slack=0.008,
        drape=0.3,
        patterns=_EVERY,
    ),
    "dress": Kind(
        "top",
        hem=(-1.4, -0.55),
        sleeve=(-0.1, 0.4),
        neck=(0.01, 0.035),
        depth=(-0.1, 0.09),
        slope=0.7,
        slack=0.03,
        drape=0.35,
        skirt=True,
        patterns=_DRESS,
    ),
    # over it
    "jacket": Kind(
        "outer",
        hem=(-0.18, 0.08),
        sleeve=(0.95, 1.03),
        neck=(-0.035, -0.015),
        opening=(-0.02, 0.075),
        depth=(-0.05, 0.3),
        slope=0.42,
        thickness=0.012,
        slack=0.024,
        drape=0.9,
        patterns=_SUITING,
        roughness=(0.45, 0.9),
    ),
    "blazer": Kind(
        "outer",
        hem=(-0.3, -0.15),
        sleeve=(0.95, 1.0),
        neck=(-0.02, 0.0),
        opening=(-0.02, 0.05),
        depth=(0.18, 0.32),
        slope=0.38,
        thickness=0.010,
        slack=0.018,
        drape=0.7,
        patterns=_SUITING,
    ),
    "coat": Kind(
        "outer",
        hem=(-1.2, -0.5),
        sleeve=(0.98, 1.04),
        neck=(-0.045, -0.015),
        opening=(-0.02, 0.07),
        depth=(0.0, 0.25),
        slope=0.4,
        thickness=0.016,
        slack=0.03,
        drape=1.0,
        skirt=True,
        patterns=_SUITING,
        roughness=(0.6, 0.95),
    ),
    "down jacket": Kind(
        "outer",
        hem=(-0.1, 0.06),
        sleeve=(0.98, 1.03),
        neck=(-0.075, -0.04),
        opening=(-0.02, 0.03),
        thickness=0.028,
        slack=0.02,
        drape=0.7,
        roughness=(0.3, 0.6),
    ),
    "cardigan": Kind(
        "outer",
        hem=(-0.2, 0.06),
        sleeve=(0.9, 1.0),
        neck=(0.0, 0.015),
        opening=(0.0, 0.08),
        depth=(0.1, 0.25),
        slope=0.35,
        thickness=0.006,
        slack=0.018,
        drape=0.7,
        patterns=_KNIT,
        roughness=(0.9, 1.0),
    ),
    "vest": Kind(
        "outer",
        hem=(-0.05, 0.08),
        sleeve=(-0.05, -0.02),
        neck=(-0.03, 0.0),
        opening=(-0.02, 0.06),
        depth=(0.0, 0.2),
        slope=0.4,
        thickness=0.012,
        slack=0.014,
        drape=0.8,
        patterns=(("plain", 1.0),),
    ),
    # hips and legs
    "trousers": Kind(
        "bottom", hem=(-2.08, -1.98), waist=(0.12, 0.24), slack=0.02, drape=0.7, patterns=_SUITING
    ),
    "jeans": Kind(
        "bottom",
        hem=(-2.06, -1.93),
        waist=(0.1, 0.2),
        thickness=0.005,
        slack=0.014,
        drape=0.5,
        patterns=(("melange", 1.0),),
    ),
    "leggings": Kind(
        "bottom",
        hem=(-2.0, -1.4),
        waist=(0.14, 0.24),
        thickness=0.0015,
        slack=0.001,
        patterns=(("plain", 8), ("floral", 0.5)),
        roughness=(0.5, 0.8),
    ),
    "joggers": Kind(
        "bottom",
        hem=(-2.0, -1.9),
        waist=(0.12, 0.2),
        thickness=0.006,
        slack=0.028,
        drape=0.8,
        patterns=(("plain", 4), ("melange", 2)),
    ),
    "shorts": Kind(
        "bottom",
        hem=(-1.02, -0.5),
        waist=(0.1, 0.2),
        slack=0.024,
        drape=0.9,
        patterns=(("plain", 6), ("checks", 1), ("floral", 0.6), ("melange", 1)),
    ),
    "skirt": Kind(
        "bottom",
        hem=(-1.5, -0.5),
        waist=(0.14, 0.3),
        slack=0.03,
        drape=0.3,
        skirt=True,
        patterns=_DRESS,
    ),
    # feet and head
    "socks": Kind("socks", hem=(_FAR, _FAR), waist=(-1.9, -1.55), thickness=0.002),
    "tights": Kind(
        "socks", hem=(_FAR, _FAR), waist=(0.2, 0.2), thickness=0.0008, roughness=(0.5, 0.7)
    ),
    "shoes": Kind("shoes", hem=(0.062, 0.08), thickness=0.004, roughness=(0.3, 0.7)),
    "sneakers": Kind("shoes", hem=(0.065, 0.085), thickness=0.006, roughness=(0.5, 0.85)),
    "boots": Kind("shoes", hem=(0.14, 0.3), thickness=0.008, roughness=(0.3, 0.75)),
    "beanie": Kind(
        "hat", hem=(-0.1, 0.05), thickness=0.008, slack=0.012, patterns=_KNIT, roughness=(0.9, 1.0)
    ),
    "cap": Kind("hat", hem=(0.0, 0.08), thickness=0.006, slack=0.008),
}


@dataclass(frozen=True)
class HairStyle:
    """`recede`: how far the hairline lies above the usual one in front; `top`: above which height the head is
    bald (both head units); `fall`: the level down to which hair hangs; `volume`: rm of hair over the scalp;
    `density`: how much of the skin it hides."""

    recede: Range = (-0.06, 0.06)
    top: float = NEVER
    fall: Range = (NEVER, NEVER)
    volume: Range = (0.008, 0.016)
    density: float = 1.0
    bun: bool = False


HAIR_STYLES: dict[str, HairStyle] = {
    "bald": HairStyle(top=-NEVER, volume=(0.0, 0.0)),
    "buzz": HairStyle(volume=(0.002, 0.003), density=0.7),
    "short": HairStyle(volume=(0.010, 0.020)),
    "full": HairStyle(volume=(0.022, 0.036)),
    "receding": HairStyle(recede=(0.22, 0.5), volume=(0.005, 0.012)),
    "ring": HairStyle(top=0.28, volume=(0.006, 0.012)),
    "bob": HairStyle(fall=(0.98, 1.08), volume=(0.016, 0.028)),
    "long": HairStyle(fall=(0.62, 0.92), volume=(0.014, 0.026)),
    "bun": HairStyle(volume=(0.006, 0.012), bun=True),
    "ponytail": HairStyle(recede=(-0.04, 0.04), volume=(0.006, 0.012), bun=True),
}
