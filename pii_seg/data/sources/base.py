"""What a source can do, whatever its layout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from pii_seg.data.sources.sample import BACKGROUND, Fault, Sample, complaint
from pii_seg.errors import DataError

Progress = Callable[[int, int], None]
"""Called with (done, total) as a check goes on."""

CHECKED_AT_ONCE = 256  # a pool takes on all it is given at once, and a source may hold a million

ItemT = TypeVar("ItemT")


class Source(ABC):
    """Pictures that can be loaded by number, always in the same order.

    name        for tables and file names
    photo_only  nothing says where persons are: targets are 255 (ignore) throughout
    faults      what was left out so far, by file
    """

    name: str
    photo_only: bool
    faults: list[Fault]

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def load(self, i: int) -> Sample:
        """The `i`-th sample. Raises DataError, naming the file, when it cannot be read or does not fit."""

    @abstractmethod
    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """Open every file; leave out, and return, what cannot be used."""


class Listed(Source, Generic[ItemT]):
    """A source that knows its items from a listing and opens a file only when it is loaded.

    A layout gives the items, in order, and `read`; `fault_path` says which file an item's trouble is put down to.
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
        self._items = list(items)
        self._refuse(self.faults)

    def __len__(self) -> int:
        return len(self._items)

    def load(self, i: int) -> Sample:
        return self.read(self._items[i])

    @abstractmethod
    def read(self, item: ItemT) -> Sample:
        """The sample of one item. Raises DataError."""

    @abstractmethod
    def fault_path(self, item: ItemT) -> Path: ...

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        """Open every file, in threads (decoding releases Python's lock).

        Returns the new faults and leaves their items out. Raises DataError with strict=True, or when nothing is left.
        """
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
            self.read(item)
        except DataError as error:
            path = self.fault_path(item)
            return Fault(path, str(error).removeprefix(f"{path}: "))
        return None

    def _refuse(self, faults: Sequence[Fault]) -> None:
        if self.strict and faults:
            pictures = "1 picture" if len(faults) == 1 else f"{len(faults)} pictures"
            raise DataError(complaint(f"{self.root}: {pictures} cannot be used", faults))
        if not self._items:
            raise DataError(complaint(f"{self.root}: no usable picture", self.faults))


class PersonFree(Source):
    """Photographs that are known to show nobody: every target is 0.

    With a source that has masks, only pictures whose masks agree belong here; `load` refuses the others.
    """

    photo_only = False

    def __init__(self, photographs: Source) -> None:
        self._photographs = photographs
        self.name = photographs.name
        self.faults = photographs.faults

    def __len__(self) -> int:
        return len(self._photographs)

    def load(self, i: int) -> Sample:
        sample = self._photographs.load(i)
        if (sample.target == 1).any():
            raise DataError(
                f"{self.name}/{sample.name}: its mask shows a person, yet it is given as person-free"
            )
        nobody = np.full(sample.target.shape, BACKGROUND, np.uint8)
        return replace(sample, target=nobody, instances=np.zeros(nobody.shape, np.uint16))

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return self._photographs.check(workers=workers, progress=progress)
