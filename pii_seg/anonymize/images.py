"""Stills and animations: every frame of a file as arrays, and back to a file of the same kind.

What the arrays hold is all that can come out: a file is written anew from them, so nothing else that was in the one
read (thumbnails, positions, comments, what follows its end) can be in the one written, but what `Kept` allows.

A file that cannot be read in full is refused. Its decoder is chosen by its content, among those named here: nothing
that calls another program or follows references is reached.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

from pii_seg.errors import MediaError

try:  # not a dependency: its wheels bring an encoder under another licence
    import pillow_heif  # type: ignore[import-not-found]
except ImportError:
    HEIF: tuple[str, ...] = ()
else:
    pillow_heif.register_heif_opener(thumbnails=False)
    HEIF = ("HEIF",)

SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "GIF": ".gif",
    "BMP": ".bmp",
}
# What is read, and as what it is written.
WRITTEN_AS = {**{name: name for name in SUFFIXES}, "MPO": "JPEG", "HEIF": "JPEG"}
READABLE = (*SUFFIXES, *HEIF)  # an MPO, a camera's several views, is opened as JPEG
QUALITY = 95
KEEPABLE = frozenset({"icc", "date"})
CAPTURED = ExifTags.Base.DateTimeOriginal
DATE = re.compile(r"\d{4}:[01]\d:[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d")

# Our own limits are checked before a pixel is decoded; Pillow's warning, at half of its own, would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings(
    "ignore", module="PIL.TiffImagePlugin"
)  # of damage, which either is fatal or does not matter


@dataclass(frozen=True)
class Limits:
    """What a file may ask of the machine. pixels: of a frame; decoded: bytes of all frames together."""

    pixels: int = 150_000_000
    frames: int = 2000
    decoded: int = 4 << 30


@dataclass(frozen=True)
class Frame:
    """pixels: uint8 or uint16 (H, W, C), C 1 or 3, upright. alpha: (H, W) of the same type. duration: ms."""

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    duration: float | None = None

    def shown(self) -> np.ndarray:
        """uint8 (H, W, 3): what a segmenter is shown, transparent pixels as stored: who hides there is found."""
        pixels = (
            self.pixels if self.pixels.dtype == np.uint8 else (self.pixels >> 8).astype(np.uint8)
        )
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


@dataclass(frozen=True)
class Kept:
    """The metadata that were asked to stay. profile: an ICC profile; date: 'YYYY:MM:DD hh:mm:ss' of capture."""

    profile: bytes | None = None
    date: str | None = None


@dataclass(frozen=True)
class Picture:
    """A file, decoded. format: of SUFFIXES, as which it is written. loop: of an animation, 0 for ever, None once.

    notes: what was in the file and does not come out, for whoever accounts for it.
    """

    format: str
    frames: tuple[Frame, ...]
    kept: Kept = field(default_factory=Kept)
    loop: int | None = None
    lossless: bool = True
    notes: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.format]


def read_picture(
    content: bytes, *, keep: frozenset[str] = frozenset(), limits: Limits | None = None
) -> Picture:
    """Decode a file whole. Raises MediaError for whatever cannot be, and nothing else.

    keep: of KEEPABLE. Colours are brought to sRGB unless the profile is kept.
    """
    try:
        return _read(content, keep, limits or Limits())
    except MediaError:
        raise
    except MemoryError:
        raise MediaError("needs more memory than there is; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise MediaError(
            "is no picture that can be read; convert it to JPEG, PNG or TIFF"
        ) from None
    # Hostile files make decoders raise nearly anything.
    except Exception as error:
        raise MediaError(
            f"cannot be decoded ({str(error) or type(error).__name__}); replace or remove it"
        ) from None


def _read(content: bytes, keep: frozenset[str], limits: Limits) -> Picture:
    with Image.open(io.BytesIO(content), formats=READABLE) as image:
        kind = str(image.format)
        notes = []
        count = getattr(image, "n_frames", 1)
        if (
            kind == "MPO"
        ):  # a camera's second view or gain map: of the same scene, and not what is seen
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
        kept = Kept(
            profile if "icc" in keep else None,
            _date(image.getexif()) if "date" in keep else None,
        )
        return Picture(
            WRITTEN_AS[kind],
            tuple(frames),
            kept,
            loop=image.info.get("loop"),
            lossless=kind != "WEBP" or b"VP8 " not in set(_webp_chunks(content)),
            notes=tuple(notes),
        )


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    """The types of a WebP's chunks, those of its frames too. "VP8 " is lossy, "VP8L" is not."""
    position = 12
    while position + 8 <= len(content):
        kind, length = (
            content[position : position + 4],
            int.from_bytes(content[position + 4 : position + 8], "little"),
        )
        yield kind
        position += 8 + (16 if kind == b"ANMF" else length + length % 2)


