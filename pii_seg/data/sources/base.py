"""The interface of all sources, and the sources that wrap others."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from pii_seg.data.mask_reading import UNUSUAL_SHARE
from pii_seg.data.sources.sample import BACKGROUND, PERSON, Fault, Sample, complaint
from pii_seg.errors import DataError

Progress = Callable[[int, int], None]
"""Called with (images done, images in all) during a check."""

CHECKED_AT_ONCE = 256  # a pool queues all its tasks at once, and a source may hold a million

ItemT = TypeVar("ItemT")


class Source(ABC):
    """Images that can be loaded by number, always in the same order.

    Attributes:
        name: Name for tables and file names.
        photo_only: Whether the images have no masks: all targets are 255 (ignore).
        faults: Images that were left out so far.
        reading: A sentence that says how the masks are read; "" where there is only one way.
    """

    name: str
    photo_only: bool
    faults: list[Fault]
    reading: str = ""

    def warnings(self) -> list[str]:
        """Describe what is unusual about the labels that were loaded so far; mostly nothing."""
        return []

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def load(self, i: int) -> Sample:
        """Load the `i`-th sample.

        Raises:
            DataError: A file cannot be read or does not fit; the message names it.
        """

    def heads(self, i: int, image: np.ndarray) -> np.ndarray | None:
        """Read where the heads of the `i`-th sample are, with hair, hats and glasses.

        Training does not need them; so they are not part of a sample.

        Args:
            i: Number of the sample.
            image: uint8 (H, W, 3), its image.

        Returns:
            bool (H, W), or None where the source does not know it.

        Raises:
            DataError: The file cannot be read or has another size than the image.
        """
        return None

    @abstractmethod
    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """Open every file; leave out, and return, those that cannot be used."""


@dataclass
class Tally:
    """Number of images, and of those that show persons, and anything else."""

    images: int = 0
    persons: int = 0
    others: int = 0
    area: float = 0.0  # sum of the shares that persons cover
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, target: np.ndarray) -> None:
        """Count one target, uint8 (H, W)."""
        person = int(np.count_nonzero(target == PERSON))
        other = bool((target == BACKGROUND).any())
        with self.lock:
            self.images += 1
            self.persons += person > 0
            self.others += other
            self.area += person / max(1, target.size)

    def warnings(self) -> list[str]:
        """Say what suggests that masks are read in the wrong way."""
        if not self.images:
            return []
        remedy = "say how masks are read with --mask-code or --person-class (docs/train.md)"
        if not self.persons:
            return [f"none of {self.images} masks shows a person; if they should, {remedy}"]
        if not self.others:
            return [f"all of {self.images} masks show persons and nothing else; {remedy}"]
        if (share := self.area / self.images) > UNUSUAL_SHARE:
            return [
                f"persons cover {share:.0%} of the images; if persons are black in the masks, give "
                "--mask-code inverted"
            ]
        return []

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, lock=threading.Lock())


def notes_of(source: Source) -> tuple[str, ...]:
    """Say how the masks of a source are read, and what is unusual about those loaded so far."""
    warnings = [f"warning: {warning}" for warning in source.warnings()]
    return tuple(f"{source.name}: {note}" for note in (source.reading, *warnings) if note)


class Listed(Source, Generic[ItemT]):
    """A source that lists its items first and opens a file only when it is loaded.

    A layout defines the items, in order, and `read`; `fault_path` is the file that faults name.
    """

    photo_only = False

    def __init__(
        self,
        root: Path,
        name: str,
        items: Iterable[ItemT],
        faults: Sequence[Fault],
        *,
        strict: bool,
    ) -> None:
        self.root = root
        self.name = name
        self.strict = strict
        self.faults = list(faults)
        self.doubts: list[str] = []
        self._items = list(items)
        self._tally = Tally()
        self._refuse(self.faults)

    def __len__(self) -> int:
        return len(self._items)

    def load(self, i: int) -> Sample:
        sample = self.read(self._items[i])
        self._tally.add(sample.target)
        return sample

    def warnings(self) -> list[str]:
        return [*self.doubts, *([] if self.photo_only else self._tally.warnings())]

    @abstractmethod
    def read(self, item: ItemT) -> Sample:
        """Read the sample of one item.

        Raises:
            DataError: A file cannot be read or does not fit.
        """

    @abstractmethod
    def fault_path(self, item: ItemT) -> Path: ...

    def paths(self) -> list[Path]:
        """The file of each item that faults name, in order."""
        return [self.fault_path(item) for item in self._items]

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """Open every file, in threads (decoding releases Python's lock).

        Args:
            workers: Number of threads.
            progress: Called with (images done, images in all).

        Returns:
            The new faults; their items are left out from now on.

        Raises:
            DataError: There is a fault and `strict` is set, or nothing is left.
        """
        self._tally = Tally()
        good: list[ItemT] = []
        bad: list[Fault] = []
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(self._items), CHECKED_AT_ONCE):
                items = self._items[start : start + CHECKED_AT_ONCE]
                for item, fault in zip(items, pool.map(self._fault_of, items), strict=True):
                    if fault is None:
                        good.append(item)
                    else:
                        bad.append(fault)
                if progress is not None:
                    progress(start + len(items), len(self._items))
        self._items = good
        self.faults += bad
        self._refuse(bad)
        return bad

    def _fault_of(self, item: ItemT) -> Fault | None:
        try:
            self._tally.add(self.read(item).target)
        except DataError as error:
            path = self.fault_path(item)
            return Fault(path, str(error).removeprefix(f"{path}: "))
        return None

    def _refuse(self, faults: Sequence[Fault]) -> None:
        if self.strict and faults:
            images = "1 image" if len(faults) == 1 else f"{len(faults)} images"
            raise DataError(complaint(f"{self.root}: {images} cannot be used", faults))
        if not self._items:
            raise DataError(complaint(f"{self.root}: no usable image", self.faults))


class Wrapped(Source):
    """Another source, whose samples are loaded in another way."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.photo_only, self.faults = source.name, source.photo_only, source.faults

    def __len__(self) -> int:
        return len(self._source)

    def load(self, i: int) -> Sample:
        return self._source.load(i)

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return self._source.check(workers=workers, progress=progress)


class PersonFree(Source):
    """Photos that are known to show no person: every target is 0.

    If the source has masks, they must agree; `load` rejects images whose masks show a person.
    """

    photo_only = False

    def __init__(self, photos: Source) -> None:
        self._photos = photos
        self.name = photos.name
        self.faults = photos.faults
        self.reading = photos.reading

    def __len__(self) -> int:
        return len(self._photos)

    def load(self, i: int) -> Sample:
        sample = self._photos.load(i)
        if (sample.target == 1).any():
            raise DataError(
                f"{self.name}/{sample.name}: its mask shows a person, but it is given as one "
                "without people"
            )
        empty = np.full(sample.target.shape, BACKGROUND, np.uint8)
        return replace(sample, target=empty, instances=np.zeros(empty.shape, np.uint16))

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return self._photos.check(workers=workers, progress=progress)
