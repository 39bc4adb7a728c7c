"""The section [sensor] of a recipe: all that a camera does between light and file."""

from __future__ import annotations

from dataclasses import dataclass

from .distributions import Distribution
from .fields import number, one_of, switch, vary


@dataclass(frozen=True)
class Sensor:
    enabled: bool = switch(True, "Simulate a camera sensor; off: a clean image, JPEG quality 95")
    metering: str = one_of(
        "people",
        "Metering of the scene alone, or of people too: no face or hand burns out",
        ("people", "scene"),
    )
    misexposed: float = number(
        0.08, "Share of images that the metering fails: people are dark or burnt", 0.0, 1.0
    )
    tone: str = one_of(
        "film",
        "Tone curve: a long shoulder as phones have it, or a short one",
        ("film", "short"),
    )
    exposure: Distribution = vary(
        {"normal": [0, 0.5]}, "Exposure relative to the metered one, stops", -5, 5
    )
    temperature: Distribution = vary({"normal": [0, 0.25]}, "White balance: -1 cool, 1 warm", -1, 1)
    contrast: Distribution = vary([0.85, 1.35], "Contrast; 1: unchanged", 0.1, 3)
    saturation: Distribution = vary([0.75, 1.45], "Saturation; 1: unchanged, 0: grey", 0, 3)
    vignette: Distribution = vary([0.0, 0.3], "Share of light lost in the corners", 0, 1)
    aberration: Distribution = vary(
        [0.0, 1.0], "Red against blue in the corners, thousandths of the diagonal", 0, 20
    )
    glare: Distribution = vary(
        {"log": [0.0002, 0.005]}, "Share of all light that spreads evenly in the lens", 0, 0.5
    )
    bloom: Distribution = vary(
        [0.0, 0.1], "Share of the light of burnt pixels that spreads around them", 0, 1
    )
    flare: float = number(
        0.1, "Share of images in which lamps and sun are reflected in the lens", 0.0, 1.0
    )
    low_light: float = number(
        0.12, "Share of images at high ISO: noise, strong denoising, dark and pale", 0.0, 1.0
    )
    noise: Distribution = vary(
        {"log": [0.001, 0.02]}, "Noise: standard deviation at mid grey, 0..1", 0, 0.5
    )
    noise_model: str = one_of(
        "mosaic",
        "Noise as a colour mosaic, demosaicing and denoising leave it, or new in each pixel",
        ("mosaic", "white"),
    )
    denoising: Distribution = vary(
        [0.0, 0.7], "Denoising: 0 none, 1 as a phone at night; coarser grain, less texture", 0, 1
    )
    blur: Distribution = vary([0.0, 0.5], "Gaussian blur: sigma in px", 0, 20)
    sharpening: Distribution = vary([0.0, 1.2], "Sharpening, which leaves halos; 0: none", 0, 4)
    jpeg_quality: Distribution = vary([75, 98], "JPEG quality, 1..100", 1, 100)
    generations: Distribution = vary(
        {"choice": [1, 2, 3], "weights": [5, 3, 1]},
        "Number of times an image was compressed; before the last time at other sizes",
        1,
        5,
    )
