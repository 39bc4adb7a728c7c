"""Packs that a recipe names: read, reported, and refused before anything is rendered."""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from blender_addon.packs.pack import PackItem
from blender_addon.recipes.fields import RecipeError
from blender_addon.recipes.toml_io import parse_recipe
from blender_addon.scene import pack_files
from blender_addon.scene.assets import load_assets
from blender_addon.scene.named_packs import packs_hash
from blender_addon.scene.pack_files import credits_of, load_packs
from blender_addon.scene.people import sample_clothes
from blender_addon.scene.sampling import streams
from tests.blender_addon.packs.garment_files import write_garment


def png(grey: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = (b"\0" + bytes([grey] * 2)) * 2
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))  # fmt: skip


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack with a vest by Ada (CC BY 4.0) and a scarf of nobody."""
    folder = tmp_path / "user anna" / "pack"
    for name, head in (("vest", "# author Ada\n# license CC BY 4.0\n"), ("wrap", "")):
        write_garment(folder / "clothes" / name, name, head=head)
        (folder / "clothes" / name / f"{name}.png").write_bytes(png(90))
    return folder


def test_what_is_found_is_counted_with_its_licences(pack: Path) -> None:
    items, found, faults = load_packs([str(pack)])
    assert [item.name for item in items] == ["vest", "wrap"]
    assert found == [
        f"wardrobe.packs: {pack}: 2 items (2 clothes); 1 CC-BY-4.0, 1 of unknown licence"
    ]
    assert faults == []


def test_what_cannot_be_worn_is_named_with_its_reason(pack: Path) -> None:
    (pack / "clothes" / "wrap" / "wrap.png").write_bytes(b"no image")
    (pack / "bad.mhclo").write_text("verts 0\n1 2\n")
    items, _, faults = load_packs([str(pack)])
    assert [item.name for item in items] == ["vest"]
    (fault,) = faults
    assert fault.startswith(f"wardrobe.packs: {pack}: cannot be used: bad.mhclo (")
    assert "clothes/wrap/wrap.mhclo (wrap.png: " in fault
    assert "\n" not in fault


def test_many_faults_are_named_in_part(pack: Path) -> None:
    for number in range(40):
        (pack / f"bad{number:02}.mhclo").write_text("verts 0\n")
    _, _, (fault,) = load_packs([str(pack)])
    assert "bad00.mhclo" in fault and "bad30.mhclo" not in fault and "and 28 more" in fault


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such folder"),
        ({}, "name the folder of an unpacked asset pack"),
        ({"a.mhclo": "verts 0\n"}, r"nothing in it can be worn: a\.mhclo \("),
        ({"readme.txt": "hello"}, "name the folder of an unpacked asset pack"),
    ],
)
def test_a_folder_without_anything_to_wear_is_refused(
    tmp_path: Path, content: dict[str, str] | None, said: str
) -> None:
    folder = tmp_path / "empty"
    for name, text in (content or {}).items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    if content == {}:
        folder.mkdir()
    with pytest.raises(RecipeError, match=f"^wardrobe.packs: .*empty.*{said}"):
        load_packs([str(folder)])


def test_an_item_of_two_packs_counts_once(pack: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(pack, again)
    write_garment(again / "clothes" / "new", "new")
    (again / "clothes" / "new" / "new.png").write_bytes(png(1))
    items, found, _ = load_packs([str(pack), str(again)])
    assert [item.name for item in items] == ["vest", "wrap", "new"]
    assert len(found) == 2


def test_a_pack_is_read_again_only_when_a_file_has_changed(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _, _ = load_packs([str(pack)])
    monkeypatch.setattr(pack_files, "read_pack", None)
    assert load_packs([str(pack)])[0] == before
    os.utime(pack / "clothes" / "vest" / "vest.obj", (5, 5))
    with pytest.raises(TypeError):
        load_packs([str(pack)])


def test_the_hash_follows_contents_and_not_places(pack: Path, tmp_path: Path) -> None:
    before = packs_hash(load_packs([str(pack)])[0])
    moved = tmp_path / "elsewhere"
    shutil.copytree(pack, moved)
    assert packs_hash(load_packs([str(moved)])[0]) == before
    (moved / "clothes" / "vest" / "vest.png").write_bytes(png(91))
    assert packs_hash(load_packs([str(moved)])[0]) != before


def test_credits_name_the_worn_items_without_folders_of_users(pack: Path) -> None:
    items, _, _ = load_packs([str(pack)])
    licences, credits = credits_of([str(items[0].path)] * 2, items)
    assert licences == {"clothes vest": "CC-BY-4.0"}
    assert credits == {"clothes vest": {"author": "Ada", "source": "clothes/vest/vest.mhclo"}}
    assert "anna" not in str(credits_of([str(item.path) for item in items], items))
    assert credits_of(["/other/file"], items) == ({}, {})


def test_items_of_one_name_are_told_apart_by_their_files() -> None:
    items = [
        PackItem("vest", "clothes", Path(f"/{n}.mhclo"), f"{n}.mhclo#1", licence=f"L{n}")
        for n in (1, 2)
    ]
    licences, _ = credits_of([str(item.path) for item in items], items)
    assert licences == {"clothes vest (1.mhclo)": "L1", "clothes vest (2.mhclo)": "L2"}


def test_the_image_of_a_skin_is_credited() -> None:
    skin = PackItem("pale", "skin", Path("/pale.mhmat"), "pale.mhmat#1", image=Path("/pale.jpg"))
    assert credits_of(["/pale.jpg"], [skin])[0] == {"skin pale": "unknown"}


def recipe(pack: Path, **wardrobe: Any) -> Any:
    sections = {"wardrobe": {"packs": [str(pack)], **wardrobe}}
    return parse_recipe(sections, name="packs", folder=Path(), where="test")


def test_persons_are_dressed_from_the_packs_of_a_recipe(pack: Path) -> None:
    chosen = recipe(pack, style="mesh", pack_share=1.0)
    assets = load_assets(chosen)
    outfits = [
        sample_clothes(chosen, assets, streams(chosen, 0, i), 0, "default", 30.0, 0.0)
        for i in range(8)
    ]
    files = {item.source for outfit in outfits for item in outfit.items if item.source}
    assert files <= {str(item.path) for item in assets.packs}
    assert files


def test_skins_are_worn_by_the_default_body_alone(pack: Path) -> None:
    (pack / "skins").mkdir()
    (pack / "skins" / "pale.png").write_bytes(png(200))
    (pack / "skins" / "pale.mhmat").write_text("name pale\ndiffuseTexture pale.png\n")
    chosen = recipe(pack, style="mesh", pack_share=1.0)
    assets = load_assets(chosen)
    other = dataclasses.replace(assets, bodies={**assets.bodies, "x": assets.bodies["default"]})
    skins = {
        model: {
            sample_clothes(chosen, other, streams(chosen, 0, i), 0, model, 30.0, 0.0).skin_image
            for i in range(8)
        }
        for model in ("default", "x")
    }
    assert str(pack / "skins" / "pale.png") in skins["default"]
    assert skins["x"] == {""}


def test_packs_in_the_painted_style_are_said_to_be_unused(pack: Path) -> None:
    assets = load_assets(recipe(pack))
    assert 'nobody wears them; set wardrobe.style to "mesh"' in assets.notes[-1]


def test_without_packs_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_files, "read_pack", None)
    assert load_assets(parse_recipe({}, name="no", folder=Path(), where="test")).packs == ()
