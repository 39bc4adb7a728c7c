"""A codec without weights, where other pipelines have a VAE: pixels are moved into channels, and back, without loss."""

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
class Certain:
    """A distribution with one value, as diffusers' pipelines ask for one."""

    latents: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        return self.latents

    def mode(self) -> Tensor:
        return self.latents


@dataclass(frozen=True)
class Encoded:
    latent_dist: Certain


class PixelShuffleCodec(ModelMixin, ConfigMixin):  # type: ignore[misc]  # as all models of diffusers
    """(B, 3, H, W) in -1..1 ↔ (B, 3 · factor², H / factor, W / factor) (Shi et al., CVPR 2016)."""

    @register_to_config
    def __init__(self, factor: int = 2, scaling_factor: float = 1.0) -> None:
        super().__init__()
        # ModelMixin asks its parameters for device and dtype; a buffer of one number answers.
        self.register_buffer("anchor", torch.zeros(1))

    @property
    def factor(self) -> int:
        return int(self.config["factor"])

    def encode(self, x: Tensor, return_dict: bool = True) -> Encoded | tuple[Certain]:
        latents = Certain(F.pixel_unshuffle(x, self.factor))
        return Encoded(latents) if return_dict else (latents,)

    def decode(
        self, z: Tensor, return_dict: bool = True, **_: Any
    ) -> DecoderOutput | tuple[Tensor]:
        sample = F.pixel_shuffle(z, self.factor)
        return DecoderOutput(sample=sample) if return_dict else (sample,)


def codec_factor(codec: Any) -> int:
    """Pixels of the picture to one of the latent, along a side."""
    if isinstance(codec, PixelShuffleCodec):
        return codec.factor
    return 2 ** (len(codec.config.block_out_channels) - 1)


def inside_share(labels: Tensor, codec: Any, channels: int) -> Tensor:
    """How much of each latent lies inside, 0..1: (B, channels, h, w). A shuffled pixel lies inside or not.

    labels: (B, H, W), 0 outside; channels: of the latents.
    """
    inside = (labels > 0).float()[:, None]
    if isinstance(codec, PixelShuffleCodec):
        share = F.pixel_unshuffle(inside, codec.factor)
    else:
        share = F.avg_pool2d(inside, codec_factor(codec))
    return share.repeat(1, channels // share.shape[1], 1, 1)
