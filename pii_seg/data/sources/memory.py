"""Decoded images held in memory, within a limit."""

from __future__ import annotations

from collections.abc import Sequence

from pii_seg.data.sources.base import Progress, Source
from pii_seg.data.sources.sample import Fault, Sample
from pii_seg.errors import DataError


class InMemory(Source):
    """A source whose first samples are held decoded, as many as fit.

    They are decoded before the workers start: a forked worker reads the parent's pages and adds
    nothing. Where workers are spawned instead (macOS, Windows), samples are read from disk, since
    every worker would get a copy.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held: list[Sample] = []
        self.name, self.photo_only, self.faults = source.name, source.photo_only, source.faults

    def __len__(self) -> int:
        return len(self._source)

    def load(self, i: int) -> Sample:
        i = range(len(self))[i]
        return self._held[i] if i < len(self._held) else self._source.load(i)

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        self._held.clear()  # the numbers move
        return self._source.check(workers=workers, progress=progress)

    def fill(self, limit: int) -> int:
        """Decode samples until the next would exceed `limit` bytes or cannot be read.

        Returns:
            The number of bytes held.
        """
        self._held.clear()
        size = 0
        for i in range(len(self._source)):
            try:
                sample = self._source.load(i)
            except DataError:
                break  # it is reported when it is loaded
            size += size_of(sample)
            if size > limit:
                return size - size_of(sample)
            for array in (sample.image, sample.target, sample.instances):
                if array is not None:
                    # Writing to it would change every later epoch.
                    array.flags.writeable = False
            self._held.append(sample)
        return size

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_held": []}


def size_of(sample: Sample) -> int:
    """Bytes of a sample's arrays."""
    instances = 0 if sample.instances is None else sample.instances.nbytes
    return sample.image.nbytes + sample.target.nbytes + instances


def keep_in_memory(sources: Sequence[Source], limit: int) -> list[Source]:
    """Wrap sources so that together they hold up to `limit` bytes, the first sources first."""
    held: list[Source] = []
    for source in sources:
        wrapped = InMemory(source)
        limit -= wrapped.fill(limit)
        held.append(wrapped)
    return held
