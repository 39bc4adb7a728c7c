"""The shape of clothes: distance of cloth, hair and shoes from the body, as offsets of its vertices
at rest.

SMPL+D (Alldieck et al., "Video Based Reconstruction of 3D People Models", CVPR 2018): a dressed
person is the body with every vertex moved a little before it is posed. It is cheap, never tears,
and is enough for thickness, looseness, folds, hair and shoes; a skirt is a compromise, see
`_skirt`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .chart import LEVEL_HEIGHT, REFERENCE_HEIGHT
from .coverage import hair_cut, hair_field, layer_field, numpy_chart
from .drape import LEGS, TRUNK, over_hollows
from .garment_kind import LAYERS
from .garments import KINDS
from .hair import HAIR_STYLES
from .outfit import Garment, Outfit
from .shoe_forms import below_feet

Array = np.ndarray

HEM = 0.012  # rm inside its edge a garment has its full thickness: about one row of vertices


def outfit_offsets(
    chart: Mapping[str, Array], outfit: Outfit, shaped: Array | None = None
) -> Array:
    """Offsets of an outfit from the body at rest, for BodyModel.pose; 0 on bare skin.

    A UV texture has no known edges: all offsets are 0.

    Args:
        chart: The body chart.
        outfit: The clothes.
        shaped: (V, 3) m, the person's own body at rest, to which cloth is cut and over which it
            drapes; None for the mean body.

    Returns:
        (V, 3) m.
    """
    if outfit.texture:
        return np.zeros(chart["normal"].shape, dtype=np.float32)
    c = numpy_chart(chart)
    scale = 1.0 if shaped is None else float(np.ptp(shaped[:, 1])) / REFERENCE_HEIGHT
    body = c["position"] if shaped is None else shaped / scale
    out = hair_offset(c, outfit)
    thickness, slack = np.zeros_like(c["level"]), np.zeros_like(c["level"])
    # 1 where cloth is drawn over hollows, and the share of the way that it hangs straight down.
    wrapped, legs_wrapped, trunk_hangs, legs_hang = np.zeros((4, *slack.shape), slack.dtype)
    folds = fold_noise(c, outfit.seed)
    for layer in LAYERS:
        garment = outfit.worn(layer)
        if garment is None:
            continue
        kind = KINDS[garment.kind]
        cover = rise(layer_field(c, garment), HEM)
        loose = garment.looseness
        if layer == "bottom":  # a waistband must not show through what is worn over it
            cover = cover * rise((garment.waist - c["level"]) * LEVEL_HEIGHT, 0.08)
        if kind.skirt and loose > 0:
            out += _skirt(c, cover, kind.slack * loose)
            # Between the legs there is no cloth to have a thickness.
            cover = cover * (
                1 - np.clip(-3 * np.sin(c["leg_angle"]), 0.0, 1.0) * rise(0.05 - c["level"], 0.35)
            )
        thickness += cover * kind.thickness * (0.4 + 0.6 * min(1.0, loose * 2))
        slack = np.maximum(slack, cover * c["room"] * kind.slack * loose * (1 + 0.35 * folds))
        if loose > 0:
            wrapped = np.maximum(wrapped, cover)
            legs_wrapped = legs_wrapped if kind.skirt else np.maximum(legs_wrapped, cover)
            trunk_hangs = np.maximum(trunk_hangs, cover * kind.drape * (0.35 + 0.65 * loose))
        if layer == "bottom" and not kind.skirt:
            legs_hang = np.maximum(legs_hang, cover * kind.drape * loose)
        if layer == "shoes":
            out += shoe_offset(c, cover)
        elif layer == "hat":
            out *= 1 - 0.8 * cover[:, None]  # presses the hair down
            if kind.brim and loose > 0:
                out += brim_offset(c, garment)
    out += wrapped[:, None] * c["fill"] + (thickness + slack)[:, None] * c["normal"]
    if wrapped.any():
        on_trunk = np.clip((c["level"] + 0.25) * 8, 0.0, 1.0)
        out += _over_hollows(
            body, c, "trunk", TRUNK, 0.07, on_trunk * wrapped, on_trunk * trunk_hangs
        )
        out += _over_hollows(
            body, c, "legs", LEGS, 0.028, (1 - on_trunk) * legs_wrapped, (1 - on_trunk) * legs_hang
        )
    # Nothing goes below the ground that the bare foot stands on.
    out[:, 1] = np.maximum(out[:, 1], -c["height"])
    if outfit.items:
        out[:, 1] -= below_feet(outfit.items, chart)
    return (out * scale).astype(np.float32)


def _over_hollows(
    body: Array,
    c: Mapping[str, Array],
    tube: str,
    ends: tuple[float, float, float],
    limit: float,
    wrapped: Array,
    hangs: Array,
) -> Array:
    direction, tight, hanging = over_hollows(body, c, tube, ends, limit)
    out = np.zeros((len(body), 3))
    out[:, [0, 2]] = direction * (wrapped * tight + hangs * hanging)[:, None]
    return out


def rise(field: Array, width: float) -> Array:
    """0 outside the edge, 1 from `width` inside it, smooth."""
    t = np.clip(field / width, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def fold_noise(c: Mapping[str, Array], seed: float) -> Array:
    """(V,) noise of about unit variance: another mixture of the chart's waves for every person."""
    turns = 2 * np.pi * np.array([seed, 3 * seed, 7 * seed, 11 * seed])
    return np.clip(c["folds"] @ (np.cos(turns) * [0.8, 0.7, 0.6, 0.4]), -2.0, 2.0)


