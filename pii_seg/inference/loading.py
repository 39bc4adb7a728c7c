"""Loads a trained segmenter, from a checkpoint or an export, in the back end that is asked for.

`auto` chooses the back end that a calibration is bound to; without one, the fastest that is
installed and gives the results of eager torch. A checkpoint is converted for it once
(`conversion`), so that a command that runs it again imports no torch. On anything else than a CPU,
torch runs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pii_seg.errors import CalibrationError, CheckpointError, DataError, InputError
from pii_seg.inference.backends import (
    AUTO,
    BACKEND,
    BACKENDS,
    TORCH,
    open_exported,
    require_installed,
)
from pii_seg.inference.conversion import accompanying, cached, can_cache, convert
from pii_seg.inference.engine import bound_engine, engine_of, require_engine
from pii_seg.inference.exported import Exported, is_exported, load_exported
from pii_seg.inference.tiling import Segmenter
from pii_seg.models.bundled import located
from pii_seg.models.checkpoint_hash import checkpoint_sha256

if TYPE_CHECKING:
    from pii_seg.models.checkpoint import Checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedSegmenter:
    """A segmenter that is ready to predict.

    Attributes:
        segmenter: From uint8 tiles (B, h, w, 3) to float32 logits (B, h, w).
        engine: Back end, precision and preprocessing; see `engine`.
        temperature: A probability is sigmoid(logit / temperature).
        threshold: A pixel is a person if its probability is at least this.
        calibration: As the checkpoint holds it.
        promise_temperature: The temperature of the logits that `calibration` was computed with.
        sha256: Hash that identifies the checkpoint or export, hex.
    """

    segmenter: Segmenter
    engine: Mapping[str, Any]
    temperature: float
    threshold: float
    calibration: Mapping[str, Any]
    promise_temperature: float
    sha256: str


def load_segmenter(
    path: Path | str,
    *,
    backend: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    bound: bool = True,
) -> LoadedSegmenter:
    """Load a checkpoint or an export.

    Args:
        path: RUN/best.ckpt of a training, a folder of `save_pretrained`, one of `pii-seg
            export-model`, or the name of a bundled segmenter, such as "small".
        backend: A key of `backends.BACKENDS`, or "auto"; by default the environment variable
            PII_SEG_BACKEND, or "auto".
        device: "cpu", "cuda", "mps", …; only torch runs elsewhere than on a CPU.
        threads: Number of threads that work on one tile; with 1, several threads may call the
            segmenter to predict as many images at the same time.
        bound: The calibration is used; without it, any back end may run, to calibrate for it.

    Raises:
        CheckpointError: It cannot be used, or the back end does not give its results.
        InputError: The back end is unknown, not installed, or does not run this file.
        CalibrationError: The calibration holds for another back end, precision or preprocessing.
    """
    path = located(path)
    wanted = backend or os.environ.get(BACKEND) or AUTO
    if wanted != AUTO:
        require_installed(wanted)
    if backend is None and is_exported(path) and not _formats(wanted):
        wanted = AUTO  # the environment asks for torch, which runs checkpoints alone
    if device != "cpu" and wanted not in (AUTO, TORCH):
        raise InputError(
            f"--backend {wanted}: runs on a CPU, not on {device}; leave one of the two out"
        )
    if is_exported(path):
        if device != "cpu":
            raise InputError(f"{path}: an export runs on a CPU, not on --device {device}")
        loaded = _load_export(load_exported(path), wanted, threads)
    else:
        loaded = _load_checkpoint(_Given(path), wanted, device, threads, bound)
    if bound:
        require_engine(loaded.calibration, loaded.engine, path.name)
    name, precision = loaded.engine["backend"], loaded.engine["precision"]
    # Torch is the reference, and is said on request.
    log.log(logging.DEBUG if name == TORCH else logging.INFO, "%s: %s, %s", path, name, precision)
    return loaded


def _load_export(exported: Exported, wanted: str, threads: int) -> LoadedSegmenter:
    engine = bound_engine(exported.calibration) or {}
    if wanted == AUTO and exported.format in _formats(str(engine.get("backend"))):
        wanted = str(engine["backend"])
    if wanted != AUTO:
        return open_checked(wanted, exported, exported.sha256, threads)
    reading = {name: row for name, row in BACKENDS.items() if exported.format in row.reads}
    if not reading:
        raise InputError(
            f"{exported.folder}: TorchScript is for other programs, because it holds code; export "
            "the checkpoint to onnx or openvino for this one"
        )
    able = [name for name, row in reading.items() if row.installed] or [next(iter(reading))]
    for name in able[:-1]:
        try:
            return open_checked(name, exported, exported.sha256, threads)
        except (CheckpointError, ImportError, OSError) as error:
            log.warning("%s is not used: %s", name, error)
    return open_checked(able[-1], exported, exported.sha256, threads)


def open_checked(name: str, exported: Exported, sha256: str, threads: int) -> LoadedSegmenter:
    """Open an export in a back end, and compare its results with those of eager torch.

    Raises:
        CheckpointError: They differ.
        InputError: The back end is not installed, or does not read this format.
    """
    segmenter = open_exported(name, exported, threads)
    if exported.shape is not None:
        segmenter = fixed(segmenter, exported)
    exported.check_results(segmenter)
    return LoadedSegmenter(
        segmenter=segmenter,
        engine=engine_of(name, exported.precision, exported.preprocessing),
        temperature=exported.temperature,
        threshold=exported.threshold,
        calibration=exported.calibration,
        promise_temperature=exported.promise_temperature,
        sha256=sha256,
    )


def fixed(segmenter: Segmenter, exported: Exported) -> Segmenter:
    """Let a model of a fixed shape take any number of tiles of its height and width."""
    assert exported.shape is not None
    count, height, width = exported.shape

    def predict(tiles: np.ndarray) -> np.ndarray:
        if tiles.shape[1:3] != (height, width):
            raise DataError(
                f"{exported.folder}: is for tiles of {width} x {height} px, got "
                f"{tiles.shape[2]} x {tiles.shape[1]}; export it without --shape"
            )
        parts = []
        for start in range(0, len(tiles), count):
            part = tiles[start : start + count]
            whole = np.concatenate([part, np.repeat(part[-1:], count - len(part), axis=0)])
            parts.append(np.array(segmenter(whole)[: len(part)]))
        return np.concatenate(parts)

    return predict


class _Given:
    """A checkpoint on disk, which is read when it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[str, Exported | None] = {}

    @cached_property
    def checkpoint(self) -> Checkpoint:
        from pii_seg.models.checkpoint import load_checkpoint  # imports torch

        return load_checkpoint(self.path)

    @cached_property
    def sha256(self) -> str:
        try:
            return checkpoint_sha256(self.path)
        except OSError:
            _ = self.checkpoint  # raises an error that says what is wrong
            raise

    def conversion(self, format: str) -> Exported | None:
        """Return what was converted earlier. It is read, and its files are hashed, once."""
        if format not in self._found:
            self._found[format] = accompanying(self.path, self.sha256, format) or cached(
                self.sha256, format
            )
        return self._found[format]

    def conversion_for(self, backend: str) -> Exported | None:
        """Return a conversion that a back end runs, in its own format if there is one."""
        found = (self.conversion(format) for format in BACKENDS[backend].reads)
        return next((exported for exported in found if exported is not None), None)

    @property
    def calibration(self) -> Mapping[str, Any]:
        for name in BACKENDS:
            if (found := self.conversion_for(name)) is not None:
                return found.calibration
        return self.checkpoint.calibration


