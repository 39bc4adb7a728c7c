"""`pii-synth`: each subcommand is what its module's own command line is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blender_addon.command import COMMANDS, main
from blender_addon.dataset import DatasetWriter
from blender_addon.render.image_files import encode_png, read_image

ROOT = Path(__file__).resolve().parents[2]


def test_help_lists_the_commands_without_numpy_or_blender() -> None:
    program = (
        "import sys; from blender_addon.command import main; code = main(['--help']); "
        "print(code, *sorted({'numpy', 'bpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
    for name, (doc, _) in COMMANDS.items():
        assert name in done.stdout and doc in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main([name, "--help"])
    except SystemExit as leave:
        code = int(leave.code or 0)
    assert code == 0
    assert f"usage: pii-synth {name}" in capsys.readouterr().out


def test_a_wrong_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paint"]) == 2
    assert main([]) == 2
    assert "batch" in capsys.readouterr().err


def test_batch_prints_specs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", "--preset", "close", "--dry-run", "--count", "1"]) == 0
    assert capsys.readouterr().out.startswith("{")


def test_contact_sheet_of_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = DatasetWriter(tmp_path / "pairs", {"seed": 0, "count": 1})
    files = {
        "images/000000.png": encode_png(np.full((8, 8, 3), 99, np.uint8)),
        "masks/000000.png": encode_png(np.eye(8, dtype=np.uint8)),
    }
    image, mask = files
    writer.add({"file_name": image, "mask_file_name": mask, "index": 0}, files)
    assert main(["contact-sheet", str(tmp_path / "pairs")]) == 0
    sheet = Path(capsys.readouterr().out.strip())
    assert read_image(sheet).shape[0] > 200


def test_a_contact_sheet_needs_a_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contact-sheet", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "not a dataset" in error
