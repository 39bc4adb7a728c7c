"""Draws of surfaces and colours, of things, grounds, walls and lamps; stage.surfaces shows them."""

from __future__ import annotations

import numpy as np

from ..draws import log_uniform
from ..props.catalogue import OCCLUDERS
from ..props.companions import COMPANIONS
from .colour import hsv
from .spec import Color, SurfaceSpec

GROUND_PATTERNS_OUTDOORS = ("asphalt", "tiles", "grass", "noise", "bricks")
GROUND_PATTERNS_INDOORS = ("wood", "tiles", "plain", "noise", "checks")
WALL_PATTERNS = ("plain", "plain", "noise", "bricks", "stripes", "wood", "tiles")


def sample_surface(shape: str, rng: np.random.Generator) -> SurfaceSpec:
    """Draw the surface of a thing of this shape."""
    if shape in COMPANIONS:
        color = sample_color(rng)
        return SurfaceSpec("plain", color, sample_color(rng), 1.0, float(rng.uniform(0.25, 0.6)))
    if shape == "dog":
        hue, tone = rng.uniform(0.04, 0.11), rng.choice([0.05, 0.2, 0.4, 0.8]) * rng.uniform(0.7, 1)
        fur = hsv(hue, rng.uniform(0.1, 0.6), tone)
        return SurfaceSpec("noise", fur, hsv(hue, 0.4, 0.7 * tone), 6.0, 0.9)
    family = OCCLUDERS[shape].colors if shape in OCCLUDERS else "any"
    if family == "plant":
        hue, dark = rng.uniform(0.2, 0.38), rng.uniform(0.15, 0.45)
        return SurfaceSpec("noise", hsv(hue, 0.7, dark), hsv(hue + 0.04, 0.6, dark * 1.6), 8.0, 0.8)
    if family == "wood" and rng.random() < 0.7:
        tone = rng.uniform(0.2, 0.8)
        return SurfaceSpec(
            "wood", hsv(0.08, 0.6, tone), hsv(0.07, 0.65, tone * 0.7), rng.uniform(2, 8), 0.6
        )
    if family == "metal" and rng.random() < 0.7:
        tone = rng.uniform(0.1, 0.7)
        return SurfaceSpec(
            "plain", hsv(0.6, 0.08, tone), hsv(0.6, 0.08, tone), 1.0, rng.uniform(0.25, 0.6), 0.8
        )
    pattern = str(
        rng.choice(["plain", "plain", "plain", "noise", "stripes", "checks", "tiles", "bricks"])
    )
    return SurfaceSpec(
        pattern,
        sample_color(rng),
        sample_color(rng),
        log_uniform(rng, 1.5, 15),
        float(rng.uniform(0.25, 0.95)),
    )


def sample_ground(rng: np.random.Generator, *, indoors: bool) -> SurfaceSpec:
    """Draw the surface of a floor or street."""
    pattern = str(rng.choice(GROUND_PATTERNS_INDOORS if indoors else GROUND_PATTERNS_OUTDOORS))
    tone = rng.uniform(0.25, 0.7)
    if pattern == "grass":
        color, color2 = hsv(0.26, 0.6, tone * 0.7), hsv(0.3, 0.65, tone * 0.45)
    elif pattern == "wood":
        color, color2 = hsv(0.08, 0.55, tone), hsv(0.07, 0.6, tone * 0.7)
    elif pattern == "asphalt":
        color, color2 = hsv(0.6, 0.05, tone * 0.7), hsv(0.6, 0.05, tone * 0.5)
    else:
        hue, saturation = rng.uniform(0, 1), rng.uniform(0, 0.25)
        color, color2 = (
            hsv(hue, saturation, tone),
            hsv(hue, saturation, tone * rng.uniform(0.6, 0.95)),
        )
    scale = {"grass": 6.0, "asphalt": 8.0, "noise": 3.0}.get(pattern, float(rng.uniform(0.8, 4.0)))
    return SurfaceSpec(pattern, color, color2, scale, float(rng.uniform(0.5, 1.0)))


def sample_wall(rng: np.random.Generator) -> SurfaceSpec:
    """Draw the surface of a wall: mostly pale, sometimes not."""
    pattern = str(rng.choice(WALL_PATTERNS))
    hue, saturation = rng.uniform(0, 1), rng.uniform(0, 0.35)
    tone = rng.uniform(0.45, 0.95) if rng.random() < 0.75 else rng.uniform(0.1, 0.5)
    second = tone * rng.uniform(0.75, 1.0)
    scale = float(rng.uniform(1.0, 5.0))
    return SurfaceSpec(
        pattern, hsv(hue, saturation, tone), hsv(hue, saturation, second), scale, 0.85
    )


def sample_color(rng: np.random.Generator) -> Color:
    """Draw an everyday colour: a third near grey, the rest up to vivid."""
    saturation = rng.uniform(0, 0.12) if rng.random() < 0.35 else rng.uniform(0.15, 0.85)
    return hsv(rng.uniform(0, 1), saturation, rng.uniform(0.12, 0.92))


def warm_white(warmth: float) -> Color:
    """Colour of a lamp: -1 blue, 0 white, 1 orange; its luminance stays about 1."""
    return (
        1.0 + 0.25 * warmth,
        1.0 + 0.02 * warmth,
        1.0 - 0.45 * warmth if warmth > 0 else 1.0 - 0.3 * warmth,
    )
