"""One training, from its configuration to RUN/best.ckpt: `fit(config, output)`.

    RUN/config.toml     the whole configuration, resolved
    RUN/best.ckpt       the segmenter with the best validation IoU, for `evaluate` and `predict`
    RUN/last.ckpt       the state of the run, for --resume
    RUN/metrics.csv     losses, IoU, learning rate, speed
    RUN/tensorboard/    the same for TensorBoard

Epochs are stretches of `validate_every` steps; at the end of each, the moving average of the
weights is validated and last.ckpt written. All draws depend on (seed, step) alone and the loader
skips what was used, so a run that was interrupted, even within an epoch, and resumed ends with the
same weights.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import tomli_w
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from blender_addon.dataset import write_atomically
from pii_seg.config import TrainConfig, to_plain_data
from pii_seg.config_history import check_removed_online, differences
from pii_seg.data.datamodule import SegmentationDataModule
from pii_seg.data.mixture import DataSources, assemble, open_data
from pii_seg.errors import CheckpointError, InputError
from pii_seg.models.checkpoint import (
    Checkpoint,
    load_checkpoint,
    read_torch_safely,
    save_checkpoint,
)
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter, fastest_precision
from pii_seg.training.callbacks import (
    BEST_KEY,
    STOP_KEY,
    AtomicCheckpointIO,
    Interrupted,
    ProgressReporter,
    SaveBest,
    StopOnBudgetOrSignal,
)
from pii_seg.training.csv_log import CsvLogger
from pii_seg.training.module import Clock, SegmentationModule

CONFIG, BEST, LAST = "config.toml", "best.ckpt", "last.ckpt"
METRICS, TENSORBOARD = "metrics.csv", "tensorboard"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """The outcome of a training.

    Attributes:
        best: The checkpoint with the best validation IoU.
        iou: IoU of persons of that checkpoint in validation.
        steps: Optimiser steps of the run.
        seconds: Wall-clock time of the run.
        ended: finished, early or interrupted.
    """

    best: Path
    iou: float
    steps: int
    seconds: float
    ended: str


def fit(
    config: TrainConfig,
    output: Path | str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    start_from: Checkpoint | None = None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train in the folder `output`. Everything is checked before training begins.

    Args:
        config: Everything that determines the training.
        output: The folder of the run.
        resume: Continue the run in `output`, if there is one.
        overwrite: Delete the run in `output` first.
        start_from: Weights to start from, of the same model, instead of those of config.start_from.
        callbacks: Lightning callbacks, called before those of this module.

    Returns:
        The outcome. A run that SIGINT or SIGTERM ended has `ended` "interrupted".

    Raises:
        InputError: The folder or the combination of options does not allow the run.
        ConfigError: The model cannot be built.
        DataError: Data is missing or cannot be used.
        CheckpointError: A checkpoint to resume or start from cannot be used.
    """
    output = Path(output)
    state = prepare_folder(config, output, resume=resume, overwrite=overwrite)
    if state is not None and state["callbacks"][STOP_KEY]["ended"]:
        log.warning("%s: the training is over already; nothing was done", output)
        return _result_of(state, output)
    if start_from is None and config.start_from:
        start_from = load_checkpoint(Path(config.start_from))
    if config.machine.threads:
        torch.set_num_threads(config.machine.threads)
    module = build_module(config, start_from)  # first: it takes a second, and data may take minutes
    sources = open_data(config.data, seed=config.budget.seed)
    if is_first_process():
        _log_data(sources)
        log.warning("encoder: %s", module.segmenter.network.weights)
    resume_at = None if state is None else int(state["global_step"])
    data = _data_module(config, sources, resume_at=resume_at)
    if is_first_process():  # from here on, files are written
        output.mkdir(parents=True, exist_ok=True)
        write_config(output / CONFIG, config)

    best = SaveBest(lambda module, iou: save_best(output / BEST, config, sources, module, iou))
    stop = StopOnBudgetOrSignal(output / LAST)
    # The order matters: the best is known before the state is written.
    own = [
        best,
        *([early_stopping(config.budget.patience)] if config.budget.patience else []),
        ProgressReporter(config.machine.progress, config.data.batch_size),
        stop,
    ]
    trainer = build_trainer(config, output, [*callbacks, *own], resume_at=resume_at)
    try:
        _run(trainer, module, data, None if state is None else output / LAST)
    except Interrupted:
        stop.ended = "interrupted"
    seconds = module.clock.elapsed
    return FitResult(output / BEST, best.best, trainer.global_step, seconds, stop.ended)


