"""Inputs of the shaders of cloth and skin that are meshes of their own, as numbers. Pure."""

from __future__ import annotations

import math

from ..wardrobe.fabric_figures import FIGURES
from ..wardrobe.fabric_images import PLAIN, tile_origin
from ..wardrobe.fabric_sampling import cloth_of
from ..wardrobe.fabric_weaves import WEAVES
from ..wardrobe.outfit import Complexion, Garment, Outfit
from .outfit_properties import Four

WOVEN_LAYERS = ("bottom", "top", "outer", "hat", "socks")
FOLD_SIZE = 0.55  # rm of the side of the tile of folds
FOLD_DEPTH = 0.010  # rm between its lowest and its highest place
_COARSE_FOLDS = 0.04  # rm


def fabric_properties(outfit: Outfit, pixel: float = 0.0) -> dict[str, Four]:
    """The cloth of each layer as the shader reads it: four numbers by property name.

    Args:
        outfit: The clothes.
        pixel: Size of a pixel at the person, m. Threads much finer than it are left out: without
            them an image has the same colours and less noise.
    """
    out: dict[str, Four] = {}
    for number, layer in enumerate(WOVEN_LAYERS):
        garment = outfit.worn(layer)
        if garment is not None:
            shift = math.modf(outfit.seed * (7.3 + 1.7 * number))[0]
            values = _garment_properties(garment, pixel, shift)
            out.update({f"{layer} {key}": value for key, value in values.items()})
    return out


def _garment_properties(garment: Garment, pixel: float, shift: float) -> dict[str, Four]:
    fabric = cloth_of(garment.fabric)
    weave = WEAVES[fabric.cloth]
    placed = fabric.figure != PLAIN and FIGURES[fabric.figure].placed
    angle = 0.0 if placed else math.radians(fabric.angle)
    per_tile = 1.0 / fabric.repeat
    cos, sin = math.cos(angle) * per_tile, math.sin(angle) * per_tile
    if placed:  # its middle lies on the chest
        move_u, move_v = 0.5, 0.5 - _CHEST * per_tile
    else:
        move_u, move_v = shift, shift * 3.7
    fine = seen_share(weave.coarse, pixel)
    folds = fabric.folds * seen_share(_COARSE_FOLDS, pixel)
    return {
        "color": (*fabric.color, fabric.weave),
        "u": (cos, sin, move_u, float(placed)),
        "v": (-sin, cos, move_v, shift),
        "figure": (*tile_origin(fabric.figure), weave.depth * fine, FOLD_DEPTH * folds),
        "weave": (*tile_origin(fabric.cloth), 1.0 / weave.size, fine),
    }


_CHEST = 0.66 * 0.44  # rm of the middle of a print above the hips


def seen_share(size: float, pixel: float) -> float:
    """The share of a texture that shows: 1 when its details are as large as a pixel, 0 when they
    are a quarter as large.
    """
    if pixel <= 0.0:
        return 1.0
    return min(max((size / pixel - 0.25) / 0.75, 0.0), 1.0)


def skin_properties(outfit: Outfit, pixel: float = 0.0) -> dict[str, Four]:
    """Skin, eyes and ink as the shader reads them: four numbers by property name.

    Args:
        outfit: Its complexion.
        pixel: Size of a pixel at the person, m.
    """
    skin, detail = outfit.skin, outfit.complexion if outfit.skin_detail else Complexion()
    dark = 1.0 - min(max((max(skin) - 0.05) / 0.4, 0.0), 1.0)
    # Blood takes green and blue away; in dark skin it is seen less, and melanin takes all alike.
    red = (
        skin[0] * (1.02 - 0.12 * dark),
        skin[1] * (0.62 + 0.18 * dark),
        skin[2] * (0.60 + 0.18 * dark),
    )
    spot = (skin[0] * 0.60, skin[1] * 0.42, skin[2] * 0.34)
    fine, small = seen_share(0.0012, pixel), seen_share(0.003, pixel)
    ink = detail.tattoo
    return {
        "blood": (*red, detail.blush),
        "spots": (*spot, detail.freckles * small),
        "marks": (detail.mottling, detail.wrinkles * small, detail.shadow, detail.stubble),
        "gloss": (detail.shine, detail.pores * fine * _PORES, 0.0, 0.0),
        "gaze": (*detail.gaze, 0.0, 0.0),
        "ink": (*(tile_origin(ink) if ink else (0.0, 0.0)), detail.tattoo_arm, float(bool(ink))),
    }


_PORES = 0.00012  # m
