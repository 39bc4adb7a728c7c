"""Inputs of the shader of a person: names of attributes, and an outfit as numbers. Pure."""

from __future__ import annotations

import math

from ..wardrobe.coverage import cut_of, hair_cut
from ..wardrobe.garment_kind import NEVER, PATTERNS
from ..wardrobe.garments import KINDS
from ..wardrobe.outfit import Garment, Outfit

PREFIX = "PII "

CLOTH = "cloth"  # on face corners: (around torso and legs, around the arm)

PATTERNED_LAYERS = ("bottom", "top", "outer")  # the others are of one colour

Four = tuple[float, float, float, float]


def outfit_properties(outfit: Outfit) -> dict[str, Four]:
    """The outfit as the shader reads it: four numbers by property name (without prefix).

    They are packed tightly, since each look-up in the shader walks through their list.
    """
    hair, face = outfit.hair, outfit.face
    recede, top, fall = hair_cut(hair)
    socks, shoes, hat = (outfit.worn(layer) for layer in ("socks", "shoes", "hat"))
    out = {
        "skin": (*outfit.skin, outfit.seed),
        "lips": (*face.lips, 0.55 + 0.4 * face.lipstick),
        "eyes": (*face.eyes, face.beard),
        "brows": (*face.brows, 0.8),
        "hair": (*hair.color, hair.density),
        "hair cut": (recede, top, fall, 0.0),
        "socks": (*socks.fabric.color, socks.waist) if socks else (0.0, 0.0, 0.0, -NEVER),
        "shoes": (*shoes.fabric.color, shoes.hem) if shoes else (0.0, 0.0, 0.0, -NEVER),
        "soles": (*KINDS[shoes.kind].sole, shoes.fabric.roughness)
        if shoes
        else (0.0, 0.0, 0.0, 0.0),
        "hat": (*hat.fabric.color, hat.hem) if hat else (0.0, 0.0, 0.0, NEVER),
    }
    for layer in PATTERNED_LAYERS:
        garment = outfit.worn(layer) or Garment("", hem=NEVER, waist=-NEVER)
        out.update({f"{layer} {key}": value for key, value in _garment_properties(garment).items()})
    return out


def _garment_properties(garment: Garment) -> dict[str, Four]:
    fabric, cut = garment.fabric, cut_of(garment)
    pattern = float(PATTERNS.index(fabric.pattern))
    return {
        "cut": (cut.low, cut.high, cut.sleeve, cut.neck),
        "front": (cut.opening, cut.depth, cut.slope, pattern),
        "color": (*fabric.color, fabric.weave),
        "color 2": (*fabric.color2, fabric.roughness),
        "color 3": (*fabric.color3, fabric.scale),
        "angle": (math.radians(fabric.angle),) * 4,
    }
