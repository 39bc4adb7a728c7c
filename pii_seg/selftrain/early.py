"""Checkpoints from earlier in a training: they tell which labels are stable, and are averaged."""

from __future__ import annotations

from pathlib import Path

from pii_seg.config import ModelConfig, TrainConfig, to_plain_data
from pii_seg.data.content_hash import ContentHashes
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.training.callbacks import SaveAtFractions
from pii_seg.training.module import SegmentationModule
from pii_seg.training.recorded import record

EARLY = ("early-1.ckpt", "early-2.ckpt")
EARLY_SHARES = (1 / 3, 2 / 3)  # of a training; ST++ compares these checkpoints with the last one


def early_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints from earlier that the folder of a training holds, in order."""
    return [path for name in EARLY if (path := folder / name).exists()]


def saving_early(folder: Path, training: TrainConfig, hashes: ContentHashes) -> SaveAtFractions:
    """Make the callback that saves the averaged weights as EARLY into the folder of a training."""
    plain = to_plain_data(record(training, hashes, exclude=[folder]).config)

    def save(module: SegmentationModule, place: int) -> None:
        weights = dict(module.average.state_dict())
        checkpoint = Checkpoint(ModelConfig(**plain["model"]), weights, config=plain)
        save_checkpoint(folder / EARLY[place], checkpoint)

    return SaveAtFractions(EARLY_SHARES, save, lambda place: (folder / EARLY[place]).exists())
