"""The built wheel removes the people of an image, with nothing else of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PARTS = ("blender_addon", "pii_seg", "diffusion_synth")
WITHOUT_NETWORK = """
import socket, sys
def refuse(*arguments, **options):
    raise OSError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import pii_seg
assert "unpacked" in pii_seg.__file__, pii_seg.__file__
from pii_seg.__main__ import main
sys.exit(main(["anonymize", "photos", "--output", "safe"]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PARTS:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE.md"):
        shutil.copyfile(ROOT / name, source / name)
    shutil.copytree(ROOT / "LICENSES", source / "LICENSES")
    build = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_holds_each_bundled_segmenter(unpacked: Path) -> None:
    bundled = Path("pii_seg") / "bundled"
    files = [p.relative_to(ROOT) for p in (ROOT / bundled).rglob("*") if p.is_file()]
    assert files
    for path in files:
        assert (unpacked / path).read_bytes() == (ROOT / path).read_bytes(), path


def test_the_wheel_anonymises_offline_without_a_checkpoint(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photos" / "a.png")
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PII_SEG_CACHE": "none"}
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "safe" / "a.png") as image:
        assert image.size == (160, 120)
