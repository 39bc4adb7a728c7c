"""Encode frames into a file of the format that they came in."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image

from pii_seg.anonymize.animations import join_gif, join_png, join_webp, png_chunks
from pii_seg.anonymize.images import ImageFile, KeptMetadata
from pii_seg.data.frames import Frame
from pii_seg.data.tiff import swap_red_blue
from pii_seg.errors import MediaError

QUALITY = 95  # JPEG, lossy WebP


def encode_file(image: ImageFile) -> bytes:
    """Encode `image`. Lossless formats hold exactly its pixels.

    Raises:
        MediaError: The format cannot hold these frames.
    """
    if image.format == "TIFF":
        return _encode_tiff(image)
    if image.is_animation:
        return _encode_animation(image)
    if image.frames[0].pixels.dtype == np.uint16:
        return _encode_deep_png(image)
    return _encode_by_pillow(image)


def _encode_by_pillow(image: ImageFile) -> bytes:
    """Encode a still of 8 bits."""
    options: dict[str, Any] = {}
    if image.kept.profile:
        options["icc_profile"] = image.kept.profile
    if image.kept.date and image.format in ("JPEG", "PNG", "WEBP"):
        options["exif"] = _exif(image.kept.date)
    if image.format == "JPEG":
        options |= {"quality": QUALITY, "subsampling": 0}
    elif image.format == "WEBP":
        options |= {
            "lossless": image.lossless,
            "quality": 100 if image.lossless else QUALITY,
            "exact": True,
        }
    page = _to_pillow(image.frames[0])
    if image.format == "BMP" and page.mode == "LA":
        page = page.convert("RGB")
    file = io.BytesIO()
    page.save(file, image.format, **options)
    return file.getvalue()


def _encode_animation(image: ImageFile) -> bytes:
    """Encode each frame as a still, and join them: see `animations`."""
    frames = _alike(image.frames)
    height, width = frames[0].pixels.shape[:2]
    stills = []
    for number, frame in enumerate(frames):
        kept = image.kept if number == 0 else KeptMetadata()
        still = replace(image, frames=(frame,), kept=kept)
        stills.append(
            _encode_deep_png(still) if frame.pixels.dtype == np.uint16 else _encode_by_pillow(still)
        )
    durations = [frame.duration for frame in frames]
    size, loop = (width, height), image.loop
    if image.format == "GIF":
        return join_gif(stills, durations, size, loop)
    if image.format == "WEBP":
        return join_webp(stills, durations, size, 1 if loop is None else loop)
    return join_png(stills, durations, size, 1 if loop is None else loop)


def _alike(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Give the frames of an animation equal channels: colour, and transparency if any has it."""
    clear = any(frame.alpha is not None for frame in frames)
    changed = []
    for frame in frames:
        alpha = frame.alpha
        if clear and alpha is None:
            opaque = np.iinfo(frame.pixels.dtype).max
            alpha = np.full(frame.pixels.shape[:2], opaque, frame.pixels.dtype)
        pixels = np.broadcast_to(frame.pixels, (*frame.pixels.shape[:2], 3))
        changed.append(replace(frame, pixels=pixels, alpha=alpha))
    return tuple(changed)


def _joined(frame: Frame) -> np.ndarray:
    """Stack pixels and alpha to (H, W, 1..4).

    16-bit grey with alpha becomes colour, which more programs can read.
    """
    if frame.alpha is None:
        return frame.pixels
    pixels = frame.pixels
    if pixels.dtype == np.uint16 and pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    return np.dstack([pixels, frame.alpha])


def _to_pillow(frame: Frame) -> Image.Image:
    array = _joined(frame)
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def _exif(date: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = date
    return exif.tobytes()  # the object counts as empty, and the PNG writer skips an empty one


def _encode_deep_png(image: ImageFile) -> bytes:
    """Encode 16 bits a channel.

    OpenCV writes no profile and no date, so their chunks are taken from a PNG of one pixel that
    Pillow writes.
    """
    frame = image.frames[0]
    done, encoded = cv2.imencode(".png", swap_red_blue(_joined(frame)))
    if not done:
        raise MediaError("cannot be written as PNG of 16 bits; convert it to 8")
    content = encoded.tobytes()
    pixel = replace(image, frames=(Frame(np.zeros((1, 1, 3), np.uint8)),))
    metadata = b"".join(
        chunk for name, chunk in png_chunks(_encode_by_pillow(pixel)) if name in (b"iCCP", b"eXIf")
    )
    start = 8 + 25  # after the signature and IHDR
    return content[:start] + metadata + content[start:]


def _encode_tiff(image: ImageFile) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for frame in image.frames:
            array = _joined(frame)
            tiff.write(
                array[..., 0] if array.shape[2] == 1 else array,
                photometric="minisblack" if array.shape[2] < 3 else "rgb",
                planarconfig=None if array.shape[2] == 1 else "contig",
                extrasamples=None if frame.alpha is None else ["unassalpha"],
                compression="zlib",
                iccprofile=frame.profile,
                datetime=image.kept.date,
                description=None,
                software=False,
                metadata=None,
            )
    return file.getvalue()
