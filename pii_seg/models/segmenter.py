"""A network for RGB images of any size: normalises, pads to the stride, and crops back."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pii_seg.models.base import Network


class Segmenter(nn.Module):
    """Maps RGB images (B, 3, H, W), 0..255, to logits of "person" (B, 1, H, W), float32.

    Args:
        network: The network.
        scale: Resolution at which the network works, relative to the images, 0..1.
        precision: torch.bfloat16 or torch.float32; None: that of the surrounding autocast.
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
        # Not in the state dict, because they follow from the configuration in every checkpoint.
        self.register_buffer(
            "mean", 255 * torch.tensor(network.mean).view(3, 1, 1), persistent=False
        )
        self.register_buffer("std", 255 * torch.tensor(network.std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"expected images of shape (B, 3, H, W), got {tuple(images.shape)}")
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
        # In float32: bfloat16 has 8 bits, too few values to choose a precise threshold among.
        logits = logits[..., : worked[0], : worked[1]].float()
        if self.scale != 1:
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits


def preprocessing_of(mean: Tensor, std: Tensor, stride: int, scale: float) -> dict[str, Any]:
    """Describe what happens to an image before the network, so that two can be compared."""
    return {
        "channels": "RGB",
        "mean": [round(value, 3) for value in mean.flatten().tolist()],
        "std": [round(value, 3) for value in std.flatten().tolist()],
        "stride": stride,
        "scale": scale,
    }


def scaled(size: tuple[int, int] | torch.Size, scale: float) -> tuple[int, int]:
    """Return (height, width) in px times `scale`, at least one pixel each."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pad (B, C, H, W) so that `multiple` divides H and W.

    The last row and column are repeated, because black would be an edge.
    """
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x


def fastest_precision(device: torch.device | str) -> torch.dtype:
    """Return bfloat16 where the machine computes it faster than float32, else float32.

    A CPU without instructions for it (AVX512-BF16, AMX) emulates bfloat16 and is several times
    slower.
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
