"""The view that Cycles renders for a camera whose lens distorts. Pure numpy.

Cycles has no such lens. It renders a view with known straight geometry, finer than the image and
wide enough for it, and render.lens_warp takes each pixel of the image out of that view. A pinhole
serves where it needs few pixels more; for wide angles Blender's polynomial fisheye is fitted to the
lens. How well it fits decides nothing but the share of pixels that are rendered in vain.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import intrinsics, rays
from .lens import Lens, lens_of
from .spec import CameraSpec

Array = NDArray[np.float64]

FINER = 4.0  # pixels of the view in a pixel of the image, each way, at most
# With fewer samples in a pixel of the view, reading it takes longer than rendering it.
_FEWEST_SAMPLES = 2
# With more pixels than this the view gets coarser: it is held in memory with all its layers.
MOST_PIXELS = 3_000_000
_PINHOLE_PIXELS = 1.6  # a pinhole may take that many times the pixels of the image
_MARGIN = 2  # px
_TABLE = 2048


@dataclass(frozen=True)
class RenderedView:
    """The view that is rendered in place of the image.

    Attributes:
        width, height: Size, px; the axis of the camera is in the middle.
        focal: Focal length in the middle, px.
        finer: Pixels of the view in a pixel of the image, each way.
        polynomial: c1..c4 of the angle off the axis, rad, at radius r px: Σ cₙ (r / focal)ⁿ; empty
            for a pinhole.
    """

    width: int
    height: int
    focal: float
    finer: float
    polynomial: tuple[float, ...] = ()

    def samples(self, samples: int) -> int:
        """Samples of a pixel of the view, for so many of a pixel of the image."""
        return max(1, math.ceil(samples / self.finer**2 - 1e-6))

    def positions(self, ideal: NDArray[np.floating]) -> Array:
        """Pixels (…, 2) of the view that show ideal coordinates (…, 2), see lens.py; NaN stays."""
        if not self.polynomial:
            return np.asarray(ideal * self.focal + self._centre)
        radius = np.hypot(ideal[..., 0], ideal[..., 1])
        theta, u = _table(self.polynomial, self._reach)
        place = np.interp(np.arctan(radius), theta, u)
        scale = np.divide(place, radius, out=np.ones_like(radius), where=radius > 1e-12)
        return np.asarray(ideal * (scale * self.focal)[..., None] + self._centre)

    def cosines(self) -> NDArray[np.float32]:
        """(height, width) cosine of each pixel's angle off the axis."""
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal
        r = np.hypot(x, y[:, None])
        if not self.polynomial:
            return (1.0 / np.sqrt(1.0 + r * r)).astype(np.float32)
        return np.cos(_polynomial(self.polynomial, r)).astype(np.float32)

    @property
    def _centre(self) -> Array:
        return np.array([self.width / 2, self.height / 2])

    @property
    def _reach(self) -> float:
        """A little more than the largest radius in the view, in focal lengths."""
        return 1.25 * math.hypot(self.width, self.height) / 2 / self.focal


@functools.lru_cache(maxsize=64)
def rendered_view(camera: CameraSpec, width: int, height: int, samples: int) -> RenderedView | None:
    """Plan the view for an image; None for a camera without distortion, which Cycles has itself.

    Args:
        camera: The camera.
        width, height: Size of the image, px.
        samples: Samples of a pixel of the image.

    Raises:
        ValueError: The lens is none, or does not see as far as the field of view.
    """
    lens = lens_of(camera)
    if lens is None:
        return None
    finest = max(1.0, min(FINER**2, MOST_PIXELS / (width * height)))
    each = max(_FEWEST_SAMPLES, math.ceil(samples / finest))
    finer = max(1.0, math.sqrt(samples / each))  # as many samples in all
    focal = finer * float(intrinsics(camera, width, height)[0, 0])
    ideal, shown = rays(_grid(width, height), camera, width, height)
    if shown.all():
        columns, rows = _size(np.abs(ideal) * focal)
        if columns * rows <= _PINHOLE_PIXELS * finer**2 * width * height:
            return RenderedView(columns, rows, focal, finer)
    fitted = _fitted(lens, lens.limit if not shown.all() else float(np.hypot(*ideal.T).max()))
    # A view large enough for every lens, to find out how much of it is needed.
    whole = RenderedView(int(8 * focal), int(8 * focal), focal, finer, fitted)
    offsets = np.abs(whole.positions(ideal[shown]) - whole.width / 2)
    return RenderedView(*_size(offsets), focal, finer, fitted)


def _size(offsets: Array) -> tuple[int, int]:
    """Even width and height, px, of a view that holds these distances (N, 2) from its middle."""
    columns, rows = 2 * np.ceil(offsets.max(axis=0) + _MARGIN).astype(int)
    return int(columns), int(rows)


def _fitted(lens: Lens, widest: float) -> tuple[float, ...]:
    """Coefficients of a polynomial fisheye that is like a lens up to an ideal radius."""
    angle = np.linspace(0.0, math.atan(widest), 400)
    straight = np.stack([np.tan(angle), np.zeros_like(angle)], axis=-1)
    # Decentering cancels between the two sides.
    u = (lens.distort(straight)[:, 0] - lens.distort(-straight)[:, 0]) / 2
    powers = np.stack([u, u**2, u**3, u**4], axis=-1)
    fitted = tuple(float(c) for c in np.linalg.lstsq(powers, angle, rcond=None)[0])
    if fitted[0] > 0 and _table(fitted, 1.5 * float(u[-1]))[0][-1] >= angle[-1]:
        return fitted
    return (float(angle[-1] / u[-1]), 0.0, 0.0, 0.0)  # a polynomial that turns back: even angles


def _grid(width: int, height: int) -> Array:
    """Points (N, 2) of an image, px, from edge to edge."""
    x, y = np.linspace(0, width, 65), np.linspace(0, height, 65)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _polynomial(c: tuple[float, ...], u: NDArray[np.floating]) -> Array:
    return np.asarray(u * (c[0] + u * (c[1] + u * (c[2] + u * c[3]))))


@functools.lru_cache(maxsize=64)
def _table(c: tuple[float, ...], reach: float) -> tuple[Array, Array]:
    """(angles, radii in focal lengths), both increasing: the polynomial up to where it turns."""
    u = np.linspace(0.0, reach, _TABLE)
    theta = _polynomial(c, u)
    turned = np.flatnonzero(np.diff(theta) <= 0)
    end = int(turned[0]) + 1 if len(turned) else len(u)
    return theta[:end], u[:end]
