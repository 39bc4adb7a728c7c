"""Image files made in memory, and what a person sees who opens them: one table for every decoder.

`image_cases()` lists them. Every reader of images in this project (anonymise, predict, training,
repainting, backdrops) returns `shown`, within `tolerance`, or refuses the file in plain words.

Numbers of more than 8 bits have no one meaning. The rule, for which `pii_seg.data.shown` is the
place: whole numbers are shown from 0 to the largest number of 8, 10, 12, 14 or 16 bits, the fewest
that hold them; fractions from 0 to 1; and what fills less than a sixteenth of that range, or has
negative numbers, is stretched from its darkest to its brightest, without the outermost thousandth.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms, features

HEIGHT, WIDTH = 48, 32
ORIENTATIONS = range(1, 9)


@dataclass(frozen=True)
class ImageCase:
    """A file, and what a viewer shows.

    Attributes:
        name: Unique; serves as the stem of a file name.
        ending: With its dot.
        content: The whole file.
        shown: uint8 (H, W, 3), upright sRGB.
        tolerance: Largest mean absolute difference, in levels of 255; 0 for lossless 8 bit.
    """

    name: str
    ending: str
    content: bytes
    shown: np.ndarray
    tolerance: float = 0

    def agrees(self, read: np.ndarray) -> bool:
        """Whether a reader's uint8 (H, W, 3) is what a viewer shows."""
        if read.shape != self.shown.shape or read.dtype != np.uint8:
            return False
        difference = np.abs(read.astype(int) - self.shown)
        return bool(difference.mean() <= self.tolerance)


def upright_image() -> np.ndarray:
    """Return uint8 (48, 32, 3): blocks of 16 px, no two alike, black and white among them."""
    colours = [
        (0, 0, 0),
        (255, 255, 255),
        (220, 40, 30),
        (40, 200, 60),
        (30, 60, 210),
        (90, 90, 90),
    ]
    blocks = np.array(colours, np.uint8).reshape(3, 2, 3)
    return blocks.repeat(16, axis=0).repeat(16, axis=1)


def grey_image() -> np.ndarray:
    """Return uint8 (48, 32): blocks of 16 px from 0 to 255, no two alike."""
    return np.array([[0, 255], [150, 60], [200, 105]], np.uint8).repeat(16, 0).repeat(16, 1)


def as_recorded(upright: np.ndarray, orientation: int) -> np.ndarray:
    """Turn or mirror an image as a camera stores it that notes `orientation`."""
    turns = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: upright.swapaxes(0, 1)[::-1],
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: upright.swapaxes(0, 1)[:, ::-1],
    }
    return np.ascontiguousarray(turns[orientation])


