"""Whom a model misses: by size, by light, by place. And what is worth doing about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pii_seg.evaluation.measure import ImageResult
from pii_seg.evaluation.metrics import MISSED_BELOW, SIZES

DARK, BRIGHT = 70, 180  # mean of a person's luminance, 0..255
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
LEAST_PERSONS = 10  # in a bucket, before anything is concluded from it
LEAST_MISSED = 0.02  # share of persons; below it, there is nothing worth doing
LEAST_FALSE = 0.02  # share of person-free pictures taken for persons

REMEDIES = {
    (
        "size",
        "small",
    ): "more small people: render the recipe street, and predict with --tiles auto or --tiles 2",
    (
        "size",
        "medium",
    ): "more people of medium size: render the recipe street, and train with larger views (--data.size)",
    (
        "size",
        "large",
    ): "more people close up: render the recipe close, or predict at a smaller --size",
    (
        "light",
        "dark",
    ): "darker scenes: render with less light, or photographs taken at dusk among the unlabelled ones",
    ("light", "bright"): "brighter scenes and pale clothes: render with stronger light",
    ("light", "medium"): "more renders of the same kind: neither light nor size stands out",
    ("place", "cut by the frame"): "people cut by the frame: render the recipe close",
    ("place", "whole"): "more renders of the same kind: neither light nor size stands out",
}


@dataclass
class Bucket:
    """Persons who have something in common."""

    persons: int = 0
    missed: int = 0

    @property
    def share(self) -> float:
        return self.missed / self.persons if self.persons else 0.0


@dataclass
class Errors:
    """buckets: by (axis, name), such as ("size", "small"). person_free, false_area: of pictures without persons."""

    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    person_free: int = 0
    false_area: float = 0.0

    def add(self, gathered: ImageResult) -> None:
        count = gathered.count
        if not count.has_person:
            self.person_free += 1
            self.false_area += count.false_share()
        for person in count.persons or ():
            missed = person.coverage(count.threshold_index) < MISSED_BELOW
            for key in self._kinds(gathered, person.id, person.box, SIZES[person.size]):
                bucket = self.buckets.setdefault(key, Bucket())
                bucket.persons += 1
                bucket.missed += missed

    def _kinds(
        self, gathered: ImageResult, number: int, box: tuple[int, int, int, int], size: str
    ) -> Iterator[tuple[str, str]]:
        sample = gathered.sample
        assert sample.instances is not None
        left, top, right, bottom = box
        window = slice(top, bottom), slice(left, right)
        light = float((sample.image[window][sample.instances[window] == number] @ LUMINANCE).mean())
        height, width = sample.target.shape
        cut = left <= 1 or top <= 1 or right >= width - 1 or bottom >= height - 1
        yield "size", size
        yield "light", "dark" if light < DARK else "bright" if light > BRIGHT else "medium"
        yield "place", "cut by the frame" if cut else "whole"

    def rows(self) -> list[list[str]]:
        """kind, persons, missed: a table."""
        return [
            [f"{axis}: {name}", f"{bucket.persons:,}", f"{bucket.share:.1%}"]
            for (axis, name), bucket in sorted(self.buckets.items())
        ]


def next_step(errors: Errors) -> str:
    """The next thing worth doing, in a sentence: where most persons are missed beyond what is usual."""
    by_size = [bucket for (axis, _), bucket in errors.buckets.items() if axis == "size"]
    persons, missed = sum(b.persons for b in by_size), sum(b.missed for b in by_size)
    false = errors.false_area / errors.person_free if errors.person_free else 0.0
    if false > LEAST_FALSE and (not persons or false > missed / persons):
        return (
            f"Photographs without people: {false:.1%} of their area is taken for persons. Give more of them with "
            "--negatives and --backgrounds; they cost no labelling."
        )
    if not persons:
        return "Persons are not told apart in the pictures tested, so nothing can be said of who is missed."
    usual = missed / persons
    if usual < LEAST_MISSED:
        return (
            f"Little: {usual:.1%} of persons are missed. Test on harder pictures, or more of them."
        )
    # Persons missed beyond the usual share: what mending this bucket alone would gain.
    excess = {
        key: bucket.missed - usual * bucket.persons
        for key, bucket in errors.buckets.items()
        if bucket.persons >= LEAST_PERSONS
    }
    if not excess or max(excess.values()) <= 0:
        return f"More renders of the same kind: {usual:.1%} of persons are missed, no kind of them more than others."
    worst = max(excess, key=lambda key: excess[key])
    bucket = errors.buckets[worst]
    return (
        f"{worst[0]}: {worst[1]}: {bucket.share:.1%} of {bucket.persons:,} such persons are missed, against "
        f"{usual:.1%} of all. Worth trying: {REMEDIES[worst]}."
    )
