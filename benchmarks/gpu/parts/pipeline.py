"""Whole calls of the repainting pipeline, with the sizes of published models and random weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
import torch

from benchmarks.gpu.job import Job, seconds_of
from benchmarks.pipeline import (
    LAYOUTS,
    PROMPT,
    Layout,
    make_images,
    make_untrained,
    unet_calls,
)
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline

TINY_VAE = {
    "block_out_channels": (8, 8), "layers_per_block": 1, "latent_channels": 4, "norm_num_groups": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
}  # fmt: skip
TINY_TEXT = {
    "vocab_size": 2000, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 77, "projection_dim": 16,
    "bos_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
TINY_UNET = {
    "sample_size": 8, "layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "attention_head_dim": 4,
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}  # fmt: skip
TINY = {
    "sd15": Layout(TINY_VAE, (TINY_TEXT,), {**TINY_UNET, "cross_attention_dim": 16}),
    "sdxl": Layout(
        TINY_VAE,
        (TINY_TEXT, TINY_TEXT),
        {
            **TINY_UNET, "cross_attention_dim": 32, "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 16,
        },
    ),
}  # fmt: skip


def measure(job: Job) -> None:
    """Time calls of several batch sizes, and the UNet with and without regions."""
    device, layout = job.device, job.name.removeprefix("pipeline-")
    diffusers.utils.logging.set_verbosity_error()  # its own attention warns of our regions
    pipeline = make_untrained(job.size(LAYOUTS, TINY)[layout], device, torch.bfloat16)
    size, steps = pipeline.native_size, job.size(25, 2)
    batches = job.size((1, 4, 8), (1,))
    job.set(size=size, steps=steps, precision="bf16", guidance=pipeline.default_guidance_scale)
    images, masks = make_images(max(batches), size)
    for place, batch in enumerate(batches):
        call = partial(repaint, pipeline, images[:batch], list(masks[:batch]))
        call(2)  # warm up
        if place and job.left() < steps * seconds_of(partial(call, 1), device, budget=0):
            break  # not even one whole call would fit
        budget = job.size(job.left() / (len(batches) - place) / 2, 0)
        taken = seconds_of(partial(call, steps), device, budget=budget, most=10)
        job.figure(f"{size} px, {batch} a call", batch / taken, "images/s")
    with_and_without_regions(job, pipeline, masks, min(4, max(batches)))
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        job.figure("peak memory of the GPU", peak / 2**30, "GiB")


def repaint(pipeline: ShapeGuidedPipeline, images: Any, masks: Any, steps: int) -> Any:
    """Repaint a batch of images."""
    drawn = [torch.Generator().manual_seed(number) for number in range(len(images))]
    return pipeline(
        images, masks, PROMPT, num_inference_steps=steps, generator=drawn, output_type="np"
    )


def with_and_without_regions(
    job: Job, pipeline: ShapeGuidedPipeline, masks: Any, batch: int
) -> None:
    """Compare the UNet with our attention and with diffusers' own."""
    device, taken = job.device, {}
    for masked in (True, False):
        way = unet_calls(pipeline, masks[:batch], 1, masked=masked)
        way()
        taken[masked] = seconds_of(way, device, budget=job.size(3.0, 0))
    job.figure(f"UNet, {batch} a call", 1000 * taken[True], "ms a step")
    job.figure("UNet with regions ÷ diffusers' own", taken[True] / taken[False], "×")