def _result_of(state: Mapping[str, Any], output: Path) -> FitResult:
    """Return the outcome of a run that is over, from its last.ckpt."""
    ended, iou = state["callbacks"][STOP_KEY]["ended"], state["callbacks"][BEST_KEY]["best"]
    return FitResult(output / BEST, iou, state["global_step"], state["seconds"], ended)


def _data_module(
    config: TrainConfig, sources: DataSources, *, resume_at: int | None
) -> SegmentationDataModule:
    """Mix the sources; the first epoch begins where a resumed run stopped."""
    world = config.machine.devices * config.machine.nodes
    data = assemble(
        sources,
        config.data,
        config.augmentation,
        epoch_size=config.budget.validate_every * config.data.batch_size * world,
        seed=config.budget.seed,
        workers=config.machine.workers,
        memory_mb=config.machine.memory_mb,
    )
    data.skip = (resume_at or 0) % config.budget.validate_every * config.data.batch_size
    return data


EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*dataloader is not resumable.*",  # it is, by SegmentationDataModule.skip
    ".*smaller than the logging interval.*",
    ".*in eval mode at the start.*",  # the average is
)


def _run(
    trainer: lightning.Trainer,
    module: SegmentationModule,
    data: SegmentationDataModule,
    last: Path | None,
) -> None:
    with warnings.catch_warnings():
        for message in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)


def build_module(config: TrainConfig, start_from: Checkpoint | None = None) -> SegmentationModule:
    """Build the network with its moving average, loss and optimiser from the run's seed.

    Args:
        config: Model, optimiser and budget.
        start_from: Weights to start from.

    Raises:
        ConfigError: The model cannot be built.
        InputError: The checkpoint to start from is of another model.
    """
    generator = torch.Generator().manual_seed(config.budget.seed)
    network = build_network(config.model, generator=generator, pretrained=start_from is None)
    segmenter = Segmenter(network, scale=config.model.scale)
    if start_from is not None:
        if dataclasses.replace(start_from.model, weights=config.model.weights) != config.model:
            raise InputError(
                "the checkpoint to start from is of another model; give the same encoder and "
                "decoder"
            )
        segmenter.load_state_dict(dict(start_from.weights))
        network.weights = "weights of an earlier training"
        network.encoder_prefix = ""  # prefix of every name: all weights are pre-trained
    segmenter.to(memory_format=torch.channels_last)
    return SegmentationModule(
        segmenter,
        config.optimiser,
        Clock.from_budget(config.budget),
        seed=config.budget.seed,
        compiled=config.machine.compile,
    )


def build_trainer(
    config: TrainConfig, output: Path, callbacks: list[Callback], *, resume_at: int | None
) -> lightning.Trainer:
    machine = config.machine
    kind = (
        "cuda" if machine.device in ("auto", "cuda", "gpu") and torch.cuda.is_available() else "cpu"
    )
    fast = machine.precision == "bf16" or (
        machine.precision == "auto" and fastest_precision(kind) == torch.bfloat16
    )
    return lightning.Trainer(
        accelerator=machine.device,
        devices=machine.devices,
        num_nodes=machine.nodes,
        strategy=machine.strategy,
        precision="bf16-mixed" if fast else "32-true",
        max_epochs=-1,  # the clock decides
        num_sanity_val_steps=0,
        log_every_n_steps=min(10, config.budget.validate_every),
        gradient_clip_val=config.optimiser.gradient_norm,
        callbacks=callbacks,
        logger=[
            CsvLogger(output / METRICS, resume_at=resume_at),
            TensorBoardLogger(output, name=TENSORBOARD, version=""),
        ],
        default_root_dir=output,
        plugins=[AtomicCheckpointIO()],
        use_distributed_sampler=False,  # SegmentationDataModule divides its data among processes
        enable_checkpointing=False,  # StopOnBudgetOrSignal and SaveBest write them
        enable_progress_bar=False,  # ProgressReporter shows it
        enable_model_summary=False,
    )


