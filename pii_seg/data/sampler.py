"""The plan of an epoch: which image of which source comes at which place.

The plan follows from (seed, epoch) alone, so it does not depend on the number of workers or
processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from pii_seg.errors import DataError

_PLAN = 0x91A7  # separates the random stream of the plan from all others


class Draw(NamedTuple):
    """One place in an epoch: image `item` of source number `entry`."""

    epoch: int
    place: int
    entry: int
    item: int


def plan_epoch(
    sizes: Sequence[int], weights: Sequence[float], count: int, *, seed: int, epoch: int
) -> np.ndarray:
    """Draw the source and the image of each place of an epoch.

    Each source gets its exact share of `count` (largest remainders). Its images come in random
    order, and none comes twice before all have come once.

    Args:
        sizes: Number of images of each source.
        weights: Sampling weight of each source; those of empty sources do not count.
        count: Number of places.
        seed: Seed of the run.
        epoch: Number of the epoch.

    Returns:
        int64 (count, 2): source and image at each place.

    Raises:
        DataError: No source with images has a weight above 0.
    """
    rng = np.random.default_rng([seed, epoch, _PLAN])
    shares = np.asarray(weights, np.float64) * (np.asarray(sizes) > 0)
    if shares.sum() <= 0:
        raise DataError("no source with images has a weight above 0")
    exact = shares / shares.sum() * count
    quotas = np.floor(exact).astype(np.int64)
    # The places left over are drawn, so that over the epochs each source gets its exact share.
    left = count - int(quotas.sum())
    if left:
        rest = (exact - quotas).clip(0)
        quotas += _systematic(rest / rest.sum() * left, rng)
    parts = []
    for entry, (quota, size) in enumerate(zip(quotas, sizes, strict=True)):
        passes = -(-int(quota) // size) if quota else 0
        items = np.concatenate(
            [rng.permutation(size) for _ in range(passes)] or [np.zeros(0, np.int64)]
        )
        parts.append(np.stack([np.full(quota, entry, np.int64), items[:quota]], axis=1))
    return rng.permutation(np.concatenate(parts))


def _systematic(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw integers with these expectations and their sum (systematic sampling)."""
    ends = np.floor(np.cumsum(expected) + rng.random() + 1e-9)
    return np.diff(ends, prepend=0.0).astype(np.int64)


class EpochSampler(Sampler[Draw]):
    """The places of an epoch that belong to this process, in order. Lightning calls `set_epoch`.

    Attributes:
        skip: Places of this process to leave out of the next epoch: those a resumed run has used
        already.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        weights: Sequence[float],
        count: int,
        *,
        seed: int,
        rank: int,
        world: int,
    ) -> None:
        self.sizes, self.weights, self.count, self.seed = list(sizes), list(weights), count, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self.skip = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.world

    def __iter__(self) -> Iterator[Draw]:
        plan = plan_epoch(self.sizes, self.weights, self.count, seed=self.seed, epoch=self.epoch)
        first, self.skip = self.rank + self.skip * self.world, 0
        for place in range(first, len(self) * self.world, self.world):
            yield Draw(self.epoch, place, int(plan[place, 0]), int(plan[place, 1]))
