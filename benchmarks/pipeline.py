"""Measure batches, modes, reused inversions and regions in whole calls of the pipeline.

    python benchmarks/pipeline.py                  # the bundled generator, on this CPU
    python benchmarks/pipeline.py --model FOLDER --device cuda --precision bf16
    python benchmarks/pipeline.py --layout sd15 --device cuda --precision bf16
    python benchmarks/pipeline.py --layout sd15 --size 64 --steps 2 --batch 1 --rounds 1  # test

It prints medians of rounds in which all ways alternate: mode blend in batches of images with
different masks, as one batch and one by one; mode invert against blend, also with an inversion that
is reused, as for further variants of an image; and the UNet alone, with regions and with diffusers'
own attention.

--layout is a model of the size of Stable Diffusion 1.5 or SDXL with random weights, which do not
affect speed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from diffusion_synth.pipeline.attention import region_processors
from diffusion_synth.pipeline.loading import bundled_model, load_pipeline
from diffusion_synth.pipeline.prompt_packing import OWN_TOKEN_WEIGHT
from diffusion_synth.pipeline.regions import Regions
from diffusion_synth.pipeline.shape_guided import ShapeGuidedPipeline
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.randomness import weights_drawn_from
from diffusion_synth.training.word_tokenizer import make_tokenizer, vocabulary_of

PROMPT = "a photo of a woman, standing, wearing a red coat and blue jeans, in daylight"
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    model = p.add_mutually_exclusive_group()
    model.add_argument(
        "--model", help="Load this folder of diffusers (default: the bundled generator)."
    )
    model.add_argument(
        "--layout", choices=LAYOUTS, help="Use random weights of this size instead (default: off)."
    )
    p.add_argument(
        "--size", type=int, default=0, help="Size of the images, px (default: the model's own)."
    )
    p.add_argument(
        "--batch",
        type=int,
        default=4,
        help="Images a call; 1 and twice as many are measured too (default 4).",
    )
    p.add_argument("--steps", type=int, default=25, help="Sampling steps (default 25).")
    p.add_argument("--rounds", type=int, default=5, help="Rounds to measure (default 5).")
    p.add_argument("--device", default="cpu")
    p.add_argument("--precision", choices=PRECISIONS, default="float32")
    p.add_argument("--threads", type=int, default=0)
    options = p.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    # diffusers' own attention would warn that it ignores our regions.
    diffusers.utils.logging.set_verbosity_error()
    dtype = PRECISIONS[options.precision]
    if options.layout:
        pipeline = make_untrained(LAYOUTS[options.layout], options.device, dtype)
    else:
        pipeline = load_pipeline(
            options.model or bundled_model(), device=options.device, dtype=dtype
        )
    size, batch, steps = options.size or pipeline.native_size or 512, options.batch, options.steps
    images, masks = make_images(2 * batch, size)

    def call(first: int, count: int, **more: Any) -> Any:
        drawn = [torch.Generator().manual_seed(number) for number in range(first, first + count)]
        some = slice(first, first + count)
        return pipeline(
            images[some], list(masks[some]), PROMPT, num_inference_steps=steps, generator=drawn,
            output_type="np", **more,
        )  # fmt: skip

    def one_by_one() -> None:
        for number in range(batch):
            call(number, 1)

    kept = pipeline.invert_images(images[:batch], list(masks[:batch]), num_inference_steps=steps)
    counts = sorted({1, batch, 2 * batch})
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        **{f"blend, {count} a call": (count, partial(call, 0, count)) for count in counts},
        f"blend, {batch} calls of 1": (batch, one_by_one),
        f"invert, {batch} a call": (batch, lambda: call(0, batch, mode="invert")),
        f"invert, {batch} a call, reused": (
            batch,
            lambda: call(0, batch, mode="invert", inversion=kept),
        ),
    }
    for count in counts:
        for name, masked in (("regions", True), ("diffusers' own", False)):
            way = unet_calls(pipeline, masks[:count], steps, masked=masked)
            ways[f"UNet, {count} a call, {name}"] = count, way
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds + 1):
        for name, (_count, way) in ways.items():
            wait_for(options.device)
            begun = time.perf_counter()
            way()
            wait_for(options.device)
            seconds[name].append(time.perf_counter() - begun)
    medians = {
        name: statistics.median(taken[1:]) for name, taken in seconds.items()
    }  # the first warms up

    where = (
        options.device if options.device == "cpu" else torch.cuda.get_device_name(options.device)
    )
    print(
        f"{options.layout or options.model or 'the bundled generator'}, {size} px, {steps} steps, "
        f"{options.precision} on {where}, {torch.get_num_threads()} threads, "
        f"median of {options.rounds}"
    )
    for name, (count, _way) in ways.items():
        print(f"  {name:32} {medians[name]:8.3f} s   {count / medians[name]:8.2f} images/s")
    blend = medians[f"blend, {batch} a call"]
    print(
        f"  {batch} calls of 1 ÷ one of {batch}: "
        f"{medians[f'blend, {batch} calls of 1'] / blend:.2f}"
    )
    print(f"  invert ÷ blend: {medians[f'invert, {batch} a call'] / blend:.2f}")
    print(
        "  invert, the inversion reused ÷ blend: "
        f"{medians[f'invert, {batch} a call, reused'] / blend:.2f}"
    )
    for count in counts:
        ours, theirs = (
            medians[f"UNet, {count} a call, {name}"] for name in ("regions", "diffusers' own")
        )
        print(f"  UNet with regions ÷ diffusers' own, {count} a call: {ours / theirs:.2f}")


def wait_for(device: str) -> None:
    """Wait until the device has finished its work."""
    if device != "cpu":
        torch.cuda.synchronize(device)


@torch.no_grad()
def unet_calls(
    pipeline: ShapeGuidedPipeline, masks: np.ndarray, steps: int, *, masked: bool
) -> Callable[[], None]:
    """Return `steps` calls of the UNet as in sampling, masked by regions or not."""
    device = pipeline.device
    labels = torch.from_numpy(masks).long().to(device)
    conditioning = pipeline.encode_regions(PROMPT, "", labels, OWN_TOKEN_WEIGHT)
    pixels = torch.zeros(len(masks), 3, *masks.shape[1:], device=device)
    latents = torch.randn_like(pipeline.encode_images(pixels))
    inpainting = pipeline.prepare_inpainting_channels(pixels, labels)
    if pipeline.default_guidance_scale > 1:
        conditioning = conditioning.guided_by(conditioning)
        labels = torch.cat([labels, labels])
    regions = Regions(labels, conditioning.weights)
    cross_region_weight = torch.full((len(labels),), 0.3, device=device)
    timestep = torch.tensor(500, device=device)

    @torch.no_grad()
    def way() -> None:
        with region_processors(pipeline.unet) if masked else nullcontext():
            for _ in range(steps):
                now = regions.with_cross_region_weight(cross_region_weight) if masked else regions
                pipeline.predict(latents, timestep, conditioning, now, inpainting)

    return way


@dataclass(frozen=True)
class Layout:
    """The sizes of a published model, whose weights are drawn.

    Attributes:
        vae: Arguments of AutoencoderKL.
        texts: Arguments of CLIPTextConfig, of one text encoder or of two.
        unet: Arguments of UNet2DConditionModel.
    """

    vae: dict[str, Any]
    texts: tuple[dict[str, Any], ...]
    unet: dict[str, Any]


VAE = {
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
}  # fmt: skip
VIT_L = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "projection_dim": 768,
}  # fmt: skip
VIT_BIG_G = {
    "vocab_size": 49408, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
    "num_attention_heads": 20, "max_position_embeddings": 77, "projection_dim": 1280,
    "hidden_act": "gelu",
}  # fmt: skip
LAYOUTS = {
    "sd15": Layout(  # 860 M, 84 M and 123 M parameters
        {**VAE, "sample_size": 512},
        (VIT_L,),
        {
            "sample_size": 64, "block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2,
            "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
            "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
            "cross_attention_dim": 768, "attention_head_dim": 8,  # the number of heads
        },
    ),
    "sdxl": Layout(  # 2567 M, 84 M, 123 M and 695 M parameters
        {**VAE, "sample_size": 1024, "scaling_factor": 0.13025},
        (VIT_L, VIT_BIG_G),
        {
            "sample_size": 128, "block_out_channels": (320, 640, 1280), "layers_per_block": 2,
            "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * 2),
            "up_block_types": (*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"),
            "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20),
            "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
            "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
    ),
}  # fmt: skip


def make_untrained(
    layout: Layout, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> ShapeGuidedPipeline:
    """Return a pipeline of these sizes, whose weights are drawn on the device that it runs on."""
    tokenizer = make_tokenizer(vocabulary_of(read_grammar()), 77)
    with weights_drawn_from(torch.Generator().manual_seed(0)), torch.device(device):
        # Each is put in its precision before the next one is made: SDXL takes 14 GB in float32.
        unet = UNet2DConditionModel(**layout.unet).to(dtype)
        vae = AutoencoderKL(**layout.vae).to(dtype)
        kinds = (CLIPTextModel, CLIPTextModelWithProjection)
        texts = [
            kind(CLIPTextConfig(**values)).to(dtype)
            for kind, values in zip(kinds, layout.texts, strict=False)
        ]
    second = {"text_encoder_2": texts[1], "tokenizer_2": tokenizer} if len(texts) > 1 else {}
    for network in (vae, unet, *texts):
        network.eval()
    pipeline = ShapeGuidedPipeline(
        vae=vae, text_encoder=texts[0], tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
            set_alpha_to_one=False, steps_offset=1,
        ),
        **second,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_images(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images float32 (B, H, W, 3) of noise in 0..1, and masks bool (B, H, W) of ellipses."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    middles = rng.uniform(0.35, 0.65, (count, 2))
    masks = np.stack(
        [((rows - y) / 0.3) ** 2 + ((columns - x) / 0.12) ** 2 < 1 for y, x in middles]
    )
    return rng.random((count, size, size, 3), np.float32), masks


if __name__ == "__main__":
    main()
