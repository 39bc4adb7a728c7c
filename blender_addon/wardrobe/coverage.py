"""Coverage of the body by each garment: inequalities on the body chart.

A *field* is positive where the garment lies, zero along its edges, and about the distance to the
nearest edge in reference metres. The same lines compute fields of numpy arrays here and fields of
shader nodes in the person material: pass `xp` = numpy or a node graph, which both have `minimum`
and `maximum`; all else is operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .chart import ARM_LENGTH, HEAD_UNIT, LEVEL_HEIGHT
from .garments import KINDS
from .outfit import Garment, Hair, Outfit
from .shapes import SHAPES

COLLAR_LEVEL = (
    0.93  # `level` of the notch between the collar bones: depths of necklines count from here
)
WIDEST_V = 0.085  # rm: no V is wider than the neck, or the garment would slip off the shoulders
OFF = 99.0  # a bound that nothing reaches


@dataclass(frozen=True)
class Cut:
    """The edges of a garment.

    Attributes:
        low, high: Levels.
        sleeve: Place on the arm.
        neck: Distance from the neckline, rm.
        opening: Half the width of the open front, rm; negative when closed.
        depth: Depth of the V below the collar, rm.
        slope: Half-width of the V by its height.
    """

    low: Any
    high: Any
    sleeve: Any
    neck: Any
    opening: Any
    depth: Any
    slope: Any


def cut_of(garment: Garment) -> Cut:
    """The edges of one garment of an outfit."""
    return Cut(
        garment.hem,
        garment.waist,
        garment.sleeve,
        garment.neck,
        garment.opening,
        garment.depth,
        garment.slope,
    )


def garment_field(xp: Any, c: Mapping[str, Any], cut: Cut) -> Any:
    """The field of a garment on torso and arms. `c` holds level, arm, neck, front and x (rm)."""
    field = band_field(xp, c, cut)
    field = xp.minimum(field, (cut.sleeve - c["arm"]) * ARM_LENGTH)
    field = xp.minimum(field, c["neck"] - cut.neck)
    return xp.minimum(field, front_field(xp, c, cut.opening, cut.depth, cut.slope))


def front_field(xp: Any, c: Mapping[str, Any], opening: Any, depth: Any, slope: Any) -> Any:
    """The field of all that lies beside the V and the open front of a garment, see Cut."""
    above_v = (c["level"] - COLLAR_LEVEL) * LEVEL_HEIGHT + depth
    half_width = xp.maximum(opening, xp.minimum(above_v * slope, WIDEST_V))
    return xp.maximum(abs(c["x"]) - half_width, -c["front"])


def band_field(xp: Any, c: Mapping[str, Any], cut: Cut) -> Any:
    """The field of a garment on hips and legs, between two levels."""
    return xp.minimum(c["level"] - cut.low, cut.high - c["level"]) * LEVEL_HEIGHT


def hair_field(xp: Any, c: Mapping[str, Any], recede: Any, top: Any, fall: Any) -> Any:
    """The field of the hair on the head.

    Args:
        xp: numpy or a node graph.
        c: The chart: scalp, ear, fall, level, head_y and head_z (head units).
        recede: Lift of the hairline in front, head units.
        top: Height above which the head is bald, head units.
        fall: Level down to which hair hangs.
    """
    front = xp.minimum(xp.maximum(c["head_z"] + 0.3, 0.0), 1.0)
    scalp = xp.minimum(c["scalp"] - front * recede, top - c["head_y"])
    scalp = xp.minimum(scalp, -c["ear"]) * HEAD_UNIT
    return xp.maximum(
        scalp, xp.minimum(curtain_field(xp, c, fall), (-0.3 - c["head_y"]) * HEAD_UNIT)
    )


def curtain_field(xp: Any, c: Mapping[str, Any], fall: Any) -> Any:
    """The field of long hair below the head, down to the level `fall`."""
    return xp.minimum(c["fall"], (c["level"] - fall) * LEVEL_HEIGHT)


def fields(chart: Mapping[str, np.ndarray], outfit: Outfit) -> dict[str, np.ndarray]:
    """(V,) rm: the field of each layer that `outfit` has, by garment_kind.LAYERS, hair and beard.
    The last garment of a layer counts.
    """
    c = numpy_chart(chart)
    out: dict[str, np.ndarray] = {}
    for garment in outfit.garments:
        out[garment.layer] = layer_field(c, garment)
    out["hair"] = hair_field(np, c, *hair_cut(outfit.hair))
    out["beard"] = np.asarray(c["beard"]) * HEAD_UNIT - (0.0 if outfit.face.beard > 0 else OFF)
    return out


def layer_field(c: Mapping[str, Any], garment: Garment) -> Any:
    """(V,) rm: the field of one garment of any layer."""
    if garment.layer == "shoes":
        return garment.hem - c["tread"]
    if garment.layer == "hat":
        return (c["hat"] - garment.hem) * HEAD_UNIT
    in_band = garment.layer in ("bottom", "socks")
    field = (band_field if in_band else garment_field)(np, c, cut_of(garment))
    shape = KINDS[garment.kind].shape if garment.kind in KINDS else ""
    return np.minimum(field, SHAPES[shape](c)) if shape else field


def coverage(
    chart: Mapping[str, np.ndarray], garment: Garment, softness: float = 0.0
) -> np.ndarray:
    """(V,) 1 where `garment` covers the body, else 0.

    With `softness` (rm) it rises smoothly to 1 over that distance inside the edge, so that a shell
    lifted by it meets the skin at the hem.
    """
    field = np.asarray(layer_field(numpy_chart(chart), garment))
    if softness <= 0:
        return (field > 0).astype(np.float32)
    t = np.clip(field / softness, 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def numpy_chart(chart: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The chart by the names that the field functions use."""
    head = chart["head"]
    return {**chart, "x": chart["position"][:, 0], "head_y": head[:, 1], "head_z": head[:, 2]}


def hair_cut(hair: Hair) -> tuple[float, float, float]:
    """(recede, top, fall) of `hair_field`."""
    return hair.recede, hair.top, hair.fall
