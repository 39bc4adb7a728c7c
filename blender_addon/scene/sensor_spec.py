"""SensorSpec: all between linear light and a JPEG, drawn for one image. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompressionSpec:
    """One compression as JPEG; see render.jpeg."""

    quality: int  # 1..100
    scale: float = 1.0  # size at which it was saved, relative to the image


@dataclass(frozen=True)
class SensorSpec:
    """The camera sensor, from linear light to a JPEG; see render.sensor.

    The defaults are those of images whose specs do not name a value: nothing happens to them.
    """

    exposure: float = 0.0  # stops, relative to the metered exposure
    temperature: float = 0.0  # -1 cool .. 1 warm
    contrast: float = 1.0
    saturation: float = 1.0
    vignette: float = 0.0  # share of light lost in the corners
    noise: float = 0.0  # standard deviation at mid grey, 0..1
    blur: float = 0.0  # Gaussian sigma, px
    jpeg_quality: int = 95  # 1..100
    seed: int = 0  # seed of the noise
    # "people": faces and hands are kept from burning out, too; "average": lamps and sky count fully
    metering: str = "scene"
    tone: str = "short"  # "film": highlights roll off over three stops
    aberration: float = 0.0  # red against blue in the corners, thousandths of the diagonal
    glare: float = 0.0  # share of all light that spreads evenly in the lens
    bloom: float = 0.0  # share of the light of burnt pixels that spreads around them
    ghosts: float = 0.0  # share of that light that is reflected in the lens
    noise_model: str = "white"  # "mosaic": as demosaicing and denoising leave it
    read_noise: float = 0.1  # share of the mosaic's variance at mid grey that needs no light
    denoising: float = 0.0  # of the mosaic's noise and of faint texture, 0..1
    sharpening: float = 0.0  # share of the difference to a blurred image that is added
    earlier: tuple[CompressionSpec, ...] = ()  # compressions before the last, first to last
