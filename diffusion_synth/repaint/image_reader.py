"""Reader of image and mask files: what a viewer shows, or a refusal in plain words.

Files are bounded before they are decoded. Formats that start other programs (PostScript) are not
opened at all.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from blender_addon.dataset import DatasetError

MAX_PIXELS = 128_000_000
MAX_BYTES = 1 << 30
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
ENDINGS = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif",
        ".avif", ".jp2", ".ppm", ".pgm",
    }
)  # fmt: skip
BIT_DEPTHS = (8, 10, 12, 14, 16)
STRETCHED_BELOW = 1 / 16  # of the range: numbers that fill less are stretched
OUTERMOST = 0.001  # share of pixels that is left out when numbers are stretched
INVERTED = 0  # TIFF's PhotometricInterpretation of images whose 0 is white
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262


def read_image(path: Path) -> np.ndarray:
    """Read an image as a viewer shows it: upright, sRGB, without alpha.

    Returns:
        uint8 (H, W, 3).

    Raises:
        DatasetError: It is too large, damaged, or of a kind that cannot be shown in one way.
    """
    content = read_bytes(path)
    try:
        with quietly(), opened(path, content) as image:
            return shown(image, content, path)
    except (DatasetError, MemoryError):
        raise
    except Exception as error:  # a hostile file makes Pillow raise nearly anything
        raise cannot_read(path, error) from None


def read_mask(path: Path) -> np.ndarray:
    """Read a mask: one whole number for each pixel; of a palette image, its indices.

    Returns:
        uint8 or uint16 (H, W), upright as `read_image`.

    Raises:
        DatasetError: It is too large or damaged, or its numbers have no one meaning.
    """
    try:
        with quietly(), opened(path, read_bytes(path)) as image:
            return whole_numbers(image, path)
    except (DatasetError, MemoryError):
        raise
    except Exception as error:
        raise cannot_read(path, error) from None


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Hold back Pillow's warnings of odd tags and of sizes, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_bytes(path: Path) -> bytes:
    """Return a file's content. Raises DatasetError when it is missing or too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise cannot_read(path, error) from None
    if len(content) > MAX_BYTES:
        raise DatasetError(f"{path}: is larger than {MAX_BYTES >> 20} MiB")
    return content


