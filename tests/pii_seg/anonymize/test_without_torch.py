"""The anonymiser runs from an export where torch is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pii_seg.exports import Exports, tiles

ROOT = Path(__file__).resolve().parents[3]
ABSENT = (
    "torch",
    "torchvision",
    "timm",
    "pytorch_lightning",
    "segmentation_models_pytorch",
    "diffusers",
    "transformers",
    "safetensors",
    "matplotlib",
)
# None in place of a module makes its import fail as if it were not installed.
PROGRAM = """
import sys
for name in {absent!r}:
    sys.modules[name] = None
from pii_seg.{module} import main
sys.exit(main(sys.argv[1:]))
"""


def run_without(module: str, absent: tuple[str, ...], *arguments: str) -> None:
    program = PROGRAM.format(absent=absent, module=module)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("backend", "format", "other"),
    [("onnxruntime", "onnx", "openvino"), ("openvino", "openvino", "onnxruntime")],
)
def test_a_photo_is_anonymised_without_torch(
    exports: Exports, tmp_path: Path, backend: str, format: str, other: str
) -> None:
    Image.fromarray(tiles(1, 48, 64)[0]).save(tmp_path / "photo.png")
    out = tmp_path / "out"
    export = exports.by_format[format].folder
    arguments = [str(tmp_path / "photo.png"), "--output", str(out), "--checkpoint", str(export)]
    arguments += ["--backend", "auto"]
    run_without("anonymize.__main__", (*ABSENT, other), *arguments)
    model = json.loads((out / "audit.json").read_text())["model"]
    assert model["engine"]["backend"] == backend
    assert model["engine"]["precision"] == "float32"
    before, after = (np.asarray(Image.open(p / "photo.png")) for p in (tmp_path, out))
    assert (before != after).any()


def test_masks_are_predicted_without_torch(exports: Exports, tmp_path: Path) -> None:
    Image.fromarray(tiles(1, 48, 64)[0]).save(tmp_path / "photo.png")
    export = exports.by_format["onnx"].folder
    arguments = [str(tmp_path / "photo.png"), "--output", str(tmp_path / "out")]
    arguments += ["--checkpoint", str(export), "--backend", "onnxruntime"]
    run_without("predict", ABSENT, *arguments)
    assert (tmp_path / "out" / "masks" / "photo.png").is_file()
