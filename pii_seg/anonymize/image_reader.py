"""Decode stills and animations into arrays.

A file that cannot be read in full is rejected. Its content decides on the decoder, among those
named here: none of them calls another program or follows references.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

from pii_seg.anonymize.images import SUFFIXES, Frame, ImageFile, KeptMetadata, Limits
from pii_seg.errors import MediaError

try:  # not a dependency: its wheels bring an encoder under another licence
    import pillow_heif  # type: ignore[import-not-found]
except ImportError:
    HEIF: tuple[str, ...] = ()
else:
    pillow_heif.register_heif_opener(thumbnails=False)
    HEIF = ("HEIF",)

# The format that is read -> the format that is written.
WRITTEN_AS = {**{name: name for name in SUFFIXES}, "MPO": "JPEG", "HEIF": "JPEG"}
READABLE = (*SUFFIXES, *HEIF)  # an MPO, several views of one camera, is opened as JPEG
DATE = re.compile(r"\d{4}:[01]\d:[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d")

# `Limits` is checked before a pixel is decoded; Pillow's warning, at half of its limit, adds noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Warnings about damage: it either makes the decoder fail or does not matter.
warnings.filterwarnings("ignore", module="PIL.TiffImagePlugin")


def decode_file(
    content: bytes, *, keep: frozenset[str] = frozenset(), limits: Limits | None = None
) -> ImageFile:
    """Decode all frames of an image file.

    Args:
        content: The whole file.
        keep: Metadata to keep, a subset of KEEPABLE. Colours are converted to sRGB unless "icc",
            the profile, is kept.
        limits: Reject larger files.

    Returns:
        The frames, upright, and what is needed to write them again.

    Raises:
        MediaError: The file cannot be decoded in full. No other exception is raised.
    """
    try:
        return _decode(content, keep, limits or Limits())
    except MediaError:
        raise
    except MemoryError:
        raise MediaError("needs more memory than there is; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise MediaError(
            "is not an image in a known format; convert it to JPEG, PNG or TIFF"
        ) from None
    # Hostile files make decoders raise nearly anything.
    except Exception as error:
        raise MediaError(
            f"cannot be decoded ({str(error) or type(error).__name__}); replace or remove it"
        ) from None


def _decode(content: bytes, keep: frozenset[str], limits: Limits) -> ImageFile:
    with Image.open(io.BytesIO(content), formats=READABLE) as image:
        kind = str(image.format)
        notes = []
        count = getattr(image, "n_frames", 1)
        if kind == "MPO":
            # A camera's second view or gain map: it shows the same scene, and viewers hide it.
            notes.append(f"{count - 1} further views in the file were dropped")
            count = 1
        if count > limits.frames:
            raise MediaError(f"has {count} frames, more than {limits.frames}; split it")
        _check_size(image, count, limits)
        deep = _deep_pages(image, content, count)
        frames, profile = [], image.info.get("icc_profile")
        for number in range(count):
            image.seek(number)
            _check_size(image, 1, limits)
            frames.append(_frame(image, deep.get(number), profile, keeps_profile="icc" in keep))
        kept = KeptMetadata(
            profile if "icc" in keep else None,
            _date(image.getexif()) if "date" in keep else None,
        )
        return ImageFile(
            WRITTEN_AS[kind],
            tuple(frames),
            kept,
            loop=image.info.get("loop"),
            lossless=kind != "WEBP" or b"VP8 " not in set(_webp_chunks(content)),
            notes=tuple(notes),
        )


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    """Yield the types of a WebP's chunks, also of its frames. "VP8 " is lossy, "VP8L" is not."""
    position = 12
    while position + 8 <= len(content):
        kind = content[position : position + 4]
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        yield kind
        position += 8 + (16 if kind == b"ANMF" else length + length % 2)


