"""The images of one session: held in memory, searched in the background, corrected by strokes."""

from __future__ import annotations

import io
import secrets
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pii_seg.anonymize.anonymizer import Anonymizer
from pii_seg.anonymize.image_reader import contrast_notes
from pii_seg.anonymize.image_writer import encode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.anonymize.mask_persistence import hold_masks
from pii_seg.app.memory import DecodedImages, MemoryBudget
from pii_seg.app.strokes import Stroke, corrected
from pii_seg.data.frames import Frame
from pii_seg.data.image_io import encode_image
from pii_seg.errors import InputError, MediaError

HOLD = 2  # frames of an animation before and after, for which a mask is held
PREVIEW = 1600  # px, longest side of what the page shows


HEAVY = 2
"""Images that are redacted or shown at a time: each takes several times its size while it is."""


@dataclass(frozen=True)
class Limits:
    """The most that one session holds.

    Attributes:
        images: Number of images, with those that are being uploaded.
        upload: Bytes of one file.
        stored: Bytes of all files, also while they are uploaded, with their masks and strokes.
        decoded: Bytes of the images that are decoded at a time.
    """

    images: int = 500
    upload: int = 200 << 20
    stored: int = 4 << 30
    decoded: int = 1 << 30


@dataclass(frozen=True)
class PackedMask:
    """A mask that takes little memory."""

    height: int
    width: int
    packed: bytes

    @classmethod
    def of(cls, mask: np.ndarray) -> PackedMask:
        """Pack a mask, bool (H, W)."""
        height, width = mask.shape
        return cls(height, width, zlib.compress(np.packbits(mask).tobytes(), 1))

    def unpacked(self) -> np.ndarray:
        """Return the mask, bool (H, W)."""
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        count = self.height * self.width
        return np.unpackbits(bits, count=count).reshape(self.height, self.width).astype(bool)


@dataclass
class Entry:
    """An image of the session.

    Attributes:
        number: Identifies it.
        name: File name.
        content: The file; it is decoded when it is needed.
        masks: What was found in each frame; empty until it is searched.
        persons: The most that were found in any frame.
        strokes: Corrections, in their order.
        error: Why it failed.
        revision: Grows with each change.
        shape: Height, width, and number of frames; None until it is decoded.
        notes: What the file holds that the result does not.
        seed: Of what inpaint invents.
    """

    number: int
    name: str
    content: bytes
    masks: tuple[PackedMask, ...] = ()
    persons: int = 0
    strokes: tuple[Stroke, ...] = ()
    error: str | None = None
    revision: int = 0
    shape: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()
    seed: int = field(default_factory=lambda: secrets.randbits(32))

    @property
    def status(self) -> str:
        """Return failed, ready or waiting."""
        if self.error is not None:
            return "failed"
        return "ready" if self.masks else "waiting"

    @property
    def nbytes(self) -> int:
        """Memory of the file, its masks and its strokes."""
        masks = sum(len(mask.packed) for mask in self.masks)
        return len(self.content) + masks + sum(stroke.nbytes for stroke in self.strokes)

    def corrected(self, frame: int, strokes: Sequence[Stroke] | None = None) -> np.ndarray:
        """Apply the strokes to a mask, bool (H, W). A stroke holds for every frame."""
        return corrected(self.masks[frame].unpacked(), self.strokes if strokes is None else strokes)

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
        if self.shape is not None:
            height, width, frames = self.shape
            known |= {"width": width, "height": height, "frames": frames}
            known["notes"] = list(self.notes)
        return known


