"""Effects of a lens on linear light; see scene.lens for its distortion. Pure numpy.

They change the colour alone: masks and joints stay where they are, and no effect moves green, from
which the eye has most of its outlines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .filters import Image, doubled, gaussian_blur, halved, luminance
from .resize import interpolate

BURNT = 1.0  # linear; what is above it spreads
_BRIGHTEST = 12.0  # linear; a lamp and the sun spread alike, and no firefly fills the image
_LEVELS = 4  # of the pyramid below half the size of the image, each twice as wide as the last
# Reflections between lenses: size about the centre (negative: turned over), colour, blur in px of
# an eighth of the image.
_GHOSTS = (
    (-0.55, (0.5, 1.0, 0.7), 1.2),
    (-1.2, (1.0, 0.6, 0.4), 2.4),
    (0.35, (0.4, 0.6, 1.0), 0.8),
)


def vignette(height: int, width: int, loss: float) -> NDArray[np.float32]:
    """cos⁴-like falloff that loses `loss` in the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return (1.0 - loss * ((x * x + y * y) / 2.0) ** 1.5).astype(np.float32)


def aberrated(image: Image, shift: float) -> Image:
    """Lateral chromatic aberration: red is scaled up about the centre and blue down, or the other
    way round.

    Args:
        image: (H, W, 3) linear.
        shift: Distance between red and blue in the corners, in thousandths of the diagonal.
    """
    out = image.copy()
    for channel, sign in ((0, -1.0), (2, 1.0)):
        plane = image[..., channel]
        # Half the way in each channel; a corner is half a diagonal from the centre.
        scale = 1.0 + sign * shift / 1000.0
        for axis in (0, 1):
            middle = (image.shape[axis] - 1) / 2
            plane = interpolate(
                plane, middle + scale * (np.arange(plane.shape[axis]) - middle), axis
            )
        out[..., channel] = plane
    return out


def glared(image: Image, veil: float, bloom: float, ghosts: float) -> Image:
    """Light that goes astray in the lens.

    Args:
        image: (H, W, 3) linear.
        veil: Share of all light that spreads evenly.
        bloom: Share of the light of burnt pixels that spreads around them, with a long tail as
            scattering has (about 1 / r²).
        ghosts: Share of that light that is reflected to the other side of the centre.
    """
    height, width = image.shape[:2]
    out = image
    if veil > 0:
        mean = np.minimum(image, np.float32(_BRIGHTEST)).reshape(-1, 3).mean(axis=0)
        out = out * np.float32(1.0 - veil) + mean * np.float32(veil)
    y = luminance(image)
    burnt = y > BURNT
    if (bloom <= 0 and ghosts <= 0) or not burnt.any():
        return out
    # All burnt light of an image has one colour, which takes a third of the time.
    colour = image[burnt].mean(axis=0)
    colour /= float(luminance(colour))
    excess = halved(np.clip(y - np.float32(BURNT), 0.0, np.float32(_BRIGHTEST)))
    glow = doubled(np.float32(bloom) * _spread(excess), height, width)[..., None] * colour
    if ghosts > 0:
        glow += doubled(np.float32(ghosts) * _reflected(excess), height, width)
    return out + glow


def _spread(light: Image) -> Image:
    """The mean of several blurs of an image, each twice as wide as the last."""
    sizes, level = [], light
    for _ in range(_LEVELS):
        sizes.append(level)
        level = halved(level)
    wide = gaussian_blur(level, 1.0)
    for finer in reversed(sizes):
        # Each step mixes in what is less wide; what is next to the burnt pixel weighs most.
        wide = np.float32(0.5) * doubled(wide, *finer.shape) + np.float32(0.5) * finer
    return wide


def _reflected(light: Image) -> Image:
    """Coloured reflections (H, W, 3) of bright spots (H, W), along lines through the centre and out
    of focus.
    """
    half = halved(light)
    small = halved(half)
    total = np.zeros((*small.shape, 3), np.float32)
    for size, colour, blur in _GHOSTS:
        ghost = gaussian_blur(small, blur)
        for axis in (0, 1):
            middle = (small.shape[axis] - 1) / 2
            at = middle + (np.arange(small.shape[axis]) - middle) / size
            ghost = interpolate(ghost, at, axis)
            outside = (at < 0) | (at > small.shape[axis] - 1)
            ghost[(slice(None),) * axis + (outside,)] = 0.0
        total += ghost[..., None] * np.array(colour, dtype=np.float32)
    return doubled(doubled(total, *half.shape), *light.shape)
