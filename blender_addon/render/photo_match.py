"""Put rendered people into a photo as if its camera had taken them. Pure numpy.

The photo's own pixels stay as they are, to the bit: it has been through a camera. Only what covers
it (people, things, their shadows) is exposed, blurred, made noisy and compressed as the photo is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.colour import to_display, to_linear
from ..scene.photos.measure import grain_of
from ..scene.photos.spec import PhotoMatchSpec
from . import jpeg
from .filters import Image, gaussian_blur, luminance
from .metering import spared_gain
from .tone import tone

_LEAST_BLUR = 0.15  # px; less is not seen
_ROUGH_GROUND = 1.35  # power of the light that a shadow leaves
_CALM = 0.004  # noise that is let pass in any photo
_COVERED = 1 / 512  # share of a pixel, from which it is no longer the photo's own


def people_in_photo(
    rgba: NDArray[np.float32],
    photo: NDArray[np.uint8],
    match: PhotoMatchSpec,
    curve: str,
    *,
    front: NDArray[np.float32] | None = None,
    skin: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Put people before a photo, and behind what stands in front of it.

    Args:
        rgba: (H, W, 4) float32, linear, premultiplied; shadows only in the alpha.
        photo: (H, W, 3) sRGB, the part of the photo that is shown.
        match: How people are fitted to it.
        curve: The tone curve of the people, one of render.tone.
        front: (H, W) 0..1, the share of a pixel that the photo's own front covers; None for none.
        skin: (H, W) faces and hands that must not burn out; None to let them.

    Returns:
        (H, W, 3) uint8, sRGB; where nobody is, exactly the photo.
    """
    layer = calmed(_exposed(rgba, match, curve, skin), match.noise)
    if match.blur > _LEAST_BLUR:
        layer = gaussian_blur(layer, match.blur)
    alpha = np.clip(layer[..., 3:4], 0.0, 1.0)
    backdrop = to_linear(photo / np.float32(255))
    display = to_display(layer[..., :3] + backdrop * (1.0 - alpha))
    display = display + _grain(display, alpha, match)
    if match.jpeg:
        saved = jpeg.compressed(_to_bytes(display), match.jpeg, subsampled=False)
        display = (saved / np.float32(255)).astype(np.float32)
    if front is not None:
        hidden = front[..., None]
        linear = to_linear(np.clip(display, 0.0, 1.0))
        display = to_display(linear * (1.0 - hidden) + backdrop * hidden)
        alpha = alpha * (1.0 - hidden)
    return np.where(alpha > _COVERED, _to_bytes(display), photo)


def _to_bytes(display: Image) -> NDArray[np.uint8]:
    return (np.clip(display, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _exposed(
    rgba: NDArray[np.float32], match: PhotoMatchSpec, curve: str, skin: NDArray[np.bool_] | None
) -> Image:
    """The layer (H, W, 4) of the people, premultiplied, in the photo's own linear values."""
    alpha = np.clip(rgba[..., 3:4], 0.0, 1.0)
    # A photo's ground is rougher than a plane: under and beside a foot more light is lost.
    only_shadow = ~rgba[..., :3].any(axis=-1, keepdims=True)
    alpha = np.where(only_shadow, 1.0 - (1.0 - alpha) ** _ROUGH_GROUND, alpha)
    gain = np.array(match.gain, dtype=np.float32)
    color = (rgba[..., :3] / np.maximum(alpha, 1e-3) * gain).astype(np.float32)
    if skin is not None:
        color *= np.float32(spared_gain(color[skin], 0.0))
    black = np.array(match.black, dtype=np.float32)
    shown = black + (1.0 - black) * to_linear(tone(color, 1.0, curve))
    return np.concatenate([shown * alpha, alpha], axis=-1)


def calmed(layer: Image, noise: float) -> Image:
    """A layer (H, W, 4) whose own noise, that of few samples, is made as small as the photo's.

    A bilateral filter (Tomasi & Manduchi, ICCV 1998) of 5 × 5 px: edges stay where they differ by
    more than the noise.
    """
    alpha = layer[..., 3]
    solid = alpha > 0.99
    if not solid.any():
        return layer
    guide = luminance(to_display(layer[..., :3] / np.maximum(alpha, 1e-3)[..., None]))
    own = grain_of(guide, solid).noise
    if own <= max(noise, _CALM):
        return layer
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    near, guides = (np.pad(v, [(2, 2), (2, 2)], mode="edge") for v in (alpha[box], guide[box]))
    colors = np.pad(layer[box], [(2, 2), (2, 2), (0, 0)], mode="edge")
    height, width = alpha[box].shape
    total, weights = np.zeros_like(layer[box]), np.zeros((height, width, 1), np.float32)
    for i in range(5):
        for j in range(5):
            there = np.s_[i : i + height, j : j + width]
            apart = (guides[there] - guide[box]) / (2.5 * own)
            edge = (near[there] - alpha[box]) / 0.25
            far = ((i - 2) ** 2 + (j - 2) ** 2) / (2 * 1.2**2)
            weight = np.exp(-(apart**2) / 2 - edge**2 / 2 - far)[..., None].astype(np.float32)
            total += weight * colors[there]
            weights += weight
    result = layer.copy()
    result[box] = total / weights
    return result


def _grain(display: Image, alpha: Image, match: PhotoMatchSpec) -> Image:
    """Noise that the covered pixels lack to be as noisy as the photo; its own noise is counted."""
    if match.noise <= 0.0:
        return np.zeros_like(display)
    solid = alpha[..., 0] > 0.99
    own = grain_of(luminance(display), solid).noise if solid.any() else 0.0
    missing = np.sqrt(max(match.noise**2 - own**2, 0.0))
    rng = np.random.default_rng(match.seed)
    noise = rng.standard_normal((*display.shape[:2], 4), dtype=np.float32)
    if match.grain > _LEAST_BLUR:
        noise = gaussian_blur(noise, match.grain)
        noise /= max(float(noise.std()), 1e-6)
    # As in render.sensor: a little stronger in the shadows, and mostly of luminance.
    level = 1.3 - 0.6 * np.clip(luminance(display), 0.0, 1.0)[..., None]
    # The photo that shines through has its own.
    share = np.sqrt(1.0 - (1.0 - alpha) ** 2)
    return (missing * level * share * (0.9 * noise[..., :1] + 0.43 * noise[..., 1:])).astype(
        np.float32
    )


def without_hidden(
    instances: NDArray[np.integer], extras: dict[str, NDArray], front: NDArray[np.float32]
) -> tuple[NDArray[np.integer], dict[str, NDArray]]:
    """Masks and passes without what the photo's front hides.

    A pixel is the front's where it covers half of it; ids are never blended.

    Args:
        instances: (H, W) person ids.
        extras: The other passes by name.
        front: (H, W) 0..1.
    """
    hidden = front >= 0.5
    shown = {}
    for name, array in extras.items():
        if name == "alpha":
            shown[name] = np.rint(array * (1.0 - front)).astype(array.dtype)
            continue
        nothing = np.inf if name == "depth" else 0
        mask = hidden.reshape(*hidden.shape, *[1] * (array.ndim - 2))
        shown[name] = np.where(mask, array.dtype.type(nothing), array)
    return np.where(hidden, instances.dtype.type(0), instances), shown
