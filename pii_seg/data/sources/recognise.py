"""Recognises what the values in a folder's masks mean, or refuses to guess.

Ids count up from 1 and rarely reach 255; a smoothed edge has greys anywhere and mostly 255; the
numbers of classes are few and have gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pii_seg.data.mask_io import NOISE, MaskImage, read_mask_image
from pii_seg.data.mask_reading import (
    MaskCode,
    Reading,
    distinct_colours,
    plain,
    shape_is_alpha,
)
from pii_seg.data.target_values import IGNORE
from pii_seg.errors import DataError

MASKS_SAMPLED = 200  # evenly from the folder
SMOOTHED_FROM = 64  # distinct greys
WHITISH = 250
BRIGHT = 192
REMEDY = "give --person-class, such as 15 or '#c08080', or --mask-code (docs/train.md)"


@dataclass
class Evidence:
    """Counts of a sample of masks.

    Attributes:
        counts: Number of pixels of each 8-bit value.
        wide: Values above 255 and their companions, of 16-bit masks.
        example: The first mask of each kind: alpha, colours, lossy, numbers, wide, one, ignore.
        colours: Distinct colours, packed, of masks that have no numbers.
        both: Whether a mask holds 255 beside other numbers.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    wide: set[int] = field(default_factory=set)
    wide_top: int = 0
    wide_rest: int = 0
    sparse: str = ""
    example: dict[str, str] = field(default_factory=dict)
    colours: set[int] = field(default_factory=set)
    both: bool = False

    def add(self, mask: MaskImage, *, palettes: bool = True) -> None:
        """Count one mask.

        Args:
            mask: The mask.
            palettes: Reject palettes whose indices and colours show different shapes.

        Raises:
            DataError: Its parts show different shapes.
        """
        name = mask.path.name
        if shape_is_alpha(mask):
            self.example.setdefault("alpha", name)
            return
        if palettes:
            mask = plain(mask)
        numbers = mask.numbers
        if numbers is None:
            self.example.setdefault("lossy colours" if mask.lossy else "colours", name)
            if len(self.colours) <= IGNORE:
                self.colours |= set(distinct_colours(mask.shown).tolist())
            return
        if numbers.any():
            self.example.setdefault("lossy" if mask.lossy else "numbers", name)
        if numbers.dtype == np.uint16 and numbers.max(initial=0) > 255:
            self._add_wide(numbers, name)
            return
        counts = np.bincount(numbers.ravel(), minlength=256)
        self.counts += counts
        if counts[IGNORE]:
            others = bool(counts[1:IGNORE].any())
            self.both |= others
            if not others and not mask.lossy:
                self.example.setdefault("only 255", name)

    def _add_wide(self, numbers: np.ndarray, name: str) -> None:
        values, counts = np.unique(numbers, return_counts=True)
        found = values[values > 0]
        self.example.setdefault("wide", name)
        self.wide |= set(found.tolist())
        at_top = int(counts[values >= WHITISH << 8].sum())
        self.wide_top += at_top
        self.wide_rest += int(counts[values > 0].sum()) - at_top
        if len(found) >= 3 and found[-1] > 2 * len(found) and not self.sparse:
            self.sparse = f"{name} holds {_listed(found.tolist())}"


