"""PyTorch, eager: the reference that every other back end is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pii_seg.inference.backends import TORCH
from pii_seg.inference.engine import engine_of
from pii_seg.inference.tiling import Segmenter
from pii_seg.models.checkpoint import Checkpoint
from pii_seg.models.segmenter import preprocessing_of

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def eager_segmenter(checkpoint: Checkpoint, device: torch.device | str = "cpu") -> Segmenter:
    """Build the segmenter of a checkpoint, in the precision that is fastest on `device`.

    Raises:
        InputError: There is no such device.
    """
    return eager_with_engine(checkpoint, device)[0]


def eager_with_engine(
    checkpoint: Checkpoint, device: torch.device | str = "cpu", precision: str | None = None
) -> tuple[Segmenter, dict[str, Any]]:
    """Build the segmenter of a checkpoint, and describe what computes its logits.

    Args:
        checkpoint: The weights.
        device: Where it predicts.
        precision: A key of PRECISIONS; otherwise the faster one on `device`.

    Returns:
        The segmenter, and its back end, precision and preprocessing, as a calibration holds them.

    Raises:
        InputError: There is no such device.
    """
    chosen = PRECISIONS.get(str(precision), "auto")
    module = checkpoint.segmenter(device, precision=chosen)
    used = next(name for name, kind in PRECISIONS.items() if kind == module.precision)
    preprocessing = preprocessing_of(module.mean, module.std, module.stride, module.scale)
    return on_arrays(module, device), engine_of(TORCH, used, preprocessing)


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
