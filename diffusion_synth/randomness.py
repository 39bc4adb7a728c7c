"""Random generators derived from their purpose, so shards, resumed runs and single runs agree."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def generator_of(*entropy: int | str) -> np.random.Generator:
    """Return a new generator seeded by numbers and names: generator_of(seed, index, "place")."""
    return np.random.default_rng(
        [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in entropy]
    )


@contextmanager
def weights_drawn_from(generator: torch.Generator) -> Iterator[None]:
    """Within the block, draw the weights of new networks from `generator`, on the CPU.

    torch's global state is restored afterwards.
    """
    import torch  # here, since the import takes a second and most users need only generator_of

    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
        generator.set_state(torch.get_rng_state())
    finally:
        torch.set_rng_state(before)
