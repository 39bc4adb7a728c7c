"""A pack's items are found with kind, licence and images; what cannot be used is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blender_addon.packs.headers import known_licence
from blender_addon.packs.kinds import gender_of, kind_of
from blender_addon.packs.pack import Pack, PackItem, read_pack
from blender_addon.packs.text_files import PackError
from tests.blender_addon.packs.garment_files import write_garment


def only(pack: Pack) -> PackItem:
    assert len(pack.items) == 1, pack.unusable
    return pack.items[0]


def test_a_garment_of_a_pack(garment: Path) -> None:
    item = only(read_pack(garment.parents[2]))
    assert (item.name, item.kind, item.gender, item.path) == ("vest", "clothes", "female", garment)
    assert item.key.startswith("clothes/vest/vest.mhclo#")
    assert item.image == garment.with_suffix(".png")
    assert [p.suffix for p in item.files] == [".mhclo", ".obj", ".mhmat", ".png"]
    assert item.materials == (garment.with_suffix(".mhmat"),)


def test_the_key_changes_with_the_contents_and_not_with_the_place(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_garment(tmp_path / name / "clothes" / "vest")
    image = tmp_path / "c" / "clothes" / "vest" / "vest.png"
    image.write_bytes(b"another image")
    a, b, c = (only(read_pack(tmp_path / name)).key for name in ("a", "b", "c"))
    assert a == b != c


def test_a_single_folder_is_a_pack(garment: Path) -> None:
    assert only(read_pack(garment.parent)).name == "vest"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no such folder"):
        read_pack(tmp_path / "none")


def test_all_that_cannot_be_used_is_named(garment: Path) -> None:
    root = garment.parents[2]
    write_garment(root / "clothes" / "torn").write_text("name torn\nverts 0\n1 2 3 4\n")
    (root / "clothes" / "loose").mkdir()
    (root / "clothes" / "loose" / "loose.obj").write_text("v 0 0 0\n")
    (root / "clothes" / "loose" / "loose.mhmat").write_text("name loose\n")
    (root / "proxymeshes").mkdir()
    (root / "proxymeshes" / "low.proxy").write_text("name low\n")
    (root / "readme.txt").write_text("text")
    pack = read_pack(root)
    assert only(pack).name == "vest"
    reasons = {entry.name: entry.reason for entry in pack.unusable}
    assert set(reasons) == {
        "clothes/torn/vest.mhclo",
        "clothes/loose/loose.obj",
        "clothes/loose/loose.mhmat",
        "proxymeshes/low.proxy",
    }
    assert reasons["clothes/torn/vest.mhclo"].startswith("3: expected 3 finite")
    assert ".txt" in pack.others


def test_a_mesh_of_another_size_is_named(garment: Path) -> None:
    mesh = garment.with_suffix(".obj")
    mesh.write_text(mesh.read_text() + "v 9 9 9\n")
    pack = read_pack(garment.parent)
    assert not pack.items
    assert "binds 4 vertices, vest.obj has 5" in pack.unusable[0].reason


def test_names_that_do_not_match_are_forgiven(garment: Path) -> None:
    text = garment.read_text()
    garment.write_text(
        text.replace("vest.obj", "OTHER.OBJ").replace("vest.mhmat", "C:\\me\\VEST.mhmat")
    )
    material = garment.with_suffix(".mhmat")
    material.write_text(material.read_text().replace("vest.png", "Textures\\VEST.PNG"))
    garment.with_suffix(".png").rename(garment.with_suffix(".JPG"))
    item = only(read_pack(garment.parents[2]))
    assert item.image is not None
    assert item.image.name == "vest.JPG"
    assert item.materials[0].name == "vest.mhmat"


def test_a_missing_image_is_noted_and_the_garment_worn(garment: Path) -> None:
    garment.with_suffix(".png").unlink()
    pack = read_pack(garment.parents[2])
    assert only(pack).image is None
    assert [note.reason for note in pack.notes] == ["its image 'vest.png' is missing"]


@pytest.mark.parametrize("name", ["../../../secret.obj", "..\\..\\..\\secret.obj"])
def test_a_file_outside_of_the_pack_is_not_touched(garment: Path, name: str) -> None:
    (garment.parents[3] / "secret.obj").write_text("v 0 0 0\n")
    garment.write_text(garment.read_text().replace("obj_file vest.obj", f"obj_file {name}"))
    pack = read_pack(garment.parents[2])
    assert not pack.items
    assert "outside of the pack" in pack.unusable[0].reason


def test_an_absolute_name_is_looked_for_beside_the_garment_only(garment: Path) -> None:
    secret = garment.parents[3] / "secret.obj"
    secret.write_text("v 0 0 0\n")
    garment.write_text(garment.read_text().replace("obj_file vest.obj", f"obj_file {secret}"))
    assert secret not in only(read_pack(garment.parents[2])).files


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_leave_the_pack_are_named(garment: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_garment(outside, "far")
    (garment.parents[1] / "linked").symlink_to(outside)
    garment.with_suffix(".obj").unlink()
    garment.with_suffix(".obj").symlink_to(outside / "far.obj")
    pack = read_pack(garment.parents[2])
    assert not pack.items
    reasons = " ".join(entry.reason for entry in pack.unusable)
    assert "a link to a folder" in reasons
    assert "a link that leads out of the pack" in reasons


def test_materials_beside_a_garment_are_its_variants(garment: Path) -> None:
    other = garment.parent / "red_vest.mhmat"
    other.write_text(garment.with_suffix(".mhmat").read_text())
    item = only(read_pack(garment.parents[2]))
    assert item.materials == (garment.with_suffix(".mhmat"), other)


def test_skins_and_eyes_are_items(tmp_path: Path) -> None:
    folder = tmp_path / "skins" / "pale"
    folder.mkdir(parents=True)
    (folder / "pale.mhmat").write_text("name copied\ndiffuseTexture ../textures/pale.png\n")
    (tmp_path / "skins" / "textures").mkdir()
    (tmp_path / "skins" / "textures" / "pale.png").write_bytes(b"image")
    (tmp_path / "eyes").mkdir()
    (tmp_path / "eyes" / "green.png").write_bytes(b"image")
    eyes, skin = sorted(read_pack(tmp_path).items, key=lambda item: item.kind)
    assert (skin.kind, skin.name) == ("skin", "pale")
    assert skin.image is not None
    assert skin.image.name == "pale.png"
    assert (eyes.kind, eyes.image) == ("eyes", tmp_path / "eyes" / "green.png")


@pytest.mark.parametrize(
    ("file", "text", "licence"),
    [
        ("LICENSE.CC0.txt", "any", "CC0-1.0"),
        ("licence.txt", "Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("LICENCES.md", "| item | licence |\n|---|---|\n| vest | CC BY 3.0 | Ann |", "CC-BY-3.0"),
        ("README", "Clothes for everybody", ""),
    ],
)
def test_licences_beside_the_files(garment: Path, file: str, text: str, licence: str) -> None:
    path = garment.parents[2] / file
    path.write_text(text)
    item = only(read_pack(garment.parents[2]))
    assert item.licence == licence
    assert item.evidence == (path if licence else None)


def test_a_licence_in_the_head_counts_first(garment: Path) -> None:
    (garment.parent / "LICENSE.CC0.txt").write_text("")
    garment.write_text("# license: AGPL3\n" + garment.read_text())
    item = only(read_pack(garment.parents[2]))
    assert (item.licence, item.evidence) == ("AGPL-3.0", garment)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("CC0", "CC0-1.0"),
        ("CC BY 3.0 (see also https://creativecommons.org/licenses/by/3.0/)", "CC-BY-3.0"),
        ("CCBY", "CC-BY"),
        ("CC-BY-SA 4.0", "CC-BY-SA-4.0"),
        ("CC BY-NC 4.0", "CC-BY-NC-4.0"),
        ("AGPL3", "AGPL-3.0"),
        ("ask me", "ask me"),
    ],
)
def test_licences_have_one_name(text: str, licence: str) -> None:
    assert known_licence(text) == licence


@pytest.mark.parametrize(
    ("path", "tags", "kind"),
    [
        ("clothes/WinterBoots/WinterBoots.mhclo", (), "shoes"),
        ("clothes/x/x.mhclo", ("Hats",), "hat"),
        ("clothes/glasses/glasses.mhclo", (), "accessory"),
        ("clothes/Fishing_Hat_01/a.mhclo", (), "hat"),
        ("hair/cap_hair/cap.mhclo", (), "hair"),
        ("asset packs/hair01/hair/bob/bob.mhclo", (), "hair"),
        ("x/JeansSkirt.mhclo", (), "clothes"),
        ("Eyelashes/l/l.mhclo", (), "eyelashes"),
    ],
)
def test_kinds(path: str, tags: tuple[str, ...], kind: str) -> None:
    assert kind_of(Path("/packs") / path, tags, Path(path).stem) == kind


@pytest.mark.parametrize(
    ("tags", "name", "gender"),
    [
        (("Female", "Casual"), "suit", "female"),
        ((), "F_Dress_01", "female"),
        ((), "male_suit", "male"),
        (("Male", "Female"), "suit", ""),
    ],
)
def test_genders(tags: tuple[str, ...], name: str, gender: str) -> None:
    assert gender_of(tags, name) == gender
