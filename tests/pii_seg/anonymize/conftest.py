"""Files of every supported kind, with canaries that no output may hold."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, PngImagePlugin

CANARY = "CANARY-7f3a-Jane-Doe"
HEIGHT, WIDTH = 24, 36


class Bright:
    """A detector that takes near-white pixels for a person; it misses some calls on request."""

    threshold = 0.5

    def __init__(self, misses: tuple[int, ...] = ()) -> None:
        self.calls, self.misses = 0, misses

    def probability(self, image: np.ndarray) -> np.ndarray:
        self.calls += 1
        seen = (image.min(axis=2) > 240).astype(np.float32)
        return seen * (self.calls - 1 not in self.misses)

    def as_record(self, *, excluded: bool) -> dict[str, Any]:
        return {"sha256": "0", "threshold": 0.5, "threshold_from": "hand", "promise": None}


def person_on(array: np.ndarray, top: int = 4, left: int = 6) -> np.ndarray:
    array = np.minimum(array, 200)
    array[top : top + 8, left : left + 5] = 255
    return array


def noise(
    height: int = HEIGHT,
    width: int = WIDTH,
    channels: int = 3,
    *,
    seed: int = 0,
    deep: bool = False,
) -> np.ndarray:
    """Return uint8 or uint16 (H, W, C) of random values, so that equality is significant."""
    kind = np.uint16 if deep else np.uint8
    return np.random.default_rng(seed).integers(
        0, np.iinfo(kind).max, (height, width, channels), dtype=kind
    )


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pillow(array: np.ndarray) -> Image.Image:
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def tagged_exif(orientation: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = CANARY
    exif[ExifTags.Base.ImageDescription] = CANARY
    exif[ExifTags.Base.Make] = CANARY
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.MakerNote] = CANARY.encode()
    inner[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + CANARY.encode()
    inner[ExifTags.Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSProcessingMethod] = CANARY.encode()
    return exif


XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><creator>{CANARY}</creator></x:xmpmeta>".encode()


def sources() -> dict[str, bytes]:
    """Return a file of each kind, with canaries wherever it can hold text."""
    rgb, grey = pillow(noise()), pillow(noise(channels=1))
    rgba = pillow(noise(channels=4, seed=1))
    frames = [pillow(noise(seed=seed)) for seed in range(3)]
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", CANARY)
    text.add_text("Comment", CANARY, zip=True)
    text.add_itxt("Title", CANARY)
    tail = CANARY.encode()
    jpeg = saved(rgb, "JPEG", quality=95, exif=tagged_exif(), comment=CANARY, xmp=XMP)
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0" + len(tail).to_bytes(2) + tail
    jpeg = jpeg[:2] + b"\xff\xed" + (len(iptc) + 2).to_bytes(2) + iptc + jpeg[2:]
    tiff = io.BytesIO()
    with tifffile.TiffWriter(tiff) as writer:
        for page in (noise(), noise(30, 20, seed=2), noise(channels=1, seed=3)[..., 0]):
            writer.write(
                page,
                description=CANARY,
                software=CANARY,
                extratags=[(315, 2, 0, CANARY, True), (65000, 2, 0, CANARY, True)],
            )
    deep = io.BytesIO()
    tifffile.imwrite(deep, noise(deep=True), description=CANARY, photometric="rgb")

    deep_png = cv2.imencode(".png", noise(deep=True))[1].tobytes()
    return {
        "jpeg": jpeg + tail,
        "grey jpeg": saved(grey, "JPEG", quality=95, comment=CANARY),
        "cmyk jpeg": saved(rgb.convert("CMYK"), "JPEG", quality=95, comment=CANARY),
        "png": saved(rgb, "PNG", pnginfo=text, exif=tagged_exif()) + tail,
        "png with alpha": saved(rgba, "PNG", pnginfo=text),
        "palette png": saved(rgb.quantize(16), "PNG", pnginfo=text),
        "bitmap png": saved(grey.convert("1"), "PNG", pnginfo=text),
        "deep grey png": saved(pillow(noise(channels=1, deep=True)), "PNG", pnginfo=text),
        "deep png": deep_png + tail,
        "apng": saved(
            frames[0],
            "PNG",
            save_all=True,
            append_images=frames[1:],
            duration=[40, 60, 80],
            loop=0,
            pnginfo=text,
        ),
        "webp": saved(rgb, "WEBP", quality=90, exif=tagged_exif(), xmp=XMP),
        "lossless webp": saved(
            rgba, "WEBP", lossless=True, exact=True, exif=tagged_exif(), xmp=XMP
        ),
        "animated webp": saved(
            frames[0],
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=[40, 60, 80],
            lossless=True,
            xmp=XMP,
        ),
        "tiff pages": tiff.getvalue() + tail,
        "deep tiff": deep.getvalue(),
        "gif": saved(
            frames[0],
            "GIF",
            save_all=True,
            append_images=frames[1:],
            duration=[40, 60, 80],
            loop=0,
            comment=CANARY.encode(),
        ),
        "bmp": saved(rgb, "BMP") + tail,
    }


SOURCES = sources()


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> bytes:
    """One file of each kind."""
    return SOURCES[request.param]
