"""Pasted persons: their target is where they are seen, what lies below decides about the rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pii_seg.augmentation_config import AugmentationConfig
from pii_seg.data.augmentation import augment
from pii_seg.data.copy_paste import CutOut, CutOutBank, cut_out, soften
from pii_seg.data.random_streams import Streams
from pii_seg.data.sources import IGNORE, PERSON, Fault, Sample, Source
from pii_seg.data.sources.base import Progress
from pii_seg.errors import DataError

HOW = dataclasses.replace(AugmentationConfig.none(), paste=1.0, paste_match=0.0, paste_shadow=0.0)


def render(*, visibility: float = 1.0, left: int = 30) -> Sample:
    """A green person, 40 × 20 px, on blue."""
    instances = np.zeros((80, 80), np.uint16)
    instances[20:60, left : left + 20] = 3
    image = np.where((instances > 0)[..., None], [20, 220, 20], [20, 20, 220]).astype(np.uint8)
    return Sample("r", image, (instances > 0).astype(np.uint8), instances, {3: visibility})


class Renders(Source):
    photo_only = False
    name = "renders"

    def __init__(self, *samples: Sample | None) -> None:
        self.samples, self.faults = samples, []

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, i: int) -> Sample:
        if (sample := self.samples[i]) is None:
            raise DataError("damaged")
        return sample

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return []


def street(below: int = 0) -> Sample:
    return Sample("s", np.full((96, 96, 3), 128, np.uint8), np.full((96, 96), below, np.uint8))


@pytest.mark.parametrize("below", [0, IGNORE])
def test_pasted_persons_are_in_the_target_and_the_rest_stays(below: int) -> None:
    bank, found = CutOutBank([Renders(render())]), 0
    for place in range(20):
        view = augment(street(below), 96, HOW, Streams((0, 0, place)), persons=bank)
        assert set(np.unique(view.target)) <= {below, PERSON}
        person = view.target == PERSON
        found += person.any()
        green = (view.image[..., 1] > 150) & (view.image[..., 2] < 100)
        assert (person & green).sum() >= 0.97 * green.sum()
        assert (view.image[~person][:, 2] < 165).all()  # no rim of the render's blue
        assert (green & person).sum() > 0.9 * person.sum() - 6
    assert found >= 18


def test_paste_of_the_source_overrules_the_augmentation() -> None:
    bank = CutOutBank([Renders(render())])
    never = augment(street(), 96, HOW, Streams((0, 0, 1)), persons=bank, paste=0.0)
    assert (never.target == 0).all()
    always = augment(
        street(), 96, HOW.without("paste"), Streams((0, 0, 1)), persons=bank, paste=1.0
    )
    np.testing.assert_array_equal(
        always.target, augment(street(), 96, HOW, Streams((0, 0, 1)), persons=bank).target
    )


def test_match_moves_colours_towards_the_surroundings() -> None:
    bank = CutOutBank([Renders(render())])
    dark = dataclasses.replace(street(), image=np.full((96, 96, 3), 10, np.uint8))
    sums = []
    for match in (0.0, 1.0):
        how = dataclasses.replace(HOW, paste_match=match, paste_height=(0.5, 0.6))
        views = [augment(dark, 96, how, Streams((0, 0, n)), persons=bank) for n in range(10)]
        sums.append(np.mean([view.image[view.target == PERSON].mean() for view in views]))
    assert sums[1] < 0.85 * sums[0]


def test_cut_outs_are_whole_visible_and_large_enough() -> None:
    rng = np.random.default_rng(0)
    assert cut_out(render(), rng) is not None
    assert cut_out(render(visibility=0.5), rng) is None
    assert cut_out(render(left=0), rng) is None and cut_out(render(left=60), rng) is None
    assert cut_out(dataclasses.replace(render(), instances=None), rng) is None
    tiny = np.zeros((80, 80), np.uint16)
    tiny[40:45, 40:45] = 3
    assert cut_out(dataclasses.replace(render(), instances=tiny), rng) is None


def test_a_person_that_the_frame_cut_below_is_cut_below_again() -> None:
    sample = render()
    assert sample.instances is not None
    lowered = dataclasses.replace(
        sample,
        image=np.roll(sample.image, 20, axis=0),
        instances=np.roll(sample.instances, 20, axis=0),
    )
    found = cut_out(lowered, np.random.default_rng(0))
    assert found is not None and found.cut_below
    bank = CutOutBank([Renders(lowered)])
    how = dataclasses.replace(HOW, paste_count=(1, 1), paste_height=(0.1, 0.3))
    for place in range(10):
        target = augment(street(), 96, how, Streams((0, 0, place)), persons=bank).target
        assert not (target == PERSON).any() or (target[-1] == PERSON).any()


def test_the_soft_edge_is_a_pixel_wide() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[:, 10:] = 255
    row = soften(mask)[10]
    assert (
        (row[:9] == 0).all()
        and (row[13:] > 0.99).all()
        and ((row > 0.05) & (row < 0.95)).sum() <= 2
    )


def test_a_bank_skips_unreadable_images_and_must_not_be_empty() -> None:
    bank = CutOutBank([Renders(None, render(), None), Renders(), Renders(render())])
    drawn = [bank.draw(np.random.default_rng([n])) for n in range(30)]
    assert sum(isinstance(found, CutOut) for found in drawn) >= 28
    assert CutOutBank([Renders(None)]).draw(np.random.default_rng([0])) is None
    with pytest.raises(DataError, match="no source"):
        CutOutBank([Renders()])


def test_every_source_of_a_bank_is_drawn_from_by_its_number_of_images() -> None:
    wide = [render(left=10), render(left=10), render(left=10)]
    seen: list[str] = []

    class Noting(Renders):
        def load(self, i: int) -> Sample:
            seen.append(f"{self.name}{i}")
            return super().load(i)

    first, second = Noting(*wide), Noting(render())
    first.name, second.name = "a", "b"
    bank = CutOutBank([first, second])
    for n in range(200):
        bank.draw(np.random.default_rng([n]))
    counts = {name: seen.count(name) for name in set(seen)}
    assert set(counts) == {"a0", "a1", "a2", "b0"} and min(counts.values()) > 25


def thing() -> Sample:
    """A red thing, 40 px square, on blue."""
    sample = render()
    instances = np.zeros((80, 80), np.uint16)
    instances[20:60, 20:60] = 1
    image = np.where((instances > 0)[..., None], [220, 20, 20], [20, 20, 220]).astype(np.uint8)
    return dataclasses.replace(sample, image=image, instances=instances, visibility={})


def test_distractors_are_pasted_and_are_background() -> None:
    persons, things = CutOutBank([Renders(render())]), CutOutBank([Renders(thing())])
    how = dataclasses.replace(HOW, distractors=1.0, distractor_height=(0.5, 0.6))
    seen = in_front = behind = 0
    for place in range(40):
        streams = Streams((0, 0, place))
        view = augment(street(), 96, how, streams, persons=persons, distractors=things)
        alone = augment(street(), 96, how, streams, persons=persons).target == PERSON
        red = (view.image[..., 0] > 150) & (view.image[..., 1] < 100)
        person = view.target == PERSON
        assert not (person & red).any()
        assert (person <= alone).all()  # the people are those of the same view without things
        seen += red.any()
        in_front += (alone & ~person).any()
        behind += person.any()
    assert seen >= 35 and in_front >= 5 and behind >= 30


def test_distractors_come_without_people_too() -> None:
    things = CutOutBank([Renders(thing())])
    how = dataclasses.replace(HOW, distractors=1.0)
    views = [augment(street(), 96, how, Streams((0, 0, n)), distractors=things) for n in range(20)]
    assert sum((view.image != 128).any() for view in views) >= 15
    assert not any(view.target.any() for view in views)
    without = augment(
        street(), 96, how.without("distractors"), Streams((0, 0, 0)), distractors=things
    )
    assert (without.image == 128).all()
