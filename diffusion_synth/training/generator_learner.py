"""Training of the small generator from scratch: its UNet, its text encoder, and their average."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from diffusion_synth.errors import ConfigError
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.learner import Learner, LearningConfig
from diffusion_synth.training.small_generator import GeneratorConfig, make_generator

MAX_LEVEL_WEIGHT = 20.0  # of a level of noise: with hardly any noise, the image is easy to predict


@dataclass(frozen=True)
class GeneratorLearningConfig(LearningConfig):
    """The settings that decide the generator's weights.

    Raises:
        ConfigError: A value is not valid.
    """

    steps: int = 20_000
    batch_size: int = 8
    learning_rate: float = 3e-4
    warmup: int = 200
    ema: float = 0.999
    """Decay per step of the average of the weights; the average is the result."""
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema must be from 0 to below 1, got {self.ema}")


def ema_decay(most: float, step: int) -> float:
    """Return the decay of the average after `step` steps: n / (10 + n), at most `most`.

    Young averages decay faster, so that short runs do not keep their random beginning. diffusers'
    `EMAModel` can have the same decay, but sums in another order: it would change trained weights.
    """
    return min(most, step / (10 + step))


class GeneratorLearner(Learner):
    """The small generator in training, and the average of its weights."""

    config: GeneratorLearningConfig

    def __init__(
        self,
        config: GeneratorLearningConfig,
        bank: CropBank,
        grammar: Grammar,
        *,
        device: torch.device | str = "cpu",
        bf16: bool = False,
    ) -> None:
        start = torch.Generator().manual_seed(config.seed)
        pipeline = make_generator(config.generator, generator=start).to(device)
        networks = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
        super().__init__(config, pipeline, networks, bank, grammar, bf16=bf16)
        self.average = {name: copy.deepcopy(network) for name, network in networks.items()}

    @property
    def size(self) -> int:
        """Side of the crops, px."""
        return self.config.generator.size

    def level_weights(self, times: Tensor) -> Tensor:
        """Return 1 / σ², at most MAX_LEVEL_WEIGHT, for a network that predicts the image.

        An error of the image then counts as one of the velocity (Salimans & Ho, ICLR 2022).
        """
        if self.config.generator.prediction != "sample":
            return super().level_weights(times)
        alphas = self.pipeline.scheduler.alphas_cumprod.to(times.device)[times]
        return (1 / (1 - alphas)).clamp(max=MAX_LEVEL_WEIGHT)

    @torch.no_grad()
    def after_step(self) -> None:
        """Update the average."""
        decay = ema_decay(self.config.ema, self.step)
        for name, network in self.networks.items():
            averaged, current = (
                list(module.parameters()) for module in (self.average[name], network)
            )
            # One call for hundreds of tensors launches few kernels.
            get_ema_multi_avg_fn(decay)(averaged, current, self.step)

    def inference_pipeline(self) -> ShapeGuidedPipeline:
        """Return a pipeline with the averaged weights."""
        for network in self.average.values():
            network.eval()
        return self.pipeline.with_parts(**self.average)

    def save(self, folder: Path) -> None:
        """Write the averaged pipeline in the layout of diffusers, in half precision."""
        halved = {name: copy.deepcopy(network).half() for name, network in self.average.items()}
        pipeline = self.pipeline.with_parts(**halved)
        pipeline.save_pretrained(folder, safe_serialization=True)

    def weights(self) -> dict[str, Any]:
        """Return the weights of the networks and of their average."""
        return {
            "modules": {name: network.state_dict() for name, network in self.networks.items()},
            "average": {name: network.state_dict() for name, network in self.average.items()},
        }

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Load the result of `weights`."""
        for name, network in self.networks.items():
            network.load_state_dict(weights["modules"][name])
            self.average[name].load_state_dict(weights["average"][name])

    def model_card(self) -> str:
        """Return the model card, Markdown."""
        return f"""---
library_name: diffusers
pipeline_tag: image-to-image
---
# A small generator of persons inside a mask

Made by `python -m diffusion_synth.train`: {self.step} steps of {self.config.batch_size} crops from
{len(self.bank)} crops of rendered persons, seed {self.config.seed}.
It was trained on no photo of a person, and on no real person.

- It paints crops of {self.size} px. Larger persons are enlarged and blurred.
- It knows the words of the renderer (clothes, colours, hair, poses, light). Other words are split
  into letters.
- It paints figures, not portraits: at this size faces have no features.
- It takes its light from the renders: in photos its persons look pasted in.
"""
