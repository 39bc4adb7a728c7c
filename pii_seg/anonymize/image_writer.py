"""Encode frames into a file of the format that they came in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image

from pii_seg.anonymize.image_reader import swap_red_blue
from pii_seg.anonymize.images import Frame, ImageFile
from pii_seg.errors import MediaError

QUALITY = 95  # JPEG, lossy WebP


def encode_file(image: ImageFile) -> bytes:
    """Encode `image`. Lossless formats hold exactly its pixels.

    Raises:
        MediaError: The format cannot hold these frames.
    """
    if image.format == "TIFF":
        return _encode_tiff(image)
    if image.frames[0].pixels.dtype == np.uint16:
        return _encode_deep_png(image)
    return _encode_by_pillow(image)


def _encode_by_pillow(image: ImageFile) -> bytes:
    pages = [_to_pillow(frame) for frame in image.frames]
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
    elif image.format == "BMP":
        pages = [page.convert("RGB") if page.mode == "LA" else page for page in pages]
    if len(pages) > 1:
        options |= {
            "save_all": True,
            "append_images": pages[1:],
            "duration": [round(frame.duration or 0) for frame in image.frames],
        }
        if image.loop is not None:
            options["loop"] = image.loop
        if image.format == "GIF":
            options |= {"disposal": 2, "optimize": False}
    file = io.BytesIO()
    pages[0].save(file, image.format, **options)
    return file.getvalue()


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
        chunk for name, chunk in _png_chunks(_encode_by_pillow(pixel)) if name in (b"iCCP", b"eXIf")
    )
    start = 8 + 25  # after the signature and IHDR
    return content[:start] + metadata + content[start:]


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, whole chunk) for each chunk of a well-formed PNG."""
    position = 8
    while position < len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4])
        yield content[position + 4 : position + 8], content[position:end]
        position = end


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
                iccprofile=image.kept.profile,
                datetime=image.kept.date,
                description=None,
                software=False,
                metadata=None,
            )
    return file.getvalue()
