"""Counts that a promise per person needs: what each person of an image takes to be covered.

A person is *covered*, for an accepted share of uncovered pixels, if at most that share of the
person's labelled pixels is outside the redacted area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pii_seg.data.sources.sample import IGNORE
from pii_seg.evaluation.counting import BINS, PersonCount, bins_of
from pii_seg.inference.dilation import MARGINS, margins_needed

UNCOVERED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Accepted shares of a person's pixels; the numbers are counted for each of them."""


@dataclass(frozen=True)
class ImagePersons:
    """The persons of one image.

    Attributes:
        highest: uint16 (P, len(UNCOVERED)): index of the highest of THRESHOLDS at which the person
            is covered, without a margin.
        needed: uint8 (P, C, len(UNCOVERED)): index of the smallest of MARGINS with which the person
            is covered, at each of C thresholds; len(MARGINS) if none covers.
    """

    highest: np.ndarray
    needed: np.ndarray


@dataclass(frozen=True)
class PersonTable:
    """The persons of many images, image by image.

    Attributes:
        persons: int64 (n,): number of persons of each image, at least 1.
        highest: See `ImagePersons`; of all persons.
        needed: See `ImagePersons`.
        cuts: Indices of the thresholds that `needed` was counted at.
    """

    persons: np.ndarray
    highest: np.ndarray
    needed: np.ndarray
    cuts: tuple[int, ...] = ()


def table_of(images: Mapping[str, ImagePersons], cuts: Sequence[int] = ()) -> PersonTable:
    """Put images together, in the order of their names; those without persons are left out."""
    rows = [images[name] for name in sorted(images) if len(images[name].highest)]
    levels = len(UNCOVERED)
    highest = [np.zeros((0, levels), np.uint16), *(row.highest for row in rows)]
    needed = [np.zeros((0, len(cuts), levels), np.uint8), *(row.needed for row in rows)]
    counts = np.array([len(row.highest) for row in rows], np.int64)
    return PersonTable(counts, np.concatenate(highest), np.concatenate(needed), tuple(cuts))


def count_persons(
    persons: Sequence[PersonCount],
    logits: np.ndarray,
    target: np.ndarray,
    instances: np.ndarray,
    cuts: Sequence[int] = (),
) -> ImagePersons:
    """Count the persons of one image.

    Args:
        persons: Their counts, as `count_image` makes them from the other arguments.
        logits: float (H, W).
        target: uint8 (H, W): 255 is ignored.
        instances: (H, W) ids of the persons, 0 for background.
        cuts: Indices into THRESHOLDS at which the margin is counted.
    """
    needed = np.zeros((len(persons), len(cuts), len(UNCOVERED)), np.uint8)
    if persons and cuts:
        bins, labelled = bins_of(logits), (instances > 0) & (target != IGNORE)
        for number, cut in enumerate(cuts):
            mask = bins >= cut
            margins = margins_needed(mask, labelled & ~mask)
            for row, person in zip(needed, persons, strict=True):
                left, top, right, bottom = person.box
                box = (slice(top, bottom), slice(left, right))
                own = margins[box][(instances[box] == person.id) & labelled[box]]
                covered = np.cumsum(np.bincount(own, minlength=len(MARGINS)))[: len(MARGINS)]
                row[number] = _exceeding(person.area - covered, person.area)
    # At the lowest threshold everything is person, so that nobody exceeds any share there.
    highest = [BINS - 1 - _exceeding(p.area - p.found, p.area) for p in persons]
    return ImagePersons(np.array(highest, np.uint16).reshape(-1, len(UNCOVERED)), needed)


def _exceeding(uncovered: np.ndarray, area: int) -> np.ndarray:
    """Count for how many entries more than each of UNCOVERED of `area` px is uncovered."""
    accepted = np.array(UNCOVERED) * area + 1e-6  # px; products round, and px are whole
    return (uncovered[:, None] > accepted).sum(axis=0)
