"""The images of one session: held in memory, searched in the background, corrected by strokes."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.data.frames import Frame
from pii_seg.data.image_io import encode_image
from pii_seg.errors import InputError, MediaError

PREVIEW = 1600  # px, longest side of what the page shows


@dataclass(frozen=True)
class Limits:
    """The most that one session holds.

    Attributes:
        images: Number of images.
        upload: Bytes of one file.
        decoded: Bytes of all decoded images together.
    """

    images: int = 500
    upload: int = 200 << 20
    decoded: int = 4 << 30


@dataclass(frozen=True)
class Stroke:
    """A stroke of the round brush: it adds a missed person, or erases what is not a person.

    Attributes:
        erases: Remove from the mask instead of adding to it.
        radius: In px of the image.
        points: (x, y) in px of the image, one or more.
    """

    erases: bool
    radius: float
    points: tuple[tuple[float, float], ...]

    def mask(self, height: int, width: int) -> np.ndarray:
        """Draw the stroke, bool (height, width)."""
        canvas = np.zeros((height, width), np.uint8)
        # OpenCV's fixed point numbers with 4 bits: sixteenths of a pixel.
        points = np.round(np.array(self.points) * 16).astype(np.int32)
        for x, y in points[[0, -1]]:
            cv2.circle(canvas, (int(x), int(y)), round(self.radius * 16), 1, cv2.FILLED, shift=4)
        cv2.polylines(canvas, [points], False, 1, max(1, round(2 * self.radius)), shift=4)
        return canvas.astype(bool)


@dataclass
class Entry:
    """An image of the session.

    Attributes:
        number: Identifies it.
        name: File name.
        image: The decoded file; None until it is decoded.
        masks: What was found, bool (H, W) for each frame; empty until it is searched.
        persons: The most that were found in any frame.
        strokes: Corrections, in their order.
        error: Why it failed.
        revision: Grows with each change.
        seed: Of what inpaint invents.
    """

    number: int
    name: str
    image: ImageFile | None = None
    masks: tuple[np.ndarray, ...] = ()
    persons: int = 0
    strokes: tuple[Stroke, ...] = ()
    error: str | None = None
    revision: int = 0
    seed: int = field(default_factory=lambda: secrets.randbits(32))

    @property
    def status(self) -> str:
        """Return failed, ready or waiting."""
        if self.error is not None:
            return "failed"
        return "ready" if self.masks else "waiting"

    @property
    def nbytes(self) -> int:
        """Memory of the decoded image."""
        return 0 if self.image is None else self.image.nbytes

    def corrected(self) -> tuple[np.ndarray, ...]:
        """Apply the strokes to the masks. A stroke holds for every frame."""
        masks = []
        for mask in self.masks:
            mask = mask.copy()
            for stroke in self.strokes:
                drawn = stroke.mask(*mask.shape)
                mask = mask & ~drawn if stroke.erases else mask | drawn
            masks.append(mask)
        return tuple(masks)

    def as_json(self) -> dict[str, Any]:
        """Describe the image to the page."""
        known: dict[str, Any] = {
            "id": self.number,
            "name": self.name,
            "status": self.status,
            "error": self.error,
            "revision": self.revision,
            "persons": self.persons,
        }
        if self.image is not None:
            height, width = self.image.frames[0].pixels.shape[:2]
            known |= {"width": width, "height": height, "frames": len(self.image.frames)}
            known["notes"] = list(self.image.notes)
        return known


class Session:
    """All images of a session. Methods may be called from any thread; one thread searches.

    Methods that take a number raise InputError if the image was removed or is not ready.
    """

    def __init__(self, anonymizer: Anonymizer, limits: Limits | None = None) -> None:
        """Begin an empty session."""
        self.anonymizer = anonymizer
        self.limits = limits or Limits()
        self._entries: dict[int, Entry] = {}
        self._next = 1
        self._lock = threading.RLock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="find")

    def entries(self) -> list[dict[str, Any]]:
        """Describe all images to the page."""
        with self._lock:
            return [entry.as_json() for entry in self._entries.values()]

    def add(self, name: str, content: bytes) -> int:
        """Add an image file, which is decoded and searched in the background.

        Returns:
            Its number.

        Raises:
            InputError: The session is full.
        """
        with self._lock:
            if len(self._entries) >= self.limits.images:
                raise InputError(
                    f"the session holds {self.limits.images} images, which is the most; download "
                    "and remove some first"
                )
            if sum(entry.nbytes for entry in self._entries.values()) > self.limits.decoded:
                raise InputError(
                    "the images fill the memory that the session may use; download and remove some "
                    "first"
                )
            entry = Entry(self._next, Path(name.replace("\\", "/")).name or "image")
            self._entries[entry.number] = entry
            self._next += 1
        self._worker.submit(self._find, entry, content)
        return entry.number

    def remove(self, number: int) -> None:
        """Delete an image from memory."""
        with self._lock:
            self._entries.pop(self._entry(number).number)

    def correct(self, number: int, strokes: Sequence[Stroke]) -> dict[str, Any]:
        """Replace the strokes of an image, and describe it to the page."""
        with self._lock:
            entry = self._ready(number)
            entry.strokes = tuple(strokes)
            entry.revision += 1
            return entry.as_json()

    def strokes(self, number: int) -> tuple[Stroke, ...]:
        """Return the strokes of an image."""
        return self._entry(number).strokes

    def before(self, number: int) -> bytes:
        """Encode the original first frame as a JPEG for the page."""
        return _preview(self._decoded(number).frames[0].to_rgb8(), ".jpg")

    def mask(self, number: int) -> bytes:
        """Encode the mask of the first frame as a PNG for the page, 255 where it is redacted."""
        return _preview(self._ready(number).corrected()[0].astype(np.uint8) * np.uint8(255), ".png")

    def after(self, number: int, style: str) -> bytes:
        """Encode the redacted first frame as a JPEG for the page."""
        entry = self._ready(number)
        redacted = self._redacted(entry, style, only_first=True)
        return _preview(redacted.frames[0].to_rgb8(), ".jpg")

    def download(self, number: int, style: str) -> tuple[str, bytes]:
        """Redact and encode the whole image.

        Returns:
            The file's name and content.

        Raises:
            InputError: The image is not ready, or the style cannot be used for it.
            MediaError: The format cannot hold the result.
        """
        entry = self._ready(number)
        image = self._redacted(entry, style)
        return Path(entry.name).stem + "-anonymised" + image.suffix, encode_file(image)

    def ready(self) -> list[int]:
        """List the numbers of the images that can be downloaded."""
        with self._lock:
            return [entry.number for entry in self._entries.values() if entry.status == "ready"]

    def close(self) -> None:
        """Stop searching."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _find(self, entry: Entry, content: bytes) -> None:
        try:
            image = decode_file(content)
            entry.image = image
            found = [self.anonymizer.find(frame.to_rgb8()) for frame in image.frames]
            entry.persons = max(len(each.persons) for each in found)
            entry.masks = tuple(each.mask for each in found)
        except MediaError as error:
            entry.error = str(error)
        except Exception as error:  # concerns this image only, not the page
            entry.error = f"failed ({type(error).__name__}: {error})"
        entry.revision += 1

    def _redacted(self, entry: Entry, style: str, *, only_first: bool = False) -> ImageFile:
        assert entry.image is not None
        frames: list[Frame] = []
        for frame, mask in zip(entry.image.frames, entry.corrected(), strict=True):
            stream = entry.seed + len(frames)
            try:
                frames.append(
                    self.anonymizer.replace_frame(frame, mask, style=style, stream=stream)
                )
            except ValueError as error:
                raise InputError(str(error)) from None
            if only_first:
                break
        return replace(entry.image, frames=tuple(frames))

    def _entry(self, number: int) -> Entry:
        with self._lock:
            entry = self._entries.get(number)
        if entry is None:
            raise InputError("this image was removed; add it again")
        return entry

    def _decoded(self, number: int) -> ImageFile:
        entry = self._entry(number)
        if entry.image is None:
            raise InputError(entry.error or "this image is not decoded yet; wait a moment")
        return entry.image

    def _ready(self, number: int) -> Entry:
        entry = self._entry(number)
        if entry.status != "ready":
            raise InputError(entry.error or "this image is still being searched; wait a moment")
        return entry


def _preview(array: np.ndarray, kind: str) -> bytes:
    """Encode `array` as a file, shrunk to PREVIEW."""
    longest = max(array.shape[:2])
    if longest > PREVIEW:
        height, width = (max(1, round(side * PREVIEW / longest)) for side in array.shape[:2])
        array = cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)
    return encode_image(array, kind)
