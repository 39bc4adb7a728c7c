"""A small checkpoint and its exports, which several tests read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pii_seg.config import SIZES
from pii_seg.inference.export.write import write_export
from pii_seg.inference.exported import Exported
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint, untrained_network
from pii_seg.models.checkpoint_hash import checkpoint_sha256
from pii_seg.models.segmenter import Segmenter


@dataclass(frozen=True)
class Exports:
    """A checkpoint on disk, and its exports by format; their files are not to be changed."""

    path: Path
    checkpoint: Checkpoint
    by_format: dict[str, Exported]


def small_checkpoint(path: Path, **values) -> Checkpoint:
    """Write an untrained checkpoint whose probabilities lie on both sides of one half."""
    network = untrained_network(SIZES["tiny"])
    checkpoint = Checkpoint(
        SIZES["tiny"], Segmenter(network).state_dict(), temperature=0.25, threshold=0.4, **values
    )
    save_checkpoint(path, checkpoint)
    return checkpoint


def write_exports(folder: Path) -> Exports:
    path = folder / "best.ckpt"
    checkpoint = small_checkpoint(path)
    sha256 = checkpoint_sha256(path)
    formats = ("onnx", "openvino")
    written = {name: write_export(checkpoint, sha256, folder / name, name) for name in formats}
    return Exports(path, checkpoint, written)


def tiles(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
