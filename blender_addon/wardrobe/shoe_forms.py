"""The kinds of shoes, and how far they put the feet above the ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .outfit import Item
from .solids import CLOTH, LEATHER
from .worn_part import PartSurface

Array = np.ndarray


@dataclass(frozen=True)
class Form:
    """The shape of a kind of shoe; lengths are rm.

    Attributes:
        sole: Thickness of the sole.
        rim: How far up the sole's rim reaches on the upper.
        welt: How far the rim stands out.
        toe: Roundness of the tip: 2 is an ellipse, more is square, less is pointed.
        ahead: Room ahead of the toes.
        collar: Height of the collar above the heel's bottom in front, at the sides and behind.
        throat: Share of the way to the toes that the collar lies further in front.
        shaft: Height of the upper edge; 0 without a shaft.
        loose: How far the shaft stands off the leg.
        heel: How far the heel is lifted above the ball of the foot.
        block: Half the width of the lower end of a heel, as a share of the upper end's; 0: none.
        arch: How far the sole is hollow below the arch.
        laces: Number of laces.
        cap: Whether tip and heel have the second colour.
        surface: Material.
    """

    sole: float = 0.012
    rim: float = 0.012
    welt: float = 0.004
    toe: float = 2.3
    ahead: float = 0.008
    collar: tuple[float, float, float] = (0.098, 0.062, 0.078)
    throat: float = 0.0
    shaft: float = 0.0
    loose: float = 0.006
    heel: float = 0.0
    block: float = 0.0
    arch: float = 0.0
    laces: int = 0
    cap: bool = False
    surface: PartSurface = LEATHER


FORMS: Mapping[str, Form] = {
    "sneaker": Form(
        sole=0.016, rim=0.014, welt=0.005, toe=2.4, laces=5, cap=True, surface=CLOTH
    ),
    "high-top": Form(
        sole=0.016, rim=0.014, collar=(0.105, 0.09, 0.1), shaft=0.13, laces=7, cap=True,
        surface=CLOTH,
    ),
    "leather shoe": Form(
        sole=0.012, rim=0.004, welt=0.006, toe=2.1, ahead=0.014, collar=(0.096, 0.058, 0.07),
        arch=0.009, laces=4,
    ),
    "loafer": Form(
        sole=0.012, rim=0.004, toe=2.2, ahead=0.01, collar=(0.082, 0.054, 0.066), throat=0.18,
        arch=0.009, cap=True,
    ),
    "boot": Form(
        sole=0.02, rim=0.006, welt=0.006, collar=(0.115, 0.1, 0.1), shaft=0.16, arch=0.012, laces=6
    ),
    "tall boot": Form(
        sole=0.016, rim=0.004, toe=2.1, collar=(0.115, 0.1, 0.1), shaft=0.36, loose=0.01,
        arch=0.012,
    ),
    "rubber boot": Form(
        sole=0.018, rim=0.008, toe=2.6, collar=(0.12, 0.105, 0.1), shaft=0.3, loose=0.018,
        arch=0.008,
    ),
    "pump": Form(
        sole=0.008, rim=0.002, welt=0.001, toe=1.9, ahead=0.012, collar=(0.04, 0.05, 0.062),
        throat=0.95, heel=0.045, block=0.45,
    ),
    "ballet flat": Form(
        sole=0.007, rim=0.002, welt=0.002, toe=2.3, collar=(0.04, 0.045, 0.056), throat=0.9
    ),
    "slipper": Form(
        sole=0.014, rim=0.004, toe=2.6, collar=(0.07, 0.05, 0.03), throat=0.4, surface=CLOTH
    ),
    "sandal": Form(sole=0.016, rim=0.008, welt=0.006, toe=2.6, ahead=0.006),
    "flip-flop": Form(sole=0.014, rim=0.007, welt=0.006, toe=2.8, ahead=0.006),
}  # fmt: skip

# Straps over the foot: (share of the foot's length from the heel, its tilt towards the toes,
# width in rm).
STRAPS: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "sandal": ((0.72, 0.15, 0.028), (0.5, 0.5, 0.022)),
    "flip-flop": (),
}


def below_feet(items: Sequence[Item], chart: Mapping[str, Array]) -> Array:
    """(V,) rm that the shoes among `items` put below the soles of the bare feet, 0 elsewhere: a
    person stands on the lowest point.
    """
    thick = max((FORMS[item.kind].sole for item in items if item.kind in FORMS), default=0.0)
    down = np.where(np.asarray(chart["height"]) < 0.015, thick, 0.0)
    heels = lowered(items, chart)
    return down if heels is None else down + heels


def lowered(items: Sequence[Item], chart: Mapping[str, Array]) -> Array | None:
    """(V,) rm that the feet reach further down in front, in shoes with a heel; None for flat ones.

    Stretching the foot at rest stands for a turn of ankle and toes, which poses know nothing of.
    """
    heel = max((FORMS[item.kind].heel for item in items if item.kind in FORMS), default=0.0)
    if heel == 0.0:
        return None
    z, height = np.asarray(chart["position"])[:, 2], np.asarray(chart["height"])
    foot = height < 0.11
    ahead = np.clip((z - 0.03) / 0.13, 0.0, 1.0)
    return np.where(foot, heel * ahead * np.clip((0.11 - height) / 0.05, 0, 1), 0.0)
