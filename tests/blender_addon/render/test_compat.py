from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from blender_addon.render import compat, devices


def run(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path[:0] = {[str(p) for p in path]!r}\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


IMPORT = "from blender_addon.render.compat import import_bpy; import_bpy()"


def test_importing_bpy_is_silent() -> None:
    done = run(IMPORT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_error_without_bpy_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bpy", raising=False)
    monkeypatch.setattr("sys.meta_path", [])
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ImportError, match=r"bpy is not installed: uv pip install .*inside Blender"):
        compat.import_bpy()


def test_other_errors_of_the_import_pass_through(tmp_path: Path) -> None:
    (tmp_path / "bpy.py").write_text("import a_module_that_bpy_needs")
    done = run(IMPORT, tmp_path)
    assert done.returncode == 1
    assert "a_module_that_bpy_needs" in done.stderr
    assert "not installed" not in done.stderr


def test_other_words_of_the_import_are_shown(tmp_path: Path) -> None:
    (tmp_path / "bpy.py").write_text(
        "import sys; print('hello'); print('a real warning', file=sys.stderr)"
    )
    done = run(IMPORT, tmp_path)
    assert (done.stdout, done.stderr) == ("hello\n", "a real warning\n")


def test_inside_blender_its_own_bpy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    own = types.ModuleType("bpy")
    monkeypatch.setitem(sys.modules, "bpy", own)
    assert compat.import_bpy() is own


def test_image_settings_of_both_generations_get_one_uncompressed_part(bpy: Any) -> None:
    settings = bpy.data.scenes.new("compat test").render.image_settings
    compat.set_multilayer_exr(settings)
    found = (settings.file_format, settings.color_depth, settings.exr_codec)
    bpy.data.scenes.remove(bpy.data.scenes["compat test"])
    assert found == ("OPEN_EXR_MULTILAYER", "32", "NONE")
    newer = types.SimpleNamespace(media_type="IMAGE", use_exr_interleave=False)
    compat.set_multilayer_exr(newer)
    assert (newer.media_type, newer.use_exr_interleave) == ("MULTI_LAYER_IMAGE", True)


def test_a_material_has_nodes_in_every_version(bpy: Any) -> None:
    material = bpy.data.materials.new("compat test")
    tree = compat.use_nodes(material)
    assert tree == material.node_tree
    assert len(tree.nodes)
    bpy.data.materials.remove(material)


OTHER_COLOURS = """\
ocio_profile_version: 1
strictparsing: true
roles: {default: raw, scene_linear: linear, data: raw}
displays:
  screen:
    - !<View> {name: plain, colorspace: raw}
active_displays: [screen]
active_views: [plain]
colorspaces:
  - !<ColorSpace> {name: linear, bitdepth: 32f}
  - !<ColorSpace> {name: raw, isdata: true, bitdepth: 32f}
"""


def test_colours_of_another_configuration_are_ignored_where_bpy_is_loaded(tmp_path):
    """A studio sets OCIO for all its programs. It has no colour space named sRGB."""
    (tmp_path / "studio.ocio").write_text(OTHER_COLOURS)
    code = (
        "from blender_addon.render.compat import import_bpy\n"
        "bpy = import_bpy()\n"
        "bpy.data.images.new('a', 1, 1).colorspace_settings.name = 'sRGB'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"OCIO": str(tmp_path / "studio.ocio")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "note: OCIO is ignored" in done.stderr
    assert str(tmp_path) not in done.stdout


def test_blender_that_was_started_with_other_colours_is_refused(tmp_path, monkeypatch):
    bpy = compat.import_bpy()
    config = tmp_path / "studio.ocio"
    config.write_text(OTHER_COLOURS)
    monkeypatch.setenv("OCIO", str(config))
    with pytest.raises(devices.DeviceError, match=r"OCIO=.*studio\.ocio.*env -u OCIO"):
        devices.pick_device("cpu")
    assert "OCIO" not in compat.environment_of_a_batch()
    own = Path(bpy.utils.system_resource("DATAFILES", path="colormanagement")) / "config.ocio"
    config.write_bytes(own.read_bytes())
    assert devices.pick_device("cpu").kind == "CPU"
    monkeypatch.setenv("OCIO", str(tmp_path / "none.ocio"))
    assert devices.pick_device("cpu").kind == "CPU"
