"""Unites what was found in an image, and adds the margin, to the area that is redacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pii_seg.anonymize.heads import Head, complete_heads
from pii_seg.anonymize.instances import HEAD
from pii_seg.anonymize.plugins import Finds, PluginDetector
from pii_seg.anonymize.regions import Person, Region, persons, with_regions
from pii_seg.anonymize.review import LEAST
from pii_seg.inference.dilation import components, dilate


@dataclass(frozen=True)
class Detection:
    """The persons of an image.

    Attributes:
        mask: bool (H, W), the area to redact, with margin and regions.
        persons: The connected parts that were found, largest first.
        probability: float32 (H, W), calibrated; None without a detector.
        found: bool (H, W), what was found, without margin, regions and the user's mask; None
            if nothing searched.
        heads: The heads that were completed.
        also: The finds of each further detector, by its name.
        more: bool (H, W) of each source besides the segmenter, the pixels of `found` that it marks.
    """

    mask: np.ndarray
    persons: tuple[Person, ...]
    probability: np.ndarray | None
    found: np.ndarray | None = None
    heads: tuple[Head, ...] = ()
    also: Mapping[str, Finds] = field(default_factory=dict)
    more: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def heads_to_check(self) -> int:
        """Number of heads that were completed by enough pixels to ask for a review."""
        return sum(head.added >= LEAST * self.mask.size for head in self.heads)


@dataclass(frozen=True)
class Area:
    """Decides which pixels are redacted for and around what was found.

    Attributes:
        dilate: Margin around each person and find, as a fraction of its size.
        include: Regions that are always redacted.
        exclude: Regions that are never redacted.
        completes_heads: Whether heads that were not found are redacted.
        also: Further detectors, whose finds are redacted too.
    """

    dilate: float
    include: Sequence[Region] = ()
    exclude: Sequence[Region] = ()
    completes_heads: bool = True
    also: Sequence[PluginDetector] = ()

    def detection(
        self,
        image: np.ndarray,
        probability: np.ndarray | None,
        threshold: float | None,
        user_mask: np.ndarray | None,
    ) -> Detection:
        """Return what is found and redacted in an image.

        Args:
            image: uint8 (H, W, 3), RGB, for the further detectors.
            probability: float32 (H, W); None without a detector.
            threshold: Probability from which on a pixel is person; None without a detector.
            user_mask: bool (H, W), redacted too.

        Raises:
            MediaError: A further detector failed.
        """
        marked = np.zeros(image.shape[:2], bool) if user_mask is None else user_mask
        model = None
        if probability is not None and threshold is not None:
            model = probability >= threshold
            marked = marked | model
        parts = tuple(components(marked))
        whole = dilate(marked, self.dilate, parts)
        more: dict[str, np.ndarray] = {}
        heads: tuple[Head, ...] = ()
        if self.completes_heads and model is not None:
            assert probability is not None and threshold is not None
            completed, heads = complete_heads(model, whole, probability, threshold)
            if heads:
                whole, more[HEAD] = whole | completed, completed
        also = {detector.name: detector.find(image, whole) for detector in self.also}
        for name, finds in also.items():
            if finds.count:
                whole, more[name] = whole | dilate(finds.mask, self.dilate), finds.mask
        found = [each for each in (model, *more.values()) if each is not None]
        return Detection(
            with_regions(whole, self.include, self.exclude),
            persons(parts, probability),
            probability,
            np.logical_or.reduce(found) if found else None,
            heads,
            also,
            more,
        )
