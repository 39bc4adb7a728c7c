"""Decoded images as arrays: the frames of a still or an animation, the pages of a TIFF."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pii_seg.data.colour import array_to_srgb
from pii_seg.data.shown import FULL, Range, show


@dataclass(frozen=True)
class Limits:
    """The largest file that is decoded.

    Attributes:
        pixels: Pixels of one frame.
        frames: Number of frames.
        decoded: Bytes of all decoded frames together.
    """

    pixels: int = 150_000_000
    frames: int = 2000
    decoded: int = 4 << 30


@dataclass(frozen=True)
class Frame:
    """One frame, upright.

    Attributes:
        pixels: uint8 or uint16 (H, W, C), C = 1 or 3.
        alpha: (H, W) of the same dtype; None without transparency.
        duration: In ms; None for a still.
        shown: The numbers of 16-bit pixels that are seen as black and white.
        profile: ICC profile of the colours; None for sRGB.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    duration: float | None = None
    shown: Range = FULL
    profile: bytes | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.pixels.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    def to_rgb8(self) -> np.ndarray:
        """Convert to what a person sees: uint8 (H, W, 3), sRGB.

        Transparent pixels keep their stored colour, so that a person hidden there is found.
        """
        pixels = self.pixels if self.pixels.dtype == np.uint8 else show(self.pixels, self.shown)
        if self.profile is not None:
            pixels = array_to_srgb(pixels, self.profile)
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def seen_like(self, other: Frame) -> Frame:
        """Return the same pixels, seen as those of another frame of the same file."""
        return replace(self, shown=other.shown, profile=other.profile)
