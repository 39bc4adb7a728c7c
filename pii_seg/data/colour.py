"""Convert the colours of images to sRGB, as colour-managed viewers do."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from pii_seg.data import icc

SAME = 3  # levels of 255: profiles that change less are sRGB under another name
# sRGB (IEC 61966-2-1) adapted to D50, from linear RGB to XYZ, as its ICC profiles hold it.
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)


@lru_cache(maxsize=32)
def is_srgb(profile: bytes, mode: str = "RGB") -> bool:
    """Whether a profile leaves colours of `mode` as they are. So does a damaged or foreign one."""
    steps = np.linspace(0, 255, 6).round().astype(np.uint8)
    patches = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    if mode == "L":
        patches = patches[..., 0]
    transform = _transform(profile, mode)
    if transform is None:
        return True
    after = np.asarray(transform.apply(Image.fromarray(patches))).astype(int)
    if mode == "L":
        after = after[..., 0]
    return bool(np.abs(after - patches).max() <= SAME)


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the conversion to sRGB; None for a profile that is damaged or of another mode.

    Viewers ignore those, too.
    """
    if len(profile) > icc.LARGEST:
        return None
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.ImageCmsTransform(given, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def fits(profile: bytes, channels: int) -> bool:
    """Whether a profile describes images of `channels` channels, 1 or 3."""
    try:
        return icc.parse(profile).channels == channels
    except ValueError:
        return False


def image_to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert an image of 8 bits to mode RGB in sRGB; None if its profile cannot be used.

    Args:
        image: Mode L, RGB or CMYK.
        profile: The ICC profile.
    """
    transform = _transform(profile, image.mode)
    return None if transform is None else transform.apply(image)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image of mode LAB."""
    converted = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return converted


def array_to_srgb(array: np.ndarray, profile: bytes) -> np.ndarray:
    """Convert uint8 (H, W, C), C = 1 or 3, and keep C. Unusable profiles change nothing."""
    grey = array.shape[2] == 1
    if not fits(profile, array.shape[2]) or is_srgb(profile, "L" if grey else "RGB"):
        return array
    image = Image.fromarray(array[..., 0] if grey else np.ascontiguousarray(array))
    converted = image_to_srgb(image, profile)
    assert converted is not None
    result = np.asarray(converted)
    return result[..., :1] if grey else result


def deep_to_srgb(array: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Convert uint16 (H, W, C), C = 1 or 3, by the profile's curves and matrix.

    Returns:
        uint16 (H, W, C); the given array if the profile is sRGB or cannot be used; None if it
        describes its colours by tables, which need a colour engine of 8 bits.
    """
    channels = array.shape[2]
    if is_srgb(profile, "L" if channels == 1 else "RGB") or not fits(profile, channels):
        return array
    parsed = icc.parse(profile)
    if not parsed.is_matrix:
        return None
    numbers = np.arange(65536) / 65535
    if channels == 1:
        return _to_16(icc.linear(parsed, b"kTRC", numbers))[array]
    curves = [
        icc.linear(parsed, name, numbers).astype(np.float32) for name in (b"rTRC", b"gTRC", b"bTRC")
    ]
    to_srgb = (np.linalg.inv(SRGB) @ icc.matrix(parsed)).astype(np.float32)
    result = np.empty_like(array)
    for row, target in zip(array, result, strict=True):  # row by row, to save memory
        light = np.stack([curve[row[:, c]] for c, curve in enumerate(curves)], axis=-1)
        target[:] = _to_16(light @ to_srgb.T)
    return result


def _to_16(light: np.ndarray) -> np.ndarray:
    """Encode linear light 0..1 as sRGB of 16 bits (IEC 61966-2-1)."""
    light = np.nan_to_num(light).clip(0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 65535).astype(np.uint16)