def early_stopping(patience: int) -> EarlyStopping:
    return EarlyStopping("val_iou", mode="max", patience=patience, check_on_train_epoch_end=False)


def save_best(
    path: Path, config: TrainConfig, sources: DataSources, module: SegmentationModule, iou: float
) -> None:
    """Write the moving average as a checkpoint."""
    provenance = {
        "program": f"pii_seg {program_version()}",
        "encoder": module.segmenter.network.weights,
        "pictures": sources.counts(),
        "validation": "held out of the training data" if sources.held_out else "given",
        "validation_iou": iou,
        "steps": module.global_step,
        "seconds": round(module.clock.elapsed, 1),
    }
    weights = dict(module.average.state_dict())
    save_checkpoint(
        path, Checkpoint(config.model, weights, config=to_plain_data(config), provenance=provenance)
    )


def prepare_folder(
    config: TrainConfig, output: Path, *, resume: bool, overwrite: bool
) -> Mapping[str, Any] | None:
    """Check the folder of a run, and return the content of last.ckpt if the run is to be resumed.

    Nothing foreign is touched.

    Returns:
        The state of the run; None for a new run.

    Raises:
        InputError: The folder holds something else, a run of another configuration, or a run
            without `resume` or `overwrite`.
        ConfigError: The run in the folder used an option that was removed.
        CheckpointError: Its last.ckpt is damaged.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; --output must be a folder")
    entries = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if not (entries := [name for name in entries if not name.startswith(".")]):
        return None
    if not (output / CONFIG).exists():
        raise InputError(
            f"{output}: not empty and not a training (it holds {entries[0]!r}); "
            "choose another --output"
        )
    if overwrite:
        if is_first_process():  # the others start when this process is in its run already
            delete_run(output)
        return None
    before = read_config(output / CONFIG)
    check_removed_online(before, str(output / CONFIG))
    changed = differences(before, config.decisive())
    if changed:
        raise InputError(
            f"{output}: holds a training with another {' and '.join(changed)}; "
            "choose another --output, or replace it with --overwrite"
        )
    if not (output / LAST).exists():
        return None  # it ended before its first checkpoint, so nothing is lost
    if not resume:
        raise InputError(
            f"{output}: holds a training already; --resume continues it, --overwrite replaces it"
        )
    state = read_torch_safely(output / LAST)
    if not isinstance(state, dict) or not {"global_step", "seconds", "callbacks"} <= set(state):
        raise CheckpointError(
            f"{output / LAST}: not the state of a training; use --overwrite to start again"
        )
    return state


def delete_run(output: Path) -> None:
    """Delete the files that a training wrote into `output`, and nothing else."""
    for name in (LAST, BEST, METRICS, CONFIG):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / TENSORBOARD, ignore_errors=True)


def write_config(path: Path, config: TrainConfig) -> None:
    """Write the resolved configuration as TOML."""
    write_atomically(path, tomli_w.dumps(to_plain_data(config)).encode())


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration from TOML.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def is_first_process() -> bool:
    """Return whether this is the process of a distributed run that writes files and messages."""
    return getattr(rank_zero_only, "rank", 0) == 0


def program_version() -> str:
    try:
        return version("pii-seg")
    except PackageNotFoundError:
        return "(not installed)"


def _log_data(sources: DataSources) -> None:
    counts = ", ".join(f"{count} {role}" for role, count in sources.counts().items() if count)
    log.warning("images: %s%s", counts, " (validation held out)" if sources.held_out else "")
    for note in sources.notes:
        log.warning("%s", note)
    for fault in sources.faults:
        log.warning("left out: %s", fault)