def recognise(
    masks: Sequence[Path], *, labels: bool = False
) -> tuple[Reading | None, tuple[str, ...]]:
    """Recognise the reading of a folder from up to MASKS_SAMPLED of its masks.

    Args:
        masks: The files.
        labels: A list of classes is there. It counts unless the masks hold 0 and 255 alone.

    Returns:
        The reading, or None where the list of classes decides; and what a reader of the log should
        check.

    Raises:
        DataError: The masks have several meanings, or none that is certain. The message names the
            options that decide, not the folder.
    """
    evidence = Evidence()
    for path in masks[:: max(1, len(masks) // MASKS_SAMPLED)]:
        try:
            mask = read_mask_image(path)
        except DataError:
            continue  # load() and check() report it
        evidence.add(mask, palettes=not labels)
    if labels and (evidence.colours or evidence.wide or evidence.counts[1:IGNORE].any()):
        return None, ()
    reading = decide(evidence)
    return reading, tuple(filter(None, [doubt(evidence, reading)]))


def decide(evidence: Evidence) -> Reading:
    """Choose the reading that the evidence allows; see `recognise`."""
    example = evidence.example
    if "alpha" in example:
        if other := next(
            (k for k in ("numbers", "lossy", "colours", "wide") if k in example), None
        ):
            raise DataError(
                f"{example['alpha']} holds its shape in its transparency, {example[other]} in its "
                "values; put them into two folders, or give --mask-code nonzero or alpha"
            )
        return Reading(MaskCode.ALPHA)
    if "lossy colours" in example:
        raise DataError(
            f"{example['lossy colours']} is a colour image that was compressed with loss, which "
            "changes the colours of a label map; export the masks as PNG"
        )
    if "colours" in example:
        return _decide_colours(evidence)
    if evidence.wide:
        return _decide_wide(evidence)
    if "lossy" in example:
        return _decide_lossy(evidence)
    return _decide_narrow(evidence)


def _decide_colours(evidence: Evidence) -> Reading:
    name = evidence.example["colours"]
    colours = sorted(evidence.colours - {0})
    if len(colours) > IGNORE:
        raise DataError(f"{name} is a photo, or has more colours than a label map; {REMEDY}")
    if len(colours) == 1 and 0 in evidence.colours and "numbers" not in evidence.example:
        (packed,) = colours
        return Reading(MaskCode.NONZERO, level=(packed >> 16, packed >> 8 & 255, packed & 255))
    listed = ", ".join(f"#{colour:06x}" for colour in colours[:6])
    raise DataError(f"{name} holds colours ({listed}), of which any may be persons; {REMEDY}")


def _decide_wide(evidence: Evidence) -> Reading:
    if len(evidence.wide) == 1 and not evidence.counts[1:].any():
        return Reading(MaskCode.NONZERO, level=next(iter(evidence.wide)))
    if len(evidence.wide) > SMOOTHED_FROM and evidence.wide_top > evidence.wide_rest:
        return Reading(MaskCode.SOFT)
    if evidence.sparse:
        raise DataError(
            f"{evidence.sparse}: numbers of classes or of persons? give --person-class for "
            "classes (24 or 24000-24999), or --mask-code ids if each number is a person"
        )
    return Reading(MaskCode.IDS)


def _decide_lossy(evidence: Evidence) -> Reading:
    counts, name = evidence.counts, evidence.example["lossy"]
    if not counts[BRIGHT:].any():
        brightest = int(np.flatnonzero(counts)[-1])
        raise DataError(
            f"{name} and all others are at most {brightest} bright and compressed with loss, "
            "which does not keep small numbers; export the masks as PNG"
        )
    if counts[NOISE + 1 : BRIGHT].sum() > counts[BRIGHT:].sum():
        raise DataError(
            f"{name} holds many greys and is compressed with loss, which does not keep the "
            "numbers of classes or persons; export the masks as PNG, or give --mask-code soft"
        )
    return Reading(MaskCode.SOFT)


def _decide_narrow(evidence: Evidence) -> Reading:
    counts = evidence.counts
    between = (np.flatnonzero(counts[1:IGNORE]) + 1).tolist()
    if not between:
        return Reading(MaskCode.WHITE)
    if between == [1]:
        return Reading(MaskCode.CLASSES)
    if between == list(between[:1]) and not counts[IGNORE]:
        return Reading(MaskCode.NONZERO, level=between[0])
    counts_up = len(between) <= SMOOTHED_FROM and between[-1] <= 2 * len(between)
    if counts[WHITISH:].sum() > counts[1:WHITISH].sum() and not counts_up:
        return Reading(MaskCode.SOFT)
    if between[-1] > 2 * len(between):
        raise DataError(
            f"{evidence.example['numbers']} and others hold {_listed(between)}: numbers of "
            "classes or of persons? give --person-class for classes (such as "
            f"{between[-1]}), or --mask-code ids if each number is a person"
        )
    return Reading(MaskCode.IDS)


def doubt(evidence: Evidence, reading: Reading) -> str:
    """Describe what a reader of the log should check; "" if nothing."""
    ignoring = reading.code in (MaskCode.CLASSES, MaskCode.IDS)
    if ignoring and "only 255" in evidence.example and not evidence.both:
        return (
            f"{evidence.example['only 255']} holds no number but 0 and 255, and 255 is ignored; if "
            "255 is a person, give --mask-code nonzero"
        )
    return ""


def _listed(values: list[int]) -> str:
    more = f" … {values[-1]}" if len(values) > 6 else ""
    return ", ".join(map(str, values[:6])) + more
