"""PyTorch, eager: the reference that every other back end is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pii_seg.inference.tiling import Segmenter
from pii_seg.models.checkpoint import Checkpoint


def eager_segmenter(checkpoint: Checkpoint, device: torch.device | str = "cpu") -> Segmenter:
    """Build the segmenter of a checkpoint, in the precision that is fastest on `device`.

    Raises:
        InputError: There is no such device.
    """
    return on_arrays(checkpoint.segmenter(device), device)


def on_arrays(
    module: Callable[[torch.Tensor], torch.Tensor], device: torch.device | str = "cpu"
) -> Segmenter:
    """Turn a module on `device` into a function of arrays.

    Args:
        module: From images (B, 3, h, w), uint8, to logits (B, 1, h, w).
        device: Where the module is.
    """

    def predict(tiles: np.ndarray) -> np.ndarray:
        # The permuted view is channels_last in memory, the order that convolutions on a CPU are
        # fastest in.
        images = torch.from_numpy(tiles).permute(0, 3, 1, 2).to(device)
        with torch.inference_mode():
            logits = module(images)
        if logits.shape[1] != 1:
            raise ValueError(f"expected logits of shape (B, 1, h, w), got {tuple(logits.shape)}")
        return logits[:, 0].float().cpu().numpy()

    return predict
