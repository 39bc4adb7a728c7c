"""Surfaces of houses, roads and street furniture as they are in real places. Pure numpy."""

from __future__ import annotations

import colorsys
import dataclasses

import numpy as np

from ...props.drawn_images import sample_image
from ..spec import Color, SurfaceSpec

# Hue, saturation and value of painted cars with their weights: most are white, grey or black.
_CAR_PAINT = (
    (24, (0.0, 0.0), (0.82, 0.92)),
    (20, (0.55, 0.65), (0.03, 0.12)),
    (20, (0.55, 0.62), (0.3, 0.55)),
    (14, (0.55, 0.62), (0.6, 0.75)),
    (9, (0.57, 0.64), (0.3, 0.5)),
    (7, (0.97, 1.02), (0.4, 0.65)),
    (3, (0.28, 0.4), (0.2, 0.4)),
    (3, (0.06, 0.15), (0.5, 0.85)),
)


def _linear(hue: float, saturation: float, value: float) -> Color:
    """A linear colour from display HSV, for one colour at a time."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return (_light(r), _light(g), _light(b))


def _light(display: float) -> float:
    return display / 12.92 if display <= 0.04045 else ((display + 0.055) / 1.055) ** 2.4


def _surface(
    pattern: str,
    hue: float,
    saturation: float,
    value: float,
    *,
    second: float = 0.75,
    scale: float = 1.0,
    roughness: float = 0.85,
    metallic: float = 0.0,
    image: str = "",
) -> SurfaceSpec:
    """A surface from display HSV; the second colour is `second` times as bright (in value)."""
    return SurfaceSpec(
        pattern,
        _linear(hue, saturation, value),
        _linear(hue, saturation, second * value),
        scale,
        roughness,
        metallic,
        image,
    )


def house_wall(rng: np.random.Generator) -> SurfaceSpec:
    """Plaster in a pale or strong colour, brick, or stone."""
    image = sample_image("shop", rng)
    kind = rng.random()
    if kind < 0.35:
        hue, value = float(rng.uniform(0.01, 0.07)), float(rng.uniform(0.35, 0.65))
        return _surface(
            "masonry", hue, float(rng.uniform(0.25, 0.55)), value, second=0.78, image=image
        )
    if kind < 0.5:
        value = float(rng.uniform(0.45, 0.75))
        return _surface("paving", 0.1, 0.12, value, second=0.6, scale=1.0, image=image)
    usual = rng.random() < 0.88
    hue = float(rng.uniform(0.03, 0.16)) if usual else float(rng.random())
    saturation = float(rng.uniform(0.03, 0.38 if usual else 0.2))
    value = float(rng.uniform(0.55, 0.9))
    return _surface("plaster", hue, saturation, value, second=0.88, image=image)


def garden_brick(rng: np.random.Generator) -> SurfaceSpec:
    return _surface("masonry", float(rng.uniform(0.02, 0.07)), 0.4, float(rng.uniform(0.35, 0.6)))


def asphalt(rng: np.random.Generator) -> SurfaceSpec:
    value = float(rng.uniform(0.27, 0.45))
    return _surface("asphalt", 0.08, float(rng.uniform(0, 0.06)), value, second=0.72, scale=10.0)


def paving(rng: np.random.Generator) -> SurfaceSpec:
    """Slabs, setts or bricks of a pavement."""
    kind, value = rng.random(), float(rng.uniform(0.4, 0.66))
    if kind < 0.55:
        return _surface(
            "paving",
            0.1,
            float(rng.uniform(0.02, 0.1)),
            value,
            second=0.6,
            scale=float(rng.uniform(0.8, 1.6)),
        )
    if kind < 0.75:
        red = float(rng.uniform(0.15, 0.4))
        return _surface("paving", 0.04, red, 0.85 * value, second=0.65, scale=2.6)
    if kind < 0.9:
        return _surface("paving", 0.09, 0.06, 0.8 * value, second=0.5, scale=4.0)
    return _surface("asphalt", 0.1, 0.03, value, second=0.85, scale=9.0)


def grass(rng: np.random.Generator) -> SurfaceSpec:
    hue, value = float(rng.uniform(0.18, 0.27)), float(rng.uniform(0.32, 0.5))
    return _surface(
        "grass", hue, float(rng.uniform(0.4, 0.65)), value, second=0.6, scale=6.0, roughness=0.95
    )


def gravel(rng: np.random.Generator) -> SurfaceSpec:
    value = float(rng.uniform(0.4, 0.65))
    return _surface(
        "asphalt", 0.09, float(rng.uniform(0.06, 0.2)), value, second=0.7, scale=7.0, roughness=0.95
    )


def sand(rng: np.random.Generator) -> SurfaceSpec:
    value = float(rng.uniform(0.62, 0.82))
    return _surface(
        "noise", 0.11, float(rng.uniform(0.18, 0.32)), value, second=0.86, scale=3.0, roughness=0.95
    )


def car_paint(rng: np.random.Generator) -> SurfaceSpec:
    weights = np.array([row[0] for row in _CAR_PAINT], dtype=np.float64)
    _, hue, value = _CAR_PAINT[int(rng.choice(len(_CAR_PAINT), p=weights / weights.sum()))]
    vivid = 0.75 if hue[0] not in (0.0, 0.55) else 0.06
    return _surface(
        "plain", float(rng.uniform(*hue)), vivid, float(rng.uniform(*value)), roughness=0.22
    )


def iron(rng: np.random.Generator) -> SurfaceSpec:
    """Painted or galvanised metal of street furniture, or stone."""
    tone = float(rng.choice([0.1, 0.18, 0.3, 0.5, 0.62]))
    hue = float(rng.choice([0.6, 0.38, 0.1]))
    return _surface("plain", hue, float(rng.uniform(0, 0.25)), tone, second=1.3, roughness=0.45)


def signed(rng: np.random.Generator) -> SurfaceSpec:
    """Metal of a pole that may carry a drawn sign."""
    return dataclasses.replace(iron(rng), image=sample_image("sign", rng))


def display(rng: np.random.Generator) -> SurfaceSpec:
    """A machine with a screen."""
    return dataclasses.replace(coloured(rng), image=sample_image("screen", rng))


def wood(rng: np.random.Generator) -> SurfaceSpec:
    value = float(rng.uniform(0.3, 0.62))
    return _surface(
        "wood", 0.08, float(rng.uniform(0.25, 0.55)), value, second=0.72, scale=4.0, roughness=0.7
    )


def coloured(rng: np.random.Generator) -> SurfaceSpec:
    """Painted metal or plastic in any colour, with an image where the thing shows one."""
    image = sample_image("poster", rng)
    if rng.random() < 0.7:  # dark green, blue, red, grey, brown: the colours of street furniture
        hue, vivid = ((0.38, 0.6), (0.6, 0.6), (0.0, 0.75), (0.6, 0.05), (0.07, 0.5))[
            int(rng.integers(5))
        ]
        value = float(rng.uniform(0.12, 0.5))
    else:
        hue, vivid = float(rng.random()), float(rng.uniform(0.1, 0.7))
        value = float(rng.uniform(0.3, 0.8))
    return _surface("plain", hue, vivid, value, second=0.6, roughness=0.45, image=image)


def stone(rng: np.random.Generator) -> SurfaceSpec:
    value = float(rng.uniform(0.45, 0.72))
    return _surface("plaster", 0.1, float(rng.uniform(0.02, 0.14)), value, second=0.8)


LEAVES = SurfaceSpec("plain", (0.05, 0.1, 0.02), (0.03, 0.06, 0.01), 1.0, 0.6)
WATER = SurfaceSpec("noise", (0.03, 0.08, 0.1), (0.02, 0.055, 0.075), 0.4, 0.12)
