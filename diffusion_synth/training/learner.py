"""Training of a pipeline: every step is drawn from (seed, step), so a run resumes bit for bit.

Both trainings are subclasses: the small generator (generator_learner.py) and LoRAs of large models
(lora_learner.py). They train on what the pipeline is given when it paints: packed prompts, regions
in every attention, and the mask for inpainting UNets.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diffusion_synth.errors import ConfigError
from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.pipeline.conditioning import Conditioning
from diffusion_synth.pipeline.pixel_shuffle import inside_share
from diffusion_synth.pipeline.regions import Regions
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar, Prompt
from diffusion_synth.randomness import generator_of
from diffusion_synth.training.crop_bank import CropBank
from diffusion_synth.training.state_file import STATE, save_state

# Weight of the surroundings in the loss: when painting, they are put back after every step.
OUTSIDE_WEIGHT = 0.1


@dataclass(frozen=True)
class LearningConfig:
    """The settings that decide the weights and that all trainings have.

    Raises:
        ConfigError: A value is not valid.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int
    """Steps of linear warm-up; half a cosine to 0 follows."""
    prompt_dropout: float = 0.1
    """Fraction of images that are trained without their prompt, for classifier-free guidance."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ConfigError(f"seed must be at least 0, got {self.seed}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.prompt_dropout < 1:
            raise ConfigError(
                f"prompt_dropout must be from 0 to below 1, got {self.prompt_dropout}"
            )


@dataclass(frozen=True)
class Batch:
    """The inputs of one step.

    Attributes:
        images: uint8 (B, H, W, 3).
        masks: bool (B, H, W).
        prompts: B of them.
        without_prompt: bool (B,), the images whose prompt is dropped.
        noise: Seed of the noise.
    """

    images: np.ndarray
    masks: np.ndarray
    prompts: list[Prompt]
    without_prompt: np.ndarray
    noise: int


class BatchLoader:
    """Batches drawn from (seed, step) alone; the next one is drawn while the last one is used."""

    def __init__(self, config: LearningConfig, bank: CropBank, grammar: Grammar) -> None:
        self.config, self.bank, self.grammar = config, bank, grammar
        self.pool = ThreadPoolExecutor(1)
        self.ahead: tuple[int, Future[Batch]] | None = None

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`, and begin to draw the next."""
        wanted = (
            self.ahead[1]
            if self.ahead and self.ahead[0] == step
            else self.pool.submit(self.draw, step)
        )
        batch = wanted.result()
        self.ahead = step + 1, self.pool.submit(self.draw, step + 1)
        return batch

    def draw(self, step: int) -> Batch:
        """Draw the batch of `step`."""
        rng = generator_of(self.config.seed, step, "batch")
        drawn = [self.bank.draw(rng, self.grammar) for _ in range(self.config.batch_size)]
        without_prompt = rng.random(len(drawn)) < self.config.prompt_dropout
        images, masks, prompts = zip(*drawn, strict=True)
        return Batch(
            np.stack(images),
            np.stack(masks),
            list(prompts),
            without_prompt,
            int(rng.integers(1 << 62)),
        )


