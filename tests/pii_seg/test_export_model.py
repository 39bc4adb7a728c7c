"""The command that exports a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pii_seg.export_model import main
from pii_seg.inference.exported import load_exported
from tests.pii_seg.exports import Exports, small_checkpoint, tiles


def test_it_writes_an_export(
    exports: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(exports.path), "--to", "onnx", "--output", str(tmp_path / "x")]
    assert main(arguments) == 0
    exported = load_exported(tmp_path / "x")
    assert exported.checkpoint_sha256 == exports.by_format["onnx"].checkpoint_sha256
    assert "onnx, float32" in capsys.readouterr().out


def test_a_calibration_for_another_back_end_is_warned_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_checkpoint(tmp_path / "c.ckpt", calibration={"promise": {}})
    arguments = ["--checkpoint", str(tmp_path / "c.ckpt"), "--to", "onnx"]
    assert main([*arguments, "--output", str(tmp_path / "x")]) == 0
    assert "calibrated for torch" in capsys.readouterr().err


def test_eight_bits_that_lose_persons_are_not_written(
    exports: Exports,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(tiles(1, 48, 64)[0]).save(tmp_path / "images" / "a.png")
    arguments = ["--checkpoint", str(exports.path), "--to", "onnx", "--output", str(tmp_path / "x")]
    arguments += ["--int8", str(tmp_path / "images"), "--gate", str(dataset)]
    monkeypatch.setattr("pii_seg.evaluation.int8_gate.MOST_LOST", -1.0)
    assert main(arguments) == 2
    assert "8 bits change too much: pixel recall" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    monkeypatch.setattr("pii_seg.evaluation.int8_gate.MOST_LOST", 1.0)
    monkeypatch.setattr("pii_seg.evaluation.int8_gate.MOST_FALSE", 1.0)
    assert main(arguments) == 0
    assert load_exported(tmp_path / "x").precision == "int8"
    assert "pixel recall" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--to", "tflite"], "tflite"),
        (["--to", "onnx", "--shape", "640x480"], "BATCHxHEIGHTxWIDTH"),
        (["--to", "onnx", "--shape", "0x640x480"], "at least 1"),
        (["--to", "onnx", "--gate", "DIR"], "--gate"),
    ],
)
def test_wrong_arguments_are_refused(
    exports: Exports, tmp_path: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(exports.path), "--output", str(tmp_path / "x"), *more]
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
