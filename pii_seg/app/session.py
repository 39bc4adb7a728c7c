"""The pictures of one visit: in memory only, found one after another, corrected by strokes, replaced when asked for."""

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
from pii_seg.anonymize.images import Frame, Picture, encode_picture, read_picture
from pii_seg.data.image_io import encode_image
from pii_seg.errors import MediaError

PREVIEW = 1600  # px, longest side of what the page is shown


class StudioError(ValueError):
    """What was asked for cannot be done; the message is for the page."""


@dataclass(frozen=True)
class Limits:
    """What one visit may hold."""

    pictures: int = 500
    upload: int = 200 << 20
    decoded: int = 4 << 30


@dataclass(frozen=True)
class Stroke:
    """Of a round brush, in px of the picture, over a person who was missed; or (erases) over a thing that is none.

    points: (x, y), one or more.
    """

    erases: bool
    radius: float
    points: tuple[tuple[float, float], ...]

    def drawn(self, height: int, width: int) -> np.ndarray:
        """bool (height, width)."""
        canvas = np.zeros((height, width), np.uint8)
        # Fixed point with 4 bits: OpenCV's way of saying a sixteenth of a pixel.
        points = np.round(np.array(self.points) * 16).astype(np.int32)
        for x, y in points[[0, -1]]:
            cv2.circle(canvas, (int(x), int(y)), round(self.radius * 16), 1, cv2.FILLED, shift=4)
        cv2.polylines(canvas, [points], False, 1, max(1, round(2 * self.radius)), shift=4)
        return canvas.astype(bool)


@dataclass
class Entry:
    """A picture of the visit. masks: what was found, bool (H, W) a frame. revision grows with each change."""

    number: int
    name: str
    picture: Picture | None = None
    masks: tuple[np.ndarray, ...] = ()
    persons: int = 0
    strokes: tuple[Stroke, ...] = ()
    error: str | None = None
    revision: int = 0
    seed: int = field(default_factory=lambda: secrets.randbits(32))

    @property
    def status(self) -> str:
        if self.error is not None:
            return "failed"
        return "ready" if self.masks else "waiting"

    @property
    def decoded(self) -> int:
        frames = self.picture.frames if self.picture else ()
        return sum(
            frame.pixels.nbytes + (0 if frame.alpha is None else frame.alpha.nbytes)
            for frame in frames
        )

    def corrected(self) -> tuple[np.ndarray, ...]:
        """The masks, with the strokes in their order. A stroke holds for every frame."""
        masks = []
        for mask in self.masks:
            mask = mask.copy()
            for stroke in self.strokes:
                drawn = stroke.drawn(*mask.shape)
                mask = mask & ~drawn if stroke.erases else mask | drawn
            masks.append(mask)
        return tuple(masks)

    def plain(self) -> dict[str, Any]:
        """What the page knows of it."""
        known: dict[str, Any] = {
            "id": self.number,
            "name": self.name,
            "status": self.status,
            "error": self.error,
            "revision": self.revision,
            "persons": self.persons,
        }
        if self.picture is not None:
            height, width = self.picture.frames[0].pixels.shape[:2]
            known |= {"width": width, "height": height, "frames": len(self.picture.frames)}
            known["notes"] = list(self.picture.notes)
        return known


