"""What a training leaves as it was: a frozen encoder, and norms whose statistics are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pii_seg.config import BudgetConfig, DataConfig, ModelConfig, OptimiserConfig, TrainConfig
from pii_seg.errors import ConfigError
from pii_seg.models.checkpoint import Checkpoint
from pii_seg.models.segmenter import Segmenter
from pii_seg.training.fit import build_module
from pii_seg.training.module import SegmentationModule

MODEL = ModelConfig(encoder="mobilenetv4_conv_small_050", width=8, weights="none")


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    """Weights to start from, which count as pre-trained."""
    module = build_module(config_of(OptimiserConfig()))
    return Checkpoint(MODEL, dict(module.segmenter.state_dict()))


def config_of(optimiser: OptimiserConfig) -> TrainConfig:
    return TrainConfig(DataConfig(), model=MODEL, optimiser=optimiser, budget=BudgetConfig(steps=4))


def changed_by_a_step(module: SegmentationModule) -> dict[str, set[str]]:
    """Take a step of the optimiser; return the names of what changed, by "encoder" and "rest"."""
    before = {name: value.clone() for name, value in module.segmenter.state_dict().items()}
    module.train()
    optimiser = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1)
    images = torch.randint(0, 255, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    target = (images[:, 0] > 120).to(torch.uint8)
    module.loss(module.segmenter(images.to(torch.uint8)), target).backward()
    optimiser.step()
    changed: dict[str, set[str]] = {"encoder": set(), "rest": set()}
    for name, value in module.segmenter.state_dict().items():
        if not torch.equal(value, before[name]):
            changed["encoder" if name.startswith("network.encoder.") else "rest"].add(name)
    return changed


def test_a_share_of_zero_freezes_the_encoder_and_nothing_else(start: Checkpoint) -> None:
    module = build_module(config_of(OptimiserConfig(encoder_share=0)), start)
    changed = changed_by_a_step(module)
    assert not changed["encoder"]
    assert any("running_mean" in name for name in changed["rest"])
    assert any(name.endswith("weight") for name in changed["rest"])
    grouped = [p for group in module.parameter_groups() for p in group["params"]]
    assert len(grouped) == sum(p.requires_grad for p in module.segmenter.parameters())


def test_kept_norms_keep_their_statistics_while_weights_are_trained(start: Checkpoint) -> None:
    kept = changed_by_a_step(build_module(config_of(OptimiserConfig(encoder_norms=False)), start))
    assert any(name.endswith("weight") for name in kept["encoder"])
    assert not any("running" in name or "tracked" in name for name in kept["encoder"])
    assert any("running_mean" in name for name in kept["rest"])
    adapted = changed_by_a_step(build_module(config_of(OptimiserConfig()), start))
    assert any("running_mean" in name for name in adapted["encoder"])


def test_random_weights_are_not_frozen() -> None:
    with pytest.raises(ConfigError, match=r"encoder_share is 0.*random weights"):
        build_module(config_of(OptimiserConfig(encoder_share=0)))
    plain = replace(config_of(OptimiserConfig(encoder_share=0)), model=ModelConfig("plain"))
    with pytest.raises(ConfigError, match="random weights"):
        build_module(plain)


def test_an_encoder_from_scratch_adapts_its_norms() -> None:
    changed = changed_by_a_step(build_module(config_of(OptimiserConfig(encoder_norms=False))))
    assert any("running_mean" in name for name in changed["encoder"])


def test_the_average_of_a_frozen_encoder_is_the_encoder(start: Checkpoint) -> None:
    module = build_module(config_of(OptimiserConfig(encoder_share=0)), start)
    changed_by_a_step(module)
    module.averaged.update_parameters(module.segmenter)
    averaged: Segmenter = module.average
    current: dict[str, Tensor] = dict(module.segmenter.state_dict())
    for name, value in averaged.state_dict().items():
        if name.startswith("network.encoder."):
            torch.testing.assert_close(value, current[name])
