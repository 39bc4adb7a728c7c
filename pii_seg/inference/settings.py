"""The settings of inference. It imports no torch, so that `--help` is fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pii_seg.errors import ConfigError

Merge = Literal["mean", "max", "cautious"]
TWO_PASS = "two-pass"
"""The value of `tiles` that predicts the whole image first, and then only some tiles."""

PYRAMID = "pyramid"
"""The value of `tiles` that predicts at the image's own resolution, at half of it, and so on."""

SMALLEST_VIEW = 32  # px: no scale shrinks the longest side of an image below this


@dataclass(frozen=True)
class InferenceSettings:
    """Size, tiles and scales at which an image is predicted."""

    size: int = 640
    """Longest side, in px, of a view or tile. Larger images are shrunk or cut into tiles."""

    tiles: int | Literal["auto", "two-pass", "pyramid"] = 1
    """Number of tiles of `size` along the longest side, with as many as fit along the other; small
    images are enlarged for it. "auto" chooses the number that keeps the image's own resolution,
    never enlarges, and uses at most `most_tiles`. "two-pass" is "auto" with fewer tiles: it
    predicts the whole image first, and then only tiles where that leaves doubt (`two_pass`).
    "pyramid" is "auto", then half of that resolution, and so on to half of `size`: persons who fill
    the image are seen whole, for a third more pixels. It goes with `merge` "max"."""

    scales: tuple[float, ...] = (1.0,)
    """Scales to predict at: 0.5 shows large persons whole, 2 enlarges small ones."""

    flip: bool = False
    """Predict the mirrored image too, at twice the cost."""

    merge: Merge = "mean"
    """Rule that merges the logits of several views. "max" finds whatever any view finds: recall
    before precision. "cautious" finds what "mean" finds (at the threshold .5; at others more), and
    is only as certain of background as the least certain view, which pseudo-labels need
    (`_cautious`)."""

    overlap: float = 0.25
    """Share of a tile that its neighbour covers too."""

    most_tiles: int = 4
    """Maximum number of tiles along the longest side that "auto" chooses."""

    batch_pixels: int = 1 << 20
    """Maximum number of pixels of the tiles that are predicted together, which bounds memory."""

    def __post_init__(self) -> None:
        if self.tiles not in ("auto", TWO_PASS, PYRAMID) and (
            not isinstance(self.tiles, int) or not 1 <= self.tiles <= 64
        ):
            raise ConfigError(
                f"tiles: expected 'auto', '{TWO_PASS}', '{PYRAMID}' or a number from 1 to 64, got "
                f"{self.tiles!r}"
            )
        if self.size < SMALLEST_VIEW:
            raise ConfigError(f"size: expected at least {SMALLEST_VIEW} px, got {self.size}")
        if not self.scales or not all(0.05 <= scale <= 8 for scale in self.scales):
            raise ConfigError(
                f"scales: expected one or more numbers from 0.05 to 8, got {self.scales}"
            )
        if not 0 <= self.overlap <= 0.75:
            raise ConfigError(f"overlap: expected a number within 0..0.75, got {self.overlap}")
        if self.merge not in get_args(Merge):
            raise ConfigError(
                f"merge: expected one of {', '.join(get_args(Merge))}, got {self.merge!r}"
            )
        if self.most_tiles < 1 or self.batch_pixels < 1:
            raise ConfigError("most_tiles and batch_pixels: expected at least 1")