def _skirt(c: Mapping[str, Array], cover: Array, flare: float) -> Array:
    """Below the hips, turn two legs into the two halves of an elliptical cylinder.

    The outer half of each leg goes to the ellipse, the inner half to the plane between the legs.
    Each half then follows its leg: closed while standing, split between the legs in a wide stride.
    """
    p, level = c["position"], c["level"]
    ellipse_x, ellipse_z, centre_z = c["skirt"].T
    wider = flare * np.clip(-level, 0.0, 2.0) * 1.2
    angle = c["leg_angle"]  # 0 in front, pi behind, negative on the inside of the leg
    outer = np.maximum(np.sin(angle), 0.0)
    side = np.where(p[:, 0] < 0, -1.0, 1.0)
    target_x = side * (ellipse_x + wider) * outer
    target_z = centre_z + (ellipse_z + wider) * np.cos(angle)
    blend = cover * rise(0.05 - level, 0.35)
    out = np.zeros_like(p)
    out[:, 0] = blend * (target_x - p[:, 0])
    out[:, 2] = blend * (target_z - p[:, 2])
    return out


def shoe_offset(c: Mapping[str, Array], cover: Array) -> Array:
    """A toe cap ahead of the toes and a flat sole."""
    ahead = np.clip((c["position"][:, 2] - 0.06) / 0.1, 0.0, 1.0)
    out = cover[:, None] * c["last"]
    out[:, 2] += cover * ahead * 0.008
    out[:, 1] -= cover * np.where(c["height"] < 0.015, c["height"], 0.0)
    return out


def hair_offset(c: Mapping[str, Array], outfit: Outfit) -> Array:
    hair = outfit.hair
    if hair.volume <= 0:
        return np.zeros_like(c["position"])
    field = hair_field(np, c, *hair_cut(hair))
    # Thinner at the hairline than on the crown.
    thick = rise(field, 0.07) * (0.3 + 0.7 * np.clip(c["head_y"] * 1.2 - 0.1, 0, 1))
    hanging = rise(np.minimum(c["fall"], (c["level"] - hair.fall) * LEVEL_HEIGHT), 0.03)
    hanging = hanging * np.clip(0.1 - 2 * c["head_y"], 0.0, 1.0)
    volume = hair.volume * np.maximum(thick, 0.4 * hanging) * (1 + 0.12 * c["folds"][:, 3])
    out = volume[:, None] * c["normal"] + hanging[:, None] * c["curtain"]
    if hair.style in HAIR_STYLES and HAIR_STYLES[hair.style].bun:
        out += 0.032 * np.exp(-((c["knot"] / 0.40) ** 4))[:, None] * c["normal"]
    return out


def brim_offset(c: Mapping[str, Array], garment: Garment) -> Array:
    """The peak of a cap: the row above its edge, drawn forwards."""
    above = c["hat"] - garment.hem
    front = np.clip(
        1.6 * c["head_z"] / np.hypot(c["head"][:, 0], np.maximum(c["head_z"], 1e-3)) - 0.6, 0.0, 1.0
    )
    row = np.exp(-(((above - 0.05) / 0.05) ** 2)) * (above > 0) * (c["head_z"] > 0)
    return (row * front)[:, None] * np.array([0.0, -0.012, 0.055])
