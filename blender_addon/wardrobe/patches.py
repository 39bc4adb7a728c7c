"""Pockets, bands and badges: second layers of cloth on a garment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .chart import ARM_LENGTH, LEVEL_HEIGHT
from .coverage import front_field
from .palette import Color
from .trims import CLOTH, Sewing, Trim
from .worn_part import PartSurface

Array = np.ndarray
Builder = Callable[[Sewing], Sequence[Trim]]

PLASTIC = PartSurface("plastic", roughness=0.4)
METAL = PartSurface("metal", roughness=0.35)
_GREY = (0.62, 0.63, 0.62)  # reflective tape by day


def shade(sewing: Sewing, light: float) -> Color:
    """The garment's colour, darker or lighter."""
    r, g, b = (min(0.9, max(0.004, light * x)) for x in sewing.garment.fabric.color)
    return r, g, b


def box(sewing: Sewing, x: float, level: float, half: tuple[float, float]) -> Array:
    """rm inside of a rectangle on one side of the body, seen from the front or the back."""
    up = (sewing.c["level"] - level) * LEVEL_HEIGHT
    return np.minimum(half[0] - np.abs(sewing.c["x"] - x), half[1] - np.abs(up))


def chest_pocket(sewing: Sewing) -> list[Trim]:
    where = np.minimum(box(sewing, 0.08, 0.62, (0.045, 0.055)), sewing.c["front"])
    return sewing.patch(where, 0.0025)


def back_pockets(sewing: Sewing) -> list[Trim]:
    x = np.abs(sewing.c["x"])
    up = (sewing.c["level"] + 0.02) * LEVEL_HEIGHT
    where = np.minimum(0.055 - np.abs(x - 0.085), 0.06 - np.abs(up) - 0.2 * np.abs(x - 0.085))
    return sewing.patch(np.minimum(where, -sewing.c["front"]), 0.0022)


def patch_pockets(sewing: Sewing) -> list[Trim]:
    """The two large pockets of a jacket or a coat."""
    x = np.abs(sewing.c["x"])
    up = (sewing.c["level"] - 0.13) * LEVEL_HEIGHT
    where = np.minimum(0.062 - np.abs(x - 0.105), 0.03 - np.abs(up))
    return sewing.patch(np.minimum(where, sewing.c["front"]), 0.004)


def pouch(sewing: Sewing) -> list[Trim]:
    """The pocket in front of a hoodie, with slanted sides."""
    up = (sewing.c["level"] - sewing.garment.hem) * LEVEL_HEIGHT - 0.13
    where = np.minimum(0.14 - np.abs(sewing.c["x"]) - 0.5 * np.maximum(up, 0), 0.075 - np.abs(up))
    return sewing.patch(np.minimum(where, sewing.c["front"]), 0.005)


def front_edges(sewing: Sewing) -> list[Trim]:
    """Bands along an open front."""
    garment, c = sewing.garment, sewing.c
    front = front_field(np, c, garment.opening, garment.depth, garment.slope)
    return sewing.patch(np.minimum(0.022 - front, c["front"] + 0.02), 0.003, beyond=0.003)


def reflective(sewing: Sewing) -> list[Trim]:
    """Two bands around the trunk, and one over each shoulder."""
    level, x = sewing.c["level"], np.abs(sewing.c["x"])
    around = 0.024 - np.abs(np.abs(level - 0.32) - 0.17) * LEVEL_HEIGHT
    over = np.minimum(0.024 - np.abs(x - 0.105), (level - 0.45) * LEVEL_HEIGHT)
    where = np.minimum(np.maximum(around, over), -sewing.c["arm"] * ARM_LENGTH)
    return sewing.patch(where, 0.002, (0.62, 0.63, 0.62), PLASTIC)


def side_stripes(sewing: Sewing) -> list[Trim]:
    """A stripe down the outer seam of trousers."""
    outside = 0.011 - np.abs(sewing.c["front"])
    outside = np.where(np.sin(sewing.c["leg_angle"]) > 0, outside, -1.0)
    return sewing.patch(outside, 0.0015, shade(sewing, 0.2) if sewing.seed < 0.5 else (0.7,) * 3)


def pockets(x: float, level: float, half: tuple[float, float], lift: float) -> Builder:
    """Two pockets, left and right, in front.

    Args:
        x: rm from the middle.
        level: Their middle.
        half: rm, half their width and height.
        lift: rm that they stand off.
    """

    def build(sewing: Sewing) -> list[Trim]:
        up = (sewing.c["level"] - level) * LEVEL_HEIGHT
        where = np.minimum(half[0] - np.abs(np.abs(sewing.c["x"]) - x), half[1] - np.abs(up))
        return sewing.patch(np.minimum(where, sewing.c["front"]), lift)

    return build


def middle_pocket(level: float, half: tuple[float, float]) -> Builder:
    """One pocket in the middle of the front, as of a bib."""

    def build(sewing: Sewing) -> list[Trim]:
        where = np.minimum(box(sewing, 0.0, level, half), sewing.c["front"])
        return sewing.patch(where, 0.003)

    return build


def thigh_pockets(sewing: Sewing) -> list[Trim]:
    """Pockets on the outside of both thighs."""
    c = sewing.c
    up = 0.085 - np.abs((c["level"] + 0.6) * LEVEL_HEIGHT)
    where = np.minimum(up, 0.07 - np.abs(c["front"]))
    return sewing.patch(np.where(np.sin(c["leg_angle"]) > 0.2, where, -1.0), 0.006)


def epaulettes(sewing: Sewing) -> list[Trim]:
    """Straps on the shoulders."""
    x = np.abs(sewing.c["x"])
    where = np.minimum(np.minimum(x - 0.085, 0.165 - x), 0.021 - np.abs(sewing.c["front"]))
    return sewing.patch(np.minimum(where, (sewing.c["level"] - 0.7) * LEVEL_HEIGHT), 0.004)


def badge(sewing: Sewing) -> list[Trim]:
    """A badge on the chest."""
    up = (sewing.c["level"] - 0.7) * LEVEL_HEIGHT
    where = 0.022 - np.hypot(sewing.c["x"] - 0.085, up)
    where = np.minimum(where, sewing.c["front"])
    gold = sewing.seed < 0.5
    return sewing.patch(where, 0.004, (0.55, 0.42, 0.12) if gold else (0.6, 0.6, 0.62), METAL)


def reflective_sleeves(sewing: Sewing) -> list[Trim]:
    """A band around each sleeve."""
    around = 0.024 - np.abs((sewing.c["arm"] - 0.45) * ARM_LENGTH)
    return sewing.patch(around, 0.002, _GREY, PLASTIC)


def reflective_legs(sewing: Sewing) -> list[Trim]:
    """Two bands around each leg."""
    around = 0.024 - np.abs(np.abs(sewing.c["level"] + 1.3) - 0.16) * LEVEL_HEIGHT
    return sewing.patch(around, 0.002, _GREY, PLASTIC)


def sash(sewing: Sewing) -> list[Trim]:
    """The end of a sari, from the left hip over the right breast and the left shoulder."""
    c = sewing.c
    up = (c["level"] - 0.4) * LEVEL_HEIGHT
    across = c["x"] * np.where(c["front"] > 0, 1.0, 0.6) - 0.05 - 0.35 * up
    where = np.minimum(0.085 - np.abs(across), -c["arm"] * ARM_LENGTH + 0.03)
    return sewing.patch(where, 0.006, sewing.garment.fabric.color2, CLOTH)