class Upload:
    """A file that is being uploaded. What it holds counts from the first byte."""

    def __init__(self, session: Session) -> None:
        """Count one more image.

        Raises:
            InputError: The session is full.
        """
        self.session = session
        self._content = io.BytesIO()
        session._begin(self)

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self.session._end(self)

    @property
    def size(self) -> int:
        """Bytes that came so far."""
        return self._content.tell()

    def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises:
            InputError: They do not fit into the session's memory.
        """
        self.session.stored.hold(self, self.size + len(chunk))
        self._content.write(chunk)

    def finish(self, name: str) -> int:
        """Let the file be decoded and searched in the background, and return its number."""
        return self.session._queue(self, name, self._content.getvalue())


class Session:
    """All images of a session. Methods may be called from any thread; one thread searches.

    Methods that take a number raise InputError if the image was removed or is not ready.
    """

    def __init__(self, anonymizer: Anonymizer, limits: Limits | None = None) -> None:
        """Begin an empty session."""
        self.anonymizer = anonymizer
        self.limits = limits or Limits()
        self.stored = MemoryBudget(self.limits.stored)
        self.decoded = DecodedImages(self.limits.decoded)
        self._entries: dict[int, Entry] = {}
        self._uploads: set[Upload] = set()
        self._next = 1
        self._lock = threading.RLock()
        self._heavy = threading.BoundedSemaphore(HEAVY)
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
        with Upload(self) as upload:
            upload.write(content)
            return upload.finish(name)

    def _begin(self, upload: Upload) -> None:
        with self._lock:
            if len(self._entries) + len(self._uploads) >= self.limits.images:
                raise InputError(
                    f"the session holds {self.limits.images} images, which is the most; download "
                    "and remove some first"
                )
            self._uploads.add(upload)

    def _end(self, upload: Upload) -> None:
        with self._lock:
            self._uploads.discard(upload)
        self.stored.release(upload)

    def _queue(self, upload: Upload, name: str, content: bytes) -> int:
        with self._lock:
            entry = Entry(self._next, Path(name.replace("\\", "/")).name or "image", content)
            self._next += 1
            self.stored.release(upload)
            self.stored.hold(entry.number, len(content))
            self._uploads.discard(upload)
            self._entries[entry.number] = entry
        self._worker.submit(self._find, entry)
        return entry.number

    def remove(self, number: int) -> None:
        """Delete an image from memory."""
        with self._lock:
            self._entries.pop(self._entry(number).number)
            self.stored.release(number)
        self.decoded.forget(number)

    def correct(self, number: int, strokes: Sequence[Stroke]) -> dict[str, Any]:
        """Replace the strokes of an image, and describe it to the page."""
        with self._lock:
            entry = self._ready(number)
            before, entry.strokes = entry.strokes, tuple(strokes)
            try:
                self.stored.hold(number, entry.nbytes)
            except InputError:
                entry.strokes = before
                raise
            entry.revision += 1
            return entry.as_json()

    def strokes(self, number: int) -> tuple[Stroke, ...]:
        """Return the strokes of an image."""
        return self._entry(number).strokes

    def before(self, number: int) -> bytes:
        """Encode the original first frame as a JPEG for the page."""
        entry = self._ready(number)
        with self._heavy, self.decoded.open(number, entry.content) as image:
            return _preview(image.frames[0].to_rgb8(), ".jpg")

    def mask(self, number: int) -> bytes:
        """Encode the mask of the first frame as a PNG for the page, 255 where it is redacted."""
        entry = self._ready(number)
        with self._heavy:
            return _preview(entry.corrected(0).astype(np.uint8) * np.uint8(255), ".png")

    def after(self, number: int, style: str) -> bytes:
        """Encode the redacted first frame as a JPEG for the page."""
        entry = self._ready(number)
        with self._heavy, self.decoded.open(number, entry.content) as image:
            first = replace(image, frames=image.frames[:1])
            return _preview(self._redacted(entry, first, style).frames[0].to_rgb8(), ".jpg")

    def download(self, number: int, style: str) -> tuple[str, bytes]:
        """Redact and encode the whole image.

        Returns:
            The file's name and content.

        Raises:
            InputError: The image is not ready, or the style cannot be used for it.
            MediaError: The format cannot hold the result.
        """
        entry = self._ready(number)
        with self._heavy, self.decoded.open(number, entry.content) as image:
            redacted = self._redacted(entry, image, style)
            return Path(entry.name).stem + "-anonymised" + image.suffix, encode_file(redacted)

    def ready(self) -> list[int]:
        """List the numbers of the images that can be downloaded."""
        with self._lock:
            return [entry.number for entry in self._entries.values() if entry.status == "ready"]

    def close(self) -> None:
        """Stop searching."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _find(self, entry: Entry) -> None:
        with self._lock:
            if entry.number not in self._entries:  # removed while it waited
                return
        try:
            with self.decoded.open(entry.number, entry.content) as image:
                entry.shape = (*image.frames[0].pixels.shape[:2], len(image.frames))
                entry.notes = (*image.notes, *contrast_notes(image.frames))
                # The pages of a TIFF are independent; the frames of an animation show one scene.
                held = hold_masks(self._searched(image), HOLD if image.is_animation else 0)
                masks = []
                for persons, mask in held:
                    entry.persons = max(entry.persons, persons)
                    masks.append(PackedMask.of(mask))
            entry.masks = tuple(masks)
            self._hold(entry)
        except (MediaError, InputError) as error:
            entry.error = str(error)
        except MemoryError:
            entry.error = "needs more memory than there is; make it smaller"
        except Exception as error:  # concerns this image only, not the page
            entry.error = f"failed ({type(error).__name__}: {' '.join(str(error).split())})"
        if entry.error is not None:
            entry.masks, entry.content = (), b""
            self._hold(entry)
        entry.revision += 1

    def _searched(self, image: ImageFile) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number of persons of each frame, and its mask."""
        for frame in image.frames:
            found = self.anonymizer.find(frame.to_rgb8())
            yield len(found.persons), found.mask

    def _hold(self, entry: Entry) -> None:
        """Count what an entry holds, unless it was removed meanwhile."""
        with self._lock:
            if entry.number in self._entries:
                self.stored.hold(entry.number, entry.nbytes)
        if entry.number not in self._entries:
            self.decoded.forget(entry.number)

    def _redacted(self, entry: Entry, image: ImageFile, style: str) -> ImageFile:
        frames: list[Frame] = []
        strokes = entry.strokes
        for number, frame in enumerate(image.frames):
            mask = entry.corrected(number, strokes)
            stream = entry.seed + number
            try:
                frames.append(
                    self.anonymizer.replace_frame(frame, mask, style=style, stream=stream)
                )
            except ValueError as error:
                raise InputError(str(error)) from None
        return replace(image, frames=tuple(frames))

    def _entry(self, number: int) -> Entry:
        with self._lock:
            entry = self._entries.get(number)
        if entry is None:
            raise InputError("this image was removed; add it again")
        return entry

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
