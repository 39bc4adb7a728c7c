"""Training of a LoRA on a large model, whose own weights are not changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from diffusion_synth.errors import ConfigError
from diffusion_synth.pipeline.lora import add_lora, lora_weights, save_lora
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.learner import Learner, LearningConfig


@dataclass(frozen=True)
class LoraLearningConfig(LearningConfig):
    """The settings that decide a LoRA's weights.

    Raises:
        ConfigError: A value is not valid.
    """

    steps: int = 2000
    batch_size: int = 4
    learning_rate: float = 1e-4
    warmup: int = 100
    base: str = ""
    """Hash of the base model's weights, or its name at a hub."""
    size: int = 512
    """Side of the crops, px."""
    rank: int = 8
    snr_gamma: float = 5.0
    """Noise levels with a greater signal-to-noise ratio count less (`min_snr_weights`)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1:
            raise ConfigError(f"rank must be at least 1, got {self.rank}")
        if not self.snr_gamma > 0:
            raise ConfigError(f"snr_gamma must be above 0, got {self.snr_gamma}")


class LoraLearner(Learner):
    """A base model with a LoRA on its UNet. The given pipeline is changed."""

    config: LoraLearningConfig

    def __init__(
        self,
        config: LoraLearningConfig,
        pipeline: ShapeGuidedPipeline,
        bank: CropBank,
        grammar: Grammar,
        *,
        bf16: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.requires_grad_(False)
        add_lora(pipeline.unet, config.rank, generator=torch.Generator().manual_seed(config.seed))
        if gradient_checkpointing:
            pipeline.unet.enable_gradient_checkpointing()
        # The same noise levels, by a scheduler that has a target for each. Latents are not clipped.
        scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
        pipeline = pipeline.with_parts(scheduler=scheduler)
        super().__init__(config, pipeline, {"unet": pipeline.unet}, bank, grammar, bf16=bf16)

    @property
    def size(self) -> int:
        """Side of the crops, px."""
        return self.config.size

    def level_weights(self, times: Tensor) -> Tensor:
        """Return the min-SNR weights of the loss (B,) at training steps `times` (B,)."""
        scheduler = self.pipeline.scheduler
        alphas = scheduler.alphas_cumprod.to(times.device)[times]
        return min_snr_weights(alphas, scheduler.config.prediction_type, self.config.snr_gamma)

    def inference_pipeline(self) -> ShapeGuidedPipeline:
        """Return the base model with the LoRA."""
        self.pipeline.unet.eval()
        return self.pipeline

    def save(self, folder: Path) -> None:
        """Write the LoRA alone, a few MB; every pipeline of diffusers loads it onto the base."""
        save_lora(self.pipeline.unet, folder)

    def weights(self) -> dict[str, Any]:
        """Return the weights of the LoRA."""
        return {"lora": lora_weights(self.pipeline.unet)}

    @torch.no_grad()
    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Load the result of `weights`."""
        for name, weight in lora_weights(self.pipeline.unet).items():
            weight.copy_(weights["lora"][name])

    def model_card(self) -> str:
        """Return the model card, Markdown."""
        return f"""---
library_name: diffusers
tags: [lora]
---
# Persons inside a mask, as a LoRA

Made by `python -m diffusion_synth.train`: {self.step} steps of {self.config.batch_size} crops of
{self.config.size} px, from {len(self.bank)} crops of rendered persons, rank {self.config.rank},
seed {self.config.seed}.

It needs this base model, whose licence holds for the painted images:
`{self.config.base}`
(SHA-256 of its weights and configurations, or its name at a hub).

- It was trained on renders, which differ from photos: at full strength persons look rendered.
- It was trained within shape-guided attention. Other pipelines of diffusers load it, but were not
  tested with it.
"""


def min_snr_weights(alphas: Tensor, prediction_type: str, gamma: float) -> Tensor:
    """Return the weights of the loss at noise levels: min-SNR-γ (Hang et al., ICCV 2023).

    Beyond γ the clean image is nearly visible, so there is little to train. diffusers'
    `compute_snr` squares a quotient of roots, which differs in the last bits and would change
    trained weights.

    Args:
        alphas: Share of signal at the levels, ᾱ, (B,).
        prediction_type: The network's output: epsilon, sample, or v_prediction.
        gamma: The greatest ratio of signal to noise that counts in full.

    Returns:
        (B,).
    """
    snr = alphas / (1 - alphas)
    if prediction_type == "epsilon":
        return (gamma / snr).clamp_max(1)
    if prediction_type == "sample":
        return snr.clamp_max(gamma)
    return snr.clamp_max(gamma) / (snr + 1)
