"""The part of a scene spec that is about the photo behind its people. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[float, float, float]  # linear Rec. 709

# Where a number comes from.
SOURCES = ("side-car", "recipe", "exif", "lines", "default")


@dataclass(frozen=True)
class PhotoViewSpec:
    """The camera that took a photo, as far as it is known.

    Attributes:
        size: (width, height) of the whole photo, upright, px.
        focal: Focal length over the diagonal of the photo; 35 mm equivalent over 43.27 mm.
        pitch: Degrees upwards from the horizon, of the photo's own middle.
        roll: Degrees; positive turns the camera clockwise, seen from behind it.
        height: Height above the ground, m.
        ground_top: Upper end of the open ground, as a share of the photo's height from the top.
        focal_from, horizon_from, height_from: One of SOURCES each.
    """

    size: tuple[int, int]
    focal: float
    pitch: float
    roll: float
    height: float
    ground_top: float = 1.0
    focal_from: str = "default"
    horizon_from: str = "default"
    height_from: str = "default"


@dataclass(frozen=True)
class PhotoMatchSpec:
    """Numbers that make people look as if the photo's camera had taken them.

    Attributes:
        gain: Factors of the rendered linear light.
        ground: Linear colour of the ground, whose light falls on people from below.
        black: Linear light of a black surface: haze, flare and the photo's black level.
        noise: Standard deviation of the photo's grain, in display values 0..1, at mid grey.
        grain: Size of a grain, as the sigma of a Gaussian in px.
        blur: Sigma of the photo's sharpest edges, px.
        jpeg: Quality of the photo's compression, 1..100, as far as it is visible at this size; 0:
            none is.
        seed: Seed of the grain.
    """

    gain: Color = (1.0, 1.0, 1.0)
    ground: Color = (0.8, 0.8, 0.8)
    black: Color = (0.0, 0.0, 0.0)
    noise: float = 0.0
    grain: float = 0.0
    blur: float = 0.0
    jpeg: int = 0
    seed: int = 0
