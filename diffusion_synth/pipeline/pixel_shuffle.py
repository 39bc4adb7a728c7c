"""A lossless codec without weights in the place of a VAE: it moves pixels into channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor


@dataclass(frozen=True)
class DeterministicDistribution:
    """A distribution with one value, with the methods that diffusers' pipelines call."""

    latents: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Return the value."""
        return self.latents

    def mode(self) -> Tensor:
        """Return the value."""
        return self.latents


@dataclass(frozen=True)
class EncoderOutput:
    """Output of `PixelShuffleCodec.encode`, with the attribute of diffusers' autoencoders."""

    latent_dist: DeterministicDistribution


class PixelShuffleCodec(ModelMixin, ConfigMixin):  # type: ignore[misc]  # as in diffusers
    """(B, 3, H, W) in -1..1 ↔ (B, 3 · factor², H / factor, W / factor) (Shi et al., CVPR 2016)."""

    @register_to_config
    def __init__(self, factor: int = 2, scaling_factor: float = 1.0) -> None:
        super().__init__()
        # ModelMixin reads device and dtype from the module's tensors; this buffer is the only one.
        self.register_buffer("anchor", torch.zeros(1))

    @property
    def factor(self) -> int:
        """Pixels of the image for each place of the latents, along a side."""
        return int(self.config["factor"])

    def encode(
        self, x: Tensor, return_dict: bool = True
    ) -> EncoderOutput | tuple[DeterministicDistribution]:
        """Move the pixels of images (B, 3, H, W) into channels."""
        latents = DeterministicDistribution(F.pixel_unshuffle(x, self.factor))
        return EncoderOutput(latents) if return_dict else (latents,)

    def decode(
        self, z: Tensor, return_dict: bool = True, **_: Any
    ) -> DecoderOutput | tuple[Tensor]:
        """Move the channels of latents back into pixels."""
        sample = F.pixel_shuffle(z, self.factor)
        return DecoderOutput(sample=sample) if return_dict else (sample,)


def codec_factor(codec: Any) -> int:
    """Return how many pixels of the image one place of the latents has along a side."""
    if isinstance(codec, PixelShuffleCodec):
        return codec.factor
    return 2 ** (len(codec.config.block_out_channels) - 1)


def inside_share(labels: Tensor, codec: Any, channels: int) -> Tensor:
    """Return the share, 0..1, of each latent that lies inside a mask.

    A channel of shuffled pixels is a pixel, so its share is 0 or 1.

    Args:
        labels: (B, H, W), 0 outside.
        codec: A PixelShuffleCodec or an AutoencoderKL.
        channels: The number of channels of the latents.

    Returns:
        (B, channels, h, w).
    """
    inside = (labels > 0).float()[:, None]
    if isinstance(codec, PixelShuffleCodec):
        share = F.pixel_unshuffle(inside, codec.factor)
    else:
        share = F.avg_pool2d(inside, codec_factor(codec))
    return share.repeat(1, channels // share.shape[1], 1, 1)