def _check_size(image: Image.Image, count: int, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.pixels:
        raise MediaError(
            f"has {pixels / 1e6:.0f} megapixels, more than {limits.pixels / 1e6:.0f}; make it smaller"
        )
    if pixels * count * 4 > limits.decoded:
        raise MediaError(
            f"is {count} frames of {pixels / 1e6:.1f} megapixels, too many to hold; split it"
        )


def _deep_pages(image: Image.Image, content: bytes, count: int) -> dict[int, np.ndarray]:
    """The frames with 16 bits a channel in colour, which Pillow would cut to 8: RGB or RGBA, not yet upright."""
    encoded = np.frombuffer(content, np.uint8)
    if (
        image.format == "PNG" and content[24] == 16 and content[25] in (2, 4, 6)
    ):  # IHDR: bits, kind of colour
        if count > 1:
            raise MediaError("is an animation of 16 bits; convert it to 8")
        decoded = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise MediaError("is damaged; replace or remove it")
        return {0: _rgb(decoded)}
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
    return {number: _rgb(np.asarray(pages[number])) for number in deep}


def _rgb(array: np.ndarray) -> np.ndarray:
    """OpenCV's order of channels → RGB or RGBA, (H, W, C)."""
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
        array = np.asarray(_plain(image, profile, keeps_profile=keeps_profile))
        array = array[..., None] if array.ndim == 2 else array
    array = turned(array)
    if array.shape[2] in (2, 4):
        return Frame(
            np.ascontiguousarray(array[..., :-1]), np.ascontiguousarray(array[..., -1]), duration
        )
    return Frame(np.ascontiguousarray(array), None, duration)


def _plain(image: Image.Image, profile: bytes | None, *, keeps_profile: bool) -> Image.Image:
    """`image` in mode L, LA, RGB, RGBA or I;16, its colours sRGB."""
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
    except (ImageCms.PyCMSError, OSError):  # a damaged profile: what every viewer does without one
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
    """What makes an array of EXIF `orientation` 1..8 upright; what is none of these is taken for 1."""
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
    """The capture date, when it is one and nothing else."""
    date = exif.get_ifd(ExifTags.IFD.Exif).get(CAPTURED) or exif.get(ExifTags.Base.DateTime)
    return date if isinstance(date, str) and DATE.fullmatch(date) else None


def encode_picture(picture: Picture) -> bytes:
    """The file; in lossless formats it holds the very pixels. Raises MediaError for what its format cannot hold."""
    if picture.format == "TIFF":
        return _encode_tiff(picture)
    if picture.frames[0].pixels.dtype == np.uint16:
        return _encode_deep_png(picture)
    return _encode_by_pillow(picture)


def _encode_by_pillow(picture: Picture) -> bytes:
    images = [_image(frame) for frame in picture.frames]
    options: dict[str, Any] = {}
    if picture.kept.profile:
        options["icc_profile"] = picture.kept.profile
    if picture.kept.date and picture.format in ("JPEG", "PNG", "WEBP"):
        options["exif"] = _exif(picture.kept.date)
    if picture.format == "JPEG":
        options |= {"quality": QUALITY, "subsampling": 0}
    elif picture.format == "WEBP":
        options |= {
            "lossless": picture.lossless,
            "quality": 100 if picture.lossless else QUALITY,
            "exact": True,
        }
    elif picture.format == "BMP":
        images = [image.convert("RGB") if image.mode == "LA" else image for image in images]
    if len(images) > 1:
        options |= {
            "save_all": True,
            "append_images": images[1:],
            "duration": [round(frame.duration or 0) for frame in picture.frames],
        }
        if picture.loop is not None:
            options["loop"] = picture.loop
        if picture.format == "GIF":
            options |= {"disposal": 2, "optimize": False}
    file = io.BytesIO()
    images[0].save(file, picture.format, **options)
    return file.getvalue()


def _joined(frame: Frame) -> np.ndarray:
    """Pixels and alpha, (H, W, 1..4); deep grey with alpha as colour, which more programs can read."""
    if frame.alpha is None:
        return frame.pixels
    pixels = frame.pixels
    if pixels.dtype == np.uint16 and pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    return np.dstack([pixels, frame.alpha])


def _image(frame: Frame) -> Image.Image:
    array = _joined(frame)
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def _exif(date: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[CAPTURED] = date
    return exif.tobytes()  # itself it counts as empty, and PNG's writer leaves out what is


def _encode_deep_png(picture: Picture) -> bytes:
    """16 bits a channel. OpenCV writes no profile and no date: a PNG of one grey pixel by Pillow lends its chunks."""
    frame = picture.frames[0]
    done, encoded = cv2.imencode(".png", _rgb(_joined(frame)))
    if not done:
        raise MediaError("cannot be written as PNG of 16 bits")
    content = encoded.tobytes()
    lender = replace(picture, frames=(Frame(np.zeros((1, 1, 3), np.uint8)),))
    lent = b"".join(
        chunk for name, chunk in png_chunks(_encode_by_pillow(lender)) if name in (b"iCCP", b"eXIf")
    )
    start = 8 + 25  # after the signature and IHDR
    return content[:start] + lent + content[start:]


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, whole chunk) of a well-formed PNG."""
    position = 8
    while position < len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4])
        yield content[position + 4 : position + 8], content[position:end]
        position = end


def _encode_tiff(picture: Picture) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for frame in picture.frames:
            array = _joined(frame)
            tiff.write(
                array[..., 0] if array.shape[2] == 1 else array,
                photometric="minisblack" if array.shape[2] < 3 else "rgb",
                planarconfig=None if array.shape[2] == 1 else "contig",
                extrasamples=None if frame.alpha is None else ["unassalpha"],
                compression="zlib",
                iccprofile=picture.kept.profile,
                datetime=picture.kept.date,
                description=None,
                software=False,
                metadata=None,
            )
    return file.getvalue()
