"""Inputs of the shaders of cloth and skin that are meshes of their own, as numbers. Pure."""

from __future__ import annotations

import math

import numpy as np

from ..wardrobe.fabric_figures import FIGURES
from ..wardrobe.fabric_images import PLAIN, tile_origin
from ..wardrobe.fabric_sampling import cloth_of
from ..wardrobe.fabric_weaves import WEAVES
from ..wardrobe.outfit import Complexion, Garment, Outfit
from ..wardrobe.palette import Color
from .outfit_properties import Four

WOVEN_LAYERS = ("bottom", "top", "outer", "hat", "socks")
FOLD_SIZE = 0.55  # rm of the side of the tile of folds
FOLD_DEPTH = 0.020  # rm between its lowest and its highest place
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
    x, y = tile_origin(fabric.figure)
    roughness = max(fabric.roughness, 0.01)
    return {
        "color": (*fabric.color, float(fabric.figure != PLAIN)),
        "color 2": (*fabric.color2, float(placed)),
        "color 3": (*fabric.color3, 0.0),
        "u": (cos, sin, move_u, x),
        "v": (-sin, cos, move_v, y),
        "weave": (*tile_origin(fabric.cloth), 1.0 / weave.size, fabric.weave * fine * _CONTRAST),
        "relief": (
            weave.depth * fine,
            FOLD_DEPTH * folds,
            shift,
            roughness if pixel < BUMPY else -roughness,
        ),
    }


_CONTRAST = 6.0  # of the tile's shade, for each unit of Fabric.weave
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
    if not outfit.skin_detail:
        return _skin_properties(outfit.skin, Complexion(), 0.0)
    return _skin_properties(lifelike(outfit.skin), outfit.complexion, pixel)


# Share of red light that living skin reflects of green and blue, by its luminance.
_LUMINANCE = (0.03, 0.10, 0.20, 0.35, 0.55)
_GREEN, _BLUE = (0.66, 0.55, 0.53, 0.60, 0.68), (0.54, 0.41, 0.38, 0.45, 0.55)
_LIFELIKE = 0.65


def lifelike(skin: Color) -> Color:
    """A colour of the Monk scale with the hue of living skin.

    The scale's patches are nearly grey at its ends and yellow in its middle, and the lightest are
    as light as paper; blood makes skin redder, and even the lightest reflects less than half.
    """
    weights = np.array([0.2126, 0.7152, 0.0722])
    before = max(float(weights @ skin), 1e-4)
    light = min(before, 0.2) + 0.72 * max(before - 0.2, 0.0)
    shares = np.array([1.0, *(np.interp(light, _LUMINANCE, of) for of in (_GREEN, _BLUE))])
    living = shares * light / (weights @ shares)
    r, g, b = _LIFELIKE * living + (1 - _LIFELIKE) * np.asarray(skin) * light / before
    return float(r), float(g), float(b)


def _skin_properties(skin: Color, detail: Complexion, pixel: float) -> dict[str, Four]:
    dark = 1.0 - min(max((max(skin) - 0.05) / 0.4, 0.0), 1.0)
    # Blood takes green and blue away; in dark skin it is seen less, and melanin takes all alike.
    blood = (
        skin[0] * (1.02 - 0.12 * dark),
        skin[1] * (0.62 + 0.18 * dark),
        skin[2] * (0.60 + 0.18 * dark),
    )
    small, pores = seen_share(0.003, pixel), detail.pores * seen_share(0.0012, pixel) * _PORES
    ink = detail.tattoo
    return {
        "tone": (*skin, detail.blush),
        "blood": (*blood, detail.freckles * small),
        "marks": (detail.mottling, detail.wrinkles * small, detail.shadow, detail.stubble),
        "gloss": (detail.shine, pores, detail.tattoo_arm, float(pixel < BUMPY)),
        "gaze": (*detail.gaze, 0.0, 0.0),
        "ink": (*(tile_origin(ink) if ink else (0.0, 0.0)), 0.0, float(bool(ink))),
    }


BUMPY = 0.012  # m: where a pixel is larger, normals do not follow heights
_PORES = 0.00012  # m
