"""Encoding and decoding of images by any autoencoder of diffusers.

They differ in what `encode` returns and in which constants their configuration has. Those that
overflow in half precision say so by `force_upcast`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from diffusion_synth.pipeline.input_checks import require_finite


def encode(vae: Any, pixels: Tensor) -> Tensor:
    """Encode images. Returns latents (B, C, h, w), float32, scaled as the UNet takes them.

    Args:
        vae: AutoencoderKL, AutoencoderTiny, PixelShuffleCodec, or another of diffusers.
        pixels: (B, 3, H, W) in -1..1.

    Raises:
        FloatingPointError: The latents hold NaN or infinity.
    """
    with computing_dtype(vae) as dtype:
        output = vae.encode(pixels.to(dtype))
    latents = output.latent_dist.mode() if hasattr(output, "latent_dist") else output.latents
    require_finite(latents, "VAE", dtype)
    mean, spread, scale = constants(vae, latents)
    latents = latents.float() - mean
    return latents * scale if spread is None else latents * scale / spread


def decode(vae: Any, latents: Tensor) -> Tensor:
    """Decode latents of the UNet (B, C, h, w). Returns images (B, 3, H, W), float32.

    Raises:
        FloatingPointError: The images hold NaN or infinity, which would be shown as black.
    """
    mean, spread, scale = constants(vae, latents)
    latents = latents / scale if spread is None else latents * spread / scale
    latents = latents + mean
    with computing_dtype(vae) as dtype:
        pixels: Tensor = vae.decode(latents.to(dtype)).sample.float()
    require_finite(pixels, "VAE", dtype)
    return pixels


@contextmanager
def computing_dtype(vae: Any) -> Iterator[torch.dtype]:
    """Put the autoencoder in float32 within the block if it needs that; yield its dtype there."""
    dtype: torch.dtype = vae.dtype
    if dtype != torch.float16 or not getattr(vae.config, "force_upcast", False):
        yield dtype
        return
    vae.to(torch.float32)
    try:
        yield torch.float32
    finally:
        vae.to(dtype)


def constants(vae: Any, latents: Tensor) -> tuple[Any, Any, float]:
    """Return (mean, spread or None, scale) that a configuration has for its latents.

    Args:
        vae: The autoencoder.
        latents: Latents (B, C, h, w), on whose device means and spreads of channels are put.
    """
    config = vae.config
    scale = getattr(config, "scaling_factor", None)
    scale = 1.0 if scale is None else float(scale)
    means, spreads = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if means is not None and spreads is not None:
        mean, spread = (
            torch.tensor(values, device=latents.device, dtype=torch.float32).view(1, -1, 1, 1)
            for values in (means, spreads)
        )
        return mean, spread, scale
    return float(getattr(config, "shift_factor", None) or 0.0), None, scale
