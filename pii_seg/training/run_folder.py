"""The folder of a training: who may write there, and which run it holds."""

from __future__ import annotations

import contextlib
import math
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from blender_addon.dataset import output_lock, write_atomically
from pii_seg.config import DATA_ROLES, TrainConfig, to_plain_data
from pii_seg.config_history import check_removed_online
from pii_seg.errors import CheckpointError, InputError
from pii_seg.models.checkpoint import read_torch_safely
from pii_seg.training.callbacks import BEST_KEY, STOP_KEY
from pii_seg.training.recorded import differences, without_inputs

CONFIG, BEST, LAST = "config.toml", "best.ckpt", "last.ckpt"
METRICS, TENSORBOARD = "metrics.csv", "tensorboard"
LOCK, HASHES = ".train.lock", ".contents"
FOREIGN_STATES = "hpc_ckpt_*.ckpt"  # that Lightning wrote under SLURM in earlier versions
MAX_CONFIG_BYTES = 1 << 20


def check_folder(config: TrainConfig, output: Path, *, resume: bool, overwrite: bool) -> None:
    """Check that a training may be in `output`, without reading any data.

    Raises:
        InputError: The folder holds something else, a run of another configuration, or a run
            without `resume` or `overwrite`; or the run would replace one of its own inputs.
        ConfigError: The run in the folder used an option that was removed.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; --output must be a folder")
    refuse_inputs_inside(config, output)
    entries = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if not (entries := [name for name in entries if not name.startswith(".")]):
        return
    if not (output / CONFIG).exists():
        raise InputError(
            f"{output}: not empty and not a training (it holds {entries[0]!r}); "
            "choose another --output"
        )
    before = read_config(output / CONFIG)
    if "loop" in before:
        raise InputError(f"{output}: holds a self-training; choose another --output")
    if overwrite:
        return
    check_removed_online(before, str(output / CONFIG))
    old, new = without_inputs(before), without_inputs(config.decisive())
    refuse_changes(output, differences(old, new, new))
    if (output / LAST).exists() and not resume:
        raise InputError(
            f"{output}: holds a training already; --resume continues it, --overwrite replaces it"
        )


def refuse_inputs_inside(config: TrainConfig, output: Path) -> None:
    """Raise InputError when an input lies in the folder of the run, which would replace it."""
    given = [path for role in DATA_ROLES for path in getattr(config.data, role)]
    for path in [*given, config.start_from]:
        if path and Path(path).resolve().is_relative_to(output.resolve()):
            raise InputError(
                f"{path}: is an input, and lies in the --output {output}; choose another --output"
            )


def refuse_changes(output: Path, changed: list[str]) -> None:
    if changed:
        raise InputError(
            f"{output}: holds a training with another {' and '.join(changed)}; "
            "choose another --output, or replace it with --overwrite"
        )


def read_state(output: Path) -> Mapping[str, Any] | None:
    """Read the state of the run in `output`. Returns None when it has none yet.

    Raises:
        CheckpointError: Its last.ckpt is damaged.
    """
    if not (output / LAST).exists():
        return None  # it ended before its first checkpoint, so nothing is lost
    state = read_torch_safely(output / LAST)
    if not is_state(state):
        raise CheckpointError(
            f"{output / LAST}: not the state of a training; use --overwrite to start again"
        )
    return state


def is_state(state: Any) -> bool:
    """Whether what last.ckpt holds is the state of a training, as far as this program reads it."""
    try:
        ended, best = state["callbacks"][STOP_KEY]["ended"], state["callbacks"][BEST_KEY]["best"]
        step, seconds = state["global_step"], state["seconds"]
    except (KeyError, TypeError, IndexError):
        return False
    numbers = isinstance(best, float) and isinstance(seconds, float | int) and type(step) is int
    return numbers and isinstance(ended, str) and step >= 0 and math.isfinite(seconds)


def check_inputs(output: Path, given: TrainConfig, recorded: TrainConfig) -> None:
    """Check that the run in `output` was begun with the same inputs. Raises InputError."""
    if (output / CONFIG).exists():
        before = read_config(output / CONFIG)
        refuse_changes(output, differences(before, given.decisive(), recorded.decisive()))


def delete_run(output: Path) -> None:
    """Delete the files that a training wrote into `output`, and nothing else."""
    for name in (LAST, BEST, METRICS, HASHES, CONFIG):
        (output / name).unlink(missing_ok=True)
    for path in output.glob(FOREIGN_STATES):
        path.unlink(missing_ok=True)
    shutil.rmtree(output / TENSORBOARD, ignore_errors=True)


@contextlib.contextmanager
def locked_folder(output: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, which is made, and is removed again if it stays empty.

    Raises:
        OutputBusyError: Another process trains there.
    """
    made = [path for path in (output, *output.parents) if not path.exists()]
    try:
        with output_lock(output / LOCK):
            yield
    finally:
        with contextlib.suppress(OSError):
            if made and [path.name for path in output.iterdir()] == [LOCK]:
                (output / LOCK).unlink()
                for path in made:
                    path.rmdir()


def write_config(path: Path, config: TrainConfig) -> None:
    """Write a resolved configuration as TOML."""
    write_atomically(path, tomli_w.dumps(to_plain_data(config)).encode())


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration from TOML.

    Raises:
        InputError: It cannot be read.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise InputError(f"{path}: cannot be read (larger than {MAX_CONFIG_BYTES} bytes)")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
