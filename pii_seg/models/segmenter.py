"""A network for pictures as they come: any size, uint8, RGB. Normalises, pads to the stride, and cuts back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from pii_seg.models.networks import Network


class Segmenter(nn.Module):
    """RGB pictures (B, 3, H, W) of values 0..255, uint8 or float, → logits of "person" (B, 1, H, W), float32.

    scale: the network works at this share of the pictures' resolution.
    precision: what the network computes in, torch.bfloat16 or torch.float32; None: as the surrounding autocast has it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: Network, *, scale: float = 1.0, precision: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.stride = network.stride
        self.scale = scale
        self.precision = precision
        # Not in the state dict: they follow from the configuration, which every checkpoint holds.
        self.register_buffer(
            "mean", 255 * torch.tensor(network.mean).view(3, 1, 1), persistent=False
        )
        self.register_buffer("std", 255 * torch.tensor(network.std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"pictures of shape {tuple(images.shape)}; (B, 3, H, W) was due")
        size = images.shape[-2:]
        x = (images.float() - self.mean) / self.std
        if self.scale != 1:
            x = F.interpolate(x, size=scaled(size, self.scale), mode="bilinear", antialias=True)
        worked = x.shape[-2:]
        x = pad_to_multiple(x, self.stride).contiguous(memory_format=torch.channels_last)
        if self.precision is None:
            logits = self.network(x)
        else:
            with torch.autocast(
                x.device.type, self.precision, enabled=self.precision != torch.float32
            ):
                logits = self.network(x)
        # In float32: bfloat16 has 8 bits, and a threshold chosen among few values would be a coarse one.
        logits = logits[..., : worked[0], : worked[1]].float()
        if self.scale != 1:
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits


def scaled(size: tuple[int, int] | torch.Size, scale: float) -> tuple[int, int]:
    """(height, width) in px times `scale`, at least one pixel each."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) with its last row and column repeated until H and W divide by `multiple`: black would be an edge."""
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x


def fastest_precision(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the machine computes in it faster than in float32, else float32.

    On a CPU without its own instructions for it (AVX512-BF16, AMX), bfloat16 is emulated and several times slower.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    if kind == "cpu":
        able = torch.cpu.get_capabilities()
        return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32
    return torch.float32
