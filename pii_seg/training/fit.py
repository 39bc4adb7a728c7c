"""One training, from its configuration to RUN/best.ckpt: `fit(config, output)`.

    RUN/config.toml     the whole configuration, resolved; data by the hash of their content
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
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping

from pii_seg.config import OptimiserConfig, TrainConfig, to_plain_data
from pii_seg.data.content_hash import ContentHashes
from pii_seg.data.datamodule import SegmentationDataModule
from pii_seg.data.mixture import DataSources, assemble, open_data
from pii_seg.data.pixel_weights import PixelWeights
from pii_seg.errors import InputError
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter, fastest_precision
from pii_seg.training.callbacks import (
    BEST_KEY,
    STOP_KEY,
    AtomicCheckpointIO,
    Interrupted,
    ProgressReporter,
    SaveBest,
    StopOnBadNumbers,
    StopOnBudgetOrSignal,
)
from pii_seg.training.csv_log import CsvLogger
from pii_seg.training.machine import (
    accelerator_of,
    claim_first_process,
    is_first_process,
    is_one_process,
    trainer_environment,
    without_trainer_variables,
)
from pii_seg.training.module import Clock, SegmentationModule
from pii_seg.training.recorded import Recorded, record
from pii_seg.training.run_folder import (
    BEST,
    CONFIG,
    FOREIGN_STATES,
    HASHES,
    LAST,
    METRICS,
    TENSORBOARD,
    check_folder,
    check_inputs,
    delete_run,
    locked_folder,
    read_state,
    write_config,
)
from pii_seg.training.slurm import is_requeued, write_job
from pii_seg.training.tensorboard_log import TensorBoardLog

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
    hashes: ContentHashes | None = None,
) -> FitResult:
    """Train in the folder `output`. Everything is checked before training begins.

    Args:
        config: Everything that determines the training.
        output: The folder of the run.
        resume: Continue the run in `output`, if there is one.
        overwrite: Delete the run in `output` first.
        start_from: Weights to start from, of the same model, instead of those of config.start_from.
        callbacks: Lightning callbacks, called before those of this module.
        hashes: Reads the contents of the data; by default it stores their hashes in `output`.

    Returns:
        The outcome. A run that SIGINT or SIGTERM ended has `ended` "interrupted".

    Raises:
        InputError: The folder or the combination of options does not allow the run.
        ConfigError: The model cannot be built, or what is to be frozen has random weights.
        DataError: Data is missing or cannot be used.
        CheckpointError: A checkpoint to resume or start from cannot be used.
        OutputBusyError: Another process trains in `output`.
        FloatingPointError: The network or the loss yields values that are no numbers.
    """
    output = Path(output)
    if is_requeued(output):  # the same command must not begin again
        resume, overwrite = True, False
    claim_first_process(config.machine)
    check_folder(config, output, resume=resume, overwrite=overwrite)
    accelerator_of(config.machine)  # raises InputError
    if not (is_one_process(config.machine) or is_first_process()):  # the first one has the lock
        return _fit(config, output, resume, overwrite, start_from, callbacks, hashes)
    with locked_folder(output):
        return _fit(config, output, resume, overwrite, start_from, callbacks, hashes)


def _fit(
    config: TrainConfig,
    output: Path,
    resume: bool,
    overwrite: bool,
    start_from: Checkpoint | None,
    callbacks: Sequence[Callback],
    hashes: ContentHashes | None,
) -> FitResult:
    """Train as `fit` does, in a folder that is locked."""
    check_folder(config, output, resume=resume, overwrite=overwrite)  # again: it may have changed
    state = None if overwrite else read_state(output)
    hashes = hashes or ContentHashes(output / HASHES)
    if state is not None and _is_over(state, config):
        check_inputs(output, config, record(config, hashes, exclude=[output]).config)
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
    recorded = record(config, hashes, exclude=[output])
    if not overwrite:
        check_inputs(output, config, recorded.config)
    resume_at = None if state is None else int(state["global_step"])
    data = _data_module(config, sources, resume_at=resume_at)
    if is_first_process():  # from here on, files are written
        _begin(output, recorded.config, overwrite=overwrite)

    best = SaveBest(lambda module, iou: save_best(output / BEST, recorded, sources, module, iou))
    stop = StopOnBudgetOrSignal(output / LAST)
    # The order matters: bad numbers are never saved, and the best is known before the state is
    # written.
    own = [
        StopOnBadNumbers(output / BEST),
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


def _is_over(state: Mapping[str, Any], config: TrainConfig) -> bool:
    """Whether a run has ended by itself. More steps or minutes than it had continue it."""
    ended = state["callbacks"][STOP_KEY]["ended"]
    clock = Clock.from_budget(config.budget)
    clock.carried = float(state["seconds"])
    return bool(ended == "early" or (ended and clock.progress(int(state["global_step"])) >= 1))


def _begin(output: Path, recorded: TrainConfig, *, overwrite: bool) -> None:
    """Write the first files of a run, or of its next part."""
    if overwrite:
        delete_run(output)
    for path in sorted(output.glob(FOREIGN_STATES)):
        log.warning("%s: ignored; the run continues from %s alone", path, LAST)
    write_config(output / CONFIG, recorded)
    write_job(output)


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
        weights=_pixel_weights(config.optimiser),
    )
    data.skip = (resume_at or 0) % config.budget.validate_every * config.data.batch_size
    return data


def _pixel_weights(optimiser: OptimiserConfig) -> PixelWeights | None:
    weights = PixelWeights(
        head=optimiser.head_weight,
        boundary=optimiser.boundary_weight,
        small=optimiser.small_weight,
    )
    return None if weights.all_equal else weights


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
        try:
            trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
        except SystemExit:  # into which Lightning turns a second Ctrl-C
            raise KeyboardInterrupt from None


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
        network.pretrained_prefix = ""  # of every name
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
    kind, devices = accelerator_of(machine)
    fast = machine.precision == "bf16" or (
        machine.precision == "auto" and fastest_precision(kind) == torch.bfloat16
    )
    with without_trainer_variables():
        return lightning.Trainer(
            accelerator=kind,
            devices=devices,
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
                TensorBoardLog(output / TENSORBOARD),
            ],
            # Never made. Under SLURM, Lightning looks here for states of its own to continue from.
            default_root_dir=output / ".lightning",
            plugins=[AtomicCheckpointIO(), *trainer_environment(machine)],
            use_distributed_sampler=False,  # SegmentationDataModule divides its data
            enable_checkpointing=False,  # StopOnBudgetOrSignal and SaveBest write them
            enable_progress_bar=False,  # ProgressReporter shows it
            enable_model_summary=False,
        )


def early_stopping(patience: int) -> EarlyStopping:
    return EarlyStopping("val_iou", mode="max", patience=patience, check_on_train_epoch_end=False)


def save_best(
    path: Path, recorded: Recorded, sources: DataSources, module: SegmentationModule, iou: float
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
        "data_sketch": list(recorded.sketch),
    }
    weights, config = dict(module.average.state_dict()), recorded.config
    plain = to_plain_data(config)
    save_checkpoint(path, Checkpoint(config.model, weights, config=plain, provenance=provenance))


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
