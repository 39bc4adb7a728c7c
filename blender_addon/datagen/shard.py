"""The part of a dataset that one process renders."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """Part `number` of `of` parts: the indices i with i mod of = number - 1."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"shard {self.number}/{self.of}: expected I/N with 1 ≤ I ≤ N")

    def indices(self, count: int) -> range:
        """This shard's part of 0 .. count-1."""
        return range(self.number - 1, count, self.of)

    def split(self, jobs: int) -> list[Shard]:
        """Divide this part into `jobs` smaller ones."""
        return [Shard(self.number + self.of * job, self.of * jobs) for job in range(jobs)]
