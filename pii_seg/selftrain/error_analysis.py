"""Error analysis: persons missed by size, light and position, and the advice that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pii_seg.evaluation.counting import MISSED_BELOW, SIZES
from pii_seg.evaluation.measure import ImageResult

DARK, BRIGHT = 70, 180  # limits of the mean luminance of a person's pixels, 0..255
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
LEAST_PERSONS = 10  # in a bucket that advice may be based on
LEAST_MISSED = 0.02  # share of persons below which no advice is needed
LEAST_FALSE = 0.02  # share of the area of person-free images that is predicted as person

SAME_RENDERS = "more renders of the same kind; neither light nor size stands out"
REMEDIES = {
    ("size", "small"): "more small people: render the recipe street, and predict with --tiles auto "
    "or --tiles 2",
    ("size", "medium"): "more people of medium size: render the recipe street, and train with "
    "larger crops (--data.size)",
    ("size", "large"): "more people close to the camera: render the recipe close, or predict at a "
    "smaller --size",
    ("light", "dark"): "darker scenes: render with less light, or add photos taken at dusk to "
    "--unlabelled",
    ("light", "bright"): "brighter scenes and pale clothes: render with stronger light",
    ("light", "medium"): SAME_RENDERS,
    ("place", "cut by the frame"): "people cut by the image's border: render the recipe close",
    ("place", "whole"): SAME_RENDERS,
}  # fmt: skip


@dataclass
class Bucket:
    """Counts of persons of the same kind."""

    persons: int = 0
    missed: int = 0

    @property
    def share(self) -> float:
        return self.missed / self.persons if self.persons else 0.0


@dataclass
class Errors:
    """Errors of a model on labelled images.

    Attributes:
        buckets: Counts of persons by (axis, name), such as ("size", "small").
        person_free: Number of images without persons.
        false_area: Sum over these images of the share of pixels predicted as person.
    """

    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    person_free: int = 0
    false_area: float = 0.0

    def add(self, result: ImageResult) -> None:
        """Count the persons of one image."""
        count = result.count
        if not count.has_person:
            self.person_free += 1
            self.false_area += count.false_share()
        for person in count.persons or ():
            missed = person.coverage(count.threshold_index) < MISSED_BELOW
            for key in self._kinds(result, person.id, person.box, SIZES[person.size]):
                bucket = self.buckets.setdefault(key, Bucket())
                bucket.persons += 1
                bucket.missed += missed

    def _kinds(
        self, result: ImageResult, number: int, box: tuple[int, int, int, int], size: str
    ) -> Iterator[tuple[str, str]]:
        """The (axis, name) of each bucket that a person belongs to."""
        sample = result.sample
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
        """Rows of a table: kind, number of persons, share missed."""
        return [
            [f"{axis}: {name}", f"{bucket.persons:,}", f"{bucket.share:.1%}"]
            for (axis, name), bucket in sorted(self.buckets.items())
        ]


def next_step(errors: Errors) -> str:
    """Advise an improvement for the kind of persons that is missed most beyond the average."""
    by_size = [bucket for (axis, _), bucket in errors.buckets.items() if axis == "size"]
    persons, missed = sum(b.persons for b in by_size), sum(b.missed for b in by_size)
    false = errors.false_area / errors.person_free if errors.person_free else 0.0
    if false > LEAST_FALSE and (not persons or false > missed / persons):
        return (
            f"In photos without people {false:.1%} of the area is detected as person. Add more of "
            "them with --negatives and --backgrounds; they need no labels."
        )
    if not persons:
        return "The tested images do not separate persons, so the missed ones cannot be analysed."
    average = missed / persons
    if average < LEAST_MISSED:
        return (
            f"Little to improve: {average:.1%} of persons are missed. Test on harder images, or on "
            "more."
        )
    # Persons missed beyond the average: the gain of improving this bucket alone.
    excess = {
        key: bucket.missed - average * bucket.persons
        for key, bucket in errors.buckets.items()
        if bucket.persons >= LEAST_PERSONS
    }
    if not excess or max(excess.values()) <= 0:
        return (
            f"More renders of the same kind: {average:.1%} of persons are missed, and no kind of "
            "person stands out."
        )
    axis, name = max(excess, key=lambda key: excess[key])
    bucket = errors.buckets[axis, name]
    return (
        f"{axis}: {name}: {bucket.share:.1%} of {bucket.persons:,} such persons are missed, "
        f"compared with {average:.1%} of all. Try {REMEDIES[axis, name]}."
    )
