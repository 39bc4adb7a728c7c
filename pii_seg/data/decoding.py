"""The one decoder of images: what the segmenter is shown is what a person sees.

Training, prediction and anonymising read through `decode`. A file that cannot be read in full is
rejected. Its content decides on the decoder, among those named here: none of them calls another
program or follows references. Sizes and counts are checked before a pixel is decoded.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import ExifTags, Image

from pii_seg.data import colour, image_ends
from pii_seg.data.frames import Frame, Limits
from pii_seg.data.icc import colours_only
from pii_seg.data.shown import FULL, Range, shown_range, to_16_bits
from pii_seg.data.tiff import MAGIC, Page, decode_deep, read_pages, swap_red_blue, turned
from pii_seg.errors import MediaError

try:  # not a dependency: its wheels bring an encoder under another licence
    import pillow_heif  # type: ignore[import-not-found]
except ImportError:
    HEIF: tuple[str, ...] = ()
else:
    pillow_heif.register_heif_opener(thumbnails=False)
    HEIF = ("HEIF",)

READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", *HEIF)
"""Formats by Pillow's names; an MPO, several views of one camera, is opened as JPEG."""

# `Limits` is checked before a pixel is decoded; Pillow's warning, at half of its limit, adds noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Messages about damage: it either makes the decoder fail, which is reported, or does not matter.
warnings.filterwarnings("ignore", module="PIL.TiffImagePlugin")
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True)
class Decoded:
    """An image file as arrays.

    Attributes:
        kind: Pillow's name of the format.
        frames: One or more: frames of an animation, pages of a TIFF, images of a burst.
        loop: Repetitions of an animation: 0 for ever, None once.
        notes: What the file held that the frames do not.
    """

    kind: str
    frames: tuple[Frame, ...]
    loop: int | None = None
    notes: tuple[str, ...] = ()


def decode(
    content: bytes,
    *,
    limits: Limits | None = None,
    keeps_profile: bool = False,
    only_first: bool = False,
    is_whole: bool = False,
) -> Decoded:
    """Decode all frames of an image file.

    Args:
        content: The whole file.
        limits: Reject larger files.
        keeps_profile: Keep the colours of the file and its ICC profile; else they become sRGB.
        only_first: Decode the first frame only; of a TIFF, the first page that is no thumbnail.
        is_whole: The file was just encoded by this program: do not decode a JPEG twice more to see
            whether its data are complete.

    Returns:
        The frames, upright.

    Raises:
        MediaError: The file cannot be decoded in full. No other exception is raised.
    """
    try:
        with np.errstate(all="ignore"):
            work = _Work(content, limits or Limits(), keeps_profile, only_first, is_whole)
            return work.tiff() if content[:4] in MAGIC else work.other()
    except MediaError:
        raise
    except MemoryError:
        raise MediaError("needs more memory than there is; make it smaller") from None
    except Image.DecompressionBombError:
        raise MediaError("is larger than 178 megapixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise MediaError(
            "is not an image in a known format, or its beginning is damaged; convert it to JPEG, "
            "PNG or TIFF, or take a whole copy of it from where it came"
        ) from None
    # Hostile files make decoders raise nearly anything.
    except Exception as error:
        says = isinstance(error, OSError | SyntaxError | ValueError)
        reason = " ".join(str(error).split())[:200] if says else "its parts contradict each other"
        raise MediaError(
            f"cannot be decoded in full ({reason}); take a whole copy of it from where it came, or "
            "convert it to PNG"
        ) from None


def frame_of(image: Image.Image) -> Frame:
    """Make a frame of an image that a program opened with Pillow, as if `decode` had read it.

    Raises:
        MediaError: Its file is damaged, or its pixels are of a kind that is not read.
    """
    try:
        image.load()
        with np.errstate(all="ignore"):
            return _Work(b"", Limits(), False, True).frame(image, _orientation(image), None)
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"cannot be read ({error}); convert it to mode RGB") from None


