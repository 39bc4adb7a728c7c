"""Checkpoints and exports alike: reading them, calibrating them, and writing them again."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pii_seg.inference.export_folder import refuse_other_content, replaced_folder
from pii_seg.inference.exported import Exported, is_exported, load_exported, write_metadata
from pii_seg.models.bundled import located
from pii_seg.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

ModelT = TypeVar("ModelT", bound=Checkpoint | Exported)


def load_model(path: Path) -> Checkpoint | Exported:
    """Read a checkpoint, or the description of an export.

    Raises:
        CheckpointError: It cannot be used.
    """
    return load_exported(path) if is_exported(path) else load_checkpoint(path)


def with_calibration(
    model: ModelT, *, temperature: float, threshold: float, calibration: Mapping[str, Any]
) -> ModelT:
    """Return the same segmenter with another temperature, threshold and calibration."""
    values: dict[str, Any] = {
        "temperature": temperature,
        "threshold": threshold,
        "calibration": dict(calibration),
    }
    if isinstance(model, Exported):
        values["promise_temperature"] = temperature
    return dataclasses.replace(model, **values)


def calibrated_name(path: Path) -> Path:
    """Return where the calibrated form is written by default: beside the other.

    That of a bundled segmenter goes into the current folder.
    """
    if located(path) != path:
        return Path(f"{path.name}-calibrated.ckpt")
    return path.with_name("calibrated" if is_exported(path) else "calibrated.ckpt")


def save_model(output: Path, model: Checkpoint | Exported) -> None:
    """Write a checkpoint to a file, or an export to a folder, which may hold an older one.

    Raises:
        InputError: The folder holds something else.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(model, Checkpoint):
        save_checkpoint(output, model)
        return
    refuse_other_content(output)
    with replaced_folder(output) as folder:
        for name in model.files:
            shutil.copyfile(model.folder / name, folder / name)
        write_metadata(dataclasses.replace(model, folder=folder))


def described_model(model: Checkpoint | Exported) -> dict[str, Any]:
    """Return the architecture as plain data."""
    return dict(model.model) if isinstance(model, Exported) else dataclasses.asdict(model.model)
