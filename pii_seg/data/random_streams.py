"""Random numbers of augmentation: one stream per factor, so that factors are independent."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from pii_seg.augmentation_config import Range


class Streams:
    """The random streams of one sample, one per factor.

    Args:
        entropy: Identifies the sample: (seed, epoch, place).
    """

    def __init__(self, entropy: Sequence[int]) -> None:
        self.entropy = tuple(entropy)

    def of(self, factor: str) -> np.random.Generator:
        """Return the stream of a factor, from its start. It depends on the factor's name alone."""
        return np.random.default_rng([*self.entropy, zlib.crc32(factor.encode())])

    def drawn(self, factor: str, probability: float) -> np.random.Generator | None:
        """Return the factor's stream with this probability, else None.

        What the factor draws from it next does not depend on the probability.
        """
        if probability <= 0:
            return None
        rng = self.of(factor)
        return rng if rng.random() < probability else None


def log_uniform(rng: np.random.Generator, limits: Range) -> float:
    """Uniform in the logarithm: halving is as likely as doubling."""
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))
