"""How a pipeline learns: one step after the other, each drawn from (seed, step), resumable to the bit.

Both trainings go this way: the embedded generator's (generator_learner.py) and a large model's LoRA (lora_learner.py).
What is learnt is what the pipeline will be asked for: packed prompts, regions in every attention, and for inpainting
UNets the mask.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from blender_addon.dataset import atomic_file
from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.pipeline.conditioning import Conditioning
from diffusion_synth.pipeline.pixel_shuffle import inside_share
from diffusion_synth.pipeline.regions import Regions
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import Grammar, Prompt
from diffusion_synth.randomness import generator_of
from diffusion_synth.training.crop_bank import CropBank

STATE = "state.pt"
OUTSIDE_WEIGHT = (
    0.1  # of the loss: the surroundings are shown to the network, and put back after every step
)


@dataclass(frozen=True)
class LearningConfig:
    """All that decides the weights, as far as trainings have it in common."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup: int
    """Steps; then half a cosine to nothing."""
    silent: float = 0.1
    """How often a picture comes without its prompt, which guidance needs."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")
        if not 0 <= self.silent < 1:
            raise ValueError(f"silent is {self.silent}; it must be within 0..1, and not 1")


@dataclass(frozen=True)
class Batch:
    """images: uint8 (B, H, W, 3); masks: bool (B, H, W); silent: bool (B,), who is shown no prompt; noise: a seed."""

    images: np.ndarray
    masks: np.ndarray
    prompts: list[Prompt]
    silent: np.ndarray
    noise: int


class Batches:
    """The batch of any step, drawn from (seed, step) alone; the next one is drawn while this one is learnt from."""

    def __init__(self, config: LearningConfig, bank: CropBank, grammar: Grammar) -> None:
        self.config, self.bank, self.grammar = config, bank, grammar
        self.pool = ThreadPoolExecutor(1)
        self.ahead: tuple[int, Future[Batch]] | None = None

    def of(self, step: int) -> Batch:
        due = (
            self.ahead[1]
            if self.ahead and self.ahead[0] == step
            else self.pool.submit(self.draw, step)
        )
        batch = due.result()
        self.ahead = step + 1, self.pool.submit(self.draw, step + 1)
        return batch

    def draw(self, step: int) -> Batch:
        rng = generator_of(self.config.seed, step, "batch")
        drawn = [self.bank.draw(rng, self.grammar) for _ in range(self.config.batch_size)]
        silent = rng.random(len(drawn)) < self.config.silent
        images, masks, prompts = zip(*drawn, strict=True)
        return Batch(
            np.stack(images), np.stack(masks), list(prompts), silent, int(rng.integers(1 << 62))
        )


class Learner(ABC):
    """A pipeline, the networks of it that learn, their optimiser, and how many steps they have taken.

    Parameters that need no gradient stay as they are. bf16: arithmetic in bfloat16, by autocast.
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
        self.batches = Batches(config, bank, grammar)

    @property
    @abstractmethod
    def size(self) -> int:
        """Side of the crops, px."""

    @abstractmethod
    def painting(self) -> ShapeGuidedPipeline:
        """The pipeline with what has been learnt, to paint with."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """What has been learnt, for `diffusion_synth.run`."""

    @abstractmethod
    def card(self) -> str:
        """What it says of itself, Markdown: how it was made, and what it cannot do."""

    @abstractmethod
    def weights(self) -> dict[str, Any]:
        """All tensors that steps change, the optimiser's aside."""

    @abstractmethod
    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Take up what `weights` gave."""

    def level_weights(self, times: Tensor) -> Tensor:
        """(B,): of the loss at training steps `times` (B,)."""
        return torch.ones(len(times), device=times.device)

    def follow(self) -> None:  # noqa: B027  not every training has something to follow
        """Called after every step."""

    @property
    def device(self) -> torch.device:
        return self.parameters[0].device

    def learn(self) -> float:
        """One step. Returns its loss."""
        batch = self.batches.of(self.step)
        draw = torch.Generator(self.device).manual_seed(batch.noise)
        images = torch.from_numpy(batch.images).to(self.device).permute(0, 3, 1, 2)
        pixels, labels = images / 127.5 - 1, torch.from_numpy(batch.masks).to(self.device).long()
        for network in self.networks.values():
            network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate_share(
                self.step, self.config.steps, self.config.warmup
            )
        # The way back is within too: what gradient checkpointing forgets is computed anew there, with the same regions.
        with region_processors(self.pipeline.unet):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                loss = self.loss(pixels, labels, batch.prompts, batch.silent, draw)
            self.optimiser.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.step += 1
        self.follow()
        return float(loss.detach())

    def loss(
        self,
        pixels: Tensor,
        labels: Tensor,
        prompts: list[Prompt],
        silent: np.ndarray,
        draw: torch.Generator,
    ) -> Tensor:
        """Of the network's output, weighed by inside and outside and by the level of noise.

        pixels: (B, 3, H, W) in -1..1; labels: (B, H, W), 0 and 1; silent: bool (B,); draw: on the learner's device,
        since the noise of a large batch takes a CPU longer than all the rest takes a GPU. The UNet's attentions have to
        understand regions (`region_processors`).
        """
        pipe = self.pipeline
        clean = pipe.encode_pictures(pixels)
        noise = torch.randn(clean.shape, generator=draw, device=clean.device).to(clean)
        levels = pipe.scheduler.config.num_train_timesteps
        times = torch.randint(levels, (len(clean),), generator=draw, device=clean.device)
        noisy = pipe.scheduler.add_noise(clean, noise, times)
        # As strict as sampling is at this level of noise, where it goes from strict to not at all.
        foreign = 1 - SCHEDULES["linear"](1 - (times + 1) / levels)
        conditioning = self.condition(prompts, silent)
        regions = Regions(labels, conditioning.weights, foreign)
        output = pipe.predict(
            noisy, times, conditioning, regions, pipe.shown_besides(pixels, labels)
        )
        inside = inside_share(labels, pipe.vae, output.shape[1])
        weight = OUTSIDE_WEIGHT + (1 - OUTSIDE_WEIGHT) * inside
        error = (output - target_of(pipe.scheduler, clean, noise, times)) ** 2
        return (
            self.level_weights(times)[:, None, None, None] * weight * error
        ).sum() / weight.sum()

    def condition(self, prompts: list[Prompt], silent: np.ndarray) -> Conditioning:
        """Of every picture with one person; those that are `silent` (bool, (B,)) as guidance has them."""
        said = self.pipeline.encoders.condition(
            [[p.outside, p.inside] for p in prompts], self.device
        )
        nothing = self.pipeline.encoders.uncondition([""] * len(prompts), 2, self.device)
        quiet = torch.from_numpy(silent).to(self.device)
        pooled = None
        if said.pooled is not None and nothing.pooled is not None:
            pooled = torch.where(quiet[:, None], nothing.pooled, said.pooled)
        return Conditioning(
            torch.where(quiet[:, None, None], nothing.embeddings, said.embeddings),
            torch.where(quiet[:, None, None], nothing.weights, said.weights),
            pooled,
        )

    def state(self) -> dict[str, Any]:
        """Tensors and plain values: what `restore` takes."""
        return {
            "config": asdict(self.config),
            "step": self.step,
            **self.weights(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError when it is of another configuration."""
        ours, theirs = asdict(self.config), state["config"]
        if changed := sorted(
            key for key in {*ours, *theirs} if plain(ours.get(key)) != plain(theirs.get(key))
        ):
            raise ValueError(f"it was trained with another {' and '.join(changed)}")
        self.restore_weights(state)
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])


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
    """What the network is to say of `clean` and `noise` (B, C, h, w) mixed at training steps `times` (B,)."""
    if scheduler.config.prediction_type == "epsilon":
        return noise
    if scheduler.config.prediction_type == "sample":
        return clean
    return scheduler.get_velocity(clean, noise, times)


def plain(value: Any) -> Any:
    """Lists for tuples, throughout."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def save_state(learner: Learner, path: Path) -> None:
    """Write the state that `load_state` resumes from, whole or not at all."""
    with atomic_file(path, token=f"-{os.getpid()}") as file:
        torch.save(learner.state(), file)


def load_state(learner: Learner, path: Path) -> None:
    """Raises ValueError that names the file when it is damaged or of another configuration."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        learner.restore(state)
    except Exception as error:  # a damaged file makes torch raise nearly anything
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        raise ValueError(f"{path}: cannot be gone on with ({reason})") from None


def learn_until(
    learner: Learner,
    steps: int,
    output: Path,
    *,
    save_every: int = 500,
    report: Callable[[int, float], None] = lambda step, loss: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Go on to `steps`, or until `stop` says so between two of them, leaving the state in `output` now and then."""
    output.mkdir(parents=True, exist_ok=True)
    while learner.step < steps and not stop():
        loss = learner.learn()
        report(learner.step, loss)
        if learner.step % save_every == 0:
            save_state(learner, output / STATE)
    save_state(learner, output / STATE)
