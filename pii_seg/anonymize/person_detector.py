"""The methods of a detector that the anonymizer calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np


class PersonDetector(Protocol):
    """The methods that `Anonymizer` needs; `detector.Detector` has them for checkpoints."""

    threshold: float

    def probability(self, image: np.ndarray) -> np.ndarray:
        """Predict float32 (H, W) for uint8 (H, W, 3)."""
        ...

    def as_record(self, *, excluded: bool) -> dict[str, Any]:
        """Describe the detector as audit.json holds it."""
        ...


@runtime_checkable
class BatchDetector(PersonDetector, Protocol):
    """A detector that also takes several images together.

    Attributes:
        batch: Number of images that it takes together best.
    """

    batch: int

    def probabilities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predict float32 (H, W) for each uint8 (H, W, 3) of one size."""
        ...


def probabilities_of(detector: PersonDetector, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Predict float32 (H, W) for each uint8 (H, W, 3) of one size, together where possible."""
    if len(images) > 1 and isinstance(detector, BatchDetector) and detector.batch > 1:
        return detector.probabilities(images)
    return [detector.probability(image) for image in images]
