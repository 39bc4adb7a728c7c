"""Exports give the probabilities of eager torch, for tiles of any size, or are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pii_seg.errors import CheckpointError, ConfigError, DataError, InputError
from pii_seg.inference.backends import BACKENDS, open_exported
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.export import network as network_module
from pii_seg.inference.export.write import write_export
from pii_seg.inference.exported import TOLERANCE, difference, load_exported
from pii_seg.inference.loading import load_segmenter
from pii_seg.inference.tiling import predict_probability
from pii_seg.models.checkpoint import Checkpoint
from tests.pii_seg.exports import Exports, tiles

PAIRS = [(name, fmt) for name, row in BACKENDS.items() for fmt in row.reads]


@pytest.mark.parametrize(("backend", "format"), PAIRS)
def test_logits_are_those_of_torch_at_any_size(exports: Exports, backend: str, format: str) -> None:
    eager = eager_segmenter(exports.checkpoint)
    segmenter = open_exported(backend, exports.by_format[format], 1)
    for shape in ((1, 32, 48), (3, 33, 47), (1, 5, 3), (2, 100, 64)):
        given = tiles(*shape)
        found = segmenter(given)
        assert (found.dtype, found.shape) == (np.float32, shape)
        expected = eager(given) / exports.checkpoint.temperature
        assert difference(found, expected) <= TOLERANCE
    assert np.ptp(expected) > 0.1


def test_the_description_holds_what_is_needed_to_use_it(exports: Exports) -> None:
    exported = load_exported(exports.by_format["onnx"].folder)
    assert exported.classes == ("person",)
    assert exported.precision == "float32"
    assert (exported.threshold, exported.model_temperature, exported.temperature) == (0.4, 0.25, 1)
    assert exported.preprocessing["mean"] == [123.675, 116.28, 103.53]
    loaded = load_segmenter(exported.folder, backend="onnxruntime")
    image = tiles(1, 40, 60)[0]
    found = predict_probability(loaded.segmenter, image, temperature=loaded.temperature)
    eager = eager_segmenter(exports.checkpoint)
    np.testing.assert_allclose(
        found, predict_probability(eager, image, temperature=0.25), atol=TOLERANCE
    )


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_fixed_shape_takes_any_number_of_its_tiles_and_no_others(
    exports: Exports, tmp_path: Path, format: str
) -> None:
    folder = tmp_path / "fixed"
    written = write_export(exports.checkpoint, "0" * 64, folder, format, shape=(2, 48, 64))
    assert load_exported(folder).shape == written.shape == (2, 48, 64)
    loaded = load_segmenter(folder)
    given = tiles(3, 48, 64)
    expected = eager_segmenter(exports.checkpoint)(given) / 0.25
    assert difference(loaded.segmenter(given), expected) <= TOLERANCE
    with pytest.raises(DataError, match=r"64 x 48 px, got 48 x 48.*--shape"):
        loaded.segmenter(tiles(1, 48, 48))


def test_torchscript_is_written_for_other_programs(exports: Exports, tmp_path: Path) -> None:
    written = write_export(exports.checkpoint, "0" * 64, tmp_path / "script", "torchscript")
    given = tiles(2, 33, 47)
    found = torch.jit.load(str(written.model_file))(torch.from_numpy(given)).numpy()
    assert difference(found, eager_segmenter(exports.checkpoint)(given) / 0.25) <= TOLERANCE
    with pytest.raises(InputError, match="holds code"):
        load_segmenter(tmp_path / "script", backend="auto")
    with pytest.raises(InputError, match="any size"):
        write_export(
            exports.checkpoint, "0" * 64, tmp_path / "fixed", "torchscript", shape=(1, 32, 32)
        )


def test_an_export_that_differs_is_refused_and_leaves_nothing(
    exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault has happened to others: an exported resize was not the original's."""
    right = network_module.trace

    def wrong(network, example):
        network.temperature *= 1.01
        try:
            return right(network, example)
        finally:
            network.temperature /= 1.01

    monkeypatch.setattr("pii_seg.inference.export.write.trace", wrong)
    with pytest.raises(CheckpointError, match="differ from those of the checkpoint"):
        write_export(exports.checkpoint, "0" * 64, tmp_path / "openvino", "openvino")
    assert list(tmp_path.iterdir()) == []


def test_only_exports_are_replaced(exports: Exports, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(exports.by_format["openvino"].folder, export)
    write_export(exports.checkpoint, "1" * 64, export, "onnx")
    assert sorted(p.name for p in export.iterdir()) == ["model.onnx", "segmenter.json"]
    assert load_exported(export).checkpoint_sha256 == "1" * 64
    (export / "notes.txt").write_text("mine")
    other = tmp_path / "other"
    other.mkdir()
    (other / "photo.jpg").write_bytes(b"")
    for folder, said in ((export, "notes.txt"), (other, "no export")):
        with pytest.raises(InputError, match=said):
            write_export(exports.checkpoint, "0" * 64, folder, "onnx")
    assert (export / "notes.txt").read_text() == "mine"


def test_a_network_at_another_scale_is_refused(exports: Exports, tmp_path: Path) -> None:
    from dataclasses import replace

    model = replace(exports.checkpoint.model, scale=0.5)
    with pytest.raises(ConfigError, match=r"model\.scale is 0\.5"):
        write_export(
            Checkpoint(model, exports.checkpoint.weights), "0" * 64, tmp_path / "x", "onnx"
        )