def saved(array: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """Encode with Pillow."""
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif_of(orientation: int) -> Image.Exif:
    """Return EXIF that holds an orientation and nothing else."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def tiff(array: np.ndarray, *, orientation: int = 1, **options: Any) -> bytes:
    """Encode a TIFF of one page; `options` as for tifffile."""
    options.setdefault("photometric", "rgb" if array.ndim == 3 else "minisblack")
    file = io.BytesIO()
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(file, array, extratags=tags, metadata=None, **options)
    return file.getvalue()


def deep_png(array: np.ndarray) -> bytes:
    """Encode uint16 (H, W) or RGB (H, W, 3) as PNG of 16 bits."""
    return cv2.imencode(".png", array if array.ndim == 2 else array[..., ::-1])[1].tobytes()


def with_png_chunk(content: bytes, name: bytes, data: bytes) -> bytes:
    """Insert a chunk after the header (IHDR) of a PNG."""
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return content[:33] + chunk + content[33:]


def scaled(image: np.ndarray, white: int) -> np.ndarray:
    """Stretch 0..255 to whole numbers 0..white, uint16."""
    return np.rint(image / 255 * white).astype(np.uint16)


def three(grey: np.ndarray) -> np.ndarray:
    """Repeat (H, W) to (H, W, 3)."""
    return np.repeat(grey[..., None], 3, axis=2)


@cache
def image_cases() -> tuple[ImageCase, ...]:
    """Return the table."""
    return (*_orientations(), *_deep(), *_colours())


def case_named(name: str) -> ImageCase:
    """Return one row of the table."""
    return next(case for case in image_cases() if case.name == name)


def _orientations() -> list[ImageCase]:
    rgb, grey = upright_image(), grey_image()
    cases = []
    for number in ORIENTATIONS:
        stored, exif = as_recorded(rgb, number), exif_of(number)
        deep = scaled(as_recorded(grey, number), 65535)
        cases += [
            ImageCase(
                f"jpeg_orientation_{number}",
                ".jpg",
                saved(stored, "JPEG", quality=100, subsampling=0, exif=exif),
                rgb,
                3,
            ),
            ImageCase(f"png_orientation_{number}", ".png", saved(stored, "PNG", exif=exif), rgb),
            ImageCase(
                f"webp_orientation_{number}",
                ".webp",
                saved(stored, "WEBP", lossless=True, exif=exif),
                rgb,
            ),
            ImageCase(f"tiff_orientation_{number}", ".tif", tiff(stored, orientation=number), rgb),
            ImageCase(
                f"deep_tiff_orientation_{number}",
                ".tif",
                tiff(deep, orientation=number),
                three(grey),
                1,
            ),
            ImageCase(
                f"deep_rgb_tiff_orientation_{number}",
                ".tif",
                tiff(scaled(stored, 65535), orientation=number),
                rgb,
                1,
            ),
            ImageCase(
                f"deep_png_orientation_{number}",
                ".png",
                with_png_chunk(deep_png(deep), b"eXIf", exif.tobytes()[6:]),
                three(grey),
                1,
            ),
        ]
        if features.check("avif"):
            content = saved(stored, "AVIF", quality=100, subsampling="4:4:4", exif=exif)
            cases.append(ImageCase(f"avif_orientation_{number}", ".avif", content, rgb, 4))
    return cases


def _deep() -> list[ImageCase]:
    """More than 8 bits a channel, and numbers that are not 0..255."""
    rgb, grey = upright_image(), grey_image()
    seen = three(grey)
    twelve, twelve_rgb = scaled(grey, 4095), scaled(rgb, 4095)
    fraction = (grey / 255).astype(np.float32)
    rows: list[tuple[str, bytes, np.ndarray]] = [
        ("grey16.png", deep_png(scaled(grey, 65535)), seen),
        ("rgb16.png", deep_png(scaled(rgb, 65535)), rgb),
        ("grey12_in_16.png", deep_png(twelve), seen),
        ("rgb12_in_16.png", deep_png(twelve_rgb), rgb),
        ("grey10_in_16.png", deep_png(scaled(grey, 1023)), seen),
        ("grey14_in_16.png", deep_png(scaled(grey, 16383)), seen),
        ("grey12_in_16.tif", tiff(twelve), seen),
        ("rgb12_in_16.tif", tiff(twelve_rgb), rgb),
        ("grey12_zip.tif", tiff(twelve, compression="zlib", predictor=2), seen),
        ("thermal_offset.png", deep_png(30000 + scaled(grey, 378)), seen),
        ("thermal_offset.tif", tiff(30000 + scaled(grey, 378)), seen),
        ("grey16_bigendian.tif", tiff(scaled(grey, 65535), byteorder=">"), seen),
        ("rgb16_bigendian.tif", tiff(scaled(rgb, 65535), byteorder=">"), rgb),
        ("grey12_bigendian.tif", tiff(twelve, byteorder=">"), seen),
        ("rgb16_planar.tif", tiff(_planes(scaled(rgb, 65535)), **_PLANAR), rgb),
        ("inverted8.tif", tiff(255 - grey, photometric="miniswhite"), seen),
        ("inverted16.tif", tiff(65535 - scaled(grey, 65535), photometric="miniswhite"), seen),
        ("inverted12.tif", tiff(4095 - twelve, photometric="miniswhite"), seen),
        ("float_fraction.tif", tiff(fraction), seen),
        ("float_bigendian.tif", tiff(fraction, byteorder=">"), seen),
        ("float_rgb.tif", tiff((rgb / 255).astype(np.float32)), rgb),
        ("float_kelvin.tif", tiff(290 + 20 * fraction), seen),
        ("float_celsius.tif", tiff(-5 + 40 * fraction), seen),
        ("double.tif", tiff(fraction.astype(np.float64)), seen),
        ("signed16.tif", tiff(scaled(grey, 4095).astype(np.int16)), seen),
        ("unsigned32.tif", tiff(scaled(grey, 65535).astype(np.uint32)), seen),
    ]
    return [
        ImageCase("deep_" + name.replace(".", "_"), name[-4:], content, shown, 1)
        for name, content, shown in rows
    ]


_PLANAR: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}


def _planes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(array, 2, 0))


def _colours() -> list[ImageCase]:
    """Palettes, transparency, inks, Lab, profiles, and endings beside the usual ones."""
    rgb, grey = upright_image(), grey_image()
    picture = Image.fromarray(rgb)
    palette = picture.quantize(8)
    clear = palette.copy()
    clear.info["transparency"] = 0
    alpha = np.dstack([rgb, np.full(rgb.shape[:2], 90, np.uint8)])
    # The primaries swapped, so that a reader that ignores the profile is far off.
    swapped = np.ascontiguousarray(rgb[..., [1, 2, 0]])
    bilevel = Image.fromarray(grey).convert("1", dither=Image.Dither.NONE)
    rows: list[tuple[str, bytes, np.ndarray, float]] = [
        ("grey.jpg", saved(grey, "JPEG", quality=100), three(grey), 2),
        ("grey.png", saved(grey, "PNG"), three(grey), 0),
        ("progressive.jpg", saved(rgb, "JPEG", quality=100, progressive=True), rgb, 6),
        ("palette.png", saved(palette, "PNG"), rgb, 0),
        ("palette_alpha.png", saved(clear, "PNG"), rgb, 0),
        ("alpha.png", saved(alpha, "PNG"), rgb, 0),
        ("bilevel.png", saved(bilevel, "PNG"), np.array(bilevel.convert("RGB")), 0),
        ("palette.gif", saved(palette, "GIF"), rgb, 0),
        ("colour.bmp", saved(rgb, "BMP"), rgb, 0),
        ("inks.jpg", saved(picture.convert("CMYK"), "JPEG", quality=100), rgb, 4),
        ("inks.tif", saved(picture.convert("CMYK"), "TIFF"), rgb, 1),
        ("lab.tif", saved(_as_lab(picture), "TIFF"), rgb, 4),
        ("profile.png", saved(swapped, "PNG", icc_profile=swapped_profile()), rgb, 2),
        ("profile.jpg", saved(swapped, "JPEG", quality=100, icc_profile=swapped_profile()), rgb, 6),
        (
            "profile16.png",
            with_png_chunk(
                deep_png(scaled(swapped, 65535)),
                b"iCCP",
                b"profile\0\0" + zlib.compress(swapped_profile()),
            ),
            rgb,
            2,
        ),
        ("colour.jp2", saved(rgb, "JPEG2000"), rgb, 0),
        ("colour.jfif", saved(rgb, "JPEG", quality=100, subsampling=0), rgb, 3),
        ("colour.jpe", saved(rgb, "JPEG", quality=100, subsampling=0), rgb, 3),
    ]
    return [
        ImageCase("colour_" + name.replace(".", "_"), name[name.index(".") :], *rest)
        for name, *rest in rows
    ]


def _as_lab(image: Image.Image) -> Image.Image:
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    return lab


@cache
def swapped_profile(description: bytes = b"swapped") -> bytes:
    """Return an sRGB profile whose channels are stored in the order green, blue, red.

    Args:
        description: Text of the profile's name; a test may plant something there.
    """
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = dict(_icc_tags(plain))
    tags |= {b"rXYZ": tags[b"gXYZ"], b"gXYZ": tags[b"bXYZ"], b"bXYZ": tags[b"rXYZ"]}
    text = description + b"\0"
    tags[b"desc"] = (
        b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    )
    return icc_profile(plain[:128], tags)


def icc_profile(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Assemble an ICC profile (ICC.1:2010, section 7) from its header and its tags."""
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    body = struct.pack(">I", len(tags)) + table + data
    return struct.pack(">I", 128 + len(body)) + header[4:128] + body


def _icc_tags(profile: bytes) -> list[tuple[bytes, bytes]]:
    (count,) = struct.unpack_from(">I", profile, 128)
    rows = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    return [(name, profile[start : start + length]) for name, start, length in rows]
