"""One training, from its configuration to RUN/best.ckpt: `fit(config, output)`.

    RUN/config.toml     the whole configuration, resolved
    RUN/best.ckpt       the segmenter with the best validation IoU: what `evaluate` and `predict` take
    RUN/last.ckpt       the state of the run, for --resume
    RUN/metrics.csv     losses, IoU, learning rate, speed
    RUN/tensorboard/    the same for TensorBoard

Epochs are stretches of `validate_every` steps; at the end of each, the moving average of the weights is validated and
last.ckpt written. What is drawn depends on (seed, step) alone and the loader is told where to go on, so a run that was
interrupted, in mid-epoch too, and resumed ends with the weights of one that was not.
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
from pii_seg.config import TrainConfig, check_removed_online, to_plain_data
from pii_seg.data.mixture import Opened, assemble, open_data
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

CONFIG, BEST, LAST, METRICS, TENSORBOARD = (
    "config.toml",
    "best.ckpt",
    "last.ckpt",
    "metrics.csv",
    "tensorboard",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What a training left. best: the checkpoint; iou: of persons, validated; ended: finished, early or interrupted."""

    best: Path
    iou: float
    steps: int
    seconds: float
    ended: str


def fit(
    config: TrainConfig,
    output: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    start_from: Checkpoint | None = None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train in the folder `output`, or go on there (`resume`).

    start_from: begin with these weights, of the same model (a student that continues its teacher), rather than those of
    config.start_from. callbacks: of Lightning, called before this module's own.
    Everything is checked before training begins. Raises DataError, ConfigError, InputError or
    CheckpointError, each of which names what is wrong. A run ended by SIGINT returns, `ended` being "interrupted".
    """
    output = Path(output)
    state = prepare_folder(config, output, resume=resume, overwrite=overwrite)
    if state is not None and (ended := state["callbacks"][STOP_KEY]["ended"]):
        log.warning("%s: the training is over already; nothing was done", output)
        iou = state["callbacks"][BEST_KEY]["best"]
        return FitResult(output / BEST, iou, state["global_step"], state["seconds"], ended)
    if start_from is None and config.start_from:
        start_from = load_checkpoint(Path(config.start_from))
    if config.machine.threads:
        torch.set_num_threads(config.machine.threads)
    module = build_module(config, start_from)  # first: it takes a second, and data may take minutes
    opened = open_data(config.data, seed=config.budget.seed)
    if is_first_process():
        _say_what_is_there(opened)
        log.warning("encoder: %s", module.segmenter.network.weights)
    world = config.machine.devices * config.machine.nodes
    data = assemble(
        opened,
        config.data,
        config.augmentation,
        epoch_size=config.budget.validate_every * config.data.batch_size * world,
        seed=config.budget.seed,
        workers=config.machine.workers,
        memory_mb=config.machine.memory_mb,
    )
    begun_at = 0 if state is None else int(state["global_step"])
    data.skip = begun_at % config.budget.validate_every * config.data.batch_size

    if is_first_process():
        output.mkdir(parents=True, exist_ok=True)
        write_config(output / CONFIG, config)
    save_best_callback = SaveBest(
        lambda module, iou: save_best(output / BEST, config, opened, module, iou)
    )
    ending = StopOnBudgetOrSignal(output / LAST)
    stopping = [early_stopping(config.budget.patience)] if config.budget.patience else []
    trainer = build_trainer(
        config,
        output,
        # The order matters: the best is known before the state is written.
        [
            *callbacks,
            save_best_callback,
            *stopping,
            ProgressReporter(config.machine.progress, config.data.batch_size),
            ending,
        ],
        resume_at=None if state is None else begun_at,
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings(
                "ignore", message=".*dataloader is not resumable.*"
            )  # it is: data.skip
            warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
            warnings.filterwarnings(
                "ignore", message=".*in eval mode at the start.*"
            )  # the average is
            trainer.fit(
                module,
                datamodule=data,
                ckpt_path=None if state is None else output / LAST,
                weights_only=True,
            )
    except Interrupted:
        ending.ended = "interrupted"
    return FitResult(
        output / BEST,
        save_best_callback.best,
        trainer.global_step,
        module.clock.elapsed,
        ending.ended,
    )


def build_module(config: TrainConfig, start_from: Checkpoint | None = None) -> SegmentationModule:
    """The network, its moving average, loss and optimiser, initialised from the run's seed."""
    generator = torch.Generator().manual_seed(config.budget.seed)
    network = build_network(config.model, generator=generator, pretrained=start_from is None)
    segmenter = Segmenter(network, scale=config.model.scale)
    if start_from is not None:
        if dataclasses.replace(start_from.model, weights=config.model.weights) != config.model:
            raise InputError(
                "the checkpoint to start from is of another model; give the same encoder and decoder"
            )
        segmenter.load_state_dict(dict(start_from.weights))
        network.weights = "weights of an earlier training"
        network.encoder_prefix = ""  # of every name: all of it has learnt already
    segmenter.to(memory_format=torch.channels_last)
    return SegmentationModule(
        segmenter,
        config.optimiser,
        Clock.of(config.budget),
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
        enable_checkpointing=False,  # StopOnBudgetOrSignal and SaveBest write them
        enable_progress_bar=False,  # ProgressReporter shows it
        enable_model_summary=False,
    )


def early_stopping(patience: int) -> EarlyStopping:
    return EarlyStopping("val_iou", mode="max", patience=patience, check_on_train_epoch_end=False)


def save_best(
    path: Path, config: TrainConfig, opened: Opened, module: SegmentationModule, iou: float
) -> None:
    """The moving average as a checkpoint that people keep."""
    provenance = {
        "program": f"pii_seg {program_version()}",
        "encoder": module.segmenter.network.weights,
        "pictures": opened.counts(),
        "validation": "held out of the training data" if opened.held_out else "given",
        "validation_iou": iou,
        "steps": module.global_step,
        "seconds": round(module.clock.elapsed, 1),
    }
    weights = dict(module.kept.state_dict())
    save_checkpoint(
        path, Checkpoint(config.model, weights, config=to_plain_data(config), provenance=provenance)
    )


def prepare_folder(
    config: TrainConfig, output: Path, *, resume: bool, overwrite: bool
) -> Mapping[str, Any] | None:
    """What last.ckpt holds when there is a run to go on with; None for a new one. Nothing foreign is touched.

    Raises InputError when the folder holds something else, a run of another configuration, or one that it was not said
    to resume or overwrite; CheckpointError when its last.ckpt is damaged.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; --output must be a folder")
    strangers = (
        sorted(p.name for p in output.iterdir() if not p.name.startswith("."))
        if output.exists()
        else []
    )
    if not strangers:
        return None
    if not (output / CONFIG).exists():
        raise InputError(
            f"{output}: not empty and not a training (it holds {strangers[0]!r}); choose another --output"
        )
    if overwrite:
        if is_first_process():  # the others begin when this process is in its run already
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
        return None  # it ended before its first checkpoint: nothing is lost by beginning again
    if not resume:
        raise InputError(
            f"{output}: holds a training already; --resume goes on with it, --overwrite replaces it"
        )
    state = read_torch_safely(output / LAST)
    if not isinstance(state, dict) or not {"global_step", "seconds", "callbacks"} <= set(state):
        raise CheckpointError(
            f"{output / LAST}: not the state of a training; use --overwrite to begin again"
        )
    return state


def delete_run(output: Path) -> None:
    """Delete what a training wrote into `output`, and nothing else."""
    for name in (LAST, BEST, METRICS, CONFIG):
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(output / TENSORBOARD, ignore_errors=True)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Dotted names of the values that differ between two configurations, sorted.

    `machine` does not count, nor does `online`, which only older configurations have.
    """
    found = []
    for section in sorted({*before, *now} - {"machine", "online"}):
        old, new = before.get(section, {}), now.get(section, {})
        if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
            found += [section] if (old or "") != (new or "") else []
            continue
        found += [
            f"{section}.{key}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)
        ]
    return found


def write_config(path: Path, config: TrainConfig) -> None:
    """Write the resolved configuration as TOML."""
    write_atomically(path, tomli_w.dumps(to_plain_data(config)).encode())


def read_config(path: Path) -> dict[str, Any]:
    """Raises InputError when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def is_first_process() -> bool:
    """Of a distributed run: the one that writes and speaks."""
    return getattr(rank_zero_only, "rank", 0) == 0


def program_version() -> str:
    try:
        return version("pii-seg")
    except PackageNotFoundError:
        return "(not installed)"


def _say_what_is_there(opened: Opened) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in opened.counts().items() if count)
    log.warning("pictures: %s%s", counts, " (validation held out)" if opened.held_out else "")
    for fault in opened.faults:
        log.warning("left out: %s", fault)
