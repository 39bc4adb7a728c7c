"""Every factor by which training views are altered, with its probability and its range.

Like `pii_seg.config`, which holds it, the module imports neither torch nor Lightning.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pii_seg.errors import ConfigError
from pii_seg.number_checks import check_numbers, require

Range = tuple[float, float]


@dataclass(frozen=True)
class AugmentationConfig:
    """Probability of each augmentation factor, and its range. Ranges around 1 are log-uniform."""

    scale: float = 1.0
    """Probability to zoom in or out; without it images keep their own pixels."""
    scale_range: Range = (0.5, 2.0)
    """Range of the factor to zoom by."""
    focus: float = 0.5
    """Probability to crop around a person, each equally likely, instead of anywhere."""
    flip: float = 0.5
    """Probability to mirror the view."""
    rotation: float = 0.25
    """Probability to rotate the view."""
    rotation_degrees: float = 10.0
    """Rotate by at most this angle to either side, in degrees."""
    paste: float = 0.0
    """Probability to paste people from other images; sources meant for pasting use their own
    probability."""
    paste_count: tuple[int, int] = (1, 4)
    """Range of the number of people to paste."""
    paste_height: Range = (0.12, 1.3)
    """Range of the height of a pasted person, relative to the image; above 1 the frame cuts it."""
    paste_match: float = 0.5
    """Maximum share by which a pasted person's colours move towards its surroundings, 0..1."""
    paste_shadow: float = 0.3
    """Probability to draw a shadow below pasted feet."""
    distractors: float = 0.5
    """Probability to paste distractors onto photos without people, among pasted people or alone."""
    distractor_count: tuple[int, int] = (1, 4)
    """Range of the number of distractors to paste."""
    distractor_height: Range = (0.08, 1.0)
    """Range of the height of a pasted distractor, relative to the image."""
    occlusion: float = 0.25
    """Probability to cover parts of the view with objects; what they cover is background."""
    occlusion_share: Range = (0.01, 0.15)
    """Range of the share of the view to cover."""
    cutout: float = 0.0
    """Probability to hide patches but keep their target, so that context decides (MIC, Hoyer et
    al., CVPR 2023)."""
    cutout_share: Range = (0.1, 0.4)
    """Range of the share of the view to hide."""
    brightness: float = 0.5
    """Probability to multiply all values."""
    brightness_range: Range = (0.6, 1.6)
    """Range of the factor to multiply values by."""
    contrast: float = 0.5
    """Probability to multiply the distance from middle grey."""
    contrast_range: Range = (0.6, 1.5)
    """Range of the factor to multiply the contrast by."""
    gamma: float = 0.3
    """Probability to raise values to a power."""
    gamma_range: Range = (0.65, 1.5)
    """Range of the exponent to raise values to."""
    white_balance: float = 0.5
    """Probability to multiply each channel by a gain."""
    white_balance_range: Range = (0.8, 1.25)
    """Range of the gain of red and blue; green varies less, since daylight and lamps hardly change
    it."""
    saturation: float = 0.5
    """Probability to multiply the distance from grey."""
    saturation_range: Range = (0.4, 1.6)
    """Range of the factor to multiply the saturation by."""
    hue: float = 0.3
    """Probability to rotate the hue."""
    hue_degrees: float = 20.0
    """Rotate the hue by at most this angle to either side, in degrees."""
    grayscale: float = 0.08
    """Probability to remove all colour."""
    blur: float = 0.3
    """Probability to blur the view."""
    blur_sigma: Range = (0.4, 2.0)
    """Range of the sigma to blur with, in px; half of the blurs are along a line, as by motion."""
    resolution: float = 0.3
    """Probability to shrink the view and enlarge it again."""
    resolution_factor: Range = (1.2, 3.5)
    """Range of the factor to shrink the view by."""
    noise: float = 0.35
    """Probability to add sensor noise."""
    noise_sigma: Range = (1.0, 14.0)
    """Range of the standard deviation to draw noise with, in steps of 255."""
    jpeg: float = 0.5
    """Probability to compress the view as JPEG."""
    jpeg_quality: Range = (30.0, 95.0)
    """Range of the JPEG quality to compress with."""

    def __post_init__(self) -> None:
        counts = {"paste_count": (0, 1000), "distractor_count": (0, 1000)}
        check_numbers(self, "augmentation", counts)
        for factor in AUGMENTATION_FACTORS:
            fits = 0 <= getattr(self, factor) <= 1
            require(fits, self, f"augmentation.{factor}", "is a probability, 0..1")
        for entry in dataclasses.fields(self):
            name, value = f"augmentation.{entry.name}", getattr(self, entry.name)
            if isinstance(value, tuple | list):
                fits = len(value) == 2 and 0 < value[0] <= value[1]
                require(fits, self, name, "must be a range, 0 < low ≤ high")
            else:
                require(value >= 0, self, name, "must not be negative")
        for share in ("occlusion_share", "cutout_share"):
            fits = getattr(self, share)[1] < 1
            require(fits, self, f"augmentation.{share}", "must stay below 1")

    def without(self, *factors: str) -> AugmentationConfig:
        """Return a copy with these factors switched off.

        Raises:
            ConfigError: A factor does not exist.
        """
        for factor in factors:
            if factor not in AUGMENTATION_FACTORS:
                known = ", ".join(AUGMENTATION_FACTORS)
                raise ConfigError(f"there is no factor {factor!r}; there are {known}")
        return dataclasses.replace(self, **dict.fromkeys(factors, 0.0))  # type: ignore[arg-type]

    @classmethod
    def none(cls) -> AugmentationConfig:
        """Return a configuration with all factors off: only a crop at a random place is left."""
        return cls().without(*AUGMENTATION_FACTORS)


AUGMENTATION_FACTORS = (
    "scale", "focus", "flip", "rotation", "paste", "distractors", "occlusion", "cutout",
    "brightness", "contrast", "gamma", "white_balance", "saturation", "hue", "grayscale", "blur",
    "resolution", "noise", "jpeg",
)  # fmt: skip