def _load_checkpoint(
    given: _Given, wanted: str, device: str, threads: int, bound: bool
) -> LoadedSegmenter:
    precision = None
    if wanted == AUTO and device != "cpu":
        wanted = TORCH
    if wanted in (AUTO, TORCH) and bound and (engine := bound_engine(given.calibration)):
        name = str(engine.get("backend"))
        if wanted == AUTO:
            wanted = _installed_or_refused(name, given.path)
        precision = engine.get("precision") if name == wanted == TORCH else None
    if wanted not in (AUTO, TORCH):
        return _converted(wanted, given, threads)
    for name in _worth_trying(given) if wanted == AUTO else ():
        try:
            return _converted(name, given, threads)
        except Exception as error:  # converters raise anything, and torch runs every checkpoint
            _ = given.checkpoint  # raises again if the checkpoint itself cannot be used
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            log.warning("%s is not used for %s: %s", name, given.path.name, reason)
    return _eager(given, device, precision)


def _worth_trying(given: _Given) -> list[str]:
    """List the back ends that auto tries: none where each start would convert the checkpoint."""
    _ = given.sha256
    names = [name for name, row in BACKENDS.items() if row.installed and name != TORCH]
    return [name for name in names if can_cache() or given.conversion_for(name) is not None]


def _installed_or_refused(name: str, path: Path) -> str:
    if name in BACKENDS and BACKENDS[name].installed:
        return name
    raise CalibrationError(
        f"{path.name}: was calibrated with --backend {name}, which is not installed; install it, "
        "or calibrate again here: python -m pii_seg.calibrate"
    )


def _formats(name: str) -> tuple[str, ...]:
    return BACKENDS[name].reads if name in BACKENDS else ()


def _converted(name: str, given: _Given, threads: int) -> LoadedSegmenter:
    exported = given.conversion_for(name)
    if exported is None:
        format = BACKENDS[name].reads[0]
        checkpoint = given.checkpoint
        log.info("%s: is converted for %s, once", given.path.name, name)
        exported = convert(checkpoint, given.sha256, format)
    return open_checked(name, exported, given.sha256, threads)


def _eager(given: _Given, device: str, precision: str | None) -> LoadedSegmenter:
    from pii_seg.inference.backends.torch_backend import eager_with_engine

    checkpoint = given.checkpoint
    segmenter, engine = eager_with_engine(checkpoint, device, precision)
    return LoadedSegmenter(
        segmenter=segmenter,
        engine=engine,
        temperature=checkpoint.temperature,
        threshold=checkpoint.threshold,
        calibration=checkpoint.calibration,
        promise_temperature=checkpoint.temperature,
        sha256=given.sha256,
    )