def _check_size(image: Image.Image, count: int, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.pixels:
        raise MediaError(
            f"has {pixels / 1e6:.0f} megapixels, more than {limits.pixels / 1e6:.0f}; "
            "make it smaller"
        )
    if pixels * count * 4 > limits.decoded:
        raise MediaError(
            f"is {count} frames of {pixels / 1e6:.1f} megapixels, too many to hold; split it"
        )


def _deep_pages(image: Image.Image, content: bytes, count: int) -> dict[int, np.ndarray]:
    """Decode the colour frames with 16 bits a channel, which Pillow would cut to 8.

    Returns:
        Frame number -> RGB or RGBA array, not yet upright.
    """
    encoded = np.frombuffer(content, np.uint8)
    # PNG: bytes 24 and 25 of the header (IHDR) are the bit depth and the colour type.
    if image.format == "PNG" and content[24] == 16 and content[25] in (2, 4, 6):
        if count > 1:
            raise MediaError("is an animation of 16 bits; convert it to 8")
        decoded = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise MediaError("is damaged; replace or remove it")
        return {0: swap_red_blue(decoded)}
    if image.format != "TIFF":
        return {}
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        kinds = [(page.dtype, getattr(page.keyframe, "samplesperpixel", 1)) for page in tiff.pages]
    if len(kinds) != count:
        raise MediaError("holds pages that cannot all be read; save it anew")
    for kind, _ in kinds:
        if kind not in (np.uint8, np.uint16, np.bool_):
            raise MediaError(f"holds numbers of type {kind}, not 8 or 16 bit; convert it")
    deep = [
        number for number, (kind, samples) in enumerate(kinds) if kind == np.uint16 and samples > 1
    ]
    if not deep:
        return {}
    _, pages = cv2.imdecodemulti(encoded, cv2.IMREAD_UNCHANGED)
    return {number: swap_red_blue(np.asarray(pages[number])) for number in deep}


def swap_red_blue(array: np.ndarray) -> np.ndarray:
    """Change between the channel orders of OpenCV (BGR, BGRA) and Pillow (RGB, RGBA).

    Args:
        array: (H, W) or (H, W, 1, 3 or 4).

    Returns:
        (H, W, C).

    Raises:
        MediaError: Another number of channels.
    """
    if array.ndim == 2:
        return array[..., None]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    if array.shape[2] not in order:
        raise MediaError(f"has {array.shape[2]} channels; convert it to RGB")
    return array[..., order[array.shape[2]]]


def _frame(
    image: Image.Image, deep: np.ndarray | None, profile: bytes | None, *, keeps_profile: bool
) -> Frame:
    image.load()
    duration = image.info.get("duration")
    turned = _turn(image.getexif().get(ExifTags.Base.Orientation, 1))
    if deep is not None:
        if profile and not keeps_profile and not _is_srgb(profile):
            raise MediaError(
                "has 16 bits and a colour profile; keep the profile with --keep-metadata icc"
            )
        array = deep
        if array.shape[:2] != (image.height, image.width):
            raise MediaError("is read differently by two decoders; save it anew")
    else:
        array = np.asarray(_in_plain_mode(image, profile, keeps_profile=keeps_profile))
        array = array[..., None] if array.ndim == 2 else array
    array = turned(array)
    if array.shape[2] in (2, 4):
        return Frame(
            np.ascontiguousarray(array[..., :-1]), np.ascontiguousarray(array[..., -1]), duration
        )
    return Frame(np.ascontiguousarray(array), None, duration)


def _in_plain_mode(
    image: Image.Image, profile: bytes | None, *, keeps_profile: bool
) -> Image.Image:
    """Convert to mode L, LA, RGB, RGBA or I;16, with sRGB colours."""
    mode = image.mode
    if mode.startswith("I;16"):
        return image
    if mode == "I":  # Pillow's old name for 16-bit grey
        return Image.fromarray(np.asarray(image).astype(np.uint16))
    if mode in ("F", "LAB", "HSV"):
        raise MediaError(f"holds pixels of kind {mode}; convert it to RGB")
    transparent = "A" in image.getbands() or "transparency" in image.info
    wanted = {"1": "L", "L": "L", "LA": "LA"}.get(mode, "RGBA" if transparent else "RGB")
    if mode == "L" and transparent:
        wanted = "LA"
    if profile and not keeps_profile and not _is_srgb(profile) and wanted.startswith("RGB"):
        return _to_srgb(image, profile, wanted)
    return image if mode == wanted else image.convert(wanted)


def _to_srgb(image: Image.Image, profile: bytes, wanted: str) -> Image.Image:
    alpha = image.convert("RGBA").getchannel("A") if wanted == "RGBA" else None
    source = image if image.mode in ("RGB", "CMYK") else image.convert("RGB")
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            source, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):  # a damaged profile is ignored, as viewers do
        converted = source.convert("RGB")
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _is_srgb(profile: bytes) -> bool:
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return False
    return "sRGB" in name


def _turn(orientation: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that turns an array of an EXIF orientation upright."""
    turns: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a[::-1].swapaxes(0, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a[:, ::-1].swapaxes(0, 1),
    }
    return turns.get(orientation, lambda a: a)


def _date(exif: Image.Exif) -> str | None:
    """Return the capture date if the field holds a date and nothing else."""
    taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
    date = taken or exif.get(ExifTags.Base.DateTime)
    return date if isinstance(date, str) and DATE.fullmatch(date) else None
