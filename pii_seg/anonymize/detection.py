"""What was found in an image, by the segmenter and by what completes it, and what is redacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pii_seg.anonymize.heads import Head, complete_heads
from pii_seg.anonymize.instances import HEAD
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
            without a detector.
        heads: The heads that were completed.
        more: bool (H, W) of each source besides the segmenter, the pixels of `found` that it marks.
    """

    mask: np.ndarray
    persons: tuple[Person, ...]
    probability: np.ndarray | None
    found: np.ndarray | None = None
    heads: tuple[Head, ...] = ()
    more: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def heads_to_check(self) -> int:
        """Number of heads that were completed by enough pixels to ask for a review."""
        return sum(head.added >= LEAST * self.mask.size for head in self.heads)


@dataclass(frozen=True)
class Area:
    """Decides which pixels are redacted around what was found.

    Attributes:
        dilate: Margin around each person, as a fraction of the person's size.
        include: Regions that are always redacted.
        exclude: Regions that are never redacted.
        completes_heads: Whether heads that were not found are redacted.
    """

    dilate: float
    include: Sequence[Region] = ()
    exclude: Sequence[Region] = ()
    completes_heads: bool = True

    def detection(
        self,
        size: tuple[int, int],
        probability: np.ndarray | None,
        threshold: float | None,
        user_mask: np.ndarray | None,
    ) -> Detection:
        """Return what is found and redacted in an image.

        Args:
            size: Height and width in px.
            probability: float32 (H, W); None without a detector.
            threshold: Probability from which on a pixel is person; None without a detector.
            user_mask: bool (H, W), redacted too.
        """
        marked = np.zeros(size, bool) if user_mask is None else user_mask
        if probability is None or threshold is None:
            parts = tuple(components(marked))
            whole = with_regions(dilate(marked, self.dilate, parts), self.include, self.exclude)
            return Detection(whole, persons(parts), None)
        found = probability >= threshold
        marked = marked | found
        parts = tuple(components(marked))
        whole = dilate(marked, self.dilate, parts)
        heads: tuple[Head, ...] = ()
        more = {}
        if self.completes_heads:
            completed, heads = complete_heads(found, whole, probability, threshold)
            if heads:
                found, whole, more = found | completed, whole | completed, {HEAD: completed}
        whole = with_regions(whole, self.include, self.exclude)
        return Detection(whole, persons(parts, probability), probability, found, heads, more)
