"""Random numbers that follow from what they are for, so that shards, resumed runs and single runs agree."""

from __future__ import annotations

import zlib

import numpy as np


def generator_of(*entropy: int | str) -> np.random.Generator:
    """The generator of these numbers and names, from its start: generator_of(seed, index, "place")."""
    return np.random.default_rng(
        [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in entropy]
    )
