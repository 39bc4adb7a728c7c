"""The commands load only the libraries that they need: torch alone takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pii_seg.__main__ import COMMANDS
from pii_seg.config import SIZES
from pii_seg.models.checkpoint import Checkpoint, save_checkpoint
from pii_seg.models.networks import build_network
from pii_seg.models.segmenter import Segmenter
from tests.pii_seg.anonymize.conftest import SOURCES
from tests.pii_seg.exports import Exports

ROOT = Path(__file__).resolve().parents[3]
NEVER = {
    "matplotlib",
    "diffusers",
    "transformers",
    "pytorch_lightning",
    "torchmetrics",
    "tensorboard",
}
HEAVY = {*NEVER, "torch", "timm", "segmentation_models_pytorch", "torchvision", "av", "rich"}
PROGRAM = """
import runpy, sys
module, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
print("loaded:", *{name.partition(".")[0] for name in sys.modules})
"""


def loaded_by(module: str, *arguments: str) -> set[str]:
    """Run a module in a fresh Python, and return the top-level packages that it imports."""
    command = [sys.executable, "-c", PROGRAM, module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("loaded:")
    return set(last.split()[1:])


@pytest.mark.parametrize("module", [module for module, _ in COMMANDS.values()])
def test_help_loads_no_heavy_library(module: str) -> None:
    assert loaded_by(module, "--help") & HEAVY == set()


def test_a_run_of_an_export_loads_no_torch(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    arguments = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out")]
    arguments += ["--checkpoint", str(exports.by_format["onnx"].folder)]
    loaded = loaded_by("pii_seg.anonymize", *arguments, "--backend", "onnxruntime")
    assert (tmp_path / "out" / "a.png").is_file()
    assert loaded & {*NEVER, "torch", "timm", "av", "openvino"} == set()


def test_a_run_loads_only_what_it_needs(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    network = build_network(SIZES["tiny"], generator=generator, pretrained=False)
    checkpoint = tmp_path / "best.ckpt"
    save_checkpoint(checkpoint, Checkpoint(SIZES["tiny"], Segmenter(network).state_dict()))
    (tmp_path / "a.png").write_bytes(SOURCES["png"])
    arguments = [str(tmp_path / "a.png"), "--output", str(tmp_path / "out")]
    loaded = loaded_by("pii_seg.anonymize", *arguments, "--checkpoint", str(checkpoint))
    assert (tmp_path / "out" / "a.png").is_file()
    assert "torch" in loaded
    assert loaded & {*NEVER, "av", "segmentation_models_pytorch"} == set()