class Studio:
    """All pictures of a visit. Methods may be called from any thread; finding runs in one of its own."""

    def __init__(self, anonymizer: Anonymizer, limits: Limits | None = None) -> None:
        self.anonymizer = anonymizer
        self.limits = limits or Limits()
        self._entries: dict[int, Entry] = {}
        self._next = 1
        self._lock = threading.RLock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="find")

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return [entry.plain() for entry in self._entries.values()]

    def add(self, name: str, content: bytes) -> int:
        """Take a picture in; it is decoded and searched later. Raises StudioError beyond the limits."""
        with self._lock:
            if len(self._entries) >= self.limits.pictures:
                raise StudioError(
                    f"{self.limits.pictures} pictures at a time; download and remove some first"
                )
            if sum(entry.decoded for entry in self._entries.values()) > self.limits.decoded:
                raise StudioError(
                    "the pictures here fill the memory meant for them; download and remove some first"
                )
            entry = Entry(self._next, Path(name.replace("\\", "/")).name or "picture")
            self._entries[entry.number] = entry
            self._next += 1
        self._worker.submit(self._find, entry, content)
        return entry.number

    def remove(self, number: int) -> None:
        with self._lock:
            self._entries.pop(self._entry(number).number)

    def correct(self, number: int, strokes: Sequence[Stroke]) -> dict[str, Any]:
        """Replace the strokes of a picture."""
        with self._lock:
            entry = self._ready(number)
            entry.strokes = tuple(strokes)
            entry.revision += 1
            return entry.plain()

    def strokes(self, number: int) -> tuple[Stroke, ...]:
        return self._entry(number).strokes

    def before(self, number: int) -> bytes:
        """A JPEG to look at, never to keep: the first frame as it came."""
        return _preview(self._decoded(number).frames[0].shown(), ".jpg")

    def mask(self, number: int) -> bytes:
        """A PNG to look at: 255 where the first frame will be replaced."""
        return _preview(self._ready(number).corrected()[0].astype(np.uint8) * np.uint8(255), ".png")

    def after(self, number: int, style: str) -> bytes:
        """A JPEG to look at: the first frame without its persons."""
        entry = self._ready(number)
        return _preview(self._replaced(entry, style, only_first=True).frames[0].shown(), ".jpg")

    def download(self, number: int, style: str) -> tuple[str, bytes]:
        """(name, file) of the whole picture, anonymised. Raises StudioError, MediaError."""
        entry = self._ready(number)
        picture = self._replaced(entry, style)
        return Path(entry.name).stem + "-anonymised" + picture.suffix, encode_picture(picture)

    def ready(self) -> list[int]:
        with self._lock:
            return [entry.number for entry in self._entries.values() if entry.status == "ready"]

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _find(self, entry: Entry, content: bytes) -> None:
        try:
            picture = read_picture(content)
            entry.picture = picture
            found = [self.anonymizer.find(frame.shown()) for frame in picture.frames]
            entry.persons = max(len(each.persons) for each in found)
            entry.masks = tuple(each.mask for each in found)
        except MediaError as error:
            entry.error = str(error)
        except Exception as error:  # this picture's failure, not the page's
            entry.error = f"failed ({type(error).__name__}: {error})"
        entry.revision += 1

    def _replaced(self, entry: Entry, style: str, *, only_first: bool = False) -> Picture:
        assert entry.picture is not None
        frames: list[Frame] = []
        for frame, mask in zip(entry.picture.frames, entry.corrected(), strict=True):
            try:
                pixels, alpha = self.anonymizer.replace(
                    frame.pixels, mask, frame.alpha, style=style, stream=entry.seed + len(frames)
                )
            except ValueError as error:
                raise StudioError(str(error)) from None
            frames.append(replace(frame, pixels=pixels, alpha=alpha))
            if only_first:
                break
        return replace(entry.picture, frames=tuple(frames))

    def _entry(self, number: int) -> Entry:
        with self._lock:
            entry = self._entries.get(number)
        if entry is None:
            raise StudioError("this picture was removed")
        return entry

    def _decoded(self, number: int) -> Picture:
        entry = self._entry(number)
        if entry.picture is None:
            raise StudioError(entry.error or "this picture is not decoded yet")
        return entry.picture

    def _ready(self, number: int) -> Entry:
        entry = self._entry(number)
        if entry.status != "ready":
            raise StudioError(entry.error or "the persons of this picture are still being searched")
        return entry


def _preview(array: np.ndarray, kind: str) -> bytes:
    """`array` as a file, shrunk to PREVIEW."""
    longest = max(array.shape[:2])
    if longest > PREVIEW:
        height, width = (max(1, round(side * PREVIEW / longest)) for side in array.shape[:2])
        array = cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)
    return encode_image(array, kind)
