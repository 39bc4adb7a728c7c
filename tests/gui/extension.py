"""The extension's zip, as `make extension` builds it from the files that stand here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def build_zip(folder: Path) -> Path:
    """Build it into `folder` with the builder in pip's bpy. Raises RuntimeError with its output."""
    bpy = importlib.util.find_spec(
        "bpy"
    )  # found, not imported: its Blender is not wanted in this process
    assert bpy is not None and bpy.origin is not None, "pip's bpy is not installed"
    (builder,) = Path(bpy.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    command = [
        sys.executable,
        str(builder),
        "build",
        "--source-dir",
        str(REPOSITORY),
        "--output-dir",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the extension does not build: {done.stdout}{done.stderr}")
    (zip_file,) = folder.glob("*.zip")
    return zip_file
