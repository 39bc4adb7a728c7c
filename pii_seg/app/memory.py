"""The memory that one session may use: of files that are held, and of images that are decoded."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pii_seg.anonymize.image_reader import decode_file
from pii_seg.anonymize.images import ImageFile
from pii_seg.data.frames import Limits
from pii_seg.errors import InputError, MediaError

FULL = "the images fill the memory that the session may use; download and remove some first"


class MemoryBudget:
    """Counts the bytes that each owner holds, before it holds them. Safe in any thread."""

    def __init__(self, limit: int) -> None:
        """Begin with nothing held of `limit` bytes."""
        self.limit = limit
        self._held: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes that are held."""
        with self._lock:
            return sum(self._held.values())

    def hold(self, owner: Hashable, count: int) -> None:
        """Let `owner` hold `count` bytes from now on.

        Raises:
            InputError: That is more than there is; it holds what it held before.
        """
        with self._lock:
            before = self._held.get(owner, 0)
            if count > before and sum(self._held.values()) - before + count > self.limit:
                raise InputError(FULL)
            self._held[owner] = count

    def release(self, owner: Hashable) -> None:
        """Let `owner` hold nothing."""
        with self._lock:
            self._held.pop(owner, None)


class DecodedImages:
    """Decodes files when they are needed, and keeps those that were used last.

    All decoded images together take at most `limit` bytes. That is checked by the decoder before it
    decodes, with what is left then. Safe in any thread; one file is decoded at a time.
    """

    def __init__(self, limit: int) -> None:
        """Begin with no image."""
        self.limit = limit
        self._kept: OrderedDict[int, ImageFile] = OrderedDict()
        self._uses: Counter[int] = Counter()
        self._forgotten: set[int] = set()
        self._changed = threading.Condition(threading.RLock())
        self._decoding = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory of all images that are decoded."""
        with self._changed:
            return sum(image.nbytes for image in self._kept.values())

    @contextmanager
    def open(self, number: int, content: bytes) -> Iterator[ImageFile]:
        """Decode a file, or take it as it was decoded before; it is kept within the context.

        Args:
            number: Identifies the file.
            content: The file.

        Raises:
            MediaError: It cannot be decoded, or is larger than the limit.
        """
        image = self._begin(number) or self._decode(number, content)
        try:
            yield image
        finally:
            with self._changed:
                self._uses[number] -= 1
                if number in self._forgotten:
                    self.forget(number)
                self._changed.notify_all()

    def forget(self, number: int) -> None:
        """Drop an image; one that is in use goes when its use ends."""
        with self._changed:
            if self._uses[number]:
                self._forgotten.add(number)
            else:
                self._forgotten.discard(number)
                self._kept.pop(number, None)

    def _begin(self, number: int) -> ImageFile | None:
        with self._changed:
            if image := self._kept.get(number):
                self._kept.move_to_end(number)
                self._uses[number] += 1
            return image

    def _decode(self, number: int, content: bytes) -> ImageFile:
        with self._decoding:
            if image := self._begin(number):  # another thread decoded it
                return image
            while True:
                left, final = self._left()
                try:
                    image = decode_file(content, limits=self._limits(left))
                    break
                except MediaError:
                    if final:
                        raise
                    self._make_room()
            with self._changed:
                self._kept[number] = image
                self._uses[number] += 1
            return image

    def _limits(self, left: int) -> Limits:
        return replace(Limits(), decoded=min(Limits().decoded, left))

    def _left(self) -> tuple[int, bool]:
        """Return (bytes that are left, whether more cannot become free)."""
        with self._changed:
            return self.limit - self.nbytes, not self._kept

    def _make_room(self) -> None:
        """Drop the images that are not in use, or wait for the end of a use if all are."""
        with self._changed:
            idle = [number for number in self._kept if not self._uses[number]]
            if not idle:
                self._changed.wait(1)
            for number in idle:
                del self._kept[number]
