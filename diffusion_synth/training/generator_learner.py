"""The embedded generator, learnt from nothing: its UNet, its text encoder, and the average of both, which is kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.learner import Learner, LearningConfig
from diffusion_synth.training.small_generator import GeneratorConfig, make_generator

MOST_WEIGHT = 20.0  # of a level of noise: where there is hardly any, the picture is plain to see


@dataclass(frozen=True)
class GeneratorLearningConfig(LearningConfig):
    """All that decides the generator's weights."""

    steps: int = 20_000
    batch_size: int = 8
    learning_rate: float = 3e-4
    warmup: int = 200
    ema: float = 0.999
    """Decay a step of the average of the weights, which is what is kept."""
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is {self.ema}; it must be within 0..1, and not 1")


def ema_decay(most: float, step: int) -> float:
    """Return the decay of the average after `step` steps: n / (10 + n), at most `most`.

    Young averages decay faster, so that short runs do not keep their random beginning. diffusers'
    `EMAModel` can have the same decay, but sums in another order: it would change trained weights.
    """
    return min(most, step / (10 + step))


class GeneratorLearner(Learner):
    """The generator and its average."""

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
        return self.config.generator.size

    def level_weights(self, times: Tensor) -> Tensor:
        """Errors of the picture weigh as those of the velocity (Salimans & Ho, ICLR 2022): 1 / σ², up to a most."""
        if self.config.generator.prediction != "sample":
            return super().level_weights(times)
        kept = self.pipeline.scheduler.alphas_cumprod.to(times.device)[times]
        return (1 / (1 - kept)).clamp(max=MOST_WEIGHT)

    @torch.no_grad()
    def follow(self) -> None:
        decay = ema_decay(self.config.ema, self.step)
        for name, network in self.networks.items():
            kept, current = (list(module.parameters()) for module in (self.average[name], network))
            get_ema_multi_avg_fn(decay)(
                kept, current, self.step
            )  # few kernels for hundreds of tensors

    def painting(self) -> ShapeGuidedPipeline:
        """A pipeline with the averaged weights."""
        for network in self.average.values():
            network.eval()
        return ShapeGuidedPipeline(**{**self.pipeline.components, **self.average})

    def save(self, folder: Path) -> None:
        """The averaged pipeline in the layout of diffusers, in half precision."""
        halved = {name: copy.deepcopy(network).half() for name, network in self.average.items()}
        pipeline = ShapeGuidedPipeline(**{**self.pipeline.components, **halved})
        pipeline.save_pretrained(folder, safe_serialization=True)

    def weights(self) -> dict[str, Any]:
        return {
            "modules": {name: network.state_dict() for name, network in self.networks.items()},
            "average": {name: network.state_dict() for name, network in self.average.items()},
        }

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(weights["modules"][name])
            self.average[name].load_state_dict(weights["average"][name])

    def card(self) -> str:
        return f"""---
library_name: diffusers
pipeline_tag: image-to-image
---
# A small generator of persons inside a mask

Made by `python -m diffusion_synth.train`: {self.step} steps of {self.config.batch_size} crops, drawn from
{len(self.bank)} crops of rendered persons, seed {self.config.seed}.
It has seen nobody who exists, and no photograph of a person.

- Paints crops of {self.size} px. Larger ones are enlarged and blurred.
- Knows the words of the renderer (clothes, colours, hair, poses, light) and no others; the rest fall into letters.
- Makes figures, not portraits: faces have no features worth the name at this size.
- Takes its light from the renders: in photographs its persons look pasted in.
"""
