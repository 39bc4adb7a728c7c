"""LoRA on a large model: how it paints this project's persons, learnt beside weights that stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from diffusion_synth.pipeline.lora import add_lora, lora_weights, save_lora
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.learner import Learner, LearningConfig


@dataclass(frozen=True)
class LoraLearningConfig(LearningConfig):
    """All that decides a LoRA's weights."""

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
    """Levels with a greater ratio of signal to noise count less (`min_snr_weights`)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1:
            raise ValueError(f"rank is {self.rank}; it must be at least 1")
        if not self.snr_gamma > 0:
            raise ValueError(f"snr_gamma is {self.snr_gamma}; it must be above 0")


class LoraLearner(Learner):
    """A base model with a LoRA on its UNet. pipeline: the base, which is changed."""

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
        # The same noise levels, by a scheduler that can say the target of each. Latents are not to be clipped.
        scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
        pipeline = ShapeGuidedPipeline(**{**pipeline.components, "scheduler": scheduler})
        super().__init__(config, pipeline, {"unet": pipeline.unet}, bank, grammar, bf16=bf16)

    @property
    def size(self) -> int:
        return self.config.size

    def level_weights(self, times: Tensor) -> Tensor:
        scheduler = self.pipeline.scheduler
        alphas = scheduler.alphas_cumprod.to(times.device)[times]
        return min_snr_weights(alphas, scheduler.config.prediction_type, self.config.snr_gamma)

    def painting(self) -> ShapeGuidedPipeline:
        self.pipeline.unet.eval()
        return self.pipeline

    def save(self, folder: Path) -> None:
        """The LoRA alone, a few MB: `run --lora` and every pipeline of diffusers puts it on the base again."""
        save_lora(self.pipeline.unet, folder)

    def weights(self) -> dict[str, Any]:
        return {"lora": lora_weights(self.pipeline.unet)}

    @torch.no_grad()
    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        for name, weight in lora_weights(self.pipeline.unet).items():
            weight.copy_(weights["lora"][name])

    def card(self) -> str:
        return f"""---
library_name: diffusers
tags: [lora]
---
# Persons inside a mask, as a LoRA

Made by `python -m diffusion_synth.train`: {self.step} steps of {self.config.batch_size} crops of {self.size} px,
drawn from {len(self.bank)} crops of rendered persons, rank {self.config.rank}, seed {self.config.seed}.

It belongs on this base, whose licence holds for what is painted:
`{self.config.base}`
(SHA-256 of its weights and configurations, or its name at a hub).

- It has learnt how renders look, which is not how photographs do: strong, it makes persons look rendered.
- It has learnt within shape-guided attention. Other pipelines of diffusers load it, but were not asked.
"""


def min_snr_weights(alphas: Tensor, prediction_type: str, gamma: float) -> Tensor:
    """Of the loss at levels of noise whose share of signal is `alphas` (ᾱ, (B,)): min-SNR-γ (Hang et al., ICCV 2023).

    Beyond γ, the clean picture is all but seen, and there is little to learn. As a factor of the loss of what the
    network predicts: epsilon, sample, or v_prediction. diffusers' `compute_snr` squares a quotient of roots, which
    differs in the last bits and would change trained weights.
    """
    snr = alphas / (1 - alphas)
    if prediction_type == "epsilon":
        return (gamma / snr).clamp_max(1)
    if prediction_type == "sample":
        return snr.clamp_max(gamma)
    return snr.clamp_max(gamma) / (snr + 1)
