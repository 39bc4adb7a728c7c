"""The mean of several checkpoints: of weights, of nothing else, and only where there is one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from pii_seg.config import SIZES, ModelConfig
from pii_seg.models.checkpoint import Checkpoint, untrained_network
from pii_seg.models.model_soup import mean_checkpoint
from pii_seg.models.segmenter import Segmenter

TINY = SIZES["tiny"]


def trained(number: int) -> Checkpoint:
    """With weights, and batch statistics, of its own."""
    generator = torch.Generator().manual_seed(number)
    weights = Segmenter(untrained_network(TINY)).state_dict()
    drawn = {
        name: torch.rand(value.shape, generator=generator) + 0.5
        if value.is_floating_point()
        else torch.full_like(value, number)
        for name, value in weights.items()
    }
    return Checkpoint(
        TINY, drawn, config={"seed": number}, temperature=2.0, provenance={"steps": number}
    )


def test_weights_and_batch_statistics_are_averaged() -> None:
    one, other = trained(1), trained(2)
    mean = mean_checkpoint([one, other])
    assert mean.weights.keys() == one.weights.keys()
    for name, value in mean.weights.items():
        assert value.dtype == one.weights[name].dtype
        if value.is_floating_point():
            torch.testing.assert_close(value, (one.weights[name] + other.weights[name]) / 2)
        else:
            assert torch.equal(value, one.weights[name])
    assert mean.temperature == 1.0  # the temperature of neither is its own
    assert mean.provenance == {"mean_of": [{"steps": 1}, {"steps": 2}]}
    assert mean.segmenter()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).isfinite().all()


def test_the_order_does_not_matter_and_the_mean_of_one_is_itself() -> None:
    given = [trained(number) for number in (1, 2, 3)]
    means = [mean_checkpoint(order).weights for order in itertools.permutations(given)]
    for name, value in means[0].items():
        if value.is_floating_point():
            assert all(torch.equal(value, other[name]) for other in means)
    for name, value in mean_checkpoint(given[:1]).weights.items():
        assert torch.equal(value, given[0].weights[name])


def test_different_models_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no checkpoints"):
        mean_checkpoint([])
    other = replace(trained(1), model=ModelConfig(encoder="plain", width=12))
    with pytest.raises(ValueError, match="different models"):
        mean_checkpoint([trained(1), other])