class _Work:
    """One file that is decoded: its bytes, what is wanted of it, and what was noted."""

    def __init__(
        self,
        content: bytes,
        limits: Limits,
        keeps_profile: bool,
        only_first: bool,
        is_whole: bool = False,
    ) -> None:
        self.content, self.limits = content, limits
        self.keeps_profile, self.only_first = keeps_profile, only_first
        self.is_whole = is_whole
        self.notes: list[str] = []
        self.opened: Image.Image | None = None  # a TIFF, for the pages that Pillow reads
        self.held = 0  # bytes of the frames that were decoded or are declared

    def check(self, width: int, height: int, count: int = 1, nbytes: int = 0) -> None:
        """Count frames of this size, before they are decoded."""
        pixels, limits = width * height, self.limits
        if pixels > limits.pixels:
            raise MediaError(
                f"is larger than {limits.pixels / 1e6:.0f} megapixels ({pixels / 1e6:.0f}); make "
                "it smaller"
            )
        if count > limits.frames:
            raise MediaError(f"has {count} frames, more than {limits.frames}; split it")
        self.held += (nbytes or pixels * 4) * count
        if self.held > limits.decoded:
            raise MediaError(
                f"has frames of {pixels / 1e6:.1f} megapixels, too many to hold; split it"
            )

    def note(self, note: str | None) -> None:
        if note is not None and note not in self.notes:
            self.notes.append(note)

    def tiff(self) -> Decoded:
        pages = read_pages(self.content)
        if self.only_first:
            pages = [next((page for page in pages if not page.reduced), pages[0])]
        self.check(0, 0, len(pages))
        for page in pages:
            self.check(page.width, page.height, nbytes=page.nbytes)
        return Decoded("TIFF", tuple(self.page(page) for page in pages), notes=(*self.notes,))

    def page(self, page: Page) -> Frame:
        if page.deep:
            array = decode_deep(self.content, page)
            return self.deep_frame(array, page.profile, inverted=page.inverted)
        if self.opened is None:
            self.opened = Image.open(io.BytesIO(self.content), formats=("TIFF",))
        image = self.opened
        image.seek(page.number)
        image.load()  # Pillow turns the pages of a TIFF upright
        if sorted(image.size) != sorted((page.width, page.height)):
            raise MediaError("is read differently by two decoders; save it anew")
        return self.frame(image, 1, None)

    def other(self) -> Decoded:
        self.content = self.seen_content()
        with Image.open(io.BytesIO(self.content), formats=READABLE) as image:
            kind = str(image.format)
            declared = getattr(image, "n_frames", 1)
            count = 1 if self.only_first or kind == "MPO" else declared
            if kind == "MPO":
                # A camera's second view or gain map: it shows the same scene, and viewers hide it.
                self.notes = [f"{declared - 1} further views in the file were dropped"]
            self.check(image.width, image.height, count)
            frames = [*self.frames(image, kind, count)]
            return Decoded(kind, _same_size(frames, kind), image.info.get("loop"), (*self.notes,))

    def seen_content(self) -> bytes:
        """Return what of the file decoders need, after checks that they do not make."""
        content, end = self.content, None
        if content[:3] == b"\xff\xd8\xff":
            jpeg = image_ends.read_jpeg_markers(content)
            with Image.open(io.BytesIO(content), formats=READABLE) as image:
                self.check(image.width, image.height)
                self.held = 0
            if not self.is_whole:
                image_ends.require_whole_jpeg(jpeg)
            end = jpeg.end
        elif content[:8] == b"\x89PNG\r\n\x1a\n":
            seen, end = image_ends.read_png_chunks(content)
            self.note(image_ends.trailing_note(content, end))
            return seen
        elif content[:4] == b"GIF8":
            gif = image_ends.read_gif_blocks(content)
            if gif.end is None and not self.only_first:
                raise image_ends.damaged("its end is missing")
            self.check(0, 0, 1 if self.only_first else len(gif.sizes))
            for size in gif.sizes[:1] if self.only_first else gif.sizes:
                self.check(*size)
            self.held, end = 0, gif.end
        elif content[:4] == b"RIFF":
            end = image_ends.end_of_riff(content)
        elif content[4:8] == b"ftyp":
            end = image_ends.end_of_boxes(content)
        if end is not None:
            self.note(image_ends.trailing_note(content, end))
        return content

    def frames(self, image: Image.Image, kind: str, count: int) -> Iterator[Frame]:
        if kind == "PNG" and self.content[24] == 16:
            yield self.deep_png(image, count)
            return
        size = image.size
        for number in range(count):
            if count > 1:  # else the primary image of a burst stays chosen
                image.seek(number)
            if image.size != size:  # images of a burst; of a GIF it was checked before
                self.check(image.width, image.height)
            if number == 0 and kind in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
                yield self.jpeg(image)
            else:
                image.load()
                yield self.frame(image, _orientation(image), image.info.get("duration"))

    def jpeg(self, image: Image.Image) -> Frame:
        """Decode with OpenCV, 1.6 times as fast as Pillow and equal to the last bit."""
        flag = cv2.IMREAD_COLOR_RGB if image.mode == "RGB" else cv2.IMREAD_GRAYSCALE
        encoded = np.frombuffer(self.content, np.uint8)
        array = cv2.imdecode(encoded, flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if array is None or array.shape[:2] != (image.height, image.width):
            image.load()
            array = np.asarray(image)
        array = array if array.ndim == 3 else array[..., None]
        profile = image.info.get("icc_profile")
        return self.coloured(turned(array, _orientation(image)), profile, None)

    def deep_png(self, image: Image.Image, count: int) -> Frame:
        """Decode 16 bits a channel, which Pillow would cut to 8."""
        if count > 1:
            raise MediaError("is an animation of 16 bits; convert it to 8")
        image.load()  # rejects what is cut off, and reads orientations that follow the pixels
        decoded = cv2.imdecode(np.frombuffer(self.content, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.shape[:2] != (image.height, image.width):
            raise image_ends.damaged("its pixels cannot be decoded")
        array = turned(swap_red_blue(decoded), _orientation(image))
        return self.deep_frame(array, image.info.get("icc_profile"))

    def deep_frame(
        self, array: np.ndarray, profile: bytes | None, *, inverted: bool = False
    ) -> Frame:
        """Make a frame of numbers of more than 8 bits."""
        alpha = None
        if array.shape[2] in (2, 4):
            array, alpha = array[..., :-1], array[..., -1]
        shown = shown_range(array)
        if shown.stretched:
            self.note("shows few of the numbers that it can hold: stretched for the search")
        if array.dtype != np.uint16:
            self.note(f"its numbers, {array.dtype}, were converted to 16 bits")
            array, shown = to_16_bits(array, shown), FULL
            if alpha is not None:
                opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
                alpha = to_16_bits(alpha, Range(0, opaque))
        if inverted:
            array = np.uint16(65535) - array
            shown = Range(65535 - shown.high, 65535 - shown.low, shown.stretched)
        kept = self.kept_profile(profile, array.shape[2])
        if profile is not None and kept is None:
            converted = colour.deep_to_srgb(np.ascontiguousarray(array), profile)
            if converted is None:
                raise MediaError(
                    "has more than 8 bits and a colour profile of tables; convert it to sRGB"
                )
            array = converted
        alpha = None if alpha is None else np.ascontiguousarray(alpha)
        return Frame(np.ascontiguousarray(array), alpha, None, shown, kept)

    def frame(self, image: Image.Image, orientation: int, duration: float | None) -> Frame:
        """Make a frame of a loaded image of Pillow's."""
        mode, profile = image.mode, image.info.get("icc_profile")
        if mode in ("I", "F") or mode.startswith("I;16"):
            numbers = np.asarray(image)
            numbers = numbers.astype(numbers.dtype.newbyteorder("="))
            if mode == "I" and numbers.min() >= 0 and numbers.max() <= 65535:
                numbers = numbers.astype(np.uint16)
            return self.deep_frame(turned(numbers[..., None], orientation), profile)
        transparent = "A" in image.getbands() or "transparency" in image.info
        alpha = None
        if mode == "LAB":
            array, profile = np.asarray(colour.lab_to_srgb(image)), None
        elif mode == "CMYK":
            converted = None if profile is None else colour.image_to_srgb(image, profile)
            array, profile = np.asarray(converted or image.convert("RGB")), None
        else:
            grey = mode in ("1", "L", "LA")
            wanted = ("LA" if grey else "RGBA") if transparent else "L" if grey else "RGB"
            array = np.asarray(image if mode == wanted else image.convert(wanted))
            if transparent:
                array, alpha = array[..., :-1], array[..., -1]
            array = array[..., None] if array.ndim == 2 else array
        alpha = None if alpha is None else turned(alpha, orientation)
        return self.coloured(turned(array, orientation), profile, duration, alpha)

    def coloured(
        self,
        array: np.ndarray,
        profile: bytes | None,
        duration: float | None,
        alpha: np.ndarray | None = None,
    ) -> Frame:
        """Make a frame whose colours are sRGB or, on request, those of its profile."""
        kept = self.kept_profile(profile, array.shape[2])
        if profile is not None and kept is None:
            array = colour.array_to_srgb(array, profile)
        alpha = None if alpha is None else np.ascontiguousarray(alpha)
        return Frame(np.ascontiguousarray(array), alpha, duration, profile=kept)

    def kept_profile(self, profile: bytes | None, channels: int) -> bytes | None:
        """Return what is kept of a profile: its colours, if they are of such an image."""
        if profile is None or not self.keeps_profile or not colour.fits(profile, channels):
            return None
        return colours_only(profile)


def _orientation(image: Image.Image) -> int:
    """Return the orientation in the EXIF data, 1..8.

    Not that in XMP, which Pillow would take too: browsers and most viewers do not.
    """
    content = image.info.get("exif")
    if not isinstance(content, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(content)
        value = exif.get(ExifTags.Base.Orientation)
    except Exception:  # damaged data say nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _same_size(frames: list[Frame], kind: str) -> tuple[Frame, ...]:
    """Give the frames of an animation whose canvas grows the size of the last, transparent."""
    height, width = (max(frame.pixels.shape[axis] for frame in frames) for axis in (0, 1))
    if kind != "GIF" or frames[0].pixels.shape[:2] == (height, width):
        return tuple(frames)
    larger = []
    for frame in frames:
        h, w = frame.pixels.shape[:2]
        border = ((0, height - h), (0, width - w))
        alpha = np.full((h, w), 255, np.uint8) if frame.alpha is None else frame.alpha
        pixels = np.pad(frame.pixels, (*border, (0, 0)))
        larger.append(replace(frame, pixels=pixels, alpha=np.pad(alpha, border)))
    return tuple(larger)
