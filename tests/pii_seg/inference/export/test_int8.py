"""Exports in 8 bits are near their checkpoint, and a gate refuses those that lose persons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pii_seg.errors import CheckpointError, DataError, InputError
from pii_seg.evaluation.int8_gate import GateResult, require_passed
from pii_seg.inference.backends.torch_backend import eager_segmenter
from pii_seg.inference.export.int8 import write_int8
from pii_seg.inference.exported import load_exported
from pii_seg.inference.loading import load_segmenter
from tests.pii_seg.exports import Exports, tiles


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        Image.fromarray(tiles(1, 48, 64, seed=number)[0]).save(path)
    return paths


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_eight_bits_are_near_the_checkpoint(
    exports: Exports, tmp_path: Path, images: list[Path], format: str
) -> None:
    write_int8(exports.checkpoint, "0" * 64, images, tmp_path / "small", format)
    exported = load_exported(tmp_path / "small")
    assert exported.precision == "int8"
    loaded = load_segmenter(tmp_path / "small", backend="auto")
    assert loaded.engine["precision"] == "int8"
    given = tiles(1, 40, 72)
    expected = eager_segmenter(exports.checkpoint)(given) / 0.25
    difference = np.abs(loaded.segmenter(given) - expected)
    assert 0 < difference.mean() < 0.25 * expected.std()
    assert len(np.unique(loaded.segmenter(given))) > 1000  # logits are not of 8 bits


def test_what_cannot_be_quantised_is_refused(
    exports: Exports, tmp_path: Path, images: list[Path]
) -> None:
    with pytest.raises(InputError, match="not for torchscript"):
        write_int8(exports.checkpoint, "0", images, tmp_path / "a", "torchscript")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match="none of the calibration images"):
        write_int8(exports.checkpoint, "0", [tmp_path / "text.png"], tmp_path / "a", "onnx")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("recall", "false_area", "passes"),
    [
        ((0.95, 0.95), (0.01, 0.01), True),
        ((0.95, 0.948), (0.01, 0.012), True),
        ((0.95, 0.99), (0.01, 0.0), True),
        ((0.95, 0.946), (0.01, 0.01), False),
        ((0.95, 0.95), (0.01, 0.014), False),
        ((float("nan"), float("nan")), (0.01, 0.01), False),
    ],
)
def test_the_gate_is_about_persons_lost_and_false_area(
    recall: tuple[float, float], false_area: tuple[float, float], passes: bool
) -> None:
    result = GateResult(recall, false_area)
    assert result.passed is passes
    if not passes:
        with pytest.raises(CheckpointError, match="Nothing was written"):
            require_passed(result)
