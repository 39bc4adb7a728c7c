"""Exports in 8 bits: static quantisation of an ONNX model by ONNX Runtime.

Convolutions compute on 8-bit numbers, whose ranges are those that calibration images show. The
first convolution and those that give logits stay in float32: they take hardly any time, and 8 bits
have too few values to choose a precise threshold among.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pii_seg.data.image_io import read_image, resize_array
from pii_seg.errors import DataError, InputError
from pii_seg.inference.backends import BACKENDS, open_exported
from pii_seg.inference.export.network import ExportedNetwork
from pii_seg.inference.export.write import (
    Shape,
    hashes_in,
    reference_logits,
    refuse_other_content,
    replaced_folder,
    require_writer,
    write_onnx,
)
from pii_seg.inference.exported import (
    FILES,
    INT8,
    ONNX,
    OPENVINO,
    Exported,
    difference,
    kept_points,
    reference_shapes,
    reference_tiles,
    write_metadata,
)
from pii_seg.inference.settings import InferenceSettings
from pii_seg.models.checkpoint import Checkpoint

MOST_IMAGES = 200  # of calibration; more change the ranges little, and each takes a second
SLACK = 0.02  # of a probability, beyond twice what this machine shows: others round differently


def write_int8(
    checkpoint: Checkpoint,
    checkpoint_sha256: str,
    images: Sequence[Path],
    output: Path,
    format: str,
    *,
    shape: Shape | None = None,
    accept: Callable[[Path], None] = lambda folder: None,
) -> Exported:
    """Export a checkpoint in 8 bits.

    Args:
        checkpoint: The segmenter.
        checkpoint_sha256: Hash of its file.
        images: Image files like those that will be predicted; `MOST_IMAGES` of them are used.
        output: The folder; an export that is there is replaced.
        format: "onnx" or "openvino".
        shape: Fixed (B, h, w) of the tiles; None for any.
        accept: Called with a folder that holds the export; if it raises, nothing is written.

    Returns:
        The description of what was written. Its promise is that of the checkpoint, which does not
        hold for it: calibrate it again.

    Raises:
        InputError: The folder holds something else, or a package is missing.
        DataError: No image can be read.
        ConfigError: The network cannot be exported.
    """
    if format not in (ONNX, OPENVINO):
        raise InputError(f"--int8: is for onnx and openvino, not for {format}")
    refuse_other_content(output)
    for needed in {ONNX, format}:
        require_writer(needed)
    network = ExportedNetwork(checkpoint, checkpoint.temperature)
    with replaced_folder(output) as folder:
        _quantise(network, folder, images, format, shape)
        references = reference_logits(network, shape)
        exported = Exported(
            folder=folder,
            format=format,
            files=hashes_in(folder, format),
            checkpoint_sha256=checkpoint_sha256,
            precision=INT8,
            preprocessing=network.preprocessing,
            model_temperature=checkpoint.temperature,
            promise_temperature=checkpoint.temperature,
            threshold=checkpoint.threshold,
            references=references,
            tolerance=0.5,
            shape=shape,
            calibration=checkpoint.calibration,
            model=dataclasses.asdict(checkpoint.model),
            provenance=checkpoint.provenance,
            config=checkpoint.config,
        )
        worst = max(_differences(exported))
        exported = dataclasses.replace(exported, tolerance=min(0.5, 2 * worst + SLACK))
        write_metadata(exported)
        accept(folder)
    return dataclasses.replace(exported, folder=output)


def _differences(exported: Exported) -> Iterator[float]:
    """Compute how far each installed back end is from eager torch, as a probability."""
    names = [name for name, row in BACKENDS.items() if exported.format in row.reads]
    for name in (name for name in names if BACKENDS[name].installed):
        segmenter = open_exported(name, exported, 1)
        for shape, kept in zip(reference_shapes(exported.shape), exported.references, strict=True):
            yield difference(kept_points(shape, segmenter(reference_tiles(shape))), kept)


def _quantise(
    network: ExportedNetwork, folder: Path, images: Sequence[Path], format: str, shape: Shape | None
) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as work, _quietly():
        whole, small = Path(work) / "float32.onnx", Path(work) / "int8.onnx"
        write_onnx(network, whole, shape)
        quantize_static(
            whole,
            small,
            _Tiles(images, shape),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_kept_in_float(whole),
            per_channel=True,
            # Without instructions for 8 bits (VNNI), sums of unsigned times signed numbers
            # saturate at 16 bits; 7 bits of weight cannot.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        if format == ONNX:
            shutil.copyfile(small, folder / FILES[ONNX][0])
            return
        from pii_seg.inference.backends.openvino_backend import import_openvino

        openvino = import_openvino()
        model = openvino.convert_model(str(small))
        openvino.save_model(model, str(folder / FILES[OPENVINO][0]), compress_to_fp16=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Hide what the quantiser says of every scale, through the root of all loggers."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def _kept_in_float(path: Path) -> list[str]:
    """Name the first convolution, and those with one output channel, which give logits."""
    import onnx

    graph = onnx.load(str(path)).graph
    channels = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    return [
        node.name
        for place, node in enumerate(convolutions)
        if place == 0 or channels.get(node.input[1]) == 1
    ]


class _Tiles:
    """Reads calibration images as the back end sees them; what ONNX Runtime calls a data reader."""

    def __init__(self, images: Sequence[Path], shape: Shape | None) -> None:
        count = min(MOST_IMAGES, len(images))
        chosen = [images[place * len(images) // count] for place in range(count)]
        self._tiles = iter(_read_tiles(chosen, shape))
        self._first: np.ndarray | None = next(self._tiles, None)
        if self._first is None:
            raise DataError("--int8: none of the calibration images can be read")

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, or None at the end."""
        tiles, self._first = self._first, None
        tiles = next(self._tiles, None) if tiles is None else tiles
        return None if tiles is None else {"tiles": tiles}


def _read_tiles(images: Sequence[Path], shape: Shape | None) -> Iterator[np.ndarray]:
    longest = InferenceSettings().size
    for path in images:
        try:
            image = read_image(path)
        except DataError:
            continue
        height, width = image.shape[:2]
        share = min(1.0, longest / max(height, width))
        sides = (max(1, round(height * share)), max(1, round(width * share)))
        count, sides = (1, sides) if shape is None else (shape[0], shape[1:])
        yield np.repeat(resize_array(image, *sides)[None], count, axis=0)
