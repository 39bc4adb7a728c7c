"""Sampling weights of the mixture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pii_seg.config import AugmentationConfig, DataConfig
from pii_seg.data.mixture import DataSources, assemble
from pii_seg.data.sources import Fault, Sample, Source
from pii_seg.data.sources.base import Progress


class Pictures(Source):
    def __init__(self, count: int) -> None:
        self.name, self.count, self.photo_only, self.faults = f"{count} pictures", count, False, []

    def __len__(self) -> int:
        return self.count

    def load(self, i: int) -> Sample:
        raise AssertionError("nothing is loaded here")

    def check(self, *, workers: int = 4, progress: Progress | None = None) -> list[Fault]:
        return []


def weights(pseudo: list[int], repainted: list[int], config: DataConfig) -> list[float]:
    """Return the weights of the rendered, pseudo-labelled and repainted sources, in this order."""
    one = (Pictures(5),)
    opened = DataSources(
        synthetic=one,
        labelled=(),
        validation=one,
        negatives=(),
        backgrounds=(),
        distractors=(),
        pseudo=tuple(map(Pictures, pseudo)),
        repainted=tuple(map(Pictures, repainted)),
        held_out=False,
        faults=(),
    )
    module = assemble(
        opened,
        config,
        AugmentationConfig.none(),
        epoch_size=8,
        seed=0,
        workers=0,
        memory_mb=1,
    )
    return [mixed.weight for mixed in module.mixture]


@given(
    pseudo=st.lists(st.integers(1, 50), min_size=1, max_size=3),
    repainted=st.lists(st.integers(1, 50), min_size=1, max_size=3),
)
def test_the_weight_of_a_repainted_photo_is_relative_to_a_pseudo_labelled_one(
    pseudo: list[int], repainted: list[int]
) -> None:
    found = weights(pseudo, repainted, DataConfig(synthetic_weight=3, repainted_weight=0.5))
    of_pseudo, of_repainted = sum(found[1 : 1 + len(pseudo)]), sum(found[1 + len(pseudo) :])
    assert found[0] == 3 and of_pseudo == pytest.approx(1)
    if sum(repainted) <= sum(pseudo):
        assert of_repainted / sum(repainted) == pytest.approx(0.5 * of_pseudo / sum(pseudo))
    else:  # several of each photo: together they are not shown more
        assert of_repainted == pytest.approx(0.5)


def test_repainted_photos_alone_have_their_whole_share() -> None:
    assert weights([], [1, 3], DataConfig(repainted_weight=0.8)) == pytest.approx([1, 0.2, 0.6])
