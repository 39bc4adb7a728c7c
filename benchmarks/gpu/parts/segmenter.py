"""A segmenter trained on renders for given minutes; OUTPUT/segmenter/best.ckpt is the result."""

from __future__ import annotations

import shutil

from benchmarks.gpu.job import Job, NotHere
from pii_seg.config import (
    SIZES,
    BudgetConfig,
    DataConfig,
    MachineConfig,
    TrainConfig,
)
from pii_seg.training.fit import fit
from pii_seg.training.run_folder import HASHES, LAST, TENSORBOARD


def measure(job: Job) -> None:
    """Train as `pii-seg train` does, loading included."""
    device = job.device
    if not job.options.renders:
        raise NotHere("needs renders to train on: give --renders DATASET")
    batch = job.size(32, 2)
    config = TrainConfig(
        DataConfig(
            synthetic=tuple(str(folder) for folder in job.options.renders),
            batch_size=batch,
            size=job.size(DataConfig.size, 32),
        ),
        model=SIZES[job.size("small", "tiny")],
        budget=BudgetConfig(
            minutes=job.training_seconds(job.options.segmenter_minutes) / 60,
            validate_every=job.size(250, 2),
        ),
        machine=MachineConfig(
            device=str(device), workers=job.size(8, 0), memory_mb=job.size(8000, 100),
            progress="plain", precision=job.size("bf16", "float32"),
        ),
    )  # fmt: skip
    folder = job.options.output / "segmenter"
    job.set(batch=batch, size=config.data.size, minutes=config.budget.minutes)
    result = fit(config, folder, overwrite=folder.exists())
    job.figure("steps", result.steps, "")
    job.figure("training, loading and validation included", result.steps * batch / result.seconds,
               "images/s")  # fmt: skip
    job.figure("IoU of persons on held-out renders", result.iou, "")
    (folder / LAST).unlink(missing_ok=True)  # only what is worth bringing out stays
    (folder / HASHES).unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
    job.keep(folder / "best.ckpt")
