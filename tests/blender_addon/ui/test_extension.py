"""The extension's zip is built, validated and installed by Blender's own tools."""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def blender_ext(*arguments: str) -> str:
    """Run Blender's extension tool, which needs no Blender, and return what it printed."""
    (tool,) = Path(find_spec("bpy").origin).parent.glob(
        "*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    )
    command = [sys.executable, str(tool), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def zip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("extension") / "pii_synth.zip"
    compileall.compile_dir(
        ROOT / "blender_addon" / "ui", quiet=1
    )  # a used checkout holds __pycache__ folders
    blender_ext("build", "--source-dir", str(ROOT), "--output-filepath", str(path))
    return path


def test_blender_finds_nothing_wrong_with_the_zip(zip_path: Path) -> None:
    report = blender_ext("validate", str(zip_path))
    assert "Success" in report
    assert "warning" not in report.lower()


def test_zip_holds_the_extension_and_nothing_else(zip_path: Path) -> None:
    with zipfile.ZipFile(zip_path) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    studio = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "blender_addon").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    licences = {path.relative_to(ROOT).as_posix() for path in (ROOT / "LICENSES").iterdir()}
    assert names == {"blender_manifest.toml", "__init__.py", *licences, *studio}
    assert {
        "blender_addon/bodies/data/default_body.npz",
        "blender_addon/bodies/poses.toml",
        "blender_addon/recipes/presets/everyday.toml",
        "blender_addon/recipes/presets/street.toml",
        "blender_addon/recipes/presets/close.toml",
        "blender_addon/recipes/presets/surreal.toml",
        "blender_addon/recipes/presets/phone.toml",
    } <= names


IN_BLENDER = """
import json, sys
import bpy

bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True, overwrite=True
)
name = "bl_ext.user_default.pii_synth"
enabled = name in bpy.context.preferences.addons
module = sys.modules[name]

import importlib
command = importlib.import_module(name + ".blender_addon.ui.command")
batch_before = name + ".blender_addon.batch" in sys.modules
handles = [command._handle is not None]
for _ in range(3):  # as updates and clicks on the tick box do
    bpy.ops.preferences.addon_disable(module=name)
    handles.append(command._handle is not None)
    bpy.ops.preferences.addon_enable(module=name)
    handles.append(sys.modules[command.__name__]._handle is not None)
try:
    code = importlib.import_module(command.__name__).run(
        ["--preset", "everyday", "--count", "1", "--dry-run", "--output", sys.argv[2]]
    )
except SystemExit as end:
    code = end.code
print("RESULT " + json.dumps({
    "enabled": enabled, "batch_before": batch_before, "handles": handles, "code": code,
    "absolute": sorted(m for m in sys.modules if m.split(".")[0] == "blender_addon"),
}))
"""


def test_installed_extension_registers_repeatedly_and_runs_its_command(
    zip_path: Path, tmp_path: Path
) -> None:
    resources = tmp_path / "blender"
    resources.mkdir()  # without it Blender would use the home directory, without a warning
    output = tmp_path / "dataset"
    done = subprocess.run(
        [sys.executable, "-c", IN_BLENDER, str(zip_path), str(output)],
        cwd=tmp_path,  # so that the checkout cannot stand in for the installed package
        env={
            **os.environ,
            "BLENDER_USER_RESOURCES": str(resources),
            "PYTHONPATH": "",
            "PYTHONSAFEPATH": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert results, done.stdout + done.stderr
    result = json.loads(results[0].removeprefix("RESULT "))
    assert result["enabled"]
    assert not result["batch_before"], (
        "enabling the extension loads everything; it should wait for the first use"
    )
    assert result["handles"] == [True] + [False, True] * 3
    assert result["absolute"] == [], "something was imported from outside the installed extension"
    assert result["code"] == 0, done.stdout + done.stderr
    assert not output.exists(), "--dry-run writes nothing"
    assert list(resources.rglob("pii_synth/blender_manifest.toml"))
