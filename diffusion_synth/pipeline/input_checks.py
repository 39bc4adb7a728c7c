"""Checks of what the pipeline is given; each raises an error that says what was expected."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diffusion_synth.errors import ConfigError, DataError
from diffusion_synth.pipeline.attention_schedules import SCHEDULES
from diffusion_synth.pipeline.ddim_inversion import Inversion
from diffusion_synth.pipeline.mask_values import is_smoothed

MODES = ("blend", "invert")
SMOOTHED = (
    "a mask has smoothed outlines: pixels from half of 255 on are read as one person; give labels "
    "0, 1, 2, … for several"
)
OUTPUT_TYPES = ("pil", "np", "pt", "latent")


def check_components(**components: Any) -> None:
    """Raise TypeError that names a component without the methods that its place needs.

    Text encoders and tokenizers may be None: prompts then come as embeddings.
    """
    needed = {
        "vae": ("encode", "decode"),
        "text_encoder": ("forward",),
        "tokenizer": ("__call__", "model_max_length"),
        "unet": ("attn_processors", "set_attn_processor"),
        "scheduler": ("step", "set_timesteps", "add_noise"),
    }
    for name, component in components.items():
        if component is None and name in ("text_encoder", "tokenizer"):
            continue
        if missing := [part for part in needed[name] if not hasattr(component, part)]:
            raise TypeError(f"{name} is a {type(component).__name__}, which has no {missing[0]}")


def require_finite(tensor: Tensor, part: str, dtype: torch.dtype) -> None:
    """Raise FloatingPointError, with the remedy, when the output of a model's part is not finite.

    Args:
        tensor: The output.
        part: Name of the part, such as "UNet".
        dtype: The floating-point type that it computes in.
    """
    if bool(tensor.isfinite().all()):
        return
    name = str(dtype).removeprefix("torch.")
    remedy = (
        "load the model in float32 (--precision float32)"
        if dtype in (torch.float16, torch.bfloat16)
        else "its weights are damaged, or of another architecture: load another copy of the model"
    )
    raise FloatingPointError(f"the {part} yields NaN or infinity in {name}; {remedy}")


def check_options(
    *, mode: str, steps: int, self_attention: str, noise_mixing: float, copies: int,
    guidance_scale: float | None, output_type: str, attention_kwargs: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Raise ConfigError that names the option which is not valid."""
    if guidance_scale is not None and not math.isfinite(guidance_scale):
        raise ConfigError(f"guidance_scale must be a finite number, got {guidance_scale}")
    if output_type not in OUTPUT_TYPES:
        raise ConfigError(
            f"output_type must be one of {', '.join(OUTPUT_TYPES)}, got {output_type!r}"
        )
    if unknown := sorted(set(attention_kwargs or {}) - {"scale"}):
        raise ConfigError(
            f"cross_attention_kwargs may hold the scale of a LoRA alone, got {unknown[0]!r}"
        )
    if mode not in MODES:
        raise ConfigError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    if steps < 1 or copies < 1:
        raise ConfigError(
            "num_inference_steps and num_images_per_prompt must be at least 1, "
            f"got {steps} and {copies}"
        )
    if self_attention not in SCHEDULES:
        raise ConfigError(
            f"self_attention must be one of {', '.join(SCHEDULES)}, got {self_attention!r}"
        )
    if not 0 <= noise_mixing <= 1:
        raise ConfigError(f"noise_mixing must be within 0..1, got {noise_mixing}")


def read_labels(mask: Any, height: int, width: int) -> Tensor:
    """Return a mask of any kind as labels (H, W), int64.

    Args:
        mask: PIL, numpy or tensor: 0 outside, r inside person r; booleans, or 0 and 255. Where
            the outlines between 0 and 255 are smoothed, pixels from half of 255 on are inside, as
            in the inpainting pipelines of diffusers; a warning says so.
        height: Height of its image, px.
        width: Width of its image, px.

    Raises:
        DataError: It is of another size, holds fractions or negative numbers, or is empty.
    """
    labels = torch.as_tensor(np.array(mask))
    if tuple(labels.shape) != (height, width):
        raise DataError(
            f"expected a mask of the size of its image, {(height, width)} (height, width), "
            f"got {tuple(labels.shape)}"
        )
    if labels.is_floating_point():
        raise DataError("expected a mask of integers (0 outside, r inside person r), got fractions")
    if labels.dtype == torch.uint8 and set(labels.unique().tolist()) == {0, 255}:
        labels = labels > 0
    elif labels.dtype == torch.uint8 and is_smoothed(labels.numpy(force=True)):
        warnings.warn(SMOOTHED, stacklevel=3)
        labels = labels >= 128
    if int(labels.min()) < 0 or not bool((labels > 0).any()):
        raise DataError("a mask is empty or negative: it has no person to repaint")
    return labels.long()


def check_inversion(inversion: Inversion, timesteps: Tensor, clean: Tensor) -> None:
    """Raise DataError when an inversion is of other images, sizes or steps."""
    if inversion.timesteps != tuple(int(t) for t in timesteps):
        raise DataError(
            "the inversion has other steps; invert with the same num_inference_steps and scheduler"
        )
    if inversion.clean.shape != clean.shape or not torch.allclose(
        inversion.clean, clean, atol=1e-3
    ):
        raise DataError("the inversion is of other images; invert those that are repainted")