def cannot_read(path: Path, error: Exception) -> DatasetError:
    """Return the error of a file that cannot be read."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    if isinstance(error, UnidentifiedImageError):
        reason = "it is no whole image of a known format"
    return DatasetError(f"{path}: cannot be read ({reason}); give another copy of it")


def opened(path: Path, content: bytes) -> Image.Image:
    """Open an image file of one image. Raises DatasetError when it is too large or holds more."""
    image: Any = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise DatasetError(f"{path}: is larger than {MAX_PIXELS // 10**6} Mpx")
    # A phone's MPO holds further views of the same image.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise DatasetError(f"{path}: holds {image.n_frames} images; give each as a file of its own")
    opened_image: Image.Image = image
    return opened_image


def shown(image: Image.Image, content: bytes, path: Path) -> np.ndarray:
    """Return the pixels that a viewer shows, uint8 (H, W, 3)."""
    profile = image.info.get("icc_profile")
    deep = deep_pixels(image, content, path)
    if deep is not None:
        orientation = image.getexif().get(0x0112, 1)
        as_8_bit = Image.fromarray(in_8_bits(deep))
        as_8_bit.getexif()[0x0112] = orientation
        image = as_8_bit
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("LA", "La"):
        image = image.convert("LA").getchannel("L")
    if image.mode in ("RGBA", "RGBX", "RGBa"):
        image = Image.merge("RGB", image.convert("RGBA").split()[:3])
    if image.mode == "LAB":
        image = in_srgb(image, ImageCms.createProfile("LAB"))
    elif profile and image.mode in ("RGB", "CMYK", "L"):
        # Viewers ignore a profile that is damaged or of another colour space.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            image = in_srgb(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return np.ascontiguousarray(image.convert("RGB"))


def in_srgb(image: Image.Image, profile: Any) -> Image.Image:
    """Convert colours from a profile to sRGB."""
    converted = ImageCms.profileToProfile(
        image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return converted


def deep_pixels(image: Any, content: bytes, path: Path) -> np.ndarray | None:
    """Return the numbers of an image of more than 8 bits a channel; None where it has 8."""
    stored = " ".join(str(tile[3]) for tile in image.tile)
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, 8)
    bits = max(bits) if isinstance(bits, tuple) else bits
    if not (image.mode.startswith(("I", "F")) or ";16" in stored or ";12" in stored or bits > 8):
        return None
    if image.mode not in ("RGB", "RGBA") and tags.get(PHOTOMETRIC, 1) != INVERTED:
        image.load()
        return np.asarray(image)
    if image.format == "PNG":
        whole = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        )
        if whole is not None and whole.dtype == np.uint16 and whole.ndim == 3:
            return np.ascontiguousarray(whole[..., 2::-1])
    raise DatasetError(
        f"{path}: has more than 8 bits a channel in a form that is not read here; "
        "give a copy with 8 bits, such as PNG"
    )


def in_8_bits(values: np.ndarray) -> np.ndarray:
    """Return numbers of more than 8 bits as a viewer shows them, uint8.

    Whole numbers are shown from 0 to the largest number of as few bits as hold them, fractions
    from 0 to 1. What fills less than a sixteenth of that, or is negative, is stretched.
    """
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("it holds NaN or infinity")
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind == "f" and high <= 1:
        white = 1.0
    else:
        white = next((2.0**bits - 1 for bits in BIT_DEPTHS if high < 2**bits), high)
    black = 0.0
    fractions = values.dtype.kind == "f" and high > 1
    if low < 0 or fractions or (high - low) < white * STRETCHED_BELOW:
        black, white = (float(value) for value in np.quantile(numbers, (OUTERMOST, 1 - OUTERMOST)))
    scaled = (numbers - black) / max(white - black, 1e-12)
    return (scaled.clip(0, 1) * 255).round().astype(np.uint8)


def whole_numbers(image: Any, path: Path) -> np.ndarray:
    """Return the numbers of a mask, uint8 or uint16 (H, W).

    Raises:
        DatasetError: It has colours, a shape in its alpha channel, or fractions.
    """
    if ";12" in " ".join(str(tile[3]) for tile in image.tile):
        raise DatasetError(f"{path}: has 12 bits a pixel; save the mask with 8 or 16")
    tags = getattr(image, "tag_v2", {})
    if tags.get(PHOTOMETRIC, 1) == INVERTED:
        raise DatasetError(f"{path}: is inverted (0 is white); save the mask with 0 as black")
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        if (alpha != 255).any():
            raise DatasetError(
                f"{path}: has transparent pixels; a mask holds its shape in grey values, so save "
                "its alpha channel as a grey image"
            )
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa", "RGB", "CMYK", "YCbCr", "LAB"):
        channels = np.asarray(image.convert("RGB"))
        if (channels != channels[..., :1]).any():
            raise DatasetError(
                f"{path}: is a colour image; expected a mask of one channel of integers, 0 outside "
                "and k on person k"
            )
        return np.ascontiguousarray(channels[..., 0])
    numbers = np.asarray(image)
    if numbers.dtype == bool:
        return numbers.astype(np.uint8)
    if numbers.ndim != 2 or numbers.dtype.kind not in "ui":
        raise DatasetError(
            f"{path}: expected a mask of one channel of integers, "
            f"got {numbers.shape} {numbers.dtype}"
        )
    if numbers.min() < 0 or numbers.max() > 65535:
        raise DatasetError(f"{path}: expected numbers 0..65535, got up to {numbers.max()}")
    return numbers.astype(np.uint8 if numbers.dtype == np.uint8 else np.uint16)
