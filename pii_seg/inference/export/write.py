"""Writes exports: the model in one of the formats, compared with eager torch, and its description.

An export appears under its name when it is whole and its results are those of the checkpoint.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pii_seg.data.hashes import sha256_of
from pii_seg.errors import InputError
from pii_seg.inference.backends import BACKENDS, open_exported
from pii_seg.inference.export.network import ExportedNetwork, trace
from pii_seg.inference.export_folder import refuse_other_content, replaced_folder
from pii_seg.inference.exported import (
    FILES,
    FLOAT32,
    ONNX,
    OPENVINO,
    TORCHSCRIPT,
    Exported,
    kept_points,
    reference_shapes,
    reference_tiles,
    write_metadata,
)
from pii_seg.inference.tiling import Segmenter
from pii_seg.models.checkpoint import Checkpoint

OPSET = 18  # of ONNX: current programs read it, and older ones of the last years too

Shape = tuple[int, int, int]


def write_export(
    checkpoint: Checkpoint,
    checkpoint_sha256: str,
    output: Path,
    format: str,
    *,
    shape: Shape | None = None,
    inside_temperature: bool = True,
) -> Exported:
    """Export a checkpoint in float32, and compare the result with eager torch.

    Args:
        checkpoint: The segmenter.
        checkpoint_sha256: Hash of its file.
        output: The folder; an export that is there is replaced.
        format: A key of `exported.FILES`.
        shape: Fixed (B, h, w) of the tiles; None for any.
        inside_temperature: The model divides by the checkpoint's temperature; without it, its
            logits are those of the network.

    Returns:
        The description of what was written.

    Raises:
        InputError: The folder holds something else, or a package is missing.
        ConfigError: The network cannot be exported.
        CheckpointError: The result differs from eager torch.
    """
    refuse_other_content(output)
    require_writer(format)
    temperature = checkpoint.temperature if inside_temperature else 1.0
    network = ExportedNetwork(checkpoint, temperature)
    with replaced_folder(output) as folder:
        WRITERS[format](network, folder, shape)
        exported = Exported(
            folder=folder,
            format=format,
            files=hashes_in(folder, format),
            checkpoint_sha256=checkpoint_sha256,
            precision=FLOAT32,
            preprocessing=network.preprocessing,
            model_temperature=temperature,
            temperature=checkpoint.temperature / temperature,
            promise_temperature=checkpoint.temperature,
            threshold=checkpoint.threshold,
            references=reference_logits(network, shape),
            shape=shape,
            calibration=checkpoint.calibration,
            model=dataclasses.asdict(checkpoint.model),
            provenance=checkpoint.provenance,
            config=checkpoint.config,
        )
        check_export(exported)
        write_metadata(exported)
    return dataclasses.replace(exported, folder=output)


def check_export(exported: Exported) -> None:
    """Compare an export with eager torch in a back end that runs it.

    Raises:
        CheckpointError: It differs.
        InputError: No back end for it is installed.
    """
    if exported.format == TORCHSCRIPT:
        exported.check_results(_scripted(exported.model_file))
        return
    names = [name for name, row in BACKENDS.items() if exported.format in row.reads]
    able = [name for name in names if BACKENDS[name].installed]
    for name in able or names[:1]:
        exported.check_results(open_exported(name, exported, 1))


def reference_logits(network: ExportedNetwork, shape: Shape | None) -> tuple[np.ndarray, ...]:
    """Compute the logits that the description keeps."""
    predict = _on_tiles(network)
    return tuple(
        kept_points(s, predict(reference_tiles(s))).copy() for s in reference_shapes(shape)
    )


def hashes_in(folder: Path, format: str) -> dict[str, str]:
    return {name: sha256_of(folder / name) for name in FILES[format]}


def require_writer(format: str) -> None:
    """Raise InputError when the package that writes a format is not installed."""
    needs = {ONNX: "onnxruntime", OPENVINO: "openvino"}
    if format in needs and not BACKENDS[needs[format]].installed:
        extra = BACKENDS[needs[format]].extra
        raise InputError(f"--to {format}: needs a package; pip install 'pii-seg[{extra}]'")


def _write_onnx(network: ExportedNetwork, folder: Path, shape: Shape | None) -> None:
    write_onnx(network, folder / FILES[ONNX][0], shape)


def write_onnx(network: ExportedNetwork, path: Path, shape: Shape | None) -> None:
    """Write the ONNX model alone."""
    axes = {0: "batch", 1: "height", 2: "width"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # see `network.trace`; and that this exporter is the older
        torch.onnx.export(
            network,
            (_example(shape),),
            path,
            input_names=["tiles"],
            output_names=["logits"],
            opset_version=OPSET,
            # The newer one needs two more packages, and fixes the sizes of timm's "same" padding.
            dynamo=False,
            dynamic_axes=None if shape else {"tiles": axes, "logits": axes},
        )


def _write_openvino(network: ExportedNetwork, folder: Path, shape: Shape | None) -> None:
    from pii_seg.inference.backends.openvino_backend import import_openvino

    openvino, example = import_openvino(), _example(shape)
    sides = shape or (-1, -1, -1)
    model = openvino.convert_model(
        trace(network, example),
        example_input=example,
        input=[openvino.PartialShape([*sides, 3])],
    )
    openvino.save_model(model, str(folder / FILES[OPENVINO][0]), compress_to_fp16=False)


def _write_torchscript(network: ExportedNetwork, folder: Path, shape: Shape | None) -> None:
    if shape is not None:
        raise InputError("--shape: TorchScript takes tiles of any size; leave it out")
    trace(network, _example(shape)).save(str(folder / FILES[TORCHSCRIPT][0]))


WRITERS: dict[str, Callable[[ExportedNetwork, Path, Shape | None], None]] = {
    ONNX: _write_onnx,
    OPENVINO: _write_openvino,
    TORCHSCRIPT: _write_torchscript,
}
"""Format -> function that writes its files."""


def _example(shape: Shape | None) -> torch.Tensor:
    return torch.from_numpy(reference_tiles(shape or (2, 96, 128)))


def _scripted(path: Path) -> Segmenter:
    """Load TorchScript that this program has just written."""
    return _on_tiles(torch.jit.load(str(path)))


def _on_tiles(module: Callable[[torch.Tensor], torch.Tensor] | Any) -> Segmenter:
    def predict(tiles: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(tiles)).numpy()

    return predict
