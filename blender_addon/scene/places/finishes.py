"""Draws of surfaces of rooms: wood, lacquer, cloth, plaster, floors."""

from __future__ import annotations

import numpy as np

from ...draws import pick
from ..colour import hsv
from ..spec import Color, SurfaceSpec

FLOORS = ("parquet", "tiles", "carpet", "concrete", "linoleum", "checks")


def wood(rng: np.random.Generator) -> SurfaceSpec:
    """Wood of furniture, from pale to nearly black."""
    tone, strong = float(rng.uniform(0.16, 0.8)), float(rng.uniform(0.25, 0.6))
    hue = float(rng.uniform(0.05, 0.1))
    return SurfaceSpec(
        "wood",
        hsv(hue, strong, tone),
        hsv(hue - 0.01, strong + 0.06, 0.75 * tone),
        float(rng.uniform(0.35, 0.7)),
        float(rng.uniform(0.3, 0.6)),
    )


def lacquer(
    rng: np.random.Generator, vivid: float = 0.3, second: Color | None = None
) -> SurfaceSpec:
    """Paint: mostly white and grey, a share `vivid` in colours."""
    if rng.random() < vivid:
        paint = hsv(rng.uniform(0, 1), rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.85))
    else:
        paint = hsv(rng.uniform(0.05, 0.6), rng.uniform(0, 0.12), rng.choice([0.9, 0.85, 0.5, 0.2]))
    other = second or hsv(rng.uniform(0.05, 0.12), rng.uniform(0, 0.5), rng.uniform(0.15, 0.9))
    return SurfaceSpec("plain", paint, other, 1.0, float(rng.uniform(0.2, 0.6)))


def furniture(rng: np.random.Generator, vivid: float = 0.15) -> SurfaceSpec:
    """Wood, or paint."""
    return wood(rng) if rng.random() < 0.6 else lacquer(rng, vivid)


def cloth(rng: np.random.Generator) -> SurfaceSpec:
    """Cloth of sofas and curtains: one colour, a weave, or now and then stripes."""
    hue, strong, tone = rng.uniform(0, 1), rng.uniform(0, 0.65), rng.uniform(0.12, 0.85)
    pattern = str(rng.choice(["noise", "plain", "stripes"], p=[0.55, 0.35, 0.1]))
    share = float(rng.uniform(0.5, 0.75) if pattern == "stripes" else rng.uniform(0.8, 0.95))
    scale = float(rng.uniform(4, 12) if pattern == "stripes" else rng.uniform(20, 70))
    return SurfaceSpec(pattern, hsv(hue, strong, tone), hsv(hue, strong, share * tone), scale, 0.95)


def plaster(rng: np.random.Generator, vivid: float = 0.35) -> SurfaceSpec:
    """Walls: white or pale, a share in colours, some papered, panelled, tiled or of bricks."""
    kind = str(
        rng.choice(
            ["plain", "noise", "stripes", "wood", "bricks", "tiles"],
            p=[0.55, 0.17, 0.08, 0.08, 0.07, 0.05],
        )
    )
    strong = rng.uniform(0.12, 0.55) if rng.random() < vivid else rng.uniform(0, 0.1)
    tone = rng.uniform(0.6, 0.95) if rng.random() < 0.8 else rng.uniform(0.2, 0.55)
    hue = float(rng.choice([rng.uniform(0.06, 0.16), rng.uniform(0, 1)]))
    share = {"plain": 0.9, "noise": 0.96, "stripes": 0.92, "tiles": 0.7}.get(kind, 0.75)
    if kind in ("wood", "bricks"):
        hue, strong = rng.uniform(0.02, 0.09), rng.uniform(0.2, 0.55)
        tone = rng.uniform(0.25, 0.75)
    scale = {
        "plain": 1.0,
        "noise": rng.uniform(0.6, 14),
        "stripes": rng.uniform(3, 9),
        "wood": rng.uniform(1.5, 4),
        "bricks": rng.uniform(2, 3.5),
        "tiles": rng.uniform(4, 8),
    }[kind]
    return SurfaceSpec(
        kind, hsv(hue, strong, tone), hsv(hue, strong, share * tone), float(scale),
        float(rng.uniform(0.5, 0.95)),
    )  # fmt: skip


def floor(rng: np.random.Generator, **weights: float) -> SurfaceSpec:
    """Draw the floor of a room, one of FLOORS by its weight.

    Raises:
        ValueError: A weight of no floor.
    """
    unknown = sorted(set(weights) - set(FLOORS))
    if unknown:
        raise ValueError(f"no floor {unknown[0]!r}; there are: {', '.join(FLOORS)}")
    kind = pick(rng, weights)
    if kind == "parquet":
        tone, strong = rng.uniform(0.25, 0.75), rng.uniform(0.3, 0.6)
        return SurfaceSpec(
            "wood", hsv(0.08, strong, tone), hsv(0.075, strong + 0.05, 0.82 * tone),
            float(rng.uniform(1.2, 5.0)), float(rng.uniform(0.2, 0.5)),
        )  # fmt: skip
    if kind == "carpet":
        hue, strong, tone = rng.uniform(0, 1), rng.uniform(0, 0.4), rng.uniform(0.2, 0.7)
        return SurfaceSpec(
            "noise", hsv(hue, strong, tone), hsv(hue, strong, 0.8 * tone),
            float(rng.uniform(15, 60)), 1.0,
        )  # fmt: skip
    hue, strong = rng.uniform(0.05, 0.15), rng.uniform(0, 0.2)
    tone = rng.uniform(0.3, 0.85)
    if kind in ("tiles", "checks"):
        other = 0.7 if kind == "tiles" else rng.uniform(0.2, 0.7)
        return SurfaceSpec(
            kind, hsv(hue, strong, tone), hsv(hue, strong, other * tone),
            float(rng.uniform(1.5, 4.0)), float(rng.uniform(0.1, 0.5)),
        )  # fmt: skip
    rough = rng.uniform(0.15, 0.45) if kind == "linoleum" else rng.uniform(0.5, 0.9)
    return SurfaceSpec(
        "noise", hsv(hue, strong, tone), hsv(hue, strong, 0.88 * tone),
        float(rng.uniform(1, 25)), float(rough),
    )  # fmt: skip