class Learner(ABC):
    """A pipeline in training: the networks that are trained, their optimiser, and the step.

    Args:
        config: The settings.
        pipeline: The pipeline; its scheduler gives noise levels and targets.
        networks: The parts of it that are trained. Parameters without gradient stay as they are.
        bank: The crops to train on.
        grammar: The prompts.
        bf16: Whether to compute in bfloat16, by autocast.
    """

    def __init__(
        self,
        config: LearningConfig,
        pipeline: ShapeGuidedPipeline,
        networks: Mapping[str, nn.Module],
        bank: CropBank,
        grammar: Grammar,
        *,
        bf16: bool = False,
    ) -> None:
        self.config, self.pipeline, self.networks = config, pipeline, networks
        self.bank, self.grammar, self.bf16 = bank, grammar, bf16
        self.parameters = [
            parameter
            for network in networks.values()
            for parameter in network.parameters()
            if parameter.requires_grad
        ]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=config.learning_rate, weight_decay=0.01
        )
        self.step = 0
        self.data = ""  # hash of the data that the crops are from
        self.batches = BatchLoader(config, bank, grammar)

    @property
    @abstractmethod
    def size(self) -> int:
        """Side of the crops, px."""

    @abstractmethod
    def inference_pipeline(self) -> ShapeGuidedPipeline:
        """Return the pipeline with the trained weights, ready to paint."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the trained model for `diffusion_synth.run`."""

    @abstractmethod
    def model_card(self) -> str:
        """Return the model card, Markdown: how the model was made, and its limits."""

    @abstractmethod
    def weights(self) -> dict[str, Any]:
        """Return all tensors that training changes, except for the optimiser's."""

    @abstractmethod
    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Load the result of `weights`."""

    def level_weights(self, times: Tensor) -> Tensor:
        """Return the weight of the loss (B,) at training steps `times` (B,) of the scheduler."""
        return torch.ones(len(times), device=times.device)

    def after_step(self) -> None:  # noqa: B027  not every training needs it
        """Update what depends on the weights; called after every step."""

    @property
    def device(self) -> torch.device:
        """The device of the trained parameters."""
        return self.parameters[0].device

    def train_step(self) -> float:
        """Train one step. Returns its loss.

        Raises:
            FloatingPointError: The loss is not finite; the weights are those of the step before.
        """
        batch = self.batches.batch(self.step)
        draw = torch.Generator(self.device).manual_seed(batch.noise)
        images = torch.from_numpy(batch.images).to(self.device).permute(0, 3, 1, 2)
        pixels, labels = images / 127.5 - 1, torch.from_numpy(batch.masks).to(self.device).long()
        for network in self.networks.values():
            network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate_share(
                self.step, self.config.steps, self.config.warmup
            )
        # The backward pass needs the regions too: gradient checkpointing computes layers again.
        with region_processors(self.pipeline.unet):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                loss = self.loss(pixels, labels, batch.prompts, batch.without_prompt, draw)
            if not math.isfinite(float(loss.detach())):
                raise FloatingPointError(
                    f"the loss is not finite at step {self.step + 1}; train with a smaller "
                    "--learning-rate or --precision float32, and --overwrite"
                )
            self.optimiser.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.step += 1
        self.after_step()
        return float(loss.detach())

    def loss(
        self,
        pixels: Tensor,
        labels: Tensor,
        prompts: list[Prompt],
        without_prompt: np.ndarray,
        draw: torch.Generator,
    ) -> Tensor:
        """Return the loss, weighted by inside and outside and by the level of noise.

        Args:
            pixels: (B, 3, H, W) in -1..1.
            labels: (B, H, W), 0 and 1.
            prompts: B of them.
            without_prompt: bool (B,), the images whose prompt is dropped.
            draw: On the learner's device: drawing the noise of a large batch on the CPU would take
                longer than all the rest on a GPU. The UNet must have `region_processors`.
        """
        pipe = self.pipeline
        clean = pipe.encode_images(pixels)
        noise = torch.randn(clean.shape, generator=draw, device=clean.device).to(clean)
        levels = pipe.scheduler.config.num_train_timesteps
        times = torch.randint(levels, (len(clean),), generator=draw, device=clean.device)
        noisy = pipe.scheduler.add_noise(clean, noise, times)
        # As strict as sampling is at this level of noise, from strict to not masked.
        across = 1 - SCHEDULES["linear"](1 - (times + 1) / levels)
        conditioning = self.condition(prompts, without_prompt)
        regions = Regions(labels, conditioning.weights, across)
        inpainting = pipe.prepare_inpainting_channels(pixels, labels)
        output = pipe.predict(noisy, times, conditioning, regions, inpainting)
        inside = inside_share(labels, pipe.vae, output.shape[1])
        weight = OUTSIDE_WEIGHT + (1 - OUTSIDE_WEIGHT) * inside
        error = (output - target_of(pipe.scheduler, clean, noise, times)) ** 2
        return (
            self.level_weights(times)[:, None, None, None] * weight * error
        ).sum() / weight.sum()

    def condition(self, prompts: list[Prompt], without_prompt: np.ndarray) -> Conditioning:
        """Encode the prompts of images with one person each.

        Args:
            prompts: B of them.
            without_prompt: bool (B,), the images that get the empty prompt, as guidance has it.
        """
        encoders = self.pipeline.encoders
        prompted = encoders.condition([[p.outside, p.inside] for p in prompts], self.device)
        empty = encoders.uncondition([""] * len(prompts), 2, self.device)
        dropped = torch.from_numpy(without_prompt).to(self.device)
        pooled = None
        if prompted.pooled is not None and empty.pooled is not None:
            pooled = torch.where(dropped[:, None], empty.pooled, prompted.pooled)
        return Conditioning(
            torch.where(dropped[:, None, None], empty.embeddings, prompted.embeddings),
            torch.where(dropped[:, None, None], empty.weights, prompted.weights),
            pooled,
        )

    def settings(self) -> dict[str, Any]:
        """Return all that decides the weights, as plain values; a state of others is refused."""
        return {
            **config_on_disk(self.config),
            "data": self.data,
            "prompts": self.grammar.identity(),
        }


def rate_share(step: int, steps: int, warmup: int) -> float:
    """Return the share, 0..1, of the full learning rate: linear warm-up, then half a cosine.

    diffusers' `get_cosine_schedule_with_warmup` begins with a step of rate 0, so it would train
    other weights than those that are bundled.
    """
    warmup = min(warmup, steps // 2)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def target_of(scheduler: Any, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """Return the network's target for `clean` and `noise` (B, C, h, w) mixed at `times` (B,)."""
    if scheduler.config.prediction_type == "epsilon":
        return noise
    if scheduler.config.prediction_type == "sample":
        return clean
    velocity: Tensor = scheduler.get_velocity(clean, noise, times)
    return velocity


def config_on_disk(config: LearningConfig) -> dict[str, Any]:
    """Return the settings by the keys of state files, which keep the names of earlier versions."""
    settings = asdict(config)
    settings["silent"] = settings.pop("prompt_dropout")
    return settings


def train_until(
    learner: Learner,
    steps: int,
    output: Path,
    *,
    save_every: int = 500,
    report: Callable[[int, float], None] = lambda step, loss: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train up to `steps`, saving the state in `output` on the way and at the end.

    Args:
        learner: What is trained.
        steps: The step to end at.
        output: The folder of the state.
        save_every: Steps between two states.
        report: Called with every step and its loss.
        stop: Asked before every step whether to end early.
    """
    output.mkdir(parents=True, exist_ok=True)
    while learner.step < steps and not stop():
        loss = learner.train_step()
        report(learner.step, loss)
        if learner.step % save_every == 0:
            save_state(learner, output / STATE)
    save_state(learner, output / STATE)
