"""How the embedded generator learns: one step after the other, each drawn from (seed, step), resumable to the bit."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from diffusion_synth.attention import region_processors
from diffusion_synth.conditioning import Conditioning
from diffusion_synth.crop_bank import CropBank
from diffusion_synth.generator import GeneratorConfig, make_generator
from diffusion_synth.pipeline import ShapeGuidedPipeline
from diffusion_synth.prompts import Grammar, Prompt
from diffusion_synth.randomness import generator_of
from diffusion_synth.regions import Regions

STATE = "state.pt"
OUTSIDE_WEIGHT = 0.1  # of the loss: the surroundings are shown to the network, and put back after every step


@dataclass(frozen=True)
class LearningConfig:
    """All that decides the weights."""

    steps: int = 20_000
    batch_size: int = 8
    learning_rate: float = 3e-4
    warmup: int = 200
    """Steps; then half a cosine to nothing."""
    ema: float = 0.999
    """Decay a step of the average of the weights, which is what is kept."""
    silent: float = 0.1
    """How often a picture comes without its prompt, which guidance needs."""
    seed: int = 0
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")
        for name in ("ema", "silent"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be within 0..1, and not 1")


class Learner:
    """The generator, its average, its optimiser, and how many steps they have taken."""

    def __init__(
        self, config: LearningConfig, bank: CropBank, grammar: Grammar, *, bf16: bool = False
    ) -> None:
        self.config, self.bank, self.grammar, self.bf16 = config, bank, grammar, bf16
        start = torch.Generator().manual_seed(config.seed)
        self.pipeline = make_generator(config.generator, generator=start)
        self.average = {name: copy.deepcopy(module) for name, module in self._modules().items()}
        self.optimiser = torch.optim.AdamW(
            [parameter for module in self._modules().values() for parameter in module.parameters()],
            lr=config.learning_rate,
            weight_decay=0.01,
        )
        self.step = 0

    def _modules(self) -> dict[str, torch.nn.Module]:
        return {"unet": self.pipeline.unet, "text_encoder": self.pipeline.text_encoder}

    def learn(self) -> float:
        """One step. Returns its loss."""
        rng = generator_of(self.config.seed, self.step, "batch")
        drawn = [self.bank.draw(rng, self.grammar) for _ in range(self.config.batch_size)]
        silent = rng.random(len(drawn)) < self.config.silent
        draw = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        images = torch.from_numpy(np.stack([image for image, _, _ in drawn])).permute(0, 3, 1, 2)
        labels = torch.from_numpy(np.stack([mask for _, mask, _ in drawn]).astype(np.int64))
        for module in self._modules().values():
            module.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.rate_share()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.loss(images / 127.5 - 1, labels, [prompt for _, _, prompt in drawn], silent, draw)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimiser.param_groups[0]["params"], 1.0)
        self.optimiser.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    def rate_share(self) -> float:
        """0..1 of the full learning rate: linear warm-up, then half a cosine."""
        warmup = min(self.config.warmup, self.config.steps // 2)
        if self.step < warmup:
            return (self.step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (self.step - warmup) / max(1, self.config.steps - warmup)))

    def loss(
        self, pixels: Tensor, labels: Tensor, prompts: list[Prompt], silent: np.ndarray, draw: torch.Generator
    ) -> Tensor:
        """Of the velocity, weighed inside and outside. pixels: (B, 3, H, W) in -1..1; labels: (B, H, W), 0 and 1."""
        pipe = self.pipeline
        clean = pipe.encode_pictures(pixels)
        noise = torch.randn(clean.shape, generator=draw)
        steps = pipe.scheduler.config.num_train_timesteps
        times = torch.randint(steps, (len(clean),), generator=draw)
        noisy = pipe.scheduler.add_noise(clean, noise, times)
        target = pipe.scheduler.get_velocity(clean, noise, times)
        shown = pipe.shown_besides(pixels, labels)
        conditioning = self.condition(prompts, silent)
        # As strict as the pipeline's "linear" is at this level of noise, where it goes from strict to not at all.
        foreign = 1 - (times + 1) / steps
        regions = Regions(labels, conditioning.weights, foreign)
        with region_processors(pipe.unet):
            output = pipe.unet(
                torch.cat([noisy, shown], 1) if shown is not None else noisy,
                times,
                conditioning.embeddings,
                cross_attention_kwargs={"regions": regions},
            ).sample.float()
        inside = F.pixel_unshuffle(labels[:, None].float(), pipe.codec_factor)
        inside = inside.repeat(
            1, output.shape[1] // inside.shape[1], 1, 1
        )  # the codec's channels: colour, then place
        weight = OUTSIDE_WEIGHT + (1 - OUTSIDE_WEIGHT) * inside
        return (weight * (output - target) ** 2).sum() / weight.sum()

    def condition(self, prompts: list[Prompt], silent: np.ndarray) -> Conditioning:
        device = torch.device("cpu")
        said = self.pipeline.encoders.condition([[p.outside, p.inside] for p in prompts], device)
        nothing = self.pipeline.encoders.uncondition([""] * len(prompts), 2, device)
        quiet = torch.from_numpy(silent)[:, None, None]
        return Conditioning(
            torch.where(quiet, nothing.embeddings, said.embeddings),
            torch.where(quiet, nothing.weights, said.weights),
        )

    @torch.no_grad()
    def _follow(self) -> None:
        # Young averages forget faster, so that short runs do not keep their random beginning.
        decay = min(self.config.ema, self.step / (10 + self.step))
        for name, module in self._modules().items():
            for kept, current in zip(self.average[name].parameters(), module.parameters(), strict=True):
                kept.lerp_(current, 1 - decay)

    def averaged(self) -> ShapeGuidedPipeline:
        """A pipeline with the averaged weights."""
        parts = {**self.pipeline.components, **self.average}
        for module in self.average.values():
            module.eval()
        return ShapeGuidedPipeline(**parts)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values: what `restore` takes."""
        return {
            "config": asdict(self.config),
            "step": self.step,
            "modules": {name: module.state_dict() for name, module in self._modules().items()},
            "average": {name: module.state_dict() for name, module in self.average.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError when it is of another configuration."""
        ours, theirs = asdict(self.config), state["config"]
        if changed := sorted(
            key for key in {*ours, *theirs} if plain(ours.get(key)) != plain(theirs.get(key))
        ):
            raise ValueError(f"it was trained with another {' and '.join(changed)}")
        for name, module in self._modules().items():
            module.load_state_dict(state["modules"][name])
            self.average[name].load_state_dict(state["average"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])


def plain(value: Any) -> Any:
    """Lists for tuples, throughout."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def save_state(learner: Learner, path: Path) -> None:
    """Under a temporary name first."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}.tmp")
    try:
        torch.save(learner.state(), temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_state(learner: Learner, path: Path) -> None:
    """Raises ValueError that names the file when it is damaged or of another configuration."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        learner.restore(state)
    except Exception as error:  # a damaged file makes torch raise nearly anything
        raise ValueError(f"{path}: cannot be gone on with ({str(error).splitlines()[0]})") from None


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
