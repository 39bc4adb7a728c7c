"""A segmenter as one traceable module: from uint8 tiles to logits at a temperature."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pii_seg.errors import ConfigError
from pii_seg.models.checkpoint import Checkpoint
from pii_seg.models.segmenter import preprocessing_of


class ExportedNetwork(nn.Module):
    """Maps RGB tiles, uint8 (B, h, w, 3), to logits / temperature, float32 (B, h, w).

    It computes what `models.segmenter.Segmenter` does, in float32, and without branches that depend
    on the size of a tile, so that a trace of it holds for tiles of any size.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, checkpoint: Checkpoint, temperature: float) -> None:
        super().__init__()
        if checkpoint.model.scale != 1:
            raise ConfigError(
                f"model.scale is {checkpoint.model.scale}: only networks that work at the "
                "resolution of the image can be exported; use --backend torch"
            )
        segmenter = checkpoint.segmenter("cpu", precision=torch.float32)
        self.network, self.stride = segmenter.network, segmenter.stride
        self.temperature = temperature
        self.register_buffer("mean", segmenter.mean)
        self.register_buffer("std", segmenter.std)
        self.eval().requires_grad_(False)

    def forward(self, tiles: Tensor) -> Tensor:
        height, width = tiles.shape[1], tiles.shape[2]
        x = (tiles.permute(0, 3, 1, 2).float() - self.mean) / self.std
        # The last row and column are repeated, as `segmenter.pad_to_multiple` does; none if the
        # stride divides the sides.
        x = F.pad(x, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")
        return self.network(x)[:, 0, :height, :width] / self.temperature

    @property
    def preprocessing(self) -> dict[str, Any]:
        """Describe the steps before the network, as the description of an export holds them."""
        return preprocessing_of(self.mean, self.std, self.stride, 1.0)


def trace(network: ExportedNetwork, example: Tensor) -> torch.jit.ScriptModule:
    """Trace a network; the result takes tiles of any size."""
    with _quietly(), torch.inference_mode(False), torch.no_grad():
        return cast(torch.jit.ScriptModule, torch.jit.trace(network, example, check_trace=False))


@contextmanager
def _quietly() -> Iterator[None]:
    """Hide the warnings of tracing: that sizes become part of a graph is checked by running it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
