"""Packs in the preferences and in the sidebar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import blender_addon
from blender_addon.scene import named_packs
from blender_addon.ui import pack_folders
from blender_addon.ui.operators import packs as packs_operators
from blender_addon.ui.panels import packs as packs_panel
from blender_addon.ui.preferences import Defaults
from tests.blender_addon.packs.garment_files import write_garment
from tests.blender_addon.scene.test_pack_files import png
from tests.blender_addon.ui.layout import Layout


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    blender_addon.register()
    yield
    blender_addon.unregister()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "my pack"
    write_garment(folder / "clothes" / "vest", "vest", head="# license CC0\n")
    (folder / "clothes" / "vest" / "vest.png").write_bytes(png(9))
    (folder / "bad.mhclo").write_text("verts 0\n")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    named_packs._LATEST.clear()
    return folder


def wardrobe() -> Any:
    return bpy.context.scene.pii_synth.recipe.wardrobe


def preferences(*folders: Path, use_mpfb: bool = True) -> Any:
    packs = [SimpleNamespace(path=str(folder)) for folder in folders]
    return SimpleNamespace(**{**vars(Defaults()), "packs": packs, "use_mpfb": use_mpfb})


def panel_text() -> str:
    layout = Layout(bpy)
    panel = SimpleNamespace(layout=layout)
    panel._pack = lambda context, path: packs_panel.PII_SYNTH_PT_packs._pack(panel, context, path)
    packs_panel.PII_SYNTH_PT_packs.draw(panel, bpy.context)
    return layout.said().replace(" | ", " ")


@pytest.mark.parametrize(
    "place", [".user/blender_org/mpfb/data", ".user/user_default/mpfb/mpfb/data"]
)
def test_mpfb_s_folder_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind: str(tmp_path))
    monkeypatch.setattr(bpy.utils, "resource_path", lambda kind: str(tmp_path / "user"))
    assert pack_folders.mpfb_folder() is None
    (tmp_path / place / "clothes").mkdir(parents=True)
    assert pack_folders.mpfb_folder() == tmp_path / place


def test_the_older_add_on_s_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpy.utils, "user_resource", lambda kind: "")
    monkeypatch.setattr(bpy.utils, "resource_path", lambda kind: str(tmp_path))
    (tmp_path / "mpfb" / "data" / "skins").mkdir(parents=True)
    assert pack_folders.mpfb_folder() == tmp_path / "mpfb" / "data"


def test_folders_that_are_gone_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mpfb = tmp_path / "there", tmp_path / "mpfb"
    there.mkdir()
    mpfb.mkdir()
    monkeypatch.setattr(pack_folders, "mpfb_folder", lambda: mpfb)
    listed = preferences(there, tmp_path / "gone", there)
    assert pack_folders.pack_folders(listed) == [there, mpfb]
    listed.use_mpfb = False
    assert pack_folders.pack_folders(listed) == [there]


def test_the_recipe_takes_the_packs_of_the_preferences(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = preferences(pack, use_mpfb=False)
    monkeypatch.setattr(packs_operators, "preferences", lambda context: own)
    for _ in range(2):  # a second time adds nothing
        assert bpy.ops.pii_synth.use_packs() == {"FINISHED"}
    assert [item.path for item in wardrobe().packs.paths] == [str(pack)]
    assert wardrobe().style == "mesh"
    assert "1 item (1 clothes); 1 CC0-1.0" in panel_text()


def test_without_packs_the_button_is_grey_and_says_why(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = preferences(use_mpfb=False)
    monkeypatch.setattr(packs_operators, "preferences", lambda context: own)
    assert not bpy.ops.pii_synth.use_packs.poll()
    assert "The recipe names no pack" in panel_text()


def test_the_panel_shows_counts_and_what_cannot_be_used(pack: Path) -> None:
    wardrobe().packs.paths.add().path = str(pack)
    assert "Not read yet" in panel_text()
    assert bpy.ops.pii_synth.read_packs() == {"FINISHED"}
    text = panel_text()
    assert "my pack" in text and "1 item (1 clothes)" in text and "bad.mhclo: " in text


def test_a_folder_without_items_is_an_error_in_one_line(tmp_path: Path, pack: Path) -> None:
    wardrobe().packs.paths.add().path = str(tmp_path / "gone")
    with pytest.raises(RuntimeError, match=r"wardrobe\.packs: .*gone.*no such folder"):
        bpy.ops.pii_synth.read_packs()


def test_folders_are_added_to_and_removed_from_the_preferences(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = SimpleNamespace(packs=wardrobe().packs.paths)  # a collection of paths, like theirs
    monkeypatch.setattr(packs_operators, "preferences", lambda context: own)
    for _ in range(2):
        assert bpy.ops.pii_synth.add_pack_folder(directory=str(pack)) == {"FINISHED"}
    assert [item.path for item in own.packs] == [str(pack)]
    with pytest.raises(RuntimeError, match="no such folder"):
        bpy.ops.pii_synth.add_pack_folder(directory=str(pack / "gone"))
    with pytest.raises(RuntimeError, match="no folder 4"):
        bpy.ops.pii_synth.remove_pack_folder(index=4)
    assert bpy.ops.pii_synth.remove_pack_folder(index=0) == {"FINISHED"}
    assert len(own.packs) == 0
