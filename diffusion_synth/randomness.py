"""Random numbers that follow from what they are for, so that shards, resumed runs and single runs agree."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def generator_of(*entropy: int | str) -> np.random.Generator:
    """The generator of these numbers and names, from its start: generator_of(seed, index, "place")."""
    return np.random.default_rng(
        [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in entropy]
    )


@contextmanager
def weights_drawn_from(generator: torch.Generator) -> Iterator[None]:
    """Within, networks are made with weights from `generator`, on the CPU; torch's own state stays as it was."""
    import torch  # here: it takes a second, and the renders' side of the house needs numbers alone

    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
        generator.set_state(torch.get_rng_state())
    finally:
        torch.set_rng_state(before)
