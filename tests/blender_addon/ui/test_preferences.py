"""The preferences are the defaults when only registered, and the user's when installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import blender_addon
from blender_addon.render import compat
from blender_addon.render.devices import CHOICES


@pytest.fixture
def bpy() -> Iterator[Any]:
    bpy = compat.import_bpy()
    bpy.ops.wm.read_factory_settings()
    blender_addon.register()
    yield bpy
    blender_addon.unregister()


@pytest.fixture
def module(bpy: Any) -> Any:
    from blender_addon.ui import preferences

    return preferences


def context_with(bpy: Any, module: Any, **values: Any) -> Any:
    """A context whose user set these preferences."""
    own = SimpleNamespace(**vars(module.Defaults()) | values)
    addons = {module.ADDON: SimpleNamespace(preferences=own)}
    return SimpleNamespace(preferences=SimpleNamespace(addons=addons), scene=bpy.context.scene)


def test_not_installed_everything_is_at_its_default(bpy, module):
    assert module.preferences(bpy.context) == module.Defaults()
    assert [module.folder(bpy.context, kind) for kind in module.FOLDERS] == [None] * 7
    assert module.default_output(bpy.context) == Path.home() / "pii_synth"
    assert module.device_name(bpy.context) == "auto"


def test_defaults_are_those_that_blender_shows(module):
    properties = module.Preferences.bl_rna.properties
    values = {name: value for name, value in vars(module.Defaults()).items() if name != "packs"}
    assert {name: properties[name].default for name in values} == values
    assert properties["packs"].type == "COLLECTION" and module.Defaults().packs == ()
    assert set(module.FOLDERS) < set(values)
    assert properties["device"].enum_items.keys() == list(CHOICES)


def test_the_user_s_choices_are_taken(bpy, module, tmp_path):
    context = context_with(bpy, module, motions=str(tmp_path), output="~/mine", device="cpu")
    assert module.folder(context, "motions") == tmp_path
    assert module.folder(context, "bodies") is None
    assert module.default_output(context) == Path.home() / "mine"
    assert module.device_name(context) == "cpu"
    context.scene.pii_synth.device = "cuda"
    assert module.device_name(context) == "cuda"


def test_an_output_that_was_emptied_is_the_default(bpy, module):
    assert module.default_output(context_with(bpy, module, output="")) == Path.home() / "pii_synth"


def test_an_unknown_kind_of_folder_is_an_error(bpy, module):
    with pytest.raises(KeyError, match="output"):
        module.folder(bpy.context, "output")


def test_two_slashes_are_the_blend_s_folder(bpy, module, tmp_path):
    context = context_with(bpy, module, hdris="//sky")
    with pytest.raises(ValueError, match=r"^//sky: save the \.blend first"):
        module.folder(context, "hdris")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert module.folder(context, "hdris") == tmp_path / "sky"


def test_detect_lists_the_devices(bpy, module):
    assert module._devices_found == ""
    assert bpy.ops.pii_synth.detect_devices() == {"FINISHED"}
    assert "cpu (" in module._devices_found


def test_detect_rejects_a_missing_device(bpy, module, monkeypatch):
    monkeypatch.setattr(module, "present_devices", lambda: {"CPU": ("Old One",)})
    monkeypatch.setattr(module, "preferences", lambda context: module.Defaults(device="metal"))
    with pytest.raises(
        RuntimeError, match=r"no metal device on this machine; there is: cpu \(Old One\)"
    ):
        bpy.ops.pii_synth.detect_devices()
