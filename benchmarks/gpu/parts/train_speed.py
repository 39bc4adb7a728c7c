"""Training steps of the segmenter on a batch that is on the device already, by batch size.

A step is that of a training: bfloat16, channels last, loss, clipped gradient, AdamW, moving
average. Loading is left out; the part `segmenter` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.gpu.job import Job, seconds_of
from pii_seg.config import SIZES, BudgetConfig, DataConfig, ModelConfig, TrainConfig
from pii_seg.models.cpu_depthwise import fast_depthwise
from pii_seg.training.fit import build_module

SWEEPS = {"small": (8, 16, 32, 64, 128, 256, 512), "strong": (8, 32)}


def measure(job: Job) -> None:
    """Time steps of every size of the model."""
    device = job.device
    sweeps, side = job.size(SWEEPS, {"tiny": (1, 2)}), job.size(DataConfig.size, 32)
    job.set(size=side, precision="bf16")
    rounds = sum(len(batches) for batches in sweeps.values())
    for name, batches in sweeps.items():
        for batch in batches:
            budget = job.size(min(3.0, job.left() / rounds / 2), 0)
            rounds -= 1
            if job.left() < 2:
                return
            try:
                step = make_step(SIZES[name], batch, side, device)
                for _ in range(job.size(5, 1)):
                    step()
                taken = seconds_of(step, device, budget=budget, most=200)
            except torch.OutOfMemoryError:
                job.set(**{f"{name} out of memory": batch})
                break
            job.figure(f"{name}, batches of {batch}", batch / taken, "images/s")


def make_step(
    model: ModelConfig, batch: int, side: int, device: torch.device
) -> Callable[[], None]:
    """Return one step of a training on random images."""
    config = TrainConfig(
        DataConfig(), model=replace(model, weights="none"), budget=BudgetConfig(steps=100_000)
    )
    module = build_module(config).to(device)
    optimiser = module.configure_optimizers()["optimizer"]
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch, 3, side, side), generator=draw, dtype=torch.uint8)
    targets = torch.randint(0, 2, (batch, side, side), generator=draw, dtype=torch.uint8)
    images, targets = images.to(device), targets.to(device)
    parameters = list(module.segmenter.parameters())

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            with fast_depthwise(device):
                logits = module.segmenter(images)
            loss = module.loss(logits, targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.optimiser.gradient_norm)
        optimiser.step()
        module.averaged.update_parameters(module.segmenter)

    return step
